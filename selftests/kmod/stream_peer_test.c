// SPDX-License-Identifier: GPL-2.0
/* What a TCP peer can do to a link: any number of segments, of any length, in any order. */
#include <errno.h>
#include <string.h>
#include "crafted.h"
#include "harness.h"

#define BUFFER	(1 << 20)

static __u8 sent[BUFFER], got[BUFFER];

FIXTURE(peer) {
	struct crafted peer;
	__u32 total;
	struct vnp_link_info info;
};

FIXTURE_SETUP(peer)
{
	self->peer.tun = -1;
	self->peer.conn = (struct conn){ -1, -1, -1 };
	self->total = 0;
}

FIXTURE_TEARDOWN(peer)
{
	crafted_close(&self->peer);
}

#define PEER	struct _test_data_peer

/* segments() - the next bytes of the stream from @sent, in segments of @size */
static int segments(PEER *self, size_t len, size_t size)
{
	int err = 0;

	for (size_t done = 0; done < len && !err; done += size, self->total += size)
		err = crafted_send(&self->peer, self->total, sent + done, size);
	return err ?: conn_arrived(&self->peer.conn, self->total);
}

/* messages() - messages of @size bytes, in a segment each */
static int messages(PEER *self, char type, unsigned int cnt, size_t size)
{
	for (unsigned int i = 0; i < cnt; i++)
		message_make(sent + i * size, type, size, i);
	return segments(self, cnt * size, size);
}

/* Segments that the kernel does not merge, as they are longer than what is left of a packet */
#define SIZE	60

/* CONNECT_CRAFTED() - connect with this SO_RCVBUF, or 0, and link the connection */
#define CONNECT_CRAFTED(rcvbuf) do {					\
	ASSERT_EQ(0, crafted_open(&self->peer, rcvbuf));		\
	ASSERT_EQ(0, conn_link(&self->peer.conn, 0, 0));		\
} while (0)

/*
 * A message whose length is never known, after many that are held, and after one that the
 * application does not read, so that nothing is done for the window.  The program is executed with
 * each segment; finding the message must not take longer and longer.
 */
TEST_F(peer, endless)
{
	const unsigned int held = 250, more = 700;

	CONNECT_CRAFTED(0);
	ASSERT_EQ(0, messages(self, MSG_PASS, 1, SIZE));
	ASSERT_EQ(0, messages(self, MSG_HOLD, held, SIZE));
	message_make(sent, MSG_ENDLESS, more * SIZE, 0);
	ASSERT_EQ(0, segments(self, more * SIZE, SIZE));
	ASSERT_EQ(0, link_info(self->peer.conn.link, &self->info));
	EXPECT_EQ(held + 1, self->info.packets);
	EXPECT_GT(64 * more, self->info.walked);
	/* and all of it is there */
	ASSERT_EQ(0, link_detach(self->peer.conn.link));
	ASSERT_EQ(self->total, recv(self->peer.conn.rx, got, self->total, MSG_WAITALL));
	EXPECT_MEM(sent, got + self->total - more * SIZE, more * SIZE);
}

/*
 * The buffer is crowded by what is out of order, so that repacking what is held does not help:
 * then it is not repeated with each segment.
 */
TEST_F(peer, futile)
{
	const size_t large = 15000, beyond = 400, cnt = 25, few = 200;

	CONNECT_CRAFTED(49152);
	message_make(sent, MSG_ENDLESS, BUFFER, 0);
	ASSERT_EQ(0, segments(self, large, large));
	for (size_t i = 0; i < cnt; i++)
		ASSERT_EQ(0, crafted_send(&self->peer, large + few + i * beyond,
					  sent + large + few + i * beyond, beyond));
	for (size_t i = 0; i < few; i++)
		ASSERT_EQ(0, crafted_send(&self->peer, large + i, sent + large + i, 1));
	self->total = large + few + cnt * beyond;
	ASSERT_EQ(0, conn_arrived(&self->peer.conn, self->total));
	ASSERT_EQ(0, link_info(self->peer.conn.link, &self->info));
	EXPECT_GT(16 * self->total, self->info.repacked);
}

/*
 * A message in more packets than are removed at once.  Root of a network namespace can set the
 * receive buffer's size, so that they are not repacked.
 */
TEST_F(peer, dropped)
{
	const size_t cnt = 3000;

	CONNECT_CRAFTED(-(1 << 30));
	ASSERT_EQ(0, messages(self, MSG_PASS, 1, SIZE));
	message_make(sent, MSG_LAST, cnt * SIZE, 0);
	sent[cnt * SIZE - 1] = MSG_DROP;
	ASSERT_EQ(0, segments(self, cnt * SIZE, SIZE));
	ASSERT_EQ(0, link_info(self->peer.conn.link, &self->info));
	EXPECT_EQ(0, self->info.repacked);
	EXPECT_EQ(1, self->info.verdicts[VNP_DROP]);
	ASSERT_EQ(SIZE, recv(self->peer.conn.rx, got, BUFFER, 0));
	ASSERT_EQ(-1, recv(self->peer.conn.rx, got, BUFFER, MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, messages(self, MSG_PASS, 1, SIZE));
	ASSERT_EQ(SIZE, recv(self->peer.conn.rx, got, BUFFER, 0));
	EXPECT_MEM(sent, got, SIZE);
}

/*
 * Where TCP may close the window although the peer was told of it: it stays open for a message of
 * many segments, also if it is advertised in units that are larger than a segment.
 */
TEST_F(peer, shrinking_window)
{
	const size_t len = 100000, size = 200;

	ASSERT_EQ(0, crafted_enter(&self->peer));
	if (write_text("/proc/sys/net/ipv4/tcp_shrink_window", "1") < 0)
		SKIP(return, "the window does not shrink before Linux 6.1.53");
	ASSERT_OK(write_text("/proc/sys/net/ipv4/tcp_rmem", "4096 131072 536870912"));
	ASSERT_EQ(0, crafted_connect(&self->peer, 0));
	ASSERT_EQ(0, conn_link(&self->peer.conn, 0, 0));
	message_make(sent, MSG_PASS, len, 1);
	ASSERT_EQ(0, segments(self, len, size));
	ASSERT_EQ(len, recv(self->peer.conn.rx, got, len, MSG_WAITALL));
	EXPECT_MEM(sent, got, len);
}

/* Backwards: the program is executed when the first segment has arrived. */
TEST_F(peer, order)
{
	const size_t len = 20000, size = 100;

	CONNECT_CRAFTED(0);
	message_make(sent, MSG_PASS, len, 1);
	for (size_t at = len - size; at; at -= size)
		ASSERT_EQ(0, crafted_send(&self->peer, at, sent + at, size));
	ASSERT_EQ(-1, recv(self->peer.conn.rx, got, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, crafted_send(&self->peer, 0, sent, size));
	ASSERT_EQ(len, recv(self->peer.conn.rx, got, len, MSG_WAITALL));
	EXPECT_MEM(sent, got, len);
}

TEST_HARNESS_MAIN
