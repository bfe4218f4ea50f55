// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The helpers of vm/helper.h in this process.  The module's are in kmod/prog/helpers.c;
 * both implement <vnp/program.h>.
 */
#include <sys/random.h>
#include <sys/socket.h>

#include "user_map.h"
#include "user_exec.h"
#include "vm/isa/format.h"
#include "vm/helper.h"

static void ctx_set(struct vnp_user_exec *user)
{
	user->exec.ctx.data = user->direct;
	user->exec.ctx.data_end = user->direct + user->direct_len;
}

/* As for VNP_PROG_RUN */
static u32 family_of(const struct vnp_user_exec *user, u32 type)
{
	return type == VNP_PROG_PACKET && user->len && *user->indirect >> 4 == 6 ?
	       AF_INET6 : AF_INET;
}

int vnp_user_exec_init(struct vnp_user_exec *user, u32 type,
		      const struct vnp_run_opts *opts,
		      const struct vnp_printer *print)
{
	memset(user, 0, sizeof(*user));
	user->print = print;
	user->len = opts->data_in_len;
	user->crypt_left = type == VNP_PROG_MESSAGE ? vnp_crypt_limit(user->len) : U32_MAX;
	user->direct_len = opts->direct_len ?: user->len;
	user->direct = malloc(user->direct_len);
	user->indirect = malloc(user->len);
	if ((user->direct_len && !user->direct) || (user->len && !user->indirect)) {
		vnp_user_exec_destroy(user);
		return -ENOMEM;
	}
	if (user->len) {
		memcpy(user->indirect, opts->data_in, user->len);
		memcpy(user->direct, user->indirect, user->direct_len);
	}
	user->exec.ctx.len = user->len;
	user->exec.ctx.family = family_of(user, type);
	ctx_set(user);
	return 0;
}

void vnp_user_exec_destroy(struct vnp_user_exec *user)
{
	free(user->direct);
	free(user->indirect);
}

/* Number of the @len bytes at @off that are direct */
static u32 direct_cnt(const struct vnp_user_exec *user, u32 off, u32 len)
{
	return off < user->direct_len ? min(len, user->direct_len - off) : 0;
}

static void payload_read(const struct vnp_user_exec *user, u32 off, void *to, u32 len)
{
	u32 cnt = direct_cnt(user, off, len);

	if (cnt)
		memmove(to, user->direct + off, cnt);
	if (len > cnt)
		memmove((u8 *)to + cnt, user->indirect + off + cnt, len - cnt);
}

void vnp_user_exec_copy_out(const struct vnp_user_exec *user, void *to, u32 len)
{
	payload_read(user, 0, to, len);
}

u64 vnp_helper_map_lookup(u64 map, u64 key, u64 r3, u64 r4, u64 r5)
{
	(void)r3, (void)r4, (void)r5;
	return ptr_to_u64(vnp_user_map_find(ptr(struct vnp_user_map *, map),
					    ptr(void *, key)));
}

u64 vnp_helper_map_update(u64 map, u64 key, u64 value, u64 flags, u64 r5)
{
	(void)r5;
	return vnp_user_map_set(ptr(struct vnp_user_map *, map), ptr(void *, key),
				ptr(void *, value), flags);
}

u64 vnp_helper_map_delete(u64 map, u64 key, u64 r3, u64 r4, u64 r5)
{
	(void)r3, (void)r4, (void)r5;
	return vnp_user_map_remove(ptr(struct vnp_user_map *, map),
				   ptr(void *, key));
}

u64 vnp_helper_load_bytes(u64 ctx, u64 off, u64 to, u64 len, u64 r5)
{
	const struct vnp_user_exec *user = user_of(ctx);

	(void)r5;
	if (!range_ok(user, off, len)) {
		memset(ptr(void *, to), 0, (u32)len);
		return -ERANGE;
	}
	payload_read(user, off, ptr(void *, to), len);
	return 0;
}

int vnp_user_exec_direct(struct vnp_user_exec *user, u32 len)
{
	u8 *direct;

	if (len <= user->direct_len)
		return 0;
	direct = malloc(len);
	if (!direct)
		return -ENOMEM;
	payload_read(user, 0, direct, len);
	free(user->direct);
	user->direct = direct;
	user->direct_len = len;
	ctx_set(user);
	return 0;
}

/* As in the kernel, all bytes up to the last one written become direct */
u64 vnp_helper_store_bytes(u64 ctx, u64 off, u64 from, u64 len, u64 r5)
{
	struct vnp_user_exec *user = user_of(ctx);

	(void)r5;
	if (!range_ok(user, off, len))
		return -ERANGE;
	if (vnp_user_exec_direct(user, (u32)off + (u32)len))
		return -ENOMEM;
	memcpy(user->direct + (u32)off, ptr(void *, from), (u32)len);
	return 0;
}

u64 vnp_helper_pull(u64 ctx, u64 want, u64 r3, u64 r4, u64 r5)
{
	struct vnp_user_exec *user = user_of(ctx);
	u32 len = (u32)want ?: user->len;

	(void)r3, (void)r4, (void)r5;
	return len > user->len ? -ERANGE : vnp_user_exec_direct(user, len);
}

int vnp_user_exec_resize(struct vnp_user_exec *user, s64 start, s64 len)
{
	const u32 added = start < 0 ? -start : 0, from = max(start, 0);
	u8 *direct;

	if (len < 0)
		return -EINVAL;
	if (len > VNP_RUN_DATAGRAM_MAX)
		return -EMSGSIZE;
	direct = calloc(len, 1);
	if (len && !direct)
		return -ENOMEM;
	payload_read(user, from, direct + added, min(len - added, user->len - from));
	free(user->direct);
	user->direct = direct;
	user->direct_len = len;
	user->len = len;
	user->exec.ctx.len = len;
	ctx_set(user);
	return 0;
}

u64 vnp_helper_adjust_head(u64 ctx, u64 delta, u64 r3, u64 r4, u64 r5)
{
	struct vnp_user_exec *user = user_of(ctx);

	(void)r3, (void)r4, (void)r5;
	return vnp_user_exec_resize(user, (s32)delta, (s64)user->len - (s32)delta);
}

u64 vnp_helper_adjust_tail(u64 ctx, u64 delta, u64 r3, u64 r4, u64 r5)
{
	struct vnp_user_exec *user = user_of(ctx);

	(void)r3, (void)r4, (void)r5;
	return vnp_user_exec_resize(user, 0, (s64)user->len + (s32)delta);
}

u64 vnp_helper_time_ns(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	(void)r1, (void)r2, (void)r3, (void)r4, (void)r5;
	return vnp_now_ns(CLOCK_MONOTONIC);
}

u64 vnp_helper_random_u32(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	u32 val = 0;

	(void)r1, (void)r2, (void)r3, (void)r4, (void)r5;
	if (getrandom(&val, sizeof(val), 0) != sizeof(val))
		return 0;
	return val;
}

/* Ones' complement sum of 32 bit words: as the kernel's csum_partial() adds them */
static u32 csum_add_words(u32 sum, const void *words, u32 len, bool invert)
{
	const u8 *bytes = words;
	u64 wide = sum;
	u32 word, i;

	for (i = 0; i < len; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		wide += invert ? ~word : word;
		wide = (wide & U32_MAX) + (wide >> 32);
	}
	return wide;
}

u64 vnp_helper_csum_diff(u64 from, u64 from_len, u64 to, u64 to_len, u64 seed)
{
	u32 sum = seed;

	if (((u32)from_len | (u32)to_len) % 4 || (u32)from_len > VNP_CSUM_DIFF_MAX ||
	    (u32)to_len > VNP_CSUM_DIFF_MAX)
		return -EINVAL;
	sum = csum_add_words(sum, ptr(void *, from), from_len, true);
	return csum_add_words(sum, ptr(void *, to), to_len, false);
}

u64 vnp_helper_log(u64 ctx, u64 fmt, u64 fmt_len, u64 args, u64 args_len)
{
	const struct vnp_user_exec *user = user_of(ctx);
	char line[VNP_FORMAT_LINE_MAX], format[VNP_FORMAT_MAX];
	u64 values[VNP_FORMAT_ARGS_MAX];
	int len;

	if (vnp_format_fits(fmt_len, args_len)) {
		memcpy(format, ptr(void *, fmt), (u32)fmt_len);
		if ((u32)args_len)
			memcpy(values, ptr(void *, args), (u32)args_len);
	}

	len = vnp_format(line, sizeof(line), format, fmt_len, values, args_len);
	vnp_print(user->print, VNP_PRINT_PROGRAM, "%s", line);
	return min(len, 0);
}
