/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: what is pending for a peer is sent, as sendto() on the socket would send it.
 *
 * What is pending (struct vnp_pending) belongs to this CPU's softirqs.  It is removed before it is
 * sent, as a packet that is received because of that may add to it.
 *
 * Context of all that is here: softirq, under RCU.
 */
#ifndef _VNP_UDP_SEND_OUT_H
#define _VNP_UDP_SEND_OUT_H

#include <linux/types.h>

struct vnp_send_ops;
struct vnp_target_cpu;

/* Sends struct vnp_target_cpu::pending of an entry */
extern const struct vnp_send_ops vnp_udp_send_ops;

/* vnp_udp_send_cnt_max() - datagrams that may leave in one packet with what is pending */
u32 vnp_udp_send_cnt_max(struct vnp_target_cpu *on);

#endif /* _VNP_UDP_SEND_OUT_H */
