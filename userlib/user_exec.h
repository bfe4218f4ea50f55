/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * An execution in this process: struct vnp_exec and the payload.  As in the kernel, only
 * the first bytes of the payload may be direct; helpers make more of it direct.
 */
#ifndef _VNP_USERLIB_USER_EXEC_H
#define _VNP_USERLIB_USER_EXEC_H

#include <time.h>

#include "internal.h"
#include "vm/exec.h"
#include "vm/held.h"

static inline u64 vnp_now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/**
 * struct vnp_user_exec - consecutive executions on one payload
 * @exec:	the program's environment; helpers find this structure through it
 * @direct:	the direct bytes, exactly as long; reallocated when their number changes
 * @direct_len:	number of direct bytes
 * @indirect:	the others: bytes from @direct_len to @len of the payload are here at
 *		the same offsets
 * @len:	bytes of payload
 * @held:	the datagram that this execution holds; zero before it begins
 * @crypt_left:	how many more bytes may be encrypted or authenticated
 * @unauthentic: the payload failed authentication: whatever the program returns, it is dropped
 * @print:	print function for vnp_log(); borrowed
 */
struct vnp_user_exec {
	struct vnp_exec exec;
	u8 *direct;
	u32 direct_len;
	u8 *indirect;
	u32 len;
	struct vnp_held_one held;
	u32 crypt_left;
	bool unauthentic;
	const struct vnp_printer *print;
};

/* vnp_user_exec_init() - for a program of @type, enum vnp_prog_type */
int vnp_user_exec_init(struct vnp_user_exec *user, u32 type,
		      const struct vnp_run_opts *opts,
		      const struct vnp_printer *print);
void vnp_user_exec_destroy(struct vnp_user_exec *user);

#define ptr(type, reg)	((type)(uintptr_t)(reg))

static inline struct vnp_user_exec *user_of(u64 ctx)
{
	return ptr(struct vnp_user_exec *,
		   ctx - offsetof(struct vnp_user_exec, exec.ctx));
}

static inline bool range_ok(const struct vnp_user_exec *user, u32 off, u32 len)
{
	return off <= user->len && len <= user->len - off;
}

/* vnp_user_exec_direct() - make the first @len bytes direct.  Return: 0, -ENOMEM */
int vnp_user_exec_direct(struct vnp_user_exec *user, u32 len);

/*
 * vnp_user_exec_resize() - make the payload @len bytes long, of which the first is its present
 * byte @start.  Those that it did not have are zero.  As in the kernel, all of it becomes
 * direct.  Return: 0, -EINVAL, -EMSGSIZE, -ENOMEM
 */
int vnp_user_exec_resize(struct vnp_user_exec *user, s64 start, s64 len);

/* vnp_user_exec_copy_out() - the first @len bytes of the payload */
void vnp_user_exec_copy_out(const struct vnp_user_exec *user, void *to, u32 len);

#endif /* _VNP_USERLIB_USER_EXEC_H */
