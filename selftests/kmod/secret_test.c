// SPDX-License-Identifier: GPL-2.0
/*
 * No memory contains keys after use: all memory of the guest is searched, through /proc/kcore,
 * including that of processes, freed slabs, stacks and logs.  And keys work, synchronously,
 * whichever implementations of algorithms other users have made the kernel instantiate.
 */
#include <elf.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <sys/mman.h>
#include <unistd.h>
#include "harness.h"
#include "object.h"
#include "../progs/crypt_run.h"

/*
 * ---- The search ------------------------------------------------------------
 */

#define CHUNK		(1 << 20)
#define MASK		0x5a5a5a5au	/* XORed with keys, so that this process does not contain them */

/**
 * struct hidden - what is searched for
 * @words:	the first 16 bytes of the key, in words, as they are aligned in the kernel; each
 *		XORed with MASK
 * @alg:	what the key is for
 * @key_len:	its bytes
 * @name:	for messages
 */
struct hidden {
	__u32 words[4];
	__u32 alg;
	__u32 key_len;
	const char *name;
};

static struct hidden hidden[] = {
	{ .alg = VNP_KEY_CHACHA20_POLY1305, .key_len = 32, .name = "chacha20-poly1305" },
	{ .alg = VNP_KEY_AES_128_GCM, .key_len = 16, .name = "aes-128-gcm" },
	{ .alg = VNP_KEY_AES_256_GCM, .key_len = 32, .name = "aes-256-gcm" },
	{ .alg = VNP_KEY_AES_128_CTR, .key_len = 16, .name = "aes-128-ctr" },
	{ .alg = VNP_KEY_HMAC_SHA256, .key_len = 32, .name = "hmac-sha256" },
};

#define HIDDEN_CNT	ARRAY_SIZE(hidden)

/* Random keys, so that neither other memory nor an earlier execution of this test has the same */
static int hidden_fill(void)
{
	const int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	int err = 0;

	for (size_t i = 0; i < HIDDEN_CNT; i++)
		err |= read(fd, hidden[i].words, sizeof(hidden[i].words)) !=
		       sizeof(hidden[i].words);
	close(fd);
	return err;
}

static struct vnp_key hidden_key(const struct hidden *h)
{
	struct vnp_key key = { .alg = h->alg, .key_len = h->key_len };
	__u32 words[8];

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = h->words[i % 4] ^ MASK;
	memcpy(key.key, words, h->key_len);
	explicit_bzero(words, sizeof(words));
	return key;
}

static void count_words(const __u32 *words, size_t cnt, size_t found[HIDDEN_CNT])
{
	for (size_t i = 0; i + 4 <= cnt; i++) {
		const __u32 first = words[i] ^ MASK;

		for (size_t k = 0; k < HIDDEN_CNT; k++) {
			if (first != hidden[k].words[0] ||
			    (words[i + 1] ^ MASK) != hidden[k].words[1] ||
			    (words[i + 2] ^ MASK) != hidden[k].words[2] ||
			    (words[i + 3] ^ MASK) != hidden[k].words[3])
				continue;
			found[k]++;
		}
	}
}

/* A range of memory; a key may begin in one chunk and end in the next. */
static void search_range(int fd, off_t off, __u64 len, size_t found[HIDDEN_CNT])
{
	const size_t more = 12;
	static __u8 *chunk;
	ssize_t n;

	if (!chunk)
		chunk = mmap(NULL, CHUNK + 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (__u64 pos = 0; pos < len; pos += CHUNK) {
		n = pread(fd, chunk, len - pos < CHUNK + more ? len - pos : CHUNK + more,
			  off + pos);
		if (n <= 0)
			continue;
		count_words((__u32 *)chunk, n / 4, found);
		/* Clear the buffer, so that a key is not found again in it. */
		memset(chunk, 0, n);
	}
}

/* Return: bytes that were searched, or a negative errno */
static long long search(size_t found[HIDDEN_CNT])
{
	const int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	long long all = 0;
	Elf64_Ehdr elf;
	Elf64_Phdr part;

	memset(found, 0, HIDDEN_CNT * sizeof(*found));
	if (fd < 0)
		return -errno;
	if (pread(fd, &elf, sizeof(elf), 0) != sizeof(elf))
		elf.e_phnum = 0;
	for (int i = 0; i < elf.e_phnum; i++) {
		if (pread(fd, &part, sizeof(part), elf.e_phoff + i * sizeof(part)) !=
		    sizeof(part))
			break;
		/* Only segments with a physical address: others map the same memory again. */
		if (part.p_type != PT_LOAD || part.p_paddr == (Elf64_Addr)-1 ||
		    part.p_vaddr >= 0xffffffff80000000)
			continue;
		search_range(fd, part.p_offset, part.p_memsz, found);
		all += part.p_memsz;
	}
	close(fd);
	return all;
}

static int set_hidden(struct crypt_run *run)
{
	int err = 0;

	for (size_t i = 0; i < HIDDEN_CNT && !err; i++) {
		struct vnp_key key = hidden_key(&hidden[i]);

		err = crypt_set(run, i, &key);
		explicit_bzero(&key, sizeof(key));
	}
	return err;
}

/* Use each key in several ways. */
static int use_hidden(struct crypt_run *run)
{
	static const char *const progs[] = { "seal", "open", "mac", "mac_verify" };
	int err = 0;

	for (size_t i = 0; i < HIDDEN_CNT; i++) {
		for (size_t p = 0; p < ARRAY_SIZE(progs); p++) {
			run->in_len = 300;
			fill_random(run->in, run->in_len, i);
			run->order = (struct order) {
				.key = i,
				.crypt = { .off = 32, .len = 200 },
				.crypt_len = sizeof(struct vnp_crypt),
				.verdict = VNP_PASS,
			};
			err |= crypt_run(run, progs[p]);
		}
	}
	return err;
}

TEST(keys_are_in_no_memory_after_use)
{
	size_t found[HIDDEN_CNT];
	struct crypt_run *run;
	long long bytes;
	__u32 zero = 0;

	if (!as_root())
		SKIP(return, "only root can read all memory");
	ASSERT_EQ(0, hidden_fill());
	run = calloc(1, sizeof(*run));
	ASSERT_NE(NULL, run);
	ASSERT_EQ(0, object_load("crypt", &run->obj));
	ASSERT_EQ(0, set_hidden(run));
	ASSERT_EQ(0, use_hidden(run));

	/* In use, ChaCha20's key is in the secret, and AES's in its key schedule: the search must find them. */
	bytes = search(found);
	if (bytes == -ENOENT)
		SKIP(return, "this kernel has no /proc/kcore");
	ASSERT_LE(512LL << 20, bytes);
	for (size_t i = 0; i < HIDDEN_CNT; i++) {
		TH_LOG("%s in use: found %zu times in %lld MB", hidden[i].name, found[i],
		       bytes >> 20);
		if (hidden[i].alg != VNP_KEY_HMAC_SHA256)
			EXPECT_LE(1, found[i]);
	}

	/* One key is deleted, the others are freed with the map. */
	EXPECT_EQ(0, vnp_map_delete(vnp_object_find_map(run->obj, "keys"), &zero));
	vnp_object_close(run->obj);
	/* They are freed after a grace period, by a work item; the search takes longer than that. */
	for (int i = 0, left = 1; i < 3 && left; i++) {
		ASSERT_LT(0, search(found));
		left = 0;
		for (size_t k = 0; k < HIDDEN_CNT; k++)
			left += found[k];
	}
	for (size_t i = 0; i < HIDDEN_CNT; i++) {
		EXPECT_EQ(0, found[i]) {
			TH_LOG("%s is still in memory", hidden[i].name);
		}
	}
	free(run);
}

/*
 * ---- What user space can read -------------------------------------------------
 */

/* The output of a command, of at most @size bytes.  Return: their number */
static size_t output_of(const char *command, __u8 *to, size_t size)
{
	FILE *pipe = popen(command, "r");
	size_t len = pipe ? fread(to, 1, size, pipe) : 0;

	if (pipe)
		pclose(pipe);
	return len;
}

TEST(keys_are_not_shown)
{
	static const char *const commands[] = {
		"%s/vnpctl map dump id %u", "%s/vnpctl -j map dump id %u",
		"%s/vnpctl map lookup id %u key u32 0", "%s/vnpctl map show id %u",
		"dmesg # %s %u",
	};
	struct vnp_map_info info = { .size = sizeof(info) };
	static __u8 text[1 << 20];
	char command[4096], hex[80];
	struct crypt_run *run;
	struct vnp_key key;
	size_t len, digits;

	ASSERT_EQ(0, hidden_fill());
	run = calloc(1, sizeof(*run));
	ASSERT_NE(NULL, run);
	ASSERT_EQ(0, object_load("crypt", &run->obj));
	ASSERT_EQ(0, set_hidden(run));
	ASSERT_EQ(0, use_hidden(run));
	ASSERT_EQ(0, vnp_map_get_info(vnp_object_find_map(run->obj, "keys"), &info));
	key = hidden_key(&hidden[0]);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		snprintf(command, sizeof(command), commands[i], "build/bin", info.id);
		len = output_of(command, text, sizeof(text) - 1);
		text[len] = 0;
		EXPECT_EQ(NULL, memmem(text, len, key.key, 8));
		/* In hexadecimal, with and without spaces */
		digits = 0;
		for (size_t c = 0; c < len; c++)
			if (text[c] != ' ')
				text[digits++] = text[c];
		for (int b = 0; b < 8; b++)
			sprintf(hex + 2 * b, "%02x", key.key[b]);
		EXPECT_EQ(NULL, memmem(text, digits, hex, 16)) {
			TH_LOG("%s", command);
		}
	}
	explicit_bzero(&key, sizeof(key));
	vnp_object_close(run->obj);
	free(run);
}

/*
 * ---- Implementations that other users instantiate -----------------------------
 */

/* Instantiate an implementation, as any user can.  Return: a socket, or a negative errno */
static int alg_make(const char *type, const char *name)
{
	struct sockaddr_alg alg = { .salg_family = AF_ALG };
	const int sock = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return -errno;
	snprintf((char *)alg.salg_type, sizeof(alg.salg_type), "%s", type);
	snprintf((char *)alg.salg_name, sizeof(alg.salg_name), "%s", name);
	if (!bind(sock, (const void *)&alg, sizeof(alg)))
		return sock;
	close(sock);
	return -errno;
}

/*
 * pcrypt() and cryptd() are asynchronous; they have the same names as the algorithms that they are
 * made of, and higher priorities.  They are instantiated even if the call fails, as it does if no
 * algorithm has the name that was asked for.  cryptd(gcm()) is not among them, as 6.1 warns that it
 * fails the kernel's own test: but what gcm() is made of is, and what the kernel wraps vector
 * instructions in, cryptd(__generic-gcm-aesni).
 */
TEST(implementations_that_defer_are_not_used)
{
	static const char *const names[][2] = {
		{ "aead", "pcrypt(gcm(aes))" }, { "aead", "pcrypt(generic-gcm-aesni)" },
		{ "aead", "generic-gcm-aesni" },
		{ "aead", "gcm_base(cryptd(ctr(aes-generic)),ghash-generic)" },
		{ "aead", "gcm_base(ctr(aes-generic),cryptd(ghash-generic))" },
		{ "skcipher", "cryptd(ctr(aes))" }, { "skcipher", "cryptd(ctr-aes-aesni)" },
		{ "hash", "cryptd(hmac(sha256))" }, { "hash", "cryptd(hmac(sha1))" },
	};
	int socks[ARRAY_SIZE(names)], made = 0;
	struct crypt_run *run;

	if (as_root())
		shell("modprobe -a -q af_alg algif_aead algif_skcipher algif_hash pcrypt cryptd");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		socks[i] = alg_make(names[i][0], names[i][1]);
		if (socks[i] >= 0)
			made++;
		TH_LOG("%s: %s", names[i][1], socks[i] < 0 ? strerror(-socks[i]) : "made");
	}
	run = calloc(1, sizeof(*run));
	ASSERT_NE(NULL, run);
	ASSERT_EQ(0, object_load("crypt", &run->obj));
	for (size_t i = 0; i < VECTOR_CNT; i++) {
		const struct vnp_key key = vector_key(&vectors[i]);

		if (crypt_set(run, 0, &key) == -EOPNOTSUPP)
			continue;
		ASSERT_EQ(0, vector_check(run, &vectors[i], 0, true)) {
			TH_LOG("%s: %s", vectors[i].from, run->why);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (socks[i] >= 0)
			close(socks[i]);
	vnp_object_close(run->obj);
	free(run);
	if (!made)
		SKIP(return, "this kernel makes none for users");
}

TEST_HARNESS_MAIN
