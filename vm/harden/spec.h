/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What holds even where a branch was mispredicted.
 *
 * A processor that mispredicts goes a way that the program does not, for some
 * hundred instructions, and what it reads there can be found out later.  So for a
 * user who is not trusted, being in bounds behind a comparison is not enough.
 *
 * This is a second abstract interpretation of a program that was verified.  It
 * believes no branch and no guard, and no store to the stack: a load may
 * give whatever was stored in that slot, at any time, by any instruction, for a load
 * can overtake the store.  It follows each edge that lowered code has.  What it
 * proves holds for all that a processor executes, if only data are what they
 * are; where it cannot prove an access, it asks for
 *
 *	a mask (struct vnp_access::masks), which computes from addresses alone whether
 *	the pointer is good, and makes it a harmless one if not; or
 *	a barrier (VNP_AUX_BARRIER), behind which all is what the verifier said.
 *
 * Harmless are addresses within VNP_SPEC_NULL bytes of 0, in either
 * direction: nobody maps anything there.  What a pointer may be here is thus: inside
 * its object, or harmless.  lower/mask.c has the masks,
 * Documentation/security.rst the whole argument.
 */
#ifndef _VNP_VM_HARDEN_SPEC_H
#define _VNP_VM_HARDEN_SPEC_H

struct vnp_code;

/* As far as an instruction's offset reaches; mmap_min_addr is not less */
#define VNP_SPEC_NULL	32768

/**
 * vnp_spec() - find the accesses that want a mask or a barrier
 * @code:	verified
 *
 * Return: 0, -E2BIG (the log says why), -ENOMEM, -EINTR.
 */
int vnp_spec(struct vnp_code *code);

#endif /* _VNP_VM_HARDEN_SPEC_H */
