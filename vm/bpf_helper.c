// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The helpers of the kernel's own eBPF, by name: for the messages to authors whose
 * programs call them.
 */
#include "vm/helper.h"

#define BPF_HELPER_NAME(name)	"bpf_" #name

/* In the order of enum bpf_func_id, which is made of the same list */
static const char *const bpf_helper_names[] = {
	__BPF_FUNC_MAPPER(BPF_HELPER_NAME)
};

static const char *const bpf_helper_counterparts[] = {
	[BPF_FUNC_map_lookup_elem]	= "vnp_map_lookup()",
	[BPF_FUNC_map_update_elem]	= "vnp_map_update()",
	[BPF_FUNC_map_delete_elem]	= "vnp_map_delete()",
	[BPF_FUNC_skb_load_bytes]	= "vnp_load_bytes()",
	[BPF_FUNC_xdp_load_bytes]	= "vnp_load_bytes()",
	[BPF_FUNC_skb_store_bytes]	= "vnp_store_bytes()",
	[BPF_FUNC_xdp_store_bytes]	= "vnp_store_bytes()",
	[BPF_FUNC_skb_pull_data]	= "vnp_pull()",
	[BPF_FUNC_skb_change_head]	= "vnp_adjust_head()",
	[BPF_FUNC_xdp_adjust_head]	= "vnp_adjust_head()",
	[BPF_FUNC_skb_change_tail]	= "vnp_adjust_tail()",
	[BPF_FUNC_xdp_adjust_tail]	= "vnp_adjust_tail()",
	[BPF_FUNC_ktime_get_ns]		= "vnp_time_ns()",
	[BPF_FUNC_ktime_get_coarse_ns]	= "vnp_time_ns()",
	[BPF_FUNC_get_prandom_u32]	= "vnp_random_u32()",
	[BPF_FUNC_csum_diff]		= "vnp_csum_diff()",
	[BPF_FUNC_trace_printk]		= "vnp_printk()",
};

const char *vnp_bpf_helper_name(u32 id)
{
	/* number 0 stands for no helper at all */
	return id && id < ARRAY_SIZE(bpf_helper_names) ? bpf_helper_names[id] : NULL;
}

const char *vnp_bpf_helper_counterpart(u32 id)
{
	return id < ARRAY_SIZE(bpf_helper_counterparts) ? bpf_helper_counterparts[id] :
							  NULL;
}
