// SPDX-License-Identifier: GPL-2.0
#include "common.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "insn.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* result() - the result of a system call, or a negative errno */
static int result(long ret)
{
	return ret < 0 ? -errno : ret;
}

/*
 * ---- The system ---------------------------------------------------------
 */

int do_ioctl(int fd, unsigned long request, void *arg)
{
	return result(ioctl(fd, request, arg));
}

int device_open(void)
{
	return result(open(VNP_DEVICE, O_RDWR | O_CLOEXEC));
}

__u64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

double seconds(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1e9;
}

bool as_root(void)
{
	return geteuid() == 0;
}

long mem_differ(const void *a, const void *b, size_t len)
{
	const __u8 *x = a, *y = b;

	if (!memcmp(a, b, len))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (x[i] != y[i])
			return i;
	}
	return -1;
}

void fill_random(void *to, size_t len, unsigned int seed)
{
	__u64 state = seed;
	__u8 *p = to;
	__u32 word;

	for (size_t at = 0; at < len; at += sizeof(word)) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		word = state >> 32;
		memcpy(p + at, &word, len - at < sizeof(word) ? len - at : sizeof(word));
	}
}

int fd_count(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		return -errno;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3;	/* ".", "..", and that of the directory */
}

int obj_count(int dev, __u32 kind)
{
	struct vnp_obj_id id = { .size = sizeof(id), .kind = kind };
	int n = 0, err;

	while (!(err = do_ioctl(dev, VNP_OBJ_NEXT, &id)))
		n++;
	return err == -ENOENT ? n : err;
}

int obj_count_all(int dev)
{
	return obj_count(dev, VNP_OBJ_PROG) + obj_count(dev, VNP_OBJ_MAP) +
	       obj_count(dev, VNP_OBJ_LINK);
}

int obj_open(int dev, __u32 kind, __u32 id)
{
	struct vnp_obj_id arg = { .size = sizeof(arg), .kind = kind, .id = id };

	return do_ioctl(dev, VNP_OBJ_OPEN, &arg);
}

int obj_visible(int dev, __u32 kind, __u32 id)
{
	struct vnp_obj_id arg = { .size = sizeof(arg), .kind = kind };
	int err;

	while (!(err = do_ioctl(dev, VNP_OBJ_NEXT, &arg))) {
		if (arg.id == id)
			return 1;
	}
	return err == -ENOENT ? 0 : err;
}

int pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return result(sched_setaffinity(0, sizeof(set), &set));
}

void *map_page(int prot)
{
	return mmap(NULL, getpagesize(), prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

void *edge_of_page(size_t len)
{
	size_t page = getpagesize();
	size_t room = (len + page - 1) / page * page;
	char *p = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p + room, page);
	return p + room - len;
}

union fd_message {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int send_fd(int sock, int fd)
{
	union fd_message control = { 0 };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return result(sendmsg(sock, &msg, 0));
}

int recv_fd(int sock)
{
	union fd_message control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(sock, &msg, 0) < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

int post(int efd)
{
	return result(eventfd_write(efd, 1));
}

int await(int efd)
{
	struct pollfd pfd = { .fd = efd, .events = POLLIN };
	eventfd_t value;

	if (poll(&pfd, 1, PATIENCE_S * 1000) != 1)
		return -ETIMEDOUT;
	return result(eventfd_read(efd, &value));
}

int become(const char *user)
{
	struct passwd *pw = getpwnam(user);

	if (!pw)
		return -ENOENT;
	if (initgroups(user, pw->pw_gid) ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid))
		return -errno;
	/* As after a login: the user may write to their own files in /proc. */
	return result(prctl(PR_SET_DUMPABLE, 1));
}

int finish(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int shell(const char *fmt, ...)
{
	char *command;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&command, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	n = system(command);
	free(command);
	return WIFEXITED(n) ? WEXITSTATUS(n) : 128 + WTERMSIG(n);
}

int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = result(read(fd, text, size - 1));
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return n;
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int n;

	if (fd < 0)
		return -errno;
	n = result(write(fd, text, strlen(text)));
	close(fd);
	return n;
}

/* thread_status() - the number after a name in a thread's status */
static int thread_status(pid_t tid, const char *name, char *value)
{
	char path[64], text[8192], *found;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	err = read_text(path, text, sizeof(text));
	if (err < 0)
		return err;
	found = strstr(text, name);
	if (!found || sscanf(found + strlen(name), " %31s", value) != 1)
		return -ENODATA;
	return 0;
}

long voluntary_switches(pid_t tid)
{
	char value[32];
	int err = thread_status(tid, "\nvoluntary_ctxt_switches:", value);

	return err ? err : atol(value);
}

/*
 * The state alone is not enough: a thread that was preempted before it slept is already
 * shown as sleeping.  Only one that has left the run queue has a wchan.
 */
static int thread_blocked(pid_t tid, bool *blocked)
{
	char path[64], wchan[128], state[32];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/wchan", tid);
	err = read_text(path, wchan, sizeof(wchan));
	if (err < 0)
		return err;
	err = thread_status(tid, "\nState:", state);
	if (err)
		return err;
	*blocked = strcmp(wchan, "0") && state[0] == 'S';
	return 0;
}

int thread_sleeps(pid_t tid)
{
	double end = seconds() + PATIENCE_S;
	bool blocked;
	int err;

	do {
		err = thread_blocked(tid, &blocked);
		if (err || blocked)
			return err;
		sched_yield();
	} while (seconds() < end);
	return -ETIMEDOUT;
}

/*
 * ---- Programs -----------------------------------------------------------
 */

struct vnp_prog_load prog_attr(const struct bpf_insn *insns, __u32 cnt)
{
	return (struct vnp_prog_load) {
		.size = sizeof(struct vnp_prog_load),
		.type = VNP_PROG_DATAGRAM,
		.insns = (uintptr_t)insns,
		.insn_cnt = cnt,
		.name = "test",
	};
}

int prog_load(int dev, const struct bpf_insn *insns, __u32 cnt,
	      const int *maps, __u32 map_cnt)
{
	struct vnp_prog_load attr = prog_attr(insns, cnt);

	attr.map_fds = (uintptr_t)maps;
	attr.map_cnt = map_cnt;
	return do_ioctl(dev, VNP_PROG_LOAD, &attr);
}

int prog_verdict(int dev, int verdict)
{
	const struct bpf_insn insns[] = {
		MOV_IMM(R0, verdict),
		EXIT(),
	};

	return PROG_LOAD(dev, insns);
}

int prog_by_first_byte(int dev)
{
	const struct bpf_insn insns[] = {
		LDX(BPF_DW, R2, R1, CTX(data)),
		LDX(BPF_DW, R3, R1, CTX(data_end)),
		MOV_IMM(R0, VNP_PASS),
		MOV_REG(R4, R2),
		ALU64_IMM(BPF_ADD, R4, 1),
		JMP_REG(BPF_JGT, R4, R3, 3),
		LDX(BPF_B, R2, R2, 0),
		JMP_IMM(BPF_JNE, R2, 'D', 1),
		MOV_IMM(R0, VNP_DROP),
		EXIT(),
	};

	return PROG_LOAD(dev, insns);
}

int prog_info(int fd, struct vnp_prog_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return do_ioctl(fd, VNP_PROG_INFO, info);
}

int prog_run(int fd, void *data, __u32 len, struct vnp_prog_run *run)
{
	run->size = sizeof(*run);
	run->data_in = (uintptr_t)data;
	run->data_in_len = len;
	return do_ioctl(fd, VNP_PROG_RUN, run);
}

/*
 * ---- Maps ---------------------------------------------------------------
 */

int map_create(int dev, struct map *map, __u32 type, __u32 key_size,
	       __u32 value_size, __u32 max_entries, __u32 flags)
{
	struct vnp_map_create attr = {
		.size = sizeof(attr),
		.flags = flags,
		.type = type,
		.key_size = key_size,
		.value_size = value_size,
		.max_entries = max_entries,
		.name = "test",
	};

	map->fd = do_ioctl(dev, VNP_MAP_CREATE, &attr);
	map->key_size = key_size;
	map->value_len = value_size;
	if (type == VNP_MAP_PERCPU_ARRAY)
		map->value_len = (value_size + 7) / 8 * 8 * cpu_count();
	return map->fd;
}

static int map_elem(const struct map *map, unsigned long request,
		    struct vnp_map_elem *elem)
{
	elem->size = sizeof(*elem);
	return do_ioctl(map->fd, request, elem);
}

int map_lookup(const struct map *map, const void *key, void *value)
{
	return map_elem(map, VNP_MAP_LOOKUP, &(struct vnp_map_elem) {
		.key = (uintptr_t)key,
		.key_len = map->key_size,
		.value = (uintptr_t)value,
		.value_len = map->value_len,
	});
}

int map_update(const struct map *map, const void *key, const void *value,
	       __u32 flags)
{
	return map_elem(map, VNP_MAP_UPDATE, &(struct vnp_map_elem) {
		.flags = flags,
		.key = (uintptr_t)key,
		.key_len = map->key_size,
		.value = (uintptr_t)value,
		.value_len = map->value_len,
	});
}

int map_delete(const struct map *map, const void *key)
{
	return map_elem(map, VNP_MAP_DELETE, &(struct vnp_map_elem) {
		.key = (uintptr_t)key,
		.key_len = map->key_size,
	});
}

int map_next_key(const struct map *map, const void *key, void *next)
{
	return map_elem(map, VNP_MAP_NEXT_KEY, &(struct vnp_map_elem) {
		.key = (uintptr_t)key,
		.key_len = key ? map->key_size : 0,
		.value = (uintptr_t)next,
		.value_len = map->key_size,
	});
}

int map_info(const struct map *map, struct vnp_map_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return do_ioctl(map->fd, VNP_MAP_INFO, info);
}

int map_freeze(const struct map *map)
{
	struct vnp_map_freeze attr = { .size = sizeof(attr) };

	return do_ioctl(map->fd, VNP_MAP_FREEZE, &attr);
}

int cpu_count(void)
{
	char text[64], *last;

	/* "0-1": what sysconf() counts may be fewer. */
	if (read_text("/sys/devices/system/cpu/possible", text, sizeof(text)) < 0)
		return -errno;
	last = strrchr(text, '-');
	return last ? atoi(last + 1) + 1 : 1;
}

/*
 * ---- Links --------------------------------------------------------------
 */

int link_create(int dev, int prog, int sock, __u32 flags)
{
	struct vnp_link_create attr = {
		.size = sizeof(attr),
		.flags = flags,
		.prog_fd = prog,
		.sock_fd = sock,
	};

	return do_ioctl(dev, VNP_LINK_CREATE, &attr);
}

int link_info(int fd, struct vnp_link_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return do_ioctl(fd, VNP_LINK_INFO, info);
}

int link_update(int fd, int prog, int old_prog)
{
	struct vnp_link_update attr = {
		.size = sizeof(attr),
		.prog_fd = prog,
		.old_prog_fd = old_prog,
	};

	return do_ioctl(fd, VNP_LINK_UPDATE, &attr);
}

int link_detach(int fd)
{
	struct vnp_link_detach attr = { .size = sizeof(attr) };

	return do_ioctl(fd, VNP_LINK_DETACH, &attr);
}

int link_settle(int fd, __u64 packets, struct vnp_link_info *info)
{
	double end = seconds() + PATIENCE_S;
	int err;

	do {
		err = link_info(fd, info);
		if (err || info->packets >= packets)
			return err;
		sched_yield();
	} while (seconds() < end);
	return -ETIMEDOUT;
}

__u64 link_faults(const struct vnp_link_info *info)
{
	__u64 sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(info->faults); i++)
		sum += info->faults[i];
	return sum;
}

/*
 * ---- Datagrams ----------------------------------------------------------
 */

int ip_level(enum flow_kind kind)
{
	return kind == FLOW_IP6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

int udp_socket(const char *address, __u16 port)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	struct timeval patience = { .tv_sec = PATIENCE_S };
	bool ip6 = inet_pton(AF_INET6, address, &sin6.sin6_addr) == 1;
	struct sockaddr *addr = ip6 ? (void *)&sin6 : (void *)&sin;
	socklen_t len = ip6 ? sizeof(sin6) : sizeof(sin);
	int sock, err;

	if (!ip6 && inet_pton(AF_INET, address, &sin.sin_addr) != 1)
		return -EINVAL;
	sock = socket(addr->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	if (bind(sock, addr, len) ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience))) {
		err = -errno;
		close(sock);
		return err;
	}
	return sock;
}

int sock_addr(int sock, struct sockaddr_storage *addr)
{
	socklen_t len = sizeof(*addr);

	return result(getsockname(sock, (struct sockaddr *)addr, &len));
}

int sock_port(int sock)
{
	struct sockaddr_storage addr;
	int err = sock_addr(sock, &addr);

	/* The port is at the same place in both families. */
	return err ? err : ntohs(((struct sockaddr_in *)&addr)->sin_port);
}

int sock_int(int sock, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(sock, level, name, &value, &len) ? -errno : value;
}

int sock_set(int sock, int level, int name, int value)
{
	return result(setsockopt(sock, level, name, &value, sizeof(value)));
}

long memory_of(int sock, int which)
{
	__u32 mem[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(mem);

	return getsockopt(sock, SOL_SOCKET, SO_MEMINFO, mem, &len) ? -errno : mem[which];
}

int sock_drops(int sock)
{
	return memory_of(sock, SK_MEMINFO_DROPS);
}

int sock_rmem(int sock)
{
	return memory_of(sock, SK_MEMINFO_RMEM_ALLOC);
}

int sock_drain(int sock)
{
	char byte;
	int cnt = 0;

	while (recv(sock, &byte, 1, MSG_DONTWAIT) >= 0)
		cnt++;
	return cnt;
}

int sock_cmsg(int sock, int level, int type, void *to, size_t size)
{
	union {
		char buf[512];
		struct cmsghdr align;
	} control;
	char data[2048];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	size_t len;

	if (recvmsg(sock, &msg, 0) < 0)
		return -errno;
	for (struct cmsghdr *at = CMSG_FIRSTHDR(&msg); at; at = CMSG_NXTHDR(&msg, at)) {
		if (at->cmsg_level != level || at->cmsg_type != type)
			continue;
		len = at->cmsg_len - CMSG_LEN(0);
		memcpy(to, CMSG_DATA(at), len < size ? len : size);
		return len;
	}
	return -ENOMSG;
}

/* A flow's addresses: of the receiver, of the sender */
static const struct {
	const char *rx;
	const char *tx;
} flow_ends[] = {
	[FLOW_IP4]	= { "127.0.0.1", "127.0.0.1" },
	[FLOW_IP6]	= { "::1", "::1" },
	[FLOW_MAPPED]	= { "::", "127.0.0.1" },
};

/* flow_map() - the mapped addresses of a flow between the families */
static void flow_map(struct flow *flow)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(sock_port(flow->rx)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_in6 from = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(sock_port(flow->tx)),
	};

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &from.sin6_addr);
	memcpy(&flow->rx_addr, &to, sizeof(to));
	memcpy(&flow->tx_addr, &from, sizeof(from));
}

int flow_open(struct flow *flow, enum flow_kind kind)
{
	memset(flow, 0, sizeof(*flow));
	flow->rx = udp_socket(flow_ends[kind].rx, 0);
	if (flow->rx < 0)
		return flow->rx;
	flow->tx = udp_socket(flow_ends[kind].tx, 0);
	if (flow->tx < 0) {
		close(flow->rx);
		return flow->tx;
	}
	sock_addr(flow->rx, &flow->rx_addr);
	sock_addr(flow->tx, &flow->tx_addr);
	if (kind == FLOW_MAPPED)
		flow_map(flow);
	return 0;
}

void flow_close(struct flow *flow)
{
	close(flow->rx);
	close(flow->tx);
}

static socklen_t addr_len(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET ? sizeof(struct sockaddr_in) :
					    sizeof(struct sockaddr_in6);
}

int flow_send(struct flow *flow, const void *data, size_t len)
{
	return result(sendto(flow->tx, data, len, 0,
			     (struct sockaddr *)&flow->rx_addr,
			     addr_len(&flow->rx_addr)));
}

int flow_puts(struct flow *flow, const char *text)
{
	return flow_send(flow, text, strlen(text));
}

int flow_recv(struct flow *flow, void *data, size_t len)
{
	return result(recv(flow->rx, data, len, 0));
}

int flow_next_is(struct flow *flow, const char *text)
{
	char data[256];
	int n = flow_recv(flow, data, sizeof(data));

	if (n < 0)
		return n;
	return n == (int)strlen(text) && !memcmp(data, text, n);
}

int flow_empty(struct flow *flow)
{
	char byte;

	return recv(flow->rx, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 &&
	       errno == EAGAIN;
}

/* Return: 1: a datagram had a timestamp before it was read; 0, or errno */
static int flow_is_stamped(struct flow *flow)
{
	struct timespec sent, stamp;
	int ret = flow_puts(flow, "t");

	clock_gettime(CLOCK_REALTIME, &sent);
	if (ret < 0)
		return ret;
	ret = sock_cmsg(flow->rx, SOL_SOCKET, SO_TIMESTAMPNS, &stamp, sizeof(stamp));
	if (ret < 0)
		return ret;
	return stamp.tv_sec < sent.tv_sec ||
	       (stamp.tv_sec == sent.tv_sec && stamp.tv_nsec <= sent.tv_nsec);
}

int sock_timestamps(int sock)
{
	const double end = seconds() + PATIENCE_S;
	struct flow flow;
	int ret;

	ret = sock_set(sock, SOL_SOCKET, SO_TIMESTAMPNS, 1) ?: flow_open(&flow, FLOW_IP4);
	if (ret < 0)
		return ret;
	ret = sock_set(flow.rx, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	while (!ret && seconds() < end) {
		ret = flow_is_stamped(&flow);
		sched_yield();
	}
	flow_close(&flow);
	return ret > 0 ? 0 : ret ?: -ETIMEDOUT;
}
