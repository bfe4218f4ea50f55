/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing to a TCP socket that has a link with a queue for answers (answer.h): the queue is sent
 * before the application writes, or ends sending, and nothing is sent from it during a write.
 */
#ifndef _VNP_TCP_WRITE_H
#define _VNP_TCP_WRITE_H

struct proto;
struct socket;

/* vnp_write_set() - set the operations that write, in a copy of TCP's.  Context: module init */
void vnp_write_set(struct proto *proto);

/* As in struct proto_ops */
int vnp_write_shutdown(struct socket *sock, int how);

#endif /* _VNP_TCP_WRITE_H */
