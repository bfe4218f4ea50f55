/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs written in C, selftests/progs/NAME.bpf.c, loaded with libvnp.
 */
#ifndef _VNP_TEST_OBJECT_H
#define _VNP_TEST_OBJECT_H

#include <vnp/libvnp.h>

/* object_path() - the path of a test's built file; valid until the next call */
const char *object_path(const char *name);

/* object_open() - all programs of NAME.bpf.o */
int object_open(const char *name, struct vnp_object **obj);

/* object_choose() - load only these programs, up to NULL: loading all is slow */
int object_choose(struct vnp_object *obj, ...) __attribute__((sentinel));

/* object_read() - the file itself; returns its length or a negative errno */
int object_read(const char *name, void *elf, size_t size);

/* object_load() - load them with the largest budget an ordinary user may have */
int object_load(const char *name, struct vnp_object **obj);

/*
 * object_prepare() - before all tests, load an object that then is object_load()'s.  It must
 * have no maps but ".bss"
 */
void object_prepare(const char *name);

/* object_prog() - descriptor of a program; negative if there is none */
int object_prog(struct vnp_object *obj, const char *name);

/* object_globals() - ".bss" or ".data" as memory, or NULL */
void *object_globals(struct vnp_object *obj, const char *section);

/* object_link() - link a program to a socket */
int object_link(struct vnp_object *obj, const char *prog, int sock, __u32 flags);

#endif /* _VNP_TEST_OBJECT_H */
