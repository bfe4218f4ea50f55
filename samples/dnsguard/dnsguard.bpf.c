// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * dnsguard: pass well-formed DNS queries for names and types in a map, and drop
 * everything else before it reaches the server.
 */
#include <vnp/program.h>
#include "dnsguard.h"

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 4096);
	__type(key, struct question);
	__type(value, __u64);		/* queries passed */
} allowed SEC(".maps");

struct {
	__uint(type, VNP_MAP_PERCPU_ARRAY);
	__uint(max_entries, OUTCOMES);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

/* RFC 1035 4.1.1 */
struct dns_header {
	__be16 id;
	__u8 flags;		/* QR, opcode, AA, TC, RD */
	__u8 rcode;
	__be16 questions;
	__be16 answers;
	__be16 authorities;
	__be16 additionals;
};

#define DNS_QR_OPCODE	0xf8	/* an ordinary query has none of these bits */
#define DNS_CLASS_IN	1

/* RFC 6891 6.1.2, after the root name */
struct edns_opt {
	__u8 root;
	__be16 type;
	__be16 payload_size;
	__be32 flags;
	__be16 len;
} __attribute__((packed));

#define DNS_TYPE_OPT	41

static __always_inline __u8 lower(__u8 c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/*
 * Copy the name at @p to @name in lower case.  Compression (a length above 63)
 * is refused: there is no name before a question that it could refer to.
 *
 * Returns the end of the name, or NULL if it is not valid.
 */
static __always_inline __u8 *name_parse(__u8 *p, __u8 *end, __u8 *name)
{
	__u32 n = 0, len;

	for (;;) {
		if (p >= end)
			return NULL;
		len = *p++;
		if (!len)
			return p;
		if (len > DNS_LABEL_MAX || p + len > end ||
		    n + 1 + len >= DNS_NAME_MAX)
			return NULL;
		name[n++] = len;
		while (len--)
			name[n++] = lower(*p++);
	}
}

/* Nothing after the question, or one EDNS option record and nothing after it */
static __always_inline int tail_ok(__u8 *p, __u8 *end, __u16 additionals)
{
	struct edns_opt *opt = (void *)p;

	if (!additionals)
		return p == end;
	return additionals == 1 && (__u8 *)(opt + 1) <= end && !opt->root &&
	       opt->type == vnp_htons(DNS_TYPE_OPT) &&
	       (__u8 *)(opt + 1) + vnp_ntohs(opt->len) == end;
}

/* One question, and no answer or authority record */
static __always_inline int header_ok(struct dns_header *dns, __u8 *end)
{
	return (__u8 *)(dns + 1) <= end && !(dns->flags & DNS_QR_OPCODE) &&
	       dns->questions == vnp_htons(1) && !dns->answers &&
	       !dns->authorities;
}

static __always_inline enum outcome query_classify(struct dns_header *dns, __u8 *end)
{
	struct question q = {};
	__u64 *passed;
	__u8 *p;

	p = name_parse((__u8 *)(dns + 1), end, q.name);
	if (!p || p + 4 > end ||
	    !tail_ok(p + 4, end, vnp_ntohs(dns->additionals)))
		return MALFORMED;
	if ((p[2] << 8 | p[3]) != DNS_CLASS_IN)
		return UNWANTED;
	q.type = p[0] << 8 | p[1];

	passed = vnp_map_lookup(&allowed, &q);
	if (!passed)
		return UNWANTED;
	__sync_fetch_and_add(passed, 1);
	return GOOD;
}

SEC("vnp/datagram")
int dnsguard(struct vnp_ctx *ctx)
{
	__u32 outcome = MALFORMED;
	__u64 *count;

	if (vnp_pull(ctx, 0))		/* out of memory for pulling all of it */
		return VNP_DROP;
	if (header_ok(ctx->data, ctx->data_end))
		outcome = query_classify(ctx->data, ctx->data_end);
	count = vnp_map_lookup(&counts, &outcome);
	if (count)
		(*count)++;
	return outcome == GOOD ? VNP_PASS : VNP_DROP;
}
