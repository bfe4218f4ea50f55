// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "elf_file.h"

static int elf_header_check(struct vnp_elf *elf)
{
	const Elf64_Ehdr *hdr;

	if (elf_kind(elf->elf) != ELF_K_ELF) {
		vnp_error(elf->print, "This is not an ELF object: give the output of clang -target bpf, as by the command in <vnp/program.h>.");
		return -EINVAL;
	}

	hdr = elf64_getehdr(elf->elf);
	if (!hdr || hdr->e_type != ET_REL || hdr->e_machine != EM_BPF) {
		vnp_error(elf->print, "This ELF file is not a BPF object: give the output of clang -target bpf, as by the command in <vnp/program.h>.");
		return -EINVAL;
	}
	if (hdr->e_ident[EI_DATA] !=
	    (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)) {
		vnp_error(elf->print, "The ELF object has the wrong byte order: compile it with -target bpf.");
		return -EINVAL;
	}
	return 0;
}

static int elf_damaged(const struct vnp_elf *elf, const char *what)
{
	vnp_error(elf->print, "The ELF object is damaged: %s.", what);
	return -EINVAL;
}

static int elf_section_read(struct vnp_elf *elf, Elf_Scn *scn, size_t names)
{
	struct vnp_section *sec = &elf->sections[elf_ndxscn(scn)];
	const Elf64_Shdr *hdr = elf64_getshdr(scn);
	const Elf_Data *data;

	if (!hdr)
		return elf_damaged(elf, "a section has no header");
	memcpy(&sec->hdr, hdr, sizeof(*hdr));
	sec->name = elf_strptr(elf->elf, names, sec->hdr.sh_name);
	if (!sec->name)
		return elf_damaged(elf, "a section has no name");

	sec->size = sec->hdr.sh_size;
	if (sec->hdr.sh_type == SHT_NOBITS || sec->hdr.sh_type == SHT_NULL ||
	    !sec->size)
		return 0;

	data = elf_getdata(scn, NULL);
	if (!data || !data->d_buf || data->d_size != sec->size)
		return elf_damaged(elf, "a section reaches beyond the end of the file");
	/* libelf accepts unaligned tables if the machine does; C does not */
	if ((sec->hdr.sh_type == SHT_SYMTAB || sec->hdr.sh_type == SHT_REL) &&
	    (uintptr_t)data->d_buf % sizeof(__u64))
		return elf_damaged(elf, "a table is not aligned");
	sec->data = data->d_buf;
	return 0;
}

static int elf_sections_read(struct vnp_elf *elf)
{
	Elf_Scn *scn = NULL;
	size_t names;
	int err;

	if (elf_getshdrnum(elf->elf, &elf->section_cnt) ||
	    elf_getshdrstrndx(elf->elf, &names) || !elf->section_cnt)
		return elf_damaged(elf, "it has no section table");

	elf->sections = calloc(elf->section_cnt, sizeof(*elf->sections));
	if (!elf->sections)
		return -ENOMEM;
	elf->sections[0].name = "";

	while ((scn = elf_nextscn(elf->elf, scn))) {
		if (elf_ndxscn(scn) >= elf->section_cnt)
			return elf_damaged(elf, "it has more sections than its header says");
		err = elf_section_read(elf, scn, names);
		if (err)
			return err;
	}
	return 0;
}

static int elf_symbols_read(struct vnp_elf *elf)
{
	size_t i;

	for (i = 1; i < elf->section_cnt; i++) {
		const struct vnp_section *sec = &elf->sections[i];

		if (sec->hdr.sh_type != SHT_SYMTAB || !sec->data)
			continue;
		elf->syms = sec->data;
		elf->sym_cnt = sec->size / sizeof(*elf->syms);
		elf->strtab = sec->hdr.sh_link;
		return 0;
	}

	vnp_error(elf->print, "The ELF object has no symbols: do not strip it.");
	return -EINVAL;
}

int vnp_elf_open(struct vnp_elf *elf, const void *buf, size_t len,
		 const struct vnp_printer *print)
{
	int err;

	memset(elf, 0, sizeof(*elf));
	elf->print = print;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -EINVAL;

	/* elf_memory() does not write unless an update is requested */
	elf->elf = elf_memory((char *)buf, len);
	if (!elf->elf)
		return elf_damaged(elf, elf_errmsg(-1));

	err = elf_header_check(elf);
	if (!err)
		err = elf_sections_read(elf);
	if (!err)
		err = elf_symbols_read(elf);
	if (err)
		vnp_elf_close(elf);
	return err;
}

void vnp_elf_close(struct vnp_elf *elf)
{
	free(elf->sections);
	elf_end(elf->elf);
	memset(elf, 0, sizeof(*elf));
}

const struct vnp_section *vnp_elf_find(const struct vnp_elf *elf,
				       const char *name)
{
	size_t i;

	for (i = 1; i < elf->section_cnt; i++)
		if (elf->sections[i].data && !strcmp(elf->sections[i].name, name))
			return &elf->sections[i];
	return NULL;
}

const struct vnp_section *vnp_elf_sym_section(const struct vnp_elf *elf,
					      const Elf64_Sym *sym)
{
	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx >= elf->section_cnt)
		return NULL;
	return &elf->sections[sym->st_shndx];
}

const char *vnp_elf_sym_name(const struct vnp_elf *elf, const Elf64_Sym *sym)
{
	const struct vnp_section *sec = vnp_elf_sym_section(elf, sym);
	const char *name;

	if (ELF64_ST_TYPE(sym->st_info) == STT_SECTION && sec)
		return sec->name;
	name = elf_strptr(elf->elf, elf->strtab, sym->st_name);
	return name ? name : "";
}

static bool section_is_kind(const struct vnp_section *sec, const char *kind)
{
	size_t len = strlen(kind);

	return !strncmp(sec->name, kind, len) &&
	       (!sec->name[len] || sec->name[len] == '.');
}

bool vnp_section_is_data(const struct vnp_section *sec)
{
	if (!sec->size)
		return false;
	if (sec->hdr.sh_type == SHT_NOBITS)
		return section_is_kind(sec, ".bss");
	return sec->hdr.sh_type == SHT_PROGBITS &&
	       (section_is_kind(sec, ".data") || section_is_kind(sec, ".rodata"));
}
