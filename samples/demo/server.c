// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * server: what a process has to do without VNP, as well as an ordinary user can: all datagrams
 * that have arrived are received by one system call, and sent by one, in packets that the kernel
 * segments.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/udp.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../common.h"
#include "../gather/gather.h"
#include "../relay/relay.h"
#include "../wgate/wgate.h"

#define BATCH		64
#define DATAGRAM_MAX	2048
#define RCVBUF		(2 << 20)
#define RECEIVERS	8

static const struct sample self = { .name = "server" };

static const char usage[] =
	"usage: server echo PORT\n"
	"       server gate PORT KEY\n"
	"       server gather PORT\n"
	"       server relay PORT RECEIVER...\n"
	"\n"
	"What the demo compares VNP with.  The server at UDP port PORT\n"
	"\n"
	"	echo	returns datagrams\n"
	"	gate	returns those of client 1 of samples/wgate, whose key is KEY\n"
	"	gather	receives the records of samples/gather\n"
	"	relay	sends RTP to ports of this host, as samples/relay\n"
	"\n"
	"It ends at SIGINT or SIGTERM, and prints its counters.\n";

/**
 * struct batch - datagrams
 * @cnt:	their number
 * @msgs:	what recvmmsg() and sendmmsg() use
 * @iovs:	one for each
 * @peers:	their source addresses
 * @data:	their payload
 */
struct batch {
	int cnt;
	struct mmsghdr msgs[BATCH];
	struct iovec iovs[BATCH];
	struct sockaddr_in6 peers[BATCH];
	__u8 data[BATCH][DATAGRAM_MAX];
};

static struct batch in;
static int sock;

/* System calls; datagrams, or records, that were accepted; datagrams that were rejected */
static unsigned long calls, accepted, rejected;

static void receive(void)
{
	int i, cnt;

	for (i = 0; i < BATCH; i++) {
		in.iovs[i] = (struct iovec){ in.data[i], DATAGRAM_MAX };
		in.msgs[i].msg_hdr = (struct msghdr){
			.msg_iov = &in.iovs[i],
			.msg_iovlen = 1,
			.msg_name = &in.peers[i],
			.msg_namelen = sizeof(in.peers[i]),
		};
	}
	cnt = recvmmsg(sock, in.msgs, BATCH, MSG_WAITFORONE, NULL);
	calls++;
	in.cnt = cnt < 0 ? 0 : cnt;
	for (i = 0; i < in.cnt; i++)
		in.iovs[i].iov_len = in.msgs[i].msg_len;
}

/* What cannot be sent is skipped. */
static void transmit(struct mmsghdr *msgs, int cnt)
{
	while (cnt > 0) {
		const int sent = sendmmsg(sock, msgs, cnt, 0);

		calls++;
		msgs += sent > 0 ? sent : 1;
		cnt -= sent > 0 ? sent : 1;
	}
}

static void echo(void)
{
	accepted += in.cnt;
	transmit(in.msgs, in.cnt);
}

/*
 * ---- gate --------------------------------------------------------------------
 */

static EVP_MAC_CTX *mac;
static __u64 newest;			/* number of a datagram */
static __u8 seen[WGATE_WINDOW];		/* of those before it, by their number's remainder */

static int gate_set_up(char **args)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};
	__u8 key[WGATE_KEY];
	size_t i;

	if (!args[0] || args[1] || strlen(args[0]) != 2 * sizeof(key))
		return -EINVAL;
	for (i = 0; i < sizeof(key); i++)
		if (sscanf(args[0] + 2 * i, "%2hhx", &key[i]) != 1)
			return -EINVAL;
	mac = EVP_MAC_CTX_new(EVP_MAC_fetch(NULL, "HMAC", NULL));
	return mac && EVP_MAC_init(mac, key, sizeof(key), params) ? 0 : -EINVAL;
}

static int is_new(__u64 number)
{
	return number > newest ||
	       (newest - number < WGATE_WINDOW && !seen[number % WGATE_WINDOW]);
}

static void set_seen(__u64 number)
{
	if (number > newest && number - newest > WGATE_WINDOW)
		newest = number - WGATE_WINDOW;
	while (newest < number)
		seen[++newest % WGATE_WINDOW] = 0;
	seen[number % WGATE_WINDOW] = 1;
}

static int is_authentic(const __u8 *data, size_t len)
{
	__u8 tag[EVP_MAX_MD_SIZE];
	size_t tag_len;

	return EVP_MAC_init(mac, NULL, 0, NULL) &&
	       EVP_MAC_update(mac, data + WGATE_TAG, len - WGATE_TAG) &&
	       EVP_MAC_final(mac, tag, &tag_len, sizeof(tag)) &&
	       !CRYPTO_memcmp(tag, data, WGATE_TAG);
}

static int gate_accepts(const __u8 *data, size_t len)
{
	struct wgate_header header;
	__u64 number;

	if (len < sizeof(header))
		return 0;
	memcpy(&header, data, sizeof(header));
	number = be64toh(header.number);
	if (header.reserved || ntohl(header.client) != 1 || !is_new(number) ||
	    !is_authentic(data, len))
		return 0;
	set_seen(number);
	return 1;
}

static void gate(void)
{
	struct mmsghdr out[BATCH];
	int i, cnt = 0;

	for (i = 0; i < in.cnt; i++) {
		struct iovec *iov = &in.iovs[i];

		if (!gate_accepts(iov->iov_base, iov->iov_len))
			continue;
		iov->iov_base = in.data[i] + sizeof(struct wgate_header);
		iov->iov_len -= sizeof(struct wgate_header);
		out[cnt++] = in.msgs[i];
	}
	accepted += cnt;
	rejected += in.cnt - cnt;
	transmit(out, cnt);
}

/*
 * ---- gather ------------------------------------------------------------------
 */

/**
 * struct record - a record that is incomplete
 * @rank:	of its sender
 * @number:	of the record
 * @got:	datagrams that have arrived; 0: not in use
 * @len:	bytes of them
 * @has:	which have
 * @data:	the record
 */
struct record {
	__be32 rank;
	__be32 number;
	int got;
	size_t len;
	__u8 has[65536 / GATHER_BYTES_MAX];
	__u8 data[65536];
};

static struct record *record_of(const struct gather_header *header)
{
	static struct record records[64];
	struct record *record = NULL;
	size_t i;

	for (i = 0; i < sizeof(records) / sizeof(*records); i++) {
		if (!records[i].got)
			record = &records[i];
		else if (records[i].rank == header->rank && records[i].number == header->record)
			return &records[i];
	}
	if (record) {
		record->rank = header->rank;
		record->number = header->record;
		record->len = 0;
		memset(record->has, 0, sizeof(record->has));
	}
	return record;
}

static void record_acknowledge(const struct record *record, int i)
{
	const struct gather_receipt receipt = {
		.bytes = htonl(record->len),
		.sum = htonl(gather_sum(record->data, record->len)),
	};

	sendto(sock, &receipt, sizeof(receipt), 0, (void *)&in.peers[i], sizeof(in.peers[i]));
	calls++;
	accepted++;
}

/* Return: true if the datagram belongs to a record */
static int gather_one(int i)
{
	const size_t len = in.iovs[i].iov_len - sizeof(struct gather_header);
	struct gather_header header;
	struct record *record;
	size_t index;

	if (in.iovs[i].iov_len < sizeof(header) || len > GATHER_BYTES_MAX)
		return 0;
	memcpy(&header, in.data[i], sizeof(header));
	index = ntohs(header.index);
	record = record_of(&header);
	if (!record || index >= ntohs(header.cnt) || index >= sizeof(record->has) ||
	    record->has[index])
		return 0;
	record->has[index] = 1;
	memcpy(record->data + index * GATHER_BYTES_MAX, in.data[i] + sizeof(header), len);
	record->len += len;
	if (++record->got == ntohs(header.cnt)) {
		record_acknowledge(record, i);
		record->got = 0;
	}
	return 1;
}

static void gather(void)
{
	int i;

	for (i = 0; i < in.cnt; i++)
		rejected += !gather_one(i);
}

/*
 * ---- relay -------------------------------------------------------------------
 */

/* A receiver's address, and what differs in its stream */
static struct receiver {
	struct sockaddr_in6 addr;
	__be32 ssrc;
	__u16 added;
} receivers[RECEIVERS];

static int receiver_cnt;

/* Datagrams that are sent as one packet: all are equally long, but the last may be shorter */
static struct packet {
	int first;
	int cnt;
	union {
		struct cmsghdr cmsg;
		__u8 space[CMSG_SPACE(sizeof(__u16))];
	};
} packets[BATCH];

static int relay_set_up(char **args)
{
	const int size = 1 << 24;

	setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (; *args; args++) {
		struct receiver *receiver = &receivers[receiver_cnt];

		if (receiver_cnt == RECEIVERS || !sample_port(*args))
			return -EINVAL;
		receiver->addr.sin6_family = AF_INET6;
		receiver->addr.sin6_port = htons(sample_port(*args));
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &receiver->addr.sin6_addr);
		receiver->ssrc = htonl(++receiver_cnt);
		receiver->added = random();
	}
	return receiver_cnt ? 0 : -EINVAL;
}

static void packet_begin(struct packet *packet, int first)
{
	const __u16 len = in.iovs[first].iov_len;

	packet->first = first;
	packet->cnt = 0;
	packet->cmsg = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof(len)),
		.cmsg_level = SOL_UDP,
		.cmsg_type = UDP_SEGMENT,
	};
	memcpy(CMSG_DATA(&packet->cmsg), &len, sizeof(len));
}

/* Return: number of packets */
static int make_packets(void)
{
	size_t bytes = 0, len, last = 0;
	int i, cnt = 0;

	for (i = 0; i < in.cnt; i++) {
		len = in.iovs[i].iov_len;
		if (!cnt || len > last || last < in.iovs[packets[cnt - 1].first].iov_len ||
		    bytes + len > 60000) {
			packet_begin(&packets[cnt++], i);
			bytes = 0;
		}
		packets[cnt - 1].cnt++;
		bytes += len;
		last = len;
	}
	return cnt;
}

/* The headers of a receiver's datagrams, and these: a header, what follows it, and so on */
static void make_stream(const struct receiver *receiver, struct relay_rtp *headers,
			struct iovec *iovs)
{
	int i;

	for (i = 0; i < in.cnt; i++) {
		memcpy(&headers[i], in.data[i], sizeof(*headers));
		headers[i].ssrc = receiver->ssrc;
		headers[i].sequence = htons(ntohs(headers[i].sequence) + receiver->added);
		iovs[2 * i] = (struct iovec){ &headers[i], sizeof(*headers) };
		iovs[2 * i + 1] = (struct iovec){
			in.data[i] + sizeof(*headers),
			in.iovs[i].iov_len - sizeof(*headers),
		};
	}
}

/* Datagrams without the header are not relayed. */
static void keep_rtp(void)
{
	int i, cnt = 0;

	for (i = 0; i < in.cnt; i++) {
		if (in.iovs[i].iov_len < sizeof(struct relay_rtp))
			continue;
		if (i != cnt)
			memcpy(in.data[cnt], in.data[i], in.iovs[i].iov_len);
		in.iovs[cnt++].iov_len = in.iovs[i].iov_len;
	}
	rejected += in.cnt - cnt;
	in.cnt = cnt;
}

static void relay(void)
{
	static struct relay_rtp headers[RECEIVERS][BATCH];
	static struct iovec iovs[RECEIVERS][2 * BATCH];
	static struct mmsghdr out[RECEIVERS * BATCH];
	int i, k, cnt, all = 0;

	keep_rtp();
	cnt = make_packets();
	for (i = 0; i < receiver_cnt; i++) {
		make_stream(&receivers[i], headers[i], iovs[i]);
		for (k = 0; k < cnt; k++)
			out[all++].msg_hdr = (struct msghdr){
				.msg_name = &receivers[i].addr,
				.msg_namelen = sizeof(receivers[i].addr),
				.msg_iov = &iovs[i][2 * packets[k].first],
				.msg_iovlen = 2 * packets[k].cnt,
				.msg_control = packets[k].cnt > 1 ? packets[k].space : NULL,
				.msg_controllen = packets[k].cnt > 1 ? sizeof(packets[k].space) : 0,
			};
	}
	transmit(out, all);
	accepted += in.cnt;
}

static int no_set_up(char **args)
{
	return *args ? -EINVAL : 0;
}

static const struct kind {
	const char *name;
	int (*set_up)(char **args);
	void (*handle)(void);
} kinds[] = {
	{ "echo", no_set_up, echo },
	{ "gate", gate_set_up, gate },
	{ "gather", no_set_up, gather },
	{ "relay", relay_set_up, relay },
};

static const struct kind *find_kind(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct kind *kind = argc > 2 ? find_kind(argv[1]) : NULL;

	if (!kind || !sample_port(argv[2])) {
		fputs(usage, stderr);
		return 2;
	}
	sock = sample_open_port(&self, sample_port(argv[2]), RCVBUF);
	if (sock < 0)
		return 1;
	sample_end_by_signal(sock);
	if (kind->set_up(argv + 3)) {
		fputs(usage, stderr);
		return 2;
	}
	printf("UDP port %s: %s\n", argv[2], kind->name);
	fflush(stdout);
	while (!sample_ended) {
		receive();
		/* After a signal what is received is empty. */
		if (in.cnt && !sample_ended)
			kind->handle();
	}
	printf("%lu accepted, %lu rejected, %lu system calls\n", accepted, rejected, calls);
	return 0;
}
