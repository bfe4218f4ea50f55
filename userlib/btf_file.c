// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The type information of an object.  libbpf reads it; errors that libbpf would print to
 * stderr, through a callback that is global to the process, are detected here first.
 */
#include <bpf/btf.h>

#include "elf_file.h"

/* Number of bytes after struct btf_type, by kind: fixed, and per member */
static const struct {
	__u8 fixed;
	__u8 member;
} kinds[] = {
	[BTF_KIND_INT] = { .fixed = sizeof(__u32) },
	[BTF_KIND_PTR] = {},
	[BTF_KIND_ARRAY] = { .fixed = sizeof(struct btf_array) },
	[BTF_KIND_STRUCT] = { .member = sizeof(struct btf_member) },
	[BTF_KIND_UNION] = { .member = sizeof(struct btf_member) },
	[BTF_KIND_ENUM] = { .member = sizeof(struct btf_enum) },
	[BTF_KIND_FWD] = {},
	[BTF_KIND_TYPEDEF] = {},
	[BTF_KIND_VOLATILE] = {},
	[BTF_KIND_CONST] = {},
	[BTF_KIND_RESTRICT] = {},
	[BTF_KIND_FUNC] = {},
	[BTF_KIND_FUNC_PROTO] = { .member = sizeof(struct btf_param) },
	[BTF_KIND_VAR] = { .fixed = sizeof(struct btf_var) },
	[BTF_KIND_DATASEC] = { .member = sizeof(struct btf_var_secinfo) },
	[BTF_KIND_FLOAT] = {},
	[BTF_KIND_DECL_TAG] = { .fixed = sizeof(struct btf_decl_tag) },
	[BTF_KIND_TYPE_TAG] = {},
	[BTF_KIND_ENUM64] = { .member = sizeof(struct btf_enum64) },
};

/* Does the section consist of complete types only? */
static bool types_fit(const unsigned char *types, __u32 len)
{
	struct btf_type type;
	size_t size;

	while (len >= sizeof(type)) {
		memcpy(&type, types, sizeof(type));
		if (BTF_INFO_KIND(type.info) >= sizeof(kinds) / sizeof(kinds[0]))
			return false;
		size = sizeof(type) + kinds[BTF_INFO_KIND(type.info)].fixed +
		       BTF_INFO_VLEN(type.info) *
		       kinds[BTF_INFO_KIND(type.info)].member;
		if (size > len)
			return false;
		types += size;
		len -= size;
	}
	return !len;
}

static bool btf_fits(const struct vnp_section *sec)
{
	const unsigned char *data = sec->data;
	struct btf_header hdr;
	__u64 types;

	/* the other byte order would be converted in place */
	if (sec->size < sizeof(hdr) || sec->size > UINT32_MAX)
		return false;
	memcpy(&hdr, data, sizeof(hdr));
	types = (__u64)hdr.hdr_len + hdr.type_off;
	return hdr.magic == BTF_MAGIC && types <= sec->size &&
	       hdr.type_len <= sec->size - types &&
	       types_fit(data + types, hdr.type_len);
}

int vnp_btf_read(const struct vnp_object *obj, const struct vnp_elf *elf,
		 struct btf **btf)
{
	const struct vnp_section *sec = vnp_elf_find(elf, ".BTF");

	*btf = NULL;
	if (!sec)
		return 0;
	if (btf_fits(sec))
		*btf = btf__new(sec->data, sec->size);
	if (!*btf) {
		vnp_error(&obj->print, "The type information (BTF) in the ELF object is damaged, or newer than libvnp %s.",
			  LIBVNP_VERSION);
		return -EINVAL;
	}
	btf__set_pointer_size(*btf, 8);
	return 0;
}
