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

static volatile sig_atomic_t stop;

static void end(int sig)
{
	(void)sig;
	stop = 1;
}

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
static void write_header(FILE *file, const __u8 *frame, ssize_t len)
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
	fwrite(&header, sizeof(header), 1, file);
}

/* Return: number of frames */
static unsigned long receive(int sock, FILE *file)
{
	static __u8 frame[65536];
	unsigned long cnt = 0;

	while (!stop) {
		const ssize_t len = recv(sock, frame, sizeof(frame), 0);
		const struct ivf_frame header = { htole32(len), htole64(cnt) };

		if (len < 0)
			continue;
		if (!cnt++)
			write_header(file, frame, len);
		fwrite(&header, sizeof(header), 1, file);
		fwrite(frame, len, 1, file);
		fflush(file);
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
	const struct sigaction action = { .sa_handler = end };
	const struct sample sample = frames_sample();
	struct vnp_link_opts limits = { .sz = sizeof(limits) };
	struct vnp_link *link;
	FILE *file;
	int sock;

	if (argc != 4 || !sample_port(argv[1]) || atoi(argv[2]) <= 0) {
		fputs(usage, stderr);
		return 2;
	}
	limits.hold_age_ms = atoi(argv[2]);
	/* Without SA_RESTART: recv() ends. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	file = fopen(argv[3], "w");
	if (!file) {
		sample_complain(&sample, "open the file", -errno);
		return 1;
	}
	sock = sample_open_port(&sample, sample_port(argv[1]), RCVBUF);
	if (sock < 0 || sample_attach(&sample, sock, &limits, &link))
		return 1;
	printf("UDP port %s takes video\n", argv[1]);
	fflush(stdout);
	report(link, receive(sock, file));
	vnp_link_close(link);
	close(sock);
	fclose(file);
	return 0;
}
