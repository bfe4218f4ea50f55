/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What holds even if branches are mispredicted.
 *
 * Layer: above verify.h; verify.c calls it for untrusted users.
 *
 * A processor that mispredicts executes a path that the program does not take, for a few hundred
 * instructions, and what it loads there can be recovered later through side channels.  So for
 * untrusted users it is not enough that a comparison keeps an access in bounds.
 *
 * This is a second abstract interpretation of a program that was verified.  It learns
 * from no branch and no guard, and relies on no store to the stack: a load may return
 * whatever any instruction ever stores in that slot, as a load can overtake the store.
 * It follows each edge of the lowered code.  What it proves holds for all instructions
 * that a processor executes, provided that it does not speculate on data; where it
 * cannot prove an access, it requests
 *
 *	a mask (struct vnp_access::masks), which computes without a branch whether the
 *	pointer is good, and makes it harmless if not; or
 *	a barrier (VNP_AUX_BARRIER), after which the verifier's findings hold.
 *
 * Addresses within VNP_SPEC_NULL bytes of 0, in either direction, are called harmless: nothing
 * is mapped there.  So here a pointer is either inside its object or harmless.
 * lower/mask.c has the masks, Documentation/security.rst the whole argument.
 */
#ifndef _VNP_VM_HARDEN_SPEC_H
#define _VNP_VM_HARDEN_SPEC_H

struct vnp_code;

/*
 * The range of an instruction's offset.  It is assumed that mmap_min_addr is not less
 * (Documentation/security.rst)
 */
#define VNP_SPEC_NULL	32768

/**
 * vnp_spec() - find the accesses that need a mask or a barrier
 * @code:	verified
 *
 * Return: 0, -E2BIG (the log says why), -ENOMEM, -EINTR.
 */
int vnp_spec(struct vnp_code *code);

#endif /* _VNP_VM_HARDEN_SPEC_H */
