// SPDX-License-Identifier: GPL-2.0
/*
 * Isolation of users: an object of one user does not exist for another, unless its
 * descriptor is passed.  Executed as root, which becomes each of the users: vnpuser and
 * vnpuser2 are in group vnp, vnpother is not.
 */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "harness.h"
#include "insn.h"
#include "net.h"
#include "object.h"
#include "../progs/fill.h"

#define ALICE	"vnpuser"
#define BOB	"vnpuser2"
#define EVE	"vnpother"

/**
 * struct stage - memory shared by the processes of the users
 * @id:		ids of Alice's objects, by enum vnp_obj_kind
 * @ret:	results of calls, for the test to check
 */
struct stage {
	__u32 id[VNP_OBJ_LINK + 1];
	int ret[32];
	struct vnp_prog_info prog;
	struct vnp_feature feature;
};

FIXTURE(users) {
	struct stage *stage;
	int dev;
	int pair[2];
};

FIXTURE_SETUP(users)
{
	if (!as_root())
		SKIP(return, "one user cannot become another");
	self->stage = mmap(NULL, sizeof(*self->stage), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->stage);
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->pair));
}

FIXTURE_TEARDOWN(users)
{
}

typedef void (*act_fn)(struct stage *stage, int sock);

/* act() - a child with this user's credentials calls a function, with one end of the socket
 * pair */
static pid_t act(const char *user, act_fn fn, struct stage *stage, int pair[2],
		 int end)
{
	pid_t child = fork();

	if (child)
		return child;
	close(pair[!end]);
	if (become(user))
		_exit(99);
	fn(stage, pair[end]);
	_exit(0);
}

/* Alice creates one object of each kind and keeps them until her socket is closed. */
static void make_objects(struct stage *stage, int sock)
{
	int dev = device_open(), prog = prog_verdict(dev, VNP_DROP), link;
	struct vnp_prog_info prog_data;
	struct vnp_link_info link_data;
	struct vnp_map_info map_data;
	struct map map;
	char byte = 'r';

	map_create(dev, &map, VNP_MAP_HASH, 4, 8, 4, 0);
	link = link_create(dev, prog, udp_socket("127.0.0.1", 0), 0);
	if (prog_info(prog, &prog_data) || map_info(&map, &map_data) ||
	    link_info(link, &link_data))
		_exit(1);
	stage->id[VNP_OBJ_PROG] = prog_data.id;
	stage->id[VNP_OBJ_MAP] = map_data.id;
	stage->id[VNP_OBJ_LINK] = link_data.id;
	if (write(sock, &byte, 1) != 1 || read(sock, &byte, 1) != 0)
		_exit(2);
}

/* look_for() - which of Alice's objects can be seen and opened */
static void look_for(struct stage *stage, int sock)
{
	int dev = device_open();

	for (__u32 kind = VNP_OBJ_PROG; kind <= VNP_OBJ_LINK; kind++) {
		stage->ret[2 * kind] = obj_visible(dev, kind, stage->id[kind]);
		stage->ret[2 * kind + 1] = obj_open(dev, kind, stage->id[kind]);
	}
}

TEST_F(users, do_not_see_each_other)
{
	struct stage *stage = self->stage;
	pid_t alice;
	char byte;

	alice = act(ALICE, make_objects, stage, self->pair, 1);
	ASSERT_EQ(1, read(self->pair[0], &byte, 1));

	EXPECT_EQ(0, finish(act(BOB, look_for, stage, self->pair, 1)));
	for (__u32 kind = VNP_OBJ_PROG; kind <= VNP_OBJ_LINK; kind++) {
		EXPECT_EQ(0, stage->ret[2 * kind]);
		EXPECT_EQ(-ENOENT, stage->ret[2 * kind + 1]);
	}

	/* Another process of hers sees them; so does root. */
	EXPECT_EQ(0, finish(act(ALICE, look_for, stage, self->pair, 1)));
	for (__u32 kind = VNP_OBJ_PROG; kind <= VNP_OBJ_LINK; kind++) {
		EXPECT_EQ(1, stage->ret[2 * kind]);
		EXPECT_LT(0, stage->ret[2 * kind + 1]);
	}
	look_for(stage, -1);
	for (__u32 kind = VNP_OBJ_PROG; kind <= VNP_OBJ_LINK; kind++) {
		EXPECT_EQ(1, stage->ret[2 * kind]);
		EXPECT_LT(0, stage->ret[2 * kind + 1]);
	}
	close(self->pair[0]);
	close(self->pair[1]);
	EXPECT_EQ(0, finish(alice));
}

/* Call a function in a container, where Alice has no capabilities outside of it. */
static void in_container(act_fn fn, struct stage *stage, int sock)
{
	pid_t child;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID))
		_exit(1);
	child = fork();
	if (!child) {
		fn(stage, sock);
		_exit(0);
	}
	close(sock);
	_exit(finish(child));
}

static void look_from_container(struct stage *stage, int sock)
{
	in_container(look_for, stage, sock);
}

static void make_objects_in_container(struct stage *stage, int sock)
{
	in_container(make_objects, stage, sock);
}

static const struct {
	act_fn make;
	act_fn look;
	int seen;
} containers[] = {
	{ make_objects, look_from_container, 0 },
	{ make_objects_in_container, look_for, 1 },
	{ make_objects_in_container, look_from_container, 0 },
};

/* A container sees nothing that is outside, and is seen from there. */
TEST_F(users, in_containers)
{
	struct stage *stage = self->stage;

	for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
		pid_t alice;
		char byte;

		alice = act(ALICE, containers[i].make, stage, self->pair, 1);
		ASSERT_EQ(1, read(self->pair[0], &byte, 1));
		EXPECT_EQ(0, finish(act(ALICE, containers[i].look, stage, self->pair, 1)));
		for (__u32 kind = VNP_OBJ_PROG; kind <= VNP_OBJ_LINK; kind++) {
			EXPECT_EQ(containers[i].seen, stage->ret[2 * kind]);
			EXPECT_EQ(containers[i].seen, stage->ret[2 * kind + 1] > 0);
		}
		close(self->pair[0]);
		close(self->pair[1]);
		EXPECT_EQ(0, finish(alice));
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->pair));
	}
}

/* try_ids() - try to open every possible id */
static void try_ids(struct stage *stage, int sock)
{
	int dev = device_open(), opened = 0, odd = 0, fd;

	for (__u32 kind = VNP_OBJ_PROG; kind <= VNP_OBJ_LINK; kind++) {
		for (__u32 id = 0; id < stage->id[kind] + 1000; id++) {
			fd = obj_open(dev, kind, id);
			opened += fd >= 0;
			odd += fd < 0 && fd != -ENOENT;
		}
	}
	stage->ret[0] = opened;
	stage->ret[1] = odd;
}

TEST_F(users, cannot_guess)
{
	pid_t alice = act(ALICE, make_objects, self->stage, self->pair, 1);
	char byte;

	ASSERT_EQ(1, read(self->pair[0], &byte, 1));
	EXPECT_EQ(0, finish(act(BOB, try_ids, self->stage, self->pair, 1)));
	EXPECT_EQ(0, self->stage->ret[0]);
	EXPECT_EQ(0, self->stage->ret[1]);
	close(self->pair[0]);
	close(self->pair[1]);
	EXPECT_EQ(0, finish(alice));
}

static void open_device(struct stage *stage, int sock)
{
	stage->ret[0] = device_open();
	stage->ret[1] = open(VNP_DEVICE, O_RDONLY) < 0 ? -errno : 0;
}

TEST_F(users, not_in_the_group)
{
	EXPECT_EQ(0, finish(act(EVE, open_device, self->stage, self->pair, 1)));
	EXPECT_EQ(-EACCES, self->stage->ret[0]);
	EXPECT_EQ(-EACCES, self->stage->ret[1]);
	EXPECT_EQ(0, finish(act(BOB, open_device, self->stage, self->pair, 1)));
	EXPECT_LT(0, self->stage->ret[0]);
}

/* Alice passes a program's descriptor ... */
static void give_program(struct stage *stage, int sock)
{
	int dev = device_open();

	send_fd(sock, prog_verdict(dev, VNP_DROP));
}

/* ... and Bob executes it, and links it to a socket. */
static void take_program(struct stage *stage, int sock)
{
	int dev = device_open(), prog = recv_fd(sock), link;
	struct vnp_prog_run r = { 0 };
	struct vnp_link_info info;
	struct flow flow;
	__u8 in = 0;

	flow_open(&flow, FLOW_IP4);
	stage->ret[0] = prog_info(prog, &stage->prog);
	stage->ret[1] = prog_run(prog, &in, 1, &r);
	link = link_create(dev, prog, flow.rx, 0);
	stage->ret[2] = link;
	flow_puts(&flow, "text");
	stage->ret[3] = link_settle(link, 1, &info);
	stage->ret[4] = info.verdicts[VNP_DROP];
	stage->ret[5] = info.uid;
	stage->ret[6] = obj_visible(dev, VNP_OBJ_PROG, stage->prog.id);
	stage->ret[7] = link_detach(link);
}

TEST_F(users, hand_over_a_program)
{
	struct stage *stage = self->stage;
	pid_t alice, bob;

	alice = act(ALICE, give_program, stage, self->pair, 0);
	bob = act(BOB, take_program, stage, self->pair, 1);
	EXPECT_EQ(0, finish(alice));
	EXPECT_EQ(0, finish(bob));
	EXPECT_EQ(0, stage->ret[0]);
	EXPECT_EQ(getpwnam(ALICE)->pw_uid, stage->prog.uid);
	EXPECT_EQ(0, stage->ret[1]);
	EXPECT_LT(0, stage->ret[2]);
	EXPECT_EQ(0, stage->ret[3]);
	EXPECT_EQ(1, stage->ret[4]);
	EXPECT_EQ(getpwnam(BOB)->pw_uid, stage->ret[5]);
	EXPECT_EQ(0, stage->ret[6]);
	EXPECT_EQ(0, stage->ret[7]);
}

/* Eve may not open the device, but Alice passes her a link, and she detaches it. */
static void give_link(struct stage *stage, int sock)
{
	int dev = device_open();
	int rx = udp_socket("127.0.0.1", 0);
	char byte;

	send_fd(sock, link_create(dev, prog_verdict(dev, VNP_DROP), rx, 0));
	stage->ret[1] = read(sock, &byte, 1);
}

static void take_link(struct stage *stage, int sock)
{
	stage->ret[0] = link_detach(recv_fd(sock));
}

TEST_F(users, hand_over_a_link)
{
	pid_t alice, eve;

	alice = act(ALICE, give_link, self->stage, self->pair, 0);
	eve = act(EVE, take_link, self->stage, self->pair, 1);
	EXPECT_EQ(0, finish(eve));
	close(self->pair[0]);
	close(self->pair[1]);
	EXPECT_EQ(0, finish(alice));
	EXPECT_EQ(0, self->stage->ret[0]);
}

/* Root in another user namespace has no privileges for the device. */
static void look_as_namespace_root(struct stage *stage, int sock)
{
	int dev = device_open(), prog;
	struct vnp_prog_load attr;
	const struct bpf_insn pass[] = { MOV_IMM(R0, VNP_PASS), EXIT() };

	stage->ret[0] = netns_new();
	stage->ret[1] = geteuid();
	look_for(stage, sock);
	stage->feature.size = sizeof(stage->feature);
	do_ioctl(dev, VNP_FEATURE, &stage->feature);
	attr = prog_attr(pass, ARRAY_SIZE(pass));
	attr.budget = stage->feature.budget_max + 1;
	stage->ret[10] = do_ioctl(dev, VNP_PROG_LOAD, &attr);
	prog = prog_verdict(dev, VNP_PASS);
	stage->ret[11] = prog_info(prog, &stage->prog);
}

TEST_F(users, root_of_a_namespace)
{
	struct stage *stage = self->stage;
	pid_t alice = act(ALICE, make_objects, stage, self->pair, 1);
	char byte;

	ASSERT_EQ(1, read(self->pair[0], &byte, 1));
	EXPECT_EQ(0, finish(act(BOB, look_as_namespace_root, stage, self->pair, 1)));
	EXPECT_EQ(0, stage->ret[0]);
	EXPECT_EQ(0, stage->ret[1]);
	for (__u32 kind = VNP_OBJ_PROG; kind <= VNP_OBJ_LINK; kind++) {
		EXPECT_EQ(0, stage->ret[2 * kind]);
		EXPECT_EQ(-ENOENT, stage->ret[2 * kind + 1]);
	}
	EXPECT_EQ(1, stage->feature.hardened);
	EXPECT_EQ(-EPERM, stage->ret[10]);
	EXPECT_EQ(0, stage->ret[11]);
	EXPECT_EQ(1, stage->prog.hardened);
	EXPECT_EQ(0, stage->prog.uid);	/* the user's own uid in that namespace */
	close(self->pair[0]);
	close(self->pair[1]);
	EXPECT_EQ(0, finish(alice));
}

/* The owner of an object is the overflow uid in a namespace that does not map the owner. */
static void take_program_in_namespace(struct stage *stage, int sock)
{
	stage->ret[0] = netns_new();
	stage->ret[1] = prog_info(recv_fd(sock), &stage->prog);
}

TEST_F(users, unknown_in_a_namespace)
{
	pid_t alice, bob;

	alice = act(ALICE, give_program, self->stage, self->pair, 0);
	bob = act(BOB, take_program_in_namespace, self->stage, self->pair, 1);
	EXPECT_EQ(0, finish(alice));
	EXPECT_EQ(0, finish(bob));
	EXPECT_EQ(0, self->stage->ret[0]);
	EXPECT_EQ(0, self->stage->ret[1]);
	EXPECT_EQ(65534, self->stage->prog.uid);
}

/* The effective uid at the time of the call counts. */
TEST_F(users, effective_user)
{
	const uid_t alice = getpwnam(ALICE)->pw_uid;
	struct vnp_prog_info roots, hers;
	int root, prog;

	root = prog_verdict(self->dev, VNP_PASS);
	ASSERT_EQ(0, prog_info(root, &roots));
	ASSERT_EQ(0, seteuid(alice));
	prog = prog_verdict(self->dev, VNP_PASS);
	EXPECT_EQ(0, prog_info(prog, &hers));
	EXPECT_EQ(0, obj_visible(self->dev, VNP_OBJ_PROG, roots.id));
	EXPECT_EQ(1, obj_visible(self->dev, VNP_OBJ_PROG, hers.id));
	EXPECT_EQ(-ENOENT, obj_open(self->dev, VNP_OBJ_PROG, roots.id));
	ASSERT_EQ(0, seteuid(0));
	EXPECT_EQ(0, roots.uid);
	EXPECT_EQ(alice, hers.uid);
	EXPECT_EQ(0, roots.hardened);
	EXPECT_EQ(1, hers.hardened);
}

/* Native code: the limit of a user, in programs that take a page each */
#define JIT_USER_MAX	"/sys/module/vnp/parameters/jit_user_max"
#define JIT_PROGRAMS	8

FIXTURE(share) {
	struct stage *stage;
	int dev;
	int pair[2];
	char before[32];
};

FIXTURE_SETUP(share)
{
	char max[32];

	if (!as_root())
		SKIP(return, "the parameter is root's");
	self->stage = mmap(NULL, sizeof(*self->stage), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->stage);
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->pair));
	ASSERT_LT(0, read_text(JIT_USER_MAX, self->before, sizeof(self->before)));
	snprintf(max, sizeof(max), "%ld", JIT_PROGRAMS * sysconf(_SC_PAGESIZE));
	ASSERT_LT(0, write_text(JIT_USER_MAX, max));
}

FIXTURE_TEARDOWN(share)
{
	write_text(JIT_USER_MAX, self->before);
}

/* prog_report() - is this text in the report of a refused program? */
static int prog_report(int dev, const char *text)
{
	const struct bpf_insn pass[] = { MOV_IMM(R0, VNP_PASS), EXIT() };
	struct vnp_prog_load attr = prog_attr(pass, ARRAY_SIZE(pass));
	char report[1024] = "";

	attr.log_level = VNP_LOG_NORMAL;
	attr.log_buf = (uintptr_t)report;
	attr.log_size = sizeof(report);
	do_ioctl(dev, VNP_PROG_LOAD, &attr);
	return !!strstr(report, text);
}

/* Indices of struct stage::ret */
enum { LOADED, REFUSED, EXPLAINED, OF_BOB, OF_NAMESPACE, AGAIN };

/* Alice loads programs until it fails, and keeps them until the socket is closed. */
static void use_the_share(struct stage *stage, int sock)
{
	int dev = device_open(), prog;
	char byte = 'r';

	while ((prog = prog_verdict(dev, VNP_PASS)) >= 0 &&
	       stage->ret[LOADED] < 10 * JIT_PROGRAMS)
		stage->ret[LOADED]++;
	stage->ret[REFUSED] = prog;
	stage->ret[EXPLAINED] = prog_report(dev, "jit_user_max");
	if (write(sock, &byte, 1) != 1 || read(sock, &byte, 1) != 0)
		_exit(2);
}

static void load_as_bob(struct stage *stage, int sock)
{
	stage->ret[OF_BOB] = prog_verdict(device_open(), VNP_PASS);
}

static void load_in_namespace(struct stage *stage, int sock)
{
	int dev = device_open();

	if (netns_new())
		_exit(1);
	stage->ret[OF_NAMESPACE] = prog_verdict(dev, VNP_PASS);
}

/* Programs that are closed are freed a grace period later: loading waits for that. */
static void load_again(struct stage *stage, int sock)
{
	int dev = device_open(), progs[JIT_PROGRAMS];

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < JIT_PROGRAMS; i++) {
			progs[i] = prog_verdict(dev, VNP_PASS);
			stage->ret[AGAIN] = progs[i];
			if (progs[i] < 0)
				return;
		}
		for (int i = 0; i < JIT_PROGRAMS; i++)
			close(progs[i]);
	}
}

/* A user at the limit of native code is refused more; others are not. */
TEST_F(share, of_native_code)
{
	struct stage *stage = self->stage;
	pid_t alice = act(ALICE, use_the_share, stage, self->pair, 1);
	char byte;

	ASSERT_EQ(1, read(self->pair[0], &byte, 1));
	EXPECT_EQ(JIT_PROGRAMS, stage->ret[LOADED]);
	EXPECT_EQ(-EDQUOT, stage->ret[REFUSED]);
	EXPECT_EQ(1, stage->ret[EXPLAINED]);

	EXPECT_EQ(0, finish(act(BOB, load_as_bob, stage, self->pair, 1)));
	EXPECT_LT(0, stage->ret[OF_BOB]);
	EXPECT_EQ(0, finish(act(ALICE, load_in_namespace, stage, self->pair, 1)));
	EXPECT_EQ(-EDQUOT, stage->ret[OF_NAMESPACE]);
	for (int i = 0; i <= JIT_PROGRAMS; i++)
		EXPECT_OK(prog_verdict(self->dev, VNP_PASS));

	close(self->pair[0]);
	close(self->pair[1]);
	EXPECT_EQ(0, finish(alice));
	EXPECT_EQ(0, finish(act(ALICE, load_again, stage, self->pair, 1)));
	EXPECT_LT(0, stage->ret[AGAIN]);
}

/* Become a user of a container that root makes: root writes the map of its uids. */
static void enter_container(int sock, int uid)
{
	char byte = 'c';

	if (unshare(CLONE_NEWUSER) || write(sock, &byte, 1) != 1 || read(sock, &byte, 1) != 1 ||
	    setresuid(uid, uid, uid))
		_exit(1);
}

/* Load programs in a container until it fails, and keep them until @sock is closed. */
static void load_in_container(int dev, int *loaded, int sock, int uid)
{
	char byte = 'r';

	enter_container(sock, uid);
	while (*loaded < 10 * JIT_PROGRAMS && prog_verdict(dev, VNP_PASS) >= 0)
		++*loaded;
	if (write(sock, &byte, 1) != 1 || read(sock, &byte, 1) != 0)
		_exit(2);
	_exit(0);
}

/* container_start() - a container whose uids begin at @first, until *@sock is closed */
static pid_t container_start(int dev, int *loaded, int first, int uid, int *sock)
{
	char byte = 'm', path[64], map[64];
	int pair[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	child = fork();
	if (!child) {
		close(pair[0]);
		load_in_container(dev, loaded, pair[1], uid);
	}
	close(pair[1]);
	*sock = pair[0];
	snprintf(path, sizeof(path), "/proc/%d/uid_map", child);
	snprintf(map, sizeof(map), "0 %d 1000", first);
	if (read(*sock, &byte, 1) != 1 || write_text(path, map) < 0 ||
	    write(*sock, &byte, 1) != 1 || read(*sock, &byte, 1) != 1)
		return -EIO;
	return child;
}

/* Containers of root have limits of their own, each for all of its users. */
TEST_F(share, of_containers)
{
	static const struct {
		int first, uid, loads;
	} containers[] = {
		{ 100000, 0, JIT_PROGRAMS },	/* leaves nothing ... */
		{ 100000, 7, 0 },		/* ... to others of this container */
		{ 200000, 7, JIT_PROGRAMS },
	};
	int *loaded = self->stage->ret, sock[ARRAY_SIZE(containers)];
	pid_t child[ARRAY_SIZE(containers)];

	for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
		child[i] = container_start(self->dev, &loaded[i], containers[i].first,
					   containers[i].uid, &sock[i]);
		ASSERT_OK(child[i]);
		EXPECT_EQ(containers[i].loads, loaded[i]) {
			TH_LOG("container %zu", i);
		}
	}
	/* All of them first, as later children have copies. */
	for (size_t i = 0; i < ARRAY_SIZE(containers); i++)
		close(sock[i]);
	for (size_t i = 0; i < ARRAY_SIZE(containers); i++)
		EXPECT_EQ(0, finish(child[i]));
}

/* The switch for machines where ordinary users must not load programs */
#define UNPRIVILEGED	"/sys/module/vnp/parameters/unprivileged"

FIXTURE(hardened) {
	struct stage *stage;
	int pair[2];
};

FIXTURE_SETUP(hardened)
{
	if (!as_root())
		SKIP(return, "the parameter is root's");
	self->stage = mmap(NULL, sizeof(*self->stage), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->stage);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->pair));
}

FIXTURE_TEARDOWN(hardened)
{
	write_text(UNPRIVILEGED, "1");
}

enum { PROG, MAP, LINK, DENIED, EXPLAINED_PROG, EXPLAINED_LINK, DROPPED, DETACHED };

/* explained() - does vnpctl print what to do? */
static int explained(const char *fmt, int number)
{
	char command[256];

	snprintf(command, sizeof(command), fmt, number);
	return !shell("%s 2>&1 | grep -q parameters/unprivileged", command);
}

/* Calls after the switch is off, with a program loaded before */
static void try_all(struct stage *stage, int dev, int prog)
{
	struct vnp_feature *feature = &stage->feature;
	struct map map;
	int rx = udp_socket("127.0.0.1", 0);

	*feature = (struct vnp_feature) { .size = sizeof(*feature) };
	do_ioctl(dev, VNP_FEATURE, feature);
	stage->ret[PROG] = prog_verdict(dev, VNP_PASS);
	stage->ret[MAP] = map_create(dev, &map, VNP_MAP_ARRAY, 4, 8, 1, 0);
	stage->ret[LINK] = link_create(dev, prog, rx, 0);
}

/* Alice has a link and a program when the switch is turned off. */
static void go_on(struct stage *stage, int sock)
{
	int dev = device_open(), prog = prog_verdict(dev, VNP_DROP), link;
	struct vnp_prog_info prog_data;
	struct vnp_link_info info;
	struct flow flow;
	char byte = 'r';

	flow_open(&flow, FLOW_IP4);
	link = link_create(dev, prog, flow.rx, 0);
	if (link < 0 || prog_info(prog, &prog_data) || write(sock, &byte, 1) != 1 ||
	    read(sock, &byte, 1) != 1)
		_exit(2);

	try_all(stage, dev, prog);
	stage->ret[EXPLAINED_PROG] =
		explained("build/bin/vnpctl prog load build/selftests/progs/verdict.bpf.o", 0);
	stage->ret[EXPLAINED_LINK] =
		explained("build/bin/vnpctl link attach id %d pid $$ fd 0", prog_data.id);
	flow_puts(&flow, "text");
	link_settle(link, 1, &info);
	stage->ret[DROPPED] = info.verdicts[VNP_DROP];
	stage->ret[DETACHED] = link_detach(link);
}

static void try_in_namespace(struct stage *stage, int sock)
{
	int dev = device_open();

	if (netns_new())
		_exit(1);
	try_all(stage, dev, -1);
}

TEST_F(hardened, ordinary_users_are_refused)
{
	struct stage *stage = self->stage;
	pid_t alice = act(ALICE, go_on, stage, self->pair, 1);
	int dev = device_open(), prog;
	char byte;

	ASSERT_EQ(1, read(self->pair[0], &byte, 1));
	ASSERT_LT(0, write_text(UNPRIVILEGED, "0"));
	ASSERT_EQ(1, write(self->pair[0], &byte, 1));
	EXPECT_EQ(0, finish(alice));
	EXPECT_EQ(-EPERM, stage->ret[PROG]);
	EXPECT_EQ(-EPERM, stage->ret[MAP]);
	EXPECT_EQ(-EPERM, stage->ret[LINK]);
	EXPECT_EQ(0, stage->feature.unprivileged);
	EXPECT_EQ(1, stage->feature.denied);
	EXPECT_EQ(1, stage->ret[EXPLAINED_PROG]);
	EXPECT_EQ(1, stage->ret[EXPLAINED_LINK]);

	/* Existing objects still work. */
	EXPECT_EQ(1, stage->ret[DROPPED]);
	EXPECT_EQ(0, stage->ret[DETACHED]);

	/* Root of a namespace is an ordinary user. */
	EXPECT_EQ(0, finish(act(BOB, try_in_namespace, stage, self->pair, 1)));
	EXPECT_EQ(-EPERM, stage->ret[PROG]);
	EXPECT_EQ(-EPERM, stage->ret[MAP]);
	EXPECT_EQ(-EPERM, stage->ret[LINK]);

	prog = prog_verdict(dev, VNP_PASS);
	ASSERT_OK(prog);
	try_all(stage, dev, prog);
	EXPECT_OK(stage->ret[PROG]);
	EXPECT_OK(stage->ret[MAP]);
	EXPECT_OK(stage->ret[LINK]);
	EXPECT_EQ(0, stage->feature.unprivileged);
	EXPECT_EQ(0, stage->feature.denied);
}

/* Memory is charged to the cgroup of the caller. */
#define CGROUP	"/sys/fs/cgroup/vnp-test"

static long cgroup_number(const char *file)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), CGROUP "/%s", file);
	return read_text(path, text, sizeof(text)) < 0 ? -1 : atol(text);
}

static int cgroup_write(const char *file, long number)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), CGROUP "/%s", file);
	snprintf(text, sizeof(text), "%ld", number);
	return write_text(path, text);
}

FIXTURE(charged) {
	int dev;
};

FIXTURE_SETUP(charged)
{
	if (!as_root())
		SKIP(return, "cgroups are root's");
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_LT(0, write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory"));
	ASSERT_EQ(0, shell("mkdir -p " CGROUP));
	ASSERT_LT(0, cgroup_write("cgroup.procs", getpid()));
}

FIXTURE_TEARDOWN(charged)
{
	write_text("/sys/fs/cgroup/cgroup.procs", "0");
	shell("rmdir " CGROUP);
}

/* expect_charged() - a map's memory is charged to the cgroup */
static void expect_charged(struct __test_metadata *_metadata, int dev, __u32 type,
			   __u32 value_size, __u32 max_entries)
{
	long before = cgroup_number("memory.current");
	struct vnp_map_info info;
	struct map map;

	ASSERT_LE(0, before);
	ASSERT_OK(map_create(dev, &map, type, 4, value_size, max_entries, 0));
	ASSERT_EQ(0, map_info(&map, &info));
	EXPECT_LE(16 << 20, info.mem);
	EXPECT_LE(before + (long)info.mem * 9 / 10, cgroup_number("memory.current"));
	close(map.fd);
}

TEST_F(charged, array)
{
	expect_charged(_metadata, self->dev, VNP_MAP_ARRAY, 1 << 20, 32);
}

TEST_F_SMP(charged, percpu)
{
	expect_charged(_metadata, self->dev, VNP_MAP_PERCPU_ARRAY, 32 << 10, 512);
}

/* All of it at creation: later insertions are not charged. */
TEST_F(charged, hash)
{
	expect_charged(_metadata, self->dev, VNP_MAP_HASH, 1024, 1 << 14);
}

/* The smallest elements have the most buckets. */
TEST_F(charged, buckets)
{
	expect_charged(_metadata, self->dev, VNP_MAP_HASH, 1, (1 << 18) + 1);
}

/* less_is_charged() - wait until less is charged: newer kernels uncharge failed allocations
 * later */
static bool less_is_charged(long bytes)
{
	long now;

	for (int try = 0; try < 1000; try++) {
		now = cgroup_number("memory.current");
		if (now >= 0 && now < bytes)
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

/* cgroup_kills() - number of processes of the cgroup killed by the OOM killer */
static long cgroup_kills(void)
{
	char text[512], *kills;

	if (read_text(CGROUP "/memory.events", text, sizeof(text)) < 0)
		return -1;
	kills = strstr(text, "\noom_kill ");
	return kills ? atol(kills + strlen("\noom_kill ")) : -1;
}

/* Too much is refused, and no process is killed. */
TEST_F(charged, limit)
{
	const __u32 too_much = 200, values_per_mib = 32;
	struct map map;

	ASSERT_LT(0, cgroup_write("memory.max", 24 << 20));
	EXPECT_EQ(-ENOMEM, map_create(self->dev, &map, VNP_MAP_ARRAY, 4, 1 << 20,
				      too_much, 0));
	EXPECT_TRUE(less_is_charged(20 << 20));
	EXPECT_EQ(-ENOMEM, map_create(self->dev, &map, VNP_MAP_HASH, 4, 1 << 20,
				      too_much, 0));
	EXPECT_TRUE(less_is_charged(20 << 20));
	EXPECT_EQ(-ENOMEM, map_create(self->dev, &map, VNP_MAP_HASH, 4, 1, 1 << 22, 0));
	EXPECT_TRUE(less_is_charged(20 << 20));
	EXPECT_EQ(-ENOMEM, map_create(self->dev, &map, VNP_MAP_PERCPU_ARRAY, 4, 1 << 15,
				      too_much * values_per_mib / cpu_count(), 0));
	EXPECT_TRUE(less_is_charged(20 << 20));
	/* Even the pointers to the values are too much. */
	EXPECT_EQ(-ENOMEM, map_create(self->dev, &map, VNP_MAP_PERCPU_ARRAY, 4, 1, 1 << 22, 0));
	EXPECT_TRUE(less_is_charged(20 << 20));
	EXPECT_OK(map_create(self->dev, &map, VNP_MAP_ARRAY, 4, 1 << 20, 8, 0));
	EXPECT_EQ(0, cgroup_kills());
}

/* A report of 16 MiB, in a cgroup with a lower limit */
TEST_F(charged, limit_of_reports)
{
	const struct bpf_insn pass[] = { MOV_IMM(R0, VNP_PASS), EXIT() };
	struct vnp_prog_load attr = prog_attr(pass, ARRAY_SIZE(pass));
	char byte;

	ASSERT_LT(0, cgroup_write("memory.max", 12 << 20));
	attr.log_level = VNP_LOG_NORMAL;
	attr.log_buf = (uintptr_t)&byte;
	attr.log_size = 16 << 20;
	EXPECT_EQ(-ENOMEM, do_ioctl(self->dev, VNP_PROG_LOAD, &attr));
	EXPECT_EQ(0, cgroup_kills());
}

/* The verifier's memory for the longest program is charged too. */
TEST_F(charged, limit_of_verification)
{
	const __u32 cnt = 65536;
	struct bpf_insn *insns = calloc(cnt, sizeof(*insns));
	struct vnp_prog_load attr;

	ASSERT_NE(NULL, insns);
	for (__u32 i = 0; i < cnt; i++)
		insns[i] = MOV_IMM(R0, VNP_PASS);
	insns[cnt - 1] = EXIT();
	attr = prog_attr(insns, cnt);
	ASSERT_LT(0, cgroup_write("memory.max", 4 << 20));
	EXPECT_EQ(-ENOMEM, do_ioctl(self->dev, VNP_PROG_LOAD, &attr));
	EXPECT_EQ(0, cgroup_kills());
	free(insns);
}

#define DATAGRAMS	500

/* Results of Alice's program: indices of struct stage::ret */
enum { UNPAID = 10, INSERTED, FULL, REPLACED, FAILED };

/*
 * Datagrams arrive as fast as possible, and each causes many insertions: on one CPU, as
 * the program's counters are not atomic.
 */
static void insert_by_program(struct stage *stage, int sock)
{
	struct vnp_object *obj;
	struct vnp_link_info info;
	struct fill *fill;
	struct flow flow;
	int link;

	stage->ret[0] = object_load("fill", &obj);
	if (stage->ret[0])
		return;
	fill = object_globals(obj, ".bss");
	pin(0);
	flow_open(&flow, FLOW_IP4);
	link = object_link(obj, "insert", flow.rx, 0);
	for (int i = 0; i < DATAGRAMS; i++) {
		flow_puts(&flow, "text");
		if (i % 16 == 0 && cgroup_number("memory.current") > 16 << 20)
			stage->ret[UNPAID]++;
	}
	stage->ret[1] = link_settle(link, DATAGRAMS, &info);
	stage->ret[2] = link_faults(&info);
	stage->ret[INSERTED] = fill->inserted;
	stage->ret[FULL] = fill->full;
	stage->ret[REPLACED] = fill->replaced;
	stage->ret[FAILED] = fill->failed;
}

/*
 * Programs that insert 16 MiB, and replace as much, in a cgroup of 16 MiB: insertions
 * that do not fit in the map fail, and no process is killed for those that do.
 */
TEST_F(charged, insertions_by_programs)
{
	struct stage *stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int pair[2];

	ASSERT_NE(MAP_FAILED, stage);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_LT(0, cgroup_write("memory.max", 16 << 20));
	EXPECT_EQ(0, finish(act(ALICE, insert_by_program, stage, pair, 1)));
	EXPECT_EQ(0, stage->ret[0]);
	EXPECT_EQ(0, stage->ret[1]);
	EXPECT_EQ(0, stage->ret[2]);
	EXPECT_EQ(0, stage->ret[UNPAID]);
	EXPECT_EQ(FILL_MAX, stage->ret[INSERTED]);
	EXPECT_EQ(DATAGRAMS * FILL_AT_ONCE - FILL_MAX, stage->ret[FULL]);
	EXPECT_EQ(stage->ret[FULL], stage->ret[REPLACED]);
	EXPECT_EQ(0, stage->ret[FAILED]);
	EXPECT_EQ(0, cgroup_kills());

	/* With half of that limit, soon all of it free, the map cannot be created. */
	ASSERT_TRUE(less_is_charged(4 << 20));
	ASSERT_LT(0, cgroup_write("memory.max", 8 << 20));
	EXPECT_EQ(0, finish(act(ALICE, insert_by_program, stage, pair, 1)));
	EXPECT_EQ(-ENOMEM, stage->ret[0]);
	EXPECT_EQ(0, cgroup_kills());
}

TEST_HARNESS_MAIN
