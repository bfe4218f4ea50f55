// SPDX-License-Identifier: GPL-2.0
#include "kmod/path/batch.h"

#include <trace/events/skb.h>

#include "kmod/core/compat.h"

/*
 * A network card may write many datagrams to one page, and GRO merges them.  All of a packet's
 * references to a page but one are put at once; the last one is put when the packet is freed, by
 * the function for that kind of page.
 */
static void vnp_batch_put_frags(struct sk_buff *skb)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	skb_frag_t *kept = shinfo->frags, *const end = kept + shinfo->nr_frags;
	const skb_frag_t *first, *frag;
	struct page *page;

	/* Pages of a page pool, or managed by io_uring, do not have a reference per fragment. */
	if (skb->pp_recycle || skb_zcopy_managed(skb))
		return;
	for (first = kept; first < end; first = frag) {
		page = skb_frag_page(first);
		frag = first + 1;
		while (page && frag < end && skb_frag_page(frag) == page)
			frag++;
		if (frag - first > 1)
			page_ref_sub(compound_head(page), frag - first - 1);
		*kept++ = *first;
	}
	shinfo->nr_frags = kept - shinfo->frags;
}

static void vnp_batch_put_pages(struct sk_buff *skb)
{
	struct sk_buff *iter;

	/* Clones share the references. */
	if (skb_cloned(skb))
		return;
	vnp_batch_put_frags(skb);
	skb_walk_frags(skb, iter) {
		if (!skb_shared(iter) && !skb_cloned(iter))
			vnp_batch_put_frags(iter);
	}
}

void vnp_batch_drop(struct sk_buff *skb)
{
	/* Drop monitors may read the whole packet. */
	if (!trace_kfree_skb_enabled())
		vnp_batch_put_pages(skb);
	kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_FILTER);
}

void vnp_batch_consume(struct sk_buff *skb)
{
	vnp_batch_put_pages(skb);
	consume_skb(skb);
}
