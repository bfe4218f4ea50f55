// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * C as authors write it, for program_test.c: the names of the functions are those of its
 * tests.
 */
#include <vnp/program.h>

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} hosts SEC(".maps");

struct {
	__uint(type, VNP_MAP_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __u32 table[64];
static __u64 total;

/* Count the labels of a DNS name; the payload after it is ignored */
SEC("vnp/datagram")
int labels(struct vnp_ctx *ctx)
{
	unsigned char *p = ctx->data, *end = ctx->data_end;
	int n = 0;

	while (p + 1 <= end && *p && *p < 64) {
		p += 1 + *p;
		n++;
	}
	return n;
}

/* Type-length-value options, with lengths that include type and length */
SEC("vnp/datagram")
int options(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;
	__u32 sum = 0;

	while (p + 2 <= end) {
		__u8 type = p[0], len = p[1];

		if (len < 2 || p + len > end)
			break;
		sum += type;
		p += len;
	}
	return sum & 0xffff;
}

struct header {
	__u8 version;
	__u8 words;
	__be16 port;
	__be32 id;
};

/* A header, a number of words with options, then 8 bytes */
SEC("vnp/datagram")
int header(struct vnp_ctx *ctx)
{
	void *data = ctx->data, *end = ctx->data_end;
	struct header *h = data;
	__u8 *body;

	if ((void *)(h + 1) > end || h->version != 1)
		return 0;
	body = data + sizeof(*h) + h->words * 4;
	if ((void *)(body + 8) > end)
		return 1;
	return 2 + body[0] + body[7];
}

/* Count datagrams per sender, and the values of the first bytes */
SEC("vnp/datagram")
int count(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;
	__u32 key = ctx->remote_ip4, i;
	__u64 one = 1, *value;

	value = vnp_map_lookup(&hosts, &key);
	if (value)
		__sync_fetch_and_add(value, 1);
	else
		vnp_map_update(&hosts, &key, &one, VNP_MAP_ANY);

	for (i = 0; i < 32 && p + i + 1 <= end; i++) {
		__u32 byte = p[i];

		value = vnp_map_lookup(&counts, &byte);
		if (!value)
			return 0;
		++*value;
		table[byte & 63]++;
		total++;
	}
	return (int)total;
}

/* Sort the first 16 bytes on the stack */
SEC("vnp/datagram")
int sort(struct vnp_ctx *ctx)
{
	__u8 a[16];
	__u32 i, k;

	if (vnp_load_bytes(ctx, 0, a, sizeof(a)))
		return -1;
	for (i = 0; i < 16; i++) {
		for (k = 0; k < 15; k++) {
			if (a[k] > a[k + 1]) {
				__u8 t = a[k];

				a[k] = a[k + 1];
				a[k + 1] = t;
			}
		}
	}
	return a[0] << 16 | a[8] << 8 | a[15];
}

/* Without checks of the payload's length and the result of the lookup */
SEC("vnp/datagram")
int careless(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data;
	__u32 key = p[0];
	__u64 *value = vnp_map_lookup(&hosts, &key);

	return *value + table[p[1]];
}
