/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * VNP, a virtual network processor: the manual of its kernel interface.
 *
 * An ordinary process loads a program (eBPF bytecode, RFC 9669) and links it to a socket
 * it has open.  The program is then executed in softirq on every datagram that arrives
 * there, and its verdict decides what the process sees.
 *
 *	fd = open("/dev/vnp", O_RDWR | O_CLOEXEC);
 *	map  = ioctl(fd, VNP_MAP_CREATE, &(struct vnp_map_create){ ... });
 *	prog = ioctl(fd, VNP_PROG_LOAD, &(struct vnp_prog_load){ ... });
 *	link = ioctl(fd, VNP_LINK_CREATE, &(struct vnp_link_create){ ... });
 *
 * Objects.  Programs, maps and links are file descriptors (O_CLOEXEC) and,
 * for listing, 32 bit ids that are unique per kind while the object exists.  An object is
 * freed with its last reference: a program is referenced by its descriptors and links, a
 * map by its descriptors and programs, a link by its descriptors and its socket.  Closing
 * the descriptor of a link does not detach it.
 *
 * Permissions.  Whoever can open /dev/vnp may load and create, unless the module's
 * parameter "unprivileged" is 0: then VNP_PROG_LOAD, VNP_MAP_CREATE and VNP_LINK_CREATE
 * require CAP_BPF or CAP_SYS_ADMIN in the initial user namespace (EPERM), and existing
 * objects stay in use.  Linking requires the descriptor of the socket.  An id is visible to, and
 * can be opened by, the user who created the object (effective uid), in the same pid namespace or
 * one above (struct vnp_obj_id), and CAP_SYS_ADMIN; to all others it does not exist (ENOENT).
 *
 * Arguments.  Every ioctl takes a pointer to one struct, which begins with
 * its own size in bytes, as the caller was compiled.  A struct shorter than the kernel's
 * is treated as padded with zeroes; a longer one is accepted if the tail is zero (E2BIG
 * otherwise).  A size of zero, or below the first published size, is EINVAL.  Fields not
 * described as outputs are inputs; reserved fields and unknown flag bits must be zero
 * (EINVAL).  On output the kernel writes no more than the caller's size.
 *
 * Errors common to all: EFAULT (a pointer could not be read or written),
 * EINVAL (a field is out of range, reserved bits are set), E2BIG (above),
 * ENOMEM, EMFILE/ENFILE (no free descriptor), ENOTTY (no such ioctl on this kind of
 * descriptor), EBADF (a descriptor argument is closed or of the wrong kind).
 */
#ifndef _UAPI_LINUX_VNP_H
#define _UAPI_LINUX_VNP_H

#include <linux/types.h>
#include <linux/ioctl.h>

#define VNP_DEVICE		"/dev/vnp"

/** VNP_NAME_LEN - bytes of an object's name, with the closing NUL */
#define VNP_NAME_LEN		16

#define VNP_IOC_TYPE		0xF7

/* on /dev/vnp */
#define VNP_FEATURE		_IO(VNP_IOC_TYPE, 0x00)
#define VNP_PROG_LOAD		_IO(VNP_IOC_TYPE, 0x01)	/* returns a descriptor */
#define VNP_MAP_CREATE		_IO(VNP_IOC_TYPE, 0x02)	/* returns a descriptor */
#define VNP_LINK_CREATE		_IO(VNP_IOC_TYPE, 0x03)	/* returns a descriptor */
#define VNP_OBJ_NEXT		_IO(VNP_IOC_TYPE, 0x04)
#define VNP_OBJ_OPEN		_IO(VNP_IOC_TYPE, 0x05)	/* returns a descriptor */

/* on a program */
#define VNP_PROG_INFO		_IO(VNP_IOC_TYPE, 0x10)
#define VNP_PROG_DUMP		_IO(VNP_IOC_TYPE, 0x11)
#define VNP_PROG_RUN		_IO(VNP_IOC_TYPE, 0x12)

/* on a map; an array created with VNP_MAP_F_MMAP can also be mmapped */
#define VNP_MAP_INFO		_IO(VNP_IOC_TYPE, 0x20)
#define VNP_MAP_LOOKUP		_IO(VNP_IOC_TYPE, 0x21)
#define VNP_MAP_UPDATE		_IO(VNP_IOC_TYPE, 0x22)
#define VNP_MAP_DELETE		_IO(VNP_IOC_TYPE, 0x23)
#define VNP_MAP_NEXT_KEY	_IO(VNP_IOC_TYPE, 0x24)
#define VNP_MAP_FREEZE		_IO(VNP_IOC_TYPE, 0x25)

/* on a link */
#define VNP_LINK_INFO		_IO(VNP_IOC_TYPE, 0x30)
#define VNP_LINK_UPDATE		_IO(VNP_IOC_TYPE, 0x31)
#define VNP_LINK_DETACH		_IO(VNP_IOC_TYPE, 0x32)

/*
 * ---- Context, helpers and results of a program -------------------------
 */

/**
 * enum vnp_verdict - what happens to the datagram
 * @VNP_DROP:	freed in softirq; the process is not woken
 * @VNP_PASS:	delivered to the socket, as without a program
 * @VNP_REPLY:	sent back to its source address and port, with the payload as the
 *		program changed it, as sendto() on the socket would send it: from its
 *		destination address (multicast and broadcast: from the route's source
 *		address), with the socket's port, TTL, TOS, mark and priority, charged to
 *		its send buffer, and subject to SO_BROADCAST, IP_MTU_DISCOVER and
 *		netfilter.  The TTL is lower than that of the datagram it answers, so two
 *		programs do not reply to each other forever.  Datagrams of one packet
 *		leave as one packet.  A reply that cannot be sent is dropped, and counted
 *		by enum vnp_error.  For a %VNP_PROG_MESSAGE: the message is removed from the
 *		stream, and sent back over the connection as the program changed it, unless the
 *		program has called vnp_reply(), which sends the answer by itself.  Only valid if
 *		the link has a queue for answers (struct vnp_link_create::reply_bytes)
 * @VNP_HELD:	held under the key that the program passed to vnp_hold(), until a program
 *		releases or discards that message, or a limit of the link is reached
 *		(struct vnp_link_create).  Only valid if a vnp_hold() of the same execution has
 *		returned 0.  For a %VNP_PROG_MESSAGE, which does not call vnp_hold(): the message
 *		is held until a later one is passed
 *
 * Any other return value is the fault %VNP_FAULT_VERDICT.
 */
enum vnp_verdict {
	VNP_DROP = 0,
	VNP_PASS = 1,
	VNP_REPLY = 2,
	VNP_HELD = 3,
	__VNP_VERDICT_CNT
};

/* Counters have room for future verdicts. */
#define VNP_VERDICT_SLOTS	16

/* A pointer in a program's 64 bit address space, also if compiled for 32 bit. */
#define __vnp_ptr(type, name)		\
	union {				\
		type name;		\
		__u64 : 64;		\
	} __attribute__((aligned(8)))

/**
 * struct vnp_ctx - the argument of a program
 * @data:	%VNP_PROG_DATAGRAM: first byte of the application payload (after the
 *		UDP header); %VNP_PROG_PACKET: first byte of the IP header; %VNP_PROG_STREAM and
 *		%VNP_PROG_MESSAGE: first byte of the message.  Below, payload means the bytes
 *		from there on
 * @data_end:	one past the last byte that can be read directly.  If the payload begins
 *		and ends in different fragments, @data_end - @data < @len: vnp_pull()
 *		makes more of it direct, vnp_load_bytes() copies
 * @len:	bytes of the whole payload; updated by vnp_adjust_head() and vnp_adjust_tail()
 * @family:	AF_INET or AF_INET6
 * @remote_ip4:	sender's address, network byte order; 0 for IPv6
 * @remote_ip6:	sender's address, network byte order; 0 for IPv4
 * @local_ip4:	destination address of the datagram, likewise
 * @local_ip6:	destination address of the datagram, likewise
 * @remote_port: sender's port, host byte order
 * @local_port:	destination port, host byte order
 * @ifindex:	interface the datagram arrived on
 * @ttl:	IPv4 time to live or IPv6 hop limit
 * @tos:	IPv4 TOS or IPv6 traffic class octet: DSCP << 2 | ECN
 * @unanswered:	does the application still have to answer earlier messages?  Only for a
 *		%VNP_PROG_MESSAGE, on a link with @reply_bytes.  Bit 0: the application has not
 *		read all that was passed or is held; or it has, but since then no call of send()
 *		has sent all of its bytes.  While the bit is set, a vnp_reply() may be sent before
 *		the application's answers to earlier messages.  While it is clear, that cannot
 *		happen if the application answers all messages that it has read by one call of
 *		send().  Bit 1, with %VNP_LINK_F_REPLY_IDLE: set by that call, and cleared when the
 *		application waits for input.  Programs of other types do not have this field
 * @tstamp:	receive time, ns of CLOCK_REALTIME; 0 if none was taken
 *		(it is taken if any socket has set SO_TIMESTAMP*)
 * @link_id:	%VNP_PROG_MESSAGE: the link (@id of struct vnp_link_info).  Each connection has a link
 *		of its own, and ids are not reused before all others: so what a program stores under
 *		this key is not found by a later connection from the same address and port.  For other
 *		programs there is no such field
 * @reserved:	cannot be read
 *
 * All fields are read-only.  A %VNP_PROG_DATAGRAM may write the payload, and make it longer or
 * shorter; so may a %VNP_PROG_MESSAGE, but the message cannot get longer than it was.
 */
struct vnp_ctx {
	__vnp_ptr(void *, data);
	__vnp_ptr(void *, data_end);
	__u32 len;
	__u32 family;
	__be32 remote_ip4;
	__be32 local_ip4;
	__be32 remote_ip6[4];
	__be32 local_ip6[4];
	__u32 remote_port;
	__u32 local_port;
	__u32 ifindex;
	__u32 ttl;
	__u32 tos;
	__u32 unanswered;
	__u64 tstamp;
	__u32 link_id;
	__u32 reserved;
};

/*
 * Helpers: functions of the kernel that a program may call.  The numbers are ABI;
 * documented prototypes for program authors are in <vnp/program.h>.
 *
 * All numbers are above VNP_HELPER_BASE, to be distinct from the helpers of bpf(2) (enum
 * bpf_func_id): a program compiled for these is refused, with a message that names them.
 * Numbers that are not in the list are reserved, also those between listed ones.
 * FN(name, id)
 */
#define VNP_HELPER_BASE		0x10000
#define VNP_HELPER_MAPPER(FN)		\
	FN(map_lookup, 0x10001)		\
	FN(map_update, 0x10002)		\
	FN(map_delete, 0x10003)		\
	FN(load_bytes, 0x10004)		\
	FN(store_bytes, 0x10005)	\
	FN(pull, 0x10006)		\
	FN(time_ns, 0x10007)		\
	FN(random_u32, 0x10008)		\
	FN(csum_diff, 0x10009)		\
	FN(log, 0x1000a)		\
	FN(adjust_head, 0x1000b)	\
	FN(adjust_tail, 0x1000c)	\
	FN(send, 0x1000d)		\
	FN(send_group, 0x1000e)	\
	FN(send_sealed, 0x1000f)	\
	FN(hold, 0x10010)		\
	FN(held, 0x10011)		\
	FN(release, 0x10012)		\
	FN(release_each, 0x10013)	\
	FN(discard, 0x10014)		\
	FN(open, 0x10018)		\
	FN(seal, 0x10019)		\
	FN(mac_verify, 0x1001a)		\
	FN(mac, 0x1001b)		\
	FN(replay_check, 0x1001c)	\
	FN(replay_commit, 0x1001d)	\
	FN(reply, 0x1001e)

#define __VNP_HELPER_ID(name, id)	VNP_HELPER_##name = id,
enum vnp_helper_id {
	VNP_HELPER_MAPPER(__VNP_HELPER_ID)
};
#undef __VNP_HELPER_ID

/* Payload of the longest UDP datagram of IPv4 */
#define VNP_DATAGRAM_MAX	65507

/* Maximum bytes of a message for vnp_release(), which makes one datagram of it */
#define VNP_MESSAGE_MAX		VNP_DATAGRAM_MAX

/* Maximum number of datagrams of a message: vnp_hold() returns -E2BIG for another */
#define VNP_MESSAGE_FRAGMENTS_MAX	1024

/**
 * struct vnp_held - a message that is held: out, of vnp_held()
 * @bytes:	bytes of its fragments
 * @fragments:	number of them
 * @first:	the lowest order
 * @last:	the highest order
 * @contiguous:	1: there is a fragment of each order from @first to @last
 * @reserved:	zero
 *
 * A held datagram is a fragment of its message.  If orders count the datagrams of a message
 * from 0, all up to @last are held if @contiguous is 1 and @first is 0.  If orders are
 * positions in bytes, all are held if @bytes is the length of the message.
 */
struct vnp_held {
	__u32 bytes;
	__u32 fragments;
	__u32 first;
	__u32 last;
	__u32 contiguous;
	__u32 reserved;
};

/* Maximum bytes of each of the two ranges of vnp_csum_diff() */
#define VNP_CSUM_DIFF_MAX	512

/* struct vnp_crypt::flags */
#define VNP_CRYPT_F_TRY		(1U << 0)	/* a failure is only reported */

/* struct vnp_crypt::len: up to the end of the payload */
#define VNP_CRYPT_END		0xffffffffU

#define VNP_CRYPT_NONCE_MAX	24	/* bytes of struct vnp_crypt::nonce */
#define VNP_CRYPT_EXTRA_MAX	24	/* of struct vnp_crypt::extra */
#define VNP_CRYPT_AAD_MAX	1024	/* of the payload that are additional data */
#define VNP_CRYPT_TAG_MAX	32	/* of a tag */

/**
 * struct vnp_crypt - what vnp_open(), vnp_seal(), vnp_mac_verify() and vnp_mac() work on
 * @flags:	VNP_CRYPT_F_*
 * @off:	first byte of the text, from the start of the payload
 * @len:	its length, which for vnp_open() includes the tag, or %VNP_CRYPT_END
 * @aad_off:	first byte of the additional data, which is authenticated, but not
 *		encrypted: usually a header.  For vnp_open() and vnp_seal() it must end before
 *		the text begins
 * @aad_len:	its length, at most %VNP_CRYPT_AAD_MAX
 * @tag_off:	first byte of the tag for vnp_mac_verify() and vnp_mac(), else 0: the tag
 *		of an encrypted text follows it
 * @extra_len:	bytes of @extra that are used
 * @reserved:	must be zero
 * @nonce:	as many bytes as the key's algorithm takes; the key's salt is added to them
 *		by exclusive or.  The others must be zero
 * @extra:	bytes that are authenticated, but are not in the payload, such as the rollover
 *		counter of SRTP
 *
 * Bytes are authenticated in this order: additional data, @extra and text, if the text is
 * encrypted (vnp_open(), vnp_seal()); additional data, text and @extra, if it is not.
 *
 * The size is an argument of the helpers, so that fields can be added: a struct shorter than the
 * kernel's is treated as padded with zeroes, a longer one is accepted if the tail is zero.
 */
struct vnp_crypt {
	__u32 flags;
	__u32 off;
	__u32 len;
	__u32 aad_off;
	__u32 aad_len;
	__u32 tag_off;
	__u32 extra_len;
	__u32 reserved;
	__u8 nonce[VNP_CRYPT_NONCE_MAX];
	__u8 extra[VNP_CRYPT_EXTRA_MAX];
};

/**
 * enum vnp_fault - why a guard ended a program
 * @VNP_FAULT_NONE:	the program returned
 * @VNP_FAULT_PACKET:	an access outside [data, data_end)
 * @VNP_FAULT_MAP:	an access outside the map value
 * @VNP_FAULT_STACK:	an access outside the stack
 * @VNP_FAULT_NULL:	an access through the result of a failed lookup
 * @VNP_FAULT_BUDGET:	the program would exceed its budget
 * @VNP_FAULT_VERDICT:	the return value is not a verdict
 * @VNP_FAULT_CONTEXT:	an access outside a field of the context
 * @VNP_FAULT_THROTTLED: the program was not executed: the programs of its user have used
 *			their share of softirq time on this CPU (struct vnp_feature)
 *
 * The link decides what a fault does to the datagram: it is dropped, or passed to the
 * socket with %VNP_LINK_F_FAULT_PASS.  Effects of the program before the fault remain.
 */
enum vnp_fault {
	VNP_FAULT_NONE		= 0,
	VNP_FAULT_PACKET	= 1,
	VNP_FAULT_MAP		= 2,
	VNP_FAULT_STACK		= 3,
	VNP_FAULT_NULL		= 4,
	VNP_FAULT_BUDGET	= 5,
	VNP_FAULT_VERDICT	= 6,
	VNP_FAULT_CONTEXT	= 7,
	VNP_FAULT_THROTTLED	= 8,
	__VNP_FAULT_CNT
};

/* Counters have room for future kinds of fault. */
#define VNP_FAULT_SLOTS		16

/**
 * enum vnp_error - why a datagram was dropped, other than by the verdict %VNP_DROP
 * @VNP_ERROR_MEMORY:	out of memory: for a private copy of what the program may write to,
 *			for a packet of datagrams whose verdict differs from that of their
 *			neighbours in the packet, or for headers; or the datagram is in the
 *			memory of a device, where it cannot be read (devmem)
 * @VNP_ERROR_LENGTH:	longer than the program's context can represent (IPv6 jumbograms),
 *			or than can be sent: above the path MTU, if the socket does not
 *			permit fragmentation (EMSGSIZE of sendto())
 * @VNP_ERROR_DENIED:	the socket may not send there: a security module, a BPF program
 *			of its cgroup on sendmsg, shutdown(), or a broadcast address
 *			without SO_BROADCAST
 * @VNP_ERROR_ROUTE:	no route, or no valid address to send it to
 * @VNP_ERROR_SNDBUF:	the socket's send buffer, or its queue in a map of sockets or for answers,
 *			is full
 * @VNP_ERROR_HOPS:	its TTL would be 0; stream: %VNP_STREAM_SENDS_MAX is reached
 * @VNP_ERROR_RATE:	a datagram to a peer was not sent: a limit of struct vnp_feature was
 *			reached, for one execution or for the user; or an earlier datagram
 *			had to be sent before it, and the execution had already sent 1,024 IP
 *			packets and taken 0.5 ms; or, for TCP connections, copied 256 KiB and
 *			taken 0.5 ms
 * @VNP_ERROR_AUTH:	vnp_open() or vnp_mac_verify() failed: whatever the program returned,
 *			or if it ended with a fault, the datagram or message is dropped and
 *			counted as %VNP_DROP
 * @VNP_ERROR_EVICTED:	held: the message was the oldest when the socket's receive buffer or
 *			a limit of the link was reached, or there was no room for the datagram;
 *			stream: held messages were delivered, because no more can be kept
 * @VNP_ERROR_EXPIRED:	held: the message was not released within the link's @hold_age_ms
 * @VNP_ERROR_DISCARDED: held: by vnp_discard(), or the link was detached, its socket closed,
 *			or its program replaced by one that does not hold
 * @VNP_ERROR_PROTOCOL:	stream: %VNP_PROG_STREAM found no message (its result was negative, or
 *			it ended with a fault)
 * @VNP_ERROR_OVERSIZE:	stream: the message is longer than can be kept (EMSGSIZE)
 * @VNP_ERROR_TRUNCATED: stream: it ended in the middle of a message, which was dropped
 *
 * Errors of sending to peers are counted by the peer (struct vnp_peer, struct vnp_connection); only
 * %VNP_ERROR_RATE is also counted by the link.
 */
enum vnp_error {
	VNP_ERROR_MEMORY	= 0,
	VNP_ERROR_LENGTH	= 1,
	VNP_ERROR_DENIED	= 2,
	VNP_ERROR_ROUTE		= 3,
	VNP_ERROR_SNDBUF	= 4,
	VNP_ERROR_HOPS		= 5,
	VNP_ERROR_RATE		= 6,
	VNP_ERROR_AUTH		= 7,
	VNP_ERROR_EVICTED	= 8,
	VNP_ERROR_EXPIRED	= 9,
	VNP_ERROR_DISCARDED	= 10,
	VNP_ERROR_PROTOCOL	= 11,
	VNP_ERROR_OVERSIZE	= 12,
	VNP_ERROR_TRUNCATED	= 13,
	__VNP_ERROR_CNT
};

#define VNP_ERROR_SLOTS		16

/*
 * ---- Programs -----------------------------------------------------------
 */

/**
 * enum vnp_prog_type - where a program can be linked, and what it is given
 * @VNP_PROG_DATAGRAM:	executed on each datagram of a UDP socket; R1 is a
 *			struct vnp_ctx *, R0 an enum vnp_verdict
 * @VNP_PROG_PACKET:	the same, but sees the IP packet: reassembled if it arrived in
 *			fragments, and as long as the UDP header says.  It is read-only
 * @VNP_PROG_STREAM:	executed at the beginning of each message that arrives at a TCP socket.
 *			The payload is what has arrived from there on, and is read-only.  The
 *			lower 32 bits of R0 are a signed number: the message's length in bytes;
 *			0: the length is not known yet, and the program is executed again when
 *			there are more bytes; less than 0: this is not a message
 * @VNP_PROG_MESSAGE:	executed once on each whole message of such a stream; R1 is a
 *			struct vnp_ctx *, R0 an enum vnp_verdict.  The message can be changed, but not
 *			get longer than it was
 *
 * In the context of the last two, the addresses are those of the connection, @ifindex is the
 * interface that the latest packet arrived on, or 0, and @ttl, @tos and @tstamp are 0.
 * @data_end is at most the end of the linear data or page fragment that has the first byte.  But
 * a %VNP_PROG_MESSAGE that writes to the payload, or calls vnp_pull(), vnp_store_bytes(),
 * vnp_adjust_head(), vnp_adjust_tail() or a helper that sends, encrypts or authenticates, executes
 * on a copy of the message, all of which is directly readable.
 *
 * If it passes or holds the message, the application reads the copy, as the program changed it.  An
 * execution can encrypt or authenticate four times as many bytes as the message has, or 65,536 if
 * that is more; they do not count towards the budget, but the time is charged to the user (struct
 * vnp_feature::softirq_share).  On messages of more than 16,384 bytes the program is executed by a
 * kernel thread, which enables softirqs while it encrypts or authenticates: other programs can be
 * executed on this CPU meanwhile, and change values of a %VNP_MAP_PERCPU_ARRAY.
 */
enum vnp_prog_type {
	VNP_PROG_DATAGRAM = 1,
	VNP_PROG_PACKET = 2,
	VNP_PROG_STREAM = 3,
	VNP_PROG_MESSAGE = 4,
};

/* Maximum bytes of a stream that a program sees at once, and of a message */
#define VNP_STREAM_MAX		(4U << 20)

/*
 * How many messages of a stream may be answered, or sent to others, until the application calls
 * recv() or another function that reads, whether there is something to read or not.  So programs
 * at both ends of a connection, or on several that form a circle, do not send to each other forever
 * while no application reads.
 */
#define VNP_STREAM_SENDS_MAX	4096

/* Bytes of the longest IP packet that a %VNP_PROG_PACKET sees: one of IPv6 */
#define VNP_PACKET_MAX		(65535 + 40)

/*
 * Instructions are struct bpf_insn of <linux/bpf.h>.  A 64 bit immediate load
 * (BPF_LD | BPF_DW | BPF_IMM) names a map by its index in @map_fds:
 * src_reg 5 (BPF_PSEUDO_MAP_IDX) loads the map's handle for a helper,
 * src_reg 6 (BPF_PSEUDO_MAP_IDX_VALUE) the address of a byte in an array of one
 * entry, the second instruction's imm being the offset in it.
 */

/**
 * struct vnp_line_info - the C source of an instruction
 * @insn_off:	first instruction of the line; ascending in the array
 * @file_off:	offset of the file name in the strings
 * @text_off:	offset of the source line's text in the strings
 * @line_col:	line number << 10 | column
 *
 * The layout is that of struct bpf_line_info.
 */
struct vnp_line_info {
	__u32 insn_off;
	__u32 file_off;
	__u32 text_off;
	__u32 line_col;
};

/* Detail of the verifier's report, struct vnp_prog_load::log_level */
#define VNP_LOG_QUIET		0	/* nothing; log_size must be 0 */
#define VNP_LOG_NORMAL		1	/* refusals and guards */
#define VNP_LOG_STATES		2	/* also the state at every instruction */

/* Maximum of struct vnp_prog_load::log_size.  A report that is this long gets no more states */
#define VNP_LOG_SIZE_MAX	(16U << 20)

/* struct vnp_prog_load::flags */
#define VNP_PROG_F_HARDEN	(1U << 0)	/* lower as for an untrusted user */

/**
 * struct vnp_prog_load - VNP_PROG_LOAD: verify, lower and compile a program
 * @size:	sizeof(struct vnp_prog_load)
 * @flags:	VNP_PROG_F_*
 * @type:	enum vnp_prog_type
 * @insn_cnt:	instructions at @insns; a 64 bit immediate load counts as two
 * @insns:	pointer to struct bpf_insn[]
 * @map_fds:	pointer to __s32[], the maps the instructions name by index
 * @map_cnt:	entries at @map_fds
 * @budget:	what one execution may cost; 0: the default.  An instruction costs 1,
 *		some more, and a helper call by the bytes it touches.  A program whose
 *		longest path without loops costs more is refused.  More than the limit in
 *		struct vnp_feature requires CAP_SYS_ADMIN (EPERM), as does more than a
 *		quarter of it if the program of an untrusted user needs barriers against
 *		speculation
 * @line_info:	pointer to struct vnp_line_info[], or 0
 * @strings:	pointer to the strings that @line_info refers to
 * @line_info_cnt: entries at @line_info
 * @strings_len: bytes at @strings; the last one must be NUL
 * @log_buf:	where to write the verifier's report, NUL-terminated, or 0
 * @log_size:	bytes at @log_buf, at most %VNP_LOG_SIZE_MAX
 * @log_level:	VNP_LOG_*
 * @log_len:	out: bytes of the whole report with its NUL; also set after a
 *		refusal.  The report is truncated to @log_size, which is not an error.
 *		No states are added to a report of %VNP_LOG_SIZE_MAX bytes or more
 * @reserved:	must be zero
 * @name:	for listings: [A-Za-z0-9_.-], NUL-padded
 *
 * Returns a descriptor.  EACCES: the program is refused, the log says why;
 * EOPNOTSUPP: the kernel's JIT is off.  E2BIG: verifying it takes too long; or with guards it would
 * have more than 65,536 instructions, and more than eight times as many as were loaded;
 * or a jump would be too far, or the stack is too small.  EDQUOT: the native code of the
 * user's programs would exceed the limit, which is 16 MiB unless root has set
 * jit_user_max in /sys/module/vnp/parameters; CAP_BPF and CAP_SYS_ADMIN are not limited.
 * Closed programs are not counted: the call waits until they are freed.  Which user is charged
 * for programs that are loaded in a user namespace: struct vnp_feature.  EINTR: a fatal signal
 * arrived.  Other signals do not interrupt the call, which takes at most about 2 s.
 */
struct vnp_prog_load {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 insn_cnt;
	__aligned_u64 insns;
	__aligned_u64 map_fds;
	__u32 map_cnt;
	__u32 budget;
	__aligned_u64 line_info;
	__aligned_u64 strings;
	__u32 line_info_cnt;
	__u32 strings_len;
	__aligned_u64 log_buf;
	__u32 log_size;
	__u32 log_level;
	__u32 log_len;
	__u32 reserved;
	char name[VNP_NAME_LEN];
};

/**
 * struct vnp_prog_info - VNP_PROG_INFO: out, except @size
 * @size:	sizeof(struct vnp_prog_info)
 * @id:		the program's id
 * @type:	enum vnp_prog_type
 * @uid:	owner, in the caller's user namespace
 * @insn_cnt:	instructions as loaded
 * @lowered_cnt: instructions after lowering
 * @jited_len:	bytes of native code
 * @stack_size:	bytes of stack of an execution, including the slots of guards
 * @budget:	what one execution may cost
 * @hardened:	1 if lowered as for an untrusted user
 * @access_cnt:	memory accesses in the program
 * @guard_cnt:	number of these with a guard
 * @loop_cnt:	jumps backwards that are charged to the budget when they are taken
 * @map_cnt:	maps used
 * @load_time:	ns of CLOCK_BOOTTIME
 * @verify_ns:	duration of verification in ns
 * @name:	as loaded
 * @tag:	the first bytes of a SHA-256 over the instructions as loaded
 */
struct vnp_prog_info {
	__u32 size;
	__u32 id;
	__u32 type;
	__u32 uid;
	__u32 insn_cnt;
	__u32 lowered_cnt;
	__u32 jited_len;
	__u32 stack_size;
	__u32 budget;
	__u32 hardened;
	__u32 access_cnt;
	__u32 guard_cnt;
	__u32 loop_cnt;
	__u32 map_cnt;
	__aligned_u64 load_time;
	__aligned_u64 verify_ns;
	char name[VNP_NAME_LEN];
	__u8 tag[8];
};

/* struct vnp_prog_dump::what */
#define VNP_DUMP_INSNS		1	/* as loaded: struct bpf_insn[] */
#define VNP_DUMP_LOWERED	2	/* as compiled: struct vnp_lowered_insn[] */
#define VNP_DUMP_LINE_INFO	3	/* struct vnp_line_info[] */
#define VNP_DUMP_STRINGS	4	/* char[] */
#define VNP_DUMP_MAP_IDS	5	/* __u32[] */

/**
 * struct vnp_lowered_insn - an instruction of the lowered program
 * @code:	opcode
 * @regs:	dst_reg | src_reg << 4.  Register 11 is only used by lowering
 * @off:	offset
 * @imm:	immediate.  Kernel addresses are hidden: a call has the helper's id, an
 *		address of a map its index
 * @origin:	instruction of the loaded program this was generated for
 * @guard:	enum vnp_fault this instruction guards against, or 0
 */
struct vnp_lowered_insn {
	__u8 code;
	__u8 regs;
	__s16 off;
	__s32 imm;
	__u32 origin;
	__u32 guard;
};

/**
 * struct vnp_prog_dump - VNP_PROG_DUMP: read the instructions or metadata of a program
 * @size:	sizeof(struct vnp_prog_dump)
 * @what:	VNP_DUMP_*
 * @buf:	output buffer
 * @len:	in: bytes at @buf; out: bytes available, copied as far as they fit
 * @reserved:	must be zero
 */
struct vnp_prog_dump {
	__u32 size;
	__u32 what;
	__aligned_u64 buf;
	__u32 len;
	__u32 reserved;
};

/* Limits of struct vnp_prog_run: bytes of a datagram's payload, and executions */
#define VNP_RUN_DATAGRAM_MAX	VNP_DATAGRAM_MAX
#define VNP_RUN_REPEAT_MAX	1000000

/**
 * struct vnp_prog_run - VNP_PROG_RUN: execute a program on bytes of the caller
 * @size:	sizeof(struct vnp_prog_run)
 * @flags:	must be zero
 * @data_in:	the payload; for a %VNP_PROG_PACKET an IP packet
 * @data_out:	where to put the payload as changed by the program, or 0
 * @data_in_len: bytes at @data_in, at most %VNP_RUN_DATAGRAM_MAX; for a %VNP_PROG_PACKET
 *		%VNP_PACKET_MAX
 * @data_out_len: in: bytes at @data_out; out: bytes of the payload
 * @repeat:	number of executions; 0 means 1, at most %VNP_RUN_REPEAT_MAX.  Each sees
 *		the result of the previous one.  A signal ends them early (EINTR)
 * @direct_len:	bytes of payload that are directly readable (data_end - data), the others are
 *		in a page fragment; 0: all
 * @retval:	out: R0 of the last execution, all 64 bits; 0 after a fault
 * @fault:	out: enum vnp_fault of the last execution; never %VNP_FAULT_VERDICT
 * @fault_insn:	out: the loaded program's instruction that faulted
 * @ns:		out: mean duration of an execution
 *
 * In the context, data, data_end and len are those of the payload, family is
 * AF_INET (AF_INET6 if a %VNP_PROG_PACKET is given a packet of that version), and all
 * other fields are zero.
 */
struct vnp_prog_run {
	__u32 size;
	__u32 flags;
	__aligned_u64 data_in;
	__aligned_u64 data_out;
	__u32 data_in_len;
	__u32 data_out_len;
	__u32 repeat;
	__u32 direct_len;
	__aligned_u64 retval;
	__u32 fault;
	__u32 fault_insn;
	__aligned_u64 ns;
};

/*
 * A program's descriptor can be read: each read() returns whole lines that the program
 * wrote with vnp_log(), as many as fit (EINVAL: not even one does), and poll() reports
 * when there are any.  read() blocks unless the descriptor has O_NONBLOCK.  When the
 * buffer is full, lines are dropped, and replaced by a line with their number.  If the
 * program never calls vnp_log(), read() returns 0.
 */

/*
 * ---- Maps ---------------------------------------------------------------
 */

/**
 * enum vnp_map_type - kinds of map
 * @VNP_MAP_HASH:	arbitrary keys; entries are inserted and deleted
 * @VNP_MAP_ARRAY:	keys are __u32 below max_entries, values always exist
 * @VNP_MAP_PERCPU_ARRAY: an array with a value for each possible CPU.  A program
 *			sees that of its CPU; user space reads and writes all of them,
 *			consecutively, each rounded up to 8 bytes
 * @VNP_MAP_PEERS:	arbitrary keys; a value is a struct vnp_peer, an address that programs
 *			send to with vnp_send().  Only user space changes it
 * @VNP_MAP_GROUPS:	the same, but a key begins with a __u32, the group; the bytes after
 *			it, at least one, name a member.  vnp_send_group() sends to all
 *			members of a group, vnp_send() to one
 * @VNP_MAP_SOCKETS:	a value is a struct vnp_connection, a connected socket of the caller that
 *			programs send to: TCP, through a queue, or UDP.  Keys have at least 4 bytes,
 *			of which the first 4 are a group, as in %VNP_MAP_GROUPS; a key of 4 bytes is
 *			a group of one.  Only user space changes it
 * @VNP_MAP_KEYS:	keys for vnp_open(), vnp_seal(), vnp_mac_verify() and vnp_mac(): values
 *			are struct vnp_key.  They cannot be read (EACCES of VNP_MAP_LOOKUP),
 *			and only user space writes them
 * @VNP_MAP_REPLAY:	windows for vnp_replay_check() and vnp_replay_commit(): values are
 *			struct vnp_replay.  Otherwise a hash map
 *
 * Numbers below 48 are those of enum bpf_map_type, others are VNP's own.  Numbers that are not
 * listed are reserved.
 *
 * Programs write values while user space reads them: aligned words of 8 bytes are
 * never torn, longer values may be.  Only an update of a hash map replaces the whole
 * value atomically.
 */
enum vnp_map_type {
	VNP_MAP_HASH		= 1,
	VNP_MAP_ARRAY		= 2,
	VNP_MAP_PERCPU_ARRAY	= 6,
	VNP_MAP_PEERS		= 48,
	VNP_MAP_GROUPS		= 49,
	VNP_MAP_SOCKETS		= 50,
	VNP_MAP_KEYS		= 51,
	VNP_MAP_REPLAY		= 52,
};

/* struct vnp_map_create::flags */
#define VNP_MAP_F_MMAP		(1U << 0)	/* array: mmap() of the descriptor */
#define VNP_MAP_F_RDONLY_PROG	(1U << 1)	/* programs may not write values */
#define VNP_MAP_F_SOCKET	(1U << 2)	/* peers, groups: sock_fd is valid */

/*
 * A mapping must be MAP_SHARED, without PROT_EXEC, and lie within the array's
 * pages (EINVAL); ENODEV: no VNP_MAP_F_MMAP; EPERM: writable, but the map is frozen.
 * Value n begins at byte n * (value_size rounded up to 8).
 */

/**
 * struct vnp_map_create - VNP_MAP_CREATE
 * @size:	sizeof(struct vnp_map_create)
 * @flags:	VNP_MAP_F_*
 * @type:	enum vnp_map_type
 * @key_size:	bytes; 4 for the arrays, at most 512
 * @value_size:	bytes, at least 1, at most 1 MiB (per-CPU: 32 KiB).  Peers and groups:
 *		sizeof(struct vnp_peer).  Sockets: sizeof(struct vnp_connection).  Keys:
 *		sizeof(struct vnp_key).  Replay: VNP_REPLAY_SIZE(window)
 * @max_entries: at least 1; the whole map may take 1 GiB at most (E2BIG)
 * @sock_fd:	with %VNP_MAP_F_SOCKET the UDP socket that datagrams are sent from, else 0
 * @reserved:	must be zero
 * @name:	for listings, as a program's
 *
 * All memory of a map is allocated when it is created, for a hash map that of max_entries
 * elements and some spare ones; only a peer, a key (struct vnp_key) or the queue of a socket is
 * allocated when it is set.  Memory is charged to the caller's memory cgroup; if that is full, the
 * call fails with ENOMEM and no process is killed.  Insertions by programs allocate nothing.
 * EINTR: a fatal signal.  ENOTSOCK, EOPNOTSUPP: @sock_fd.  Returns a descriptor.
 */
struct vnp_map_create {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	__s32 sock_fd;
	__u32 reserved;
	char name[VNP_NAME_LEN];
};

/**
 * enum vnp_key_alg - what a key is for
 * @VNP_KEY_CHACHA20_POLY1305:	RFC 8439; key 32 bytes, nonce 12, tag 16
 * @VNP_KEY_XCHACHA20_POLY1305: likewise, nonce 24
 * @VNP_KEY_AES_128_GCM:	NIST SP 800-38D; key 16, nonce 12, tag 16
 * @VNP_KEY_AES_256_GCM:	likewise, key 32
 * @VNP_KEY_AES_128_CTR:	key 16, nonce 16: the first counter block; there is no tag.
 *				It authenticates nothing: use it after vnp_mac_verify()
 * @VNP_KEY_AES_256_CTR:	likewise, key 32
 * @VNP_KEY_HMAC_SHA256:	RFC 2104; key 1 to 64, no nonce, tag 32
 * @VNP_KEY_HMAC_SHA1_80:	likewise, tag 10, as in SRTP (RFC 3711)
 * @VNP_KEY_HMAC_SHA1_32:	likewise, tag 4
 * @VNP_KEY_POLY1305:		Poly1305 with a one-time key, which is made of key (32) and
 *				nonce (12) as in RFC 8439, 2.6; tag 16
 *
 * The first six are for vnp_open() and vnp_seal(), the others for vnp_mac_verify() and
 * vnp_mac().
 */
enum vnp_key_alg {
	VNP_KEY_CHACHA20_POLY1305	= 1,
	VNP_KEY_XCHACHA20_POLY1305	= 2,
	VNP_KEY_AES_128_GCM		= 3,
	VNP_KEY_AES_256_GCM		= 4,
	VNP_KEY_AES_128_CTR		= 5,
	VNP_KEY_AES_256_CTR		= 6,
	VNP_KEY_HMAC_SHA256		= 7,
	VNP_KEY_HMAC_SHA1_80		= 8,
	VNP_KEY_HMAC_SHA1_32		= 9,
	VNP_KEY_POLY1305		= 10,
};

/* struct vnp_key::flags */
#define VNP_KEY_F_ONCE		(1U << 0)	/* seal with each nonce once */
#define VNP_KEY_F_KEYRING	(1U << 1)	/* the bytes are in the kernel's keyring */

#define VNP_KEY_MAX		64	/* bytes of a key */

/* vnp_seal() refuses nonces that are this much, or more, below the highest one used. */
#define VNP_KEY_ONCE_WINDOW	1024

/**
 * struct vnp_key - a value of a map of type %VNP_MAP_KEYS
 * @alg:	enum vnp_key_alg
 * @flags:	VNP_KEY_F_*
 * @key_len:	bytes of @key; 0 with %VNP_KEY_F_KEYRING
 * @serial:	with %VNP_KEY_F_KEYRING a key of type "user" or "logon", which the caller may
 *		search, as request_key(2) returns it; otherwise 0
 * @key:	the key; bytes after @key_len must be zero
 * @salt:	added by exclusive or to the nonce of each use, as SRTP (RFC 7714), TLS and
 *		QUIC do; bytes after the nonce's must be zero
 * @tag_len:	bytes of the tag: 0, or for %VNP_KEY_HMAC_SHA256 16 to 32
 * @reserved:	must be zero
 *
 * The kernel's memory that had key bytes is cleared before it is freed.  VNP_MAP_UPDATE
 * and VNP_MAP_DELETE return when nothing uses the old key any more: with an update each
 * use has either the old key or the new one.  A key takes memory when it is set, which is
 * charged to the memory cgroup of the caller.
 *
 * With %VNP_KEY_F_ONCE, which requires an AEAD, vnp_seal() and vnp_send_sealed() refuse a
 * nonce that was used before (-EKEYREJECTED).  The last 8 bytes of the nonce, before the salt is
 * added, are compared as a number: big-endian for AES, little-endian for ChaCha20.  The other bytes
 * of the nonce are not compared.  Nonces should ascend: one that is %VNP_KEY_ONCE_WINDOW or more
 * below the highest one is refused, too.  Do not set a key twice: each time a key is set, none of
 * its nonces count as used.
 *
 * VNP_MAP_UPDATE: EINVAL: a field is wrong; ENOKEY, EACCES, EKEYEXPIRED, EKEYREVOKED: as
 * keyctl(2) for @serial; EOPNOTSUPP: the kernel does not have the algorithm; EAGAIN, ETIMEDOUT:
 * an implementation of it is still being loaded or tested; EINTR: a fatal signal.
 */
struct vnp_key {
	__u32 alg;
	__u32 flags;
	__u32 key_len;
	__s32 serial;
	__u8 key[VNP_KEY_MAX];
	__u8 salt[VNP_CRYPT_NONCE_MAX];
	__u32 tag_len;
	__u32 reserved;
};

/**
 * struct vnp_replay - a value of a map of type %VNP_MAP_REPLAY
 * @next:	1 + the highest sequence number committed; 0: none yet
 * @seen:	a ring of bits, number n at bit n modulo its size: 1 if it was committed
 *
 * The value_size of the map determines the size of its windows: (2 + n) * 8 bytes for 64 * n
 * sequence numbers, n from 1 to 128.  The ring has 64 bits more (RFC 6479).
 */
struct vnp_replay {
	__u64 next;
	__u64 seen[];
};

/* VNP_REPLAY_SIZE() - bytes of a value with a window of @window numbers, 64 to 8192 */
#define VNP_REPLAY_SIZE(window)	(8 * (2 + (window) / 64))

/**
 * struct vnp_map_info - VNP_MAP_INFO: out, except @size
 * @size:	sizeof(struct vnp_map_info)
 * @id:		the map's id
 * @type:	enum vnp_map_type
 * @flags:	VNP_MAP_F_*
 * @key_size:	as created
 * @value_size:	as created
 * @max_entries: as created
 * @entries:	number of entries
 * @uid:	owner, in the caller's user namespace
 * @frozen:	1 after VNP_MAP_FREEZE
 * @mem:	bytes of memory allocated at creation; peers, groups and sockets: that of
 *		@max_entries entries is included, although they are allocated when they are set;
 *		keys: entries are not included
 * @name:	as created
 */
struct vnp_map_info {
	__u32 size;
	__u32 id;
	__u32 type;
	__u32 flags;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	__u32 entries;
	__u32 uid;
	__u32 frozen;
	__aligned_u64 mem;
	char name[VNP_NAME_LEN];
};

/* struct vnp_map_elem::flags, for VNP_MAP_UPDATE and vnp_map_update() */
#define VNP_MAP_ANY		0	/* insert or replace */
#define VNP_MAP_NOEXIST		1	/* insert; EEXIST if the key exists */
#define VNP_MAP_EXIST		2	/* replace; ENOENT if it does not exist */

/**
 * struct vnp_map_elem - VNP_MAP_LOOKUP, _UPDATE, _DELETE and _NEXT_KEY
 * @size:	sizeof(struct vnp_map_elem)
 * @flags:	VNP_MAP_ANY, _NOEXIST or _EXIST for _UPDATE, else zero
 * @key:	the key; for _NEXT_KEY 0 asks for the first one
 * @value:	_LOOKUP: where to put the value; _UPDATE: the new value;
 *		_NEXT_KEY: where to put the next key; _DELETE: must be zero
 * @key_len:	bytes at @key: the map's key_size (for _NEXT_KEY without a key: 0)
 * @value_len:	bytes at @value: the map's value_size, for a per-CPU map all
 *		CPUs' values; for _NEXT_KEY the key_size; for _DELETE 0
 *
 * ENOENT: no such key, or none after it.  If @key has been deleted, _NEXT_KEY starts
 * again from the first key; if it has been deleted and inserted again, keys may be
 * repeated.  An iteration finds every key that exists throughout, whatever else changes
 * meanwhile.  ENOSPC: the hash map holds max_entries, or 16 other keys are in the same bucket,
 * which in practice only happens if they were chosen for it.  EINTR: a fatal signal.  EPERM:
 * _UPDATE or _DELETE of a frozen map.  EINVAL: _DELETE in an array.  EACCES: _LOOKUP in a
 * map of type %VNP_MAP_KEYS.
 */
struct vnp_map_elem {
	__u32 size;
	__u32 flags;
	__aligned_u64 key;
	__aligned_u64 value;
	__u32 key_len;
	__u32 value_len;
};

/* struct vnp_peer::flags */
#define VNP_PEER_F_TOS		(1U << 0)	/* tos is valid */

/**
 * struct vnp_peer - a value of %VNP_MAP_PEERS and %VNP_MAP_GROUPS: where to send to
 * @family:	AF_INET or AF_INET6
 * @port:	destination port, host byte order; not 0
 * @flags:	VNP_PEER_F_*
 * @ip4:	destination address if @family is AF_INET, else 0; network byte order
 * @scope_id:	as sin6_scope_id, for link-local addresses; 0 for AF_INET
 * @ip6:	destination address if @family is AF_INET6, else 0; network byte order.  One
 *		that is mapped from IPv4 becomes AF_INET
 * @ttl:	TTL or hop limit; 0: the socket's
 * @tos:	TOS or traffic class with %VNP_PEER_F_TOS, else 0: the socket's
 * @reserved:	must be zero
 * @sent:	out: datagrams that were sent
 * @bytes:	out: their payload
 * @unreachable: out: ICMP errors that arrived because of them
 * @errors:	out: datagrams that were not sent, by enum vnp_error
 *
 * VNP_MAP_UPDATE ignores the outputs, so a value that VNP_MAP_LOOKUP has returned can be
 * changed and written back.  The update resets the counters to 0.
 *
 * The socket.  Datagrams to all peers of a map are sent from one UDP socket, which the map keeps
 * until it is freed: that of @sock_fd of struct vnp_map_create, which need not have a link; or if
 * there is no @sock_fd, that of the first link to be created for a program that uses the map, even
 * if its creation fails after that, or if it is detached later.  Programs that are linked to TCP
 * sockets can only send to maps that have a socket already (EOPNOTSUPP).  After the application has
 * closed the socket nothing is sent any more.
 *
 * Permission.  Setting a peer does what sendto() of the caller on the socket would do, except
 * that no datagram is sent: the socket is bound to a port, and VNP_MAP_UPDATE fails as sendto()
 * would, because of a security module, a BPF program of the cgroup on sendmsg (EPERM), a
 * broadcast address without SO_BROADCAST (EACCES), no route (ENETUNREACH, EHOSTUNREACH),
 * or the family (EAFNOSUPPORT, ENETUNREACH).  If the cgroup's program changes the address,
 * datagrams are sent to that one, and VNP_MAP_LOOKUP still returns the one that was set.
 * Entries of a map that has no socket yet are checked when it gets one: if one of them is
 * not permitted, VNP_LINK_CREATE or VNP_LINK_UPDATE fails with its errno.  EOPNOTSUPP: a
 * multicast address, or 255.255.255.255; ENOTCONN: the socket was closed.
 *
 * Sending.  Datagrams are sent as sendto() would send them: with the socket's source address and
 * port, mark and priority, charged to its send buffer, and subject to SO_BROADCAST,
 * IP_MTU_DISCOVER and netfilter.  The TTL is lower than that of the datagram on which the
 * program is executed, unless that one was sent to a multicast address.  So no datagram is
 * forwarded forever.  For messages of streams see %VNP_STREAM_SENDS_MAX.
 *
 * Limits.  A group has at most %VNP_GROUP_MEMBERS_MAX members; groups with the same hash share
 * this limit.  Beyond it VNP_MAP_UPDATE fails with ENOSPC, as it does if the map is full.
 * To count an ICMP error, its address is compared with that of 64 peers at most.  A datagram that
 * would be sent in more than 64 IP fragments is counted as %VNP_ERROR_LENGTH.
 *
 * A peer gets its datagrams in the order in which a CPU sent them.  Once VNP_MAP_DELETE
 * or VNP_MAP_UPDATE has returned no execution that begins sends to the old peer.
 */
struct vnp_peer {
	__u16 family;
	__u16 port;
	__u32 flags;
	__be32 ip4;
	__u32 scope_id;
	__be32 ip6[4];
	__u8 ttl;
	__u8 tos;
	__u16 reserved[3];
	__aligned_u64 sent;
	__aligned_u64 bytes;
	__aligned_u64 unreachable;
	__aligned_u64 errors[VNP_ERROR_SLOTS];
};

/* Maximum number of members of a group */
#define VNP_GROUP_MEMBERS_MAX	1024

/**
 * enum vnp_socket_policy - what happens to a datagram for which the queue has no room
 * @VNP_SOCKET_DROP_NEWEST: it is dropped
 * @VNP_SOCKET_DROP_OLDEST: the oldest ones in the queue are dropped, at most 64, until there is
 *			room.  If there is still no room, or while datagrams are being sent, the new
 *			one is dropped
 * @VNP_SOCKET_DISCONNECT: it is dropped, with all in the queue, and the connection is reset: the
 *			application gets ECONNABORTED
 */
enum vnp_socket_policy {
	VNP_SOCKET_DROP_NEWEST	= 0,
	VNP_SOCKET_DROP_OLDEST	= 1,
	VNP_SOCKET_DISCONNECT	= 2,
};

/* struct vnp_connection::queue_bytes: default, minimum, maximum */
#define VNP_SOCKET_QUEUE	(128U << 10)
#define VNP_SOCKET_QUEUE_MIN	(4U << 10)
#define VNP_SOCKET_QUEUE_MAX	(16U << 20)

/**
 * struct vnp_connection - a value of %VNP_MAP_SOCKETS: a connection to send to
 * @fd:		a TCP or UDP socket that is connected; out: -1
 * @flags:	must be zero
 * @policy:	enum vnp_socket_policy
 * @queue_bytes: size of the queue, at most %VNP_SOCKET_QUEUE_MAX, rounded up to a power of two;
 *		0: %VNP_SOCKET_QUEUE.  A datagram takes 4 bytes more than its length, rounded up
 *		to a multiple of 4.  UDP: must be zero, as @policy.  out: as rounded
 * @reserved:	must be zero
 * @error:	out: 0, or the errno why nothing is sent any more: EPIPE: the application has
 *		closed the socket or shut it down; ECONNABORTED: %VNP_SOCKET_DISCONNECT; EBUSY:
 *		the socket is used by something else in the kernel; ENOTCONN: it is connected
 *		to another peer; any other: of the connection, such as ECONNRESET
 * @family:	out: AF_INET or AF_INET6
 * @local_port:	out: port of the socket, host byte order
 * @remote_port: out: port that it is connected to, host byte order
 * @local_ip4:	out: its address, network byte order; 0 for IPv6
 * @remote_ip4:	out: the address that it is connected to, likewise
 * @local_ip6:	out: its address, network byte order; 0 for IPv4
 * @remote_ip6:	out: the address that it is connected to, likewise
 * @cookie:	out: SO_COOKIE of the socket
 * @sent:	out: datagrams that were handed to TCP completely
 * @bytes:	out: their bytes
 * @queued:	out: datagrams that are in the queue now
 * @queued_bytes: out: their bytes
 * @errors:	out: datagrams that were dropped, by enum vnp_error: %VNP_ERROR_SNDBUF: by the
 *		policy; %VNP_ERROR_LENGTH: longer than the queue; %VNP_ERROR_DISCARDED: @error is
 *		set, or was set while they were in the queue; %VNP_ERROR_RATE and
 *		%VNP_ERROR_MEMORY
 *
 * VNP_MAP_UPDATE ignores the outputs.  Each datagram that a program sends to the socket is in
 * @sent, in @queued or in one of @errors.
 *
 * The queue.  vnp_send() appends to it, in softirq; a worker then sends it as send() would: with
 * the socket's options, such as TCP_NODELAY, charged to its send buffer.  So the stream has the
 * bytes that programs have sent, in the order in which they were queued, and nothing tells the
 * receiver where a datagram begins, except the bytes that a program puts in front.  A receiver that
 * does not read fills the queue of this connection only.  The room of a datagram is free when
 * @queued has decreased, which can be just after the receiver has read its bytes.
 *
 * A socket has one queue, however many entries it has in this map and in others of the same user:
 * they share the queue and its counters, and must have the same @policy and @queue_bytes (EBUSY).
 * Setting an entry again to the same socket changes nothing.  When the last of a socket's entries
 * is deleted or replaced, or their maps are freed, what is in the queue is dropped.  A map is freed
 * some time after its last descriptor was closed; until then an entry with another policy or size
 * fails with EBUSY, also a link with @reply_bytes.  To avoid that, delete the entries first.
 *
 * The application can use the socket meanwhile, link programs to it, and write to it.  What it
 * writes is never inserted into a datagram, unless the kernel runs out of memory while it sends
 * that.  But a datagram can be inserted into what a single write sends, if that has to wait for the
 * send buffer.  While a call of the application keeps the socket locked, datagrams stay in the
 * queue.  Closing the socket ends the connection, as without an entry, and shutdown() ends sending:
 * what is in the queue is dropped.  To avoid that, wait until @queued is 0, and delete the entry
 * first.  Entries do not keep a socket from being closed; they stay until they are deleted, so that
 * their counters can be read.  If only the first bytes of a datagram were sent, because the kernel
 * ran out of memory, and the entry is deleted, the connection is reset.
 *
 * Permission.  VNP_MAP_UPDATE does what a send() of the caller without data does, and fails with
 * the same errno if, for example, a security module does not permit it, or the socket was shut
 * down (EPIPE).  EBADF, ENOTSOCK: @fd; EOPNOTSUPP: not TCP, MPTCP, or a listening socket; ENOTCONN;
 * EBUSY: see above, or the socket is used by something else in the kernel that sends (kTLS,
 * sockmap, KCM, ...); EDQUOT: the user's entries would have more than sockets_user_max sockets, or
 * queues with more than sockets_user_bytes, parameters of the module (65,536 sockets, 256 MiB).
 * kTLS and sockmap refuse a socket that once had an entry; and it cannot listen.
 *
 * UDP.  A datagram needs no queue: it is sent as with %VNP_MAP_PEERS, but as send() on this socket
 * would, from its address and port, to the address that it is connected to.  So the address must be
 * one that %VNP_MAP_PEERS would take (EOPNOTSUPP: multicast, 255.255.255.255).  BPF programs of the
 * cgroup on sendmsg are not executed, as for send().  @queued and @queued_bytes are 0,
 * and @errors as in struct vnp_peer: while the socket is not connected to the address that it was
 * connected to when the entry was set, datagrams are not sent (@error is ENOTCONN), and counted as
 * %VNP_ERROR_ROUTE; after it was closed or shut down (EPIPE), as %VNP_ERROR_DENIED.  ICMP errors
 * are reported to the application, as for send(), and do not stop what programs send.  A socket can
 * have any number of entries, each with its own counters, and the limits of sockets and queues do
 * not apply.
 */
struct vnp_connection {
	__s32 fd;
	__u32 flags;
	__u32 policy;
	__u32 queue_bytes;
	__u32 reserved[2];
	__u32 error;
	__u32 family;
	__u32 local_port;
	__u32 remote_port;
	__be32 local_ip4;
	__be32 remote_ip4;
	__be32 local_ip6[4];
	__be32 remote_ip6[4];
	__aligned_u64 cookie;
	__aligned_u64 sent;
	__aligned_u64 bytes;
	__aligned_u64 queued;
	__aligned_u64 queued_bytes;
	__aligned_u64 errors[VNP_ERROR_SLOTS];
};

/* struct vnp_send::flags */
#define VNP_SEND_F_OTHERS	(1U << 0)	/* vnp_send_group(): not to the key's member */

/* struct vnp_send::len: to the end of the payload */
#define VNP_SEND_REST		(~0U)

/* Maximum number of bytes that a program can put in front of what vnp_send() sends */
#define VNP_SEND_HEAD_MAX	256

/* The same for vnp_reply() */
#define VNP_REPLY_HEAD_MAX	16384

/**
 * struct vnp_send - what vnp_send(), vnp_send_group() and vnp_reply() send
 * @size:	sizeof(struct vnp_send); any other value is refused
 * @flags:	VNP_SEND_F_*
 * @off:	first byte of the payload that is sent
 * @len:	bytes of it, or %VNP_SEND_REST
 *
 * The bytes that the program puts in front of them, if any, follow this struct directly.
 */
struct vnp_send {
	__u16 size;
	__u16 flags;
	__u32 off;
	__u32 len;
};

/* struct vnp_seal::flags */
#define VNP_SEAL_F_MAC		(1U << 0)	/* @mac_key authenticates what @key encrypts */

/* Maximum bytes of @key, @mac_key and @head of struct vnp_seal */
#define VNP_SEAL_KEY_MAX	16
#define VNP_SEAL_HEAD_MAX	64

/**
 * struct vnp_seal - what vnp_send_sealed() sends, and how that is sealed
 * @size:	sizeof(struct vnp_seal); any other value is refused
 * @flags:	VNP_SEAL_F_*
 * @off:	first byte of the payload that is sent
 * @len:	bytes of it, or %VNP_SEND_REST
 * @head_len:	bytes of @head that are sent before them
 * @aad_len:	bytes that are authenticated, but not encrypted: the first of what is sent, at most
 *		%VNP_CRYPT_AAD_MAX
 * @extra_len:	bytes of @extra that are used
 * @reserved:	must be zero
 * @key:	which key of the map of keys encrypts; bytes beyond the map's key size are not used
 * @mac_key:	with %VNP_SEAL_F_MAC: which key of that map authenticates
 * @nonce:	as in struct vnp_crypt: for @key
 * @extra:	bytes that are authenticated, but not sent, as in struct vnp_crypt
 * @head:	the program's own bytes, such as a header that replaces that of the payload
 *
 * @head, @len bytes of the payload and the tag are sent.  Of @head and payload together, the first
 * @aad_len bytes are not encrypted, all others are.  Without %VNP_SEAL_F_MAC the algorithm of @key
 * makes the tag, as for vnp_seal().  With it @key is for AES in counter mode, and @mac_key for
 * HMAC, whose tag authenticates all that is sent before it, and then @extra, as in SRTP with AES-CM
 * and HMAC-SHA1.
 */
struct vnp_seal {
	__u16 size;
	__u16 flags;
	__u32 off;
	__u32 len;
	__u16 head_len;
	__u16 aad_len;
	__u16 extra_len;
	__u16 reserved[3];
	__u8 key[VNP_SEAL_KEY_MAX];
	__u8 mac_key[VNP_SEAL_KEY_MAX];
	__u8 nonce[VNP_CRYPT_NONCE_MAX];
	__u8 extra[VNP_CRYPT_EXTRA_MAX];
	__u8 head[VNP_SEAL_HEAD_MAX];
};

/**
 * struct vnp_map_freeze - VNP_MAP_FREEZE: make it read-only for user space
 * @size:	sizeof(struct vnp_map_freeze)
 * @flags:	must be zero
 *
 * EBUSY: a writable mapping exists, or it is already frozen.
 */
struct vnp_map_freeze {
	__u32 size;
	__u32 flags;
};

/*
 * ---- Links --------------------------------------------------------------
 */

/* struct vnp_link_create::flags */
/*
 * Pass the datagram after a fault; but drop it if the program calls vnp_open() or
 * vnp_mac_verify(), as it may not be authentic
 */
#define VNP_LINK_F_FAULT_PASS	(1U << 0)
#define VNP_LINK_F_NO_MERGE	(1U << 1)	/* do not merge datagrams (GRO) */
#define VNP_LINK_F_HOLD_DELIVER	(1U << 2)	/* too old: deliver the message */
#define VNP_LINK_F_MESSAGE	(1U << 3)	/* message_fd is valid */
#define VNP_LINK_F_STREAM_PASS	(1U << 4)	/* no message found: pass what follows */
#define VNP_LINK_F_HOLD_EACH	(1U << 5)	/* too old: deliver each datagram */
#define VNP_LINK_F_FORGED_END	(1U << 6)	/* a forged message ends the stream */
#define VNP_LINK_F_BOUNDARIES	(1U << 7)	/* a read ends where a message ends */
#define VNP_LINK_F_REPLY_RESET	(1U << 8)	/* no room for an answer: reset the connection */
#define VNP_LINK_F_REPLY_IDLE	(1U << 9)	/* unanswered: until it waits for input */

/*
 * A control message of recvmsg(), of level IPPROTO_TCP: a __u32, the number of messages that are
 * ready, including one of which only bytes are left.  With %VNP_LINK_F_BOUNDARIES, if the socket
 * has TCP_INQ set
 */
#define VNP_CM_MESSAGES		0xf700

/**
 * enum vnp_eof - what happens to a message that is not whole when the stream ends
 * @VNP_EOF_DELIVER:	the application gets the bytes that have arrived
 * @VNP_EOF_DROP:	it is dropped: the stream ends with the last whole message
 * @VNP_EOF_ABORT:	likewise, and after it the application gets ECONNABORTED
 */
enum vnp_eof {
	VNP_EOF_DELIVER	= 0,
	VNP_EOF_DROP	= 1,
	VNP_EOF_ABORT	= 2,
};

/* Defaults and limits of struct vnp_link_create */
#define VNP_HOLD_MESSAGES	1024
#define VNP_HOLD_MESSAGES_MAX	65536
#define VNP_HOLD_AGE_MS		10000
#define VNP_HOLD_AGE_MS_MAX	3600000

/* With %VNP_LINK_F_BOUNDARIES: how many messages are kept from the application, or ready, at most */
#define VNP_BOUNDARIES_MAX	1024

/**
 * struct vnp_link_create - VNP_LINK_CREATE: link a program to a socket
 * @size:	sizeof(struct vnp_link_create)
 * @flags:	VNP_LINK_F_*
 * @prog_fd:	a program of type %VNP_PROG_DATAGRAM or %VNP_PROG_PACKET; or %VNP_PROG_STREAM
 * @sock_fd:	a UDP socket, IPv4 or IPv6, bound or not, connected or not; or a TCP socket that
 *		is connected, or listens
 * @reserved:	must be zero
 * @hold_bytes:	maximum memory of held datagrams, counted as for SO_RCVBUF; 0: the socket's
 *		receive buffer
 * @hold_messages: maximum number of messages that are held, at most %VNP_HOLD_MESSAGES_MAX; 0:
 *		%VNP_HOLD_MESSAGES
 * @hold_age_ms: maximum time that a message is held, from its first fragment on, at most
 *		%VNP_HOLD_AGE_MS_MAX; 0: %VNP_HOLD_AGE_MS
 * @hold_mark:	the mark of messages that are delivered because of their age, which the
 *		application sees with SO_RCVMARK; 0: that of the message's first datagram
 * @message_fd:	stream: with %VNP_LINK_F_MESSAGE a program of type %VNP_PROG_MESSAGE; else 0, and
 *		each whole message is passed
 * @eof:	stream: enum vnp_eof
 * @reply_bytes: stream: size of the queue for answers (vnp_reply(), %VNP_REPLY): as @queue_bytes of
 *		struct vnp_connection, but if 0 there is no queue, and programs cannot reply
 * @reserved2:	must be zero
 *
 * The link exists until it is detached or the socket is closed.  Returns a descriptor.  Datagrams
 * that are in the socket's receive queue already stay there: the program is not executed on them.
 * The network namespace of a UDP socket exists as long as the descriptor of its link is open.
 *
 * The kernel merges datagrams of a flow that arrive together (GRO), if the interface
 * supports it: they traverse the stack as one packet, but the program is executed on each of
 * them, and each gets its own verdict.  The application gets merged datagrams only if it has set
 * UDP_GRO, and getsockopt() returns what it has set.  Merged datagrams share their receive time.
 * Unless the application has set UDP_GRO, merging begins when two datagrams that could have been
 * merged have been dropped, replied to or held.  With %VNP_LINK_F_NO_MERGE, or if the application
 * sets UDP_GRO to 0 while there is a link, nothing is merged.
 *
 * While there is a link getsockopt() of UDP_ENCAP returns 0, and setsockopt() of another
 * value fails with EBUSY.  A setsockopt() that began before the link was created can
 * still succeed: the program then no longer sees the socket's datagrams, and
 * VNP_LINK_INFO and VNP_LINK_UPDATE find the link detached.
 *
 * Held datagrams are charged to the socket's receive buffer, and with it to the memory cgroup
 * of the socket and to net.ipv4.udp_mem.  If one of the limits above or the receive buffer is
 * reached, the oldest messages are freed until there is room.  This also makes room for a
 * datagram that is passed: it is not dropped because of held ones.  A message that is too old
 * is freed, or with %VNP_LINK_F_HOLD_DELIVER delivered as by vnp_release(), or with
 * %VNP_LINK_F_HOLD_EACH as by vnp_release_each(); setting both is EINVAL.  Held messages
 * remain when the program is replaced by another one that holds; they are freed if the new
 * program does not hold, if the link is detached, and if the socket is closed.
 *
 * Streams.  The application reads from the socket as before, but gets only the bytes of
 * messages that were passed, and it is woken once for all messages that become ready
 * together.  Data that arrived before the link is the beginning of the stream.  Messages that
 * are held, and one that is not whole, stay in the socket's receive buffer, so they reduce the
 * receive window.  A buffer whose size the application has not set with SO_RCVBUF grows up to
 * net.ipv4.tcp_rmem; at most 0.32 of it, and at most %VNP_STREAM_MAX, can be kept from the
 * application.  If that is reached, what is held is delivered; a single message that is
 * longer is not delivered, and after those before it the application gets EMSGSIZE, each time
 * it reads.  Where %VNP_PROG_STREAM finds no message, the application likewise gets EPROTO, but
 * with %VNP_LINK_F_STREAM_PASS all bytes from there on.  When the stream ends, what is held is
 * delivered.
 * When the link is detached, what was not dropped is delivered, whole or not.  Messages on which
 * the program was not executed are delivered as they arrived.  So is a message on which a kernel
 * thread is executing the program at this moment (enum vnp_prog_type), or whose result it has not
 * applied yet: even if the program has answered it, sent it to others, or found that it is not
 * authentic.
 *
 * A message that fails authentication (%VNP_ERROR_AUTH) is cut out of the stream, whatever the
 * program returns; with %VNP_LINK_F_FORGED_END the application gets what is before it, and then
 * EBADMSG, each time it reads.  If the program authenticates messages, the application never gets
 * bytes that were not: %VNP_LINK_F_FAULT_PASS and %VNP_LINK_F_STREAM_PASS have no effect, and
 * %VNP_EOF_DELIVER is %VNP_EOF_DROP.
 *
 * Boundaries.  With %VNP_LINK_F_BOUNDARIES a call of recv(), read(), recvmsg() or splice() returns
 * bytes of one message at most, also with MSG_WAITALL.  If the buffer is shorter, the next call
 * returns what is left of the message.  recvmsg() sets MSG_EOR in msg_flags when it has returned the
 * message's last byte; MSG_TRUNC is never set.  MSG_PEEK sees the first message only, also with
 * SO_PEEK_OFF; recvmmsg() returns a message in each buffer.  SO_RCVLOWAT and FIONREAD count the bytes
 * of all messages that are ready, but SO_RCVLOWAT does not keep a call from returning one that is
 * shorter.  How many messages are ready is in @ready_messages of struct vnp_link_info, and in the
 * control message %VNP_CM_MESSAGES.  Messages of which a program has left no bytes are not ready.
 * What is delivered without being a message has no MSG_EOR: the bytes of one that is not whole at the
 * end, and all after %VNP_LINK_F_STREAM_PASS has taken effect.  At most %VNP_BOUNDARIES_MAX messages
 * are kept from the application, or ready: then no program is executed on more, until it reads; if
 * some are held, these are delivered (%VNP_ERROR_EVICTED).  io_uring repeats a call with MSG_WAITALL
 * by itself.  Detaching the link ends all this: messages that are not read yet become a stream.
 *
 * Answers.  With @reply_bytes, vnp_reply() and the verdict %VNP_REPLY write to the connection, in
 * softirq, by a queue like that of struct vnp_connection; if the socket also is in a map of sockets
 * it is the same queue, so @queue_bytes must be equal, and @policy is %VNP_SOCKET_DROP_NEWEST, or
 * with %VNP_LINK_F_REPLY_RESET %VNP_SOCKET_DISCONNECT (EBUSY).  An answer is sent as a whole: never
 * between bytes that one call of send() of the application sends, even if that call waits; and
 * before what the application sends by calls that begin later.  So if an application sends a
 * message by several calls, for example because a non-blocking call has not sent all of it, answers
 * can be sent between them: see @unanswered of struct vnp_ctx.  If the peer does not read, the
 * queue becomes full, and vnp_reply() fails; a message with the verdict %VNP_REPLY is then dropped
 * (%VNP_ERROR_SNDBUF).  Before the link is detached, or the socket is closed or shut down for
 * sending, what is in the queue is sent, unless a call of send() is waiting at this moment: then it
 * is dropped.  The order of answers and of calls that write at the same time is not defined.
 *
 * With %VNP_LINK_F_REPLY_IDLE, @unanswered changes from 1 to 2, not to 0, when all has been read
 * and a send() has succeeded; and to 0 when the application then waits for input: in a function
 * that reads, or in poll(), select() or epoll for input only, not for output as well.  So an
 * application with a single thread per connection may send answers by several calls, and wait for
 * room in the send buffer between them.  If a message is passed while @unanswered is 2, it becomes
 * 3; waiting for input changes that to 1, and the next send() that succeeds to 2.
 *
 * vnp_reply() fails if security modules do not permit the process that creates the link, or accepts
 * the connection, to call send() on the socket; after shutdown(); and on a connection of TCP fast
 * open that was accepted before its handshake was complete.  EDQUOT: as for struct vnp_connection.
 *
 * A read that began before the link was created returns bytes as they arrive, whether their
 * message is ready or not.  For programs the stream continues after these bytes.
 *
 * While there is a link getsockopt() of SO_RCVLOWAT returns how many bytes TCP waits for, although
 * the value that was set is obeyed; setsockopt() of TCP_ULP fails with EBUSY, and getsockopt() of
 * TCP_ZEROCOPY_RECEIVE with EOPNOTSUPP; setsockopt() of IPV6_ADDRFORM fails with EBUSY.  After the
 * link is detached, getsockopt() of TCP_ULP still returns "vnp", and another cannot be set
 * (EEXIST): so sockmap refuses the socket, and if it is disconnected, listen() fails with EINVAL.
 *
 * Programs see an urgent byte like any other byte of the stream.  A process that waits for one
 * (EPOLLPRI, SIGURG) is woken when it has arrived, whether its message is ready or not.  In a
 * message that a program has changed it is no longer urgent.  If the program authenticates messages
 * no byte is urgent, as TCP's header is not authenticated.
 *
 * Listening sockets.  The link of a socket that listens executes nothing: what accept() returns has
 * a link of its own, with the programs that the listening socket's link has at this moment, its
 * options and its owner.  It is made before the application gets the descriptor.  So data that
 * arrived before goes through the programs, and it does not matter whether the connection was made
 * before the link of the listening socket, with SYN cookies, or with TCP fast open.  These links
 * have no descriptors: their owner finds them by VNP_OBJ_NEXT and @listener_id of struct
 * vnp_link_info.  They count their messages; the listening socket's link counts connections.
 * VNP_LINK_UPDATE and VNP_LINK_DETACH of the listening socket's link have no effect on connections
 * that were accepted before.  The memory of such a link is charged to the memory cgroup of the
 * process that calls accept(), as that of the connection.  A connection that cannot be linked is
 * closed, and accept() fails with ENOMEM, or with ECONNABORTED if it was changed by another user in
 * the kernel (such as sockmap).  VNP_LINK_CREATE causes calls of accept() that already wait to be
 * restarted, and waits until they were: for a second at most, or until a fatal signal arrives.  Not
 * restarted are calls on a socket with SO_RCVTIMEO, and by a worker of io_uring (IOSQE_ASYNC).  A
 * call that is not restarted in time, or that begins while the link is being created, may return a
 * connection without a link.  The link ends when the socket is closed, or found not to listen any
 * more.  While there is one, setsockopt() of TCP_ULP fails with EBUSY, and the socket cannot be
 * added to a sockmap or another map of sockets.
 *
 * EBUSY: the socket has a link, or another encapsulation or user in the kernel (L2TP,
 * kTLS, sockmap, ...); EOPNOTSUPP: a program of this type cannot be linked to such a socket
 * (for TCP: MPTCP); EPERM: SO_LOCK_FILTER is set; ENOTCONN: a TCP socket that is neither connected
 * nor listens; ENOTSOCK: not a socket.
 */
struct vnp_link_create {
	__u32 size;
	__u32 flags;
	__s32 prog_fd;
	__s32 sock_fd;
	__aligned_u64 reserved;
	__u32 hold_bytes;
	__u32 hold_messages;
	__u32 hold_age_ms;
	__u32 hold_mark;
	__s32 message_fd;
	__u32 eof;
	__u32 reply_bytes;
	__u32 reserved2;
};

/**
 * struct vnp_link_info - VNP_LINK_INFO: out, except @size
 * @size:	sizeof(struct vnp_link_info)
 * @id:		the link's id
 * @flags:	as created
 * @prog_id:	the current program; 0 if detached
 * @uid:	owner, in the caller's user namespace
 * @attached:	1, or 0 if detached or the socket was closed
 * @family:	AF_INET or AF_INET6
 * @local_port:	port the socket is bound to, host byte order
 * @sock_cookie: SO_COOKIE of the socket
 * @packets:	datagrams with a verdict or a fault.  Not those that were dropped because of an error
 *		before the program was executed on them
 * @bytes:	their payload, after the program has changed its length
 * @verdicts:	datagrams by enum vnp_verdict
 * @faults:	datagrams by enum vnp_fault
 * @fault_prog_id: program of the latest fault, 0 if there was none
 * @fault:	its enum vnp_fault
 * @fault_insn:	its instruction in the loaded program
 * @reserved:	zero
 * @errors:	datagrams by enum vnp_error; a reply that could not be sent is also
 *		counted as a verdict
 * @hold_bytes:	as created; 0: the socket's receive buffer
 * @hold_messages: maximum number of messages that are held
 * @hold_age_ms: maximum time that a message is held
 * @hold_mark:	as created
 * @held_bytes:	memory of datagrams that are held now
 * @held_messages: messages that are held now
 * @released:	messages that were released
 * @released_fragments: datagrams of these, except those counted in @errors
 * @late:	those of @released that were released because of their age
 * @walked:	stream: packets of the receive queue that were walked to find messages
 * @repacked:	stream: bytes that were copied so that packets in the receive queue take less
 *		memory
 * @accepted:	listening socket: connections that were accepted and linked
 * @refused:	listening socket: connections that were closed because they could not be linked
 * @listener_id: the listening socket's link that this one was inherited from, or 0; it may have
 *		ended
 * @ready_messages: stream, with %VNP_LINK_F_BOUNDARIES: messages that are ready
 * @reply_bytes: size of the queue for answers; 0: no queue
 * @reply_queued: bytes in it, which TCP has not got yet
 * @unread:	stream: bytes that the application has not read, up to the end of the last message
 *		on which a program was executed.  If that execution ended before a call of
 *		membarrier(MEMBARRIER_CMD_GLOBAL), every VNP_LINK_INFO after the call counts the
 *		message
 * @unanswered:	stream: as in struct vnp_ctx, if a message arrived now
 * @message_prog_id: the current program for messages; 0: none, or detached
 * @eof:	as created
 *
 * For a stream, messages are counted instead of datagrams, and a fault of a %VNP_PROG_STREAM
 * as a message.
 *
 * packets == the sum of verdicts + the sum of faults.  Every datagram with the verdict
 * %VNP_HELD is held now, or counted in @released_fragments or in one of @errors.
 */
struct vnp_link_info {
	__u32 size;
	__u32 id;
	__u32 flags;
	__u32 prog_id;
	__u32 uid;
	__u32 attached;
	__u32 family;
	__u32 local_port;
	__aligned_u64 sock_cookie;
	__aligned_u64 packets;
	__aligned_u64 bytes;
	__aligned_u64 verdicts[VNP_VERDICT_SLOTS];
	__aligned_u64 faults[VNP_FAULT_SLOTS];
	__aligned_u64 errors[VNP_ERROR_SLOTS];
	__u32 fault_prog_id;
	__u32 fault;
	__u32 fault_insn;
	__u32 reserved;
	__u32 hold_bytes;
	__u32 hold_messages;
	__u32 hold_age_ms;
	__u32 hold_mark;
	__u32 held_bytes;
	__u32 held_messages;
	__aligned_u64 released;
	__aligned_u64 released_fragments;
	__aligned_u64 late;
	__aligned_u64 walked;
	__aligned_u64 repacked;
	__aligned_u64 accepted;
	__aligned_u64 refused;
	__u32 listener_id;
	__u32 ready_messages;
	__u32 reply_bytes;
	__u32 reply_queued;
	__u32 unread;
	__u32 unanswered;
	__u32 message_prog_id;
	__u32 eof;
};

/**
 * struct vnp_link_update - VNP_LINK_UPDATE: replace the program
 * @size:	sizeof(struct vnp_link_update)
 * @flags:	must be zero
 * @prog_fd:	the new program, of a type that can be linked to such a socket.  A
 *		%VNP_PROG_MESSAGE replaces that for messages
 * @old_prog_fd: if not negative, EEXIST unless this is the current program
 *
 * Each datagram is seen by one of the two programs, never by both.  ENOLINK: detached;
 * EOPNOTSUPP: the type.
 */
struct vnp_link_update {
	__u32 size;
	__u32 flags;
	__s32 prog_fd;
	__s32 old_prog_fd;
};

/**
 * struct vnp_link_detach - VNP_LINK_DETACH: remove the program from the socket
 * @size:	sizeof(struct vnp_link_detach)
 * @flags:	must be zero
 *
 * On return no execution of the program on this link is in progress.  Datagrams being
 * merged at this moment may be reordered with later ones, as when an application sets
 * UDP_GRO to 0.  ENOLINK: detached.
 */
struct vnp_link_detach {
	__u32 size;
	__u32 flags;
};

/*
 * ---- Listing ------------------------------------------------------------
 */

/**
 * enum vnp_obj_kind - kinds of objects, each with ids of its own
 * @VNP_OBJ_PROG:	programs
 * @VNP_OBJ_MAP:	maps
 * @VNP_OBJ_LINK:	links
 */
enum vnp_obj_kind {
	VNP_OBJ_PROG	= 1,
	VNP_OBJ_MAP	= 2,
	VNP_OBJ_LINK	= 3,
};

/**
 * struct vnp_obj_id - VNP_OBJ_NEXT and VNP_OBJ_OPEN
 * @size:	sizeof(struct vnp_obj_id)
 * @flags:	must be zero
 * @kind:	enum vnp_obj_kind
 * @id:		_NEXT: in: the id to start after (0: the first); out: the next
 *		object the caller may see.  _OPEN: the object to open
 *
 * A process sees, and may open with all rights, the objects that its effective user made
 * in the same pid namespace or in one below; with CAP_SYS_ADMIN it sees all.  So a
 * container does not see the objects of its host, even if both have the same user.
 * ENOENT: none.
 */
struct vnp_obj_id {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 id;
};

/**
 * struct vnp_feature - VNP_FEATURE: the module's features and limits; out, except @size
 * @size:	sizeof(struct vnp_feature)
 * @hardened:	1 if programs of this caller are lowered as untrusted
 * @prog_types:	bit n: enum vnp_prog_type n
 * @map_types:	bit n: enum vnp_map_type n
 * @helpers:	bit n: enum vnp_helper_id VNP_HELPER_BASE + n
 * @prog_flags:	VNP_PROG_F_* known
 * @map_flags:	VNP_MAP_F_* known
 * @link_flags:	VNP_LINK_F_* known
 * @insn_max:	maximum number of instructions of a program
 * @map_max:	maximum number of maps of a program
 * @stack_max:	bytes of stack a program may use
 * @budget:	the default budget
 * @budget_max:	maximum budget without CAP_SYS_ADMIN
 * @version:	of the module, NUL-padded
 * @softirq_share: percent of each CPU that the programs on all links of one user may
 *		use in softirq; 100: no limit
 * @softirq_burst_us: microseconds that they may use at once
 * @unprivileged: 1: everybody who can open /dev/vnp may load programs and create objects;
 *		0: this requires CAP_BPF or CAP_SYS_ADMIN
 * @denied:	1 if @unprivileged is 0 and the caller has neither of these capabilities
 * @send_fanout: datagrams that one execution may send
 * @send_rate:	datagrams per second that the programs on all links of one user may send on
 *		each CPU; at once, as many as in a quarter of a second
 * @send_bytes:	bytes of payload per second, likewise
 * @sockets_user_bytes: bytes that the queues of all TCP connections of one user in maps may have
 * @sockets_user_max: how many TCP connections of one user may be in maps
 * @reserved:	0
 *
 * @budget_max, @softirq_share, @softirq_burst_us, @unprivileged, and from @send_fanout to
 * @sockets_user_max, are parameters of the module, which root can write to in
 * /sys/module/vnp/parameters.
 *
 * A user is an effective uid.  A process in a user namespace counts as the user who created the
 * namespace, or the outermost of nested ones; if that is root, as the user whom the namespace's uid
 * 0 is mapped to.  So all processes of a container are one user, and containers of root whose uids
 * differ are different users.
 *
 * A program that sends, or that can cost more than 256, is timed.  Others are charged 4 ns for each
 * unit that they may cost, 16 ns if they have barriers against speculation, and 64 ns more if they
 * are lowered as untrusted.  On a stream, what the executions for one packet are charged beyond the
 * first microsecond is replaced by the time that they took.
 */
struct vnp_feature {
	__u32 size;
	__u32 hardened;
	__aligned_u64 prog_types;
	__aligned_u64 map_types;
	__aligned_u64 helpers;
	__u32 prog_flags;
	__u32 map_flags;
	__u32 link_flags;
	__u32 insn_max;
	__u32 map_max;
	__u32 stack_max;
	__u32 budget;
	__u32 budget_max;
	char version[VNP_NAME_LEN];
	__u32 softirq_share;
	__u32 softirq_burst_us;
	__u32 unprivileged;
	__u32 denied;
	__u32 send_fanout;
	__u32 send_rate;
	__aligned_u64 send_bytes;
	__aligned_u64 sockets_user_bytes;
	__u32 sockets_user_max;
	__u32 reserved;
};

#endif /* _UAPI_LINUX_VNP_H */
