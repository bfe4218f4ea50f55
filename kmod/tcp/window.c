// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/window.h"

#include <linux/sizes.h>
#include <linux/vnp.h>
#include <net/tcp.h>

#include "kmod/core/compat_tcp.h"
#include "kmod/tcp/queue.h"

/* The size up to which sk_rcvbuf may be raised, as by TCP itself in tcp_clamp_window() */
static int vnp_window_rcvbuf_max(const struct sock *sk)
{
	const int rcvbuf = READ_ONCE(sk->sk_rcvbuf);
	const int max = READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_rmem[2]);

	return sk->sk_userlocks & SOCK_RCVBUF_LOCK ? rcvbuf : max(rcvbuf, max);
}

static u32 vnp_window_limit_of(int rcvbuf)
{
	return min(vnp_repack_capacity(rcvbuf / 8 * 3), VNP_STREAM_MAX);
}

u32 vnp_window_limit_any(const struct sock *sk)
{
	return vnp_window_limit_of(vnp_window_rcvbuf_max(sk));
}

void vnp_window_follow(const struct sock *sk, struct vnp_window *window)
{
	const u32 seq = tcp_sk(sk)->copied_seq;
	const int rcvbuf = vnp_window_rcvbuf_max(sk);

	if (before(window->pass.seq, seq))
		window->pass.seq = seq;
	if (before(window->end, seq))
		window->end = seq;
	if (unlikely(rcvbuf != window->limit_rcvbuf)) {
		window->limit_rcvbuf = rcvbuf;
		window->limit = vnp_window_limit_of(rcvbuf);
	}
}

static bool vnp_window_charged(const struct sock *sk, int sixteenths)
{
	return 16LL * atomic_read(&sk->sk_rmem_alloc) > (s64)sixteenths * sk->sk_rcvbuf;
}

/* As in tcp_clamp_window(): otherwise one user could take the memory that all others need. */
static bool vnp_window_is_short(const struct sock *sk)
{
	return tcp_under_memory_pressure(sk) ||
	       atomic_long_read(sk->sk_prot->memory_allocated) >= sk_prot_mem_limits(sk, 0);
}

/* Return: 0; -ENOMEM: TCP is short of memory */
static int vnp_window_raise(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);
	const int old = sk->sk_rcvbuf;
	/* If not, the application has set TCP_WINDOW_CLAMP. */
	const bool follows = tp->window_clamp >= tcp_win_from_space(sk, old);
	const s64 wanted = max(2LL * old, 4LL * atomic_read(&sk->sk_rmem_alloc));
	const int new = min_t(s64, vnp_window_rcvbuf_max(sk), wanted);

	if (new <= old)
		return 0;
	if (vnp_window_is_short(sk))
		return -ENOMEM;
	WRITE_ONCE(sk->sk_rcvbuf, new);
	if (follows)
		WRITE_ONCE(tp->window_clamp,
			   max_t(u32, tp->window_clamp, tcp_win_from_space(sk, new)));
	return 0;
}

/*
 * Could the window grow by so much that the peer must be told?  That is so
 *
 * - if it can be twice as large: TCP decides like this after a read;
 * - if it may be too small for a segment of the peer, which sends none that is larger than half of
 *   the largest window it was told of, and can grow by as much as RFC 1122 (4.2.3.3) requires.
 *
 * Otherwise the peer can send, and is told of the window when that is acknowledged.  Smaller
 * updates must not be sent: each ACK restarts the peer's timer for window probes
 * (tcp_ack_probe()), so many of them would keep it from probing.
 */
static bool vnp_window_grew(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);
	const s64 now = tcp_receive_window(tp);
	s64 free, could, half, mss;

	/* The usual case, found in a few instructions */
	if (2 * now > tp->window_clamp && now >= 2 * tp->advmss)
		return false;
	free = sk->sk_rcvbuf - atomic_read(&sk->sk_rmem_alloc);
	could = min_t(s64, tp->rcv_ssthresh, tcp_win_from_space(sk, free));
	half = min_t(s64, tp->window_clamp, tcp_full_space(sk)) / 2;
	mss = inet_csk(sk)->icsk_ack.rcv_mss;
	if (could <= now || could >= 2 * now)
		return could > now;
	return now < 2 * min_t(s64, half, tp->advmss) &&
	       (could - now >= min(half, mss) || (now < half && could >= half));
}

/*
 * Is an ACK due?  As tcp_cleanup_rbuf() decides after a read, but for what is kept from the
 * application: otherwise the peer would wait for delayed ACKs during a held message.
 */
static bool vnp_window_owes_ack(struct sock *sk, bool read)
{
	const struct inet_connection_sock *icsk = inet_csk(sk);
	const struct tcp_sock *tp = tcp_sk(sk);

	if (tp->rcv_nxt - tp->rcv_wup > icsk->icsk_ack.rcv_mss)
		return true;
	if (!inet_csk_ack_scheduled(sk))
		return false;
	return icsk->icsk_ack.pending & ICSK_ACK_PUSHED2 ||
	       (read && icsk->icsk_ack.pending & ICSK_ACK_PUSHED &&
		!inet_csk_in_pingpong_mode(sk));
}

/*
 * While release_sock() processes the backlog, packets that it has already queued are still counted
 * in sk_backlog.len, and so twice.  Compensate for that, as no other ACK might follow this one.
 */
static void vnp_window_ack(struct sock *sk)
{
	const int rcvbuf = sk->sk_rcvbuf;
	const s64 wanted = (s64)rcvbuf + READ_ONCE(sk->sk_backlog.len);

	WRITE_ONCE(sk->sk_rcvbuf, min_t(s64, wanted, INT_MAX));
	vnp_tcp_send_ack(sk);
	WRITE_ONCE(sk->sk_rcvbuf, rcvbuf);
}

void vnp_window_tell(struct sock *sk, bool read)
{
	const int receiving = TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2;

	if (1 << sk->sk_state & receiving &&
	    (vnp_window_grew(sk) || vnp_window_owes_ack(sk, read)))
		vnp_window_ack(sk);
}

bool vnp_window_is_crowded(const struct sock *sk)
{
	return vnp_window_charged(sk, 7);
}

/*
 * Half of the memory that is left until the queue is crowded, as packets take up to twice their
 * bytes.  If they take more, TCP calls sk_data_ready when 7/8 are charged; so the last eighth must
 * leave a window for a full segment, as some peers wait for that, and for the unit in which the
 * window is advertised: with less, TCP closes it if it may shrink (net.ipv4.tcp_shrink_window).
 */
u32 vnp_window_room(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	const s64 rcvbuf = READ_ONCE(sk->sk_rcvbuf);
	const s64 room = rcvbuf * 7 / 16 - atomic_read(&sk->sk_rmem_alloc);
	const int least = max_t(int, tp->advmss, 1 << tp->rx_opt.rcv_wscale);

	if (room <= 0 || tcp_win_from_space(sk, rcvbuf / 8) < least)
		return 0;
	return room / 2;
}

/*
 * Would another pass save enough memory, in packets that have arrived since the latest one, or for
 * bytes that were read?
 */
static bool vnp_window_pays(const struct sock *sk, const struct vnp_window *window)
{
	/* The walk ends when packets take so much: it bounds that, too. */
	s64 left = min(sk->sk_rcvbuf / 16, SZ_512K);
	const struct sk_buff *skb;

	left -= vnp_repack_waste(sk);
	if (left < 0 || !window->rcvbuf || sk->sk_rcvbuf < window->rcvbuf)
		return true;
	skb_queue_reverse_walk(&sk->sk_receive_queue, skb) {
		if (!after(vnp_queue_stop(skb), window->end))
			break;
		left -= vnp_repack_growth(sk, skb, window->end);
		if (left < 0)
			return true;
	}
	return false;
}

static void vnp_window_begin(struct sock *sk, struct vnp_window *window, bool all)
{
	window->pass.all = all;
	window->pass.seq = tcp_sk(sk)->copied_seq;
	window->active = true;
}

static int vnp_window_continue(struct sock *sk, struct vnp_window *window, gfp_t gfp)
{
	const int ret = vnp_repack(sk, &window->pass, gfp);

	if (ret)
		return ret;
	window->active = false;
	window->end = vnp_queue_end(sk);
	window->rcvbuf = sk->sk_rcvbuf;
	return 0;
}

int vnp_window_pack(struct sock *sk, struct vnp_window *window, gfp_t gfp)
{
	if (!window->active && !vnp_window_pays(sk, window))
		return 0;
	if (!window->active || !window->pass.all)
		vnp_window_begin(sk, window, true);
	return vnp_window_continue(sk, window, gfp);
}

/*
 * Repack packets that are not dense, before sk_rcvbuf is raised for what they waste; then, if that
 * is not enough, all packets.
 */
int vnp_window_open(struct sock *sk, struct vnp_window *window, gfp_t gfp)
{
	const bool pays = window->active || vnp_window_pays(sk, window);
	int ret = 0, raised;

	if (!window->active && pays)
		vnp_window_begin(sk, window, false);
	if (window->active && !window->pass.all)
		ret = vnp_window_continue(sk, window, gfp);
	if (ret == -EAGAIN)
		return ret;
	raised = vnp_window_charged(sk, 6) ? vnp_window_raise(sk) : 0;
	if (ret)
		return ret;
	if (!window->active && pays && vnp_window_charged(sk, 6))
		vnp_window_begin(sk, window, true);
	if (window->active)
		ret = vnp_window_continue(sk, window, gfp);
	if (!ret && vnp_window_charged(sk, 6))
		ret = raised;
	return ret;
}
