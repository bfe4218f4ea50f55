/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Checks what spec.h promises for hardened code, on the lowered instructions alone,
 * independently of the passes that emitted them.
 */
#ifndef _VNP_VM_CHECK_LOWERED_H
#define _VNP_VM_CHECK_LOWERED_H

struct vnp_code;
struct vnp_log;

/**
 * vnp_check_lowered() - prove that no access leaves its object, whatever is
 *			 mispredicted
 * @code:	lowered with struct vnp_code::harden
 * @log:	gets what is wrong and where; may be NULL
 *
 * Return: 0, -EACCES (something is not proven), -ENOMEM.
 */
int vnp_check_lowered(const struct vnp_code *code, struct vnp_log *log);

#endif /* _VNP_VM_CHECK_LOWERED_H */
