/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A payload for each program, and the result of the first execution: INPUT(name, result,
 * bytes)
 */
#ifndef _VNP_BENCH_PROCESSOR_INPUTS_H
#define _VNP_BENCH_PROCESSOR_INPUTS_H

/* 10.9.8.7:4660 to 10.1.2.77:53, 8 bytes in UDP, with a time stamp option before it */
#define INPUT_IPV4							\
	"\x47\x00\x00\x2c\xab\xcd\x00\x00\x40\x11\x65\x8e"		\
	"\x0a\x09\x08\x07\x0a\x01\x02\x4d"				\
	"\x44\x08\x05\x00\x00\x00\x00\x00"				\
	"\x12\x34\x00\x35\x00\x10\x11\xb7" "payload!"

#define PROCESSOR_INPUTS(INPUT)						\
INPUT(bloom, 1, "a session key of sixty-four bytes or less")		\
INPUT(bucket, 5, "\xc0\xa8\x01\x02 hello")				\
INPUT(dns_name, 301,							\
	"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"		\
	"\x03" "www" "\x07" "ExAmple" "\x03" "org" "\x00\x00\x01\x00\x01" \
	"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x01") \
INPUT(flows, 1, INPUT_IPV4)						\
INPUT(ip_csum, 2, INPUT_IPV4)						\
INPUT(jump_hash, 890, "session!")						\
INPUT(lpm, 4, INPUT_IPV4)						\
INPUT(maglev, 3, INPUT_IPV4)						\
INPUT(quic, 0x50880027,							\
	"\xc3\x00\x00\x00\x01\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08"	\
	"\x04\xaa\xbb\xcc\xdd" "\x40\x10" "0123456789abcdef"		\
	"\x40\x14" "\x00\x00\x00\x02" "0123456789abcdef")		\
INPUT(rtp, 0x140551,							\
	"\xb2\x60\x12\x34\x00\x00\x10\x00\xde\xad\xbe\xef"		\
	"\x00\x00\x00\x0b\x00\x00\x00\x16"				\
	"\xbe\xde\x00\x03" "\x21\xab\xcd\x00" "\x10\x4f\x33\x01"	\
	"\x02\x03\x04\x00" "twenty bytes of data" "\x00\x00\x03")	\
INPUT(search, 40,						\
	"REGISTER sip:example.org SIP/2.0\r\nTo: <sip:alice@example.org>\r\n") \
INPUT(stun, 0xc0000221,							\
	"\x01\x01\x00\x30\x21\x12\xa4\x42" "abcdefghijkl"		\
	"\x80\x22\x00\x05" "proxy\0\0\0"				\
	"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x63"		\
	"\x00\x08\x00\x14" "0123456789abcdefghij")			\
INPUT(tls_sni, 0x2d8e29b1,					\
	"\x16\x03\x01\x00\x62\x01\x00\x00\x5e\x03\x03"			\
	"random random random random rand"				\
	"\x04" "sess" "\x00\x06\x13\x01\x13\x02\x13\x03" "\x01\x00"	\
	"\x00\x2b" "\x00\x0a\x00\x08\x00\x06\x00\x1d\x00\x17\x00\x18"	\
	"\x00\x00\x00\x10\x00\x0e\x00\x00\x0b" "example.org"		\
	"\x00\x2b\x00\x03\x02\x03\x04")

#endif /* _VNP_BENCH_PROCESSOR_INPUTS_H */
