// SPDX-License-Identifier: GPL-2.0
#include "kmod/crypto/work.h"

#include <linux/errno.h>
#include <linux/slab.h>

/* Allocated one by one: addresses of the percpu allocator are not in the linear mapping. */
struct vnp_work * __percpu *vnp_works;

void vnp_crypto_subsys_destroy(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree_sensitive(*per_cpu_ptr(vnp_works, cpu));
	free_percpu(vnp_works);
}

int vnp_crypto_subsys_create(void)
{
	struct vnp_work *work;
	int cpu;

	vnp_works = alloc_percpu(struct vnp_work *);
	if (!vnp_works)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		work = kzalloc_node(sizeof(*work), GFP_KERNEL, cpu_to_node(cpu));
		if (!work) {
			vnp_crypto_subsys_destroy();
			return -ENOMEM;
		}
		*per_cpu_ptr(vnp_works, cpu) = work;
	}
	return 0;
}
