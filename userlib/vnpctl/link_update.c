// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* link update: new programs, which keep what is in the maps of those that they replace. */
#include "ctl.h"

/* struct map_set - maps of programs, each once */
struct map_set {
	struct vnp_map **maps;
	size_t cnt;
};

static void maps_close(struct map_set *set)
{
	while (set->cnt)
		vnp_map_close(set->maps[--set->cnt]);
	free(set->maps);
}

static __u32 map_id(const struct vnp_map *map)
{
	struct vnp_map_info info = { .size = sizeof(info) };

	return vnp_map_get_info(map, &info) ? 0 : info.id;
}

static bool maps_has(const struct map_set *set, __u32 id)
{
	size_t i;

	for (i = 0; i < set->cnt; i++)
		if (map_id(set->maps[i]) == id)
			return true;
	return false;
}

static int maps_add(struct map_set *set, __u32 id)
{
	struct vnp_map **maps;

	if (maps_has(set, id))
		return 0;
	maps = realloc(set->maps, (set->cnt + 1) * sizeof(*maps));
	if (!maps)
		return error("Out of memory.");
	set->maps = maps;
	/* If it was freed meanwhile, there is nothing to keep. */
	if (!vnp_map_open(id, &quiet_opts, &maps[set->cnt]))
		set->cnt++;
	return 0;
}

static int maps_add_program(struct map_set *set, const struct vnp_program *prog)
{
	__u32 *ids, len, i;
	void *buf;
	int err;

	err = vnp_program_dump(prog, VNP_DUMP_MAP_IDS, &buf, &len);
	if (err)
		return failed(err, "Cannot read which maps program %s uses",
			      vnp_program_name(prog));
	ids = buf;
	for (i = 0; !err && i < len / sizeof(*ids); i++)
		err = maps_add(set, ids[i]);
	free(buf);
	return err;
}

/* Add the maps of a loaded program.  If it was freed meanwhile, there are none. */
static int maps_add_id(struct map_set *set, __u32 id)
{
	struct vnp_program *old;
	int err;

	/* There was none for messages; or the link is detached: then the update says so. */
	if (!id || vnp_program_open(id, &quiet_opts, &old))
		return 0;
	err = maps_add_program(set, old);
	vnp_program_close(old);
	return err;
}

/* The maps of those programs of the link that are replaced */
static int kept_find(struct map_set *kept, const struct vnp_link_info *info,
		     const struct prog_ref *ref)
{
	const bool stream = vnp_program_type(ref->prog) != VNP_PROG_MESSAGE;
	int err = 0;

	if (stream)
		err = maps_add_id(kept, info->prog_id);
	if (!err && (!stream || ref->message))
		err = maps_add_id(kept, info->message_prog_id);
	return err;
}

/* Do both have the same name in the kernel, which truncates it? */
static bool names_equal(const struct vnp_map *a, const struct vnp_map *b)
{
	return !strncmp(vnp_map_name(a), vnp_map_name(b), VNP_NAME_LEN - 1);
}

/* Let the new program use the old map of this name, if that has the same type and sizes. */
static int map_keep(const struct vnp_object *obj, struct vnp_map *map, const struct map_set *kept)
{
	struct vnp_map *other = NULL, *old = NULL;
	size_t i, cnt = 0;

	for (i = 0; i < kept->cnt; i++) {
		if (!names_equal(kept->maps[i], map))
			continue;
		old = kept->maps[i];
		cnt++;
	}
	if (!old)
		return 0;
	while ((other = vnp_object_next_map(obj, other)))
		cnt += other != map && names_equal(other, map);
	if (cnt > 1)
		return error("Several maps begin with %.*s, and the kernel keeps no more of a name: rename them, or use maps new.",
			     VNP_NAME_LEN - 1, vnp_map_name(map));
	vnp_map_reuse_fd(map, vnp_map_fd(old));
	return 0;
}

/* Global variables begin with the values that the new program gives them. */
static int maps_keep(const struct vnp_object *obj, const struct map_set *kept)
{
	struct vnp_map *map = NULL;
	size_t len;
	int err = 0;

	while (!err && (map = vnp_object_next_map(obj, map)))
		if (!vnp_map_initial_value(map, &len))
			err = map_keep(obj, map, kept);
	return err;
}

/* Names of those maps of the new programs that they have in common with the old, or have not */
static struct json_object *maps_list(const struct map_set *made, const struct map_set *kept,
				     bool common)
{
	struct json_object *list = json_object_new_array();
	const char *name;
	size_t i;

	for (i = 0; i < made->cnt; i++) {
		name = vnp_map_name(made->maps[i]);
		/* A section of global variables has a dot in its name. */
		if (maps_has(kept, map_id(made->maps[i])) == common && !strchr(name, '.'))
			json_object_array_add(list, json_object_new_string(name));
	}
	return list;
}

static void list_names(const char *what, struct json_object *list)
{
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++)
		printf("%s%s", i ? ", " : what,
		       json_object_get_string(json_object_array_get_idx(list, i)));
}

static __u32 program_id(const struct vnp_program *prog)
{
	struct vnp_prog_info info = { .size = sizeof(info) };

	return vnp_program_get_info(prog, &info) ? 0 : info.id;
}

static void update_print(const struct vnp_link_info *link, const struct prog_ref *ref,
			 const struct map_set *kept)
{
	struct json_object *obj = json_object_new_object(), *common = NULL, *new = NULL;
	struct map_set made = {};

	add_u64(obj, "id", link->id);
	add_u64(obj, "prog_id", program_id(ref->prog));
	if (ref->message)
		add_u64(obj, "message_prog_id", program_id(ref->message));
	if (ref->obj && !maps_add_program(&made, ref->prog) &&
	    (!ref->message || !maps_add_program(&made, ref->message))) {
		common = maps_list(&made, kept, true);
		new = maps_list(&made, kept, false);
		json_object_object_add(obj, "maps_kept", common);
		json_object_object_add(obj, "maps_new", new);
	}
	maps_close(&made);
	if (settings.json) {
		json_print(obj);
		return;
	}
	printf("link %u: program %s (%u)", link->id, vnp_program_name(ref->prog),
	       program_id(ref->prog));
	if (ref->message)
		printf(", for messages %s (%u)", vnp_program_name(ref->message),
		       program_id(ref->message));
	if (common) {
		list_names("; maps kept: ", common);
		list_names("; maps new: ", new);
	}
	putchar('\n');
	json_object_put(obj);
}

/* "[maps {keep | new}]" */
static int maps_parse(struct args *args, bool *new)
{
	*new = false;
	if (args_take(args, "maps")) {
		*new = args_take(args, "new");
		if (!*new && !args_take(args, "keep"))
			return error("Specify what happens to the contents of maps: maps keep, or maps new.");
	}
	return args_end(args);
}

/* Both programs of a stream, one after the other */
static int programs_replace(struct vnp_link *link, const struct prog_ref *ref)
{
	int err;

	err = vnp_link_update(link, ref->prog, NULL);
	if (err)
		return failed(err, "Cannot update the link");
	if (!ref->message)
		return 0;
	err = vnp_link_update(link, ref->message, NULL);
	if (!err)
		return 0;
	failed(err, "Cannot update the link");
	error("Only the program of type stream was replaced.");
	return err;
}

int link_replace(struct args *args, struct vnp_link *link, const struct vnp_link_info *info)
{
	struct map_set kept = {};
	struct prog_ref ref;
	bool new;
	int err;

	err = prog_ref_open(args, PROG_REF_ID | PROG_REF_ONE | PROG_REF_PAIR, &ref);
	if (err)
		return err;
	err = maps_parse(args, &new);
	if (!err && ref.obj && !new)
		err = kept_find(&kept, info, &ref) ?: maps_keep(ref.obj, &kept);
	err = err ?: prog_ref_finish(&ref) ?: programs_replace(link, &ref);
	if (!err)
		update_print(info, &ref, &kept);
	maps_close(&kept);
	prog_ref_close(&ref);
	return err;
}
