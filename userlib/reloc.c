// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Relocations.  A 64 bit immediate load of a map or of a global variable gets the index
 * of the map in the program's list of maps, as <linux/vnp.h> requires.  A function that
 * is called is appended to the program, with all functions it calls, and the call gets
 * the distance.
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

/* The index of @map in the program's list; added if it is new */
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
	static const struct {
		const char *name;
		const char *remedy;
	} made_by_clang[] = {
		{ "memcmp", "clang generates calls of it for comparisons of more than about 8 bytes: compare in a loop, or compile with -fno-builtin and do not use __builtin_memcmp()" },
		{ "bcmp", "clang generates calls of it for comparisons: compile with -fno-builtin" },
		{ "memcpy", "lengths must be constants, and not too large: use __builtin_memcpy() for fewer bytes, or a loop" },
		{ "memmove", "lengths must be constants, and not too large: use __builtin_memmove() for fewer bytes, or a loop" },
		{ "memset", "lengths must be constants, and not too large: use __builtin_memset() for fewer bytes, or a loop" },
		{ "__bpf_trap", "clang calls it for __builtin_trap(), or where a function ends without returning a value: return a verdict there" },
	};
	const char *remedy = "define it, or include <vnp/program.h> if it is a helper";
	size_t i;

	for (i = 0; i < sizeof(made_by_clang) / sizeof(made_by_clang[0]); i++)
		if (!strcmp(name, made_by_clang[i].name))
			remedy = made_by_clang[i].remedy;
	vnp_error(&prog->print, "Program %s, insn %zu: %s is not defined; %s.",
		  prog->name, insn, name, remedy);
	return -EINVAL;
}

/* The symbol of the function that begins at instruction @insn of section @shndx */
static const Elf64_Sym *function_find(const struct vnp_elf *elf, size_t shndx,
				      __u64 insn)
{
	size_t i;

	for (i = 0; i < elf->sym_cnt; i++) {
		const Elf64_Sym *sym = &elf->syms[i];

		if (sym->st_shndx == shndx && sym->st_value == insn * INSN_LEN &&
		    ELF64_ST_TYPE(sym->st_info) == STT_FUNC)
			return sym;
	}
	return NULL;
}

static int callee_refuse(const struct vnp_program *prog, size_t insn)
{
	vnp_error(&prog->print, "The ELF object is damaged: program %s, insn %zu calls something that is not a function.",
		  prog->name, insn);
	return -EINVAL;
}

/* Append the function to the program */
static int func_append(struct vnp_program *prog, size_t insn,
		       const struct vnp_elf *elf, const Elf64_Sym *sym)
{
	const struct vnp_section *sec = vnp_elf_sym_section(elf, sym);
	size_t cnt = sym->st_size / INSN_LEN;
	struct bpf_insn *insns;
	int err;

	if (!sec || !vnp_section_is_code(sec) || !sym->st_size ||
	    sym->st_size % INSN_LEN || sym->st_value > sec->size ||
	    sym->st_size > sec->size - sym->st_value)
		return callee_refuse(prog, insn);
	insns = realloc(prog->insns, (prog->insn_cnt + cnt) * INSN_LEN);
	if (!insns)
		return -ENOMEM;
	prog->insns = insns;
	memcpy(insns + prog->insn_cnt, (const char *)sec->data + sym->st_value,
	       sym->st_size);
	err = vnp_program_add_func(prog, sym->st_shndx, sym->st_value / INSN_LEN, cnt);
	if (!err)
		prog->insn_cnt += cnt;
	return err;
}

/* Make a call go to the function at instruction @callee of section @shndx */
static int call_link(struct vnp_program *prog, size_t insn, const struct vnp_elf *elf,
		     size_t shndx, __u64 callee)
{
	const Elf64_Sym *sym;
	size_t i;
	int err;

	for (i = 0; i < prog->func_cnt; i++)
		if (prog->funcs[i].shndx == shndx && prog->funcs[i].offset == callee)
			break;
	if (i == prog->func_cnt) {
		sym = function_find(elf, shndx, callee);
		err = sym ? func_append(prog, insn, elf, sym) :
			    callee_refuse(prog, insn);
		if (err)
			return err;
	}
	prog->insns[insn].imm = (__s64)prog->funcs[i].at - (__s64)insn - 1;
	return 0;
}

/*
 * The instruction holds the distance minus one: from the start of the section if the
 * symbol is a section's, otherwise 0.
 */
static int call_relocate(struct vnp_program *prog, size_t insn,
			 const struct vnp_elf *elf, const Elf64_Sym *sym)
{
	__u64 callee = sym->st_value / INSN_LEN + prog->insns[insn].imm + 1;

	if (sym->st_shndx == SHN_UNDEF)
		return undefined_refuse(prog, insn, vnp_elf_sym_name(elf, sym));
	return call_link(prog, insn, elf, sym->st_shndx, callee);
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

	/* with a section's symbol the offset is in the instruction */
	off = sym->st_value + (__u64)(__s64)lo->imm;
	if (!strcmp(sec->name, ".jumptables")) {
		vnp_error(&prog->print, "Program %s, insn %zu: jump tables are not supported: compile with -fno-jump-tables, or -mcpu=v3.",
			  prog->name, insn);
		return -EOPNOTSUPP;
	}
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

	vnp_error(&prog->print, "The ELF object is damaged: program %s, insn %zu has a relocation but is not a load of an address.",
		  prog->name, insn);
	return -EINVAL;
}

/* Relocations of section @sec that apply to the function; @done: by instruction */
static int func_relocate(struct vnp_program *prog, const struct vnp_func *func,
			 const struct vnp_elf *elf, const struct vnp_section *sec,
			  bool *done)
{
	const Elf64_Rel *rel = sec->data;
	size_t i;
	int err;

	for (i = 0; i < sec->size / sizeof(*rel); i++) {
		__u64 insn = rel[i].r_offset / INSN_LEN - func->offset;

		if (rel[i].r_offset / INSN_LEN < func->offset || insn >= func->cnt)
			continue;
		if (rel[i].r_offset % INSN_LEN || done[insn]) {
			vnp_error(&prog->print, "The ELF object is damaged: a relocation of program %s is between two instructions, or duplicated.",
				  prog->name);
			return -EINVAL;
		}
		done[insn] = true;
		err = program_relocate(prog, func->at + insn, elf, &rel[i]);
		if (err) {
			prog->refused_at = func->at + insn + 1;
			return err;
		}
	}
	return 0;
}

/* Calls within a section need no relocation */
static int func_link(struct vnp_program *prog, const struct vnp_func *func,
		     const struct vnp_elf *elf, const bool *done)
{
	size_t i;
	int err;

	for (i = 0; i < func->cnt; i++) {
		const struct bpf_insn *insn = &prog->insns[func->at + i];

		if (insn_is_ldimm64(insn)) {
			i++;
		} else if (insn_is_call(insn) && insn->src_reg == BPF_PSEUDO_CALL &&
			   !done[i]) {
			err = call_link(prog, func->at + i, elf, func->shndx,
					func->offset + i + 1 + insn->imm);
			if (err)
				return err;
		}
	}
	return 0;
}

static int func_resolve(struct vnp_program *prog, size_t n, const struct vnp_elf *elf)
{
	const struct vnp_func func = prog->funcs[n];	/* the array may be reallocated */
	bool *done = calloc(func.cnt, sizeof(*done));
	int err = done ? 0 : -ENOMEM;
	size_t i;

	for (i = 1; i < elf->section_cnt && !err; i++) {
		const struct vnp_section *sec = &elf->sections[i];

		if (sec->hdr.sh_type == SHT_REL && sec->data &&
		    sec->hdr.sh_info == func.shndx)
			err = func_relocate(prog, &func, elf, sec, done);
	}
	if (!err)
		err = func_link(prog, &func, elf, done);
	free(done);
	return err;
}

static int data_refuse(const struct vnp_object *obj, const struct vnp_section *sec)
{
	vnp_error(&obj->print, "Section %s contains initialized pointers, which are not supported in global data: use arrays of char, or indices.",
		  sec->name);
	return -EOPNOTSUPP;
}

int vnp_programs_relocate(struct vnp_object *obj, const struct vnp_elf *elf)
{
	struct vnp_program *prog;
	size_t i;
	int err = 0;

	for (i = 1; i < elf->section_cnt; i++) {
		const struct vnp_section *sec = &elf->sections[i];

		if (sec->hdr.sh_type == SHT_REL && sec->data &&
		    sec->hdr.sh_info < elf->section_cnt &&
		    vnp_section_is_data(&elf->sections[sec->hdr.sh_info]))
			return data_refuse(obj, &elf->sections[sec->hdr.sh_info]);
	}

	for (prog = obj->programs; prog; prog = prog->next)
		for (i = 0; i < prog->func_cnt && !err; i++)
			err = func_resolve(prog, i, elf);
	return err;
}
