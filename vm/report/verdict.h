/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef _VNP_VM_REPORT_VERDICT_H
#define _VNP_VM_REPORT_VERDICT_H

struct vnp_code;

/**
 * vnp_verdict_report() - warn of constants that are returned and are no verdicts
 * @code:	verified, and accepted
 *
 * At run time each of them is the fault VNP_FAULT_VERDICT.  "return -1" for an error is
 * likely a mistake, so each such constant is named in the report.  Best effort: a
 * constant that passes through the stack is not found, and neither are those of
 * programs with too many.
 */
void vnp_verdict_report(const struct vnp_code *code);

#endif /* _VNP_VM_REPORT_VERDICT_H */
