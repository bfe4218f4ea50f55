// SPDX-License-Identifier: GPL-2.0
/* Maps of peers and groups: which can be created, and which peers can be set in them. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include "bpf.h"
#include "harness.h"
#include "insn.h"
#include "net.h"
#include "object.h"
#include "peer.h"

FIXTURE(peers) {
	int dev;
	int sock;
	struct map map;
};

FIXTURE_SETUP(peers)
{
	struct vnp_map_create attr = {
		.size = sizeof(attr),
		.flags = VNP_MAP_F_SOCKET,
		.type = VNP_MAP_PEERS,
		.key_size = 4,
		.value_size = sizeof(struct vnp_peer),
		.max_entries = 4,
	};

	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, netns_new());
	ASSERT_EQ(0, ip_batch("link add d0 type dummy\nlink set d0 up\naddr add 10.5.0.1/24 brd + dev d0\n"));
	self->sock = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_OK(self->sock);
	attr.sock_fd = self->sock;
	self->map.fd = do_ioctl(self->dev, VNP_MAP_CREATE, &attr);
	ASSERT_OK(self->map.fd);
	self->map.key_size = 4;
	self->map.value_len = sizeof(struct vnp_peer);
}

FIXTURE_TEARDOWN(peers)
{
	close(self->map.fd);
	close(self->sock);
	close(self->dev);
}

static int peer_set(const struct map *map, struct vnp_peer peer)
{
	const __u32 key = 0;

	return map_update(map, &key, &peer, 0);
}

/* sendto() and setting a peer return the same errno. */
TEST_F(peers, as_sendto)
{
	static const struct {
		const char *address;
		int want;
	} cases[] = {
		{ "10.5.0.2", 0 }, { "127.0.0.1", 0 }, { "10.5.0.255", -EACCES },
		{ "192.0.2.1", -ENETUNREACH },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sockaddr_in to = {
			.sin_family = AF_INET,
			.sin_port = htons(9),
			.sin_addr.s_addr = inet_addr(cases[i].address),
		};
		int ret = sendto(self->sock, "", 0, 0, (void *)&to, sizeof(to)) < 0 ? -errno : 0;

		EXPECT_EQ(cases[i].want, ret);
		EXPECT_EQ(cases[i].want, peer_set(&self->map, peer_ip4(cases[i].address, 9))) {
			TH_LOG("%s", cases[i].address);
		}
	}
	ASSERT_EQ(0, sock_set(self->sock, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_EQ(0, peer_set(&self->map, peer_ip4("10.5.0.255", 9)));
	EXPECT_LT(0, sock_port(self->sock));
}

TEST_F(peers, unsupported)
{
	struct vnp_peer ip6 = { .family = AF_INET6, .port = 9 };

	EXPECT_EQ(-EOPNOTSUPP, peer_set(&self->map, peer_ip4("224.0.0.1", 9)));
	EXPECT_EQ(-EOPNOTSUPP, peer_set(&self->map, peer_ip4("255.255.255.255", 9)));
	EXPECT_EQ(-EINVAL, peer_set(&self->map, peer_ip4("0.0.0.0", 9)));
	EXPECT_EQ(-EINVAL, peer_set(&self->map, ip6));
	inet_pton(AF_INET6, "::1", ip6.ip6);
	EXPECT_EQ(-EAFNOSUPPORT, peer_set(&self->map, ip6));
	inet_pton(AF_INET6, "::ffff:127.0.0.1", ip6.ip6);
	EXPECT_EQ(0, peer_set(&self->map, ip6));
}

TEST_F(peers, fields)
{
	const struct vnp_peer good = peer_ip4("127.0.0.1", 9);
	struct vnp_peer peer;

#define BAD(field, value) ({						\
	peer = good;							\
	peer.field = value;						\
	EXPECT_EQ(-EINVAL, peer_set(&self->map, peer));			\
})
	BAD(family, 0);
	BAD(family, AF_UNIX);
	BAD(port, 0);
	BAD(flags, 2);
	BAD(scope_id, 1);
	BAD(ip6[3], 1);
	BAD(tos, 1);
	BAD(reserved[0], 1);
	BAD(reserved[2], 1);
#undef BAD
	peer = good;
	peer.sent = 5;
	peer.errors[3] = 7;
	EXPECT_EQ(0, peer_set(&self->map, peer));
	const __u32 key = 0;

	ASSERT_EQ(0, map_lookup(&self->map, &key, &peer));
	EXPECT_MEM(&good, &peer, sizeof(good));
}

TEST_F(peers, entries)
{
	const struct vnp_peer peer = peer_ip4("127.0.0.1", 9);
	struct vnp_map_info info;
	__u32 key, next, seen = 0;

	for (key = 10; key < 14; key++)
		EXPECT_EQ(0, map_update(&self->map, &key, &peer, VNP_MAP_NOEXIST));
	EXPECT_EQ(-ENOSPC, map_update(&self->map, &key, &peer, VNP_MAP_ANY));
	EXPECT_EQ(-ENOENT, map_update(&self->map, &key, &peer, VNP_MAP_EXIST));
	EXPECT_EQ(-ENOENT, map_delete(&self->map, &key));
	key = 10;
	EXPECT_EQ(-EEXIST, map_update(&self->map, &key, &peer, VNP_MAP_NOEXIST));
	EXPECT_EQ(-EINVAL, map_update(&self->map, &key, &peer, 3));
	EXPECT_EQ(0, map_update(&self->map, &key, &peer, VNP_MAP_EXIST));
	ASSERT_EQ(0, map_info(&self->map, &info));
	EXPECT_EQ(4, info.entries);
	for (int err = map_next_key(&self->map, NULL, &next); !err;
	     err = map_next_key(&self->map, &key, &next)) {
		seen |= 1 << (next - 10);
		key = next;
	}
	EXPECT_EQ(0xf, seen);
	ASSERT_EQ(0, map_freeze(&self->map));
	EXPECT_EQ(-EPERM, map_update(&self->map, &key, &peer, VNP_MAP_ANY));
	EXPECT_EQ(-EPERM, map_delete(&self->map, &key));
}

/* Maps that cannot be created */
TEST_F(peers, maps)
{
	const struct vnp_map_create good = {
		.size = sizeof(good),
		.type = VNP_MAP_GROUPS,
		.key_size = 5,
		.value_size = sizeof(struct vnp_peer),
		.max_entries = 1,
	};
	struct vnp_map_create attr = good;
	int fd = do_ioctl(self->dev, VNP_MAP_CREATE, &attr);

	ASSERT_OK(fd);
	close(fd);
#define BAD(ret, field, value) ({					\
	attr = good;							\
	attr.field = value;						\
	EXPECT_EQ(ret, do_ioctl(self->dev, VNP_MAP_CREATE, &attr));	\
})
	BAD(-EINVAL, key_size, 4);
	BAD(-EINVAL, key_size, 513);
	BAD(-EINVAL, value_size, sizeof(struct vnp_peer) - 8);
	BAD(-EINVAL, value_size, sizeof(struct vnp_peer) + 8);
	BAD(-EINVAL, sock_fd, self->sock);
	BAD(-EINVAL, reserved, 1);
	BAD(-EINVAL, flags, VNP_MAP_F_MMAP);
	BAD(-E2BIG, max_entries, ~0U);
	attr = good;
	attr.flags = VNP_MAP_F_SOCKET;
	attr.sock_fd = -1;
	EXPECT_EQ(-EBADF, do_ioctl(self->dev, VNP_MAP_CREATE, &attr));
	attr.sock_fd = self->dev;
	EXPECT_EQ(-ENOTSOCK, do_ioctl(self->dev, VNP_MAP_CREATE, &attr));
	attr.sock_fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(self->dev, VNP_MAP_CREATE, &attr));
	close(attr.sock_fd);
	attr.type = VNP_MAP_HASH;
	EXPECT_EQ(-EINVAL, do_ioctl(self->dev, VNP_MAP_CREATE, &attr));
#undef BAD
}

/* A link is refused if an entry of the map is not permitted. */
TEST_F(peers, first_link)
{
	struct vnp_object *obj;
	struct vnp_peer peer = peer_ip4("10.5.0.255", 9);
	struct vnp_map *peers;
	__u32 key = 1;
	int link;

	ASSERT_EQ(0, object_load("send", &obj));
	peers = vnp_object_find_map(obj, "peers");
	ASSERT_EQ(0, vnp_map_update(peers, &key, &peer, 0));
	EXPECT_EQ(-EACCES, object_link(obj, "send", self->sock, 0));
	ASSERT_EQ(0, vnp_map_delete(peers, &key));
	link = object_link(obj, "send", self->sock, 0);
	ASSERT_OK(link);
	EXPECT_EQ(-EACCES, vnp_map_update(peers, &key, &peer, 0));
	close(link);
	vnp_object_close(obj);
}

#define SAME_MAPS	3
#define SAME_PEERS	40

/* same_peers() - a map with this peer under several keys */
static int same_peers(int dev, struct map *map, struct vnp_peer peer)
{
	int err = map_create(dev, map, VNP_MAP_PEERS, 4, sizeof(peer), SAME_PEERS, 0);

	for (__u32 key = 0; err >= 0 && key < SAME_PEERS; key++)
		err = map_update(map, &key, &peer, 0);
	return err;
}

static __u64 unreachable(const struct map *map)
{
	struct vnp_peer peer;
	__u64 sum = 0;

	for (__u32 key = 0; key < SAME_PEERS; key++)
		sum += map_lookup(map, &key, &peer) ? 0 : peer.unreachable;
	return sum;
}

/* An ICMP error is compared with a limited number of peers, in however many maps these are. */
TEST_F(peers, many_are_unreachable)
{
	static const struct bpf_insn insns[] = { MOV_IMM(R0, VNP_PASS), EXIT() };
	struct pollfd error = { .fd = udp_socket("127.0.0.1", 0) };
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fds[SAME_MAPS], prog, link;
	struct map maps[SAME_MAPS];
	__u64 sum = 0;

	for (int i = 0; i < SAME_MAPS; i++) {
		ASSERT_OK(same_peers(self->dev, &maps[i], peer_ip4("127.0.0.1", 9)));
		fds[i] = maps[i].fd;
	}
	prog = prog_load(self->dev, insns, ARRAY_SIZE(insns), fds, SAME_MAPS);
	ASSERT_OK(prog);
	link = link_create(self->dev, prog, error.fd, 0);
	ASSERT_OK(link);
	/* It is counted before it is reported. */
	ASSERT_EQ(0, sock_set(error.fd, IPPROTO_IP, IP_RECVERR, 1));
	ASSERT_EQ(1, sendto(error.fd, "x", 1, 0, (void *)&to, sizeof(to)));
	ASSERT_EQ(1, poll(&error, 1, 10000));
	for (int i = 0; i < SAME_MAPS; i++) {
		sum += unreachable(&maps[i]);
		close(maps[i].fd);
	}
	EXPECT_EQ(64, sum);
	close(link);
	close(prog);
	close(error.fd);
}

#define CGROUP		"/sys/fs/cgroup"

/* A BPF program of the cgroup on sendmsg() that denies all */
TEST_F(peers, cgroup)
{
	static const struct bpf_insn deny[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
		.expected_attach_type = BPF_CGROUP_UDP4_SENDMSG,
		.insns = (__u64)(unsigned long)deny,
		.insn_cnt = ARRAY_SIZE(deny),
		.license = (__u64)(unsigned long)"GPL",
	};
	union bpf_attr attach = { .attach_type = BPF_CGROUP_UDP4_SENDMSG };
	int prog, cgroup;

	prog = bpf_call(BPF_PROG_LOAD, &load);
	/* root in a user namespace is not permitted, either. */
	if (prog == -EPERM)
		SKIP(return, "attaches a program with bpf(2)");
	ASSERT_OK(prog);
	cgroup = open(CGROUP, O_RDONLY | O_DIRECTORY);
	ASSERT_OK(cgroup);
	EXPECT_EQ(0, peer_set(&self->map, peer_ip4("127.0.0.1", 9)));
	attach.target_fd = cgroup;
	attach.attach_bpf_fd = prog;
	ASSERT_EQ(0, bpf_call(BPF_PROG_ATTACH, &attach));
	EXPECT_EQ(-EPERM, peer_set(&self->map, peer_ip4("127.0.0.1", 9)));
	ASSERT_EQ(0, bpf_call(BPF_PROG_DETACH, &attach));
	EXPECT_EQ(0, peer_set(&self->map, peer_ip4("127.0.0.1", 9)));
	close(cgroup);
	close(prog);
}

TEST_HARNESS_MAIN
