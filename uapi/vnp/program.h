/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The header for VNP programs; compile them with
 *
 *	clang -target bpf -mcpu=v3 -O2 -g -fno-builtin \
 *		-idirafter /usr/include/$(uname -m)-linux-gnu \
 *		-c NAME.bpf.c -o NAME.bpf.o
 *
 * An example:
 *
 *	#include <vnp/program.h>
 *
 *	SEC("vnp/datagram")
 *	int only_long(struct vnp_ctx *ctx)
 *	{
 *		return ctx->len >= 100 ? VNP_PASS : VNP_DROP;
 *	}
 *
 * In a section "vnp/packet", data begins at the IP header instead of after the UDP
 * header, and the packet is read-only.  Sections "vnp/stream" and "vnp/message" are for
 * programs on TCP sockets (enum vnp_prog_type in <linux/vnp.h>).
 *
 * Global variables are supported.  Maps are declared as for libbpf:
 *
 *	struct {
 *		__uint(type, VNP_MAP_HASH);
 *		__uint(max_entries, 1024);
 *		__type(key, __u32);
 *		__type(value, __u64);
 *	} seen SEC(".maps");
 */
#ifndef _VNP_PROGRAM_H
#define _VNP_PROGRAM_H

#include <stddef.h>
#include <linux/vnp.h>

#ifndef SEC
#define SEC(name)		__attribute__((section(name), used))
#endif
#ifndef __uint
#define __uint(name, val)	int (*name)[val]
#define __type(name, val)	typeof(val) *name
#endif
/* That of <linux/stddef.h> does not force inlining. */
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))

/* of struct vnp_ctx::family; <sys/socket.h> does not compile for BPF */
#ifndef AF_INET
#define AF_INET			2
#define AF_INET6		10
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define vnp_htons(x)		((__be16)__builtin_bswap16((__u16)(x)))
#define vnp_htonl(x)		((__be32)__builtin_bswap32((__u32)(x)))
#define vnp_cpu_to_be64(x)	((__be64)__builtin_bswap64((__u64)(x)))
#else
#define vnp_htons(x)		((__be16)(x))
#define vnp_htonl(x)		((__be32)(x))
#define vnp_cpu_to_be64(x)	((__be64)(x))
#endif
#define vnp_ntohs(x)		((__u16)vnp_htons(x))
#define vnp_ntohl(x)		((__u32)vnp_htonl(x))
#define vnp_be64_to_cpu(x)	((__u64)vnp_cpu_to_be64(x))

/**
 * vnp_map_lookup() - find the value of a key
 * @map:	address of a map
 * @key:	the key, of the map's key size
 *
 * The value may be read and written in place.  If the entry is replaced or deleted
 * meanwhile, the value can still be read and does not change at first.  It may become the
 * value of another entry when the map has been changed as often as it has spare elements:
 * as many as fit 16 KiB, but at least one for each CPU.
 *
 * Return: the value, or NULL.  A program that uses the result without a test ends with
 * the fault %VNP_FAULT_NULL if it is NULL.
 */
static void *(*const vnp_map_lookup)(void *map, const void *key) =
	(void *)VNP_HELPER_map_lookup;

/**
 * vnp_map_update() - set the value of a key
 * @map:	address of a map
 * @key:	the key
 * @value:	the value, of the map's value size
 * @flags:	VNP_MAP_ANY, VNP_MAP_NOEXIST or VNP_MAP_EXIST
 *
 * It allocates nothing: all memory of a map is allocated when it is created.
 *
 * Return: 0, -EEXIST, -ENOENT, -ENOSPC (a hash map is full), -EINVAL (the flags), or
 * for an array -ENOENT if the key is beyond its end.  -ENOMEM: with PREEMPT_RT, more
 * updates of the map are in progress than it has spare elements.
 */
static long (*const vnp_map_update)(void *map, const void *key,
				    const void *value, __u64 flags) =
	(void *)VNP_HELPER_map_update;

/**
 * vnp_map_delete() - remove a key
 * @map:	address of a map
 * @key:	the key
 *
 * Return: 0, -ENOENT, or -EINVAL for an array.
 */
static long (*const vnp_map_delete)(void *map, const void *key) =
	(void *)VNP_HELPER_map_delete;

/**
 * vnp_load_bytes() - copy bytes of the payload, whether they are directly readable or not
 * @ctx:	the program's context
 * @off:	first byte, from the start of the payload
 * @to:		destination; in the payload it may overlap the source
 * @len:	number of bytes, at least 1
 *
 * Return: 0, or -ERANGE if the payload is shorter; @to is zeroed then.
 */
static long (*const vnp_load_bytes)(struct vnp_ctx *ctx, __u32 off, void *to,
				    __u32 len) =
	(void *)VNP_HELPER_load_bytes;

/**
 * vnp_store_bytes() - overwrite bytes of the payload, whether they are directly readable or not
 * @ctx:	the program's context
 * @off:	first byte, from the start of the payload
 * @from:	source; not in the payload itself
 * @len:	number of bytes, at least 1
 *
 * Pointers into the payload are no longer valid afterwards: read @ctx->data again.
 *
 * Return: 0, -ERANGE if the payload is shorter, -ENOMEM.
 */
static long (*const vnp_store_bytes)(struct vnp_ctx *ctx, __u32 off,
				     const void *from, __u32 len) =
	(void *)VNP_HELPER_store_bytes;

/**
 * vnp_pull() - make the front of the payload directly readable
 * @ctx:	the program's context
 * @len:	minimum of @ctx->data_end - @ctx->data; 0: the whole payload
 *
 * Pointers into the payload are no longer valid afterwards: read @ctx->data again.
 *
 * Return: 0, -ERANGE if the payload is shorter, -ENOMEM.
 */
static long (*const vnp_pull)(struct vnp_ctx *ctx, __u32 len) =
	(void *)VNP_HELPER_pull;

/**
 * vnp_adjust_head() - remove or add bytes at the front of the payload
 * @ctx:	the program's context
 * @delta:	by how much its first byte moves: if positive, bytes are removed; if negative, bytes
 *		are added, which are zero; as for bpf_xdp_adjust_head()
 *
 * @ctx->len is updated, and all of the payload is directly readable afterwards.  Pointers into it
 * are no longer valid: read @ctx->data again.  The socket, or for %VNP_REPLY the sender, gets a
 * datagram of the new length.
 *
 * Return: 0, -EINVAL (the payload is shorter), -EMSGSIZE (it would be longer than a
 * datagram can be: 65,507 bytes in IPv4 and 65,527 in IPv6, without IP options), -ENOMEM.  If it is
 * not 0 the payload is unchanged.
 */
static long (*const vnp_adjust_head)(struct vnp_ctx *ctx, __s32 delta) =
	(void *)VNP_HELPER_adjust_head;

/**
 * vnp_adjust_tail() - remove or add bytes at the end of the payload
 * @ctx:	the program's context
 * @delta:	by how much its end moves: if positive, bytes are added, which are zero; if
 *		negative, bytes are removed; as for bpf_xdp_adjust_tail()
 *
 * Everything else is as for vnp_adjust_head().
 */
static long (*const vnp_adjust_tail)(struct vnp_ctx *ctx, __s32 delta) =
	(void *)VNP_HELPER_adjust_tail;

/**
 * vnp_send() - send the datagram, or a range of it, to a peer
 * @ctx:	the program's context
 * @peers:	address of a map of type VNP_MAP_PEERS, VNP_MAP_GROUPS or VNP_MAP_SOCKETS
 * @key:	the peer's key
 * @send:	a struct vnp_send, followed by the bytes to be sent in front; NULL: the whole
 *		payload as it is
 * @size:	bytes of both; 0 with NULL
 *
 * To replace the first 12 bytes by others:
 *
 *	struct {
 *		struct vnp_send send;
 *		__u8 head[12];
 *	} own = {
 *		.send = { sizeof(own.send), 0, 12, VNP_SEND_REST },
 *	};
 *	...
 *	vnp_send(ctx, &peers, &key, &own, sizeof(own));
 *
 * The bytes of the payload are sent as they are at this moment: nothing that the program does
 * later changes what is sent.  They are only copied where necessary.  The
 * datagram itself can still be passed, replied to or dropped.  Datagrams of equal length
 * that go to one peer are sent as one packet (UDP GSO) if they arrived together.
 *
 * Whether the datagram was sent, or why not, is counted at the peer (struct vnp_peer, struct
 * vnp_connection).  To a TCP connection of a map of sockets it is queued, and always copied.
 *
 * Return: 0, -ENOENT (no such peer), -ERANGE (the payload is shorter), -EINVAL (a field of
 * struct vnp_send, or more than %VNP_SEND_HEAD_MAX bytes in front), -EMSGSIZE (longer than
 * a datagram can be), -EDQUOT (a limit of the execution or the user: %VNP_ERROR_RATE),
 * -EBADMSG (the datagram has failed authentication), -ENOMEM.  Also for a TCP connection
 * -ENOBUFS (dropped: the queue is full, or shorter than the datagram) and -ENOTCONN (the
 * connection has ended).  A program of type VNP_PROG_MESSAGE sends the message instead of a
 * datagram; for it also -ELOOP (%VNP_STREAM_SENDS_MAX).
 */
static long (*const vnp_send)(struct vnp_ctx *ctx, void *peers, const void *key,
			      const void *send, __u32 size) =
	(void *)VNP_HELPER_send;

/**
 * vnp_send_group() - send the datagram, or a range of it, to all members of a group
 * @ctx:	the program's context
 * @groups:	address of a map of type VNP_MAP_GROUPS or VNP_MAP_SOCKETS
 * @key:	a key of the map; its first four bytes are the group.  The others are used only
 *		with %VNP_SEND_F_OTHERS: nothing is sent to that member, which need not exist
 * @send:	as for vnp_send()
 * @size:	as for vnp_send()
 *
 * It is sent once to each member that the group has at the moment of the call, even if the
 * group is being changed.
 *
 * Return: the number of members that it is sent to, which can be 0, or an error of
 * vnp_send(), except -ENOENT, -ENOBUFS and -ENOTCONN: such a member is not counted.  If it is
 * -EDQUOT or -ENOMEM, some members may get it.
 */
static long (*const vnp_send_group)(struct vnp_ctx *ctx, void *groups, const void *key,
				    const void *send, __u32 size) =
	(void *)VNP_HELPER_send_group;

/**
 * vnp_send_sealed() - send a copy of the datagram, or of a range of it, that is sealed for a peer
 * @ctx:	the program's context
 * @peers:	address of a map of type VNP_MAP_PEERS or VNP_MAP_GROUPS
 * @peer:	the peer's key
 * @keys:	address of a map of type VNP_MAP_KEYS; its keys have at most %VNP_SEAL_KEY_MAX bytes
 * @seal:	what is sent, and how it is sealed; all of it is read
 *
 * The datagram itself does not change, so it can be opened once, and sent to many peers, to each
 * with another key, nonce and header:
 *
 *	struct vnp_seal seal = {
 *		.size = sizeof(seal),
 *		.off = sizeof(struct header),
 *		.len = VNP_SEND_REST,
 *		.head_len = sizeof(struct header),
 *		.aad_len = sizeof(struct header),
 *	};
 *
 *	__builtin_memcpy(seal.key, &peer, sizeof(peer));
 *	__builtin_memcpy(seal.nonce + 4, &number, sizeof(number));
 *	__builtin_memcpy(seal.head, &header, sizeof(header));
 *	vnp_send_sealed(ctx, &peers, &peer, &keys, &seal);
 *
 * A nonce must not be used twice with a key, as for vnp_seal().  Everything else is as for
 * vnp_send().
 *
 * Return: 0, -ENOKEY (no such key, @key or @mac_key of struct vnp_seal), -EKEYREJECTED (the nonce
 * was used, and the key has %VNP_KEY_F_ONCE; this is not counted), -EINVAL (a field of struct
 * vnp_seal, or a key's algorithm does not fit), -ERANGE (the payload is shorter, or less than
 * @aad_len bytes would be sent); -ENOENT, -EMSGSIZE, -EDQUOT, -EBADMSG, -ENOMEM as vnp_send().
 */
static long (*const vnp_send_sealed)(struct vnp_ctx *ctx, void *peers, const void *peer,
				     void *keys, const struct vnp_seal *seal) =
	(void *)VNP_HELPER_send_sealed;

/**
 * vnp_reply() - answer a message: send bytes back over its connection
 * @ctx:	the context of a program of type VNP_PROG_MESSAGE
 * @flags:	must be zero
 * @send:	a struct vnp_send, followed by up to VNP_REPLY_HEAD_MAX bytes to be put in front;
 *		NULL: the whole message as it is
 * @size:	bytes of both; 0 with NULL
 *
 * The answer is queued at once (struct vnp_link_create::reply_bytes), whatever the program returns.
 * A program that has answered a message usually returns %VNP_REPLY, which removes the message from
 * the stream.  After a call of vnp_reply() that verdict sends nothing, even if the call has failed.
 * An answer that only has bytes of the program:
 *
 *	struct {
 *		struct vnp_send send;
 *		char text[5];
 *	} ok = {
 *		.send = { sizeof(ok.send), 0, 0, 0 },
 *		.text = { '+', 'O', 'K', '\r', '\n' },
 *	};
 *	...
 *	if (vnp_reply(ctx, 0, &ok, sizeof(ok.send) + sizeof(ok.text)))
 *		return VNP_PASS;
 *	return VNP_REPLY;
 *
 * Return: 0; -ERANGE, -EINVAL, -EBADMSG, -EDQUOT, -ENOMEM as vnp_send(); -ENOBUFS (the queue has no
 * room, as the peer does not read), -ENOTCONN (the link has no queue for answers, or the connection
 * has ended), -EACCES (the process may not send), -ELOOP (%VNP_STREAM_SENDS_MAX: let the application
 * answer this one).
 */
static long (*const vnp_reply)(struct vnp_ctx *ctx, __u32 flags, const void *send,
			       __u32 size) =
	(void *)VNP_HELPER_reply;

/**
 * vnp_hold() - hold this datagram until its message is released
 * @ctx:	the program's context
 * @message:	the message's key, chosen by the program
 * @order:	the datagram's position among the fragments of the message: fragments are
 *		released by ascending order
 * @from:	the first byte of the payload that belongs to the message
 *
 * vnp_held() counts the datagram immediately, also when it is called on other CPUs.  The datagram
 * is held if the program then returns %VNP_HELD; with another verdict, or after a fault, the call
 * is undone.  A message exists while a fragment of it is held, for the link's
 * @hold_age_ms at most (struct vnp_link_create).
 *
 * Orders may count datagrams, or be positions in bytes: the kernel does not know which.  So a
 * second fragment of the same order is refused, but not one whose bytes overlap those of
 * another order.  A program whose orders are positions in bytes, and which does not trust the
 * senders, should accept only multiples of the size of a fragment.
 *
 * Return: 0, -EEXIST (a fragment of this order is held already, and stays), -EINVAL (the
 * payload is shorter than @from), -EBUSY (the execution has held the datagram already),
 * -EBADMSG (it has failed authentication), -E2BIG (the message has
 * %VNP_MESSAGE_FRAGMENTS_MAX fragments), -ENOMEM, -ENOLINK (the link is being detached).
 */
static long (*const vnp_hold)(struct vnp_ctx *ctx, __u64 message, __u32 order,
			      __u32 from) =
	(void *)VNP_HELPER_hold;

/**
 * vnp_held() - what is held of a message
 * @ctx:	the program's context
 * @message:	the message's key
 * @info:	out: struct vnp_held; zero if there is no such message
 * @len:	sizeof(struct vnp_held)
 *
 * Return: 0, -ENOENT (no such message).
 */
static long (*const vnp_held)(struct vnp_ctx *ctx, __u64 message, struct vnp_held *info,
			      __u32 len) =
	(void *)VNP_HELPER_held;

/**
 * vnp_release() - deliver a message to the socket as one datagram
 * @ctx:	the program's context
 * @message:	the message's key
 *
 * After the execution, the application receives the fragments in their order as the payload of
 * one datagram, with the source address, receive time and control messages of the first.  A
 * waiting process is woken once.  The bytes are only copied if the fragments have at most 256
 * bytes on average, and all of them fit in a page.  The message can have a fragment that another
 * CPU has added, where the execution has not ended yet.  If that execution does not return
 * %VNP_HELD, or there is no memory for the fragment, all fragments are freed, and counted as
 * %VNP_ERROR_DISCARDED.
 *
 * Return: 0, -ENOENT (no such message), -EMSGSIZE (it has more than %VNP_MESSAGE_MAX bytes,
 * and stays).
 */
static long (*const vnp_release)(struct vnp_ctx *ctx, __u64 message) =
	(void *)VNP_HELPER_release;

/**
 * vnp_release_each() - deliver the fragments of a message to the socket, each a datagram
 * @ctx:	the program's context
 * @message:	the message's key
 *
 * They arrive in their order, without the bytes before @from of vnp_hold(), and with their own
 * addresses and control messages.
 *
 * Return: 0, -ENOENT (no such message).
 */
static long (*const vnp_release_each)(struct vnp_ctx *ctx, __u64 message) =
	(void *)VNP_HELPER_release_each;

/**
 * vnp_discard() - free a message
 * @ctx:	the program's context
 * @message:	the message's key
 *
 * Return: 0, -ENOENT (no such message).
 */
static long (*const vnp_discard)(struct vnp_ctx *ctx, __u64 message) =
	(void *)VNP_HELPER_discard;

/**
 * vnp_open() - decrypt a range of the payload, if it is authentic
 * @ctx:	the program's context
 * @keys:	address of a map of type %VNP_MAP_KEYS
 * @key:	key of the entry in the map
 * @crypt:	what to decrypt; not in the payload itself
 * @crypt_len:	sizeof(struct vnp_crypt)
 *
 * The plaintext replaces the text, and the tag after it is removed from the payload, whose
 * other bytes do not change: vnp_adjust_head() removes a header.  As after vnp_adjust_head(),
 * @ctx->len is updated, all of the payload is directly readable, and pointers into it are no longer
 * valid.
 *
 * If this fails, the datagram is dropped, and counted as %VNP_DROP and %VNP_ERROR_AUTH,
 * whatever the program returns, or whatever fault ends it.  With %VNP_CRYPT_F_TRY it is only
 * dropped after -EBADMSG: after another error, such as -ENOENT, the program can try another key, or
 * accept unencrypted data.  After -EBADMSG the text has no plaintext: AES-GCM has overwritten it
 * with zeroes, ChaCha20 has not decrypted it.
 *
 *	struct vnp_crypt crypt = {
 *		.off = sizeof(struct header),
 *		.len = VNP_CRYPT_END,
 *		.aad_len = sizeof(struct header),
 *	};
 *
 *	__builtin_memcpy(crypt.nonce, header.nonce, sizeof(header.nonce));
 *	if (vnp_open(ctx, &keys, &header.peer, &crypt, sizeof(crypt)))
 *		return VNP_DROP;
 *
 * Return: 0, -EBADMSG (it is not authentic, or too short for a tag), -ENOENT (no such key),
 * -EINVAL (@crypt, or the key's algorithm does not fit), -E2BIG (a newer struct vnp_crypt),
 * -ERANGE (a range is not in the payload), -EDQUOT (an execution on a message of a stream has
 * encrypted or authenticated too many bytes: %VNP_PROG_MESSAGE), -ENOMEM.
 */
static long (*const vnp_open)(struct vnp_ctx *ctx, void *keys, const void *key,
			      const struct vnp_crypt *crypt, __u32 crypt_len) =
	(void *)VNP_HELPER_open;

/**
 * vnp_seal() - encrypt a range of the payload, and insert its tag after it
 * @ctx:	the program's context
 * @keys:	address of a map of type %VNP_MAP_KEYS
 * @key:	key of the entry in the map
 * @crypt:	what to encrypt; not in the payload itself
 * @crypt_len:	sizeof(struct vnp_crypt)
 *
 * A nonce must not be used twice with a key: with two such texts others can be forged.
 * %VNP_KEY_F_ONCE of the key prevents it.  Everything else is as for vnp_open().
 *
 * Return: 0, -EKEYREJECTED (the nonce was used), -EMSGSIZE (the payload would be too long),
 * -ENOENT, -EINVAL, -E2BIG, -ERANGE, -EDQUOT, -ENOMEM.  If it is not 0 the payload is unchanged,
 * and it can be passed; but the text may have become zero if it is -ENOMEM.
 */
static long (*const vnp_seal)(struct vnp_ctx *ctx, void *keys, const void *key,
			      const struct vnp_crypt *crypt, __u32 crypt_len) =
	(void *)VNP_HELPER_seal;

/**
 * vnp_mac_verify() - is an unencrypted range of the payload authentic?
 * @ctx:	the program's context
 * @keys:	address of a map of type %VNP_MAP_KEYS
 * @key:	key of the entry in the map
 * @crypt:	the range, and where its tag is; not in the payload itself
 * @crypt_len:	sizeof(struct vnp_crypt)
 *
 * Tags are compared in constant time.  Pointers into the payload are no longer valid afterwards.
 * If it fails the datagram is dropped as by vnp_open(), unless %VNP_CRYPT_F_TRY is set: then a
 * failure is only reported.
 *
 * Return: 0, -EBADMSG (it is not authentic), -ENOENT, -EINVAL, -E2BIG, -ERANGE, -EDQUOT, -ENOMEM.
 */
static long (*const vnp_mac_verify)(struct vnp_ctx *ctx, void *keys, const void *key,
				    const struct vnp_crypt *crypt, __u32 crypt_len) =
	(void *)VNP_HELPER_mac_verify;

/**
 * vnp_mac() - write the tag of a range of the payload
 * @ctx:	the program's context
 * @keys:	address of a map of type %VNP_MAP_KEYS
 * @key:	key of the entry in the map
 * @crypt:	the range, and where to write its tag; not in the payload itself
 * @crypt_len:	sizeof(struct vnp_crypt)
 *
 * The tag overwrites bytes of the payload: vnp_adjust_head() and vnp_adjust_tail() make room.
 * Afterwards pointers into it are no longer valid.
 *
 * Return: 0, -ENOENT, -EINVAL, -E2BIG, -ERANGE, -EDQUOT, -ENOMEM.
 */
static long (*const vnp_mac)(struct vnp_ctx *ctx, void *keys, const void *key,
			     const struct vnp_crypt *crypt, __u32 crypt_len) =
	(void *)VNP_HELPER_mac;

/**
 * vnp_replay_check() - may a sequence number be accepted?
 * @map:	address of a map of type %VNP_MAP_REPLAY
 * @key:	key of the window in the map
 * @number:	the sequence number
 *
 * Call it before vnp_open(), which costs more.  It may return 0 for the same number on several
 * CPUs; vnp_replay_commit() does so only once.  A key that is not in the map stands for a window
 * in which no number was committed.
 *
 * Return: 0, -EALREADY (it was committed), -ESTALE (it is before the window),
 * -ERANGE (it is 2^64 - 1, which cannot be committed).
 */
static long (*const vnp_replay_check)(void *map, const void *key, __u64 number) =
	(void *)VNP_HELPER_replay_check;

/**
 * vnp_replay_commit() - accept a sequence number, once
 * @map:	address of a map of type %VNP_MAP_REPLAY
 * @key:	key of the window in the map; a window is added if there is none
 * @number:	the sequence number, which must be authentic: call it after vnp_open()
 *
 * Return: as vnp_replay_check(); the number is accepted if it is 0.  -ENOSPC: the map is
 * full; -ENOMEM as vnp_map_update().
 */
static long (*const vnp_replay_commit)(void *map, const void *key, __u64 number) =
	(void *)VNP_HELPER_replay_commit;

/**
 * vnp_srtp_index() - the index of an SRTP packet (RFC 3711, 3.3.1)
 * @next:	1 + the highest index so far, as struct vnp_replay::next of the stream's window;
 *		0: none
 * @seq:	the packet's sequence number, host byte order
 *
 * The index is 2^16 * ROC + SEQ, the number for vnp_replay_check().  The sender does not
 * send the rollover counter ROC: it is the one that brings the index closest to the highest.
 *
 * Return: the index.
 */
static __always_inline __u64 vnp_srtp_index(__u64 next, __u16 seq)
{
	__u64 highest = next ? next - 1 : seq;
	__u64 roc = highest >> 16;
	__u16 last = highest;

	if (last < 0x8000 && seq - last > 0x8000 && roc)
		roc--;
	else if (last >= 0x8000 && last - 0x8000 > seq)
		roc++;
	return roc << 16 | seq;
}

/**
 * vnp_time_ns() - the current time
 *
 * Return: ns of CLOCK_MONOTONIC.
 */
static __u64 (*const vnp_time_ns)(void) = (void *)VNP_HELPER_time_ns;

/**
 * vnp_random_u32() - a random number
 *
 * Return: 32 random bits, suitable for keys.
 */
static __u32 (*const vnp_random_u32)(void) = (void *)VNP_HELPER_random_u32;

/**
 * vnp_csum_diff() - update an Internet checksum (RFC 1624)
 * @from:	removed bytes, or NULL
 * @from_len:	their number, a multiple of 4, at most %VNP_CSUM_DIFF_MAX
 * @to:		added bytes, or NULL
 * @to_len:	their number, a multiple of 4, at most %VNP_CSUM_DIFF_MAX
 * @seed:	the sum so far, not folded to 16 bits
 *
 * Return: the new sum, 32 bits that are not folded to 16, or -EINVAL.
 */
static __s64 (*const vnp_csum_diff)(const void *from, __u32 from_len,
				    const void *to, __u32 to_len, __u32 seed) =
	(void *)VNP_HELPER_csum_diff;

/**
 * vnp_log() - write a line to the program's log; see vnp_printk()
 * @ctx:	the program's context
 * @fmt:	format: %d %i %u %x %c and %% with l or ll, at most 128 bytes
 * @fmt_len:	bytes of it, with its NUL
 * @args:	__u64[], one for each conversion, at most 12
 * @args_len:	bytes of it
 *
 * A format that is known when the program is loaded is checked then: if it is wrong, the
 * program is refused.
 *
 * Return: 0, -EINVAL (the format, or too many arguments: a line that describes the error is
 * written instead), -ENOSPC (the log is full).
 */
static long (*const vnp_log)(struct vnp_ctx *ctx, const char *fmt, __u32 fmt_len,
			     const __u64 *args, __u32 args_len) =
	(void *)VNP_HELPER_log;

/**
 * vnp_printk() - vnp_log() with arguments like printf()
 * @ctx:	the program's context
 * @fmt:	a string literal, with the conversions of vnp_log(): no %s, no %p
 *
 * The lines are read from the program's descriptor: `vnpctl prog log id ID`.
 */
#define vnp_printk(ctx, fmt, ...)					\
({									\
	static const char ___fmt[] = fmt;				\
	__u64 ___args[] = { 0, ##__VA_ARGS__ };				\
									\
	vnp_log(ctx, ___fmt, sizeof(___fmt), ___args + 1,		\
		sizeof(___args) - sizeof(___args[0]));			\
})

#endif /* _VNP_PROGRAM_H */
