/* SPDX-License-Identifier: GPL-2.0 */
/* Messages of a stream, for the workload stream. */
#ifndef _VNP_BENCH_STREAM_H
#define _VNP_BENCH_STREAM_H

/* Bytes before a message: a number of 32 bits, big endian: how many bytes follow */
#define PREFIX	4

#endif /* _VNP_BENCH_STREAM_H */
