/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * processor.h for native code in a module or a process.  Maps are variables of the file
 * that includes this header, without locking.
 */
#ifndef _VNP_BENCH_PROCESSOR_NATIVE_H
#define _VNP_BENCH_PROCESSOR_NATIVE_H

#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/string.h>

static inline __u64 time_ns(void)
{
	return ktime_get_mono_fast_ns();
}
#else
#include <stddef.h>
#include <string.h>
#include <time.h>

#ifndef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#endif

static inline __u64 time_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}
#endif

#define PROCESSOR_ARRAY(map, _type, entries)				\
	static struct { _type value[entries]; } map

#define array_get(map, index)						\
({									\
	__u32 ___index = (index);					\
									\
	___index < sizeof((map).value) / sizeof((map).value[0]) ?	\
		&(map).value[___index] : NULL;				\
})

/* Linear probing with twice as many slots as entries; entries are never removed */
#define PROCESSOR_HASH(map, _key, _type, entries)			\
	static struct {							\
		__u32 cnt;						\
		struct { __u32 used; _key key; _type value; } slot[2 * (entries)]; \
	} map

#define NATIVE_SLOTS(map)	(sizeof((map).slot) / sizeof((map).slot[0]))
#define NATIVE_KEY(map)		offsetof(typeof((map).slot[0]), key)

/* The slot with this key, or the free one where it would be */
static inline void *native_slot(void *slots, __u32 cnt, __u32 size, __u32 key_off,
				const void *key, __u32 key_size)
{
	const __u8 *bytes = key;
	__u32 hash = 0, i;
	char *slot;

	for (i = 0; i < key_size; i++)
		hash = (hash ^ bytes[i]) * 0x9e3779b1 >> 1;
	for (i = hash % cnt;; i = i + 1 < cnt ? i + 1 : 0) {
		slot = (char *)slots + i * size;
		if (!*(__u32 *)slot || !memcmp(slot + key_off, key, key_size))
			return slot;
	}
}

#define native_find(map, _key)						\
	((typeof(&(map).slot[0]))native_slot((map).slot, NATIVE_SLOTS(map), \
		sizeof((map).slot[0]), NATIVE_KEY(map), _key, sizeof(*(_key))))

#define hash_get(map, key)						\
({									\
	typeof(&(map).slot[0]) ___slot = native_find(map, key);		\
									\
	___slot->used ? &___slot->value : NULL;				\
})

#define hash_add(map, _key, _value)					\
({									\
	typeof(&(map).slot[0]) ___slot = native_find(map, _key);	\
	int ___err = ___slot->used || (map).cnt == NATIVE_SLOTS(map) / 2; \
									\
	if (!___err) {							\
		___slot->used = 1;					\
		___slot->key = *(_key);					\
		___slot->value = *(_value);				\
		(map).cnt++;						\
	}								\
	___err;								\
})

#define PROCESSOR(name)

#endif /* _VNP_BENCH_PROCESSOR_NATIVE_H */
