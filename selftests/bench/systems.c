// SPDX-License-Identifier: GPL-2.0
/*
 * VNP and alternatives in the kernel: all check the first byte of the payload.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vnp/libvnp.h>

#include "bench.h"
#include "hook/ioctl.h"
#include "../kmod/object.h"

/*
 * ---- VNP -----------------------------------------------------------------
 */

static void attach_vnp_file(int sock, const char *file, const char *name, __u32 prog_flags,
			    __u32 link_flags)
{
	const struct vnp_load_opts load = { sizeof(load), .prog_flags = prog_flags };
	const struct vnp_link_opts link = { sizeof(link), link_flags };
	struct vnp_object *obj;
	int err;

	err = vnp_object_open_file(object_path(file), NULL, &obj);
	if (!err)
		err = vnp_object_load(obj, &load);
	if (!err)
		err = vnp_link_attach(vnp_object_find_program(obj, name), sock, &link,
				      NULL);
	if (err)
		die("VNP's program cannot be linked to the socket: %s.", strerror(-err));
	vnp_object_close(obj);
}

static void attach_vnp_prog(int sock, const char *name, __u32 prog_flags,
			    __u32 link_flags)
{
	attach_vnp_file(sock, "progs/drop.bpf.o", name, prog_flags, link_flags);
}

void attach_vnp(int sock)
{
	attach_vnp_prog(sock, "drop", 0, 0);
}

void attach_vnp_hardened(int sock)
{
	attach_vnp_prog(sock, "drop", VNP_PROG_F_HARDEN, 0);
}

void attach_vnp_trivial(int sock)
{
	attach_vnp_prog(sock, "drop_all", 0, 0);
}

void attach_vnp_unmerged(int sock)
{
	attach_vnp_prog(sock, "drop", 0, VNP_LINK_F_NO_MERGE);
}

void attach_vnp_reply(int sock)
{
	attach_vnp_prog(sock, "reply_all", 0, 0);
}

void attach_vnp_hold(int sock)
{
	attach_vnp_file(sock, "progs/hold.bpf.o", "hold", 0, 0);
}

/*
 * ---- Alternatives --------------------------------------------------------
 */

void attach_hook(int sock)
{
	rig_hook(sock);
}

/* The filter sees the UDP header. */
void attach_filter(int sock)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UNWANTED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, -1),
	};
	const struct sock_fprog prog = { ARRAY_SIZE(insns), insns };

	if (setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		die("SO_ATTACH_FILTER fails: %s.", strerror(errno));
}

/* Load a program of alternatives.bpf.c. Its descriptor is never closed */
static int alternative_load(const char *name)
{
	struct bpf_object *obj = bpf_object__open(object_path("progs/alternatives.bpf.o"));
	struct bpf_program *prog;
	int fd;

	if (!obj || bpf_object__load(obj))
		die("The programs of the alternatives cannot be loaded: %s.", strerror(errno));
	prog = bpf_object__find_program_by_name(obj, name);
	fd = prog ? fcntl(bpf_program__fd(prog), F_DUPFD_CLOEXEC, 0) : -1;
	if (fd < 0)
		die("alternatives.bpf.o has no program %s.", name);
	bpf_object__close(obj);
	return fd;
}

void attach_bpf(int sock)
{
	const int fd = alternative_load("socket_drop");

	if (setsockopt(sock, SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)))
		die("SO_ATTACH_BPF fails: %s.", strerror(errno));
	close(fd);
}

static void attach_xdp_prog(const char *name)
{
	const int fd = alternative_load(name), index = if_nametoindex(BENCH_INTERFACE);
	const int err = bpf_xdp_attach(index, fd, XDP_FLAGS_SKB_MODE, NULL);

	if (err)
		die("XDP's program cannot be attached: %s.", strerror(-err));
	close(fd);
}

void attach_xdp(int sock)
{
	attach_xdp_prog("xdp_drop");
}

void attach_xdp_reply(int sock)
{
	attach_xdp_prog("xdp_reply");
}

void detach_xdp(void)
{
	if (bpf_xdp_detach(if_nametoindex(BENCH_INTERFACE), XDP_FLAGS_SKB_MODE, NULL))
		die("XDP's program cannot be detached.");
}

static void attach_tc_prog(const char *name)
{
	const int fd = alternative_load(name);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = fd);
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS,
			    .ifindex = if_nametoindex(BENCH_INTERFACE));
	int err = bpf_tc_hook_create(&hook);

	if (!err)
		err = bpf_tc_attach(&hook, &opts);
	if (err)
		die("tc's program cannot be attached: %s.", strerror(-err));
	close(fd);
}

void attach_tc(int sock)
{
	attach_tc_prog("tc_drop");
}

void attach_tc_reply(int sock)
{
	attach_tc_prog("tc_reply");
}

void detach_tc(void)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS,
			    .ifindex = if_nametoindex(BENCH_INTERFACE));

	if (bpf_tc_hook_destroy(&hook))
		die("tc's program cannot be detached.");
}
