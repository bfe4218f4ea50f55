// SPDX-License-Identifier: GPL-2.0
/*
 * A QEMU plugin that counts the guest's executed instructions by address, between the
 * markers PROFILE_MARK_BEGIN and PROFILE_MARK_END (profile.h), which the guest executes.
 *
 * Arguments: out=FILE.  Writes a line "window N" for each pair of markers, followed by a
 * line for each executed instruction: its address, and how often it was executed.
 *
 * QEMU's header is not packaged; the declarations used here are stable (version 1).
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../profile.h"

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum { QEMU_PLUGIN_CB_NO_REGS };
enum { QEMU_PLUGIN_INLINE_ADD_U64 };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
		void (*cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
		void (*cb)(unsigned int cpu, void *data), int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
		int op, void *counter, uint64_t add);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

/* Maximum number of addresses; each instruction is counted, as a block may be left early. */
#define ADDRESSES	(1 << 21)

/* A hash table, as the same address is translated repeatedly. */
static struct count {
	uint64_t address;
	uint64_t executed;
} counts[ADDRESSES];
static size_t address_cnt;

static FILE *out;
static int window;

static struct count *count_find(uint64_t address)
{
	size_t i = address * 0x9e3779b97f4a7c15 >> 44;

	while (counts[i].address && counts[i].address != address)
		i = (i + 1) % ADDRESSES;
	if (!counts[i].address && ++address_cnt > ADDRESSES * 3 / 4) {
		fprintf(stderr, "profile: more addresses were executed than ADDRESSES.\n");
		abort();
	}
	counts[i].address = address;
	return &counts[i];
}

static void begin(unsigned int cpu, void *data)
{
	size_t i;

	(void)cpu;
	(void)data;
	for (i = 0; i < ADDRESSES; i++)
		counts[i].executed = 0;
}

static void end(unsigned int cpu, void *data)
{
	size_t i;

	(void)cpu;
	(void)data;
	fprintf(out, "window %d\n", window++);
	for (i = 0; i < ADDRESSES; i++)
		if (counts[i].executed)
			fprintf(out, "%016" PRIx64 " %" PRIu64 "\n", counts[i].address,
				counts[i].executed);
	fflush(out);
}

static bool is_mark(const struct qemu_plugin_insn *insn, const char *mark)
{
	return qemu_plugin_insn_size(insn) == PROFILE_MARK_LEN &&
	       !memcmp(qemu_plugin_insn_data(insn), mark, PROFILE_MARK_LEN);
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i;

	(void)id;
	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		struct count *count = count_find(qemu_plugin_insn_vaddr(insn));

		qemu_plugin_register_vcpu_insn_exec_inline(insn,
			QEMU_PLUGIN_INLINE_ADD_U64, &count->executed, 1);
		if (is_mark(insn, PROFILE_MARK_BEGIN))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, begin,
				QEMU_PLUGIN_CB_NO_REGS, NULL);
		else if (is_mark(insn, PROFILE_MARK_END))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, end,
				QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "profile: the only argument is out=FILE.\n");
		return -1;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		perror(argv[0] + 4);
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
