// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Frames in packets that are lost, duplicated and out of order: are those that are complete in
 * the file, with all their bytes and in their order, and was the process woken once for each?
 * The receiver is the sample itself, build/samples/frames/frames, in the directory of this
 * program.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../test.h"
#include "frames.h"

#define PORT		"7015"
#define FRAMES		100
#define PACKETS_MAX	24
#define PACKET_LEN	1000
#define SEQ_BEGIN	0xff00	/* it overflows */
#define IVF_HEADER	32
#define IVF_FRAME	12

/* struct stream - what is sent */
struct stream {
	int sock;
	__u16 seq;
	int frame;
};

static int packets_of(int frame)
{
	return 1 + frame * 7 % PACKETS_MAX;
}

/* Every tenth frame is sent without one of its packets, if it has more than two. */
static int is_complete(int frame)
{
	return frame % 10 != 9 || packets_of(frame) < 3;
}

static __u8 byte_of(int frame, int i)
{
	return frame * 13 + i * 7 + i / 256;
}

static int stream_send(const struct stream *s, int packet)
{
	const int cnt = packets_of(s->frame);
	struct {
		struct rtp_header rtp;
		__u8 vp8;
		__u8 data[PACKET_LEN];
	} __attribute__((packed)) p = {
		.rtp = {
			.flags = RTP_VERSION,
			.type = 96 | (packet == cnt - 1 ? RTP_MARKER : 0),
			.seq = htons(s->seq + packet),
			.timestamp = htonl(s->frame * 3600),
			.ssrc = htonl(1),
		},
		.vp8 = packet ? 0 : VP8_START,
	};
	int i;

	for (i = 0; i < PACKET_LEN; i++)
		p.data[i] = byte_of(s->frame, packet * PACKET_LEN + i);
	return send(s->sock, &p, sizeof(p), 0) == sizeof(p);
}

/* The second half first, and some packets twice */
static int stream_send_frame(struct stream *s)
{
	const int cnt = packets_of(s->frame);
	int i, k, ok = 1;

	for (i = 0; i < cnt; i++) {
		k = (i + cnt / 2) % cnt;
		if (!is_complete(s->frame) && k == 1)
			continue;
		ok &= stream_send(s, k);
		if (k % 5 == 3)
			ok &= stream_send(s, k);
	}
	s->seq += cnt;
	s->frame++;
	return ok;
}

static int frame_ok(FILE *file, int frame)
{
	const int len = packets_of(frame) * PACKET_LEN;
	static __u8 data[PACKETS_MAX * PACKET_LEN];
	__u8 header[IVF_FRAME];
	int i;

	if (fread(header, sizeof(header), 1, file) != 1 ||
	    (header[0] | header[1] << 8 | header[2] << 16) != len ||
	    fread(data, len, 1, file) != 1)
		return 0;
	for (i = 0; i < len; i++)
		if (data[i] != byte_of(frame, i))
			return 0;
	return 1;
}

static int file_ok(const char *path)
{
	FILE *file = fopen(path, "r");
	int i, ok;

	if (!file || fseek(file, IVF_HEADER, SEEK_SET))
		return 0;
	for (i = 0, ok = 1; i < FRAMES && ok; i++)
		if (is_complete(i))
			ok = frame_ok(file, i);
	ok &= fgetc(file) == EOF;
	fclose(file);
	return ok;
}

static int stream_open(struct stream *s)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(atoi(PORT)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	s->seq = SEQ_BEGIN;
	s->sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return connect(s->sock, (const void *)&to, sizeof(to));
}

int main(int argc, char **argv)
{
	char path[] = "/dev/shm/frames.XXXXXX", line[256] = "", expected[64];
	const char *const args[] = { "frames", PORT, "60000", path, NULL };
	struct stream s = { .frame = 0 };
	int i, cnt = 0, ok = 1, woken = 1;
	FILE *out = NULL;
	long before;
	pid_t pid;

	(void)argc;
	test_plan(4);
	close(mkstemp(path));
	pid = test_start(argv[0], args, NULL, &out);
	if (pid < 0 || stream_open(&s))
		return test_bail_out("The receiver does not start.");
	for (i = 0; i < FRAMES; i++) {
		before = sleeps_of(pid);
		ok &= stream_send_frame(&s);
		/* A kernel whose softirqs are deferred may not have delivered it yet. */
		woken &= !is_complete(i) || test_until(sleeps_of(pid) != before);
		woken &= sleeps_of(pid) == before + is_complete(i);
		cnt += is_complete(i);
	}
	report(ok, "all frames are sent");
	report(woken, "the receiver is woken once for each complete frame");
	kill(pid, SIGTERM);
	snprintf(expected, sizeof(expected), "%d frames in ", cnt);
	report(fgets(line, sizeof(line), out) && !strncmp(line, expected, strlen(expected)),
	       "it has counted them");
	waitpid(pid, NULL, 0);
	report(file_ok(path), "complete frames are in the file, and no others");
	printf("# %s", line);
	unlink(path);
	return test_status();
}
