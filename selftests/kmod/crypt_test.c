// SPDX-License-Identifier: GPL-2.0
/*
 * Cryptography in the kernel: published vectors, as in unit/crypt_test.c; datagrams that fail
 * authentication never reach the socket; keys cannot be read.
 */
#include <linux/if_ether.h>
#include <linux/keyctl.h>
#include <linux/udp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "burst.h"
#define LIGHT_LEAVES_OUT	"lo_gso_gcm", "wire_single"
#include "harness.h"
#include "insn.h"
#include "object.h"
#include "../progs/crypt_run.h"

static int load(struct crypt_run *run)
{
	return object_load("crypt", &run->obj);
}

FIXTURE(vector) {
	struct crypt_run run;
};

/* The end of the directly readable bytes; 0: none */
FIXTURE_VARIANT(vector) {
	__u32 direct;
};

FIXTURE_VARIANT_ADD(vector, whole) { 0 };
FIXTURE_VARIANT_ADD(vector, first_byte) { 1 };

FIXTURE_SETUP(vector)
{
	ASSERT_EQ(0, load(&self->run));
}

FIXTURE_TEARDOWN(vector)
{
	vnp_object_close(self->run.obj);
}

TEST_F(vector, is_right)
{
	for (size_t i = 0; i < VECTOR_CNT; i++) {
		const struct vector *v = &vectors[i];
		const struct vnp_key key = vector_key(v);

		if (crypt_set(&self->run, 0, &key) == -EOPNOTSUPP) {
			TH_LOG("%s: not in this kernel", v->from);
			continue;
		}
		ASSERT_EQ(0, vector_check(&self->run, v, variant->direct, true)) {
			TH_LOG("%s: %s", v->from, self->run.why);
		}
	}
}


/*
 * ---- Maps of keys ----------------------------------------------------------
 */

static const struct vnp_key chacha = {
	.alg = VNP_KEY_CHACHA20_POLY1305, .key_len = 32, .key = "this is a secret, nobody sees it",
};

static struct vnp_key flow_key(__u32 alg, __u8 first)
{
	struct vnp_key key = chacha;

	key.alg = alg;
	key.key[0] = first;
	return key;
}

FIXTURE(keys) {
	int dev;
	struct map map;
};

FIXTURE_SETUP(keys)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_OK(map_create(self->dev, &self->map, VNP_MAP_KEYS, 8, sizeof(struct vnp_key), 2,
			     0));
}

FIXTURE_TEARDOWN(keys)
{
	close(self->map.fd);
	close(self->dev);
}

TEST_F(keys, are_only_written)
{
	__u64 one = 1, two = 2, three = 3, next;
	struct vnp_key seen = {};
	struct vnp_map_info info;

	EXPECT_EQ(-ENOENT, map_update(&self->map, &one, &chacha, VNP_MAP_EXIST));
	EXPECT_EQ(0, map_update(&self->map, &one, &chacha, VNP_MAP_NOEXIST));
	EXPECT_EQ(-EEXIST, map_update(&self->map, &one, &chacha, VNP_MAP_NOEXIST));
	EXPECT_EQ(0, map_update(&self->map, &one, &chacha, VNP_MAP_EXIST));
	EXPECT_EQ(0, map_update(&self->map, &two, &chacha, VNP_MAP_ANY));
	EXPECT_EQ(-ENOSPC, map_update(&self->map, &three, &chacha, VNP_MAP_ANY));
	EXPECT_EQ(-EINVAL, map_update(&self->map, &one, &chacha, 3));

	EXPECT_EQ(-EACCES, map_lookup(&self->map, &one, &seen));
	EXPECT_EQ(-EACCES, map_lookup(&self->map, &three, &seen));
	for (size_t i = 0; i < sizeof(seen); i++)
		EXPECT_EQ(0, ((__u8 *)&seen)[i]);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->map.fd, 0));

	EXPECT_EQ(0, map_info(&self->map, &info));
	EXPECT_EQ(2, info.entries);
	EXPECT_EQ(0, map_next_key(&self->map, NULL, &next));
	EXPECT_EQ(0, map_delete(&self->map, &next));
	EXPECT_EQ(0, map_next_key(&self->map, NULL, &three));
	EXPECT_EQ(3, next + three);
	EXPECT_EQ(-ENOENT, map_next_key(&self->map, &three, &next));

	EXPECT_EQ(0, map_freeze(&self->map));
	EXPECT_EQ(-EPERM, map_update(&self->map, &three, &chacha, VNP_MAP_ANY));
	EXPECT_EQ(-EPERM, map_delete(&self->map, &three));
}

TEST_F(keys, are_checked)
{
	struct map map;
	struct vnp_key key;
	__u64 zero = 0;

#define REFUSED(change)	({						\
	key = chacha;							\
	change;								\
	EXPECT_EQ(-EINVAL, map_update(&self->map, &zero, &key, VNP_MAP_ANY)); \
})
	REFUSED(key.alg = 0);
	REFUSED(key.alg = 11);
	REFUSED(key.alg = UINT32_MAX);
	REFUSED(key.flags = 4);
	REFUSED(key.key_len = 31);
	REFUSED(key.key_len = 33);
	REFUSED(key.key_len = 65);
	REFUSED(key.key_len = UINT32_MAX);
	REFUSED(key.serial = 1);
	REFUSED(key.key[32] = 1);
	REFUSED(key.salt[12] = 1);
	REFUSED(key.tag_len = 16);
	REFUSED(key.reserved = 1);
	REFUSED((key.alg = VNP_KEY_HMAC_SHA256, key.tag_len = 15));
	REFUSED((key.alg = VNP_KEY_HMAC_SHA256, key.tag_len = 33));
	REFUSED((key.alg = VNP_KEY_HMAC_SHA256, key.flags = VNP_KEY_F_ONCE));
	REFUSED((key.alg = VNP_KEY_AES_256_CTR, key.flags = VNP_KEY_F_ONCE));
	REFUSED((key.alg = VNP_KEY_AES_128_GCM));
	REFUSED((key.flags = VNP_KEY_F_KEYRING));

	EXPECT_EQ(-EINVAL, map_create(self->dev, &map, VNP_MAP_KEYS, 4, sizeof(key) - 1, 1, 0));
	EXPECT_EQ(-EINVAL, map_create(self->dev, &map, VNP_MAP_KEYS, 4, sizeof(key) + 1, 1, 0));
	EXPECT_EQ(-EINVAL, map_create(self->dev, &map, VNP_MAP_KEYS, 4, sizeof(key), 1,
				      VNP_MAP_F_MMAP));
	EXPECT_EQ(-EINVAL, map_create(self->dev, &map, VNP_MAP_REPLAY, 4, 16, 1, 0));
	EXPECT_EQ(-EINVAL, map_create(self->dev, &map, VNP_MAP_REPLAY, 4, 25, 1, 0));
	EXPECT_EQ(-EINVAL, map_create(self->dev, &map, VNP_MAP_REPLAY, 4, 1048, 1, 0));
}

/* Programs can neither get a pointer to a key nor change a key */
TEST_F(keys, are_not_for_other_helpers)
{
	const struct bpf_insn lookup[] = {
		ST(BPF_DW, FP, -8, 0), MOV_REG(R2, FP), ALU64_IMM(BPF_ADD, R2, -8),
		LD_MAP(R1, 0), CALL(map_lookup), MOV_IMM(R0, 0), EXIT(),
	};
	const struct bpf_insn delete[] = {
		ST(BPF_DW, FP, -8, 0), MOV_REG(R2, FP), ALU64_IMM(BPF_ADD, R2, -8),
		LD_MAP(R1, 0), CALL(map_delete), MOV_IMM(R0, 0), EXIT(),
	};

	EXPECT_EQ(-EACCES, PROG_LOAD_MAP(self->dev, lookup, &self->map));
	EXPECT_EQ(-EACCES, PROG_LOAD_MAP(self->dev, delete, &self->map));
}

static long keyring_add(const char *type, const char *name, const void *data, size_t len)
{
	return syscall(__NR_add_key, type, name, data, len, KEY_SPEC_PROCESS_KEYRING);
}

TEST_F(keys, come_from_keyrings)
{
	struct vnp_key key = { .alg = VNP_KEY_CHACHA20_POLY1305, .flags = VNP_KEY_F_KEYRING };
	__u64 zero = 0;

	key.serial = keyring_add("user", "vnp", chacha.key, 32);
	if (key.serial < 0 && errno == ENOSYS)
		SKIP(return, "this kernel has no keyrings");
	ASSERT_LE(0, key.serial);
	EXPECT_EQ(0, map_update(&self->map, &zero, &key, VNP_MAP_ANY));
	key.alg = VNP_KEY_AES_128_GCM;
	EXPECT_EQ(-EINVAL, map_update(&self->map, &zero, &key, VNP_MAP_ANY));
	key.alg = VNP_KEY_CHACHA20_POLY1305;
	EXPECT_EQ(0, syscall(__NR_keyctl, KEYCTL_REVOKE, key.serial));
	EXPECT_EQ(-EKEYREVOKED, map_update(&self->map, &zero, &key, VNP_MAP_ANY));
	key.serial = keyring_add("logon", "vnp:key", chacha.key, 32);
	ASSERT_LE(0, key.serial);
	EXPECT_EQ(0, map_update(&self->map, &zero, &key, VNP_MAP_ANY));
	key.serial = KEY_SPEC_PROCESS_KEYRING;
	EXPECT_EQ(-EINVAL, map_update(&self->map, &zero, &key, VNP_MAP_ANY));
}

/*
 * ---- Arguments of helpers ---------------------------------------------------
 */

FIXTURE(helper) {
	struct crypt_run run;
};

FIXTURE_SETUP(helper)
{
	struct crypt_run *run = &self->run;

	ASSERT_EQ(0, load(run));
	ASSERT_EQ(0, crypt_set(run, 0, &chacha));
	run->in_len = 100;
	fill_random(run->in, run->in_len, 7);
	run->order = (struct order) {
		.crypt = { .off = 20, .len = 40, .aad_len = 20 },
		.crypt_len = sizeof(struct vnp_crypt),
		.verdict = VNP_PASS,
	};
}

FIXTURE_TEARDOWN(helper)
{
	vnp_object_close(self->run.obj);
}

#define ASK(prog, want)	({						\
	EXPECT_EQ(0, crypt_run(&self->run, prog));			\
	EXPECT_EQ(want, self->run.order.ret);				\
	EXPECT_EQ(self->run.in_len, self->run.out_len);			\
	EXPECT_MEM(self->run.in, self->run.out, self->run.in_len);	\
})

TEST_F(helper, checks_what_is_asked)
{
	static const char *const progs[] = { "open", "seal", "mac_verify", "mac" };
	const struct order good = self->run.order;
	const struct vnp_key poly = flow_key(VNP_KEY_POLY1305, 'a');
	struct vnp_crypt *crypt = &self->run.order.crypt;

	for (size_t i = 0; i < ARRAY_SIZE(progs); i++) {
		const bool macs = i > 1;

		if (macs)
			ASSERT_EQ(0, crypt_set(&self->run, 0, &poly));
#define TRY(change, want) ({						\
	self->run.order = good;						\
	change;								\
	ASK(progs[i], want);						\
	EXPECT_EQ(i % 2 ? VNP_PASS : VNP_DROP, self->run.opts.retval);	\
})
		TRY(self->run.order.key = 5, -ENOENT);
		TRY(crypt->flags = 2, -EINVAL);
		TRY(crypt->reserved = 1, -EINVAL);
		TRY(crypt->nonce[23] = 1, -EINVAL);
		TRY(crypt->extra_len = VNP_CRYPT_EXTRA_MAX + 1, -EINVAL);
		TRY(crypt->aad_len = VNP_CRYPT_AAD_MAX + 1, -EINVAL);
		TRY(crypt->off = 101, -ERANGE);
		TRY(crypt->off = UINT32_MAX, -ERANGE);
		TRY(crypt->len = 81, -ERANGE);
		TRY(crypt->len = UINT32_MAX - 1, -ERANGE);
		TRY(crypt->aad_off = 81, -ERANGE);
		TRY(crypt->aad_off = UINT32_MAX, -ERANGE);
		TRY(self->run.order.crypt_len++; self->run.order.more[0] = 1, -E2BIG);
		TRY(self->run.order.crypt_len += sizeof(good.more), -E2BIG);
		if (macs) {
			TRY(crypt->tag_off = 85, -ERANGE);
			TRY(crypt->tag_off = UINT32_MAX, -ERANGE);
		} else {
			TRY(crypt->tag_off = 1, -EINVAL);
			TRY(crypt->aad_off = 1, -EINVAL);
		}
	}
	/* each kind of key can only be used by its helpers */
	ASSERT_EQ(0, crypt_set(&self->run, 0, &poly));
	self->run.order = good;
	ASK("seal", -EINVAL);
	ASSERT_EQ(0, crypt_set(&self->run, 0, &chacha));
	ASK("mac", -EINVAL);
}

/* A call that is refused has no flags, even if those of the call before are left on the stack. */
TEST_F(helper, tries_and_is_refused)
{
	self->run.order.crypt.flags = VNP_CRYPT_F_TRY;
	self->run.order.crypt.off = 101;
	ASK("open_longer", -E2BIG);
	EXPECT_EQ(-ERANGE, self->run.order.then);
	EXPECT_EQ(VNP_DROP, self->run.opts.retval);
}

/* VNP_CRYPT_F_TRY: the program may pass what is not authentic, unless the text was changed */
TEST_F(helper, tries)
{
	const struct vnp_key poly = flow_key(VNP_KEY_POLY1305, 'a');

	self->run.order.crypt.flags = VNP_CRYPT_F_TRY;
	ASK("open", -EBADMSG);
	EXPECT_EQ(VNP_DROP, self->run.opts.retval);
	self->run.order.key = 1;
	ASK("open", -ENOENT);
	EXPECT_EQ(VNP_PASS, self->run.opts.retval);
	ASSERT_EQ(0, crypt_set(&self->run, 1, &poly));
	ASK("mac_verify", -EBADMSG);
	EXPECT_EQ(VNP_PASS, self->run.opts.retval);
}

TEST_F(helper, seals_with_a_nonce_once)
{
	struct vnp_key key = chacha;
	__u32 i, at;

	key.flags = VNP_KEY_F_ONCE;
	/* With this salt nonces have another order than numbers. */
	memset(key.salt, 0xff, 12);
	ASSERT_EQ(0, crypt_set(&self->run, 0, &key));
	for (i = 0; i < 4000; i++) {
		at = i ^ 3;	/* 3 2 1 0 7 6 5 4 ... */
		memcpy(self->run.order.crypt.nonce + 4, &at, sizeof(at));
		ASSERT_EQ(0, crypt_run(&self->run, "seal"));
		ASSERT_EQ(0, self->run.order.ret);
		ASK("seal", -EKEYREJECTED);
		EXPECT_EQ(VNP_PASS, self->run.opts.retval);
	}
	at = 100;
	memcpy(self->run.order.crypt.nonce + 4, &at, sizeof(at));
	ASK("seal", -EKEYREJECTED);
	/* other bytes of the nonce are not compared; with a new key all numbers are allowed */
	self->run.order.crypt.nonce[0] = 1;
	ASK("seal", -EKEYREJECTED);
	ASSERT_EQ(0, crypt_set(&self->run, 0, &key));
	ASSERT_EQ(0, crypt_run(&self->run, "seal"));
	EXPECT_EQ(0, self->run.order.ret);
}

/* All lengths up to the largest, with bytes that are not direct */
TEST_F(helper, takes_all_lengths)
{
	static const __u32 lens[] = { 0, 1, 15, 16, 17, 63, 64, 65, 255, 1400, 4095, 9000, 16000 };
	static const __u32 algs[] = {
		VNP_KEY_CHACHA20_POLY1305, VNP_KEY_XCHACHA20_POLY1305, VNP_KEY_AES_256_GCM,
		VNP_KEY_AES_256_CTR,
	};
	struct crypt_run *run = &self->run;
	static __u8 clear[65536];
	struct vnp_key key = chacha;
	__u32 len;

	fill_random(clear, sizeof(clear), 8);
	for (size_t a = 0; a < ARRAY_SIZE(algs); a++) {
		key.alg = algs[a];
		ASSERT_EQ(0, crypt_set(run, 0, &key));
		for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
			len = lens[i] + 20;
			memcpy(run->in, clear, len);
			run->in_len = len;
			run->direct = len / 2;
			run->order.crypt.len = VNP_CRYPT_END;
			ASSERT_EQ(0, crypt_run(run, "seal"));
			ASSERT_EQ(0, run->order.ret);
			ASSERT_EQ(len + vector_tag(algs[a]), run->out_len);
			memcpy(run->in, run->out, run->out_len);
			run->in_len = run->out_len;
			run->direct = run->in_len / 3;
			ASSERT_EQ(0, crypt_expect(run, "open", clear, len)) {
				TH_LOG("%u, %u bytes: %s", algs[a], len, run->why);
			}
			EXPECT_EQ(len, run->order.direct);
		}
	}
}

TEST_F(helper, remembers_what_it_accepted)
{
	static struct {
		__u64 next;
		bool seen[4096];
	} model;
	unsigned int seed = 5;
	int want;

	self->run.order.stream = 9;
	for (int i = 0; i < 3000; i++) {
		__u64 number = rand_r(&seed) % (i + 1);

		want = number < model.next && model.next - number > CRYPT_WINDOW ? -ESTALE :
		       model.seen[number] ? -EALREADY : 0;
		self->run.order.number = number;
		ASSERT_EQ(0, crypt_run(&self->run, "replay"));
		ASSERT_EQ(want, self->run.order.ret);
		ASSERT_EQ(want, self->run.order.then);
		if (!want) {
			model.seen[number] = true;
			model.next = number >= model.next ? number + 1 : model.next;
		}
	}
	self->run.order.number = UINT64_MAX;
	ASSERT_EQ(0, crypt_run(&self->run, "replay"));
	EXPECT_EQ(-ERANGE, self->run.order.ret);
	EXPECT_EQ(-ERANGE, self->run.order.then);
}

/*
 * ---- Over the network ------------------------------------------------------
 */

#define TEXT		200	/* bytes of text in a datagram */
#define SEALED		(CRYPT_HEADER + TEXT + 16)

FIXTURE(flow) {
	struct crypt_run run;
	struct wire wire;
	struct flow flow;
	struct burst sent, want;
	int link;
	struct vnp_link_info info;
};

FIXTURE_VARIANT(flow) {
	enum flow_kind kind;
	enum net_path path;
	bool gro;
	__u32 alg;
};

FIXTURE_VARIANT_ADD(flow, lo_ip4) { FLOW_IP4, LO_SINGLE, false, VNP_KEY_CHACHA20_POLY1305 };
FIXTURE_VARIANT_ADD(flow, lo_ip6_gcm) { FLOW_IP6, LO_SINGLE, false, VNP_KEY_AES_256_GCM };
FIXTURE_VARIANT_ADD(flow, lo_gso_gcm) { FLOW_IP4, LO_GSO, false, VNP_KEY_AES_256_GCM };
FIXTURE_VARIANT_ADD(flow, wire_gso_gro) { FLOW_IP4, WIRE_GSO, true, VNP_KEY_CHACHA20_POLY1305 };
FIXTURE_VARIANT_ADD(flow, wire_ip6_gro_gcm) { FLOW_IP6, WIRE_GSO, true, VNP_KEY_AES_256_GCM };
FIXTURE_VARIANT_ADD(flow, wire_single) { FLOW_IP4, WIRE_SINGLE, false, VNP_KEY_AES_256_GCM };

FIXTURE_SETUP(flow)
{
	struct vnp_key key = flow_key(variant->alg, 'a');

	pin(0);
	ASSERT_EQ(0, load(&self->run));
	ASSERT_EQ(0, crypt_set(&self->run, 1, &key));
	ASSERT_EQ(0, path_setup(&self->wire, variant->path));
	ASSERT_EQ(0, path_flow(&self->flow, &self->wire, variant->path, variant->kind));
	ASSERT_EQ(0, sock_set(self->flow.rx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
	if (variant->gro)
		ASSERT_EQ(0, sock_set(self->flow.rx, SOL_UDP, UDP_GRO, 1));
	self->link = object_link(self->run.obj, "open_header", self->flow.rx,
				 VNP_LINK_F_FAULT_PASS);
	ASSERT_OK(self->link);
}

FIXTURE_TEARDOWN(flow)
{
	vnp_object_close(self->run.obj);
	flow_close(&self->flow);
	close(self->link);
}

/* seal() - a datagram for key 1, sealed with key @with.  Return: 0, or an errno */
static int seal(struct crypt_run *run, __u32 with, __u64 number, const void *text, __u8 *to)
{
	struct header header = { .key = 1, .number = number };
	int err;

	run->order = (struct order) {
		.key = with,
		.crypt = { .off = CRYPT_HEADER, .len = TEXT, .aad_len = CRYPT_HEADER },
		.crypt_len = sizeof(struct vnp_crypt),
	};
	memcpy(run->order.crypt.nonce + 4, &number, sizeof(number));
	memcpy(run->in, &header, sizeof(header));
	memcpy(run->in + CRYPT_HEADER, text, TEXT);
	run->in_len = CRYPT_HEADER + TEXT;
	run->direct = 0;
	err = crypt_run(run, "seal");
	if (!err)
		err = run->order.ret;
	memcpy(to, run->out, SEALED);
	return err;
}

#define SEAL(with, number, text, to)					\
	ASSERT_EQ(0, seal(&self->run, with, number, text, to))

/* Forged and replayed datagrams, and those of another key, between good ones, in all orders */
TEST_F(flow, has_only_what_is_authentic)
{
	const struct vnp_key other = flow_key(variant->alg, 'b');
	__u64 number = 1, good = 0, forged = 0, replayed = 0;
	__u8 text[TEXT], last[SEALED];
	unsigned int seed = 11;

	ASSERT_EQ(0, crypt_set(&self->run, 2, &other));
	fill_random(text, sizeof(text), 0);
	SEAL(1, number, text, last);
	self->sent.cnt = self->want.cnt = 1;
	self->sent.len[0] = SEALED;
	self->want.len[0] = TEXT;
	memcpy(self->sent.data[0], last, SEALED);
	memcpy(self->want.data[0], text, TEXT);
	ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, variant->path));
	ASSERT_LE(0, burst_recv(self->flow.rx, &self->want, variant->gro));
	good++;

	for (int round = 0; round < 12; round++) {
		self->sent.cnt = 40;
		self->want.cnt = 0;
		for (int i = 0; i < self->sent.cnt; i++) {
			__u8 *data = self->sent.data[i];
			const int kind = round ? rand_r(&seed) % (1 + round) : 0;

			self->sent.len[i] = SEALED;
			fill_random(text, sizeof(text), number);
			if (kind == 3) {
				memcpy(data, last, SEALED);
				replayed++;
				continue;
			}
			SEAL(kind == 2 ? 2 : 1, ++number, text, data);
			if (kind == 1)
				data[CRYPT_HEADER + rand_r(&seed) % (TEXT + 16)] ^= 1 + round;
			if (kind == 1 || kind == 2) {
				forged++;
				continue;
			}
			memcpy(last, data, SEALED);
			self->want.len[self->want.cnt] = TEXT;
			memcpy(self->want.data[self->want.cnt++], text, TEXT);
			good++;
		}
		ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, variant->path));
		if (self->want.cnt)
			ASSERT_LE(0, burst_recv(self->flow.rx, &self->want, variant->gro));
	}
	ASSERT_EQ(0, link_settle(self->link, good + forged + replayed, &self->info));
	EXPECT_EQ(1, flow_empty(&self->flow));
	EXPECT_EQ(good, self->info.verdicts[VNP_PASS]);
	EXPECT_EQ(forged + replayed, self->info.verdicts[VNP_DROP]);
	EXPECT_EQ(forged, self->info.errors[VNP_ERROR_AUTH]);
	EXPECT_EQ(0, link_faults(&self->info));
}

/* A deleted key opens no datagrams, a replaced one only those of the new key */
TEST_F(flow, follows_changes_of_keys)
{
	const struct vnp_key other = flow_key(variant->alg, 'b');
	__u32 one = 1;
	__u8 text[TEXT] = "text";

	ASSERT_EQ(0, crypt_set(&self->run, 2, &other));
	self->sent.cnt = self->want.cnt = 1;
	self->sent.len[0] = SEALED;
	self->want.len[0] = TEXT;
	memcpy(self->want.data[0], text, TEXT);

	SEAL(1, 1, text, self->sent.data[0]);
	ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, variant->path));
	ASSERT_LE(0, burst_recv(self->flow.rx, &self->want, variant->gro));
	ASSERT_EQ(0, crypt_set(&self->run, 1, &other));
	SEAL(2, 2, text, self->sent.data[0]);
	ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, variant->path));
	ASSERT_LE(0, burst_recv(self->flow.rx, &self->want, variant->gro));
	ASSERT_EQ(0, vnp_map_delete(vnp_object_find_map(self->run.obj, "keys"), &one));
	SEAL(2, 3, text, self->sent.data[0]);
	ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, variant->path));
	ASSERT_EQ(0, link_settle(self->link, 3, &self->info));
	EXPECT_EQ(1, flow_empty(&self->flow));
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_AUTH]);
}

/* A program that ends before it has authenticated the datagram does not pass it. */
TEST_F(flow, is_not_passed_by_a_fault_before)
{
	ASSERT_EQ(0, link_update(self->link, object_prog(self->run.obj, "fault_before_open"), -1));
	self->sent.cnt = 1;
	self->sent.len[0] = SEALED;
	ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, variant->path));
	ASSERT_EQ(0, link_settle(self->link, 1, &self->info));
	EXPECT_EQ(1, flow_empty(&self->flow));
	EXPECT_EQ(1, link_faults(&self->info));
}

/* After failed authentication the datagram is dropped, even after a fault */
TEST_F(flow, is_not_passed_by_a_fault)
{
	__u8 text[TEXT] = "text";

	ASSERT_EQ(0, link_update(self->link, object_prog(self->run.obj, "fault_after_open"), -1));
	self->sent.cnt = 1;
	self->sent.len[0] = SEALED;
	SEAL(1, 1, text, self->sent.data[0]);
	self->sent.data[0][SEALED - 1] ^= 1;
	self->run.order.key = 1;
	ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, variant->path));
	ASSERT_EQ(0, link_settle(self->link, 1, &self->info));
	EXPECT_EQ(1, flow_empty(&self->flow));
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_AUTH]);
	EXPECT_EQ(1, self->info.verdicts[VNP_DROP]);
	EXPECT_EQ(0, link_faults(&self->info));
}

/* Packet sockets get what arrived, not what was opened */
TEST_F(flow, is_sniffed_sealed)
{
	const int there = variant->path == LO_SINGLE || variant->path == LO_GSO ?
			  self->wire.here : self->wire.there;
	__u8 text[TEXT] = "text that is not for everybody", *got = self->run.out;
	int tap, n, seen = 0;

	if (variant->path == LO_SINGLE || variant->path == LO_GSO)
		SKIP(return, "there is no other end");
	tap = sniffer_open(there, variant->kind == FLOW_IP6 ? ETH_P_IPV6 : ETH_P_IP);
	ASSERT_OK(tap);
	self->sent.cnt = self->want.cnt = 1;
	self->sent.len[0] = SEALED;
	self->want.len[0] = TEXT;
	SEAL(1, 1, text, self->sent.data[0]);
	memcpy(self->want.data[0], text, TEXT);
	ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, variant->path));
	ASSERT_LE(0, burst_recv(self->flow.rx, &self->want, variant->gro));
	while ((n = recv(tap, got, sizeof(self->run.out), MSG_DONTWAIT)) >= 0) {
		if (!memmem(got, n, self->sent.data[0], SEALED))
			continue;
		EXPECT_EQ(NULL, memmem(got, n, text, TEXT));
		seen++;
	}
	EXPECT_EQ(1, seen);
	close(tap);
}

/*
 * ---- Under attack ----------------------------------------------------------
 */

/**
 * struct victim - a thread that receives
 * @sock:	from here
 * @tid:	its thread id, after it has started
 * @good:	number of datagrams as expected
 * @other:	number of others
 * @stop:	the thread ends with the next datagram
 */
struct victim {
	int sock;
	volatile pid_t tid;
	volatile int good, other;
	volatile bool stop;
	pthread_t thread;
};

static void *victim_main(void *arg)
{
	struct victim *victim = arg;
	__u8 got[2048];
	ssize_t len;

	victim->tid = gettid();
	while (!victim->stop) {
		len = recv(victim->sock, got, sizeof(got), 0);
		if (len == TEXT && got[0] == 'g' && got[TEXT - 1] == 'g')
			victim->good++;
		else
			victim->other++;
	}
	return NULL;
}

/* Wait until the thread sleeps, after it got @good datagrams */
static bool victim_settle(const struct victim *victim, int good)
{
	while (victim->good + victim->other < good)
		sched_yield();
	return thread_sleeps(victim->tid) >= 0;
}

static int attack_send(struct flow *flow, const void *data, int len)
{
	return sendto(flow->tx, data, len, 0, (void *)&flow->rx_addr,
		      sizeof(flow->rx_addr)) == len ? 0 : -errno;
}

/* Only good datagrams are received, and only they wake the process, while others are sent, too. */
TEST_F(flow, sleeps_under_attack)
{
	enum { ROUNDS = 100 };
	const struct vnp_key other = flow_key(variant->alg, 'b');
	struct victim victim = { .sock = self->flow.rx };
	__u64 number = 0, auth = 0, drops = 0;
	static __u8 good[16384], forged[16384];
	__u8 text[TEXT];
	long before;

	if (variant->path != LO_SINGLE)
		SKIP(return, "one path is enough");
	ASSERT_EQ(0, crypt_set(&self->run, 2, &other));
	memset(text, 'g', sizeof(text));
	ASSERT_EQ(0, pthread_create(&victim.thread, NULL, victim_main, &victim));
	while (!victim.tid)
		sched_yield();
	ASSERT_TRUE(victim_settle(&victim, 0));
	before = voluntary_switches(victim.tid);
	for (int i = 1; i <= ROUNDS; i++) {
		SEAL(2, ++number, text, forged);
		ASSERT_EQ(0, attack_send(&self->flow, forged, SEALED));
		SEAL(1, ++number, text, forged);
		for (int k = 0; k < 8; k++) {
			forged[CRYPT_HEADER + (i * 37 + k * 11) % (TEXT + 16)] ^= 1 + k;
			ASSERT_EQ(0, attack_send(&self->flow, forged, SEALED));
			forged[CRYPT_HEADER + (i * 37 + k * 11) % (TEXT + 16)] ^= 1 + k;
		}
		/* Too short, by one byte and with no room for a tag; too long */
		ASSERT_EQ(0, attack_send(&self->flow, forged, SEALED - 1));
		ASSERT_EQ(0, attack_send(&self->flow, forged, CRYPT_HEADER + i % 16));
		ASSERT_EQ(0, attack_send(&self->flow, forged, SEALED + 1));
		ASSERT_EQ(0, attack_send(&self->flow, forged, 9000 + i));
		auth += 13;
		ASSERT_EQ(0, attack_send(&self->flow, forged, i % CRYPT_HEADER));
		drops++;
		SEAL(1, ++number, text, good);
		ASSERT_EQ(0, attack_send(&self->flow, good, SEALED));
		ASSERT_TRUE(victim_settle(&victim, i));
		for (int k = 0; k < 4; k++)
			ASSERT_EQ(0, attack_send(&self->flow, good, SEALED));
		drops += 4;
	}
	ASSERT_EQ(0, link_settle(self->link, auth + drops + ROUNDS, &self->info));
	EXPECT_EQ(ROUNDS, voluntary_switches(victim.tid) - before);
	EXPECT_EQ(ROUNDS, victim.good);
	EXPECT_EQ(0, victim.other);
	EXPECT_EQ(ROUNDS, self->info.verdicts[VNP_PASS]);
	EXPECT_EQ(auth + drops, self->info.verdicts[VNP_DROP]);
	EXPECT_EQ(auth, self->info.errors[VNP_ERROR_AUTH]);
	EXPECT_EQ(0, link_faults(&self->info));
	victim.stop = true;
	SEAL(1, ++number, text, good);
	ASSERT_EQ(0, attack_send(&self->flow, good, SEALED));
	pthread_join(victim.thread, NULL);
}

/*
 * ---- Races -----------------------------------------------------------------
 */

FIXTURE(race) {
	struct crypt_run run;
	struct flow flow;
	int link;
	struct vnp_link_info info;
};

FIXTURE_SETUP(race)
{
	ASSERT_EQ(0, load(&self->run));
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
	ASSERT_EQ(0, sock_set(self->flow.rx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
}

FIXTURE_TEARDOWN(race)
{
	vnp_object_close(self->run.obj);
	flow_close(&self->flow);
	close(self->link);
}

/* struct racer - a thread that sends datagrams of @len bytes, one after another */
struct racer {
	struct flow *flow;
	int cpu;
	const __u8 *data;
	int len, cnt;
	pthread_t thread;
};

static void *race(void *arg)
{
	struct racer *racer = arg;

	pin(racer->cpu);
	for (int i = 0; i < racer->cnt; i++)
		sendto(racer->flow->tx, racer->data + i * racer->len, racer->len, 0,
		       (void *)&racer->flow->rx_addr, sizeof(struct sockaddr_in));
	return NULL;
}

/* Two CPUs send the same sequence numbers: each is accepted once */
TEST_F_SMP(race, numbers_are_accepted_once)
{
	enum { CNT = 4000 };
	static __u64 numbers[CNT];
	struct racer racers[2];

	self->link = object_link(self->run.obj, "commit_only", self->flow.rx, 0);
	ASSERT_OK(self->link);
	for (int i = 0; i < CNT; i++)
		numbers[i] = i + 1;
	for (int i = 0; i < 2; i++) {
		racers[i] = (struct racer) {
			&self->flow, i % cpu_count(), (void *)numbers, sizeof(*numbers), CNT,
		};
		ASSERT_EQ(0, pthread_create(&racers[i].thread, NULL, race, &racers[i]));
	}
	for (int i = 0; i < 2; i++)
		pthread_join(racers[i].thread, NULL);
	ASSERT_EQ(0, link_settle(self->link, 2 * CNT, &self->info));
	/* one that is late by more than a window is not accepted */
	EXPECT_GE(CNT, self->info.verdicts[VNP_PASS]);
	EXPECT_LE(1, self->info.verdicts[VNP_PASS]);
	EXPECT_EQ(2 * CNT, self->info.verdicts[VNP_PASS] + self->info.verdicts[VNP_DROP]);
	/* The receive buffer may have been too small for all of them. */
	for (__u64 number; recv(self->flow.rx, &number, sizeof(number), MSG_DONTWAIT) > 0;) {
		ASSERT_LE(1, number);
		ASSERT_GE(CNT, number);
		ASSERT_NE(0, numbers[number - 1]);
		numbers[number - 1] = 0;
	}
}

/* Keys are replaced while datagrams arrive: each is opened with the old or the new key, or dropped */
TEST_F_SMP(race, keys_change)
{
	enum { CNT = 1000 };
	const struct vnp_key keys[] = {
		flow_key(VNP_KEY_AES_256_GCM, 'a'), flow_key(VNP_KEY_CHACHA20_POLY1305, 'b'),
	};
	static __u8 sealed[CNT][SEALED];
	__u8 text[TEXT] = "text", got[SEALED];
	struct racer racer = { &self->flow, cpu_count() - 1, sealed[0], SEALED, CNT };
	__u32 one = 1;
	ssize_t len;

	self->link = object_link(self->run.obj, "open_only", self->flow.rx, 0);
	ASSERT_OK(self->link);
	ASSERT_EQ(0, crypt_set(&self->run, 2, &keys[0]));
	ASSERT_EQ(0, crypt_set(&self->run, 3, &keys[1]));
	for (int i = 0; i < CNT; i++)
		SEAL(2 + i % 2, i, text, sealed[i]);
	/* Some are opened, whenever the keys are replaced. */
	ASSERT_EQ(0, crypt_set(&self->run, 1, &keys[0]));
	ASSERT_EQ(0, pthread_create(&racer.thread, NULL, race, &racer));
	for (int i = 0; i < 30; i++) {
		ASSERT_EQ(0, crypt_set(&self->run, 1, &keys[i % 2]));
		if (i % 3 == 2)
			ASSERT_EQ(0, vnp_map_delete(vnp_object_find_map(self->run.obj, "keys"),
						    &one));
	}
	pthread_join(racer.thread, NULL);
	ASSERT_EQ(0, link_settle(self->link, CNT, &self->info));
	EXPECT_EQ(CNT, self->info.verdicts[VNP_PASS] + self->info.verdicts[VNP_DROP]);
	EXPECT_EQ(self->info.verdicts[VNP_DROP], self->info.errors[VNP_ERROR_AUTH]);
	EXPECT_EQ(0, link_faults(&self->info));
	EXPECT_LE(1, self->info.verdicts[VNP_PASS]);
	while ((len = recv(self->flow.rx, got, sizeof(got), MSG_DONTWAIT)) > 0) {
		ASSERT_EQ(CRYPT_HEADER + TEXT, len);
		ASSERT_MEM(text, got + CRYPT_HEADER, TEXT);
	}
}

static void __attribute__((constructor)) prepare(void)
{
	path_prepare();
}

TEST_HARNESS_MAIN
