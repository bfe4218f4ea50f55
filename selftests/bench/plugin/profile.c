// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU that counts the guest's instructions by where they are, while the
 * guest says so: it executes PROFILE_BEGIN and PROFILE_END (bench.h), which do nothing.
 *
 * Arguments: out=FILE.  For each time between the two, a line "window N", and then one
 * for each piece of code that was executed: its address, and how many instructions.
 *
 * QEMU's header is not packaged; what of it is used here is stable (its version 1).
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

/* Instructions of which each is counted by itself: what they begin may stop midway. */
#define ADDRESSES	(1 << 21)

/* A hash table: an address is translated again and again. */
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
		fprintf(stderr, "profile: the guest has more code than ADDRESSES says.\n");
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
		fprintf(stderr, "profile: it takes one argument, out=FILE.\n");
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
