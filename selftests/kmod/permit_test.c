// SPDX-License-Identifier: GPL-2.0
/*
 * Programs cannot send to peers what sendto() on the socket would refuse.  Everything that can
 * refuse it is tested, set up before a peer is set and after, and compared with sendto().
 */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/udp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "bpf.h"
#include "burst.h"
#include "harness.h"
#include "insn.h"
#include "object.h"
#include "peer.h"
#include "stream.h"
#include "../progs/answer.h"
#include "../progs/send.h"
#include "../progs/sockets.h"

#define CGROUP		"/sys/fs/cgroup"

/* First byte of what is sent to the peer and by sendto() */
#define FIRST		0

/* The address that programs of the cgroup change an address to */
#define REWRITTEN	"127.0.0.3"

FIXTURE(permit) {
	struct vnp_object *obj;
	struct vnp_map *peers;
	struct orders *orders;
	int relay;		/* the socket that peers are sent to from */
	int tx;			/* connected to it */
	int rx;			/* the peer */
	int link;
	__u64 sent;
};

FIXTURE_SETUP(permit)
{
	struct sockaddr_storage addr;

	pin(0);
	ASSERT_EQ(0, object_load("send", &self->obj));
	ASSERT_EQ(0, netns_new());
	ASSERT_EQ(0, ip_batch("link add d0 type dummy\nlink set d0 up\naddr add 10.5.0.1/24 brd + dev d0\n"));
	self->peers = vnp_object_find_map(self->obj, "peers");
	self->orders = object_globals(self->obj, ".bss");
	self->relay = udp_socket("0.0.0.0", 0);
	ASSERT_OK(self->relay);
	self->tx = udp_socket("127.0.0.1", 0);
	self->rx = udp_socket("0.0.0.0", 0);
	ASSERT_OK(self->rx);
	ASSERT_EQ(0, sock_addr(self->relay, &addr));
	((struct sockaddr_in *)&addr)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_EQ(0, connect(self->tx, (void *)&addr, sizeof(struct sockaddr_in)));
	self->link = object_link(self->obj, "send", self->relay, 0);
	ASSERT_OK(self->link);
	/* The program replaces the first byte: so rules about it only concern what it sends. */
	*self->orders = (struct orders) { .verdict = VNP_DROP, .peers = 1, .params = 1,
					  .off = 1, .len = VNP_SEND_REST, .head_len = 1 };
}

FIXTURE_TEARDOWN(permit)
{
	close(self->link);
	close(self->relay);
	close(self->tx);
	close(self->rx);
	vnp_object_close(self->obj);
}

/* set() - set the peer.  Return: 0 or a negative errno */
static int set(FIXTURE_DATA(permit) *self, const char *address)
{
	const struct vnp_peer peer = peer_ip4(address, sock_port(self->rx));
	const __u32 key = 0;

	return vnp_map_update(self->peers, &key, &peer, VNP_MAP_ANY);
}

/* by_sendto() - sendto() on the relay's socket.  Return: 0 or a negative errno */
static int by_sendto(FIXTURE_DATA(permit) *self, const char *address)
{
	const char data[2] = { FIRST, 's' };
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(sock_port(self->rx)),
		.sin_addr.s_addr = inet_addr(address),
	};

	return sendto(self->relay, data, sizeof(data), 0, (void *)&to, sizeof(to)) < 0 ?
	       -errno : 0;
}

/* got() - receive a datagram as the peer.  Return: its second byte, or 0 if none has arrived */
static char got(FIXTURE_DATA(permit) *self)
{
	char data[8];

	return recv(self->rx, data, sizeof(data), MSG_DONTWAIT) == 2 ? data[1] : 0;
}

/* gets_sent() - likewise, when one has been sent, which ksoftirqd may still have to deliver */
static char gets_sent(FIXTURE_DATA(permit) *self)
{
	struct pollfd rx = { .fd = self->rx, .events = POLLIN };

	poll(&rx, 1, PATIENCE_S * 1000);
	return got(self);
}

/* by_relay() - have the program send a datagram.  Return: the counters of the peer */
static int by_relay(FIXTURE_DATA(permit) *self, struct vnp_peer *peer)
{
	struct vnp_link_info info;
	const __u32 key = 0;

	if (send(self->tx, "Pr", 2, 0) != 2 ||
	    link_settle(self->link, ++self->sent, &info))
		return -errno;
	/* It may be sent after the link has counted the datagram that arrived. */
	for (int i = 0; i < 100000; i++) {
		if (vnp_map_lookup(self->peers, &key, peer))
			return -ENOENT;
		if (peer->sent || peer_errors(peer))
			return 0;
		sched_yield();
	}
	return -ETIMEDOUT;
}

/* SENT() - sendto() must send, and, after the peer was set, so must the program */
#define SENT(address) ({							\
	struct vnp_peer ___peer;						\
										\
	EXPECT_EQ(0, by_sendto(self, address));					\
	EXPECT_EQ('s', gets_sent(self));					\
	EXPECT_EQ(0, set(self, address));					\
	ASSERT_EQ(0, by_relay(self, &___peer));					\
	EXPECT_EQ(1, ___peer.sent);						\
	EXPECT_EQ('r', gets_sent(self));					\
})

/* REFUSED() - neither sendto() nor the program may send to a peer that was set before */
#define REFUSED(err, address, error) ({						\
	struct vnp_peer ___peer;						\
										\
	EXPECT_EQ(err, by_sendto(self, address));				\
	ASSERT_EQ(0, by_relay(self, &___peer));					\
	EXPECT_EQ(0, ___peer.sent);						\
	EXPECT_EQ(1, ___peer.errors[error]);					\
	EXPECT_EQ(0, got(self));						\
})

/* NOT_SET() - sendto() must be refused, and so must setting the peer */
#define NOT_SET(err, address) ({						\
	EXPECT_EQ(err, by_sendto(self, address));				\
	EXPECT_EQ(err, set(self, address));					\
})

/* RENEW() - set the peer again, which resets its counters */
#define RENEW(address)	ASSERT_EQ(0, set(self, address))

/*
 * ---- BPF programs of the cgroup ------------------------------------------------
 */

struct attached {
	int cgroup;
	int prog;
	enum bpf_attach_type type;
};

/* attach() - a program of the cgroup.  Return: 0 or a negative errno */
static int attach(struct attached *attached, int prog_type, enum bpf_attach_type type,
		  const struct bpf_insn *insns, int cnt)
{
	union bpf_attr load = {
		.prog_type = prog_type,
		.expected_attach_type = type,
		.insns = (uintptr_t)insns,
		.insn_cnt = cnt,
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr attr = { .attach_type = type, .attach_flags = BPF_F_ALLOW_MULTI };

	attached->prog = bpf_call(BPF_PROG_LOAD, &load);
	if (attached->prog < 0)
		return attached->prog;
	attached->type = type;
	attached->cgroup = open(CGROUP, O_RDONLY | O_DIRECTORY);
	attr.target_fd = attached->cgroup;
	attr.attach_bpf_fd = attached->prog;
	return bpf_call(BPF_PROG_ATTACH, &attr);
}

static int detach(const struct attached *attached)
{
	union bpf_attr attr = {
		.attach_type = attached->type,
		.target_fd = attached->cgroup,
		.attach_bpf_fd = attached->prog,
	};
	int err = bpf_call(BPF_PROG_DETACH, &attr);

	close(attached->cgroup);
	close(attached->prog);
	return err;
}

#define ATTACH(attached, prog_type, type, insns) ({				\
	int ___err = attach(attached, prog_type, type, insns, ARRAY_SIZE(insns));	\
										\
	if (___err == -EPERM)							\
		SKIP(return, "attaches a program with bpf(2)");			\
	ASSERT_EQ(0, ___err);							\
})

/* On sendmsg(): it denies all. */
TEST_F(permit, cgroup_sendmsg)
{
	static const struct bpf_insn deny[] = { MOV_IMM(R0, 0), EXIT() };
	struct attached attached;

	SENT("127.0.0.1");
	RENEW("127.0.0.1");
	ATTACH(&attached, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG, deny);
	/* This peer was set before: the BPF program is not called for each datagram. */
	REFUSED(-EPERM, "127.0.0.1", VNP_ERROR_DENIED);
	NOT_SET(-EPERM, "127.0.0.1");
	ASSERT_EQ(0, detach(&attached));
	SENT("127.0.0.1");
}

/* It changes the address: peers get what sendto() would send there. */
TEST_F(permit, cgroup_rewrites)
{
	const struct bpf_insn rewrite[] = {
		MOV_IMM(R2, (__s32)inet_addr(REWRITTEN)),
		STX(BPF_W, R1, R2, offsetof(struct bpf_sock_addr, user_ip4)),
		MOV_IMM(R0, 1),
		EXIT(),
	};
	struct attached attached;
	struct vnp_peer peer;
	const __u32 key = 0;
	int other;

	close(self->rx);
	self->rx = udp_socket(REWRITTEN, 0);
	other = udp_socket("127.0.0.2", sock_port(self->rx));
	ASSERT_OK(other);
	ATTACH(&attached, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG, rewrite);
	SENT("127.0.0.2");
	ASSERT_EQ(0, vnp_map_lookup(self->peers, &key, &peer));
	EXPECT_EQ(inet_addr("127.0.0.2"), peer.ip4);
	EXPECT_EQ(-1, recv(other, &peer, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, detach(&attached));
	close(other);
}

/* It changes the address to one that needs a permission. */
TEST_F(permit, cgroup_rewrites_to_broadcast)
{
	const struct bpf_insn rewrite[] = {
		MOV_IMM(R2, (__s32)inet_addr("10.5.0.255")),
		STX(BPF_W, R1, R2, offsetof(struct bpf_sock_addr, user_ip4)),
		MOV_IMM(R0, 1),
		EXIT(),
	};
	struct attached attached;

	ATTACH(&attached, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG, rewrite);
	NOT_SET(-EACCES, "127.0.0.1");
	ASSERT_EQ(0, detach(&attached));
}

/* On egress: it denies what begins with FIRST. */
TEST_F(permit, cgroup_egress)
{
	static const struct bpf_insn deny[] = {
		MOV_IMM(R2, sizeof(struct udphdr) + 20),
		MOV_REG(R3, FP),
		ALU64_IMM(BPF_ADD, R3, -8),
		ST(BPF_DW, FP, -8, 0),
		MOV_IMM(R4, 1),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_load_bytes),
		LDX(BPF_B, R1, FP, -8),
		MOV_IMM(R0, 0),
		JMP_IMM(BPF_JEQ, R1, FIRST, 1),
		MOV_IMM(R0, 1),
		EXIT(),
	};
	struct attached attached;

	RENEW("127.0.0.1");
	ATTACH(&attached, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, deny);
	REFUSED(-EPERM, "127.0.0.1", VNP_ERROR_DENIED);
	ASSERT_EQ(0, detach(&attached));
	SENT("127.0.0.1");
}

/*
 * ---- Security modules -----------------------------------------------------------
 */

/*
 * lsm_deny() - attach a BPF LSM program on sendmsg() that denies calls with @len bytes, and those
 * without any, by which the module asks.  Return: descriptor
 */
static int lsm_deny(int len)
{
	const int hook = libbpf_find_vmlinux_btf_id("socket_sendmsg", BPF_LSM_MAC);
	const struct bpf_insn deny[] = {
		LDX(BPF_DW, R2, R1, 16),
		MOV_IMM(R0, 0),
		JMP_IMM(BPF_JEQ, R2, 0, 2),
		JMP_IMM(BPF_JEQ, R2, len, 1),
		EXIT(),
		MOV_IMM(R0, -EPERM),
		EXIT(),
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_LSM,
		.expected_attach_type = BPF_LSM_MAC,
		.attach_btf_id = hook,
		.insns = (uintptr_t)deny,
		.insn_cnt = ARRAY_SIZE(deny),
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr open = {};
	int prog, attached;

	if (hook < 0)
		return -ENOENT;
	prog = bpf_call(BPF_PROG_LOAD, &load);
	if (prog < 0)
		return prog;
	open.raw_tracepoint.prog_fd = prog;
	attached = bpf_call(BPF_RAW_TRACEPOINT_OPEN, &open);
	close(prog);
	return attached;
}

#define LSM_DENY(len) ({							\
	const int ___fd = lsm_deny(len);					\
										\
	if (___fd == -EPERM)							\
		SKIP(return, "attaches a program with bpf(2)");			\
	if (___fd == -ENOENT || ___fd == -EBUSY || ___fd == -EOPNOTSUPP)	\
		SKIP(return, "the kernel has no BTF, or does not use the LSM bpf"); \
	ASSERT_OK(___fd);							\
	___fd;									\
})

TEST_F(permit, lsm)
{
	const int attached = LSM_DENY(2);

	NOT_SET(-EPERM, "127.0.0.1");
	close(attached);
	SENT("127.0.0.1");
}

/* Of <linux/landlock.h>, which may be older */
#define NET_BIND_UDP		(1ULL << 2)
#define NET_SEND_UDP		(1ULL << 3)
#define NET_ALL_TCP		3ULL

struct ruleset {
	__u64 fs;
	__u64 net;
};

/* restrict_self() - forbid these accesses to the network.  Return: 0 or a negative errno */
static int restrict_self(__u64 net)
{
	const struct ruleset ruleset = { .fs = 1, .net = net };
	int fd = syscall(SYS_landlock_create_ruleset, &ruleset,
			 net ? sizeof(ruleset) : sizeof(ruleset.fs), 0);
	int err;

	if (fd < 0)
		return -errno;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	err = syscall(SYS_landlock_restrict_self, fd, 0) ? -errno : 0;
	close(fd);
	return err;
}

/* With the strictest rules that the kernel has: 6.1 has none for the network. */
TEST_F(permit, landlock)
{
	static const __u64 rules[] = { NET_ALL_TCP | NET_BIND_UDP | NET_SEND_UDP, NET_ALL_TCP, 0 };
	int err = -EINVAL;
	size_t i;

	SENT("127.0.0.1");
	for (i = 0; i < ARRAY_SIZE(rules) && err == -EINVAL; i++) {
		err = restrict_self(rules[i]);
		err = err == -E2BIG ? -EINVAL : err;
	}
	if (err == -EOPNOTSUPP || err == -ENOSYS)
		SKIP(return, "the kernel does not use Landlock");
	ASSERT_EQ(0, err);
	TH_LOG("rules %llx", rules[i - 1]);
	if (rules[i - 1] & NET_SEND_UDP)
		NOT_SET(-EACCES, "127.0.0.1");
	else
		SENT("127.0.0.1");
}

/*
 * ---- netfilter ------------------------------------------------------------------
 */

/* nft() - Return: the exit status of nft(8) with these commands */
static int nft(const char *commands)
{
	return shell("PATH=$PATH:/usr/sbin nft '%s' >/dev/null 2>&1", commands);
}

#define TABLE	"table ip t { chain o { type filter hook output priority 0; %s drop; }; }"

/* Rules about the datagram, and about the socket that it is sent from */
TEST_F(permit, netfilter)
{
	static const char *const matches[] = { "", "ip saddr 127.0.0.1", "meta skuid 0-4294967294" };
	char rule[64], commands[256];

	SENT("127.0.0.1");
	if (nft("list ruleset"))
		SKIP(return, "there is no nft, or no nf_tables in the kernel");
	for (size_t i = 0; i < ARRAY_SIZE(matches); i++) {
		snprintf(rule, sizeof(rule), "%s udp dport %d", matches[i], sock_port(self->rx));
		snprintf(commands, sizeof(commands), TABLE, rule);
		RENEW("127.0.0.1");
		ASSERT_EQ(0, nft(commands));
		REFUSED(-EPERM, "127.0.0.1", VNP_ERROR_DENIED);
		ASSERT_EQ(0, nft("flush ruleset"));
	}
	SENT("127.0.0.1");
}

/*
 * ---- The socket -----------------------------------------------------------------
 */

/* A permission that is revoked, or that is missing after a route changes */
TEST_F(permit, broadcast)
{
	NOT_SET(-EACCES, "10.5.0.255");
	ASSERT_EQ(0, sock_set(self->relay, SOL_SOCKET, SO_BROADCAST, 1));
	RENEW("10.5.0.255");
	ASSERT_EQ(0, sock_set(self->relay, SOL_SOCKET, SO_BROADCAST, 0));
	REFUSED(-EACCES, "10.5.0.255", VNP_ERROR_DENIED);

	RENEW("10.5.0.63");
	ASSERT_EQ(0, ip_batch("addr add 10.5.0.33/27 brd + dev d0\n"));
	REFUSED(-EACCES, "10.5.0.63", VNP_ERROR_DENIED);
}

TEST_F(permit, no_route)
{
	NOT_SET(-ENETUNREACH, "192.0.2.1");
	RENEW("10.5.0.7");
	ASSERT_EQ(0, ip_batch("route add prohibit 10.5.0.7/32\n"));
	REFUSED(-EACCES, "10.5.0.7", VNP_ERROR_DENIED);
	RENEW("10.5.0.8");
	ASSERT_EQ(0, ip_batch("route add unreachable 10.5.0.8/32\n"));
	REFUSED(-EHOSTUNREACH, "10.5.0.8", VNP_ERROR_ROUTE);
	RENEW("10.5.0.9");
	ASSERT_EQ(0, ip_batch("link set d0 down\n"));
	REFUSED(-ENETUNREACH, "10.5.0.9", VNP_ERROR_ROUTE);
}

/* SO_BINDTODEVICE: peers that are not reached by this device get nothing. */
TEST_F(permit, bound_to_device)
{
	struct vnp_peer peer;

	RENEW("127.0.0.1");
	if (setsockopt(self->relay, SOL_SOCKET, SO_BINDTODEVICE, "d0", 3))
		SKIP(return, "may not bind to a device");
	/* It also receives only from this device. */
	ASSERT_EQ(0, sock_set(self->tx, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_EQ(0, by_sendto(self, "127.0.0.1"));
	EXPECT_EQ(0, got(self));
	EXPECT_EQ(0, set(self, "127.0.0.1"));
	ASSERT_EQ(2, send(self->tx, "Pr", 2, 0));
	EXPECT_EQ(0, vnp_map_lookup(self->peers, &(__u32) { 0 }, &peer));
	EXPECT_EQ(0, peer.sent);
	EXPECT_EQ(0, got(self));
}

/* Options that are only supported by sendto(): nothing is sent. */
TEST_F(permit, options)
{
	static const __u8 record_route[] = { 7, 7, 4, 0, 0, 0, 0, 0 };
	struct vnp_peer peer;

	RENEW("127.0.0.1");
	ASSERT_EQ(0, setsockopt(self->relay, IPPROTO_IP, IP_OPTIONS, record_route,
				sizeof(record_route)));
	ASSERT_EQ(0, by_relay(self, &peer));
	EXPECT_EQ(1, peer.errors[VNP_ERROR_DENIED]);
	ASSERT_EQ(0, setsockopt(self->relay, IPPROTO_IP, IP_OPTIONS, NULL, 0));
	RENEW("127.0.0.1");
	ASSERT_EQ(0, sock_set(self->relay, SOL_SOCKET, SO_DONTROUTE, 1));
	ASSERT_EQ(0, by_relay(self, &peer));
	EXPECT_EQ(1, peer.errors[VNP_ERROR_DENIED]);
	EXPECT_EQ(0, got(self));
	ASSERT_EQ(0, sock_set(self->relay, SOL_SOCKET, SO_DONTROUTE, 0));
	SENT("127.0.0.1");
}

/* As with sendto(), a connected socket can send to other addresses. */
TEST_F(permit, connected)
{
	struct sockaddr_storage addr;

	ASSERT_EQ(0, sock_addr(self->tx, &addr));
	ASSERT_EQ(0, connect(self->relay, (void *)&addr, sizeof(struct sockaddr_in)));
	SENT("127.0.0.1");
	/* Its source address is that of lo now. */
	NOT_SET(-EINVAL, "10.5.0.255");
	RENEW("127.0.0.1");
	ASSERT_EQ(0, shutdown(self->relay, SHUT_WR));
	REFUSED(-EPIPE, "127.0.0.1", VNP_ERROR_DENIED);
}

/* The socket's network namespace is used, not that of the caller. */
TEST_F(permit, other_network)
{
	const int here = netns_here();

	ASSERT_OK(here);
	ASSERT_EQ(0, netns_another());
	ASSERT_EQ(0, ip_batch("link add d1 type dummy\nlink set d1 up\naddr add 10.6.0.1/24 dev d1\n"));
	NOT_SET(-ENETUNREACH, "10.6.0.2");
	NOT_SET(-EACCES, "10.5.0.255");
	RENEW("127.0.0.1");
	ASSERT_EQ(0, setns(here, CLONE_NEWNET));
	SENT("127.0.0.1");
	close(here);
}

/*
 * ---- Connections ----------------------------------------------------------------
 */

FIXTURE(tcp) {
	struct vnp_object *obj;
	struct vnp_map *map;
	struct flow flow;
	int link;
	struct conn conn;
	__u64 sent;
};

FIXTURE_SETUP(tcp)
{
	struct socket_orders *orders;

	pin(0);
	ASSERT_EQ(0, object_load("sockets", &self->obj));
	ASSERT_EQ(0, netns_new());
	self->map = vnp_object_find_map(self->obj, "sockets");
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
	ASSERT_EQ(0, conn_open(&self->conn, FLOW_IP4, 0));
	self->link = object_link(self->obj, "to_sockets", self->flow.rx, 0);
	ASSERT_OK(self->link);
	orders = object_globals(self->obj, ".bss");
	orders->sockets = 1;
}

FIXTURE_TEARDOWN(tcp)
{
	close(self->link);
	conn_close(&self->conn);
	flow_close(&self->flow);
	vnp_object_close(self->obj);
}

/* tcp_set() - set the entry to which the program sends.  Return: 0 or a negative errno */
static int tcp_set(FIXTURE_DATA(tcp) *self, int sock)
{
	const __u32 key = 0;

	return vnp_map_update_socket(self->map, &key, sock, 0, 0, VNP_MAP_ANY);
}

/* tcp_publish() - have the program send so much, until TCP has it all.  Return: 0 or negative */
static int tcp_publish(FIXTURE_DATA(tcp) *self, const char *text)
{
	struct vnp_connection conn;
	struct vnp_link_info info;
	const __u32 key = 0;

	if (flow_puts(&self->flow, text) < 0 || link_settle(self->link, ++self->sent, &info))
		return -errno;
	for (int i = 0; i < 100000; i++) {
		if (vnp_map_lookup(self->map, &key, &conn))
			return -ENOENT;
		if (conn.error || conn.sent == self->sent)
			return -(int)conn.error;
		sched_yield();
	}
	return -ETIMEDOUT;
}

/* TCP_SENT() - the receiver gets it, and nothing else */
#define TCP_SENT(text) ({							\
	char ___got[8];								\
										\
	ASSERT_EQ(0, tcp_publish(self, text));					\
	ASSERT_EQ(strlen(text), recv(self->conn.rx, ___got, strlen(text), MSG_WAITALL)); \
	EXPECT_MEM(text, ___got, strlen(text));					\
	EXPECT_EQ(-1, recv(self->conn.rx, ___got, 1, MSG_DONTWAIT));		\
})

/* TCP_STUCK() - neither what the program sends arrives, nor what the process does */
#define TCP_STUCK(texts) ({							\
	char ___byte;								\
										\
	EXPECT_EQ(1, send(self->conn.tx, texts, 1, 0));				\
	ASSERT_EQ(0, tcp_publish(self, (texts) + 1));				\
	EXPECT_EQ(-1, recv(self->conn.rx, &___byte, 1, MSG_DONTWAIT));		\
})

/* TCP_ARRIVES() - TCP sends it again, until it arrives */
#define TCP_ARRIVES(text) ({							\
	char ___got[8];								\
										\
	ASSERT_EQ(strlen(text), recv(self->conn.rx, ___got, strlen(text), MSG_WAITALL)); \
	EXPECT_MEM(text, ___got, strlen(text));					\
})

/*
 * A process that may not send may not set an entry; entries that were set before are not checked
 * again.
 */
TEST_F(tcp, lsm)
{
	int attached = LSM_DENY(1);

	EXPECT_EQ(-1, send(self->conn.tx, "x", 1, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-EPERM, tcp_set(self, self->conn.tx));
	/* Likewise an entry of a connected UDP socket */
	ASSERT_EQ(0, connect(self->flow.tx, (void *)&self->flow.rx_addr,
			     sizeof(struct sockaddr_in)));
	EXPECT_EQ(-1, send(self->flow.tx, "x", 1, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-EPERM, tcp_set(self, self->flow.tx));
	close(attached);
	EXPECT_EQ(0, tcp_set(self, self->flow.tx));
	ASSERT_EQ(0, tcp_set(self, self->conn.tx));
	TCP_SENT("x");
	attached = LSM_DENY(1);
	EXPECT_EQ(-1, send(self->conn.tx, "x", 1, 0));
	TCP_SENT("yz");
	close(attached);
}

/* answer_link() - to programs that answer.  Return: the link */
static int answer_link(struct vnp_object *obj, int sock)
{
	struct vnp_link_create attr = {
		.size = sizeof(attr),
		.flags = VNP_LINK_F_MESSAGE,
		.prog_fd = object_prog(obj, "measure"),
		.message_fd = object_prog(obj, "answer"),
		.sock_fd = sock,
		.reply_bytes = VNP_SOCKET_QUEUE_MIN,
	};
	int dev = device_open(), link = do_ioctl(dev, VNP_LINK_CREATE, &attr);

	close(dev);
	return link;
}

/* Programs answer nothing on a connection whose process could not send when it was linked. */
TEST_F(tcp, lsm_answers)
{
	const int attached = LSM_DENY(1);
	struct answer_orders *orders;
	struct vnp_link_info info;
	struct vnp_object *obj;
	__u8 message[10], got[10];

	ASSERT_EQ(0, object_open("answer", &obj));
	ASSERT_EQ(0, vnp_map_set_socket(vnp_object_find_map(obj, "peers"), self->flow.tx));
	ASSERT_EQ(0, vnp_object_load(obj, NULL));
	orders = object_globals(obj, ".bss");
	self->conn.link = answer_link(obj, self->conn.rx);
	ASSERT_OK(self->conn.link);
	close(attached);
	message_make(message, ANSWER_ALL, sizeof(message), 1);
	ASSERT_EQ(0, conn_put(&self->conn, message, sizeof(message)));
	ASSERT_EQ(0, link_settle(self->conn.link, 1, &info));
	EXPECT_EQ(-EACCES, orders->ret);
	EXPECT_EQ(1, info.errors[VNP_ERROR_DENIED]);
	EXPECT_EQ(-1, recv(self->conn.tx, got, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, link_detach(self->conn.link));
	close(self->conn.link);
	self->conn.link = answer_link(obj, self->conn.rx);
	ASSERT_OK(self->conn.link);
	ASSERT_EQ(0, conn_put(&self->conn, message, sizeof(message)));
	ASSERT_EQ(sizeof(message), recv(self->conn.tx, got, sizeof(got), MSG_WAITALL));
	EXPECT_MEM(message, got, sizeof(got));
	vnp_object_close(obj);
}

/* A program of the cgroup on egress denies what the connection sends. */
TEST_F(tcp, cgroup_egress)
{
	const struct bpf_insn deny[] = {
		MOV_IMM(R2, 20),
		MOV_REG(R3, FP),
		ALU64_IMM(BPF_ADD, R3, -8),
		ST(BPF_DW, FP, -8, 0),
		MOV_IMM(R4, 2),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_load_bytes),
		LDX(BPF_H, R1, FP, -8),
		MOV_IMM(R0, 0),
		JMP_IMM(BPF_JEQ, R1, htons(sock_port(self->conn.tx)), 1),
		MOV_IMM(R0, 1),
		EXIT(),
	};
	struct attached attached;

	ASSERT_EQ(0, tcp_set(self, self->conn.tx));
	TCP_SENT("x");
	ATTACH(&attached, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, deny);
	TCP_STUCK("abc");
	ASSERT_EQ(0, detach(&attached));
	TCP_ARRIVES("abc");
	TCP_SENT("y");
}

TEST_F(tcp, netfilter)
{
	char rule[64], commands[256];

	ASSERT_EQ(0, tcp_set(self, self->conn.tx));
	TCP_SENT("x");
	if (nft("list ruleset"))
		SKIP(return, "there is no nft, or no nf_tables in the kernel");
	snprintf(rule, sizeof(rule), "tcp sport %d", sock_port(self->conn.tx));
	snprintf(commands, sizeof(commands), TABLE, rule);
	ASSERT_EQ(0, nft(commands));
	TCP_STUCK("abc");
	ASSERT_EQ(0, nft("flush ruleset"));
	TCP_ARRIVES("abc");
	TCP_SENT("y");
}

/* Landlock has no rules about connections that exist: send() is permitted, and so is an entry. */
TEST_F(tcp, landlock)
{
	int err = restrict_self(NET_ALL_TCP);

	if (err == -EINVAL || err == -E2BIG)
		err = restrict_self(0);
	if (err == -EOPNOTSUPP || err == -ENOSYS)
		SKIP(return, "the kernel does not use Landlock");
	ASSERT_EQ(0, err);
	EXPECT_EQ(1, send(self->conn.tx, "x", 1, 0));
	TCP_ARRIVES("x");
	ASSERT_EQ(0, tcp_set(self, self->conn.tx));
	TCP_SENT("y");
}

TEST_HARNESS_MAIN
