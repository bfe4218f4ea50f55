/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What most tests need.  Every function returns a negative errno on failure, and asserts
 * nothing: this is left to the test.
 */
#ifndef _VNP_TEST_COMMON_H
#define _VNP_TEST_COMMON_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <netinet/in.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <linux/vnp.h>

/*
 * ---- The system ---------------------------------------------------------
 */

/* do_ioctl() - an ioctl's result, or a negative errno */
int do_ioctl(int fd, unsigned long request, void *arg);

/* device_open() - open /dev/vnp */
int device_open(void);

/* clock_ns() - the time of a clock; seconds() - that of CLOCK_MONOTONIC in seconds */
__u64 clock_ns(clockid_t clock);
double seconds(void);

/* Timeout for what should happen immediately */
#define PATIENCE_S	30

/* as_root() - is the test executed as root? */
bool as_root(void);

/* mem_differ() - offset of the first byte that differs, or -1 */
long mem_differ(const void *a, const void *b, size_t len);

/* fill_random() - bytes that look random, the same for the same seed */
void fill_random(void *to, size_t len, unsigned int seed);

/* fd_count() - descriptors this process has open */
int fd_count(void);

/* obj_count() - objects of a kind that this process may see */
int obj_count(int dev, __u32 kind);

/* obj_count_all() - objects of all kinds that this process may see */
int obj_count_all(int dev);

/* obj_open() - a descriptor for an id */
int obj_open(int dev, __u32 kind, __u32 id);

/* obj_visible() - is an id among those VNP_OBJ_NEXT lists? 1, 0 */
int obj_visible(int dev, __u32 kind, __u32 id);

/*
 * pin() - execute on this CPU only, so that datagrams arrive in the order they are sent
 */
int pin(int cpu);

/* map_page() - a page to read, with or without the right to write it */
void *map_page(int prot);

/* edge_of_page() - @len bytes before an unmapped page */
void *edge_of_page(size_t len);

/* UNMAPPED - an unmapped address; KERNEL_ADDRESS - an address of the kernel */
#define UNMAPPED		((void *)0x1000)
#define KERNEL_ADDRESS		((void *)0xffff888000001000)

/* send_fd(), recv_fd() - a descriptor through a Unix socket */
int send_fd(int sock, int fd);
int recv_fd(int sock);

/*
 * post(), await() - let another process or thread continue, and wait for it, by an
 * eventfd
 */
int post(int efd);
int await(int efd);

/* become() - become an ordinary user, with that user's groups, permanently */
int become(const char *user);

/* finish() - wait for a child; its exit status, or 128 + the signal */
int finish(pid_t pid);

/* shell() - execute a command formatted as by printf(); its exit status */
int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* read_text() - a file's text, truncated to @size - 1 bytes */
int read_text(const char *path, char *text, size_t size);

/* write_text() - write a string to an existing file */
int write_text(const char *path, const char *text);

/* voluntary_switches() - number of voluntary context switches of a thread */
long voluntary_switches(pid_t tid);

/* thread_sleeps() - wait until a thread is blocked, off the run queue */
int thread_sleeps(pid_t tid);

/*
 * ---- Programs -----------------------------------------------------------
 */

/* prog_attr() - a complete VNP_PROG_LOAD, except for maps */
struct vnp_prog_load prog_attr(const struct bpf_insn *insns, __u32 cnt);

int prog_load(int dev, const struct bpf_insn *insns, __u32 cnt,
	      const int *maps, __u32 map_cnt);
#define PROG_LOAD(dev, insns)		\
	prog_load(dev, insns, ARRAY_SIZE(insns), NULL, 0)
#define PROG_LOAD_MAP(dev, insns, map)	\
	prog_load(dev, insns, ARRAY_SIZE(insns), &(map)->fd, 1)

/* prog_verdict() - a program that always returns the same verdict */
int prog_verdict(int dev, int verdict);

/* prog_by_first_byte() - drops a datagram that begins with 'D', passes others */
int prog_by_first_byte(int dev);

int prog_info(int fd, struct vnp_prog_info *info);

/* prog_run() - execute it once on a payload; @run has the results */
int prog_run(int fd, void *data, __u32 len, struct vnp_prog_run *run);

/*
 * ---- Maps ---------------------------------------------------------------
 */

/**
 * struct map - a map and its sizes
 * @fd:		descriptor
 * @key_size:	as created
 * @value_len:	bytes of a value in ioctls
 */
struct map {
	int fd;
	__u32 key_size;
	__u32 value_len;
};

int map_create(int dev, struct map *map, __u32 type, __u32 key_size,
	       __u32 value_size, __u32 max_entries, __u32 flags);
int map_lookup(const struct map *map, const void *key, void *value);
int map_update(const struct map *map, const void *key, const void *value,
	       __u32 flags);
int map_delete(const struct map *map, const void *key);
int map_next_key(const struct map *map, const void *key, void *next);
int map_info(const struct map *map, struct vnp_map_info *info);
int map_freeze(const struct map *map);

/* cpu_count() - possible CPUs */
int cpu_count(void);

/*
 * ---- Links --------------------------------------------------------------
 */

int link_create(int dev, int prog, int sock, __u32 flags);
int link_info(int fd, struct vnp_link_info *info);
int link_update(int fd, int prog, int old_prog);
int link_detach(int fd);

/* link_settle() - wait until the program was executed on so many datagrams */
int link_settle(int fd, __u64 packets, struct vnp_link_info *info);

/* link_faults() - number of executions that ended in any fault */
__u64 link_faults(const struct vnp_link_info *info);

/*
 * ---- Datagrams ----------------------------------------------------------
 */

/* The addresses of a flow */
enum flow_kind {
	FLOW_IP4,		/* 127.0.0.1 to 127.0.0.1 */
	FLOW_IP6,		/* ::1 to ::1 */
	FLOW_MAPPED,		/* 127.0.0.1 to an IPv6 socket that takes both */
};

/**
 * struct flow - a socket that receives, and one that sends to it
 * @rx:		bound; a recv() on it has a timeout
 * @tx:		bound, not connected
 * @rx_addr:	where @tx sends to
 * @tx_addr:	where @tx sends from, as @rx would see it
 */
struct flow {
	int rx;
	int tx;
	struct sockaddr_storage rx_addr;
	struct sockaddr_storage tx_addr;
};

int flow_open(struct flow *flow, enum flow_kind kind);
void flow_close(struct flow *flow);

/* ip_level() - the level of IP options of a flow's sockets */
int ip_level(enum flow_kind kind);

/* udp_socket() - bound to an address, "127.0.0.1", "::1", "::"...; port 0: any */
int udp_socket(const char *address, __u16 port);

/* sock_port() - the port it is bound to; sock_addr() - address and port */
int sock_port(int sock);
int sock_addr(int sock, struct sockaddr_storage *addr);

/* sock_int(), sock_set() - a socket option that is an int */
int sock_int(int sock, int level, int name);
int sock_set(int sock, int level, int name, int value);

/* memory_of() - SK_MEMINFO_* of a socket */
long memory_of(int sock, int which);

/* sock_rmem() - memory charged for the datagrams in its queues */
int sock_rmem(int sock);

/* sock_drops() - datagrams dropped by filters, or because the queue was full */
int sock_drops(int sock);

/* sock_drain() - receive until the queue is empty.  Return: number of datagrams */
int sock_drain(int sock);

/* sock_cmsg() - a control message of the next datagram, to @to.  Return: its length */
int sock_cmsg(int sock, int level, int type, void *to, size_t size);

/* flow_send() - bytes sent; flow_puts() - send a string without its NUL */
int flow_send(struct flow *flow, const void *data, size_t len);
int flow_puts(struct flow *flow, const char *text);

/* flow_recv() - bytes received into @data; waits, with a timeout */
int flow_recv(struct flow *flow, void *data, size_t len);

/* flow_next_is() - does the next datagram hold this text? 1, 0 */
int flow_next_is(struct flow *flow, const char *text);

/* flow_empty() - is the receive queue empty? 1, 0 */
int flow_empty(struct flow *flow);

/*
 * sock_timestamps() - set SO_TIMESTAMPNS, and wait until datagrams get timestamps when they arrive.
 * A workqueue enables that, and until then recvmsg() returns the time at which it is called
 */
int sock_timestamps(int sock);

#endif /* _VNP_TEST_COMMON_H */
