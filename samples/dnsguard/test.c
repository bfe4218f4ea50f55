// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * dnsguard-test: does the program classify queries correctly?
 *
 * Prints TAP.  Executes it in the kernel, or with -u in user space.  With -m prints the
 * malformed queries instead, as input for "dnsperf -B".
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../common.h"
#include "../test.h"
#include "queries.h"
#include "question.h"

#define DAMAGED		3000		/* random queries to try */
#define PAYLOAD_MAX	512

SAMPLE(dnsguard_sample, dnsguard)

static const char *const outcome_names[] = { "good", "unwanted", "malformed" };

static struct vnp_program *prog;
static struct vnp_map *counts;
static struct question good[sizeof(allowed) / sizeof(allowed[0])];

static void die(const char *what)
{
	exit(test_bail_out(what));
}

static void load(__u32 flags)
{
	struct vnp_load_opts opts = { .sz = sizeof(opts), .flags = flags };
	const struct sample sample = dnsguard_sample();
	struct vnp_object *obj;
	__u64 passed = 0;

	if (sample_open(&sample, &obj) || vnp_object_load(obj, &opts))
		die("the program cannot be loaded");
	prog = vnp_object_find_program(obj, "dnsguard");
	counts = vnp_object_find_map(obj, "counts");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (question_parse(&good[i], allowed[i]) ||
		    vnp_map_update(vnp_object_find_map(obj, "allowed"), &good[i],
				   &passed, VNP_MAP_NOEXIST))
			die(allowed[i]);
	}
}

/* The program's counter for @outcome, on all CPUs */
static __u64 count_read(__u32 outcome)
{
	size_t cpus = vnp_map_value_len(counts) / sizeof(__u64);
	__u64 values[cpus], sum = 0;

	if (vnp_map_lookup(counts, &outcome, values))
		die("a counter cannot be read");
	while (cpus--)
		sum += values[cpus];
	return sum;
}

/*
 * Execute the program on a datagram of which the first @direct bytes can be read
 * directly; all if 0.  Prints what is wrong, if anything.
 */
static int run(const void *data, size_t len, size_t direct, enum outcome expect)
{
	struct vnp_run_opts opts = {
		.sz = sizeof(opts),
		.data_in = data,
		.data_in_len = len,
		.direct_len = direct,
	};
	__u64 before = count_read(expect);
	__u64 verdict = expect == GOOD ? VNP_PASS : VNP_DROP;

	if (vnp_program_run(prog, &opts))
		die("the program cannot be executed");
	if (!opts.fault && opts.retval == verdict &&
	    count_read(expect) == before + 1)
		return 1;
	printf("# expected %s; fault %u at instruction %u, verdict %llu\n",
	       outcome_names[expect], opts.fault, opts.fault_insn,
	       (unsigned long long)opts.retval);
	return 0;
}

static void test_queries(void)
{
	char text[128];

	for (const struct query *q = queries; q < queries + QUERIES; q++) {
		snprintf(text, sizeof(text), "%s: %s", outcome_names[q->expect],
			 q->what);
		report(run(q->bytes, q->len, 0, q->expect) &&
		       run(q->bytes, q->len, 1, q->expect) &&
		       run(q->bytes, q->len, (q->len + 1) / 2, q->expect), text);
	}
	report(run(NULL, 0, 0, MALFORMED), "malformed: nothing");
}

static void test_cut(void)
{
	int ok = 1;

	for (const struct query *q = queries; q < queries + QUERIES; q++)
		for (size_t len = 1; q->expect == GOOD && len < q->len; len++)
			ok &= run(q->bytes, len, 0, MALFORMED);
	report(ok, "malformed: every well-formed query, truncated anywhere");
}

static void test_big(void)
{
	static char big[65507];
	int ok;

	memcpy(big, queries[0].bytes, queries[0].len);
	ok = run(big, sizeof(big), 0, MALFORMED);
	memset(big + 12, 1, sizeof(big) - 12);
	ok &= run(big, sizeof(big), 100, MALFORMED);
	report(ok, "malformed: the longest datagrams");
}

/* An independent implementation of the program. */

static __u32 be16(const __u8 *p)
{
	return p[0] << 8 | p[1];
}

static size_t name_end(const __u8 *p, size_t len)
{
	size_t i = 12;

	while (i < len && p[i] && p[i] <= 63)
		i += 1 + p[i];
	return i < len && !p[i] && i + 1 - 12 <= 255 ? i + 1 : 0;
}

static int edns_fits(const __u8 *p, size_t len)
{
	static const __u8 root_opt[] = { 0, 0, 41 };

	return len >= 11 && !memcmp(p, root_opt, 3) && len == 11 + be16(p + 9);
}

static enum outcome reference(const __u8 *p, size_t len)
{
	struct question q = {};
	size_t end;

	if (len < 12 || p[2] >> 3 || be16(p + 4) != 1 || be16(p + 6) || be16(p + 8))
		return MALFORMED;
	end = name_end(p, len);
	if (!end || end + 4 > len)
		return MALFORMED;
	if (be16(p + 10) == 0 ? end + 4 != len :
	    be16(p + 10) != 1 || !edns_fits(p + end + 4, len - end - 4))
		return MALFORMED;
	q.type = be16(p + end);
	for (size_t i = 12; i < end; i++)
		q.name[i - 12] = tolower(p[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (be16(p + end + 2) == 1 && !memcmp(&q, &good[i], sizeof(q)))
			return GOOD;
	return UNWANTED;
}

/* Change a few bytes, and sometimes the length. */
static size_t damage(__u8 *p, const struct query *q)
{
	size_t len = q->len;

	memset(p, 0, PAYLOAD_MAX);
	memcpy(p, q->bytes, len);
	if (random() % 4 == 0)
		len = 1 + random() % (len + 8);
	for (long n = random() % 4; n > 0; n--)
		p[random() % len] = random() % 2 ? random() : random() % 16;
	return len;
}

static void test_damaged(void)
{
	const struct query *q;
	__u8 data[PAYLOAD_MAX];
	int ok = 1;
	size_t len;

	srandom(1);
	for (int i = 0; i < DAMAGED && ok; i++) {
		q = &queries[random() % QUERIES];
		len = damage(data, q);
		ok = run(data, len, random() % len, reference(data, len));
		if (!ok)
			printf("# query %d, made of: %s\n", i, q->what);
	}
	report(ok, "random changes, with the same results as the reference");
}

/* Print each query after its length, as in DNS over TCP. */
static void malformed_print(void)
{
	for (const struct query *q = queries; q < queries + QUERIES; q++) {
		if (q->expect != MALFORMED)
			continue;
		putchar(q->len >> 8);
		putchar(q->len & 0xff);
		fwrite(q->bytes, q->len, 1, stdout);
	}
}

int main(int argc, char **argv)
{
	const char *option = argc > 1 ? argv[1] : "";

	if (!strcmp(option, "-m")) {
		malformed_print();
		return 0;
	}
	if (argc > 1 && strcmp(option, "-u")) {
		fprintf(stderr, "usage: dnsguard-test [-u | -m]\n");
		return 2;
	}
	if (argc == 1 && access(VNP_DEVICE, F_OK))
		return test_skip_all("no " VNP_DEVICE);
	test_plan(QUERIES + 4);
	load(argc > 1 ? VNP_LOAD_F_USER : 0);
	test_queries();
	test_cut();
	test_big();
	test_damaged();
	return test_status();
}
