// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/proto.h"

static struct vnp_tcp_proto vnp_tcp_proto4;
static struct vnp_tcp_proto vnp_tcp_proto6;

struct vnp_tcp_proto *vnp_tcp_proto(int family)
{
	return family == AF_INET6 ? &vnp_tcp_proto6 : &vnp_tcp_proto4;
}

struct vnp_tcp_proto *vnp_tcp_proto_of(const struct sock *sk)
{
	return vnp_tcp_proto(sk->sk_family);
}

/* Take them from a new socket, as not all kernels export the operations of IPv6. */
struct vnp_tcp_proto *vnp_tcp_proto_copy(int family)
{
	struct vnp_tcp_proto *proto;
	struct socket *example;
	int ret;

	ret = sock_create_kern(&init_net, family, SOCK_STREAM, IPPROTO_TCP, &example);
	if (ret)
		return ERR_PTR(ret);
	proto = vnp_tcp_proto_of(example->sk);
	proto->kernel = example->sk->sk_prot;
	proto->ours = *proto->kernel;
	proto->kernel_ops = example->ops;
	proto->ours_ops = *proto->kernel_ops;
	proto->write_space = example->sk->sk_write_space;
	sock_release(example);
	return proto;
}
