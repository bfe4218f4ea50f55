// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The commands feature and version. */
#include "ctl.h"

#define HELPER_NAME(name, id)	[(id) - VNP_HELPER_BASE] = #name,
static const char *const helper_names[64] = { VNP_HELPER_MAPPER(HELPER_NAME) };

static struct json_object *names_json(__u64 bits, const char *(*name)(__u32))
{
	struct json_object *list = json_object_new_array();
	__u32 i;

	for (i = 0; i < 64; i++)
		if (bits >> i & 1)
			json_object_array_add(list, json_object_new_string(name(i)));
	return list;
}

static const char *helper_name(__u32 bit)
{
	return helper_names[bit] ? helper_names[bit] : "unknown";
}

static void names_print(const char *what, __u64 bits, const char *(*name)(__u32))
{
	__u32 i;

	printf("%-14s", what);
	for (i = 0; i < 64; i++)
		if (bits >> i & 1)
			printf(" %s", name(i));
	putchar('\n');
}

static void feature_json(const struct vnp_feature *feature)
{
	struct json_object *obj = json_object_new_object();

	add_str(obj, "version", feature->version);
	add_bool(obj, "hardened", feature->hardened);
	json_object_object_add(obj, "prog_types",
			       names_json(feature->prog_types, prog_type_name));
	json_object_object_add(obj, "map_types",
			       names_json(feature->map_types, map_type_name));
	json_object_object_add(obj, "helpers", names_json(feature->helpers, helper_name));
	add_u64(obj, "prog_flags", feature->prog_flags);
	add_u64(obj, "map_flags", feature->map_flags);
	add_u64(obj, "link_flags", feature->link_flags);
	add_u64(obj, "insn_max", feature->insn_max);
	add_u64(obj, "map_max", feature->map_max);
	add_u64(obj, "stack_max", feature->stack_max);
	add_u64(obj, "budget", feature->budget);
	add_u64(obj, "budget_max", feature->budget_max);
	add_u64(obj, "softirq_share", feature->softirq_share);
	add_u64(obj, "softirq_burst_us", feature->softirq_burst_us);
	add_u64(obj, "send_fanout", feature->send_fanout);
	add_u64(obj, "send_rate", feature->send_rate);
	add_u64(obj, "send_bytes", feature->send_bytes);
	add_u64(obj, "sockets_user_max", feature->sockets_user_max);
	add_u64(obj, "sockets_user_bytes", feature->sockets_user_bytes);
	add_bool(obj, "unprivileged", feature->unprivileged);
	add_bool(obj, "denied", feature->denied);
	json_print(obj);
}

int feature_command(struct args *args)
{
	struct vnp_feature feature = { .size = sizeof(feature) };
	int err;

	if (help_wanted(args, "Usage: vnpctl feature\n\n  Print the module's features and limits.\n"))
		return 0;
	err = args_end(args);
	if (err)
		return err;
	err = vnp_feature_get(&feature, &open_opts);
	if (err)
		return failed(err, "Cannot read the module's features");
	feature.version[VNP_NAME_LEN - 1] = 0;
	if (settings.json) {
		feature_json(&feature);
		return 0;
	}

	printf("module         %s\n", feature.version);
	names_print("programs", feature.prog_types, prog_type_name);
	names_print("maps", feature.map_types, map_type_name);
	names_print("helpers", feature.helpers, helper_name);
	printf("flags          programs %#x, maps %#x, links %#x\n", feature.prog_flags,
	       feature.map_flags, feature.link_flags);
	printf("limits         %u instructions, %u maps, %u bytes of stack\n",
	       feature.insn_max, feature.map_max, feature.stack_max);
	printf("budget         %u for each execution, up to %u can be asked for\n",
	       feature.budget, feature.budget_max);
	printf("softirq time   %u percent of a CPU for all links of a user, %u us at once\n",
	       feature.softirq_share, feature.softirq_burst_us);
	printf("sending        %u datagrams for each that arrived; %u, and %llu bytes, per second and CPU\n",
	       feature.send_fanout, feature.send_rate, feature.send_bytes);
	printf("connections    at most %u in maps for each user, whose queues have at most %llu bytes together\n",
	       feature.sockets_user_max, feature.sockets_user_bytes);
	printf("may load       %s\n", feature.unprivileged ?
	       "all who may open /dev/vnp" :
	       feature.denied ? "users with CAP_BPF or CAP_SYS_ADMIN; you have neither" :
	       "users with CAP_BPF or CAP_SYS_ADMIN; you have one");
	printf("your programs  %s\n", feature.hardened ?
	       "are hardened against speculation, as an ordinary user's" :
	       "are not hardened against speculation: you have the privileges");
	return 0;
}

int version_command(struct args *args)
{
	struct vnp_feature feature = { .size = sizeof(feature) };
	struct json_object *obj;
	bool module;
	int err;

	if (help_wanted(args, "Usage: vnpctl version\n\n  Print the versions of this program, the library and the module.\n"))
		return 0;
	err = args_end(args);
	if (err)
		return err;
	module = !vnp_feature_get(&feature, &quiet_opts);
	if (settings.json) {
		obj = json_object_new_object();
		add_str(obj, "vnpctl", LIBVNP_VERSION);
		add_str(obj, "libvnp", vnp_version_string());
		json_object_object_add(obj, "module", module ?
				       json_object_new_string(feature.version) : NULL);
		json_print(obj);
	} else {
		printf("vnpctl %s, libvnp %s, module %s\n", LIBVNP_VERSION,
		       vnp_version_string(), module ? feature.version : "not reachable");
	}
	return 0;
}
