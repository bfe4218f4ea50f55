// SPDX-License-Identifier: GPL-2.0
/*
 * Encrypted datagrams, all of which are authentic, or all forged: the process decrypts them with
 * libcrypto or libsrtp, or VNP does.
 */
#include <openssl/evp.h>
#include <string.h>
#include <vnp/libvnp.h>

#include "aead.h"
#include "bench.h"
#include "srtp.h"
#include "../kmod/common.h"
#include "../kmod/object.h"

static const struct aead {
	const char *name;
	__u32 alg;
	__u32 key_len;
	__u32 gcm_key;
	const EVP_CIPHER *(*evp)(void);
} aeads[] = {
	{ "aes-128-gcm", VNP_KEY_AES_128_GCM, 16, 16, EVP_aes_128_gcm },
	{ "aes-256-gcm", VNP_KEY_AES_256_GCM, 32, 32, EVP_aes_256_gcm },
	{ "chacha20-poly1305", VNP_KEY_CHACHA20_POLY1305, 32, 0, EVP_chacha20_poly1305 },
};

static const struct aead *aead;
static bool forged;
static int size;
static const __u8 key_bytes[32] = "a key that is known to everybody";
static __u8 clear[TRAFFIC_CNT][2048];
static EVP_CIPHER_CTX *opener;

static void nonce_of(const __u8 *payload, __u8 nonce[12])
{
	memset(nonce, 0, 12);
	memcpy(nonce + 4, payload + AEAD_HEADER - 8, 8);
}

static void seal(__u8 *payload, int i)
{
	const int text = size - AEAD_HEADER - AEAD_TAG;
	EVP_CIPHER_CTX *evp = EVP_CIPHER_CTX_new();
	__u8 nonce[12];
	int len;

	memset(payload, 0, AEAD_HEADER);
	payload[0] = forged ? UNWANTED : WANTED;
	memcpy(payload + AEAD_HEADER - 8, &i, sizeof(i));
	fill_random(payload + AEAD_HEADER, text, i);
	memcpy(clear[i], payload, size - AEAD_TAG);
	nonce_of(payload, nonce);
	if (!evp || !EVP_EncryptInit_ex(evp, aead->evp(), NULL, key_bytes, nonce) ||
	    !EVP_EncryptUpdate(evp, NULL, &len, payload, AEAD_HEADER) ||
	    !EVP_EncryptUpdate(evp, payload + AEAD_HEADER, &len, payload + AEAD_HEADER, text) ||
	    !EVP_EncryptFinal_ex(evp, payload + AEAD_HEADER + text, &len) ||
	    !EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG,
				 payload + AEAD_HEADER + text))
		die("libcrypto does not seal.");
	EVP_CIPHER_CTX_free(evp);
	payload[size - 1] ^= forged;
}

/* The header of libsrtp's packets is one of RTP, its length the same. */
static void seal_srtp(__u8 *payload, int i)
{
	const int text = size - AEAD_HEADER - AEAD_TAG;

	payload[0] = forged ? UNWANTED : WANTED;
	fill_random(payload + AEAD_HEADER, text, i);
	memcpy(clear[i] + AEAD_HEADER, payload + AEAD_HEADER, text);
	srtp_seal(payload, i, text);
	memcpy(clear[i], payload, AEAD_HEADER);
	payload[size - 1] ^= forged;
}

static const __u8 *clear_of(int i)
{
	return clear[i];
}

/* At its best: the key is set up once.  The last receive call returns nothing. */
static int open_evp(__u8 *data, int len)
{
	const int text = len - AEAD_HEADER - AEAD_TAG;
	__u8 nonce[12];
	int out;

	if (text < 0)
		return -1;
	nonce_of(data, nonce);
	if (!EVP_DecryptInit_ex(opener, NULL, NULL, NULL, nonce) ||
	    !EVP_DecryptUpdate(opener, NULL, &out, data, AEAD_HEADER) ||
	    !EVP_DecryptUpdate(opener, data + AEAD_HEADER, &out, data + AEAD_HEADER, text) ||
	    !EVP_CIPHER_CTX_ctrl(opener, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG,
				 data + AEAD_HEADER + text) ||
	    !EVP_DecryptFinal_ex(opener, data + AEAD_HEADER + text, &out))
		return -1;
	return len - AEAD_TAG;
}

static void attach_aead_prog(int sock, const char *name)
{
	struct vnp_key key = { .alg = aead->alg, .key_len = aead->key_len };
	struct vnp_object *obj;
	__u32 zero = 0;
	int err;

	memcpy(key.key, key_bytes, aead->key_len);
	err = vnp_object_open_file(object_path("progs/aead.bpf.o"), NULL, &obj);
	if (!err)
		err = vnp_object_load(obj, NULL);
	if (err)
		die("VNP's program cannot be loaded: %s.", strerror(-err));
	err = RETRY(vnp_map_update(vnp_object_find_map(obj, "keys"), &zero, &key, 0));
	if (err)
		die("VNP does not accept a key for %s: %s.", aead->name, strerror(-err));
	err = vnp_link_attach(vnp_object_find_program(obj, name), sock, NULL, NULL);
	if (err)
		die("VNP's program cannot be linked to the socket: %s.", strerror(-err));
	vnp_object_close(obj);
}

static void attach_open(int sock)
{
	attach_aead_prog(sock, "open_or_drop");
}

static void attach_look(int sock)
{
	attach_aead_prog(sock, forged ? "look_and_drop" : "look_and_pass");
}

static const struct system systems[] = {
	{ "vnp", receive_many, true, attach_open },
	{ "vnp-batched", receive_merged, true, attach_open },
	{ "recvmmsg+EVP", receive_many },
	{ "UDP_GRO+EVP", receive_merged },
};

/* What applications use for SRTP */
static const struct system srtp_systems[] = {
	{ "recvmmsg+libsrtp", receive_many },
	{ "UDP_GRO+libsrtp", receive_merged },
};

/* The same receive path, with a program that does not open, to which the transform is added */
static const struct system floors[] = {
	{ "floor", receive_many, true, attach_look },
	{ "floor-batched", receive_merged, true, attach_look },
};

static const int sizes[] = { 64, 512, 1400 };

static void traffic_of_size(struct traffic *traffic, int i)
{
	size = sizes[i];
	traffic->size = size;
}

static void bench_system(const struct system *system, struct traffic *traffic)
{
	struct row row = { .workload = forged ? "aead-forged" : "aead-open" };

	traffic->open = system->filters ? NULL : open_evp;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		traffic_of_size(traffic, i);
		rig_measure(system, traffic, &row);
		row.kase = aead->name;
		row_add(&row);
	}
}

static void bench_srtp(const struct system *system, struct traffic *traffic)
{
	struct row row = { .workload = forged ? "aead-forged" : "aead-open" };

	traffic->open = srtp_open;
	traffic->fill = seal_srtp;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		traffic_of_size(traffic, i);
		srtp_begin();
		rig_measure(system, traffic, &row);
		srtp_end();
		row.kase = aead->name;
		row_add(&row);
	}
	traffic->fill = seal;
}

static void bench_floor(const struct system *system, struct traffic *traffic)
{
	struct row row = { .workload = forged ? "aead-forged" : "aead-open" };

	traffic->open = NULL;
	traffic->want = NULL;
	traffic->overhead = 0;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		traffic_of_size(traffic, i);
		rig_measure(system, traffic, &row);
		row.insns += rig_crypt(aead->gcm_key, size, forged);
		row.kase = aead->name;
		row_add(&row);
	}
	traffic->want = clear_of;
	traffic->overhead = AEAD_TAG;
}

/* Several datagrams in one receive call only come in super-packets. */
static bool is_measured(const struct system *system, const struct traffic *traffic)
{
	return traffic->arrival == MERGED || system->receive != receive_merged;
}

static void bench_aead(void)
{
	struct traffic traffic = {
		.unwanted = forged ? 100 : 0,
		.fill = seal,
		.want = clear_of,
		.overhead = AEAD_TAG,
	};

	opener = EVP_CIPHER_CTX_new();
	if (!opener || !EVP_DecryptInit_ex(opener, aead->evp(), NULL, key_bytes, NULL))
		die("libcrypto has no %s.", aead->name);
	for (traffic.arrival = ALONE; traffic.arrival <= MERGED; traffic.arrival += MERGED) {
		rows_begin("%s, %s, %s", aead->name, forged ? "forged" : "authentic",
			   traffic_name(&traffic));
		for (size_t i = 0; i < ARRAY_SIZE(systems); i++)
			if (is_measured(&systems[i], &traffic))
				bench_system(&systems[i], &traffic);
		for (size_t i = 0; i < ARRAY_SIZE(srtp_systems); i++)
			if (aead->gcm_key == 16 && is_measured(&srtp_systems[i], &traffic))
				bench_srtp(&srtp_systems[i], &traffic);
		for (size_t i = 0; i < ARRAY_SIZE(floors); i++)
			if (is_measured(&floors[i], &traffic))
				bench_floor(&floors[i], &traffic);
	}
	EVP_CIPHER_CTX_free(opener);
}

static void bench_aeads(void)
{
	shell("modprobe -a -q " CRYPT_MODULES);
	for (aead = aeads; aead < aeads + ARRAY_SIZE(aeads); aead++)
		bench_aead();
}

void bench_aead_open(void)
{
	forged = false;
	bench_aeads();
}

void bench_aead_forged(void)
{
	forged = true;
	bench_aeads();
}

/* Where the instructions go: profiles.c, profile-report */
void bench_aead_profile(void)
{
	static const struct system profiled[] = {
		{ "vnp", receive_many, true, attach_open },
		{ "floor", receive_many, true, attach_look },
		{ "vnp-batched", receive_merged, true, attach_open },
		{ "floor-batched", receive_merged, true, attach_look },
	};
	struct row row = { .workload = "profile" };
	struct traffic traffic = { .fill = seal };

	shell("modprobe -a -q " CRYPT_MODULES);
	aead = &aeads[0];
	rig_profile_play();
	for (size_t i = 0; i < ARRAY_SIZE(profiled); i++) {
		traffic_of_size(&traffic, 0);
		traffic.arrival = profiled[i].receive == receive_merged ? MERGED : ALONE;
		traffic.want = profiled[i].attach == attach_open ? clear_of : NULL;
		traffic.overhead = traffic.want ? AEAD_TAG : 0;
		rig_profile(&profiled[i], &traffic, &row);
		row_add(&row);
	}
}
