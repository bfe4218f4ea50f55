// SPDX-License-Identifier: GPL-2.0
/*
 * VNP, a virtual network processor.  <linux/vnp.h> says what it does; this is module init
 * and exit.
 *
 * Open descriptors and links hold a reference to the module, so at exit nothing is in
 * use.  Deferred work of the last of them, and tasks preempted in the module, may not
 * have finished yet: the exit function of each subsystem waits for its own.
 */
#include <linux/init.h>
#include <linux/module.h>

#include "kmod/core/device.h"
#include "kmod/core/object.h"
#include "kmod/core/user.h"
#include "kmod/crypto/work.h"
#include "kmod/hold/work.h"
#include "kmod/path/send.h"
#include "kmod/tcp/outlet.h"
#include "kmod/tcp/tcp.h"
#include "kmod/udp/udp.h"
#include "kmod/core/version.h"

static int __init vnp_init(void)
{
	int ret;

	ret = vnp_user_subsys_create();
	if (ret)
		return ret;
	ret = vnp_obj_subsys_create();
	if (ret)
		goto err_user_subsys;
	ret = vnp_crypto_subsys_create();
	if (ret)
		goto err_obj_subsys;
	ret = vnp_send_subsys_create();
	if (ret)
		goto err_crypto_subsys;
	ret = vnp_hold_subsys_create();
	if (ret)
		goto err_send_subsys;
	ret = vnp_udp_subsys_create();
	if (ret)
		goto err_hold_subsys;
	ret = vnp_tcp_subsys_create();
	if (ret)
		goto err_udp_subsys;
	ret = vnp_outlet_subsys_create();
	if (ret)
		goto err_tcp_subsys;
	ret = vnp_device_create();
	if (ret)
		goto err_outlet_subsys;
	return 0;

err_outlet_subsys:
	vnp_outlet_subsys_destroy();
err_tcp_subsys:
	vnp_tcp_subsys_destroy();
err_udp_subsys:
	vnp_udp_subsys_destroy();
err_hold_subsys:
	vnp_hold_subsys_destroy();
err_send_subsys:
	vnp_send_subsys_destroy();
err_crypto_subsys:
	vnp_crypto_subsys_destroy();
err_obj_subsys:
	vnp_obj_subsys_destroy();
err_user_subsys:
	vnp_user_subsys_destroy();
	return ret;
}

static void __exit vnp_exit(void)
{
	vnp_device_destroy();
	vnp_tcp_subsys_destroy();
	vnp_udp_subsys_destroy();
	/* Before maps are freed, as queued packets refer to peers in them */
	vnp_send_subsys_destroy();
	vnp_obj_subsys_destroy();
	vnp_outlet_subsys_destroy();
	vnp_hold_subsys_destroy();
	/* Peers are freed by call_rcu(). */
	rcu_barrier();
	vnp_crypto_subsys_destroy();
	/* Last, as all of the above put references to users */
	vnp_user_subsys_destroy();
}

module_init(vnp_init);
module_exit(vnp_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The VNP authors");
MODULE_DESCRIPTION("A virtual network processor: eBPF programs on a process's own sockets");
MODULE_VERSION(VNP_VERSION);
