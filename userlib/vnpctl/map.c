// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "ctl.h"

static const char help[] =
	"Usage: vnpctl map list\n"
	"       vnpctl map show [MAP]\n"
	"       vnpctl map dump MAP\n"
	"       vnpctl map lookup MAP key BYTES\n"
	"       vnpctl map update MAP key BYTES value BYTES [any | exist | noexist]\n"
	"       vnpctl map update MAP key BYTES value ALGORITHM SECRET\n"
	"                         [salt HEX | tag N | once]... [any | exist | noexist]\n"
	"       vnpctl map delete MAP key BYTES\n"
	"\n"
	"  MAP is id ID or name NAME.\n"
	"  BYTES is as many as the map's keys or values have: hex 01 fe, hex 01fe, or 1 254,\n"
	"  or u8, u16, u32, u64 NUMBER (in the byte order of this machine), or str TEXT\n"
	"  (padded with zeroes).  A struct is its members, one after the other: u32 1 u32 7,\n"
	"  or u32 5 str hello.  A value of a per-CPU map is set on all CPUs.\n"
	"  A value of a map of peers or groups is ADDRESS:PORT [ttl N] [tos N], where\n"
	"  ADDRESS is like 192.0.2.1, [2001:db8::1] or [fe80::1%eth0], or a name.\n"
	"  In a map of sockets it is [pid PID] fd FD [queue BYTES] [newest | oldest |\n"
	"  disconnect]: a TCP connection of this process or another, and what happens when its\n"
	"  queue is full: the newest or the oldest datagrams are dropped, or it is reset; or a\n"
	"  UDP socket that is connected, which has no queue.\n"
	"  In a map of keys a value is an ALGORITHM: aes-128-gcm, aes-256-gcm,\n"
	"  chacha20-poly1305, xchacha20-poly1305, aes-128-ctr, aes-256-ctr, hmac-sha256,\n"
	"  hmac-sha1-80, hmac-sha1-32 or poly1305; and a SECRET: key HEX, which others may see\n"
	"  in the list of processes, file FILE with hex digits (- is standard input), or\n"
	"  keyring SERIAL of keyctl(1).  tag N: its bytes.  once: seal with a nonce once.\n";

/* struct elem - a map, and buffers for a key and a value as user space sees it */
struct elem {
	struct vnp_map *map;
	struct vnp_map_info info;
	void *key;
	void *value;
};

static void elem_close(struct elem *elem)
{
	vnp_map_close(elem->map);
	if (elem->value && elem->info.type == VNP_MAP_KEYS)
		explicit_bzero(elem->value, elem->info.value_size);
	free(elem->key);
	free(elem->value);
}

static int map_info(const struct vnp_map *map, struct vnp_map_info *info)
{
	int err;

	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	err = vnp_map_get_info(map, info);
	return err ? failed(err, "Cannot read the information about map %s", vnp_map_name(map)) : 0;
}

static int elem_open(struct args *args, struct elem *elem)
{
	__u32 id;
	int err;

	memset(elem, 0, sizeof(*elem));
	err = map_id_find(args, &id);
	if (err)
		return err;
	err = vnp_map_open(id, &open_opts, &elem->map);
	if (err)
		return failed(err, "Cannot open map %u", id);

	err = map_info(elem->map, &elem->info);
	if (!err) {
		elem->key = calloc(1, vnp_map_key_len(elem->map));
		elem->value = calloc(1, vnp_map_value_len(elem->map));
		if (!elem->key || !elem->value)
			err = error("Out of memory.");
	}
	if (err)
		elem_close(elem);
	return err;
}

static int elem_key_parse(struct args *args, struct elem *elem)
{
	if (!args_take(args, "key"))
		return error("The key is missing: key BYTES.");
	return bytes_parse(args, "key", elem->key, elem->info.key_size);
}

static bool elem_is_secret(const struct elem *elem)
{
	return elem->info.type == VNP_MAP_KEYS;
}

static bool elem_is_percpu(const struct elem *elem)
{
	return elem->info.type == VNP_MAP_PERCPU_ARRAY;
}

static bool elem_is_peer(const struct elem *elem)
{
	return elem->info.type == VNP_MAP_PEERS || elem->info.type == VNP_MAP_GROUPS;
}

static bool elem_is_connection(const struct elem *elem)
{
	return elem->info.type == VNP_MAP_SOCKETS;
}

/* Bytes from one CPU's value to the next, and the number of values */
static size_t elem_stride(const struct elem *elem)
{
	return elem_is_percpu(elem) ? (elem->info.value_size + 7) / 8 * 8 :
				      elem->info.value_size;
}

static size_t elem_values(const struct elem *elem)
{
	return vnp_map_value_len(elem->map) / elem_stride(elem);
}

static void add_bytes(struct json_object *obj, const char *key, const char *number,
		       const void *bytes, size_t len)
{
	__u64 val;

	add_hex(obj, key, bytes, len);
	if (bytes_number(bytes, len, &val))
		add_u64(obj, number, val);
}

static struct json_object *elem_json(const struct elem *elem)
{
	struct json_object *obj = json_object_new_object(), *values, *value;
	size_t i;

	add_bytes(obj, "key", "key_number", elem->key, elem->info.key_size);
	if (elem_is_peer(elem)) {
		json_object_object_add(obj, "peer", peer_json(elem->value));
		return obj;
	}
	if (elem_is_connection(elem)) {
		json_object_object_add(obj, "connection", connection_json(elem->value));
		return obj;
	}
	if (elem_is_secret(elem))
		return obj;
	if (!elem_is_percpu(elem)) {
		add_bytes(obj, "value", "value_number", elem->value,
			   elem->info.value_size);
		return obj;
	}

	values = json_object_new_array();
	for (i = 0; i < elem_values(elem); i++) {
		value = json_object_new_object();
		add_u64(value, "cpu", i);
		add_bytes(value, "value", "value_number",
			   (char *)elem->value + i * elem_stride(elem),
			   elem->info.value_size);
		json_object_array_add(values, value);
	}
	json_object_object_add(obj, "values", values);
	return obj;
}

static void elem_print(const struct elem *elem)
{
	size_t i;

	printf("key: ");
	bytes_print(elem->key, elem->info.key_size);
	if (elem_is_peer(elem)) {
		printf("\n  peer: ");
		peer_print(elem->value);
	} else if (elem_is_connection(elem)) {
		printf("\n  connection: ");
		connection_print(elem->value);
	} else if (!elem_is_percpu(elem) && !elem_is_secret(elem)) {
		printf("\n  value: ");
		bytes_print(elem->value, elem->info.value_size);
	}
	for (i = 0; elem_is_percpu(elem) && i < elem_values(elem); i++) {
		printf("\n  value (CPU %zu): ", i);
		bytes_print((char *)elem->value + i * elem_stride(elem),
			    elem->info.value_size);
	}
	putchar('\n');
}

static struct json_object *map_json(const struct vnp_map_info *info)
{
	struct json_object *obj = json_object_new_object();

	add_u64(obj, "id", info->id);
	add_str(obj, "name", info->name);
	add_str(obj, "type", map_type_name(info->type));
	add_u64(obj, "uid", info->uid);
	add_u64(obj, "key_bytes", info->key_size);
	add_u64(obj, "value_bytes", info->value_size);
	add_u64(obj, "entries", info->entries);
	add_u64(obj, "max_entries", info->max_entries);
	add_bool(obj, "mmap", info->flags & VNP_MAP_F_MMAP);
	add_bool(obj, "rdonly_prog", info->flags & VNP_MAP_F_RDONLY_PROG);
	add_bool(obj, "frozen", info->frozen);
	add_u64(obj, "memory", info->mem);
	return obj;
}

static void map_row(struct table *table, const struct vnp_map_info *info)
{
	table_add(table, "%u", info->id);
	table_add(table, "%s", info->name);
	table_add(table, "%s", map_type_name(info->type));
	table_add(table, "%u", info->uid);
	table_add(table, "%u", info->key_size);
	table_add(table, "%u", info->value_size);
	table_add(table, "%u", info->entries);
	table_add(table, "%u", info->max_entries);
	table_add(table, "%llu", info->mem);
	table_add(table, "%s%s%s", info->flags & VNP_MAP_F_MMAP ? "mmap " : "",
		  info->flags & VNP_MAP_F_RDONLY_PROG ? "rdonly " : "",
		  info->frozen ? "frozen " : "");
}

static struct table *map_table(void)
{
	return table_new("ID -NAME -TYPE UID KEY VALUE ENTRIES MAX MEMORY -FLAGS");
}

static int map_show_one(struct args *args)
{
	struct table *table;
	struct elem elem;
	int err;

	err = elem_open(args, &elem);
	if (err)
		return err;
	err = args_end(args);
	if (!err && settings.json) {
		json_print(map_json(&elem.info));
	} else if (!err) {
		table = map_table();
		map_row(table, &elem.info);
		table_print(table, "");
	}
	elem_close(&elem);
	return err;
}

static int map_show(struct args *args)
{
	struct vnp_map_info info = { .size = sizeof(info) };
	struct json_object *list;
	struct table *table;
	struct vnp_map *map;
	__u32 id = 0;
	int err;

	if (args->cnt)
		return map_show_one(args);

	list = json_object_new_array();
	table = map_table();
	while (!(err = vnp_id_next(VNP_OBJ_MAP, &id))) {
		if (vnp_map_open(id, &quiet_opts, &map))
			continue;
		if (!vnp_map_get_info(map, &info)) {
			json_object_array_add(list, map_json(&info));
			map_row(table, &info);
		}
		vnp_map_close(map);
	}
	return list_print(err, list, table, "There are no maps.");
}

static int map_dump(struct args *args)
{
	struct json_object *list;
	struct elem elem;
	unsigned long cnt = 0;
	bool first = true;
	int err;

	err = elem_open(args, &elem);
	if (err)
		return err;
	err = args_end(args);
	list = json_object_new_array();
	while (!err) {
		err = vnp_map_next_key(elem.map, first ? NULL : elem.key, elem.key);
		first = false;
		/* the entry may be deleted between the two calls */
		if (err || (!elem_is_secret(&elem) &&
			    vnp_map_lookup(elem.map, elem.key, elem.value)))
			continue;
		if (settings.json)
			json_object_array_add(list, elem_json(&elem));
		else
			elem_print(&elem);
		cnt++;
	}
	if (err == -ENOENT)
		err = 0;
	if (!err && settings.json)
		json_print(json_object_get(list));
	else if (!err)
		printf("%lu %s\n", cnt, cnt == 1 ? "entry" : "entries");
	else
		failed(err, "Cannot read map %s", vnp_map_name(elem.map));
	json_object_put(list);
	elem_close(&elem);
	return err;
}

/* Why a connection may not be set.  Return: NULL: for a reason that peers have, too */
static const char *connection_refused(int err)
{
	switch (err) {
	case -EPERM:
		return "you may not send on this socket: a security module, or its cgroup, forbids it";
	case -EBUSY:
		return "the kernel uses the socket for something else, or its queue has another size or policy";
	case -EINVAL:
		return "the queue must have 4096 to 16777216 bytes; a UDP socket has none";
	case -EOPNOTSUPP:
		return "the socket is neither TCP nor UDP, or it listens, or is connected to a multicast address";
	case -ENOTCONN:
		return "the socket is not connected";
	case -EDQUOT:
		return "your connections, or the bytes of their queues, have reached the module's limit (vnpctl feature)";
	}
	return NULL;
}

/* Why a peer or connection may not be set.  Return: NULL: an error of any map */
static const char *send_refused(const struct elem *elem, int err)
{
	const char *why = elem_is_connection(elem) ? connection_refused(err) : NULL;

	if (why)
		return why;
	switch (err) {
	case -EPERM:
		return "its socket may not send there: a security module, or a program of the cgroup, forbids it";
	case -EACCES:
		return "this is a broadcast address: set SO_BROADCAST on the map's socket first";
	case -EINVAL:
		return "this is not a valid peer; see vnpctl map help";
	case -EOPNOTSUPP:
		return "programs cannot send to a multicast address, or to 255.255.255.255";
	case -EAFNOSUPPORT:
		return "its socket is one of IPv4, which cannot send to an IPv6 address";
	case -ENETUNREACH:
	case -EHOSTUNREACH:
		return "its socket has no route to this address";
	case -EPIPE:
		return "the socket was shut down";
	case -ENOTCONN:
		return "its socket was closed: link the program again, so that the map has another one";
	}
	return NULL;
}

static const char *key_refused(int err)
{
	switch (err) {
	case -EACCES:
		return "keys cannot be read; or you may not search the key in the keyring";
	case -EINVAL:
		return "the key, salt or tag has a length that the algorithm does not take; or once is given for one that cannot seal";
	case -ENOKEY:
		return "there is no such key in your keyrings (keyctl show)";
	case -EKEYEXPIRED:
	case -EKEYREVOKED:
		return "the key in the keyring has expired, or was revoked";
	case -EOPNOTSUPP:
		return "the kernel does not have the algorithm (/proc/crypto)";
	case -EAGAIN:
	case -ETIMEDOUT:
		return "the kernel is still loading the algorithm: try again";
	}
	return NULL;
}

static const char *any_refused(const struct elem *elem, int err, char *why, size_t size)
{
	const bool hash = elem->info.type != VNP_MAP_ARRAY && !elem_is_percpu(elem);

	switch (err) {
	case -ENOENT:
		if (hash)
			return "it does not have this key";
		snprintf(why, size, "keys are 0 to %u", elem->info.max_entries - 1);
		return why;
	case -EEXIST:
		return "it already has this key";
	case -ENOSPC:
		snprintf(why, size, "it has no room for this key: it holds at most %u entries, and a group or hash bucket fewer",
			 elem->info.max_entries);
		return why;
	case -EPERM:
		return "it is frozen: its values are constants";
	case -EINVAL:
		return "it is an array: its entries cannot be deleted";
	}
	return strerror(-err);
}

static int elem_failed(const struct elem *elem, int err)
{
	const char *because = NULL;
	char why[128];

	if ((elem_is_peer(elem) || elem_is_connection(elem)) && !elem->info.frozen)
		because = send_refused(elem, err);
	else if (elem_is_secret(elem))
		because = key_refused(err);
	error("Map %s: %s.", vnp_map_name(elem->map),
	      because ?: any_refused(elem, err, why, sizeof(why)));
	return err;
}

static int map_lookup(struct args *args)
{
	struct elem elem;
	int err;

	err = elem_open(args, &elem);
	if (err)
		return err;
	err = elem_key_parse(args, &elem) ?: args_end(args);
	if (!err) {
		err = vnp_map_lookup(elem.map, elem.key, elem.value);
		if (err)
			elem_failed(&elem, err);
		else if (settings.json)
			json_print(elem_json(&elem));
		else
			elem_print(&elem);
	}
	elem_close(&elem);
	return err;
}

static int elem_value_parse(struct args *args, struct elem *elem)
{
	size_t i;
	int err;

	if (!args_take(args, "value"))
		return error("The value is missing: value BYTES.");
	if (elem_is_peer(elem))
		return peer_parse(args, elem->value);
	if (elem_is_connection(elem))
		return connection_parse(args, elem->value);
	if (elem_is_secret(elem))
		return key_parse(args, elem->value);
	err = bytes_parse(args, "value", elem->value, elem->info.value_size);
	for (i = 1; !err && i < elem_values(elem); i++)
		memcpy((char *)elem->value + i * elem_stride(elem), elem->value,
		       elem->info.value_size);
	return err;
}

static int map_update(struct args *args)
{
	__u32 flags = VNP_MAP_ANY;
	struct elem elem;
	int err;

	err = elem_open(args, &elem);
	if (err)
		return err;
	err = elem_key_parse(args, &elem) ?: elem_value_parse(args, &elem);
	if (!err) {
		if (args_take(args, "exist"))
			flags = VNP_MAP_EXIST;
		else if (args_take(args, "noexist"))
			flags = VNP_MAP_NOEXIST;
		else
			args_take(args, "any");
		err = args_end(args);
	}
	if (!err) {
		err = vnp_map_update(elem.map, elem.key, elem.value, flags);
		if (err)
			elem_failed(&elem, err);
	}
	elem_close(&elem);
	return err;
}

static int map_delete(struct args *args)
{
	struct elem elem;
	int err;

	err = elem_open(args, &elem);
	if (err)
		return err;
	err = elem_key_parse(args, &elem) ?: args_end(args);
	if (!err) {
		err = vnp_map_delete(elem.map, elem.key);
		if (err)
			elem_failed(&elem, err);
	}
	elem_close(&elem);
	return err;
}

static const struct command commands[] = {
	{ "list", map_show },
	{ "show", map_show },
	{ "dump", map_dump },
	{ "lookup", map_lookup },
	{ "update", map_update },
	{ "delete", map_delete },
	{}
};

int map_command(struct args *args)
{
	return commands_run(args, "map", commands, help);
}
