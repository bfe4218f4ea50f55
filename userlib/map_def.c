// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Declares the maps of an object: variables in section .maps, whose BTF type encodes the
 * definition (an integer N as int (*)[N], a type T as T *), and the sections of global
 * variables, each an array of one entry.
 */
#include <bpf/btf.h>

#include "elf_file.h"
#include "vm/map_traits.h"

/* No compiler makes chains of const, volatile and typedef longer than this */
#define MODIFIERS_MAX	32

static const struct btf_type *btf_type_skip(const struct btf *btf, __u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	int i;

	for (i = 0; t && i < MODIFIERS_MAX; i++) {
		if (!btf_is_mod(t) && !btf_is_typedef(t))
			return t;
		t = btf__type_by_id(btf, t->type);
	}
	return NULL;
}

static int field_bad(const struct vnp_map *map, const char *field)
{
	vnp_error(&map->print, "Map %s: field \"%s\" is not written with __uint() or __type() of <vnp/program.h>.",
		  map->name, field);
	return -EINVAL;
}

/* The N of int (*)[N] */
static int field_uint(const struct btf *btf, const struct btf_member *m, __u32 *val)
{
	const struct btf_type *t = btf_type_skip(btf, m->type);

	if (t && btf_is_ptr(t))
		t = btf_type_skip(btf, t->type);
	if (!t || !btf_is_array(t))
		return -EINVAL;
	*val = btf_array(t)->nelems;
	return 0;
}

/* The size of the T of T * */
static int field_size(const struct btf *btf, const struct btf_member *m, __u32 *val)
{
	const struct btf_type *t = btf_type_skip(btf, m->type);
	__s64 size;

	if (!t || !btf_is_ptr(t))
		return -EINVAL;
	size = btf__resolve_size(btf, t->type);
	if (size <= 0 || size > UINT32_MAX)
		return -EINVAL;
	*val = size;
	return 0;
}

static int field_read(struct vnp_map *map, const struct btf *btf,
		      const struct btf_member *m)
{
	const struct {
		const char *name;
		int (*read)(const struct btf *, const struct btf_member *, __u32 *);
		__u32 *to;
	} fields[] = {
		{ "type", field_uint, &map->def.type },
		{ "map_flags", field_uint, &map->def.flags },
		{ "max_entries", field_uint, &map->def.max_entries },
		{ "key_size", field_uint, &map->def.key_size },
		{ "value_size", field_uint, &map->def.value_size },
		{ "key", field_size, &map->def.key_size },
		{ "value", field_size, &map->def.value_size },
	};
	const char *name = btf__name_by_offset(btf, m->name_off);
	size_t i;

	for (i = 0; name && i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(name, fields[i].name))
			continue;
		return fields[i].read(btf, m, fields[i].to) ?
		       field_bad(map, name) : 0;
	}

	vnp_error(&map->print, "Map %s: VNP's maps have no field \"%s\".",
		  map->name, name ? name : "");
	return -EOPNOTSUPP;
}

static int map_def_read(struct vnp_map *map, const struct btf *btf, __u32 type_id)
{
	const struct btf_type *t = btf_type_skip(btf, type_id);
	const struct btf_member *m;
	int i, err;

	if (!t || !btf_is_struct(t)) {
		vnp_error(&map->print, "Map %s: a variable in section .maps must be a struct.",
			  map->name);
		return -EINVAL;
	}

	m = btf_members(t);
	for (i = 0; i < btf_vlen(t); i++) {
		err = field_read(map, btf, &m[i]);
		if (err)
			return err;
	}

	if (!map->def.type || !map->def.key_size || !map->def.value_size ||
	    !map->def.max_entries) {
		vnp_error(&map->print, "Map %s: type, max_entries, key and value must all be given.",
			  map->name);
		return -EINVAL;
	}
	return 0;
}

static void map_add(struct vnp_object *obj, struct vnp_map *map)
{
	struct vnp_map **end = &obj->maps;

	while (*end)
		end = &(*end)->next;
	*end = map;
	map->obj = obj;
}

static const Elf64_Sym *map_symbol_find(const struct vnp_elf *elf, size_t shndx,
					const char *name)
{
	size_t i;

	for (i = 0; i < elf->sym_cnt; i++) {
		const Elf64_Sym *sym = &elf->syms[i];

		if (sym->st_shndx == shndx &&
		    ELF64_ST_TYPE(sym->st_info) == STT_OBJECT &&
		    !strcmp(vnp_elf_sym_name(elf, sym), name))
			return sym;
	}
	return NULL;
}

static int map_declare(struct vnp_object *obj, const struct vnp_elf *elf,
		       size_t shndx, const struct btf *btf, __u32 var_id)
{
	const struct btf_type *var = btf__type_by_id(btf, var_id);
	const char *name = NULL;
	const Elf64_Sym *sym;
	struct vnp_map *map;

	if (var && btf_is_var(var))
		name = btf__name_by_offset(btf, var->name_off);
	sym = name && *name ? map_symbol_find(elf, shndx, name) : NULL;
	if (!sym || vnp_object_find_map(obj, name)) {
		vnp_error(&obj->print, "The ELF object is damaged: symbols and BTF of section .maps do not match.");
		return -EINVAL;
	}

	map = vnp_map_new(name, &obj->print);
	if (!map)
		return -ENOMEM;
	map->shndx = shndx;
	map->offset = sym->st_value;
	map_add(obj, map);
	return map_def_read(map, btf, var->type);
}

static const struct btf_type *maps_datasec_find(const struct btf *btf)
{
	__u32 id;

	for (id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const char *name = btf__name_by_offset(btf, t->name_off);

		if (btf_is_datasec(t) && name && !strcmp(name, ".maps"))
			return t;
	}
	return NULL;
}

static int maps_declare(struct vnp_object *obj, const struct vnp_elf *elf,
			const struct vnp_section *sec, const struct btf *btf)
{
	const struct btf_type *datasec = btf ? maps_datasec_find(btf) : NULL;
	const struct btf_var_secinfo *var;
	int i, err;

	if (!datasec) {
		vnp_error(&obj->print, "The maps' types are missing: compile with -g.");
		return -EINVAL;
	}

	var = btf_var_secinfos(datasec);
	for (i = 0; i < btf_vlen(datasec); i++) {
		err = map_declare(obj, elf, sec - elf->sections, btf, var[i].type);
		if (err)
			return err;
	}
	return 0;
}

static int data_declare(struct vnp_object *obj, const struct vnp_elf *elf,
			const struct vnp_section *sec)
{
	bool rodata = !strncmp(sec->name, ".rodata", 7);
	struct vnp_map *map;

	if (sec->size > VNP_MAP_VALUE_MAX) {
		vnp_error(&obj->print, "Section %s has %zu bytes; the limit for global variables is %u bytes per section: use a map.",
			  sec->name, sec->size, VNP_MAP_VALUE_MAX);
		return -E2BIG;
	}

	map = vnp_map_new(sec->name, &obj->print);
	if (!map)
		return -ENOMEM;
	map->is_data = true;
	map->shndx = sec - elf->sections;
	map->def.type = VNP_MAP_ARRAY;
	map->def.flags = rodata ? VNP_MAP_F_RDONLY_PROG : VNP_MAP_F_MMAP;
	map->def.key_size = sizeof(__u32);
	map->def.value_size = sec->size;
	map->def.max_entries = 1;
	map_add(obj, map);

	map->initial = calloc(1, sec->size);
	if (!map->initial)
		return -ENOMEM;
	if (sec->data)
		memcpy(map->initial, sec->data, sec->size);
	return 0;
}

int vnp_maps_read(struct vnp_object *obj, const struct vnp_elf *elf,
		  const struct btf *btf)
{
	size_t i;
	int err = 0;

	for (i = 1; i < elf->section_cnt && !err; i++) {
		const struct vnp_section *sec = &elf->sections[i];

		if (sec->size && !strcmp(sec->name, ".maps"))
			err = maps_declare(obj, elf, sec, btf);
		else if (vnp_section_is_data(sec))
			err = data_declare(obj, elf, sec);
	}
	return err;
}
