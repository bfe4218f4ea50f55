// SPDX-License-Identifier: GPL-2.0
#include "kmod/udp/block.h"

#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <net/sock.h>

/*
 * Blocks of memory for copies, of 32 KiB, that a CPU keeps after they were filled: as many as a
 * super-packet of 16 long datagrams takes that is copied for each of eight peers.  New memory is
 * cleared with CONFIG_INIT_ON_ALLOC_DEFAULT_ON, which takes as long as copying.  They are freed
 * when the module is removed, and charged to nobody.
 */
#define VNP_UDP_BLOCK_FULL	6

/**
 * struct vnp_udp_blocks - the blocks of a CPU
 * @latest:	the one that datagrams are added to, or NULL
 * @own:	used if it has no references, so that most blocks need not be allocated
 * @space:	memory for copies
 * @full:	memory that was @space before.  Packets with references to the oldest one have
 *		mostly been freed when it becomes @space again
 * @full_next:	index of the oldest one
 */
struct vnp_udp_blocks {
	struct vnp_udp_block *latest;
	struct vnp_udp_block own;
	struct page_frag space;
	struct page_frag full[VNP_UDP_BLOCK_FULL];
	u32 full_next;
};

static DEFINE_PER_CPU(struct vnp_udp_blocks, vnp_udp_blocks);

void vnp_udp_block_destroy(void)
{
	struct vnp_udp_blocks *blocks;
	int cpu, i;

	for_each_possible_cpu(cpu) {
		blocks = per_cpu_ptr(&vnp_udp_blocks, cpu);
		if (blocks->space.page)
			put_page(blocks->space.page);
		for (i = 0; i < VNP_UDP_BLOCK_FULL; i++)
			if (blocks->full[i].page)
				put_page(blocks->full[i].page);
	}
}

static struct vnp_udp_block *vnp_udp_block_create(u8 hops)
{
	struct vnp_udp_blocks *blocks = this_cpu_ptr(&vnp_udp_blocks);
	struct vnp_udp_block *block = &blocks->own;

	if (block->refs) {
		block = kmalloc(sizeof(*block), GFP_ATOMIC);
		if (!block)
			return NULL;
	}
	block->blocks = blocks;
	block->refs = 1;
	block->hops = hops;
	block->reserve = false;
	block->cnt = 0;
	block->size = 0;
	block->len = 0;
	block->frag_cnt = 0;
	return block;
}

/* Remove fragments from this one on. */
static void vnp_udp_block_cut(struct vnp_udp_block *block, u32 frag_cnt)
{
	while (block->frag_cnt > frag_cnt)
		put_page(block->frag[--block->frag_cnt].page);
}

void vnp_udp_block_put(struct vnp_udp_block *block)
{
	struct vnp_udp_blocks *blocks = block->blocks;

	if (--block->refs)
		return;
	vnp_udp_block_cut(block, 0);
	if (blocks->latest == block)
		blocks->latest = NULL;
	if (block != &blocks->own)
		kfree(block);
}

/*
 * ---- Finding payload ------------------------------------------------------
 */

/* Add bytes, as a fragment, or to the last one.  Return: 0; -ENOSPC: too many fragments */
static int vnp_udp_block_add(struct vnp_udp_block *block, struct page *page, u32 off, u32 len)
{
	struct vnp_udp_block_frag *last;

	if (block->frag_cnt) {
		last = &block->frag[block->frag_cnt - 1];
		if (last->page == page && last->off + last->len == off) {
			last->len += len;
			return 0;
		}
	}
	if (block->frag_cnt == MAX_SKB_FRAGS)
		return -ENOSPC;
	get_page(page);
	block->reserve |= page_is_pfmemalloc(compound_head(page));
	block->frag[block->frag_cnt++] = (struct vnp_udp_block_frag) { page, off, len };
	return 0;
}

/*
 * @space is full: continue with the memory that was full first.  Memory from the reserve is not
 * kept, as packets with it are dropped and others need it; nor is less than 32 KiB, which is
 * allocated when there is no more.
 */
static void vnp_udp_block_rotate(struct vnp_udp_blocks *blocks)
{
	struct page_frag *space = &blocks->space;

	if (page_is_pfmemalloc(space->page) || space->size < SZ_32K) {
		put_page(space->page);
		space->page = NULL;
		return;
	}
	swap(*space, blocks->full[blocks->full_next]);
	blocks->full_next = (blocks->full_next + 1) % VNP_UDP_BLOCK_FULL;
}

struct page_frag *vnp_udp_block_space(u32 len)
{
	struct vnp_udp_blocks *blocks = this_cpu_ptr(&vnp_udp_blocks);
	struct page_frag *space = &blocks->space;

	/* As skb_page_frag_refill(), which uses memory again that has no other references */
	if (space->page && space->offset + len > space->size &&
	    (page_ref_count(space->page) > 1 || page_is_pfmemalloc(space->page)))
		vnp_udp_block_rotate(blocks);
	return skb_page_frag_refill(len, space, GFP_ATOMIC) ? space : NULL;
}

static int vnp_udp_block_copy(struct vnp_udp_block *block, const struct vnp_dgram *dgram,
			      u32 off, u32 len)
{
	struct page_frag *space;
	u32 now;
	int ret;

	for (; len; len -= now, off += now) {
		space = vnp_udp_block_space(min_t(u32, len, PAGE_SIZE));
		if (!space)
			return -ENOMEM;
		now = min(len, space->size - space->offset);
		if (vnp_udp_payload_copy(page_address(space->page) + space->offset, dgram, off,
					 now))
			return -ENOMEM;
		ret = vnp_udp_block_add(block, space->page, space->offset, now);
		if (ret)
			return ret;
		space->offset += now;
	}
	return 0;
}

/*
 * Reference a range of a packet.  Return: 0, or if it cannot be: -EINVAL, and @block is unchanged;
 * -ENOSPC, -ENOMEM
 */
static int vnp_udp_block_share(struct vnp_udp_block *block, const struct sk_buff *skb,
			       u32 pos, u32 end)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);
	u32 at = skb_headlen(skb), next, i;
	const skb_frag_t *frag;
	int ret = 0;

	if (pos < at || shinfo->frag_list)
		return -EINVAL;
	for (i = 0; i < shinfo->nr_frags && at < end && !ret; i++, at = next) {
		frag = &shinfo->frags[i];
		next = at + skb_frag_size(frag);
		if (pos >= next)
			continue;
		if (!skb_frag_page(frag))
			return at > pos ? -ENOMEM : -EINVAL;
		ret = vnp_udp_block_add(block, skb_frag_page(frag),
					skb_frag_off(frag) + max(pos, at) - at,
					min(end, next) - max(pos, at));
	}
	return ret;
}

static bool vnp_udp_block_is_head(const struct sk_buff *skb, const unsigned char *data)
{
	return data >= skb->head && data < skb_end_pointer(skb);
}

/*
 * The head of a clone is not referenced: another receiver does not see such references, and may
 * write to it when the clone was freed.
 */
bool vnp_udp_block_is_direct(const struct vnp_dgram *dgram)
{
	const struct vnp_ctx *ctx = &dgram->exec.ctx;
	const struct sk_buff *skb = dgram->skb;
	const unsigned char *data = ctx->data;

	if (ctx->data_end - ctx->data != ctx->len || dgram->prog->writes_packet)
		return false;
	if (vnp_udp_block_is_head(skb, data))
		return skb->head_frag && !skb_cloned(skb);
	return !skb_has_frag_list(skb);
}

/* Must the payload be copied?  Then vnp_udp_block_share() would return -EINVAL. */
static bool vnp_udp_block_must_copy(const struct vnp_dgram *dgram)
{
	return dgram->prog->writes_packet ||
	       (!vnp_udp_block_is_direct(dgram) &&
		(dgram->off < skb_headlen(dgram->skb) || skb_has_frag_list(dgram->skb)));
}

/* Add a datagram's payload to a block.  Return: 0, -ENOMEM, -ENOSPC */
static int vnp_udp_block_append(struct vnp_udp_block *block, const struct vnp_dgram *dgram,
				bool copies)
{
	const struct vnp_ctx *ctx = &dgram->exec.ctx;
	struct page *page;
	int ret;

	if (!ctx->len)
		return 0;
	if (copies || dgram->prog->writes_packet)
		return vnp_udp_block_copy(block, dgram, 0, ctx->len);
	if (vnp_udp_block_is_direct(dgram)) {
		page = virt_to_head_page(ctx->data);
		if (vnp_udp_block_is_head(dgram->skb, ctx->data))
			vnp_udp_sending()->head = true;
		return vnp_udp_block_add(block, page, ctx->data - page_address(page), ctx->len);
	}
	ret = vnp_udp_block_share(block, dgram->skb, dgram->off, dgram->off + ctx->len);
	if (ret == -EINVAL)
		ret = vnp_udp_block_copy(block, dgram, 0, ctx->len);
	return ret;
}

/* Can a datagram of @len bytes be a segment after those in the block? */
static bool vnp_udp_block_takes(const struct vnp_udp_block *block, u8 hops, u32 len)
{
	return len && len <= block->size && block->len == block->cnt * block->size &&
	       block->cnt < VNP_UDP_SEND_SEGMENTS && block->len + len <= VNP_DATAGRAM_MAX &&
	       block->hops == hops;
}

/*
 * The datagram was added to a block, whose reference passes to @sending.  Before, it had @frag_cnt
 * fragments, and the last one had @frag_len bytes.
 */
static __always_inline void vnp_udp_block_set(struct vnp_udp_sending *sending,
					      struct vnp_udp_block *block,
					      const struct vnp_dgram *dgram, u32 frag_cnt,
					      u32 frag_len)
{
	const struct vnp_ctx *ctx = &dgram->exec.ctx;
	const bool extended = frag_cnt && block->frag[frag_cnt - 1].len > frag_len;

	sending->skb = dgram->skb;
	sending->off = dgram->off;
	sending->len = ctx->len;
	sending->end = ctx->data_end;
	sending->block = block;
	sending->at = block->len;
	sending->frag = frag_cnt - extended;
	sending->frag_at = block->len - (extended ? frag_len : 0);
	if (!block->cnt)
		block->size = ctx->len;
	block->cnt++;
	block->len += ctx->len;
}

/* Add a datagram to a block, or change nothing.  Return: 0, -ENOMEM, -ENOSPC */
static int vnp_udp_block_try(struct vnp_udp_sending *sending, struct vnp_udp_block *block,
			     const struct vnp_dgram *dgram, bool copies)
{
	const u32 frag_cnt = block->frag_cnt;
	const u32 frag_len = frag_cnt ? block->frag[frag_cnt - 1].len : 0;
	int ret = vnp_udp_block_append(block, dgram, copies);

	if (!ret) {
		vnp_udp_block_set(sending, block, dgram, frag_cnt, frag_len);
		return 0;
	}
	vnp_udp_block_cut(block, frag_cnt);
	if (frag_cnt)
		block->frag[frag_cnt - 1].len = frag_len;
	return ret;
}

/* Copy a range to a new block, which is only used for this datagram.  Return: 0, -ENOMEM */
static int vnp_udp_block_find_range(struct vnp_udp_sending *sending,
				    const struct vnp_dgram *dgram, u32 off, u32 len)
{
	struct vnp_udp_block *block = vnp_udp_block_create(sending->hops);

	if (!block)
		return -ENOMEM;
	if (vnp_udp_block_copy(block, dgram, off, len)) {
		vnp_udp_block_put(block);
		return -ENOMEM;
	}
	block->cnt = 1;
	block->size = len;
	block->len = len;
	sending->skb = dgram->skb;
	sending->off = dgram->off + off;
	sending->len = len;
	sending->end = dgram->exec.ctx.data_end;
	sending->block = block;
	sending->at = 0;
	sending->frag = 0;
	sending->frag_at = 0;
	return 0;
}

/*
 * Fast path: copy a short datagram to the end of the latest block, if more memory follows it.
 * Return: false, without changes, if that is not possible
 */
static bool vnp_udp_block_extend(struct vnp_udp_sending *sending, const struct vnp_dgram *dgram)
{
	struct vnp_udp_blocks *blocks = this_cpu_ptr(&vnp_udp_blocks);
	const struct vnp_ctx *ctx = &dgram->exec.ctx;
	struct vnp_udp_block *block = blocks->latest;
	struct page_frag *space = &blocks->space;
	struct vnp_udp_block_frag *last;
	const u32 len = ctx->len;
	u32 frag_len;

	if (!block || len > VNP_UDP_SEND_SHORT || !sending->more ||
	    len != ctx->data_end - ctx->data || !block->frag_cnt ||
	    !vnp_udp_block_lasts(dgram) || !vnp_udp_block_takes(block, sending->hops, len))
		return false;
	last = &block->frag[block->frag_cnt - 1];
	frag_len = last->len;
	if (last->page != space->page || last->off + frag_len != space->offset ||
	    space->size - space->offset < len)
		return false;
	if (block != sending->block) {
		vnp_udp_block_forget(sending);
		block->refs++;
	}
	memcpy(page_address(space->page) + space->offset, ctx->data, len);
	space->offset += len;
	last->len += len;
	vnp_udp_block_set(sending, block, dgram, block->frag_cnt, frag_len);
	return true;
}

int vnp_udp_block_find(struct vnp_udp_sending *sending, const struct vnp_dgram *dgram, u32 off,
		       u32 size)
{
	struct vnp_udp_block *block;
	const bool lasts = vnp_udp_block_lasts(dgram);
	const u32 len = dgram->exec.ctx.len;
	const bool copies = len <= VNP_UDP_SEND_SHORT && sending->more;
	int ret;

	if (vnp_udp_block_extend(sending, dgram))
		return 0;
	vnp_udp_block_forget(sending);
	if (size < len && len > VNP_UDP_SEND_SHORT && vnp_udp_block_must_copy(dgram))
		return vnp_udp_block_find_range(sending, dgram, off, size);
	/* Read it now: the block that was forgotten may have been this one, and freed. */
	block = this_cpu_ptr(&vnp_udp_blocks)->latest;
	if (block && lasts && vnp_udp_block_takes(block, sending->hops, len)) {
		block->refs++;
		ret = vnp_udp_block_try(sending, block, dgram, copies);
		if (!ret)
			return 0;
		vnp_udp_block_put(block);
		if (ret != -ENOSPC)
			return ret;
	}
	block = vnp_udp_block_create(sending->hops);
	if (!block)
		return -ENOMEM;
	ret = vnp_udp_block_try(sending, block, dgram, copies);
	if (ret == -ENOSPC)
		ret = vnp_udp_block_try(sending, block, dgram, true);
	if (ret) {
		vnp_udp_block_put(block);
		return -ENOMEM;
	}
	if (lasts)
		block->blocks->latest = block;
	return 0;
}

/*
 * ---- Using it -------------------------------------------------------------
 */

void vnp_udp_block_add_to(struct sk_buff *skb, struct page *page, u32 off, u32 len)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	const int last = shinfo->nr_frags;

	if (skb_can_coalesce(skb, last, page, off)) {
		skb_frag_size_add(&shinfo->frags[last - 1], len);
	} else {
		get_page(page);
		skb_fill_page_desc(skb, last, page, off, len);
	}
	skb->len += len;
	skb->data_len += len;
	skb->truesize += len;
}

/* Neighbouring fragments often have the same page: get all references at once. */
static void vnp_udp_block_refer(struct page *page, u32 cnt)
{
	if (cnt)
		page_ref_add(compound_head(page), cnt);
}

void vnp_udp_block_put_in(const struct vnp_udp_block *block, struct sk_buff *skb, u32 frag,
			  u32 off, u32 len)
{
	const struct vnp_udp_block_frag *at = &block->frag[frag];
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	struct page *page = NULL;
	u32 i, now, refs = 0;

	for (; len && off >= at->len; at++)
		off -= at->len;
	/* The first bytes may continue the packet's last fragment. */
	if (shinfo->nr_frags && len) {
		now = min(len, at->len - off);
		vnp_udp_block_add_to(skb, at->page, at->off + off, now);
		len -= now;
		at++;
		off = 0;
	}
	skb->len += len;
	skb->data_len += len;
	skb->truesize += len;
	for (i = shinfo->nr_frags; len; i++, at++, off = 0) {
		if (at->page != page) {
			vnp_udp_block_refer(page, refs);
			page = at->page;
			refs = 0;
		}
		refs++;
		now = min(len, at->len - off);
		__skb_fill_page_desc_noacc(shinfo, i, at->page, at->off + off, now);
		len -= now;
	}
	vnp_udp_block_refer(page, refs);
	shinfo->nr_frags = i;
	if (unlikely(block->reserve))
		skb->pfmemalloc = true;
}
