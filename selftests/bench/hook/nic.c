// SPDX-License-Identifier: GPL-2.0
/*
 * An emulated network card that receives given packets on request, so that no costs of a
 * sender have to be subtracted.  Like drivers of real cards it uses NAPI, page fragments,
 * checksums verified by the card, and GRO.
 *
 * The ticks of driver and GRO are counted separately.  Therefore net.core.gro_normal_batch
 * must be large: no packet may enter the stack before all have arrived.
 */
#include <linux/bpf.h>
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <linux/timex.h>
#include <linux/uaccess.h>
#include <linux/udp.h>
#include <linux/vmalloc.h>
#include <net/gro.h>

#include "bench.h"

/*
 * The driver recycles pages for its buffers, more than can be in use.  A page that is still
 * referenced when it would be reused is replaced by a new one.
 */
#define BENCH_PAGES	8
#define BENCH_ORDER	3

/**
 * struct bench_nic - the card
 * @napi:	NAPI context
 * @pages:	receive buffers
 * @page:	index of the current page
 * @used:	used bytes of the current page
 * @data:	frames that can be received
 * @cnt:	frames at @data
 * @len:	bytes from one to the next
 * @play:	the current request
 */
struct bench_nic {
	struct napi_struct napi;
	struct page *pages[BENCH_PAGES];
	u32 page;
	u32 used;
	void *data;
	u32 cnt;
	u32 len;
	struct bench_play *play;
};

static struct net_device *bench_dev;

static struct page *bench_nic_page(struct bench_nic *nic)
{
	struct page **page = &nic->pages[nic->page];

	if (*page && page_ref_count(*page) == 1)
		return *page;
	if (*page)
		put_page(*page);
	*page = dev_alloc_pages(BENCH_ORDER);
	return *page;
}

/* Takes a reference to the page for the stack. */
static void *bench_nic_buffer(struct bench_nic *nic, u32 size)
{
	struct page *page = nic->pages[nic->page];
	u32 off = nic->used;

	if (!page || off + size > PAGE_SIZE << BENCH_ORDER) {
		nic->page = (nic->page + 1) % BENCH_PAGES;
		page = bench_nic_page(nic);
		off = 0;
	}
	if (!page)
		return NULL;
	nic->used = off + size;
	get_page(page);
	return page_address(page) + off;
}

/* With headroom for XDP, and a flow hash as computed by cards; TCP's ports are where UDP's are */
static struct sk_buff *bench_nic_skb(struct net_device *dev, const struct iphdr *ip)
{
	const u32 room = XDP_PACKET_HEADROOM + NET_IP_ALIGN;
	const struct udphdr *udp = (const void *)(ip + 1);
	const u32 len = ntohs(ip->tot_len);
	const u32 size = SKB_DATA_ALIGN(room + ETH_HLEN + len) +
			 SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	void *data = bench_nic_buffer(netdev_priv(dev), size);
	struct sk_buff *skb;
	struct ethhdr *eth;

	if (!data)
		return NULL;
	skb = napi_build_skb(data, size);
	if (!skb) {
		skb_free_frag(data);
		return NULL;
	}
	skb_reserve(skb, room);
	eth = skb_put_zero(skb, ETH_HLEN);
	ether_addr_copy(eth->h_dest, dev->dev_addr);
	eth->h_proto = htons(ETH_P_IP);
	skb_put_data(skb, ip, len);
	skb->protocol = eth_type_trans(skb, dev);
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb_set_hash(skb, (__force u16)udp->source, PKT_HASH_TYPE_L4);
	return skb;
}

static int bench_nic_poll(struct napi_struct *napi, int budget)
{
	struct bench_nic *nic = container_of(napi, struct bench_nic, napi);
	struct bench_play *play = nic->play;
	const u64 start = get_cycles();
	struct sk_buff *skb;
	u32 i;

	for (i = play->first; i < play->first + play->cnt; i++) {
		skb = bench_nic_skb(napi->dev, nic->data + i * nic->len);
		if (skb)
			napi_gro_receive(napi, skb);
	}
	/* As napi_complete_done() does: count packets held by GRO as arrived, too. */
	napi_gro_flush(napi, false);
	play->arrival = get_cycles() - start;
	napi_complete_done(napi, min_t(int, play->cnt, budget - 1));
	return min_t(int, play->cnt, budget - 1);
}

int bench_nic_play(struct bench_play *play)
{
	struct bench_nic *nic = netdev_priv(bench_dev);

	if (play->cnt > NAPI_POLL_WEIGHT || play->cnt > nic->cnt ||
	    play->first > nic->cnt - play->cnt)
		return -EINVAL;
	if (!netif_running(bench_dev))
		return -ENETDOWN;
	nic->play = play;
	/* as from an interrupt handler */
	local_bh_disable();
	napi_schedule(&nic->napi);
	local_bh_enable();
	/* Usually NAPI has finished, unless the work was deferred to ksoftirqd. */
	napi_synchronize(&nic->napi);
	return 0;
}

/* Is there a header in each frame, and no packet longer than what there is of it? */
static bool bench_nic_valid(const struct bench_frames *frames, const void *data)
{
	const struct iphdr *ip;
	u32 i;

	for (i = 0; i < frames->cnt; i++) {
		ip = data + i * frames->len;
		if (ntohs(ip->tot_len) < sizeof(*ip) + sizeof(struct udphdr) ||
		    ntohs(ip->tot_len) > frames->len)
			return false;
	}
	return true;
}

int bench_nic_load(const struct bench_frames *frames)
{
	struct bench_nic *nic = netdev_priv(bench_dev);
	void *data;

	if (!frames->cnt || frames->cnt > BENCH_FRAMES_MAX ||
	    frames->len < sizeof(struct iphdr) + sizeof(struct udphdr) ||
	    frames->len > BENCH_FRAME_LEN_MAX)
		return -EINVAL;
	data = vmalloc(frames->cnt * frames->len);
	if (!data)
		return -ENOMEM;
	if (copy_from_user(data, u64_to_user_ptr(frames->data),
			   frames->cnt * frames->len)) {
		vfree(data);
		return -EFAULT;
	}
	if (!bench_nic_valid(frames, data)) {
		vfree(data);
		return -EINVAL;
	}
	vfree(nic->data);
	nic->data = data;
	nic->cnt = frames->cnt;
	nic->len = frames->len;
	return 0;
}

static int bench_nic_open(struct net_device *dev)
{
	struct bench_nic *nic = netdev_priv(dev);

	napi_enable(&nic->napi);
	return 0;
}

static int bench_nic_stop(struct net_device *dev)
{
	struct bench_nic *nic = netdev_priv(dev);

	napi_disable(&nic->napi);
	return 0;
}

static netdev_tx_t bench_nic_xmit(struct sk_buff *skb, struct net_device *dev)
{
	dev->stats.tx_packets++;
	dev_consume_skb_any(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops bench_nic_ops = {
	.ndo_open = bench_nic_open,
	.ndo_stop = bench_nic_stop,
	.ndo_start_xmit = bench_nic_xmit,
};

int bench_nic_create(void)
{
	struct bench_nic *nic;
	int ret;

	bench_dev = alloc_etherdev(sizeof(*nic));
	if (!bench_dev)
		return -ENOMEM;
	strscpy(bench_dev->name, BENCH_INTERFACE, IFNAMSIZ);
	bench_dev->netdev_ops = &bench_nic_ops;
	/* As usual, checksumming and segmentation are offloaded to the card. */
	bench_dev->features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_GSO_UDP_L4;
	bench_dev->hw_features = bench_dev->features;
	eth_hw_addr_random(bench_dev);
	nic = netdev_priv(bench_dev);
	netif_napi_add(bench_dev, &nic->napi, bench_nic_poll);
	ret = register_netdev(bench_dev);
	if (ret)
		free_netdev(bench_dev);
	return ret;
}

void bench_nic_destroy(void)
{
	struct bench_nic *nic = netdev_priv(bench_dev);
	int i;

	unregister_netdev(bench_dev);
	for (i = 0; i < BENCH_PAGES; i++) {
		if (nic->pages[i])
			put_page(nic->pages[i]);
	}
	vfree(nic->data);
	free_netdev(bench_dev);
}
