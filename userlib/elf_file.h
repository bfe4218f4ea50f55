/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The checked ELF object: the bytes of all sections are in the file, and the names of all
 * symbols are strings.  Everything points into the buffer given to vnp_elf_open().
 */
#ifndef _VNP_USERLIB_ELF_FILE_H
#define _VNP_USERLIB_ELF_FILE_H

#include <gelf.h>

#include "internal.h"

/**
 * struct vnp_section - a section
 * @name:	its name
 * @hdr:	its header
 * @data:	its bytes; NULL for SHT_NOBITS and empty ones
 * @size:	number of bytes
 */
struct vnp_section {
	const char *name;
	Elf64_Shdr hdr;
	const void *data;
	size_t size;
};

struct vnp_elf {
	Elf *elf;
	struct vnp_section *sections;
	size_t section_cnt;
	const Elf64_Sym *syms;
	size_t sym_cnt;
	size_t strtab;
	const struct vnp_printer *print;
};

/**
 * vnp_elf_open() - check and index an ELF object
 * @elf:	out; vnp_elf_close() it
 * @buf:	the object; borrowed until vnp_elf_close()
 * @len:	its bytes
 * @print:	borrowed likewise
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int vnp_elf_open(struct vnp_elf *elf, const void *buf, size_t len,
		 const struct vnp_printer *print);
void vnp_elf_close(struct vnp_elf *elf);

/* vnp_elf_find() - the section of that name that has bytes; NULL if there is none */
const struct vnp_section *vnp_elf_find(const struct vnp_elf *elf,
				       const char *name);

/* vnp_elf_sym_name() - never NULL; a section's symbol has the section's name */
const char *vnp_elf_sym_name(const struct vnp_elf *elf, const Elf64_Sym *sym);

/* vnp_elf_sym_section() - the section a symbol lies in, NULL for special ones */
const struct vnp_section *vnp_elf_sym_section(const struct vnp_elf *elf,
					      const Elf64_Sym *sym);

/* vnp_section_is_code() - holds instructions */
static inline bool vnp_section_is_code(const struct vnp_section *sec)
{
	return sec->hdr.sh_type == SHT_PROGBITS && sec->size &&
	       sec->hdr.sh_flags & SHF_EXECINSTR;
}

/* vnp_section_is_data() - holds global variables: becomes a map */
bool vnp_section_is_data(const struct vnp_section *sec);

#endif /* _VNP_USERLIB_ELF_FILE_H */
