/* SPDX-License-Identifier: GPL-2.0 */
/* What answer.bpf.c and its tests share */
#ifndef _VNP_PROGS_ANSWER_H
#define _VNP_PROGS_ANSWER_H

#include <linux/types.h>

/* First bytes of a message, besides those of selftests/kmod/stream.h */
#define ANSWER_ALL	'A'	/* by vnp_reply(), as it is */
#define ANSWER_VERDICT	'V'	/* by the verdict only */
#define ANSWER_TAIL	'T'	/* its own bytes, then the message without its header */
#define ANSWER_LONG	'L'	/* answer_long, then the same */
#define ANSWER_IDLE	'I'	/* as it is, if nothing is unanswered; else pass it */
#define ANSWER_BLIND	'B'	/* as ANSWER_LONG, with the same verdict if that failed */
#define ANSWER_ACK	'K'	/* its own bytes only, and pass it */
#define SEND_PEER	'U'	/* to peer 0, and drop it */
#define SEND_GROUP	'G'	/* to group 0 of the peers and of the connections, and drop it */
#define SEND_SEALED	'S'	/* sealed, to peer 0, and drop it */
#define SEND_PASS	'Q'	/* as 'U', and pass it */

#define ANSWER_HEAD	5
#define ANSWER_LONG_LEN	12000

/**
 * struct answer_orders - the program's global variables
 * @ret:	what helpers returned last
 * @sent:	calls that returned 0
 * @seen:	struct vnp_ctx::unanswered of the last message
 * @link_id:	its struct vnp_ctx::link_id
 */
struct answer_orders {
	__s64 ret;
	__u64 sent;
	__u32 seen;
	__u32 link_id;
};

/* A member of a group, as a key */
struct answer_member {
	__u32 group;
	__u32 member;
};

#endif /* _VNP_PROGS_ANSWER_H */
