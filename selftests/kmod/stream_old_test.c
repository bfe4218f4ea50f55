// SPDX-License-Identifier: GPL-2.0
/* A TCP connection with a link, after 2 GiB */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>
#include "harness.h"
#include "net.h"
#include "stream.h"

/* A file of messages of the size that is read at once */
#define BUFFER	(1 << 20)
#define AT_ONCE	4096

static __u8 sent[BUFFER], got[BUFFER];

FIXTURE(old) {
	struct conn conn;
	int file;
};

FIXTURE_SETUP(old)
{
	ASSERT_EQ(0, conn_open(&self->conn, FLOW_IP4, 131072));
	ASSERT_EQ(0, conn_link(&self->conn, 0, 0));
	self->file = memfd_create("messages", MFD_CLOEXEC);
	ASSERT_OK(self->file);
}

FIXTURE_TEARDOWN(old)
{
	close(self->file);
	conn_close(&self->conn);
}

#define SELF	struct _test_data_old

static void *write_files(void *arg)
{
	SELF *self = arg;
	off_t at;

	for (__u64 left = (1ULL << 31) + BUFFER; left; left -= BUFFER)
		for (at = 0; at < BUFFER;)
			if (sendfile(self->conn.tx, self->file, &at, BUFFER - at) < 0)
				return self;
	return NULL;
}

static void *write_crumbs(void *arg)
{
	SELF *self = arg;

	for (size_t at = 0; at < 80000; at += 20)
		if (conn_put(&self->conn, sent + at, 20))
			return self;
	return NULL;
}

/* crumbs() - a message in small packets, which only fits if it is repacked.  1: it is read */
static int crumbs(SELF *self)
{
	pthread_t thread;
	ssize_t len;
	void *ret;

	message_make(sent, MSG_PASS, 80000, 1);
	if (pthread_create(&thread, NULL, write_crumbs, self))
		return -1;
	len = recv(self->conn.rx, got, 80000, MSG_WAITALL);
	if (len != 80000)
		shutdown(self->conn.tx, SHUT_RDWR);
	return !pthread_join(thread, &ret) && !ret && len == 80000 &&
	       mem_differ(sent, got, len) == -1;
}

/*
 * Sequence numbers can be compared within 2^31 only.  What was done for the window before 2 GiB of
 * messages for which nothing had to be done does not count.
 */
TEST_F(old, window)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(1, crumbs(self));
	for (size_t at = 0; at < BUFFER; at += AT_ONCE)
		message_make(sent + at, MSG_PASS, AT_ONCE, at);
	ASSERT_EQ(BUFFER, write(self->file, sent, BUFFER));
	ASSERT_EQ(0, pthread_create(&thread, NULL, write_files, self));
	for (__u64 left = (1ULL << 31) + BUFFER; left;) {
		ssize_t n = recv(self->conn.rx, NULL, left < BUFFER ? left : BUFFER, MSG_TRUNC);

		ASSERT_LT(0, n);
		left -= n;
	}
	ASSERT_EQ(0, pthread_join(thread, &ret));
	ASSERT_EQ(NULL, ret);
	ASSERT_EQ(1, crumbs(self));
}

TEST_HARNESS_MAIN
