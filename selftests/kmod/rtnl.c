// SPDX-License-Identifier: GPL-2.0
#include "rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common.h"

struct request {
	struct nlmsghdr head;
	char body[512];
};

/* put() - append to a request.  Return: where it is now */
static void *put(struct request *req, const void *data, size_t len)
{
	void *to = (char *)req + req->head.nlmsg_len;

	if (data)
		memcpy(to, data, len);
	req->head.nlmsg_len += NLMSG_ALIGN(len);
	return to;
}

static void request_init(struct request *req, int type, int flags, const void *body,
			 size_t len)
{
	memset(req, 0, sizeof(*req));
	req->head.nlmsg_len = NLMSG_HDRLEN;
	req->head.nlmsg_type = type;
	req->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	put(req, body, len);
}

/* nest_begin(), nest_end() - an attribute that holds what is put between them */
static struct rtattr *nest_begin(struct request *req, int type)
{
	const struct rtattr attr = { .rta_type = type };

	return put(req, &attr, sizeof(attr));
}

static void nest_end(struct request *req, struct rtattr *attr)
{
	attr->rta_len = (char *)req + req->head.nlmsg_len - (char *)attr;
}

static void put_attr(struct request *req, int type, const void *data, size_t len)
{
	struct rtattr *attr = nest_begin(req, type);

	put(req, data, len);
	attr->rta_len = RTA_LENGTH(len);
}

/* request_ask() - get the first message of the answer.  Return: its bytes, or a negative errno */
static int request_ask(const struct request *req, void *answer, size_t len)
{
	const int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int ret;

	if (sock < 0)
		return -errno;
	ret = send(sock, req, req->head.nlmsg_len, 0);
	if (ret >= 0)
		ret = recv(sock, answer, len, 0);
	if (ret < 0)
		ret = -errno;
	close(sock);
	return ret;
}

static int request_do(const struct request *req)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char request[sizeof(*req)];
	} ack;
	const int ret = request_ask(req, &ack, sizeof(ack));

	if (ret < 0)
		return ret;
	return ack.head.nlmsg_type == NLMSG_ERROR ? ack.error.error : -EPROTO;
}

int rtnl_veth(const char *name, const char *peer, int peer_netns, const char *mac)
{
	const struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	const struct ether_addr *address = ether_aton(mac);
	struct rtattr *link, *data, *other;
	struct request req;

	if (!address)
		return -EINVAL;
	request_init(&req, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	put_attr(&req, IFLA_IFNAME, name, strlen(name) + 1);
	put_attr(&req, IFLA_ADDRESS, address, ETH_ALEN);
	link = nest_begin(&req, IFLA_LINKINFO);
	put_attr(&req, IFLA_INFO_KIND, "veth", sizeof("veth"));
	data = nest_begin(&req, IFLA_INFO_DATA);
	other = nest_begin(&req, VETH_INFO_PEER);
	put(&req, &info, sizeof(info));
	put_attr(&req, IFLA_IFNAME, peer, strlen(peer) + 1);
	put_attr(&req, IFLA_ADDRESS, address, ETH_ALEN);
	put_attr(&req, IFLA_NET_NS_FD, &peer_netns, sizeof(peer_netns));
	nest_end(&req, other);
	nest_end(&req, data);
	nest_end(&req, link);
	return request_do(&req);
}

/* link_flag() - set a flag of an interface */
static void link_flag(struct request *req, const char *name, unsigned int flag)
{
	const struct ifinfomsg info = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = if_nametoindex(name),
		.ifi_flags = flag,
		.ifi_change = flag,
	};

	request_init(req, RTM_NEWLINK, 0, &info, sizeof(info));
}

/* In two requests: a single one would set it up first. */
int rtnl_up_silent(const char *name)
{
	const __u8 mode = IN6_ADDR_GEN_MODE_NONE;
	struct rtattr *spec, *inet6;
	struct request req;
	int err;

	link_flag(&req, name, IFF_NOARP);
	spec = nest_begin(&req, IFLA_AF_SPEC);
	inet6 = nest_begin(&req, AF_INET6);
	put_attr(&req, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode));
	nest_end(&req, inet6);
	nest_end(&req, spec);
	err = request_do(&req);
	if (err)
		return err;
	link_flag(&req, name, IFF_UP);
	return request_do(&req);
}

/*
 * route_is_local() - are packets to an IPv6 address received?  The kernel adds the route in a work
 * item, after the address can be bound to, and until then drops them.
 */
static bool route_is_local(const __u8 *address)
{
	const struct rtmsg info = { .rtm_family = AF_INET6, .rtm_dst_len = 128 };
	struct {
		struct nlmsghdr head;
		struct rtmsg route;
		char attributes[1024];
	} answer;
	struct request req;

	request_init(&req, RTM_GETROUTE, 0, &info, sizeof(info));
	put_attr(&req, RTA_DST, address, 16);
	return request_ask(&req, &answer, sizeof(answer)) > 0 &&
	       answer.head.nlmsg_type == RTM_NEWROUTE && answer.route.rtm_type == RTN_LOCAL;
}

static int route_settle(const __u8 *address)
{
	const double end = seconds() + PATIENCE_S;

	do {
		if (route_is_local(address))
			return 0;
		sched_yield();
	} while (seconds() < end);
	return -ETIMEDOUT;
}

int rtnl_addr(const char *name, const char *address, int prefix_len)
{
	const int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	const struct ifaddrmsg info = {
		.ifa_family = family,
		.ifa_prefixlen = prefix_len,
		.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_index = if_nametoindex(name),
	};
	const size_t len = family == AF_INET6 ? 16 : 4;
	struct request req;
	__u8 bytes[16];
	int err;

	if (inet_pton(family, address, bytes) != 1)
		return -EINVAL;
	request_init(&req, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	put_attr(&req, IFA_LOCAL, bytes, len);
	put_attr(&req, IFA_ADDRESS, bytes, len);
	err = request_do(&req);
	return err || family == AF_INET ? err : route_settle(bytes);
}

/* The attributes of an interface.  Return: their bytes, or negative */
static int link_attrs(const char *name, void *reply, size_t size, const struct rtattr **attrs)
{
	const struct ifinfomsg info = { .ifi_index = if_nametoindex(name) };
	const struct nlmsghdr *head = reply;
	struct request req;
	int len;

	request_init(&req, RTM_GETLINK, 0, &info, sizeof(info));
	len = request_ask(&req, reply, size);
	if (len >= 0 && head->nlmsg_type != RTM_NEWLINK)
		len = -EPROTO;
	*attrs = IFLA_RTA(NLMSG_DATA(head));
	return len < 0 ? len : len - (int)NLMSG_SPACE(sizeof(info));
}

int rtnl_stats(const char *name, struct rtnl_link_stats64 *stats)
{
	static char reply[16384] __attribute__((aligned(8)));
	const struct rtattr *attr;
	int left = link_attrs(name, reply, sizeof(reply), &attr);

	memset(stats, 0, sizeof(*stats));
	for (; left > 0 && RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		if (attr->rta_type != IFLA_STATS64)
			continue;
		memcpy(stats, RTA_DATA(attr), RTA_PAYLOAD(attr) < sizeof(*stats) ?
					      RTA_PAYLOAD(attr) : sizeof(*stats));
		return 0;
	}
	return left < 0 ? left : -ENODATA;
}
