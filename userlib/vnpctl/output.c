// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <stdarg.h>
#include <sys/socket.h>

#include "ctl.h"
#include "utf8.h"

/* Messages and lines so far.  Only one thread writes them. */
static struct {
	bool said;
	bool catching;
	char *caught;
	char *text;		/* JSON mode: the errors */
	size_t text_len;
	struct json_object *lines;
} out;

static void error_line(const char *line)
{
	char *text;

	if (out.catching) {
		free(out.caught);
		out.caught = strdup(line);
		return;
	}
	if (!settings.json) {
		fprintf(stderr, "%s%s\n", out.said ? "" : "Error: ", line);
		out.said = true;
		return;
	}

	out.said = true;
	text = realloc(out.text, out.text_len + strlen(line) + 2);
	if (!text)
		return;
	out.text = text;
	out.text_len += sprintf(text + out.text_len, "%s%s", out.text_len ? "\n" : "",
				line);
}

static void library_print(void *ctx, enum vnp_print_level level, const char *line)
{
	(void)ctx;
	switch (level) {
	case VNP_PRINT_ERROR:
		error_line(line);
		break;
	case VNP_PRINT_WARNING:
		fprintf(stderr, "Warning: %s\n", line);
		break;
	case VNP_PRINT_PROGRAM:
		if (!out.lines)
			out.lines = json_object_new_array();
		json_object_array_add(out.lines, json_object_new_string(line));
		break;
	default:
		break;
	}
}

const struct vnp_open_opts open_opts = {
	.sz = sizeof(open_opts),
	.print = library_print,
};

static void print_nothing(void *ctx, enum vnp_print_level level, const char *line)
{
	(void)ctx, (void)level, (void)line;
}

const struct vnp_open_opts quiet_opts = {
	.sz = sizeof(quiet_opts),
	.print = print_nothing,
};

struct json_object *program_lines(void)
{
	struct json_object *lines = out.lines ?: json_object_new_array();

	out.lines = NULL;
	return lines;
}

int error(const char *fmt, ...)
{
	char line[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	error_line(line);
	return -EINVAL;
}

int failed(int err, const char *fmt, ...)
{
	char what[512];
	va_list args;

	if (out.said)
		return err;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	error("%s: %s.", what, strerror(-err));
	return err;
}

void errors_catch(void)
{
	out.catching = true;
}

char *errors_caught(void)
{
	char *line = out.caught;

	out.catching = false;
	out.caught = NULL;
	return line;
}

int ids_failed(int err)
{
	struct vnp_feature feature = { .size = sizeof(feature) };

	/* any other call prints what is wrong with /dev/vnp */
	vnp_feature_get(&feature, &open_opts);
	return failed(err, "Cannot list the module's objects");
}

void json_print(struct json_object *obj)
{
	int flags = settings.pretty ? JSON_C_TO_STRING_PRETTY |
				      JSON_C_TO_STRING_SPACED :
				      JSON_C_TO_STRING_PLAIN;

	flags |= JSON_C_TO_STRING_NOSLASHESCAPE;
	printf("%s\n", json_object_to_json_string_ext(obj, flags));
	fflush(stdout);
	json_object_put(obj);
}

void errors_flush(void)
{
	struct json_object *obj;

	if (!settings.json || !out.text)
		return;
	obj = json_object_new_object();
	add_str(obj, "error", out.text);
	json_print(obj);
	free(out.text);
	out.text = NULL;
}

void add_u64(struct json_object *obj, const char *key, __u64 val)
{
	json_object_object_add(obj, key, json_object_new_uint64(val));
}

/* Names of files and functions can have any bytes, but JSON must be UTF-8. */
void add_str(struct json_object *obj, const char *key, const char *val)
{
	char *text = strdup(val);

	if (!text)
		return;
	utf8_clean(text, strlen(text), true);
	json_object_object_add(obj, key, json_object_new_string(text));
	free(text);
}

void add_bool(struct json_object *obj, const char *key, bool val)
{
	json_object_object_add(obj, key, json_object_new_boolean(val));
}

void add_hex(struct json_object *obj, const char *key, const void *bytes, size_t len)
{
	char *text = malloc(2 * len + 1);
	size_t i;

	if (!text)
		return;
	text[0] = 0;
	for (i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", ((const unsigned char *)bytes)[i]);
	add_str(obj, key, text);
	free(text);
}

const char *fault_name(__u32 fault)
{
	static const char *const names[] = {
		[VNP_FAULT_NONE] = "none",
		[VNP_FAULT_PACKET] = "packet",
		[VNP_FAULT_MAP] = "map",
		[VNP_FAULT_STACK] = "stack",
		[VNP_FAULT_NULL] = "null",
		[VNP_FAULT_BUDGET] = "budget",
		[VNP_FAULT_VERDICT] = "verdict",
		[VNP_FAULT_CONTEXT] = "context",
		[VNP_FAULT_THROTTLED] = "throttled",
	};

	return fault < ARRAY_SIZE(names) ? names[fault] : "unknown";
}

const char *verdict_name(__u64 verdict)
{
	static const char *const names[] = {
		[VNP_DROP] = "drop",
		[VNP_PASS] = "pass",
		[VNP_REPLY] = "reply",
		[VNP_HELD] = "held",
	};

	return verdict < ARRAY_SIZE(names) ? names[verdict] : NULL;
}

const char *error_name(__u32 error)
{
	static const char *const names[] = {
		[VNP_ERROR_MEMORY] = "memory",
		[VNP_ERROR_LENGTH] = "length",
		[VNP_ERROR_DENIED] = "denied",
		[VNP_ERROR_ROUTE] = "route",
		[VNP_ERROR_SNDBUF] = "sndbuf",
		[VNP_ERROR_HOPS] = "hops",
		[VNP_ERROR_RATE] = "rate",
		[VNP_ERROR_EVICTED] = "evicted",
		[VNP_ERROR_EXPIRED] = "expired",
		[VNP_ERROR_DISCARDED] = "discarded",
		[VNP_ERROR_PROTOCOL] = "protocol",
		[VNP_ERROR_OVERSIZE] = "oversize",
		[VNP_ERROR_TRUNCATED] = "truncated",
		[VNP_ERROR_AUTH] = "auth",
	};

	return error < ARRAY_SIZE(names) && names[error] ? names[error] : "unknown";
}

void errors_print(const __u64 *errors, const char *before, const char *after)
{
	__u32 i;

	for (i = 0; i < VNP_ERROR_SLOTS; i++)
		if (errors[i])
			printf("%s (%s): %llu%s", before, error_name(i), errors[i], after);
}

struct json_object *errors_json(const __u64 *errors, bool all)
{
	struct json_object *obj = json_object_new_object();
	__u32 i;

	for (i = 0; i < VNP_ERROR_SLOTS; i++)
		if (errors[i] || (all && i < __VNP_ERROR_CNT))
			add_u64(obj, error_name(i), errors[i]);
	return obj;
}

const char *prog_type_name(__u32 type)
{
	static const char *const names[] = {
		[VNP_PROG_DATAGRAM] = "datagram",
		[VNP_PROG_PACKET] = "packet",
		[VNP_PROG_STREAM] = "stream",
		[VNP_PROG_MESSAGE] = "message",
	};

	return type < ARRAY_SIZE(names) && names[type] ? names[type] : "unknown";
}

const char *map_type_name(__u32 type)
{
	switch (type) {
	case VNP_MAP_HASH:
		return "hash";
	case VNP_MAP_ARRAY:
		return "array";
	case VNP_MAP_PERCPU_ARRAY:
		return "percpu_array";
	case VNP_MAP_PEERS:
		return "peers";
	case VNP_MAP_GROUPS:
		return "groups";
	case VNP_MAP_SOCKETS:
		return "sockets";
	case VNP_MAP_KEYS:
		return "keys";
	case VNP_MAP_REPLAY:
		return "replay";
	default:
		return "unknown";
	}
}

bool is_stream(const struct vnp_link_info *info)
{
	struct vnp_program *prog;
	bool stream;

	if (vnp_program_open(info->prog_id, &quiet_opts, &prog))
		return false;
	stream = vnp_program_type(prog) == VNP_PROG_STREAM;
	vnp_program_close(prog);
	return stream;
}

const char *socket_name(const struct vnp_link_info *info)
{
	if (is_stream(info))
		return info->family == AF_INET6 ? "tcp6" : "tcp";
	return info->family == AF_INET6 ? "udp6" : "udp";
}
