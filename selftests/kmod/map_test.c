// SPDX-License-Identifier: GPL-2.0
/*
 * Maps from user space: creation and its limits, elements, iteration, mappings, and all
 * of that from several threads at once.  map_prog_test.c tests their use by programs.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include "harness.h"

FIXTURE(create) {
	int dev;
	struct vnp_map_create attr;
};

FIXTURE_SETUP(create)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	self->attr = (struct vnp_map_create) {
		.size = sizeof(self->attr),
		.type = VNP_MAP_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = 1,
	};
}

FIXTURE_TEARDOWN(create)
{
}

/* create() - create such a map, and close it; 0 or an errno */
static int create(int dev, struct vnp_map_create *attr)
{
	int fd = do_ioctl(dev, VNP_MAP_CREATE, attr);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

#define EXPECT_CREATE(expected)	EXPECT_EQ(expected, create(self->dev, &self->attr))

TEST_F(create, type)
{
	const __u32 types[] = { 0, 3, 4, 5, 7, 63, 64, INT32_MAX, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		self->attr.type = types[i];
		EXPECT_CREATE(-EINVAL);
	}
}

TEST_F(create, key_size)
{
	const __u32 wrong[] = { 0, 1, 3, 5, 8, 512, UINT32_MAX };
	const __u32 hash_wrong[] = { 0, 513, INT32_MAX, UINT32_MAX };
	const __u32 hash_right[] = { 1, 3, 7, 511, 512 };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		self->attr.key_size = wrong[i];
		self->attr.type = VNP_MAP_ARRAY;
		EXPECT_CREATE(-EINVAL);
		self->attr.type = VNP_MAP_PERCPU_ARRAY;
		EXPECT_CREATE(-EINVAL);
	}
	self->attr.type = VNP_MAP_HASH;
	for (size_t i = 0; i < ARRAY_SIZE(hash_wrong); i++) {
		self->attr.key_size = hash_wrong[i];
		EXPECT_CREATE(-EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(hash_right); i++) {
		self->attr.key_size = hash_right[i];
		EXPECT_CREATE(0);
	}
}

TEST_F(create, value_size)
{
	const __u32 types[] = { VNP_MAP_ARRAY, VNP_MAP_HASH, VNP_MAP_PERCPU_ARRAY };
	const __u32 most[] = { 1 << 20, 1 << 20, 32 << 10 };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		self->attr.type = types[i];
		self->attr.value_size = 0;
		EXPECT_CREATE(-EINVAL);
		self->attr.value_size = 1;
		EXPECT_CREATE(0);
		self->attr.value_size = most[i];
		EXPECT_CREATE(0);
		self->attr.value_size = most[i] + 1;
		EXPECT_CREATE(-EINVAL);
		self->attr.value_size = UINT32_MAX;
		EXPECT_CREATE(-EINVAL);
	}
}

/* Every product here is above 1 GiB, many above 32 bits. */
TEST_F(create, too_large)
{
	static const struct {
		__u32 type;
		__u32 value_size;
		__u32 max_entries;
	} maps[] = {
		{ VNP_MAP_ARRAY, 8, (1 << 27) + 1 },
		{ VNP_MAP_ARRAY, 1, UINT32_MAX },
		{ VNP_MAP_ARRAY, 1 << 20, 1025 },
		{ VNP_MAP_ARRAY, 1 << 20, 4096 },
		{ VNP_MAP_ARRAY, 1 << 20, 1U << 31 },
		{ VNP_MAP_ARRAY, 1 << 20, UINT32_MAX },
		{ VNP_MAP_HASH, 1, UINT32_MAX },
		{ VNP_MAP_HASH, 8, 1U << 31 },
		{ VNP_MAP_HASH, 8, 1 << 27 },
		{ VNP_MAP_HASH, 1 << 20, 1024 },
		{ VNP_MAP_HASH, 1 << 20, 4097 },
		{ VNP_MAP_PERCPU_ARRAY, 1, UINT32_MAX },
		{ VNP_MAP_PERCPU_ARRAY, 8, 1 << 27 },
		{ VNP_MAP_PERCPU_ARRAY, 32 << 10, 1 << 17 },
		{ VNP_MAP_PERCPU_ARRAY, 32 << 10, 32769 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		self->attr.type = maps[i].type;
		self->attr.value_size = maps[i].value_size;
		self->attr.max_entries = maps[i].max_entries;
		EXPECT_CREATE(-E2BIG) {
			TH_LOG("map %zu", i);
		}
	}
}

TEST_F(create, no_entries)
{
	self->attr.max_entries = 0;
	EXPECT_CREATE(-EINVAL);
}

TEST_F(create, mmap_is_for_arrays)
{
	self->attr.flags = VNP_MAP_F_MMAP;
	EXPECT_CREATE(0);
	self->attr.type = VNP_MAP_HASH;
	EXPECT_CREATE(-EINVAL);
	self->attr.type = VNP_MAP_PERCPU_ARRAY;
	EXPECT_CREATE(-EINVAL);
}

TEST_F(create, name)
{
	strcpy(self->attr.name, "a.b_c-D0");
	EXPECT_CREATE(0);
	strcpy(self->attr.name, "a b");
	EXPECT_CREATE(-EINVAL);
	strcpy(self->attr.name, "a\nb");
	EXPECT_CREATE(-EINVAL);
	memset(self->attr.name, 'a', VNP_NAME_LEN);
	EXPECT_CREATE(-EINVAL);
	memset(self->attr.name, 0, VNP_NAME_LEN);
	self->attr.name[1] = 'a';
	EXPECT_CREATE(-EINVAL);
}

FIXTURE(each) {
	int dev;
	struct map map;
	__u8 value[256];
	__u8 got[256];
};

/* Differences between the types */
FIXTURE_VARIANT(each) {
	__u32 type;
	bool array;
};

FIXTURE_VARIANT_ADD(each, hash) { .type = VNP_MAP_HASH };
FIXTURE_VARIANT_ADD(each, array) { .type = VNP_MAP_ARRAY, .array = true };
FIXTURE_VARIANT_ADD(each, percpu) { .type = VNP_MAP_PERCPU_ARRAY, .array = true };

#define ENTRIES		8
#define VALUE_SIZE	11	/* no multiple of anything */

FIXTURE_SETUP(each)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_OK(map_create(self->dev, &self->map, variant->type, 4, VALUE_SIZE,
			     ENTRIES, 0));
	ASSERT_GE(sizeof(self->value), self->map.value_len);
	fill_random(self->value, sizeof(self->value), 9);
	/* The padding after each CPU's value is not stored. */
	for (__u32 i = VALUE_SIZE; i < self->map.value_len; i++) {
		if (i % 16 >= VALUE_SIZE)
			self->value[i] = 0;
	}
}

FIXTURE_TEARDOWN(each)
{
	close(self->map.fd);
}

TEST_F_SMP(each, info)
{
	struct vnp_map_info info;

	ASSERT_EQ(0, map_info(&self->map, &info));
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_NE(0, info.id);
	EXPECT_EQ(variant->type, info.type);
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(4, info.key_size);
	EXPECT_EQ(VALUE_SIZE, info.value_size);
	EXPECT_EQ(ENTRIES, info.max_entries);
	EXPECT_EQ(variant->array ? ENTRIES : 0, info.entries);
	EXPECT_EQ(geteuid(), info.uid);
	EXPECT_EQ(0, info.frozen);
	EXPECT_LT(0, info.mem);
	EXPECT_STREQ("test", info.name);
}

TEST_F_SMP(each, update_and_lookup)
{
	for (__u32 key = 0; key < ENTRIES; key++) {
		self->value[0] = key;
		ASSERT_EQ(0, map_update(&self->map, &key, self->value, VNP_MAP_ANY));
	}
	for (__u32 key = 0; key < ENTRIES; key++) {
		self->value[0] = key;
		ASSERT_EQ(0, map_lookup(&self->map, &key, self->got));
		EXPECT_MEM(self->value, self->got, self->map.value_len);
	}
}

/* Unwritten elements are zero in an array, and do not exist in a hash. */
TEST_F_SMP(each, untouched)
{
	static const __u8 zeroes[256];
	__u32 key = 3;

	memset(self->got, 0x55, sizeof(self->got));
	if (variant->array) {
		EXPECT_EQ(0, map_lookup(&self->map, &key, self->got));
		EXPECT_MEM(zeroes, self->got, self->map.value_len);
	} else {
		EXPECT_EQ(-ENOENT, map_lookup(&self->map, &key, self->got));
	}
	EXPECT_EQ(0x55, self->got[self->map.value_len]);
}

TEST_F_SMP(each, update_flags)
{
	const __u32 flags[] = { 3, 4, 1U << 31, UINT32_MAX };
	const bool array = variant->array;
	__u32 key = 1;

	EXPECT_EQ(array ? 0 : -ENOENT,
		  map_update(&self->map, &key, self->value, VNP_MAP_EXIST));
	EXPECT_EQ(array ? -EEXIST : 0,
		  map_update(&self->map, &key, self->value, VNP_MAP_NOEXIST));
	EXPECT_EQ(-EEXIST, map_update(&self->map, &key, self->value, VNP_MAP_NOEXIST));
	EXPECT_EQ(0, map_update(&self->map, &key, self->value, VNP_MAP_EXIST));
	EXPECT_EQ(0, map_update(&self->map, &key, self->value, VNP_MAP_ANY));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		EXPECT_EQ(-EINVAL, map_update(&self->map, &key, self->value, flags[i]));
}

TEST_F_SMP(each, delete)
{
	__u32 key = 1;

	if (variant->array) {
		EXPECT_EQ(-EINVAL, map_delete(&self->map, &key));
		return;
	}
	EXPECT_EQ(-ENOENT, map_delete(&self->map, &key));
	ASSERT_EQ(0, map_update(&self->map, &key, self->value, VNP_MAP_ANY));
	EXPECT_EQ(0, map_delete(&self->map, &key));
	EXPECT_EQ(-ENOENT, map_lookup(&self->map, &key, self->got));
	EXPECT_EQ(-ENOENT, map_delete(&self->map, &key));
}

TEST_F_SMP(each, beyond_the_end)
{
	const __u32 keys[] = { ENTRIES, ENTRIES + 1, INT32_MAX, UINT32_MAX };
	const bool array = variant->array;

	for (__u32 key = 0; key < ENTRIES; key++)
		map_update(&self->map, &key, self->value, VNP_MAP_ANY);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		EXPECT_EQ(-ENOENT, map_lookup(&self->map, &keys[i], self->got));
		EXPECT_EQ(array ? -ENOENT : -ENOSPC,
			  map_update(&self->map, &keys[i], self->value, VNP_MAP_ANY));
	}
}

TEST_F_SMP(each, lengths)
{
	__u32 key = 1, len = self->map.value_len;
	const __u32 key_lens[] = { 0, 3, 5, 8, UINT32_MAX };
	const __u32 value_lens[] = { 0, len - 1, len + 1, 1 << 30, UINT32_MAX };
	const unsigned long requests[] = { VNP_MAP_LOOKUP, VNP_MAP_UPDATE };
	struct vnp_map_elem elem = {
		.size = sizeof(elem),
		.key = (uintptr_t)&key,
		.value = (uintptr_t)self->value,
	};

	for (size_t r = 0; r < ARRAY_SIZE(requests); r++) {
		elem.value_len = len;
		for (size_t i = 0; i < ARRAY_SIZE(key_lens); i++) {
			elem.key_len = key_lens[i];
			EXPECT_EQ(-EINVAL, do_ioctl(self->map.fd, requests[r], &elem));
		}
		elem.key_len = sizeof(key);
		for (size_t i = 0; i < ARRAY_SIZE(value_lens); i++) {
			elem.value_len = value_lens[i];
			EXPECT_EQ(-EINVAL, do_ioctl(self->map.fd, requests[r], &elem));
		}
	}
}

TEST_F_SMP(each, delete_and_walk_lengths)
{
	__u32 key = 1;
	struct vnp_map_elem elem = {
		.size = sizeof(elem),
		.key = (uintptr_t)&key,
		.key_len = sizeof(key),
		.value_len = self->map.value_len,
	};

	EXPECT_EQ(-EINVAL, do_ioctl(self->map.fd, VNP_MAP_DELETE, &elem));
	elem.value_len = 0;
	elem.value = (uintptr_t)self->value;
	EXPECT_EQ(-EINVAL, do_ioctl(self->map.fd, VNP_MAP_DELETE, &elem));

	elem.value_len = sizeof(key) + 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->map.fd, VNP_MAP_NEXT_KEY, &elem));
	elem.value_len = sizeof(key);
	elem.key_len = 0;	/* a key without a length, a length without a key */
	EXPECT_EQ(-EINVAL, do_ioctl(self->map.fd, VNP_MAP_NEXT_KEY, &elem));
	elem.key = 0;
	elem.key_len = sizeof(key);
	EXPECT_EQ(-EINVAL, do_ioctl(self->map.fd, VNP_MAP_NEXT_KEY, &elem));
}

TEST_F_SMP(each, pointers)
{
	void *const pointers[] = {
		UNMAPPED, KERNEL_ADDRESS, edge_of_page(2), NULL,
	};
	__u32 key = 1;

	ASSERT_EQ(0, map_update(&self->map, &key, self->value, VNP_MAP_ANY));
	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
		void *p = pointers[i];

		EXPECT_EQ(-EFAULT, map_lookup(&self->map, p, self->got));
		EXPECT_EQ(-EFAULT, map_lookup(&self->map, &key, p));
		EXPECT_EQ(-EFAULT, map_update(&self->map, p, self->value, 0));
		EXPECT_EQ(-EFAULT, map_update(&self->map, &key, p, 0));
		EXPECT_EQ(-EFAULT, map_delete(&self->map, p));
		EXPECT_EQ(-EFAULT, map_next_key(&self->map, NULL, p));
		if (p)
			EXPECT_EQ(-EFAULT, map_next_key(&self->map, p, &key));
	}
	EXPECT_EQ(-EFAULT, map_lookup(&self->map, &key, map_page(PROT_READ)));
	ASSERT_EQ(0, map_lookup(&self->map, &key, self->got));
	EXPECT_MEM(self->value, self->got, self->map.value_len);
}

/* walk() - iterate over the keys; their number; each sets a bit of @seen */
static int walk(const struct map *map, __u64 *seen)
{
	__u32 key, *prev = NULL;
	int n = 0, err;

	while (!(err = map_next_key(map, prev, &key))) {
		*seen |= 1ULL << (key & 63);
		prev = &key;
		n++;
	}
	return err == -ENOENT ? n : err;
}

TEST_F_SMP(each, walk)
{
	__u64 seen = 0;

	EXPECT_EQ(variant->array ? ENTRIES : 0, walk(&self->map, &seen));
	for (__u32 key = 0; key < ENTRIES; key++)
		ASSERT_EQ(0, map_update(&self->map, &key, self->value, VNP_MAP_ANY));
	seen = 0;
	EXPECT_EQ(ENTRIES, walk(&self->map, &seen));
	EXPECT_EQ((1 << ENTRIES) - 1, seen);
}

/* A key that does not exist restarts the iteration. */
TEST_F_SMP(each, walk_from_nowhere)
{
	__u32 first, next, nowhere = 12345;

	for (__u32 key = 0; key < ENTRIES; key++)
		ASSERT_EQ(0, map_update(&self->map, &key, self->value, VNP_MAP_ANY));
	ASSERT_EQ(0, map_next_key(&self->map, NULL, &first));
	ASSERT_EQ(0, map_next_key(&self->map, &nowhere, &next));
	EXPECT_EQ(first, next);
}

TEST_F_SMP(each, frozen)
{
	struct vnp_map_info info;
	__u32 key = 1;

	ASSERT_EQ(0, map_update(&self->map, &key, self->value, VNP_MAP_ANY));
	EXPECT_EQ(0, map_freeze(&self->map));
	EXPECT_EQ(-EBUSY, map_freeze(&self->map));
	EXPECT_EQ(-EPERM, map_update(&self->map, &key, self->value, VNP_MAP_ANY));
	EXPECT_EQ(-EPERM, map_delete(&self->map, &key));
	EXPECT_EQ(0, map_lookup(&self->map, &key, self->got));
	EXPECT_MEM(self->value, self->got, self->map.value_len);
	ASSERT_EQ(0, map_info(&self->map, &info));
	EXPECT_EQ(1, info.frozen);
}

/* Random insertions and deletions with keys of all sizes, in several maps. */
FIXTURE(hash) {
	int dev;
	struct map map;
};

#define KEYS	500

FIXTURE_SETUP(hash)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_OK(map_create(self->dev, &self->map, VNP_MAP_HASH, 4, 8, KEYS, 0));
}

FIXTURE_TEARDOWN(hash)
{
	close(self->map.fd);
}

static int fill_map(const struct map *map, __u32 from, __u32 to)
{
	int err = 0;

	for (__u32 key = from; key < to && !err; key++) {
		__u64 value = key * 3ULL;

		err = map_update(map, &key, &value, VNP_MAP_NOEXIST);
	}
	return err;
}

TEST_F(hash, holds_max_entries)
{
	struct vnp_map_info info;
	__u64 value = 0;
	__u32 key = KEYS;

	ASSERT_EQ(0, fill_map(&self->map, 0, KEYS));
	EXPECT_EQ(-ENOSPC, map_update(&self->map, &key, &value, VNP_MAP_ANY));
	ASSERT_EQ(0, map_info(&self->map, &info));
	EXPECT_EQ(KEYS, info.entries);

	/* Elements of a full map can be replaced; after a deletion there is room. */
	key = 7;
	EXPECT_EQ(0, map_update(&self->map, &key, &value, VNP_MAP_ANY));
	EXPECT_EQ(0, map_delete(&self->map, &key));
	key = KEYS;
	EXPECT_EQ(0, map_update(&self->map, &key, &value, VNP_MAP_ANY));
	key = KEYS + 1;
	EXPECT_EQ(-ENOSPC, map_update(&self->map, &key, &value, VNP_MAP_ANY));
}

TEST_F(hash, every_key_has_its_value)
{
	__u64 value;

	ASSERT_EQ(0, fill_map(&self->map, 0, KEYS));
	for (__u32 key = 0; key < KEYS; key++) {
		ASSERT_EQ(0, map_lookup(&self->map, &key, &value));
		EXPECT_EQ(key * 3ULL, value);
	}
	for (__u32 key = 0; key < KEYS; key += 2)
		ASSERT_EQ(0, map_delete(&self->map, &key));
	for (__u32 key = 0; key < KEYS; key++)
		EXPECT_EQ(key % 2 ? 0 : -ENOENT,
			  map_lookup(&self->map, &key, &value));
}

/* The usual way to empty a map: delete while iterating. */
TEST_F(hash, delete_while_walking)
{
	__u32 key, next;
	int n = 0, err;

	ASSERT_EQ(0, fill_map(&self->map, 0, KEYS));
	ASSERT_EQ(0, map_next_key(&self->map, NULL, &key));
	do {
		err = map_next_key(&self->map, &key, &next);
		ASSERT_EQ(0, map_delete(&self->map, &key));
		key = next;
		n++;
	} while (!err);
	EXPECT_EQ(-ENOENT, err);
	EXPECT_EQ(KEYS, n);
	EXPECT_EQ(-ENOENT, map_next_key(&self->map, NULL, &key));
}

/* Every byte of a key is compared, also the last of the longest. */
TEST_F(hash, long_keys)
{
	__u8 a[512] = { 0 }, b[512] = { 0 };
	__u64 one = 1, two = 2, value;
	struct map map;

	ASSERT_OK(map_create(self->dev, &map, VNP_MAP_HASH, 512, 8, 4, 0));
	b[511] = 1;
	ASSERT_EQ(0, map_update(&map, a, &one, VNP_MAP_NOEXIST));
	ASSERT_EQ(0, map_update(&map, b, &two, VNP_MAP_NOEXIST));
	ASSERT_EQ(0, map_lookup(&map, a, &value));
	EXPECT_EQ(1, value);
	ASSERT_EQ(0, map_lookup(&map, b, &value));
	EXPECT_EQ(2, value);
	close(map.fd);
}

/* What has just been inserted is the first in its bucket. */
static int reinsert(const struct map *map, __u32 key)
{
	__u64 value = 0;

	return map_delete(map, &key) ?: map_update(map, &key, &value, VNP_MAP_NOEXIST);
}

static bool follows(const struct map *map, __u32 key, __u32 next)
{
	__u32 got;

	return !map_next_key(map, &key, &got) && got == next;
}

/* Are two keys, of which @key was inserted last, in the same bucket?  @first is then @key. */
static bool collide(const struct map *map, __u32 *first, __u32 key)
{
	if (!follows(map, key, *first) || reinsert(map, *first) || !follows(map, *first, key))
		return false;
	return !reinsert(map, key) && (*first = key);
}

/* Keys that are chosen to collide do not make lookups long. */
TEST_F(hash, collisions_are_few)
{
	__u32 first = 1, cnt = 1, key;
	__u64 value = 0;
	struct map map;
	int ret = 0;

	ASSERT_OK(map_create(self->dev, &map, VNP_MAP_HASH, 4, 8, 64, 0));
	ASSERT_EQ(0, map_update(&map, &first, &value, VNP_MAP_NOEXIST));
	for (key = 2; key < 100000; key++) {
		ret = map_update(&map, &key, &value, VNP_MAP_NOEXIST);
		if (ret)
			break;
		if (collide(&map, &first, key))
			cnt++;
		else
			ASSERT_EQ(0, map_delete(&map, &key));
	}
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_EQ(16, cnt);
	/* Those that are there can be replaced, and others inserted. */
	EXPECT_EQ(0, map_update(&map, &first, &value, VNP_MAP_EXIST));
	do {
		key++;
		ret = map_update(&map, &key, &value, VNP_MAP_NOEXIST);
	} while (ret == -ENOSPC);
	EXPECT_EQ(0, ret);
	close(map.fd);
}

struct inserter {
	pthread_t thread;
	const struct map *map;
	__u32 from;
	long inserted;
};

/* insert() - a thread that inserts keys until the map is full */
static void *insert(void *arg)
{
	struct inserter *in = arg;
	__u64 value = 0;

	for (__u32 i = 0; i < KEYS; i++) {
		__u32 key = in->from + i;

		if (!map_update(in->map, &key, &value, VNP_MAP_NOEXIST))
			in->inserted++;
	}
	return NULL;
}

/* Four threads insert 2000 keys into a map for 500: exactly 500 succeed. */
TEST_F_SMP(hash, limit_is_exact_among_threads)
{
	struct inserter in[4];
	struct vnp_map_info info;
	__u64 seen = 0;
	long sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		in[i] = (struct inserter) { .map = &self->map, .from = i * KEYS };
		ASSERT_EQ(0, pthread_create(&in[i].thread, NULL, insert, &in[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		pthread_join(in[i].thread, NULL);
		sum += in[i].inserted;
	}
	EXPECT_EQ(KEYS, sum);
	ASSERT_EQ(0, map_info(&self->map, &info));
	EXPECT_EQ(KEYS, info.entries);
	EXPECT_EQ(KEYS, walk(&self->map, &seen));
}

/* All threads insert the same keys: exactly one succeeds for each. */
TEST_F_SMP(hash, noexist_is_exact_among_threads)
{
	struct inserter in[4];
	long sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		in[i] = (struct inserter) { .map = &self->map };
		ASSERT_EQ(0, pthread_create(&in[i].thread, NULL, insert, &in[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		pthread_join(in[i].thread, NULL);
		sum += in[i].inserted;
	}
	EXPECT_EQ(KEYS, sum);
}

static atomic_bool stop;

/* churn() - a thread that inserts and deletes the upper half of the keys */
static void *churn(void *arg)
{
	const struct map *map = arg;
	__u64 value = 0;

	for (__u32 key = KEYS / 2; !stop; key = key == KEYS - 1 ? KEYS / 2 : key + 1) {
		map_update(map, &key, &value, VNP_MAP_ANY);
		map_delete(map, &key);
	}
	return NULL;
}

/* walk_lower() - an iteration that tolerates restarts; bits of @seen */
static int walk_lower(const struct map *map, __u8 *seen)
{
	__u32 key, next, *prev = NULL;
	int turns = 0, err;

	while (!(err = map_next_key(map, prev, &next))) {
		if (next < KEYS / 2)
			seen[next] = 1;
		key = next;
		prev = &key;
		if (++turns > 1000 * KEYS)
			return -ELOOP;
	}
	return err;
}

/* An iteration finds all keys that exist throughout, despite concurrent changes. */
TEST_F_SMP(hash, walk_during_deletions)
{
	__u8 seen[KEYS / 2], all[KEYS / 2];
	pthread_t thread;

	memset(all, 1, sizeof(all));
	ASSERT_EQ(0, fill_map(&self->map, 0, KEYS / 2));
	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, &self->map));
	for (int i = 0; i < 20; i++) {
		memset(seen, 0, sizeof(seen));
		EXPECT_EQ(-ENOENT, walk_lower(&self->map, seen));
		EXPECT_MEM(all, seen, sizeof(all));
	}
	stop = true;
	pthread_join(thread, NULL);
}

#define MANY	(1 << 12)

/* breathe() - a thread that fills a map and empties it except for the lower keys */
static void *breathe(void *arg)
{
	const struct map *map = arg;
	__u64 value = 0;
	__u32 key;

	while (!stop) {
		for (key = KEYS / 2; key < MANY; key++)
			map_update(map, &key, &value, VNP_MAP_ANY);
		for (key = KEYS / 2; key < MANY; key++)
			map_delete(map, &key);
	}
	return NULL;
}

/* The map is filled and emptied during the iteration. */
TEST_F_SMP(hash, walk_during_filling)
{
	__u8 seen[KEYS / 2], all[KEYS / 2];
	pthread_t thread;
	struct map map;

	memset(all, 1, sizeof(all));
	ASSERT_OK(map_create(self->dev, &map, VNP_MAP_HASH, 4, 8, MANY, 0));
	ASSERT_EQ(0, fill_map(&map, 0, KEYS / 2));
	ASSERT_EQ(0, pthread_create(&thread, NULL, breathe, &map));
	for (int i = 0; i < 20; i++) {
		memset(seen, 0, sizeof(seen));
		EXPECT_EQ(-ENOENT, walk_lower(&map, seen));
		EXPECT_MEM(all, seen, sizeof(all));
	}
	stop = true;
	pthread_join(thread, NULL);
	close(map.fd);
}

#define BIG	4096

/* replace() - a thread that sets one key to values of a single repeated letter */
static void *replace(void *arg)
{
	const struct map *map = arg;
	__u8 value[BIG], letter = 0;
	__u32 key = 0;

	while (!stop) {
		memset(value, letter++, sizeof(value));
		map_update(map, &key, value, VNP_MAP_ANY);
	}
	return NULL;
}

/* A lookup returns one value or another, never a mix. */
TEST_F_SMP(hash, values_are_whole)
{
	pthread_t threads[2];
	__u8 value[BIG];
	struct map map;
	__u32 key = 0;

	ASSERT_OK(map_create(self->dev, &map, VNP_MAP_HASH, 4, BIG, 2, 0));
	memset(value, 0, sizeof(value));
	ASSERT_EQ(0, map_update(&map, &key, value, VNP_MAP_ANY));
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, replace, &map));
	for (int i = 0; i < 500; i++) {
		ASSERT_EQ(0, map_lookup(&map, &key, value));
		EXPECT_MEM(value, value + 1, BIG - 1);
	}
	stop = true;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	close(map.fd);
}

/* All memory is allocated at creation: replacing a value allocates none. */
TEST_F(hash, replacing_takes_no_memory)
{
	struct vnp_map_info before, after;
	__u8 *value = calloc(1, 1 << 20);
	struct map map;
	__u32 key = 0;

	ASSERT_OK(map_create(self->dev, &map, VNP_MAP_HASH, 4, 1 << 20, 2, 0));
	ASSERT_EQ(0, map_info(&map, &before));
	for (key = 0; key < 2; key++)
		ASSERT_EQ(0, map_update(&map, &key, value, VNP_MAP_NOEXIST));
	key = 0;
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(0, map_update(&map, &key, value, VNP_MAP_EXIST));
	ASSERT_EQ(0, map_info(&map, &after));
	EXPECT_EQ(before.mem, after.mem);
	close(map.fd);
	free(value);
}

FIXTURE(mapping) {
	int dev;
	struct map map;
	size_t len;
};

#define WORDS	1024	/* two pages of values of 8 bytes */

FIXTURE_SETUP(mapping)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_OK(map_create(self->dev, &self->map, VNP_MAP_ARRAY, 4, 8, WORDS,
			     VNP_MAP_F_MMAP));
	self->len = WORDS * 8;
}

FIXTURE_TEARDOWN(mapping)
{
	close(self->map.fd);
}

static void *map_memory(const struct map *map, size_t len, int prot)
{
	return mmap(NULL, len, prot, MAP_SHARED, map->fd, 0);
}

TEST_F(mapping, is_the_map)
{
	__u64 *words = map_memory(&self->map, self->len, PROT_READ | PROT_WRITE);
	__u64 value = 77, got;
	__u32 key = 700;

	ASSERT_NE(MAP_FAILED, words);
	ASSERT_EQ(0, map_update(&self->map, &key, &value, VNP_MAP_ANY));
	EXPECT_EQ(77, words[700]);
	words[701] = 78;
	key = 701;
	ASSERT_EQ(0, map_lookup(&self->map, &key, &got));
	EXPECT_EQ(78, got);
}

/* Values of 11 bytes begin at multiples of 16. */
TEST_F(mapping, stride)
{
	__u8 value[VALUE_SIZE], *mem;
	struct map map;

	ASSERT_OK(map_create(self->dev, &map, VNP_MAP_ARRAY, 4, VALUE_SIZE, 100,
			     VNP_MAP_F_MMAP));
	mem = map_memory(&map, 4096, PROT_READ);
	ASSERT_NE(MAP_FAILED, mem);
	for (__u32 key = 0; key < 100; key++) {
		fill_random(value, sizeof(value), key);
		ASSERT_EQ(0, map_update(&map, &key, value, VNP_MAP_ANY));
		EXPECT_MEM(value, mem + key * 16, VALUE_SIZE);
	}
}

TEST_F(mapping, at_most_the_map)
{
	const int prot = PROT_READ | PROT_WRITE;
	__u64 *words;

	EXPECT_EQ(MAP_FAILED, map_memory(&self->map, self->len + 1, prot));
	EXPECT_EQ(MAP_FAILED, map_memory(&self->map, 1 << 20, prot));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->len, prot, MAP_SHARED, self->map.fd,
				   4096));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, prot, MAP_SHARED, self->map.fd,
				   self->len));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, prot, MAP_SHARED, self->map.fd,
				   0x7ffffffffffff000));
	words = mmap(NULL, 4096, prot, MAP_SHARED, self->map.fd, 4096);
	ASSERT_NE(MAP_FAILED, words);
	words[0] = 5;
	EXPECT_EQ(MAP_FAILED, mremap(words, 4096, 8192, MREMAP_MAYMOVE));
}

TEST_F(mapping, only_as_asked)
{
	const int prot = PROT_READ | PROT_WRITE;
	struct map other;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->len, prot, MAP_PRIVATE,
				   self->map.fd, 0));
	EXPECT_EQ(MAP_FAILED, map_memory(&self->map, self->len, prot | PROT_EXEC));
	ASSERT_OK(map_create(self->dev, &other, VNP_MAP_ARRAY, 4, 8, WORDS, 0));
	EXPECT_EQ(MAP_FAILED, map_memory(&other, self->len, prot));
	ASSERT_OK(map_create(self->dev, &other, VNP_MAP_HASH, 4, 8, WORDS, 0));
	EXPECT_EQ(MAP_FAILED, map_memory(&other, self->len, prot));
}

/* A read-only mapping stays read-only. */
TEST_F(mapping, read_only_cannot_be_raised)
{
	__u64 *words = map_memory(&self->map, self->len, PROT_READ);

	ASSERT_NE(MAP_FAILED, words);
	EXPECT_EQ(-1, mprotect(words, self->len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(-1, mprotect(words, self->len, PROT_READ | PROT_EXEC));
	EXPECT_EQ(0, words[0]);
}

TEST_F(mapping, outlives_the_descriptor)
{
	__u64 *words = map_memory(&self->map, self->len, PROT_READ | PROT_WRITE);
	struct vnp_map_info info;

	ASSERT_NE(MAP_FAILED, words);
	ASSERT_EQ(0, map_info(&self->map, &info));
	close(self->map.fd);
	words[1000] = 6;
	EXPECT_EQ(6, words[1000]);
	EXPECT_EQ(1, obj_visible(self->dev, VNP_OBJ_MAP, info.id));
	munmap(words, self->len);
	EXPECT_EQ(0, obj_visible(self->dev, VNP_OBJ_MAP, info.id));
}

/*
 * A map with a writable mapping cannot be frozen; a frozen one cannot be mapped writable.
 */
TEST_F(mapping, freeze)
{
	const int prot = PROT_READ | PROT_WRITE;
	__u64 *words = map_memory(&self->map, self->len, prot);

	ASSERT_NE(MAP_FAILED, words);
	words[0] = 1;
	EXPECT_EQ(-EBUSY, map_freeze(&self->map));
	ASSERT_EQ(0, mprotect(words, self->len, PROT_READ));
	EXPECT_EQ(-EBUSY, map_freeze(&self->map));
	munmap(words, self->len);
	EXPECT_EQ(0, map_freeze(&self->map));
	EXPECT_EQ(MAP_FAILED, map_memory(&self->map, self->len, prot));
	words = map_memory(&self->map, self->len, PROT_READ);
	ASSERT_NE(MAP_FAILED, words);
	EXPECT_EQ(1, words[0]);
	EXPECT_EQ(-1, mprotect(words, self->len, prot));
}

/* A partial mapping, and a child's copy, count as mappings. */
TEST_F(mapping, freeze_knows_parts_and_children)
{
	const int prot = PROT_READ | PROT_WRITE;
	char *mem = map_memory(&self->map, self->len, prot);
	int go[2];
	pid_t child;
	char byte;

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, pipe(go));
	child = fork();
	if (!child) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) != 0);
	}
	munmap(mem, 4096);
	EXPECT_EQ(-EBUSY, map_freeze(&self->map));
	munmap(mem + 4096, self->len - 4096);
	EXPECT_EQ(-EBUSY, map_freeze(&self->map));
	close(go[1]);
	EXPECT_EQ(0, finish(child));
	EXPECT_EQ(0, map_freeze(&self->map));
}

TEST_F_SMP(mapping, words_are_whole)
{
	volatile __u64 *words = map_memory(&self->map, self->len, PROT_READ);
	const __u64 values[] = { 0, ~0ULL };
	__u32 key = 9;

	ASSERT_NE(MAP_FAILED, words);
	for (int i = 0; i < 2000; i++) {
		ASSERT_EQ(0, map_update(&self->map, &key, &values[i & 1], 0));
		ASSERT_EQ(values[i & 1], words[9]);
	}
}

TEST_HARNESS_MAIN
