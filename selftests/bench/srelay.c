// SPDX-License-Identifier: GPL-2.0
/*
 * SRTP is opened, and sealed for eight receivers, each with a key, an SSRC and numbers of its own:
 * by the program of samples/srelay, or by a process that uses libsrtp; or libcrypto at its best,
 * with keys that are set up once, no replay window, and for AES-GCM only.
 *
 * Datagrams are accepted once, so those of each round are new.
 */
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <string.h>
#include <vnp/libvnp.h>

#include "bench.h"
#include "../kmod/common.h"
#include "../kmod/object.h"
#include "samples/srelay/srelay.h"
#include "samples/srtp/session.h"

#define PEER_ADDRESS	"10.9.0.2"
#define PEER_PORT	5000
#define FANOUT		RELAY_PEERS
#define SSRC		0x12345678
#define FIRST		1000	/* number of the first packet */

static const struct profile {
	const char *name;
	void (*set)(srtp_crypto_policy_t *policy);
	int key_len;		/* bytes of a master key and its salt */
	int tag;
	bool is_gcm;
} profiles[] = {
	{ "aes-128-gcm", srtp_crypto_policy_set_aes_gcm_128_16_auth,
	  SRTP_AES_GCM_128_KEY_LEN_WSALT, 16, true },
	{ "aes-128-cm-hmac-sha1-80", srtp_crypto_policy_set_rtp_default,
	  SRTP_AES_ICM_128_KEY_LEN_WSALT, 10 },
};

static const struct profile *profile;
static int size;
static __u16 sequence;
static srtp_t sender, opener, sealers[FANOUT];
static struct vnp_object *object;

/* Master key of a receiver, or of the sender: 0 */
static void master_key(int member, __u8 key[SRTP_MAX_KEY_LEN])
{
	fill_random(key, profile->key_len, 100 + member);
}

static srtp_t session(int member, srtp_ssrc_type_t direction)
{
	__u8 key[SRTP_MAX_KEY_LEN];
	srtp_policy_t policy = { .ssrc = { .type = direction }, .key = key };
	srtp_t srtp;

	master_key(member, key);
	profile->set(&policy.rtp);
	profile->set(&policy.rtcp);
	if (srtp_create(&srtp, &policy))
		die("libsrtp does not accept a key for %s.", profile->name);
	return srtp;
}

static void sessions_begin(void)
{
	int i;

	if (srtp_init())
		die("libsrtp cannot be used.");
	sequence = FIRST;
	sender = session(0, ssrc_any_outbound);
	opener = session(0, ssrc_any_inbound);
	for (i = 0; i < FANOUT; i++)
		sealers[i] = session(1 + i, ssrc_any_outbound);
}

static void sessions_end(void)
{
	int i;

	srtp_dealloc(sender);
	srtp_dealloc(opener);
	for (i = 0; i < FANOUT; i++)
		srtp_dealloc(sealers[i]);
	srtp_shutdown();
}

static void write_packet(__u8 *packet, int i)
{
	const struct relay_rtp rtp = {
		.first = 0x80,
		.type = 96,
		.sequence = htons(sequence++),
		.ssrc = htonl(SSRC),
	};
	int len = size - profile->tag;

	memcpy(packet, &rtp, sizeof(rtp));
	fill_random(packet + sizeof(rtp), len - sizeof(rtp), i);
	if (srtp_protect(sender, packet, &len) || len != size)
		die("libsrtp does not seal.");
}

/*
 * ---- A process with libsrtp ----------------------------------------------
 */

static int open_packet(__u8 *packet, int len)
{
	return srtp_unprotect(opener, packet, &len) ? -1 : len;
}

static int seal_packet(const __u8 *packet, int len, int peer, __u8 *to)
{
	struct relay_rtp *rtp = (void *)to;

	memcpy(to, packet, len);
	rtp->ssrc = htonl(SSRC + 1 + peer);
	rtp->sequence = htons(ntohs(rtp->sequence) + peer);
	if (srtp_protect(sealers[peer], to, &len))
		die("libsrtp does not seal for a receiver.");
	return len;
}

/*
 * ---- A process with libcrypto --------------------------------------------
 */

#define GCM_TAG		16
#define GCM_KEY		16
#define GCM_SALT	12

/* struct direction - packets of the sender, or to a receiver */
struct direction {
	EVP_CIPHER_CTX *evp;
	__u8 salt[GCM_SALT];
};

static struct direction from_sender, to_receiver[FANOUT];

static void direction_begin(struct direction *direction, int member)
{
	__u8 master[SRTP_MAX_KEY_LEN], key[GCM_KEY];

	master_key(member, master);
	direction->evp = EVP_CIPHER_CTX_new();
	if (vnp_derive_srtp(master, GCM_KEY, master + GCM_KEY, GCM_SALT, VNP_SRTP_ENCRYPTION,
			    key, GCM_KEY) ||
	    vnp_derive_srtp(master, GCM_KEY, master + GCM_KEY, GCM_SALT, VNP_SRTP_SALT,
			    direction->salt, GCM_SALT) ||
	    !EVP_CipherInit_ex(direction->evp, EVP_aes_128_gcm(), NULL, key, NULL, member != 0))
		die("libcrypto does not accept a key.");
}

static void directions_begin(void)
{
	int i;

	direction_begin(&from_sender, 0);
	for (i = 0; i < FANOUT; i++)
		direction_begin(&to_receiver[i], 1 + i);
}

static void directions_end(void)
{
	int i;

	EVP_CIPHER_CTX_free(from_sender.evp);
	for (i = 0; i < FANOUT; i++)
		EVP_CIPHER_CTX_free(to_receiver[i].evp);
}

/* The numbers of a measurement do not roll over.  Return: false: libcrypto fails */
static bool direction_begin_packet(struct direction *direction, const struct relay_rtp *rtp)
{
	__u8 nonce[GCM_SALT] = {};
	int i, len;

	memcpy(nonce + 2, &rtp->ssrc, sizeof(rtp->ssrc));
	memcpy(nonce + 10, &rtp->sequence, sizeof(rtp->sequence));
	for (i = 0; i < GCM_SALT; i++)
		nonce[i] ^= direction->salt[i];
	return EVP_CipherInit_ex(direction->evp, NULL, NULL, NULL, nonce, -1) &&
	       EVP_CipherUpdate(direction->evp, NULL, &len, (const __u8 *)rtp, sizeof(*rtp));
}

static int open_evp(__u8 *packet, int len)
{
	const int text = len - sizeof(struct relay_rtp) - GCM_TAG;
	__u8 *at = packet + sizeof(struct relay_rtp);
	int out;

	if (text < 0 || !direction_begin_packet(&from_sender, (void *)packet) ||
	    !EVP_CipherUpdate(from_sender.evp, at, &out, at, text) ||
	    !EVP_CIPHER_CTX_ctrl(from_sender.evp, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, at + text) ||
	    !EVP_CipherFinal_ex(from_sender.evp, at + text, &out))
		return -1;
	return len - GCM_TAG;
}

static int seal_evp(const __u8 *packet, int len, int peer, __u8 *to)
{
	EVP_CIPHER_CTX *evp = to_receiver[peer].evp;
	const int text = len - sizeof(struct relay_rtp);
	struct relay_rtp *rtp = (void *)to;
	__u8 *at = to + sizeof(*rtp);
	int out;

	memcpy(rtp, packet, sizeof(*rtp));
	rtp->ssrc = htonl(SSRC + 1 + peer);
	rtp->sequence = htons(ntohs(rtp->sequence) + peer);
	if (!direction_begin_packet(&to_receiver[peer], rtp) ||
	    !EVP_CipherUpdate(evp, at, &out, packet + sizeof(*rtp), text) ||
	    !EVP_CipherFinal_ex(evp, at + text, &out) ||
	    !EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, at + text))
		die("libcrypto does not seal for a receiver.");
	return len + GCM_TAG;
}

/*
 * ---- VNP -----------------------------------------------------------------
 */

static int try_keys(int member)
{
	char hex[2 * SRTP_MAX_KEY_LEN + 1];
	__u8 key[SRTP_MAX_KEY_LEN];
	int i;

	master_key(member, key);
	for (i = 0; i < profile->key_len; i++)
		sprintf(hex + 2 * i, "%02x", key[i]);
	return srtp_session_set(vnp_object_find_map(object, "keys"),
				srtp_profile_find(profile->name), member, member, hex);
}

static void set_keys(int member)
{
	int err = RETRY(try_keys(member));

	if (err)
		die("VNP does not accept a key for %s: %s.", profile->name, strerror(-err));
}

static void add_receiver(int i, struct srelay_state *state)
{
	const struct relay_key key = { .member = 1 + i };
	const struct srelay_stream stream = { .ssrc = htonl(SSRC + 1 + i), .first = i };
	const struct vnp_peer peer = {
		.family = AF_INET,
		.ip4 = inet_addr(PEER_ADDRESS),
		.port = PEER_PORT + i,
	};

	set_keys(1 + i);
	if (vnp_map_update(vnp_object_find_map(object, "streams"), &key, &stream, VNP_MAP_ANY) ||
	    vnp_map_update(vnp_object_find_map(object, "receivers"), &key, &peer, VNP_MAP_ANY))
		die("A receiver cannot be set.");
	state->relay.members[i] = 1 + i;
}

static void attach_vnp_srelay(int sock)
{
	struct vnp_program *prog;
	struct srelay_state *state;
	int err, i;

	err = vnp_object_open_file("build/samples/srelay/srelay.bpf.o", NULL, &object);
	if (err)
		die("The program of samples/srelay cannot be read.");
	prog = vnp_object_find_program(object, "srelay");
	err = vnp_program_set_budget(prog, SRELAY_BUDGET);
	if (!err)
		err = vnp_object_load(object, NULL);
	state = err ? NULL : object_globals(object, ".bss");
	if (!state)
		die("The program of samples/srelay cannot be loaded.");
	state->srtp.has_macs = srtp_profile_find(profile->name)->mac != 0;
	set_keys(0);
	for (i = 0; i < FANOUT; i++)
		add_receiver(i, state);
	if (vnp_link_attach(prog, sock, NULL, NULL))
		die("VNP's program cannot be linked to the socket.");
}

/* Each was sent each datagram. */
static void check_receivers(void)
{
	struct vnp_peer peer;
	int i;

	for (i = 0; i < FANOUT; i++) {
		const struct relay_key key = { .member = 1 + i };

		if (vnp_map_lookup(vnp_object_find_map(object, "receivers"), &key, &peer) ||
		    peer.sent != (__u64)rig_datagrams())
			die("Of %ld datagrams, receiver %d was sent %llu.", rig_datagrams(), i,
			    (unsigned long long)peer.sent);
	}
}

/*
 * ---- The workload --------------------------------------------------------
 */

static const struct system systems[] = {
	{ "vnp", receive_many, true, attach_vnp_srelay },
	{ "sendmmsg+libsrtp", relay_each },
	{ "UDP_SEGMENT+libsrtp", relay_segments },
	{ "UDP_GRO+UDP_SEGMENT+libsrtp", relay_merged },
};

static const struct system evp_systems[] = {
	{ "sendmmsg+EVP", relay_each },
	{ "UDP_GRO+UDP_SEGMENT+EVP", relay_merged },
};

static void measure(const struct system *system, struct traffic *traffic)
{
	struct row row = { .workload = "srelay", .fanout = FANOUT };
	const long before = rig_sent();

	sessions_begin();
	if (profile->is_gcm)
		directions_begin();
	rig_measure(system, traffic, &row);
	row.kase = profile->name;
	if (rig_sent() == before)
		die("%s has sent nothing.", system->name);
	if (object) {
		check_receivers();
		vnp_object_close(object);
		object = NULL;
	}
	if (profile->is_gcm)
		directions_end();
	sessions_end();
	row_add(&row);
}

static void measure_all(struct traffic *traffic)
{
	static const int sizes[] = { 64, 512, 1400 };
	const bool merged = traffic->arrival == MERGED;
	size_t i, k;

	rows_begin("srelay, %s, %s", profile->name, traffic_name(traffic));
	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		size = sizes[k];
		traffic->size = size;
		traffic->open = open_packet;
		traffic->seal = seal_packet;
		/* Single datagrams are neither merged, nor segments of others. */
		for (i = 0; i < (merged ? ARRAY_SIZE(systems) : 2); i++)
			measure(&systems[i], traffic);
		traffic->open = open_evp;
		traffic->seal = seal_evp;
		for (i = 0; profile->is_gcm && i <= merged; i++)
			measure(&evp_systems[i], traffic);
	}
}

void bench_srelay(void)
{
	struct traffic traffic = {
		.unwanted = 100,
		.deferred = true,
		.is_new = true,
		.fill = write_packet,
	};

	shell("modprobe -a -q " CRYPT_MODULES);
	relay_unlimited();
	for (profile = profiles; profile < profiles + ARRAY_SIZE(profiles); profile++)
		for (traffic.arrival = ALONE; traffic.arrival <= MERGED; traffic.arrival += MERGED)
			measure_all(&traffic);
}
