// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Relocations: what clang left open in the instructions.  A 64 bit immediate load
 * of a map or of a global variable gets the index of the map in the program's
 * list of maps, as <linux/vnp.h> wants it.
 */

#include "elf_file.h"
#include "vm/code.h"

#define INSN_LEN	sizeof(struct bpf_insn)

static bool insn_is_ldimm64(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static bool insn_is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL);
}

/* The place of @map in the program's list; put there if it is new */
static int program_map_index(struct vnp_program *prog, struct vnp_map *map)
{
	struct vnp_map **maps;
	__u32 i;

	for (i = 0; i < prog->map_cnt; i++)
		if (prog->maps[i] == map)
			return i;

	if (prog->map_cnt == VNP_MAPS_MAX) {
		vnp_error(&prog->print, "Program %s uses more than %d maps and sections of global variables.",
			  prog->name, VNP_MAPS_MAX);
		return -E2BIG;
	}
	maps = realloc(prog->maps, (prog->map_cnt + 1) * sizeof(*maps));
	if (!maps)
		return -ENOMEM;
	prog->maps = maps;
	maps[prog->map_cnt] = map;
	return prog->map_cnt++;
}

static struct vnp_map *map_find(const struct vnp_object *obj, size_t shndx, __u64 off)
{
	struct vnp_map *map;

	for (map = obj->maps; map; map = map->next)
		if (map->shndx == shndx && (map->is_data || map->offset == off))
			return map;
	return NULL;
}

static int undefined_refuse(const struct vnp_program *prog, size_t insn,
			    const char *name)
{
	vnp_error(&prog->print, "Program %s, insn %zu: nobody defines %s; helpers are declared in <vnp/program.h>.",
		  prog->name, insn, name);
	return -EINVAL;
}

static const char *function_name(const struct vnp_elf *elf, size_t shndx, __u64 insn)
{
	size_t i;

	for (i = 0; i < elf->sym_cnt; i++) {
		const Elf64_Sym *sym = &elf->syms[i];

		if (sym->st_shndx == shndx && sym->st_value == insn * INSN_LEN &&
		    ELF64_ST_TYPE(sym->st_info) == STT_FUNC)
			return vnp_elf_sym_name(elf, sym);
	}
	return "the function";
}

/* @callee: an instruction in section @shndx */
static int call_refuse(const struct vnp_program *prog, size_t insn,
		       const struct vnp_elf *elf, size_t shndx, __u64 callee)
{
	vnp_error(&prog->print, "Program %s, insn %zu: calls of BPF functions are not there yet: mark %s __always_inline.",
		  prog->name, insn, function_name(elf, shndx, callee));
	return -EOPNOTSUPP;
}

/* A section's symbol leaves the distance in the instruction, less one */
static int call_relocate(const struct vnp_program *prog, size_t insn,
			 const struct vnp_elf *elf, const Elf64_Sym *sym)
{
	__u64 callee = sym->st_value / INSN_LEN;

	if (sym->st_shndx == SHN_UNDEF)
		return undefined_refuse(prog, insn, vnp_elf_sym_name(elf, sym));
	if (ELF64_ST_TYPE(sym->st_info) == STT_SECTION)
		callee += prog->insns[insn].imm + 1;
	return call_refuse(prog, insn, elf, sym->st_shndx, callee);
}

static int ldimm64_relocate(struct vnp_program *prog, size_t insn,
			    const struct vnp_elf *elf, const Elf64_Sym *sym)
{
	const struct vnp_section *sec = vnp_elf_sym_section(elf, sym);
	const char *name = vnp_elf_sym_name(elf, sym);
	struct bpf_insn *lo = &prog->insns[insn], *hi = lo + 1;
	struct vnp_map *map;
	__u64 off;
	int index;

	if (!sec)
		return undefined_refuse(prog, insn, name);
	if (vnp_section_is_code(sec)) {
		vnp_error(&prog->print, "Program %s, insn %zu: takes the address of a function in section %s, which programs cannot use.",
			  prog->name, insn, sec->name);
		return -EOPNOTSUPP;
	}

	/* a section's symbol leaves the distance in the instruction */
	off = sym->st_value + (__u64)(__s64)lo->imm;
	map = map_find(prog->obj, sym->st_shndx, off);
	if (!map || (map->is_data && off > map->def.value_size)) {
		vnp_error(&prog->print, "Program %s, insn %zu: %s+%llu is neither a map nor a global variable.",
			  prog->name, insn, name, off);
		return -EINVAL;
	}

	index = program_map_index(prog, map);
	if (index < 0)
		return index;
	lo->src_reg = map->is_data ? BPF_PSEUDO_MAP_IDX_VALUE : BPF_PSEUDO_MAP_IDX;
	lo->imm = index;
	hi->imm = map->is_data ? (__s32)off : 0;
	return 0;
}

static int program_relocate(struct vnp_program *prog, size_t insn,
			    const struct vnp_elf *elf, const Elf64_Rel *rel)
{
	size_t sym_idx = ELF64_R_SYM(rel->r_info);
	const struct bpf_insn *at = &prog->insns[insn];
	const Elf64_Sym *sym;

	if (sym_idx >= elf->sym_cnt) {
		vnp_error(&prog->print, "The ELF object is damaged: a relocation of program %s names symbol %zu of %zu.",
			  prog->name, sym_idx, elf->sym_cnt);
		return -EINVAL;
	}
	sym = &elf->syms[sym_idx];

	if (insn_is_ldimm64(at) && insn + 1 < prog->insn_cnt)
		return ldimm64_relocate(prog, insn, elf, sym);
	if (insn_is_call(at))
		return call_relocate(prog, insn, elf, sym);

	vnp_error(&prog->print, "The ELF object is damaged: program %s, insn %zu has a relocation and is no load of an address.",
		  prog->name, insn);
	return -EINVAL;
}

static struct vnp_program *program_find(const struct vnp_object *obj, size_t shndx,
					__u64 insn)
{
	struct vnp_program *prog;

	for (prog = obj->programs; prog; prog = prog->next)
		if (prog->shndx == shndx && insn >= prog->offset &&
		    insn - prog->offset < prog->insn_cnt)
			return prog;
	return NULL;
}

static int code_section_relocate(struct vnp_object *obj, const struct vnp_elf *elf,
				 const struct vnp_section *sec)
{
	const Elf64_Rel *rel = sec->data;
	struct vnp_program *prog;
	size_t i;
	int err;

	for (i = 0; i < sec->size / sizeof(*rel); i++) {
		prog = program_find(obj, sec->hdr.sh_info,
				    rel[i].r_offset / INSN_LEN);
		if (!prog)	/* of a function that is no program */
			continue;
		if (rel[i].r_offset % INSN_LEN) {
			vnp_error(&obj->print, "The ELF object is damaged: a relocation of program %s lies between two instructions.",
				  prog->name);
			return -EINVAL;
		}
		err = program_relocate(prog, rel[i].r_offset / INSN_LEN - prog->offset,
				       elf, &rel[i]);
		if (err)
			return err;
	}
	return 0;
}

/* Calls within a section need no relocation, so nobody has seen them yet */
static int calls_check(const struct vnp_program *prog, const struct vnp_elf *elf)
{
	size_t i;

	for (i = 0; i < prog->insn_cnt; i++) {
		const struct bpf_insn *insn = &prog->insns[i];

		if (insn_is_ldimm64(insn))
			i++;
		else if (insn_is_call(insn) && insn->src_reg == BPF_PSEUDO_CALL)
			return call_refuse(prog, i, elf, prog->shndx,
					   prog->offset + i + 1 + insn->imm);
	}
	return 0;
}

static int data_refuse(const struct vnp_object *obj, const struct vnp_section *sec)
{
	vnp_error(&obj->print, "Section %s holds initialized pointers, which global data cannot have: use arrays of char, or indices.",
		  sec->name);
	return -EOPNOTSUPP;
}

int vnp_programs_relocate(struct vnp_object *obj, const struct vnp_elf *elf)
{
	const struct vnp_program *prog;
	size_t i;
	int err = 0;

	for (i = 1; i < elf->section_cnt && !err; i++) {
		const struct vnp_section *sec = &elf->sections[i];
		const struct vnp_section *target;

		if (sec->hdr.sh_type != SHT_REL || !sec->data ||
		    sec->hdr.sh_info >= elf->section_cnt)
			continue;
		target = &elf->sections[sec->hdr.sh_info];
		if (vnp_section_is_code(target))
			err = code_section_relocate(obj, elf, sec);
		else if (vnp_section_is_data(target))
			err = data_refuse(obj, target);
	}

	for (prog = obj->programs; prog && !err; prog = prog->next)
		err = calls_check(prog, elf);
	return err;
}
