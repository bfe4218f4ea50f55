/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What any hook needs of a TCP connection that programs send to.  See tcp/outlet.h, which udp/ does
 * not include, as tcp/ includes headers of udp/.
 */
#ifndef _VNP_PATH_OUTLET_H
#define _VNP_PATH_OUTLET_H

struct vnp_dgram;
struct vnp_link;
struct vnp_outlet;
struct vnp_send_msg;
struct vnp_sending;

/**
 * vnp_outlet_append() - queue a datagram
 * @outlet:	the outlet
 * @link:	the link on which the program executes
 * @sending:	what the execution may still send
 * @dgram:	the datagram, or message
 * @msg:	what is sent of it; NULL: all
 *
 * Context: softirq, under RCU.
 * Return: 0; -EDQUOT: a limit of the execution or the user was reached; -ENOBUFS: there is no room;
 * -ENOTCONN: the outlet has ended; -ENOMEM.
 */
int vnp_outlet_append(struct vnp_outlet *outlet, struct vnp_link *link,
		      struct vnp_sending *sending, const struct vnp_dgram *dgram,
		      const struct vnp_send_msg *msg);

#endif /* _VNP_PATH_OUTLET_H */
