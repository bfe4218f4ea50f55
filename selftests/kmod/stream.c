// SPDX-License-Identifier: GPL-2.0
#include "stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>
#include "insn.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* The first bytes of the message, at the top of the stack; R0: 0, or there are fewer */
#define LOAD_HEADER()			\
	MOV_REG(R6, R1),		\
	MOV_IMM(R2, 0),			\
	MOV_REG(R3, FP),		\
	ALU64_IMM(BPF_ADD, R3, -8),	\
	MOV_IMM(R4, STREAM_HEADER),	\
	CALL(load_bytes)

static int type_load(int dev, __u32 type, const struct bpf_insn *insns, __u32 cnt)
{
	struct vnp_prog_load attr = prog_attr(insns, cnt);

	attr.type = type;
	return do_ioctl(dev, VNP_PROG_LOAD, &attr);
}

int stream_progs(int dev, int *stream, int *message)
{
	const struct bpf_insn measure[] = {
		LOAD_HEADER(),
		JMP_IMM(BPF_JNE, R0, 0, 12),
		LDX(BPF_B, R1, FP, -8),
		JMP_IMM(BPF_JEQ, R1, MSG_NONE, 12),
		JMP_IMM(BPF_JEQ, R1, MSG_ENDLESS, 9),
		LDX(BPF_B, R0, FP, -7),
		ALU64_IMM(BPF_LSH, R0, 8),
		LDX(BPF_B, R1, FP, -6),
		ALU64_REG(BPF_OR, R0, R1),
		ALU64_IMM(BPF_LSH, R0, 8),
		LDX(BPF_B, R1, FP, -5),
		ALU64_REG(BPF_OR, R0, R1),
		ALU64_IMM(BPF_ADD, R0, STREAM_HEADER),
		EXIT(),
		MOV_IMM(R0, 0),
		EXIT(),
		MOV_IMM(R0, -1),
		EXIT(),
	};
	const struct bpf_insn decide[] = {
		LOAD_HEADER(),
		LDX(BPF_B, R7, FP, -8),
		JMP_IMM(BPF_JNE, R7, MSG_LAST, 8),
		MOV_REG(R1, R6),
		LDX(BPF_W, R2, R6, CTX(len)),
		ALU64_IMM(BPF_ADD, R2, -1),
		MOV_REG(R3, FP),
		ALU64_IMM(BPF_ADD, R3, -8),
		MOV_IMM(R4, 1),
		CALL(load_bytes),
		LDX(BPF_B, R7, FP, -8),
		MOV_IMM(R0, VNP_DROP),
		JMP_IMM(BPF_JEQ, R7, MSG_DROP, 3),
		MOV_IMM(R0, VNP_HELD),
		JMP_IMM(BPF_JEQ, R7, MSG_HOLD, 1),
		MOV_IMM(R0, VNP_PASS),
		EXIT(),
	};

	*stream = type_load(dev, VNP_PROG_STREAM, measure, ARRAY_SIZE(measure));
	*message = type_load(dev, VNP_PROG_MESSAGE, decide, ARRAY_SIZE(decide));
	return *stream < 0 ? *stream : *message < 0 ? *message : 0;
}

int stream_verdict(int dev, int verdict)
{
	const struct bpf_insn insns[] = { MOV_IMM(R0, verdict), EXIT() };

	return type_load(dev, VNP_PROG_MESSAGE, insns, ARRAY_SIZE(insns));
}

static socklen_t conn_address(struct sockaddr_storage *addr, enum flow_kind kind)
{
	struct sockaddr_in *in = (struct sockaddr_in *)addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;

	memset(addr, 0, sizeof(*addr));
	if (kind == FLOW_IP4) {
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	inet_pton(AF_INET6, kind == FLOW_IP6 ? "::1" : "::ffff:127.0.0.1", &in6->sin6_addr);
	return sizeof(*in6);
}

int stream_listen(enum flow_kind kind, int rcvbuf)
{
	struct sockaddr_storage addr;
	const socklen_t len = conn_address(&addr, kind);
	int sock = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), err = 0;

	if (sock < 0)
		return -errno;
	if (rcvbuf)
		err = setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	if (err || bind(sock, (struct sockaddr *)&addr, len) || listen(sock, 64)) {
		err = -errno;
		close(sock);
		return err;
	}
	return sock;
}

int conn_begin(struct conn *conn, int listener)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	const int one = 1;

	conn->link = -1;
	conn->rx = -1;
	if (getsockname(listener, (struct sockaddr *)&addr, &len))
		return -errno;
	conn->tx = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(conn->tx, (struct sockaddr *)&addr, len) ||
	    setsockopt(conn->tx, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		return -errno;
	return 0;
}

int conn_accept(struct conn *conn, int listener)
{
	struct timeval patience = { .tv_sec = 20 };

	conn->rx = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (conn->rx < 0 ||
	    setsockopt(conn->rx, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		return -errno;
	return 0;
}

int conn_open(struct conn *conn, enum flow_kind kind, int rcvbuf)
{
	const int listener = stream_listen(kind, rcvbuf);
	int err;

	if (listener < 0)
		return listener;
	err = conn_begin(conn, listener) ?: conn_accept(conn, listener);
	close(listener);
	return err;
}

void conn_close(struct conn *conn)
{
	close(conn->tx);
	close(conn->rx);
	if (conn->link >= 0)
		close(conn->link);
}

int stream_link_with(int dev, struct vnp_link_create attr)
{
	attr.size = sizeof(attr);
	attr.flags |= VNP_LINK_F_MESSAGE;
	return do_ioctl(dev, VNP_LINK_CREATE, &attr);
}

int conn_link_to(struct conn *conn, int dev, int stream, int message, __u32 flags, __u32 eof)
{
	conn->link = stream_link_with(dev, (struct vnp_link_create){
		.flags = flags, .sock_fd = conn->rx, .prog_fd = stream, .message_fd = message,
		.eof = eof,
	});
	return conn->link < 0 ? conn->link : 0;
}

int stream_link(int sock, __u32 flags, __u32 eof)
{
	int dev = device_open(), stream, message, ret;

	if (dev < 0)
		return dev;
	ret = stream_progs(dev, &stream, &message);
	if (!ret)
		ret = stream_link_with(dev, (struct vnp_link_create){
			.flags = flags, .sock_fd = sock, .prog_fd = stream,
			.message_fd = message, .eof = eof,
		});
	close(stream);
	close(message);
	close(dev);
	return ret;
}

int conn_link(struct conn *conn, __u32 flags, __u32 eof)
{
	conn->link = stream_link(conn->rx, flags, eof);
	return conn->link < 0 ? conn->link : 0;
}

int conn_put(struct conn *conn, const void *data, size_t len)
{
	ssize_t n;

	for (; len; data = (const char *)data + n, len -= n) {
		n = send(conn->tx, data, len, MSG_NOSIGNAL);
		if (n < 0)
			return -errno;
	}
	return 0;
}

int link_of_socket(int dev, int sock, struct vnp_link_info *info)
{
	struct vnp_obj_id id = { .size = sizeof(id), .kind = VNP_OBJ_LINK };
	socklen_t len = sizeof(__u64);
	__u64 cookie;
	int link;

	if (getsockopt(sock, SOL_SOCKET, SO_COOKIE, &cookie, &len))
		return -errno;
	while (!do_ioctl(dev, VNP_OBJ_NEXT, &id)) {
		link = obj_open(dev, VNP_OBJ_LINK, id.id);
		if (link < 0)
			continue;
		if (!link_info(link, info) && info->sock_cookie == cookie && info->attached)
			return link;
		close(link);
	}
	return -ENOENT;
}

int conn_arrived(struct conn *conn, __u64 bytes)
{
	struct tcp_info info = {};
	socklen_t len;

	do {
		len = sizeof(info);
		if (getsockopt(conn->rx, IPPROTO_TCP, TCP_INFO, &info, &len))
			return -errno;
		sched_yield();
	} while (info.tcpi_bytes_received < bytes);
	return 0;
}

int stream_quiet(int sock)
{
	struct pollfd poll_fd = { .fd = sock, .events = POLLIN };
	int bytes = -1;
	char byte;

	return poll(&poll_fd, 1, 0) == 0 && !ioctl(sock, FIONREAD, &bytes) && !bytes &&
	       recv(sock, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

size_t message_make(void *to, char type, size_t len, unsigned int seed)
{
	__u8 *p = to;

	fill_random(p, len, seed);
	p[0] = type;
	p[1] = (len - STREAM_HEADER) >> 16;
	p[2] = (len - STREAM_HEADER) >> 8;
	p[3] = len - STREAM_HEADER;
	return len;
}
