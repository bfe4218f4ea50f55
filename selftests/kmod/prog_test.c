// SPDX-License-Identifier: GPL-2.0
/*
 * Programs: every field of VNP_PROG_LOAD, the verifier's report, VNP_PROG_INFO and
 * VNP_PROG_DUMP, and test executions.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include "harness.h"
#include "insn.h"
#include "object.h"
#include "../progs/faults.h"

static const struct bpf_insn pass[] = {
	MOV_IMM(R0, VNP_PASS),
	EXIT(),
};

/* Refused: R2 was never set. */
static const struct bpf_insn refused[] = {
	MOV_REG(R0, R2),
	EXIT(),
};

FIXTURE(load) {
	int dev;
	struct map map;
	struct vnp_prog_load attr;
	char log[4096];
};

FIXTURE_SETUP(load)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_OK(map_create(self->dev, &self->map, VNP_MAP_ARRAY, 4, 8, 1, 0));
	self->attr = prog_attr(pass, ARRAY_SIZE(pass));
}

FIXTURE_TEARDOWN(load)
{
}

static int load(int dev, struct vnp_prog_load *attr)
{
	return do_ioctl(dev, VNP_PROG_LOAD, attr);
}

#define EXPECT_LOAD(expected)	EXPECT_EQ(expected, load(self->dev, &self->attr))

/* with_log() - request the verifier's report */
static void with_log(struct vnp_prog_load *attr, void *log, __u32 size)
{
	attr->log_buf = (uintptr_t)log;
	attr->log_size = size;
	attr->log_level = VNP_LOG_NORMAL;
}

TEST_F(load, type)
{
	const __u32 types[] = { 0, VNP_PROG_MESSAGE + 1, 63, 64, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		self->attr.type = types[i];
		EXPECT_LOAD(-EINVAL);
	}
}

TEST_F(load, insn_cnt)
{
	struct vnp_feature f = { .size = sizeof(f) };

	ASSERT_EQ(0, vnp_feature_get(&f, NULL));
	const __u32 counts[] = { 0, f.insn_max + 1, INT32_MAX, UINT32_MAX,
				 1U << 29, (1U << 29) + 2 };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		self->attr.insn_cnt = counts[i];
		EXPECT_LOAD(-EINVAL) {
			TH_LOG("insn_cnt %u", counts[i]);
		}
	}
}

TEST_F(load, largest_program)
{
	struct vnp_feature f = { .size = sizeof(f) };
	struct bpf_insn *insns;
	__u32 i;

	ASSERT_EQ(0, vnp_feature_get(&f, NULL));
	insns = calloc(f.insn_max, sizeof(*insns));
	ASSERT_NE(NULL, insns);
	for (i = 0; i < f.insn_max - 1; i++)
		insns[i] = ALU64_IMM(BPF_MOV, R0, VNP_PASS);
	insns[i] = EXIT();
	self->attr = prog_attr(insns, f.insn_max);
	EXPECT_OK(load(self->dev, &self->attr));
	free(insns);
}

TEST_F(load, insns_pointer)
{
	struct bpf_insn *edge = edge_of_page(sizeof(pass));
	const __u64 pointers[] = {
		0, (uintptr_t)UNMAPPED, (uintptr_t)KERNEL_ADDRESS, -8ULL,
		(uintptr_t)map_page(PROT_NONE), (uintptr_t)(edge + 1),
	};

	memcpy(edge, pass, sizeof(pass));
	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
		self->attr.insns = pointers[i];
		EXPECT_LOAD(-EFAULT);
	}
	self->attr.insns = (uintptr_t)edge;
	EXPECT_OK(load(self->dev, &self->attr));
}

TEST_F(load, map_cnt)
{
	struct vnp_feature f = { .size = sizeof(f) };

	ASSERT_EQ(0, vnp_feature_get(&f, NULL));
	const __u32 counts[] = { f.map_max + 1, 1U << 30, UINT32_MAX };

	self->attr.map_fds = (uintptr_t)&self->map.fd;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		self->attr.map_cnt = counts[i];
		EXPECT_LOAD(-EINVAL);
	}
}

TEST_F(load, map_fds_pointer)
{
	const __u64 pointers[] = {
		0, (uintptr_t)UNMAPPED, (uintptr_t)KERNEL_ADDRESS,
		(uintptr_t)edge_of_page(3),
	};

	self->attr.map_cnt = 1;
	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
		self->attr.map_fds = pointers[i];
		EXPECT_LOAD(-EFAULT);
	}
}

TEST_F(load, map_fds_of_another_kind)
{
	const int fds[] = {
		-1, 1000, INT32_MAX, INT32_MIN, self->dev,
		prog_verdict(self->dev, VNP_PASS), udp_socket("127.0.0.1", 0),
	};
	int two[2] = { self->map.fd };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		two[1] = fds[i];
		self->attr.map_fds = (uintptr_t)two;
		self->attr.map_cnt = 2;
		EXPECT_LOAD(-EBADF);
	}
}

/* A map may be in the list more than once. */
TEST_F(load, map_named_twice)
{
	struct vnp_feature f = { .size = sizeof(f) };
	int fds[1024];

	ASSERT_EQ(0, vnp_feature_get(&f, NULL));
	ASSERT_GE(1024, f.map_max);
	for (size_t i = 0; i < f.map_max; i++)
		fds[i] = self->map.fd;
	self->attr.map_fds = (uintptr_t)fds;
	self->attr.map_cnt = f.map_max;
	EXPECT_OK(load(self->dev, &self->attr));
}

/* An instruction names a map that is not in the list. */
TEST_F(load, map_index)
{
	struct bpf_insn insns[] = { LD_MAP(R1, 0), MOV_IMM(R0, 0), EXIT() };
	const __s32 indices[] = { 1, 2, 1000000, -1, INT32_MIN };

	self->attr = prog_attr(insns, ARRAY_SIZE(insns));
	self->attr.map_fds = (uintptr_t)&self->map.fd;
	self->attr.map_cnt = 1;
	EXPECT_OK(load(self->dev, &self->attr));
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		insns[0].imm = indices[i];
		EXPECT_LOAD(-EACCES);
	}
}

/* The address of a byte in an array's value, and of one outside. */
TEST_F(load, value_offset)
{
	struct bpf_insn insns[] = { LD_VALUE(R1, 0, 0), MOV_IMM(R0, 0), EXIT() };

	self->attr = prog_attr(insns, ARRAY_SIZE(insns));
	self->attr.map_fds = (uintptr_t)&self->map.fd;
	self->attr.map_cnt = 1;
	EXPECT_OK(load(self->dev, &self->attr));
	insns[1].imm = 7;
	EXPECT_OK(load(self->dev, &self->attr));
	insns[1].imm = -1;
	EXPECT_LOAD(-EACCES);
	insns[1].imm = 1 << 20;
	EXPECT_LOAD(-EACCES);
}

/* Values have a fixed address only in an array of one entry. */
TEST_F(load, value_of_other_maps)
{
	const struct bpf_insn insns[] = { LD_VALUE(R1, 0, 0), MOV_IMM(R0, 0), EXIT() };
	struct map maps[3];

	ASSERT_OK(map_create(self->dev, &maps[0], VNP_MAP_HASH, 4, 8, 1, 0));
	ASSERT_OK(map_create(self->dev, &maps[1], VNP_MAP_PERCPU_ARRAY, 4, 8, 1, 0));
	ASSERT_OK(map_create(self->dev, &maps[2], VNP_MAP_ARRAY, 4, 8, 2, 0));
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		EXPECT_EQ(-EACCES, PROG_LOAD_MAP(self->dev, insns, &maps[i]));
}

TEST_F(load, budget)
{
	struct vnp_feature f = { .size = sizeof(f) };

	ASSERT_EQ(0, vnp_feature_get(&f, NULL));
	self->attr.budget = f.budget_max;
	EXPECT_OK(load(self->dev, &self->attr));
	/* exactly the cost of the two instructions, and less */
	self->attr.budget = 2;
	EXPECT_OK(load(self->dev, &self->attr));
	self->attr.budget = 1;
	EXPECT_LOAD(-EACCES);
	self->attr.budget = f.budget_max + 1;
	if (as_root()) {
		EXPECT_OK(load(self->dev, &self->attr));
	} else {
		EXPECT_LOAD(-EPERM);
	}
}

/* lines() - valid line info for two instructions */
static void lines(struct vnp_prog_load *attr, struct vnp_line_info *line)
{
	static const char strings[] = "\0file.c\0return 1;";

	line[0] = (struct vnp_line_info) { 0, 1, 8, 10 << 10 | 3 };
	line[1] = (struct vnp_line_info) { 1, 1, 8, 11 << 10 | 3 };
	attr->line_info = (uintptr_t)line;
	attr->line_info_cnt = 2;
	attr->strings = (uintptr_t)strings;
	attr->strings_len = sizeof(strings);
}

TEST_F(load, line_info)
{
	struct vnp_line_info line[2];

	lines(&self->attr, line);
	EXPECT_OK(load(self->dev, &self->attr));
	line[1].insn_off = 2;		/* beyond the end */
	EXPECT_LOAD(-EINVAL);
	line[1].insn_off = 0;		/* not ascending */
	EXPECT_LOAD(-EINVAL);
	lines(&self->attr, line);
	line[1].file_off = 18;		/* beyond the strings */
	EXPECT_LOAD(-EINVAL);
	lines(&self->attr, line);
	line[0].text_off = UINT32_MAX;
	EXPECT_LOAD(-EINVAL);
}

TEST_F(load, strings)
{
	struct vnp_line_info line[2];

	lines(&self->attr, line);
	self->attr.strings_len--;	/* does not end with NUL */
	EXPECT_LOAD(-EINVAL);
	self->attr.strings_len = 0;
	EXPECT_LOAD(-EINVAL);
	self->attr.strings_len = UINT32_MAX;
	EXPECT_LOAD(-EINVAL);
	lines(&self->attr, line);
	self->attr.strings = 0;
	EXPECT_LOAD(-EFAULT);
	self->attr.strings = (uintptr_t)KERNEL_ADDRESS;
	EXPECT_LOAD(-EFAULT);
}

TEST_F(load, line_info_pointer)
{
	struct vnp_line_info line[2];

	lines(&self->attr, line);
	self->attr.line_info = 0;
	EXPECT_LOAD(-EFAULT);
	self->attr.line_info = (uintptr_t)UNMAPPED;
	EXPECT_LOAD(-EFAULT);
	lines(&self->attr, line);
	self->attr.line_info_cnt = UINT32_MAX;
	EXPECT_LOAD(-EINVAL);
	self->attr.line_info_cnt = 3;	/* more than there are instructions */
	EXPECT_LOAD(-EINVAL);
}

TEST_F(load, names)
{
	static const char *const good[] = {
		"", "a", "fifteen-letters", "A.b_c-9",
	};
	static const char *const bad[] = {
		"a b", "a/b", "a\n", "\x7f", "\xc3\xa4", "a%", "a:b", "\x01",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		memset(self->attr.name, 0, VNP_NAME_LEN);
		strcpy(self->attr.name, good[i]);
		EXPECT_OK(load(self->dev, &self->attr));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(self->attr.name, 0, VNP_NAME_LEN);
		strcpy(self->attr.name, bad[i]);
		EXPECT_LOAD(-EINVAL);
	}
}

TEST_F(load, name_not_terminated)
{
	memset(self->attr.name, 'a', VNP_NAME_LEN);
	EXPECT_LOAD(-EINVAL);
	memset(self->attr.name, 0, VNP_NAME_LEN);
	strcpy(self->attr.name, "name");
	self->attr.name[5] = 'x';	/* after the NUL */
	EXPECT_LOAD(-EINVAL);
	self->attr.name[5] = 0;
	self->attr.name[VNP_NAME_LEN - 1] = 'x';
	EXPECT_LOAD(-EINVAL);
}

TEST_F(load, log_arguments)
{
	with_log(&self->attr, self->log, sizeof(self->log));
	self->attr.log_level = VNP_LOG_QUIET;	/* a buffer, but nothing to report */
	EXPECT_LOAD(-EINVAL);
	self->attr.log_level = VNP_LOG_STATES + 1;
	EXPECT_LOAD(-EINVAL);
	self->attr.log_level = UINT32_MAX;
	EXPECT_LOAD(-EINVAL);
	with_log(&self->attr, NULL, sizeof(self->log));
	EXPECT_LOAD(-EINVAL);
	with_log(&self->attr, UNMAPPED, sizeof(self->log));
	EXPECT_LOAD(-EFAULT);
	with_log(&self->attr, KERNEL_ADDRESS, sizeof(self->log));
	EXPECT_LOAD(-EFAULT);
}

/* If the report cannot be written no program is created. */
TEST_F(load, log_cannot_be_written)
{
	int fds = fd_count(), progs = obj_count(self->dev, VNP_OBJ_PROG);

	with_log(&self->attr, map_page(PROT_READ), 4096);
	EXPECT_LOAD(-EFAULT);
	EXPECT_EQ(fds, fd_count());
	EXPECT_EQ(progs, obj_count(self->dev, VNP_OBJ_PROG));
}

TEST_F(load, report_of_a_refusal)
{
	struct vnp_line_info line[2];

	self->attr = prog_attr(refused, ARRAY_SIZE(refused));
	lines(&self->attr, line);
	with_log(&self->attr, self->log, sizeof(self->log));
	EXPECT_LOAD(-EACCES);
	EXPECT_EQ(strlen(self->log) + 1, self->attr.log_len);
	EXPECT_NE(NULL, strstr(self->log, "insn 0 (file.c:10): "));
	EXPECT_NE(NULL, strstr(self->log, "return 1;"));
	EXPECT_NE(NULL, strstr(self->log, "r0 = r2"));
}

/* A short buffer truncates the report, which is still terminated and has its length. */
TEST_F(load, report_is_cut)
{
	char whole[4096];
	__u32 len;

	self->attr = prog_attr(refused, ARRAY_SIZE(refused));
	with_log(&self->attr, whole, sizeof(whole));
	ASSERT_EQ(-EACCES, load(self->dev, &self->attr));
	len = self->attr.log_len;
	ASSERT_LT(20, len);

	for (__u32 size = 1; size <= len + 1; size++) {
		__u32 copied = size < len ? size : len;

		memset(self->log, 0x55, sizeof(self->log));
		with_log(&self->attr, self->log, size);
		self->attr.log_len = 0;
		ASSERT_EQ(-EACCES, load(self->dev, &self->attr));
		EXPECT_EQ(len, self->attr.log_len);
		EXPECT_MEM(whole, self->log, copied - 1);
		EXPECT_EQ('\0', self->log[copied - 1]);
		EXPECT_EQ(0x55, self->log[copied]);
	}
}

/* Only the length is requested. */
TEST_F(load, report_without_a_buffer)
{
	self->attr = prog_attr(refused, ARRAY_SIZE(refused));
	self->attr.log_level = VNP_LOG_NORMAL;
	EXPECT_LOAD(-EACCES);
	EXPECT_LT(20, self->attr.log_len);
}

TEST_F(load, report_of_states_is_longer)
{
	__u32 normal;

	with_log(&self->attr, self->log, sizeof(self->log));
	ASSERT_OK(load(self->dev, &self->attr));
	normal = self->attr.log_len;
	EXPECT_EQ(strlen(self->log) + 1, normal);
	self->attr.log_level = VNP_LOG_STATES;
	ASSERT_OK(load(self->dev, &self->attr));
	EXPECT_LT(normal, self->attr.log_len);
}

/* A large buffer is accepted, one as large as memory is an error. */
TEST_F(load, log_size)
{
	with_log(&self->attr, self->log, 16 << 20);
	EXPECT_OK(load(self->dev, &self->attr));
	EXPECT_EQ(strlen(self->log) + 1, self->attr.log_len);
	with_log(&self->attr, self->log, UINT32_MAX);
	EXPECT_LOAD(-EINVAL);
}

FIXTURE(info) {
	int dev;
	struct map map;
	struct vnp_line_info line[2];
	struct vnp_prog_load attr;
	__u64 before;
	int fd;
	struct vnp_prog_info info;
};

/* Loads a word of the map and returns; 5 instructions in 6 places. */
static const struct bpf_insn reads_map[] = {
	LD_VALUE(R1, 0, 0),
	LDX(BPF_W, R0, R1, 0),
	ALU64_IMM(BPF_AND, R0, 1),
	EXIT(),
};

FIXTURE_SETUP(info)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_OK(map_create(self->dev, &self->map, VNP_MAP_ARRAY, 4, 8, 1, 0));
	self->attr = prog_attr(reads_map, ARRAY_SIZE(reads_map));
	self->attr.map_fds = (uintptr_t)&self->map.fd;
	self->attr.map_cnt = 1;
	self->attr.budget = 1234;
	strcpy(self->attr.name, "reads.map");
	lines(&self->attr, self->line);
	self->line[1].insn_off = 2;
	self->before = clock_ns(CLOCK_BOOTTIME);
	self->fd = load(self->dev, &self->attr);
	ASSERT_OK(self->fd);
	ASSERT_EQ(0, prog_info(self->fd, &self->info));
}

FIXTURE_TEARDOWN(info)
{
}

TEST_F(info, fields)
{
	__u64 now = clock_ns(CLOCK_BOOTTIME);

	EXPECT_EQ(sizeof(self->info), self->info.size);
	EXPECT_NE(0, self->info.id);
	EXPECT_EQ(VNP_PROG_DATAGRAM, self->info.type);
	EXPECT_EQ(geteuid(), self->info.uid);
	EXPECT_EQ(ARRAY_SIZE(reads_map), self->info.insn_cnt);
	EXPECT_LE(4, self->info.lowered_cnt);
	EXPECT_LT(0, self->info.jited_len);
	EXPECT_EQ(1234, self->info.budget);
	EXPECT_EQ(!as_root(), self->info.hardened);
	EXPECT_EQ(1, self->info.access_cnt);
	EXPECT_EQ(0, self->info.guard_cnt);
	EXPECT_EQ(0, self->info.loop_cnt);
	EXPECT_EQ(1, self->info.map_cnt);
	EXPECT_GE(now, self->info.load_time);
	EXPECT_LE(self->before, self->info.load_time);
	EXPECT_LT(0, self->info.verify_ns);
	EXPECT_STREQ("reads.map", self->info.name);
}

/* Equal instructions have equal tags, others do not; ids are unique. */
TEST_F(info, id_and_tag)
{
	struct vnp_prog_info same, other;

	ASSERT_EQ(0, prog_info(load(self->dev, &self->attr), &same));
	ASSERT_EQ(0, prog_info(prog_verdict(self->dev, 0), &other));
	EXPECT_MEM(self->info.tag, same.tag, sizeof(same.tag));
	EXPECT_NE(-1, mem_differ(self->info.tag, other.tag, sizeof(other.tag)));
	EXPECT_NE(self->info.id, same.id);
	EXPECT_NE(self->info.id, other.id);
}

static int dump(int fd, __u32 what, void *buf, __u32 *len)
{
	struct vnp_prog_dump attr = {
		.size = sizeof(attr),
		.what = what,
		.buf = (uintptr_t)buf,
		.len = *len,
	};
	int err = do_ioctl(fd, VNP_PROG_DUMP, &attr);

	*len = attr.len;
	return err;
}

/* A program opened by its id is dumped as loaded, byte for byte. */
TEST_F(info, dump_is_what_was_loaded)
{
	int fd = obj_open(self->dev, VNP_OBJ_PROG, self->info.id);
	struct vnp_map_info map;
	__u8 buf[256];
	__u32 len = sizeof(buf);

	ASSERT_OK(fd);
	ASSERT_EQ(0, dump(fd, VNP_DUMP_INSNS, buf, &len));
	EXPECT_EQ(sizeof(reads_map), len);
	EXPECT_MEM(reads_map, buf, sizeof(reads_map));
	len = sizeof(buf);
	ASSERT_EQ(0, dump(fd, VNP_DUMP_LINE_INFO, buf, &len));
	EXPECT_EQ(sizeof(self->line), len);
	EXPECT_MEM(self->line, buf, sizeof(self->line));
	len = sizeof(buf);
	ASSERT_EQ(0, dump(fd, VNP_DUMP_STRINGS, buf, &len));
	EXPECT_EQ(self->attr.strings_len, len);
	EXPECT_MEM((void *)self->attr.strings, buf, len);
	len = sizeof(buf);
	ASSERT_EQ(0, dump(fd, VNP_DUMP_MAP_IDS, buf, &len));
	EXPECT_EQ(sizeof(__u32), len);
	ASSERT_EQ(0, map_info(&self->map, &map));
	EXPECT_EQ(map.id, *(__u32 *)buf);
}

/* The lowered program has no kernel address, and each instruction's origin. */
TEST_F(info, dump_lowered)
{
	struct vnp_lowered_insn insns[64];
	__u32 len = sizeof(insns), n, last = 0;

	ASSERT_EQ(0, dump(self->fd, VNP_DUMP_LOWERED, insns, &len));
	n = len / sizeof(insns[0]);
	ASSERT_EQ(self->info.lowered_cnt, n);
	ASSERT_GE(64, n);
	for (__u32 i = 0; i < n; i++) {
		EXPECT_LE(last, insns[i].origin);
		last = insns[i].origin;
		EXPECT_EQ(0, insns[i].guard);
		if (insns[i].code == (BPF_LD | BPF_DW | BPF_IMM)) {
			EXPECT_EQ(0, insns[i].imm);
			EXPECT_EQ(0, insns[i + 1].imm);
		}
	}
	EXPECT_EQ(ARRAY_SIZE(reads_map) - 1, last);
}

/* A short buffer gets what fits, and the full length. */
TEST_F(info, dump_is_cut)
{
	__u8 buf[sizeof(reads_map) + 1];

	for (__u32 size = 0; size <= sizeof(reads_map); size++) {
		__u32 len = size;

		memset(buf, 0x55, sizeof(buf));
		ASSERT_EQ(0, dump(self->fd, VNP_DUMP_INSNS, buf, &len));
		EXPECT_EQ(sizeof(reads_map), len);
		EXPECT_MEM(reads_map, buf, size);
		EXPECT_EQ(0x55, buf[size]);
	}
}

TEST_F(info, dump_arguments)
{
	const __u32 whats[] = { 0, VNP_DUMP_MAP_IDS + 1, UINT32_MAX };
	__u8 buf[64];
	__u32 len = sizeof(buf);

	for (size_t i = 0; i < ARRAY_SIZE(whats); i++)
		EXPECT_EQ(-EINVAL, dump(self->fd, whats[i], buf, &len));
	EXPECT_EQ(-EFAULT, dump(self->fd, VNP_DUMP_INSNS, NULL, &len));
	EXPECT_EQ(-EFAULT, dump(self->fd, VNP_DUMP_INSNS, KERNEL_ADDRESS, &len));
	EXPECT_EQ(-EFAULT, dump(self->fd, VNP_DUMP_INSNS, map_page(PROT_READ), &len));
	len = 0;
	EXPECT_EQ(0, dump(self->fd, VNP_DUMP_INSNS, NULL, &len));
	EXPECT_EQ(sizeof(reads_map), len);
}

FIXTURE(run) {
	int dev;
	struct vnp_object *obj;
	int invert;
	__u8 in[256];
	__u8 out[256];
	struct vnp_prog_run r;
};

FIXTURE_SETUP(run)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, object_load("bytes", &self->obj));
	self->invert = object_prog(self->obj, "invert");
	ASSERT_OK(self->invert);
	fill_random(self->in, sizeof(self->in), 1);
	self->r.data_out = (uintptr_t)self->out;
	self->r.data_out_len = sizeof(self->out);
}

FIXTURE_TEARDOWN(run)
{
	vnp_object_close(self->obj);
}

TEST_F(run, leaves_what_the_program_wrote)
{
	__u8 in[256];

	memcpy(in, self->in, sizeof(in));
	ASSERT_EQ(0, prog_run(self->invert, self->in, 256, &self->r));
	EXPECT_EQ(VNP_PASS, self->r.retval);
	EXPECT_EQ(VNP_FAULT_NONE, self->r.fault);
	EXPECT_EQ(256, self->r.data_out_len);
	for (int i = 0; i < 256; i++)
		EXPECT_EQ((__u8)~self->in[i], self->out[i]);
	EXPECT_MEM(in, self->in, 256);
}

/* All 64 bits, whatever they are. */
TEST_F(run, returns_all_bits)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_LD | BPF_DW | BPF_IMM, R0, 0, 0, 0x89abcdef),
		INSN(0, 0, 0, 0, 0xfedcba98),
		EXIT(),
	};
	int fd = PROG_LOAD(self->dev, insns);

	ASSERT_OK(fd);
	ASSERT_EQ(0, prog_run(fd, self->in, 1, &self->r));
	EXPECT_EQ(0xfedcba9889abcdefULL, self->r.retval);
}

TEST_F(run, data_in)
{
	self->r.data_out = 0;
	EXPECT_EQ(-EFAULT, prog_run(self->invert, NULL, 1, &self->r));
	EXPECT_EQ(-EFAULT, prog_run(self->invert, UNMAPPED, 1, &self->r));
	EXPECT_EQ(-EFAULT, prog_run(self->invert, KERNEL_ADDRESS, 1, &self->r));
	EXPECT_EQ(-EFAULT, prog_run(self->invert, edge_of_page(9), 10, &self->r));
	EXPECT_EQ(0, prog_run(self->invert, edge_of_page(10), 10, &self->r));
	EXPECT_EQ(-EINVAL, prog_run(self->invert, self->in, 65508, &self->r));
	EXPECT_EQ(-EINVAL, prog_run(self->invert, self->in, UINT32_MAX, &self->r));
}

TEST_F(run, longest_payload)
{
	__u8 *in = calloc(1, 65507), *out = calloc(1, 65507);

	fill_random(in, 65507, 2);
	self->r.data_out = (uintptr_t)out;
	self->r.data_out_len = 65507;
	ASSERT_EQ(0, prog_run(self->invert, in, 65507, &self->r));
	ASSERT_EQ(VNP_FAULT_NONE, self->r.fault);
	EXPECT_EQ(65507, self->r.data_out_len);
	for (int i = 0; i < 65507; i++)
		ASSERT_EQ((__u8)~in[i], out[i]);
	free(in);
	free(out);
}

TEST_F(run, no_payload)
{
	EXPECT_EQ(0, prog_run(self->invert, NULL, 0, &self->r));
	EXPECT_EQ(VNP_PASS, self->r.retval);
	EXPECT_EQ(0, self->r.data_out_len);
}

/* The payload is copied as far as it fits; its length is always returned. */
TEST_F(run, data_out_is_cut)
{
	for (__u32 len = 0; len <= 65; len++) {
		__u32 copied = len < 64 ? len : 64;

		memset(self->out, 0x55, sizeof(self->out));
		self->r.data_out_len = len;
		ASSERT_EQ(0, prog_run(self->invert, self->in, 64, &self->r));
		EXPECT_EQ(64, self->r.data_out_len);
		for (__u32 i = 0; i < copied; i++)
			EXPECT_EQ((__u8)~self->in[i], self->out[i]);
		EXPECT_EQ(0x55, self->out[copied]);
	}
}

TEST_F(run, data_out_pointer)
{
	self->r.data_out_len = 64;
	self->r.data_out = (uintptr_t)UNMAPPED;
	EXPECT_EQ(-EFAULT, prog_run(self->invert, self->in, 64, &self->r));
	self->r.data_out = (uintptr_t)map_page(PROT_READ);
	EXPECT_EQ(-EFAULT, prog_run(self->invert, self->in, 64, &self->r));
	self->r.data_out = (uintptr_t)KERNEL_ADDRESS;
	EXPECT_EQ(-EFAULT, prog_run(self->invert, self->in, 64, &self->r));
}

/* Each execution sees the changes of the previous one. */
TEST_F(run, repeat)
{
	const __u32 repeats[] = { 0, 1, 2, 3, 1000, 1001 };

	for (size_t i = 0; i < ARRAY_SIZE(repeats); i++) {
		const __u8 flip = !repeats[i] || repeats[i] & 1 ? 0xff : 0;

		self->r.repeat = repeats[i];
		self->r.data_out_len = sizeof(self->out);
		ASSERT_EQ(0, prog_run(self->invert, self->in, 16, &self->r));
		for (int j = 0; j < 16; j++)
			EXPECT_EQ(self->in[j] ^ flip, self->out[j]);
	}
	self->r.repeat = 1000001;
	EXPECT_EQ(-EINVAL, prog_run(self->invert, self->in, 16, &self->r));
	self->r.repeat = UINT32_MAX;
	EXPECT_EQ(-EINVAL, prog_run(self->invert, self->in, 16, &self->r));
}

/* The mean duration is plausible, however coarse the clock. */
TEST_F(run, duration)
{
	struct vnp_object *obj;
	__u64 start, elapsed;

	ASSERT_EQ(0, object_load("faults", &obj));
	self->r.repeat = 50;
	start = clock_ns(CLOCK_MONOTONIC);
	ASSERT_EQ(0, prog_run(object_prog(obj, "loop_for_ever"), self->in, 16,
			      &self->r));
	elapsed = clock_ns(CLOCK_MONOTONIC) - start;
	EXPECT_LT(0, self->r.ns);
	EXPECT_LE(self->r.ns * 50, elapsed);
	vnp_object_close(obj);
}

static void ignore(int sig)
{
}

/* run_for_ever() - a child in a test execution that takes hours; its program loops */
static pid_t run_for_ever(struct vnp_object *obj)
{
	const struct sigaction action = { .sa_handler = ignore };
	struct traces *traces = object_globals(obj, ".bss");
	struct vnp_prog_run r = { .repeat = 1000000 };
	int forever = object_prog(obj, "loop_for_ever");
	__u8 in = 0;
	pid_t child;

	if (!traces || forever < 0)
		return -1;
	child = fork();
	if (!child) {
		sigaction(SIGUSR1, &action, NULL);
		_exit(-prog_run(forever, &in, 1, &r));
	}
	while (!traces->iterations)
		sched_yield();
	return child;
}

/* A signal, even one with a handler, ends a long execution. */
TEST_F(run, signal_ends_it)
{
	struct vnp_object *obj;
	pid_t child;

	ASSERT_EQ(0, object_load("faults", &obj));
	child = run_for_ever(obj);
	ASSERT_LT(0, child);
	ASSERT_EQ(0, kill(child, SIGUSR1));
	EXPECT_EQ(EINTR, finish(child));

	child = run_for_ever(obj);
	ASSERT_LT(0, child);
	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, finish(child));
	vnp_object_close(obj);
}

/* Bytes that are not direct are in a fragment; to the program it is one payload. */
TEST_F(run, direct_len)
{
	int direct = object_prog(self->obj, "invert_direct");

	for (__u32 len = 0; len <= 64; len += 16) {
		__u32 inverted = len ? len : 64;

		self->r.direct_len = len;
		self->r.data_out_len = sizeof(self->out);
		ASSERT_EQ(0, prog_run(direct, self->in, 64, &self->r));
		EXPECT_EQ(64, self->r.data_out_len);
		for (__u32 i = 0; i < 64; i++)
			EXPECT_EQ(self->in[i] ^ (i < inverted ? 0xff : 0),
				  self->out[i]);
	}
}

/* A program returns the same on every CPU at once. */
static void *run_often(void *arg)
{
	struct vnp_prog_run r = { 0 };
	__u8 in[64], out[64];
	long wrong = 0;

	fill_random(in, sizeof(in), 3);
	for (int i = 0; i < 500; i++) {
		r.data_out = (uintptr_t)out;
		r.data_out_len = sizeof(out);
		if (prog_run(*(int *)arg, in, sizeof(in), &r) || r.fault)
			wrong++;
		for (size_t j = 0; j < sizeof(in); j++)
			wrong += out[j] != (__u8)~in[j];
	}
	return (void *)wrong;
}

TEST_F_SMP(run, from_many_threads)
{
	pthread_t threads[4];
	void *wrong;

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, run_often,
					    &self->invert));
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &wrong);
		EXPECT_EQ(NULL, wrong);
	}
}

TEST_HARNESS_MAIN
