// SPDX-License-Identifier: GPL-2.0
/*
 * Every ioctl checks sizes, flags, reserved fields, pointers and the kind of descriptor,
 * and a failed call has no effect.  Each test here is executed for each ioctl.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include "harness.h"
#include "insn.h"

/* Space for the largest argument, and for a tail after it */
#define ATTR_ROOM	1024
#define TAIL		64

/**
 * struct objects - one of each kind, for the calls
 * @attr:	the argument of the call
 * @fd:		the descriptor it is made on
 */
struct objects {
	int dev;
	int prog;
	int link;
	int sock;
	struct map array;
	struct map hash;
	__u32 prog_id;
	__u32 key;
	__u64 value;
	__u8 data[64];
	int fd;
	__u8 attr[ATTR_ROOM];
};

static const struct bpf_insn pass[] = {
	MOV_IMM(R0, VNP_PASS),
	EXIT(),
};

/*
 * fill_*() - a valid argument, and the descriptor for it
 */

static int fill_feature(struct objects *o, void *attr)
{
	return o->dev;
}

static int fill_prog_load(struct objects *o, void *attr)
{
	*(struct vnp_prog_load *)attr = prog_attr(pass, ARRAY_SIZE(pass));
	return o->dev;
}

static int fill_map_create(struct objects *o, void *attr)
{
	*(struct vnp_map_create *)attr = (struct vnp_map_create) {
		.type = VNP_MAP_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = 1,
		.name = "test",
	};
	return o->dev;
}

static int fill_link_create(struct objects *o, void *attr)
{
	*(struct vnp_link_create *)attr = (struct vnp_link_create) {
		.prog_fd = o->prog,
		.sock_fd = udp_socket("127.0.0.1", 0),
	};
	return o->dev;
}

static int fill_obj_next(struct objects *o, void *attr)
{
	((struct vnp_obj_id *)attr)->kind = VNP_OBJ_PROG;
	return o->dev;
}

static int fill_obj_open(struct objects *o, void *attr)
{
	((struct vnp_obj_id *)attr)->kind = VNP_OBJ_PROG;
	((struct vnp_obj_id *)attr)->id = o->prog_id;
	return o->dev;
}

static int fill_prog_info(struct objects *o, void *attr)
{
	return o->prog;
}

static int fill_prog_dump(struct objects *o, void *attr)
{
	*(struct vnp_prog_dump *)attr = (struct vnp_prog_dump) {
		.what = VNP_DUMP_INSNS,
		.buf = (uintptr_t)o->data,
		.len = sizeof(o->data),
	};
	return o->prog;
}

static int fill_prog_run(struct objects *o, void *attr)
{
	*(struct vnp_prog_run *)attr = (struct vnp_prog_run) {
		.data_in = (uintptr_t)o->data,
		.data_in_len = sizeof(o->data),
	};
	return o->prog;
}

static int fill_map_info(struct objects *o, void *attr)
{
	return o->array.fd;
}

static int fill_map_elem(struct objects *o, void *attr)
{
	*(struct vnp_map_elem *)attr = (struct vnp_map_elem) {
		.key = (uintptr_t)&o->key,
		.key_len = sizeof(o->key),
		.value = (uintptr_t)&o->value,
		.value_len = sizeof(o->value),
	};
	return o->array.fd;
}

static int fill_map_delete(struct objects *o, void *attr)
{
	map_update(&o->hash, &o->key, &o->value, VNP_MAP_ANY);
	*(struct vnp_map_elem *)attr = (struct vnp_map_elem) {
		.key = (uintptr_t)&o->key,
		.key_len = sizeof(o->key),
	};
	return o->hash.fd;
}

static int fill_map_next_key(struct objects *o, void *attr)
{
	*(struct vnp_map_elem *)attr = (struct vnp_map_elem) {
		.value = (uintptr_t)&o->value,
		.value_len = sizeof(o->key),
	};
	return o->array.fd;
}

static int fill_map_freeze(struct objects *o, void *attr)
{
	struct map map;

	return map_create(o->dev, &map, VNP_MAP_ARRAY, 4, 8, 1, 0);
}

static int fill_link_info(struct objects *o, void *attr)
{
	return o->link;
}

static int fill_link_update(struct objects *o, void *attr)
{
	*(struct vnp_link_update *)attr = (struct vnp_link_update) {
		.prog_fd = o->prog,
		.old_prog_fd = -1,
	};
	return o->link;
}

static int fill_link_detach(struct objects *o, void *attr)
{
	return link_create(o->dev, o->prog, udp_socket("127.0.0.1", 0), 0);
}

FIXTURE(call) {
	struct objects o;
	int fds;
};

/**
 * @request:	the ioctl
 * @size:	of its argument
 * @fill:	makes a valid argument
 * @flags:	offset of the flags, 0 if there are none
 * @known:	flags that are known, and accepted here
 * @reserved:	offset of the reserved bytes
 * @reserved_len: their number; 0: none
 * @first:	its size as first published, if fields were added since
 * @writes:	the kernel writes the argument
 */
FIXTURE_VARIANT(call) {
	unsigned long request;
	__u32 size;
	int (*fill)(struct objects *o, void *attr);
	size_t flags;
	__u32 known;
	size_t reserved;
	size_t reserved_len;
	size_t first;
	bool writes;
};

#define ARG(type)		.size = sizeof(struct type)
#define FLAGS(type, bits)	.flags = offsetof(struct type, flags), .known = (bits)
#define RESERVED(type)		.reserved = offsetof(struct type, reserved), \
				.reserved_len = sizeof(((struct type *)0)->reserved)
#define FIRST(type, added)	.first = offsetof(struct type, added)

FIXTURE_VARIANT_ADD(call, feature) {
	VNP_FEATURE, ARG(vnp_feature), fill_feature, .writes = true,
	FIRST(vnp_feature, send_fanout),
};
FIXTURE_VARIANT_ADD(call, prog_load) {
	VNP_PROG_LOAD, ARG(vnp_prog_load), fill_prog_load, .writes = true,
	FLAGS(vnp_prog_load, VNP_PROG_F_HARDEN), RESERVED(vnp_prog_load),
};
FIXTURE_VARIANT_ADD(call, map_create) {
	VNP_MAP_CREATE, ARG(vnp_map_create), fill_map_create,
	FLAGS(vnp_map_create, VNP_MAP_F_MMAP | VNP_MAP_F_RDONLY_PROG),
	RESERVED(vnp_map_create),
};
FIXTURE_VARIANT_ADD(call, link_create) {
	VNP_LINK_CREATE, ARG(vnp_link_create), fill_link_create,
	FLAGS(vnp_link_create, VNP_LINK_F_FAULT_PASS | VNP_LINK_F_NO_MERGE |
	      VNP_LINK_F_HOLD_DELIVER | VNP_LINK_F_HOLD_EACH | VNP_LINK_F_MESSAGE |
	      VNP_LINK_F_STREAM_PASS),
	RESERVED(vnp_link_create), FIRST(vnp_link_create, hold_bytes),
};
FIXTURE_VARIANT_ADD(call, obj_next) {
	VNP_OBJ_NEXT, ARG(vnp_obj_id), fill_obj_next, FLAGS(vnp_obj_id, 0),
	.writes = true,
};
FIXTURE_VARIANT_ADD(call, obj_open) {
	VNP_OBJ_OPEN, ARG(vnp_obj_id), fill_obj_open, FLAGS(vnp_obj_id, 0),
};
FIXTURE_VARIANT_ADD(call, prog_info) {
	VNP_PROG_INFO, ARG(vnp_prog_info), fill_prog_info, .writes = true,
};
FIXTURE_VARIANT_ADD(call, prog_dump) {
	VNP_PROG_DUMP, ARG(vnp_prog_dump), fill_prog_dump, .writes = true,
	RESERVED(vnp_prog_dump),
};
FIXTURE_VARIANT_ADD(call, prog_run) {
	VNP_PROG_RUN, ARG(vnp_prog_run), fill_prog_run, .writes = true,
	FLAGS(vnp_prog_run, 0),
};
FIXTURE_VARIANT_ADD(call, map_info) {
	VNP_MAP_INFO, ARG(vnp_map_info), fill_map_info, .writes = true,
};
FIXTURE_VARIANT_ADD(call, map_lookup) {
	VNP_MAP_LOOKUP, ARG(vnp_map_elem), fill_map_elem, FLAGS(vnp_map_elem, 0),
};
FIXTURE_VARIANT_ADD(call, map_update) {
	VNP_MAP_UPDATE, ARG(vnp_map_elem), fill_map_elem,
	FLAGS(vnp_map_elem, VNP_MAP_NOEXIST | VNP_MAP_EXIST),
};
FIXTURE_VARIANT_ADD(call, map_delete) {
	VNP_MAP_DELETE, ARG(vnp_map_elem), fill_map_delete, FLAGS(vnp_map_elem, 0),
};
FIXTURE_VARIANT_ADD(call, map_next_key) {
	VNP_MAP_NEXT_KEY, ARG(vnp_map_elem), fill_map_next_key,
	FLAGS(vnp_map_elem, 0),
};
FIXTURE_VARIANT_ADD(call, map_freeze) {
	VNP_MAP_FREEZE, ARG(vnp_map_freeze), fill_map_freeze,
	FLAGS(vnp_map_freeze, 0),
};
FIXTURE_VARIANT_ADD(call, link_info) {
	VNP_LINK_INFO, ARG(vnp_link_info), fill_link_info, .writes = true,
	FIRST(vnp_link_info, hold_bytes),
};
FIXTURE_VARIANT_ADD(call, link_update) {
	VNP_LINK_UPDATE, ARG(vnp_link_update), fill_link_update,
	FLAGS(vnp_link_update, 0),
};
FIXTURE_VARIANT_ADD(call, link_detach) {
	VNP_LINK_DETACH, ARG(vnp_link_detach), fill_link_detach,
	FLAGS(vnp_link_detach, 0),
};

/* fill() - make a valid argument in @o->attr, with its size */
static void fill(struct objects *o, const FIXTURE_VARIANT(call) *variant)
{
	memset(o->attr, 0, sizeof(o->attr));
	o->fd = variant->fill(o, o->attr);
	*(__u32 *)o->attr = variant->size;
}

FIXTURE_SETUP(call)
{
	struct objects *o = &self->o;
	struct vnp_prog_info info;

	o->dev = device_open();
	ASSERT_OK(o->dev);
	o->prog = PROG_LOAD(o->dev, pass);
	ASSERT_OK(o->prog);
	ASSERT_EQ(0, prog_info(o->prog, &info));
	o->prog_id = info.id;
	o->sock = udp_socket("127.0.0.1", 0);
	o->link = link_create(o->dev, o->prog, o->sock, 0);
	ASSERT_OK(o->link);
	ASSERT_OK(map_create(o->dev, &o->array, VNP_MAP_ARRAY, 4, 8, 2, 0));
	ASSERT_OK(map_create(o->dev, &o->hash, VNP_MAP_HASH, 4, 8, 2, 0));
	fill(o, variant);
	ASSERT_OK(o->fd);
	self->fds = fd_count();
}

FIXTURE_TEARDOWN(call)
{
}

/* expect_error() - the call with this argument fails and has no effect */
static void expect_error(struct __test_metadata *_metadata, struct objects *o,
			 unsigned long request, int error, void *attr)
{
	int fds = fd_count(), objects = obj_count_all(o->dev);

	EXPECT_EQ(-error, do_ioctl(o->fd, request, attr));
	EXPECT_EQ(fds, fd_count());
	EXPECT_EQ(objects, obj_count_all(o->dev));
}

#define EXPECT_ERROR(error, attr)	\
	expect_error(_metadata, &self->o, variant->request, error, attr)

TEST_F(call, works)
{
	EXPECT_OK(do_ioctl(self->o.fd, variant->request, self->o.attr));
}

TEST_F(call, size_too_small)
{
	const __u32 first = variant->first ?: variant->size;
	const __u32 sizes[] = { 0, 1, 3, 4, first / 2, first - 1 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		*(__u32 *)self->o.attr = sizes[i];
		EXPECT_ERROR(EINVAL, self->o.attr);
	}
}

TEST_F(call, size_too_large)
{
	const __u32 sizes[] = { 4097, 65536, INT32_MAX, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		*(__u32 *)self->o.attr = sizes[i];
		EXPECT_ERROR(E2BIG, self->o.attr);
	}
}

/* A caller compiled with the first header */
TEST_F(call, size_as_first)
{
	*(__u32 *)self->o.attr = variant->first ?: variant->size;
	EXPECT_OK(do_ioctl(self->o.fd, variant->request, self->o.attr));
}

/* A caller compiled with a later header that uses no new field is accepted. */
TEST_F(call, longer_with_zeroes)
{
	static const __u8 zeroes[TAIL];

	*(__u32 *)self->o.attr = variant->size + TAIL;
	EXPECT_OK(do_ioctl(self->o.fd, variant->request, self->o.attr));
	EXPECT_MEM(zeroes, self->o.attr + variant->size, TAIL);
}

TEST_F(call, longer_with_something)
{
	const __u32 places[] = { 0, 7, TAIL - 1 };

	*(__u32 *)self->o.attr = variant->size + TAIL;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		__u8 *byte = self->o.attr + variant->size + places[i];

		*byte = 1;
		EXPECT_ERROR(E2BIG, self->o.attr);
		*byte = 0;
	}
}

/* The kernel does not read beyond the argument. */
TEST_F(call, nothing_after_is_touched)
{
	__u8 *attr = edge_of_page(variant->size);

	memcpy(attr, self->o.attr, variant->size);
	EXPECT_OK(do_ioctl(self->o.fd, variant->request, attr));

	fill(&self->o, variant);
	memset(self->o.attr + variant->size, 0xa5, TAIL);
	EXPECT_OK(do_ioctl(self->o.fd, variant->request, self->o.attr));
	for (__u32 i = variant->size; i < variant->size + TAIL; i++)
		ASSERT_EQ(0xa5, self->o.attr[i]);
}

TEST_F(call, unaligned)
{
	__u8 *attr = edge_of_page(variant->size + 3);

	memcpy(attr, self->o.attr, variant->size);
	EXPECT_OK(do_ioctl(self->o.fd, variant->request, attr));
}

TEST_F(call, bad_pointer)
{
	void *const pointers[] = {
		NULL, UNMAPPED, KERNEL_ADDRESS, (void *)-1UL, (void *)-4096UL,
		(void *)0x8000000000000000UL, (void *)0x7fffffffffffUL,
		edge_of_page(4) + 4, edge_of_page(2), map_page(PROT_NONE),
	};

	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++)
		EXPECT_ERROR(EFAULT, pointers[i]);
}

TEST_F(call, half_unmapped)
{
	__u8 *attr = edge_of_page(4);

	/* Only the size is readable; then all but the last byte of a tail. */
	*(__u32 *)attr = variant->size;
	if (variant->size > 4)
		EXPECT_ERROR(EFAULT, attr);
	attr = edge_of_page(variant->size + TAIL - 1);
	memcpy(attr, self->o.attr, variant->size);
	*(__u32 *)attr = variant->size + TAIL;
	EXPECT_ERROR(EFAULT, attr);
}

TEST_F(call, read_only_argument)
{
	__u8 *attr = map_page(PROT_READ | PROT_WRITE);

	memcpy(attr, self->o.attr, variant->size);
	ASSERT_EQ(0, mprotect(attr, getpagesize(), PROT_READ));
	if (variant->writes)
		EXPECT_ERROR(EFAULT, attr);
	else
		EXPECT_OK(do_ioctl(self->o.fd, variant->request, attr));
}

TEST_F(call, unknown_bits)
{
	__u32 *flags = (__u32 *)(self->o.attr + variant->flags);

	for (int bit = 0; variant->flags && bit < 32; bit++) {
		if (variant->known & 1U << bit)
			continue;
		*flags = 1U << bit;
		EXPECT_ERROR(EINVAL, self->o.attr);
		*flags = 0;
	}
	for (size_t i = 0; i < variant->reserved_len; i++) {
		__u8 *byte = self->o.attr + variant->reserved + i;

		*byte = 0x80;
		EXPECT_ERROR(EINVAL, self->o.attr);
		*byte = 0;
	}

	/* If all fields are outputs, their previous contents do not matter. */
	if (!variant->flags && !variant->reserved_len)
		memset(self->o.attr + 4, 0xff, variant->size - 4);
	EXPECT_OK(do_ioctl(self->o.fd, variant->request, self->o.attr));
}

/* An ioctl of one kind of object is unknown to all others. */
TEST_F(call, wrong_kind)
{
	struct objects *o = &self->o;
	const int kinds[] = { o->dev, o->prog, o->link, o->array.fd };
	const unsigned long own = _IOC_NR(variant->request) >> 4;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		/* The ioctls of programs, maps, links are 0x1., 0x2., 0x3. */
		const unsigned long of[] = { 0, 1, 3, 2 };

		if (of[i] == own)
			continue;
		o->fd = kinds[i];
		EXPECT_ERROR(ENOTTY, o->attr);
	}
}

TEST_F(call, foreign_descriptor)
{
	int fds[] = {
		open("/dev/null", O_RDWR), self->o.sock, epoll_create1(0),
	};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		EXPECT_GT(0, do_ioctl(fds[i], variant->request, self->o.attr));
}

static atomic_bool flipper_stop;

/* flipper() - a thread that changes the argument while the kernel reads it */
static void *flipper(void *data)
{
	struct objects *o = data;
	volatile __u32 *size = (volatile __u32 *)o->attr;
	const __u32 right = *size;

	while (!flipper_stop) {
		*size = right + TAIL;
		*size = 4;
		*size = UINT32_MAX;
		*size = right;
	}
	return NULL;
}

/* The kernel uses the size that it read first, so its copy stays bounded. */
TEST_F(call, size_changes_meanwhile)
{
	int fd = self->o.fd, worked = 0, ret;
	__u8 beyond[TAIL];
	pthread_t thread;

	memcpy(beyond, self->o.attr + variant->size + TAIL, TAIL);
	ASSERT_EQ(0, pthread_create(&thread, NULL, flipper, &self->o));
	for (int i = 0; i < 300; i++) {
		ret = do_ioctl(fd, variant->request, self->o.attr);
		if (ret >= 0)
			worked++;
		else
			EXPECT_TRUE(ret == -EINVAL || ret == -E2BIG ||
				    ret == -EBUSY || ret == -ENOENT ||
				    ret == -ENOLINK || ret == -EMFILE) {
				TH_LOG("errno %d", -ret);
			}
		if (ret > 2)
			close(ret);
	}
	flipper_stop = true;
	pthread_join(thread, NULL);
	EXPECT_MEM(beyond, self->o.attr + variant->size + TAIL, TAIL);
	TH_LOG("%d of 300 went through", worked);
}

/* Without a free descriptor no object is created. */
TEST_F(call, no_descriptor_free)
{
	int last, ret, objects;

	do {
		last = dup(self->o.dev);
	} while (last >= 0);
	ASSERT_EQ(EMFILE, errno);
	objects = obj_count_all(self->o.dev);
	ret = do_ioctl(self->o.fd, variant->request, self->o.attr);
	switch (variant->request) {
	case VNP_PROG_LOAD:
	case VNP_MAP_CREATE:
	case VNP_LINK_CREATE:
	case VNP_OBJ_OPEN:
		EXPECT_EQ(-EMFILE, ret);
		break;
	default:
		EXPECT_EQ(0, ret);
	}
	EXPECT_EQ(objects, obj_count_all(self->o.dev));
}

FIXTURE(device) {
	int dev;
};

FIXTURE_SETUP(device)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
}

FIXTURE_TEARDOWN(device)
{
	close(self->dev);
}

TEST_F(device, unknown_ioctls)
{
	struct vnp_map_create attr = { .size = sizeof(attr) };

	for (int nr = 0x06; nr <= 0xff; nr++)
		EXPECT_EQ(-ENOTTY, do_ioctl(self->dev, _IO(VNP_IOC_TYPE, nr), &attr));
	EXPECT_EQ(-ENOTTY, do_ioctl(self->dev, _IO(0xf6, 0), &attr));
	EXPECT_EQ(-ENOTTY, do_ioctl(self->dev, _IOW(VNP_IOC_TYPE, 1, int), &attr));
}

TEST_F(device, is_no_file)
{
	char byte = 0;

	EXPECT_EQ(-1, read(self->dev, &byte, 1));
	EXPECT_EQ(-1, write(self->dev, &byte, 1));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->dev, 0));
}

TEST_F(device, descriptors_close_on_exec)
{
	struct map map;
	int prog = prog_verdict(self->dev, VNP_PASS);
	int sock = udp_socket("127.0.0.1", 0);
	int link = link_create(self->dev, prog, sock, 0);

	ASSERT_OK(map_create(self->dev, &map, VNP_MAP_ARRAY, 4, 8, 1, 0));
	EXPECT_EQ(FD_CLOEXEC, fcntl(prog, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(link, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(map.fd, F_GETFD));
}

TEST_F(device, feature)
{
	struct vnp_feature f = { .size = sizeof(f) };

	ASSERT_EQ(0, do_ioctl(self->dev, VNP_FEATURE, &f));
	EXPECT_EQ(sizeof(f), f.size);
	EXPECT_EQ(!as_root(), f.hardened);
	EXPECT_EQ(1 << VNP_PROG_DATAGRAM | 1 << VNP_PROG_PACKET | 1 << VNP_PROG_STREAM |
		  1 << VNP_PROG_MESSAGE, f.prog_types);
	EXPECT_EQ(1ULL << VNP_MAP_HASH | 1ULL << VNP_MAP_ARRAY | 1ULL << VNP_MAP_PERCPU_ARRAY |
		  1ULL << VNP_MAP_PEERS | 1ULL << VNP_MAP_GROUPS | 1ULL << VNP_MAP_SOCKETS |
		  1ULL << VNP_MAP_KEYS | 1ULL << VNP_MAP_REPLAY, f.map_types);
	EXPECT_EQ(0x7f1ffffe, f.helpers);
	EXPECT_EQ(VNP_PROG_F_HARDEN, f.prog_flags);
	EXPECT_EQ(VNP_MAP_F_MMAP | VNP_MAP_F_RDONLY_PROG | VNP_MAP_F_SOCKET, f.map_flags);
	EXPECT_EQ(VNP_LINK_F_FAULT_PASS | VNP_LINK_F_NO_MERGE | VNP_LINK_F_HOLD_DELIVER |
		  VNP_LINK_F_MESSAGE | VNP_LINK_F_STREAM_PASS | VNP_LINK_F_HOLD_EACH |
		  VNP_LINK_F_FORGED_END | VNP_LINK_F_BOUNDARIES | VNP_LINK_F_REPLY_RESET |
		  VNP_LINK_F_REPLY_IDLE, f.link_flags);
	EXPECT_LE(4096, f.insn_max);
	EXPECT_LE(8, f.map_max);
	EXPECT_EQ(512, f.stack_max);
	EXPECT_EQ(65536, f.budget);
	/* what selftests/guest.d/session sets */
	EXPECT_EQ(4194304, f.budget_max);
	EXPECT_EQ(1000, f.softirq_burst_us);
	EXPECT_EQ(1, f.unprivileged);
	EXPECT_EQ(0, f.denied);
	EXPECT_NE('\0', f.version[0]);
	EXPECT_EQ('\0', f.version[VNP_NAME_LEN - 1]);
}

TEST_F(device, listing_kinds)
{
	const __u32 kinds[] = { 0, VNP_OBJ_LINK + 1, UINT32_MAX };
	struct vnp_obj_id id = { .size = sizeof(id) };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		id.kind = kinds[i];
		EXPECT_EQ(-EINVAL, do_ioctl(self->dev, VNP_OBJ_NEXT, &id));
		EXPECT_EQ(-EINVAL, do_ioctl(self->dev, VNP_OBJ_OPEN, &id));
	}
}

TEST_F(device, listing_ends)
{
	struct vnp_obj_id id = { .size = sizeof(id) };

	for (__u32 kind = VNP_OBJ_PROG; kind <= VNP_OBJ_LINK; kind++) {
		id.kind = kind;
		id.id = UINT32_MAX;
		EXPECT_EQ(-ENOENT, do_ioctl(self->dev, VNP_OBJ_NEXT, &id));
		EXPECT_EQ(-ENOENT, do_ioctl(self->dev, VNP_OBJ_OPEN, &id));
		id.id = INT32_MAX;
		EXPECT_EQ(-ENOENT, do_ioctl(self->dev, VNP_OBJ_OPEN, &id));
		id.id = 0;
		EXPECT_EQ(-ENOENT, do_ioctl(self->dev, VNP_OBJ_OPEN, &id));
	}
}

/* Listed ids ascend, each object occurs once, and can be opened by its id. */
TEST_F(device, listing_order)
{
	struct vnp_obj_id id = { .size = sizeof(id), .kind = VNP_OBJ_PROG };
	int before = obj_count(self->dev, VNP_OBJ_PROG), fd, n = 0;
	struct vnp_prog_info info;
	__u32 last = 0;

	for (int i = 0; i < 20; i++)
		ASSERT_OK(prog_verdict(self->dev, VNP_PASS));
	while (!do_ioctl(self->dev, VNP_OBJ_NEXT, &id)) {
		EXPECT_LT(last, id.id);
		last = id.id;
		n++;
		fd = obj_open(self->dev, VNP_OBJ_PROG, id.id);
		ASSERT_OK(fd);
		ASSERT_EQ(0, prog_info(fd, &info));
		EXPECT_EQ(id.id, info.id);
		close(fd);
	}
	EXPECT_EQ(before + 20, n);
}

TEST_HARNESS_MAIN
