/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef _VNP_VM_REPORT_REPORT_H
#define _VNP_VM_REPORT_REPORT_H

struct vnp_code;

/**
 * vnp_report() - summarize what was proven and guarded
 * @code:	after vnp_verify()
 *
 * "41 accesses proven, 2 guarded: relay.bpf.c:57, :91; 1 loop metered: :44; stack 64
 * bytes.", so that its author can avoid the guards.
 */
void vnp_report(const struct vnp_code *code);

#endif /* _VNP_VM_REPORT_REPORT_H */
