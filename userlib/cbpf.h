/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Translates classic BPF, as printed by tcpdump -ddd and taken by SO_ATTACH_FILTER, to a
 * program of type %VNP_PROG_PACKET.
 *
 *	cbpf_check.c	refuses what the kernel would refuse, with a message
 *	cbpf.c		the translation
 *	cbpf_text.c	instructions as text
 *	cbpf_object.c	puts these together
 */
#ifndef _VNP_USERLIB_CBPF_H
#define _VNP_USERLIB_CBPF_H

#include <stdbool.h>
#include <linux/filter.h>

#include "vnp/libvnp.h"

/* Bytes of a message, with its NUL */
#define VNP_CBPF_WHY		160

/**
 * struct vnp_cbpf - a translation
 * @insns:	the program; owned
 * @insn_cnt:	number of @insns
 * @start:	for each classic instruction, where it begins in @insns; owned
 */
struct vnp_cbpf {
	struct bpf_insn *insns;
	__u32 insn_cnt;
	__u32 *start;
};

/**
 * vnp_cbpf_translate() - translate a classic program
 * @insns:	the classic program; not trusted
 * @cnt:	number of instructions
 * @dlt:	the link-layer header it expects before the IP header
 * @to:		out; vnp_cbpf_free() it
 * @why:	out: after -EINVAL and -EOPNOTSUPP, a message with the reason
 *
 * The program returns %VNP_DROP where the classic one returns 0, else %VNP_PASS.
 *
 * Return: 0; -EINVAL (the kernel would refuse it too); -EOPNOTSUPP (it loads data that
 * VNP does not support, or its translation is too long); -ENOMEM.
 */
int vnp_cbpf_translate(const struct sock_filter *insns, size_t cnt, enum vnp_dlt dlt,
		       struct vnp_cbpf *to, char why[VNP_CBPF_WHY]);

void vnp_cbpf_free(struct vnp_cbpf *cbpf);

/* vnp_cbpf_check() - the checks of vnp_cbpf_translate() that return -EINVAL */
int vnp_cbpf_check(const struct sock_filter *insns, size_t cnt, char why[VNP_CBPF_WHY]);

/* vnp_cbpf_refuse() - write the message; returns @err */
int vnp_cbpf_refuse(char why[VNP_CBPF_WHY], int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* vnp_cbpf_text() - instruction @at of a checked program as text */
void vnp_cbpf_text(const struct sock_filter *insn, __u32 at, char *text, size_t len);

/*
 * vnp_cbpf_is_ancillary() - is it a load of ancillary data, not of packet bytes?
 */
static inline bool vnp_cbpf_is_ancillary(const struct sock_filter *insn)
{
	return BPF_CLASS(insn->code) == BPF_LD && BPF_MODE(insn->code) == BPF_ABS &&
	       insn->k >= (__u32)SKF_AD_OFF;
}

/* bytes that an instruction loads from the packet */
static inline __u32 vnp_cbpf_size(const struct sock_filter *insn)
{
	switch (BPF_SIZE(insn->code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	default:
		return 4;
	}
}

#endif /* _VNP_USERLIB_CBPF_H */
