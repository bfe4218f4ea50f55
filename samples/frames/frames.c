// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * frames: receive video, VP8 in RTP, a whole frame with each recv(), and write it to a file
 * (IVF, which players and ffmpeg read).
 */
#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../common.h"

/* For some of the largest frames at once */
#define RCVBUF		(2 << 20)

SAMPLE(frames_sample, frames)

static const char usage[] =
	"usage: frames PORT AGE FILE\n"
	"\n"
	"Receive video at UDP port PORT, VP8 in RTP, and write its frames to FILE (IVF).\n"
	"Frames that are not complete AGE milliseconds after their first packet are\n"
	"discarded, and so are those that are complete only after a later one.  It ends at\n"
	"SIGINT or SIGTERM, and prints its counters.\n";

/* Both are little-endian. */
struct ivf_header {
	char magic[4];
	__u16 version;
	__u16 len;
	char codec[4];
	__u16 width;
	__u16 height;
	__u32 rate;
	__u32 scale;
	__u32 frames;
	__u32 unused;
};

struct ivf_frame {
	__u32 len;
	__u64 time;
} __attribute__((packed));

/* A key frame says how large the picture is: RFC 6386, section 9.1. */
static int write_header(FILE *file, const __u8 *frame, ssize_t len)
{
	struct ivf_header header = {
		.magic = "DKIF",
		.len = htole16(sizeof(header)),
		.codec = "VP80",
		.rate = htole32(25),
		.scale = htole32(1),
	};

	if (len >= 10 && !(frame[0] & 1)) {
		header.width = htole16((frame[6] | frame[7] << 8) & 0x3fff);
		header.height = htole16((frame[8] | frame[9] << 8) & 0x3fff);
	}
	return fwrite(&header, sizeof(header), 1, file) == 1 ? 0 : -errno;
}

/* Frame number @cnt.  Return: 0 or a negative errno */
static int write_frame(FILE *file, const __u8 *frame, ssize_t len, unsigned long cnt)
{
	const struct ivf_frame header = { htole32(len), htole64(cnt) };
	int err = cnt ? 0 : write_header(file, frame, len);

	if (!err && (fwrite(&header, sizeof(header), 1, file) != 1 ||
		     fwrite(frame, 1, len, file) != (size_t)len || fflush(file)))
		err = -errno;
	return err;
}

/* Return: number of frames */
static unsigned long receive(const struct sample *sample, int sock, FILE *file)
{
	static __u8 frame[65536];
	unsigned long cnt = 0;
	int err = 0;

	while (!err && !sample_ended) {
		const ssize_t len = recv(sock, frame, sizeof(frame), 0);

		if (len < 0 && errno != EINTR)
			err = sample_complain(sample, "receive", -errno);
		if (len < 0 || sample_ended)
			continue;
		err = write_frame(file, frame, len, cnt);
		if (err)
			sample_complain(sample, "write the file", err);
		else
			cnt++;
	}
	return cnt;
}

static void report(struct vnp_link *link, unsigned long frames)
{
	struct vnp_link_info info = { .size = sizeof(info) };

	vnp_link_detach(link);
	if (vnp_link_get_info(link, &info))
		return;
	printf("%lu frames in %llu packets; %llu packets of incomplete frames, %llu late or not video\n",
	       frames, info.released_fragments,
	       info.errors[VNP_ERROR_DISCARDED] + info.errors[VNP_ERROR_EXPIRED] +
	       info.errors[VNP_ERROR_EVICTED], info.verdicts[VNP_DROP]);
}

int main(int argc, char **argv)
{
	const struct sample sample = frames_sample();
	struct vnp_link_opts limits = { .sz = sizeof(limits) };
	struct vnp_link *link;
	FILE *file;
	int sock;

	if (argc == 4)
		limits.hold_age_ms = sample_number(argv[2], VNP_HOLD_AGE_MS_MAX);
	if (!limits.hold_age_ms || !sample_port(argv[1])) {
		fputs(usage, stderr);
		return 2;
	}
	file = fopen(argv[3], "w");
	if (!file) {
		sample_complain(&sample, "open the file", -errno);
		return 1;
	}
	sock = sample_socket(&sample, RCVBUF);
	if (sock < 0 || sample_attach(&sample, sock, &limits, &link) ||
	    sample_bind(&sample, sock, sample_port(argv[1])))
		return 1;
	sample_end_by_signal(sock);
	printf("UDP port %s takes video\n", argv[1]);
	fflush(stdout);
	report(link, receive(&sample, sock, file));
	vnp_link_close(link);
	close(sock);
	fclose(file);
	return 0;
}
