/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing to a TCP socket that has a link with a queue for answers (answer.h): the queue is sent
 * before the application writes, and nothing is sent from it during the write.
 */
#ifndef _VNP_TCP_WRITE_H
#define _VNP_TCP_WRITE_H

struct proto;

/* vnp_write_set() - set the operations that write, in a copy of TCP's.  Context: module init */
void vnp_write_set(struct proto *proto);

#endif /* _VNP_TCP_WRITE_H */
