// SPDX-License-Identifier: GPL-2.0
#include "transfer.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

int transfer_open(struct transfer *t, enum flow_kind kind, size_t size)
{
	*t = (struct transfer){ .size = size, .conn = { -1, -1, -1 } };
	t->sent = calloc(3, size);
	if (!t->sent)
		return -ENOMEM;
	t->want = t->sent + size;
	t->got = t->want + size;
	return conn_open(&t->conn, kind, 0);
}

void transfer_close(struct transfer *t)
{
	conn_close(&t->conn);
	free(t->sent);
}

int transfer_reopen(struct transfer *t, enum flow_kind kind)
{
	conn_close(&t->conn);
	t->len = 0;
	t->total = 0;
	t->want_len = 0;
	return conn_open(&t->conn, kind, 0);
}

void transfer_want(struct transfer *t, const void *data, size_t len)
{
	memcpy(t->want + t->want_len, data, len);
	t->want_len += len;
}

bool transfer_is_read(char type)
{
	return type == MSG_PASS || type == MSG_HOLD;
}

void transfer_add(struct transfer *t, char type, size_t len)
{
	message_make(t->sent + t->len, type, len, t->total + t->len);
	if (transfer_is_read(type))
		transfer_want(t, t->sent + t->len, len);
	t->len += len;
}

int transfer_segments(struct transfer *t, size_t size)
{
	int err = 0;

	for (size_t at = 0, n; at < t->len && !err; at += n) {
		n = t->len - at < size ? t->len - at : size;
		err = conn_put(&t->conn, t->sent + at, n);
	}
	t->total += t->len;
	t->len = 0;
	return err ?: conn_arrived(&t->conn, t->total);
}

int transfer_send(struct transfer *t)
{
	return transfer_segments(t, t->len);
}

int transfer_put(struct transfer *t, char type, size_t len)
{
	transfer_add(t, type, len);
	return transfer_send(t);
}

static void *send_all(void *arg)
{
	struct transfer *t = arg;

	return (void *)(long)conn_put(&t->conn, t->sent, t->len);
}

int transfer_start(struct transfer *t)
{
	return -pthread_create(&t->thread, NULL, send_all, t);
}

int transfer_finish(struct transfer *t)
{
	void *ret;
	int err = -pthread_join(t->thread, &ret);

	t->total += t->len;
	t->len = 0;
	return err ?: (long)ret;
}

int transfer_quiet(struct transfer *t)
{
	return stream_quiet(t->conn.rx);
}

int transfer_ready(struct transfer *t)
{
	struct pollfd poll_fd = { .fd = t->conn.rx, .events = POLLIN };
	const int len = t->want_len;
	int bytes = -1;

	t->want_len = 0;
	if (poll(&poll_fd, 1, 10000) != 1 || ioctl(t->conn.rx, FIONREAD, &bytes))
		return -1;
	if (bytes != len)
		return -bytes;
	return recv(t->conn.rx, t->got, t->size, 0) == len &&
	       mem_differ(t->want, t->got, len) == -1;
}

int transfer_read(struct transfer *t)
{
	const size_t len = t->want_len;
	const ssize_t n = recv(t->conn.rx, t->got, len, MSG_WAITALL);

	t->want_len = 0;
	return n == (ssize_t)len && mem_differ(t->want, t->got, len) == -1 && transfer_quiet(t);
}
