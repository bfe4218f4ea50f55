/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_UDP_ERR_H
#define _VNP_UDP_ERR_H

#include "kmod/core/compat_icmp.h"

/*
 * vnp_udp_err_rcv() - encap_err_rcv(): an ICMP error about a datagram that the
 * socket has sent.  Does nothing if the socket has another encap_type now.  Context:
 * softirq, under RCU.
 */
VNP_ENCAP_ERR_RCV(vnp_udp_err_rcv);

#endif /* _VNP_UDP_ERR_H */
