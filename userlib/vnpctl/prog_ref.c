// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Programs and maps named on the command line. */
#include "ctl.h"

#define RAW_MAX		(1UL << 20)

/* The name of an object in the kernel; empty if it no longer exists */
static void id_name(enum vnp_obj_kind kind, __u32 id, char name[VNP_NAME_LEN])
{
	struct vnp_program *prog;
	struct vnp_map *map;

	name[0] = 0;
	if (kind == VNP_OBJ_PROG && !vnp_program_open(id, &quiet_opts, &prog)) {
		strcpy(name, vnp_program_name(prog));
		vnp_program_close(prog);
	} else if (kind == VNP_OBJ_MAP && !vnp_map_open(id, &quiet_opts, &map)) {
		strcpy(name, vnp_map_name(map));
		vnp_map_close(map);
	}
}

static int name_find(enum vnp_obj_kind kind, const char *what, const char *name,
		     __u32 *found)
{
	char other[VNP_NAME_LEN];
	__u32 id = 0;
	int err;

	*found = 0;
	while (!(err = vnp_id_next(kind, &id))) {
		id_name(kind, id, other);
		/* the kernel truncates long names */
		if (!*other || strncmp(name, other, VNP_NAME_LEN - 1))
			continue;
		if (*found)
			return error("There are several %ss %s, e.g. %u and %u: use id ID.",
				     what, name, *found, id);
		*found = id;
	}
	if (err != -ENOENT)
		return ids_failed(err);
	return *found ? 0 : error("There is no %s %s, or it belongs to another user.",
				  what, name);
}

static int id_find(struct args *args, enum vnp_obj_kind kind, const char *what, __u32 *id)
{
	const char *name;

	if (args_take(args, "id"))
		return args_id(args, "The id", id);
	if (!args_take(args, "name"))
		return args->cnt ? error("Specify the %s: id ID, or name NAME, not \"%s\".", what,
					 *args->words) :
				   error("The %s is missing: id ID, or name NAME.", what);
	name = args_want(args, "The name");
	return name ? name_find(kind, what, name, id) : -EINVAL;
}

int prog_id_find(struct args *args, __u32 *id)
{
	return id_find(args, VNP_OBJ_PROG, "program", id);
}

int map_id_find(struct args *args, __u32 *id)
{
	return id_find(args, VNP_OBJ_MAP, "map", id);
}

static int raw_open(struct args *args, struct vnp_object **obj)
{
	const char *path = args_want(args, "The file of instructions");
	struct bpf_insn *insns;
	size_t len;
	FILE *file;
	int err;

	if (!path)
		return -EINVAL;
	file = fopen(path, "re");
	if (!file)
		return error("Cannot read %s: %s.", path, strerror(errno));
	insns = malloc(RAW_MAX);
	len = insns ? fread(insns, 1, RAW_MAX, file) : 0;
	fclose(file);

	if (!len || len % sizeof(*insns) || len == RAW_MAX)
		err = error("%s is not a program: it must be instructions of 8 bytes, fewer than %zu.",
			    path, RAW_MAX / sizeof(*insns));
	else
		err = vnp_object_open_insns(insns, len / sizeof(*insns),
					    VNP_PROG_DATAGRAM, &open_opts, obj);
	free(insns);
	return err;
}

static void programs_name(const struct vnp_object *obj, char *text, size_t len)
{
	const struct vnp_program *prog = NULL;
	size_t used = 0;

	*text = 0;
	while ((prog = vnp_object_next_program(obj, prog)) && used < len)
		used += snprintf(text + used, len - used, "%s%s", used ? ", " : "",
				 vnp_program_name(prog));
}

/* Select the object's two programs, if these are of types stream and message */
static bool pair_choose(struct prog_ref *ref)
{
	struct vnp_program *first = vnp_object_next_program(ref->obj, NULL);
	struct vnp_program *second = vnp_object_next_program(ref->obj, first);

	if (vnp_object_next_program(ref->obj, second))
		return false;
	ref->prog = vnp_program_type(first) == VNP_PROG_STREAM ? first : second;
	ref->message = ref->prog == first ? second : first;
	if (vnp_program_type(ref->prog) == VNP_PROG_STREAM &&
	    vnp_program_type(ref->message) == VNP_PROG_MESSAGE)
		return true;
	ref->prog = NULL;
	ref->message = NULL;
	return false;
}

/* Select the object's only program, or the one of that name; no other is loaded */
static int program_choose(struct prog_ref *ref, const char *name, int flags)
{
	struct vnp_program *prog = vnp_object_next_program(ref->obj, NULL);
	char names[256];

	programs_name(ref->obj, names, sizeof(names));
	if (name)
		ref->prog = vnp_object_find_program(ref->obj, name);
	else if (!vnp_object_next_program(ref->obj, prog))
		ref->prog = prog;
	else if (flags & PROG_REF_PAIR && pair_choose(ref))
		return 0;
	else if (flags & PROG_REF_ONE)
		return error("The file has several programs: use name NAME (%s).", names);
	else
		return 0;
	if (!ref->prog)
		return error("The file has no program %s, only %s.", name, names);

	for (; prog; prog = vnp_object_next_program(ref->obj, prog))
		vnp_program_set_autoload(prog, prog == ref->prog);
	return 0;
}

static int file_open(struct args *args, int flags, struct vnp_object **obj)
{
	const char *path = args_want(args, "The program's file");
	int err;

	if (!path)
		return -EINVAL;
	if (flags & PROG_REF_RAW && !strcmp(path, "raw"))
		err = raw_open(args, obj);
	else if (!strcmp(path, "cbpf"))
		err = cbpf_open(args, obj);
	else
		err = vnp_object_open_file(path, &open_opts, obj);
	return err ? failed(err, "Cannot open the program") : 0;
}

static int file_choose(struct args *args, int flags, struct prog_ref *ref)
{
	const char *name = NULL;
	int err;

	err = file_open(args, flags, &ref->obj);
	if (err)
		return err;
	if (args_take(args, "name")) {
		name = args_want(args, "The program's name");
		if (!name)
			return -EINVAL;
	}
	return program_choose(ref, name, flags);
}

int prog_ref_open(struct args *args, int flags, struct prog_ref *ref)
{
	__u32 id;
	int err;

	memset(ref, 0, sizeof(*ref));
	if (flags & PROG_REF_ID && args->cnt &&
	    (!strcmp(*args->words, "id") || !strcmp(*args->words, "name"))) {
		err = prog_id_find(args, &id);
		if (!err && settings.user)
			err = error("Program %u is in the kernel: --user requires a file.", id);
		if (!err)
			err = vnp_program_open(id, &open_opts, &ref->prog);
		return err ? failed(err, "Cannot open the program") : 0;
	}

	err = file_choose(args, flags, ref);
	if (err)
		prog_ref_close(ref);
	return err;
}

int prog_ref_finish(struct prog_ref *ref)
{
	const struct vnp_load_opts opts = {
		.sz = sizeof(opts),
		.flags = settings.user ? VNP_LOAD_F_USER : 0,
		.log_level = settings.debug ? VNP_LOG_STATES : VNP_LOG_NORMAL,
	};
	int err;

	if (!ref->obj)
		return 0;
	progress_start("verifying");
	err = vnp_object_load(ref->obj, &opts);
	progress_stop();
	return err ? failed(err, "Cannot load the program") : 0;
}

int prog_ref_load(struct args *args, int flags, struct prog_ref *ref)
{
	int err = prog_ref_open(args, flags, ref);

	if (err)
		return err;
	err = prog_ref_finish(ref);
	/* Bare instructions are only for commands that can do without the module. */
	if (err == -ENODEV && flags & PROG_REF_RAW)
		error("Without the module, this command works with --user.");
	if (err)
		prog_ref_close(ref);
	return err;
}

void prog_ref_close(struct prog_ref *ref)
{
	if (ref->obj)
		vnp_object_close(ref->obj);
	else
		vnp_program_close(ref->prog);
	memset(ref, 0, sizeof(*ref));
}

struct vnp_program *prog_ref_next(const struct prog_ref *ref,
				  const struct vnp_program *prev)
{
	if (ref->prog)
		return prev ? NULL : ref->prog;
	return vnp_object_next_program(ref->obj, prev);
}
