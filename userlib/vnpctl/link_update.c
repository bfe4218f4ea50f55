// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* link update: a new program, which keeps what is in the maps of the one that it replaces. */
#include "ctl.h"

/* The maps of the program that is replaced */
struct kept {
	struct vnp_map **maps;
	size_t cnt;
};

static void kept_close(struct kept *kept)
{
	while (kept->cnt)
		vnp_map_close(kept->maps[--kept->cnt]);
	free(kept->maps);
}

static __u32 map_id(const struct vnp_map *map)
{
	struct vnp_map_info info = { .size = sizeof(info) };

	return vnp_map_get_info(map, &info) ? 0 : info.id;
}

static bool kept_has(const struct kept *kept, __u32 id)
{
	size_t i;

	for (i = 0; i < kept->cnt; i++)
		if (map_id(kept->maps[i]) == id)
			return true;
	return false;
}

static int kept_add(struct kept *kept, __u32 id)
{
	struct vnp_map **maps;

	if (kept_has(kept, id))
		return 0;
	maps = realloc(kept->maps, (kept->cnt + 1) * sizeof(*maps));
	if (!maps)
		return error("Out of memory.");
	kept->maps = maps;
	/* If it was freed meanwhile, there is nothing to keep. */
	if (!vnp_map_open(id, &quiet_opts, &maps[kept->cnt]))
		kept->cnt++;
	return 0;
}

static int kept_add_program(struct kept *kept, const struct vnp_program *prog)
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
		err = kept_add(kept, ids[i]);
	free(buf);
	return err;
}

static int kept_find(struct kept *kept, const struct vnp_link_info *info,
		     const struct vnp_program *prog)
{
	const __u32 id = vnp_program_type(prog) == VNP_PROG_MESSAGE ? info->message_prog_id :
								      info->prog_id;
	struct vnp_program *old;
	int err;

	/* There was none for messages; or the link is detached: then the update says so. */
	if (!id || vnp_program_open(id, &quiet_opts, &old))
		return 0;
	err = kept_add_program(kept, old);
	vnp_program_close(old);
	return err;
}

/* Let the new program use the old map of this name, if that has the same type and sizes. */
static void map_keep(struct vnp_map *map, const struct kept *kept)
{
	size_t i;

	for (i = 0; i < kept->cnt; i++)
		if (!strncmp(vnp_map_name(kept->maps[i]), vnp_map_name(map), VNP_NAME_LEN - 1) &&
		    !vnp_map_reuse_fd(map, vnp_map_fd(kept->maps[i])))
			break;
}

/* Global variables begin with the values that the new program gives them. */
static void maps_keep(const struct vnp_object *obj, const struct kept *kept)
{
	struct vnp_map *map = NULL;
	size_t len;

	while ((map = vnp_object_next_map(obj, map)))
		if (!vnp_map_initial_value(map, &len))
			map_keep(map, kept);
}

/* Names of those maps of the program that it has in common with the old one, or has not */
static struct json_object *maps_list(const struct vnp_program *prog, const struct kept *kept,
				     bool common)
{
	struct json_object *list = json_object_new_array();
	struct vnp_map *map;
	__u32 *ids, len, i;
	void *buf;

	if (vnp_program_dump(prog, VNP_DUMP_MAP_IDS, &buf, &len))
		return list;
	ids = buf;
	for (i = 0; i < len / sizeof(*ids); i++) {
		if (kept_has(kept, ids[i]) != common || vnp_map_open(ids[i], &quiet_opts, &map))
			continue;
		/* A section of global variables has a dot in its name. */
		if (!strchr(vnp_map_name(map), '.'))
			json_object_array_add(list, json_object_new_string(vnp_map_name(map)));
		vnp_map_close(map);
	}
	free(buf);
	return list;
}

static void list_names(const char *what, struct json_object *list)
{
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++)
		printf("%s%s", i ? ", " : what,
		       json_object_get_string(json_object_array_get_idx(list, i)));
}

static void update_print(const struct vnp_link_info *link, const struct prog_ref *ref,
			 const struct kept *kept)
{
	struct vnp_prog_info info = { .size = sizeof(info) };
	struct json_object *obj, *common = NULL, *new = NULL;

	vnp_program_get_info(ref->prog, &info);
	obj = json_object_new_object();
	add_u64(obj, "id", link->id);
	add_u64(obj, "prog_id", info.id);
	if (ref->obj) {
		common = maps_list(ref->prog, kept, true);
		new = maps_list(ref->prog, kept, false);
		json_object_object_add(obj, "maps_kept", common);
		json_object_object_add(obj, "maps_new", new);
	}
	if (settings.json) {
		json_print(obj);
		return;
	}
	printf("link %u: program %s (%u)", link->id, vnp_program_name(ref->prog), info.id);
	if (ref->obj) {
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

int link_replace(struct args *args, struct vnp_link *link, const struct vnp_link_info *info)
{
	struct kept kept = {};
	struct prog_ref ref;
	bool new;
	int err;

	err = prog_ref_open(args, PROG_REF_ID | PROG_REF_ONE, &ref);
	if (err)
		return err;
	err = maps_parse(args, &new);
	if (!err && ref.obj && !new)
		err = kept_find(&kept, info, ref.prog);
	if (!err && ref.obj)
		maps_keep(ref.obj, &kept);
	if (!err)
		err = prog_ref_finish(&ref);
	if (!err) {
		err = vnp_link_update(link, ref.prog, NULL);
		if (err)
			failed(err, "Cannot update the link");
		else
			update_print(info, &ref, &kept);
	}
	kept_close(&kept);
	prog_ref_close(&ref);
	return err;
}
