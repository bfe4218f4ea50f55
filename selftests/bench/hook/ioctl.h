/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/vnp_bench: the interface between the bench and its module.
 */
#ifndef _VNP_BENCH_IOCTL_H
#define _VNP_BENCH_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define BENCH_DEVICE		"/dev/vnp_bench"
#define BENCH_INTERFACE		"bench0"
#define BENCH_FRAMES_MAX	1024
#define BENCH_FRAME_LEN_MAX	2048

/**
 * struct bench_frames - BENCH_FRAMES: what the card will receive
 * @data:	consecutive IP packets
 * @cnt:	number of packets, at most %BENCH_FRAMES_MAX
 * @len:	bytes from one to the next, at most %BENCH_FRAME_LEN_MAX; a packet has as many as
 *		its header says
 */
struct bench_frames {
	__aligned_u64 data;
	__u32 cnt;
	__u32 len;
};

/**
 * struct bench_play - BENCH_PLAY: let frames arrive in one interrupt
 * @first:	index of the first frame
 * @cnt:	number of frames, at most 64
 * @arrival:	out: ticks that the card's driver and GRO took before the stack had
 *		the packets
 */
struct bench_play {
	__u32 first;
	__u32 cnt;
	__aligned_u64 arrival;
};

#define BENCH_NAME_LEN		16

/**
 * struct bench_native - BENCH_NATIVE: execute a program that is compiled into the module
 * @name:	its name
 * @data:	the payload
 * @len:	bytes of it, at most %BENCH_FRAME_LEN_MAX
 * @repeat:	number of executions
 * @result:	out: return value of the last execution
 * @reserved:	zero
 */
struct bench_native {
	char name[BENCH_NAME_LEN];
	__aligned_u64 data;
	__u32 len;
	__u32 repeat;
	__u32 result;
	__u32 reserved;
};

/**
 * struct bench_crypt - BENCH_CRYPT: what the kernel's own transform takes to open a text
 * @gcm_key:	bytes of the key of AES-GCM; 0: ChaCha20-Poly1305
 * @size:	bytes of additional data (12), text and tag (16)
 * @forged:	the tag is wrong
 * @reserved:	zero
 * @ticks:	out
 */
struct bench_crypt {
	__u32 gcm_key;
	__u32 size;
	__u32 forged;
	__u32 reserved;
	__aligned_u64 ticks;
};

/**
 * struct bench_fanout - BENCH_FANOUT: a bare hook that sends what arrives to peers
 * @fd:		the socket
 * @cnt:	peers, at most 64
 * @address:	their address, in network byte order
 * @port:	of the first; the others' follow
 * @reserved:	zero
 */
struct bench_fanout {
	__s32 fd;
	__u32 cnt;
	__be32 address;
	__u16 port;
	__u16 reserved;
};

#define BENCH_FRAMES	_IOW('B', 1, struct bench_frames)
#define BENCH_PLAY	_IOWR('B', 2, struct bench_play)
#define BENCH_HOOK	_IOW('B', 3, __s32)	/* bare hook on this socket */
#define BENCH_NATIVE	_IOWR('B', 4, struct bench_native)
#define BENCH_CRYPT	_IOWR('B', 5, struct bench_crypt)
#define BENCH_FANOUT	_IOW('B', 6, struct bench_fanout)

#endif /* _VNP_BENCH_IOCTL_H */
