// SPDX-License-Identifier: GPL-2.0
#include "kmod/path/hook.h"

#include <linux/kernel.h>

#include "kmod/tcp/listen.h"
#include "kmod/tcp/tcp.h"
#include "kmod/udp/udp.h"

static const struct vnp_hook_ops *const vnp_hooks[] = {
	&vnp_udp_hook,
	&vnp_listen_hook,
	&vnp_tcp_hook,
};

const struct vnp_hook_ops *vnp_hook_find(const struct sock *sk)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vnp_hooks); i++)
		if (vnp_hooks[i]->suits(sk))
			return vnp_hooks[i];
	return NULL;
}
