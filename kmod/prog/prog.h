/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs: verified, lowered and compiled once, never changed afterwards.
 *
 * A program holds references to its maps.  It is executed under RCU with softirqs off, so
 * executing one that can be replaced (struct vnp_link::prog) requires no reference.
 *
 * A program is direct if all of the following holds.  It costs at most VNP_ACCOUNT_LIGHT units
 * (account.h); of the context it only reads data and data_end; it sees the payload, not the IP
 * header, and does not write to it; it calls no helper; and its result has 32 bits.  For such
 * programs there are shorter paths in udp/rcv.c and path/dispatch.c.
 */
#ifndef _VNP_PROG_PROG_H
#define _VNP_PROG_PROG_H

#include <linux/filter.h>
#include "kmod/core/object.h"
#include "vm/exec.h"

struct vnp_code;
struct vnp_map;
struct vnp_prog_log;
struct vnp_user;

/**
 * struct vnp_prog - a program
 * @obj:	the object; first member
 * @bpf:	the native code
 * @func:	entry point of the native code; for a program that authenticates datagrams
 *		vnp_prog_authenticate(), which calls that
 * @user:	the user charged for its native code; a reference
 * @ctx_fields:	fields of the context to initialize, struct vnp_code::ctx_fields, and
 *		VNP_CTX_SENDS
 * @writes_packet: the payload must be private before an execution
 * @len_max:	maximum length of the payload that the verifier assumed
 * @direct_max:	for a direct program (see above) @len_max with the UDP header, else 0
 * @sees_packet: its payload begins at the IP header, not after the UDP header
 * @linear:	a message must be contiguous and private before an execution (tcp/copy.h)
 * @sends:	it calls a helper that sends, so its maps of peers must have a socket
 * @holds:	it calls a helper for messages that are held (hold/hold.h)
 * @detour:	vnp_dispatch() has other functions for it: it @holds, or is vnp_prog_none
 * @wide_ret:	the result may exceed 32 bits, and is in struct vnp_exec::retval
 * @light_ns:	what an execution charges to the user's account (account.h); 0: it is timed
 * @worst_ns:	maximum duration of an execution, in ns
 * @log:	where vnp_log() writes to; NULL if the program never does
 * @code:	output of vm/, for dumps
 * @maps:	references
 * @map_cnt:	number of @maps
 * @load_time:	ns of CLOCK_BOOTTIME
 * @verify_ns:	ns that verifying took
 * @tag:	the first bytes of a SHA-256 over the instructions
 */
struct vnp_prog {
	struct vnp_obj obj;
	struct bpf_prog *bpf;
	bpf_func_t func;
	struct vnp_user *user;
	u64 ctx_fields;
	u32 len_max;
	u32 direct_max;
	bool writes_packet;
	bool sees_packet;
	bool linear;
	bool sends;
	bool holds;
	bool detour;
	bool wide_ret;
	u32 light_ns;
	u64 worst_ns;
	struct vnp_prog_log *log;

	struct vnp_code *code;
	struct vnp_map **maps;
	u32 map_cnt;
	u64 load_time;
	u64 verify_ns;
	u8 tag[8];
};

extern const struct vnp_obj_ops vnp_prog_obj_ops;

/* vnp_prog_none - a placeholder for no program, with @direct_max 0 */
extern struct vnp_prog vnp_prog_none;

/**
 * vnp_prog_load() - VNP_PROG_LOAD
 * @attr:	arguments, in the kernel
 * @uattr:	the same in user space, for the output log_len
 *
 * Context: process.
 * Return: descriptor or errno.
 */
long vnp_prog_load(const struct vnp_prog_load *attr,
		   struct vnp_prog_load __user *uattr);

/* vnp_prog_hardened() - must the caller's programs be lowered as untrusted? */
bool vnp_prog_hardened(void);

/* vnp_prog_from_fd() - as vnp_obj_from_fd().  Context: process */
struct vnp_prog *vnp_prog_from_fd(int fd);

/* vnp_prog_put() - put a reference.  Context: any but hard interrupts */
static inline void vnp_prog_put(struct vnp_prog *prog)
{
	vnp_obj_put(&prog->obj);
}

/**
 * vnp_prog_authenticate() - execute a program that authenticates datagrams
 * @ctx:	of a struct vnp_dgram
 * @insns:	not used
 *
 * Other programs are called without this function, which would slow them down.
 *
 * Return: R0; but @fault, which is set to %VNP_EXEC_UNAUTHENTIC, if the datagram is not
 * authentic.
 */
unsigned int vnp_prog_authenticate(const void *ctx, const struct bpf_insn *insns);

/* vnp_prog_test() - VNP_PROG_RUN.  Context: process.  Return: 0 or errno */
long vnp_prog_test(struct vnp_prog *prog, struct vnp_prog_run *attr);

#endif /* _VNP_PROG_PROG_H */
