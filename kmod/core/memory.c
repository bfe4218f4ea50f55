// SPDX-License-Identifier: GPL-2.0
#include "kmod/core/memory.h"

#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

static void vnp_memory_put(struct page **pages, unsigned int cnt)
{
	while (cnt) {
		__free_page(pages[--cnt]);
		cond_resched();
	}
	kvfree(pages);
}

void *vnp_memory_large(u64 bytes)
{
	const unsigned int cnt = PAGE_ALIGN(bytes) >> PAGE_SHIFT;
	struct page **pages;
	unsigned int i;
	void *memory;

	pages = kvcalloc(cnt, sizeof(*pages), VNP_GFP_USER);
	if (!pages)
		return NULL;
	for (i = 0; i < cnt; i++) {
		pages[i] = alloc_page(VNP_GFP_USER | __GFP_ZERO);
		if (!pages[i] || fatal_signal_pending(current)) {
			vnp_memory_put(pages, i + !!pages[i]);
			return NULL;
		}
		cond_resched();
	}
	/* Afterwards pages and array belong to the mapping. */
	memory = vmap(pages, cnt, VM_MAP | VM_MAP_PUT_PAGES, PAGE_KERNEL);
	if (!memory)
		vnp_memory_put(pages, cnt);
	return memory;
}
