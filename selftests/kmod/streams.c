// SPDX-License-Identifier: GPL-2.0
#include "streams.h"

#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>
#include "insn.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define UNIT	16	/* bytes of a message */

int streams_progs(int dev, int *stream, int *message)
{
	const struct bpf_insn measure[] = { MOV_IMM(R0, UNIT), EXIT() };
	const struct bpf_insn decide[] = {
		MOV_REG(R6, R1),
		MOV_IMM(R2, 0),
		MOV_REG(R3, FP),
		ALU64_IMM(BPF_ADD, R3, -8),
		MOV_IMM(R4, 1),
		ST(BPF_DW, FP, -8, 0),
		CALL(load_bytes),
		LDX(BPF_B, R1, FP, -8),
		ALU64_IMM(BPF_AND, R1, UNIT),
		MOV_IMM(R0, VNP_HELD),
		JMP_IMM(BPF_JNE, R1, 0, 1),
		MOV_IMM(R0, VNP_PASS),
		EXIT(),
	};
	struct vnp_prog_load attr = prog_attr(measure, ARRAY_SIZE(measure));

	attr.type = VNP_PROG_STREAM;
	*stream = do_ioctl(dev, VNP_PROG_LOAD, &attr);
	attr = (struct vnp_prog_load)prog_attr(decide, ARRAY_SIZE(decide));
	attr.type = VNP_PROG_MESSAGE;
	*message = do_ioctl(dev, VNP_PROG_LOAD, &attr);
	return *stream < 0 ? *stream : *message < 0 ? *message : 0;
}

/*
 * Called between calls that may be long.  Module exit waits until no task is in the module
 * (synchronize_rcu_tasks()): one that never sleeps delays this.
 */
static bool goes_on(struct streams *s)
{
	sched_yield();
	return !atomic_load(&s->stop);
}

static void *stream_send(void *arg)
{
	struct streams *s = arg;
	__u8 data[1000];
	ssize_t n = 0;
	size_t at = 0;

	for (; n >= 0 && goes_on(s); at += n) {
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = at + i;
		n = send(s->conn.tx, data, 1 + at % sizeof(data), MSG_NOSIGNAL);
	}
	shutdown(s->conn.tx, SHUT_WR);
	return NULL;
}

static void *stream_receive(void *arg)
{
	struct streams *s = arg;
	__u8 data[4000];
	long at = 0;
	ssize_t n;

	while ((n = recv(s->conn.rx, data, sizeof(data), 0)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (data[i] != (__u8)(at + i))
				atomic_store(&s->wrong, 1);
		at += n;
		atomic_store(&s->read, at);
		goes_on(s);
	}
	if (n < 0)
		atomic_store(&s->wrong, 2);
	return NULL;
}

/* Connections, each with a few messages, and its end in the middle of one */
static void *streams_begin(void *arg)
{
	struct streams *s = arg;
	__u8 data[UNIT * 9 + 5], end;
	struct conn conn;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i;
	while (goes_on(s)) {
		if ((conn_begin(&conn, s->accepting.rx) ||
		     conn_put(&conn, data, sizeof(data))) && !atomic_load(&s->stop))
			atomic_store(&s->wrong, 3);
		shutdown(conn.tx, SHUT_WR);
		/* until it has been read */
		recv(conn.tx, &end, 1, 0);
		close(conn.tx);
	}
	return NULL;
}

static void *streams_accept(void *arg)
{
	struct streams *s = arg;
	__u8 data[UNIT * 9 + 6];
	struct conn conn;
	ssize_t n;

	while (goes_on(s)) {
		if (conn_accept(&conn, s->accepting.rx)) {
			if (!atomic_load(&s->stop))
				atomic_store(&s->wrong, 6);
			break;
		}
		n = recv(conn.rx, data, sizeof(data), MSG_WAITALL);
		if (n != sizeof(data) - 1)
			atomic_store(&s->wrong, 4);
		for (ssize_t i = 0; i < n; i++)
			if (data[i] != (__u8)i)
				atomic_store(&s->wrong, 5);
		close(conn.rx);
		atomic_fetch_add(&s->accepted, 1);
	}
	return NULL;
}

int streams_start(struct streams *s)
{
	void *(*const all[])(void *) = { stream_send, stream_receive, streams_begin,
					 streams_accept };
	int err = conn_open(&s->conn, FLOW_IP4, 0);

	s->accepting = (struct conn){ stream_listen(FLOW_IP6, 0), -1, -1 };
	if (err || s->accepting.rx < 0)
		return err ?: s->accepting.rx;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (pthread_create(&s->threads[i], NULL, all[i], s))
			return -EAGAIN;
	return 0;
}

int streams_end(struct streams *s)
{
	atomic_store(&s->stop, true);
	pthread_join(s->threads[0], NULL);
	pthread_join(s->threads[1], NULL);
	/* The one that accepts waits, or has stopped while the other one waits for it. */
	shutdown(s->accepting.rx, SHUT_RD);
	pthread_join(s->threads[3], NULL);
	pthread_join(s->threads[2], NULL);
	close(s->accepting.rx);
	conn_close(&s->conn);
	return atomic_load(&s->wrong);
}

void streams_pass(struct streams *s)
{
	const long read = atomic_load(&s->read), accepted = atomic_load(&s->accepted);

	while (!atomic_load(&s->wrong) && (atomic_load(&s->read) < read + 3000 ||
					   atomic_load(&s->accepted) < accepted + 3))
		sched_yield();
}

/* conn_unlink() - detach what has been used */
static int conn_unlink(struct conn *conn, struct vnp_link_info *info)
{
	int err = link_info(conn->link, info) ?: link_detach(conn->link);

	close(conn->link);
	conn->link = -1;
	return err;
}

int streams_link(struct streams *s, int dev)
{
	int stream, message, err;

	err = streams_progs(dev, &stream, &message) ?:
	      conn_link_to(&s->conn, dev, stream, message, 0, VNP_EOF_DELIVER) ?:
	      conn_link_to(&s->accepting, dev, stream, message, 0, VNP_EOF_DELIVER);
	close(stream);
	close(message);
	return err;
}

int streams_unlink(struct streams *s)
{
	struct vnp_link_info info, accepting;
	int err = conn_unlink(&s->conn, &info) ?: conn_unlink(&s->accepting, &accepting);

	return err ?: info.packets && accepting.accepted ? 0 : -ENODATA;
}
