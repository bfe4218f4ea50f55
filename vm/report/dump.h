/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef _VNP_VM_REPORT_DUMP_H
#define _VNP_VM_REPORT_DUMP_H

struct vnp_code;
struct vnp_lowered_insn;

/**
 * vnp_lowered_dump() - the lowered instructions as users may see them
 * @code:	after vnp_lower()
 * @out:	room for as many as @code->lowered has
 *
 * Where an instruction has the address of a map, it shows the map's index; where an immediate is
 * blinded, the immediate.
 */
void vnp_lowered_dump(const struct vnp_code *code, struct vnp_lowered_insn *out);

#endif /* _VNP_VM_REPORT_DUMP_H */
