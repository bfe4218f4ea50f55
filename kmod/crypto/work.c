// SPDX-License-Identifier: GPL-2.0
#include "kmod/crypto/work.h"

#include <linux/errno.h>
#include <linux/slab.h>

DEFINE_PER_CPU(struct vnp_work_cpu, vnp_works) = {
	.lock = INIT_LOCAL_LOCK(lock),
};

void vnp_crypto_subsys_destroy(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree_sensitive(per_cpu(vnp_works, cpu).work);
}

int vnp_crypto_subsys_create(void)
{
	struct vnp_work *work;
	int cpu;

	for_each_possible_cpu(cpu) {
		work = kzalloc_node(sizeof(*work), GFP_KERNEL, cpu_to_node(cpu));
		if (!work) {
			vnp_crypto_subsys_destroy();
			return -ENOMEM;
		}
		per_cpu(vnp_works, cpu).work = work;
	}
	return 0;
}
