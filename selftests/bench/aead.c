// SPDX-License-Identifier: GPL-2.0
/*
 * Encrypted datagrams, all of which are authentic, or all forged: the process opens them by
 * libcrypto, or gets them opened.
 */
#include <openssl/evp.h>
#include <string.h>
#include <vnp/libvnp.h>

#include "aead.h"
#include "bench.h"
#include "../kmod/common.h"
#include "../kmod/object.h"

static const struct aead {
	const char *name;
	__u32 alg;
	__u32 key_len;
	const EVP_CIPHER *(*evp)(void);
} aeads[] = {
	{ "aes-128-gcm", VNP_KEY_AES_128_GCM, 16, EVP_aes_128_gcm },
	{ "aes-256-gcm", VNP_KEY_AES_256_GCM, 32, EVP_aes_256_gcm },
	{ "chacha20-poly1305", VNP_KEY_CHACHA20_POLY1305, 32, EVP_chacha20_poly1305 },
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

static const __u8 *clear_of(int i)
{
	return clear[i];
}

/* At its best: the key is set up once. */
static int open_evp(__u8 *data, int len)
{
	const int text = len - AEAD_HEADER - AEAD_TAG;
	__u8 nonce[12];
	int out;

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

static void attach_vnp_aead(int sock)
{
	struct vnp_key key = { .alg = aead->alg, .key_len = aead->key_len };
	struct vnp_object *obj;
	__u32 zero = 0;
	int err;

	memcpy(key.key, key_bytes, aead->key_len);
	err = vnp_object_open_file(object_path("progs/aead.bpf.o"), NULL, &obj);
	if (!err)
		err = vnp_object_load(obj, NULL);
	if (!err)
		err = vnp_map_update(vnp_object_find_map(obj, "keys"), &zero, &key, 0);
	if (!err)
		err = vnp_link_attach(vnp_object_find_program(obj, "open_or_drop"), sock, NULL,
				      NULL);
	if (err)
		die("VNP's program cannot be linked to the socket: %s.", strerror(-err));
	vnp_object_close(obj);
}

static const struct system systems[] = {
	{ "vnp", receive_many, true, attach_vnp_aead },
	{ "recvmmsg+EVP", receive_many },
	{ "UDP_GRO+EVP", receive_merged },
};

static void bench_system(const struct system *system, struct traffic *traffic)
{
	struct row row = { .workload = forged ? "aead-forged" : "aead-open" };
	static const int sizes[] = { 64, 512, 1400 };

	traffic->open = system->filters ? NULL : open_evp;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size = sizes[i];
		traffic->size = size;
		rig_measure(system, traffic, &row);
		row.kase = aead->name;
		row_add(&row);
	}
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
	for (traffic.arrival = ALONE; traffic.arrival <= MERGED; traffic.arrival++) {
		rows_begin("%s, %s, %s", aead->name, forged ? "forged" : "authentic",
			   traffic_name(&traffic));
		for (size_t i = 0; i < ARRAY_SIZE(systems); i++)
			bench_system(&systems[i], &traffic);
	}
	EVP_CIPHER_CTX_free(opener);
}

static void bench_aeads(void)
{
	shell("modprobe -a -q aesni_intel ghash_clmulni_intel");
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
