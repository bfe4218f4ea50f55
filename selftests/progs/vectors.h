/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Published test vectors for the cryptographic helpers: unit/crypt_test.c executes
 * crypt.bpf.c on them in the reference interpreter, kmod/crypt_test.c natively.
 */
#ifndef _VNP_TEST_VECTORS_H
#define _VNP_TEST_VECTORS_H

#include <stdio.h>
#include <string.h>

#include <linux/vnp.h>
#include "vnp/libvnp.h"

/**
 * struct vector - a test vector, with bytes in hexadecimal
 * @from:	where it is published
 * @alg:	enum vnp_key_alg
 * @text:	plaintext, or text that is authenticated only
 * @sealed:	ciphertext and tag; if @text is authenticated only, the tag
 */
struct vector {
	const char *from;
	__u32 alg;
	const char *key, *salt, *nonce, *aad, *text, *sealed;
};

#define SUNSCREEN							\
	"4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a20" \
	"4966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865" \
	"206675747572652c2073756e73637265656e20776f756c642062652069742e"

#define GALLIA								\
	"47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573"

static const struct vector vectors[] = {
	{ "RFC 8439, 2.8.2", VNP_KEY_CHACHA20_POLY1305,
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "",
	  "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7", SUNSCREEN,
	  "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	  "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	  "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	  "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691" },
	{ "draft-irtf-cfrg-xchacha-03, A.3.1", VNP_KEY_XCHACHA20_POLY1305,
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "",
	  "404142434445464748494a4b4c4d4e4f5051525354555657", "50515253c0c1c2c3c4c5c6c7",
	  SUNSCREEN,
	  "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
	  "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
	  "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
	  "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49" },
	{ "GCM specification, 1", VNP_KEY_AES_128_GCM, "00000000000000000000000000000000", "",
	  "000000000000000000000000", "", "", "58e2fccefa7e3061367f1d57a4e7455a" },
	{ "GCM specification, 2", VNP_KEY_AES_128_GCM, "00000000000000000000000000000000", "",
	  "000000000000000000000000", "", "00000000000000000000000000000000",
	  "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf" },
	{ "GCM specification, 4", VNP_KEY_AES_128_GCM, "feffe9928665731c6d6a8f9467308308", "",
	  "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
	  "5bc94fbc3221a5db94fae95ae7121a47" },
	{ "GCM specification, 16", VNP_KEY_AES_256_GCM,
	  "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "",
	  "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
	  "76fc6ece0f4e1768cddf8853bb2d551b" },
	{ "RFC 7714, 16.1.1", VNP_KEY_AES_128_GCM, "000102030405060708090a0b0c0d0e0f",
	  "517569642070726f2071756f", "00005501a0b200000000f17b",
	  "8040f17b8041f8d35501a0b2", GALLIA,
	  "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b"
	  "36de3adf8833899d7f27beb16a9152cf765ee4390cce" },
	{ "RFC 7714, 16.2.1", VNP_KEY_AES_256_GCM,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  "517569642070726f2071756f", "00005501a0b200000000f17b",
	  "8040f17b8041f8d35501a0b2", GALLIA,
	  "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f"
	  "1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13" },
	{ "RFC 3711, B.2", VNP_KEY_AES_128_CTR, "2b7e151628aed2a6abf7158809cf4f3c",
	  "f0f1f2f3f4f5f6f7f8f9fafbfcfd0000", "", "",
	  "000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	  "000000000000",
	  "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd4779"
	  "01e4fca894c0" },
	{ "NIST SP 800-38A, F.5.5", VNP_KEY_AES_256_CTR,
	  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "",
	  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5" },
	{ "RFC 4231, 4.2", VNP_KEY_HMAC_SHA256, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "",
	  "", "", "4869205468657265",
	  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ "RFC 4231, 4.3", VNP_KEY_HMAC_SHA256, "4a656665", "", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ "RFC 2202, 3.1", VNP_KEY_HMAC_SHA1_80, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	  "", "", "", "4869205468657265", "b617318655057264e28b" },
	{ "RFC 2202, 3.2", VNP_KEY_HMAC_SHA1_32, "4a656665", "", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "effcdf6a" },
	{ "RFC 8439, 2.6.2 (one-time key)", VNP_KEY_POLY1305,
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "",
	  "000000000001020304050607", "",
	  "43727970746f6772617068696320466f72756d2052657365617263682047726f7570",
	  "9265cf2aa8f44ce9bddb922b3d650e7c" },
	/* Lengths and values at limits, sealed by OpenSSL 3 */
	{ "AES-128-GCM, 0 bytes, 20 additional", VNP_KEY_AES_128_GCM,
	  "001d3a577491aecbe805223f5c7996b3", "",
	  "14314e6b88a5c2dffc193653",
	  "03203d5a7794b1ceeb0825425f7c99b6d3f00d2a",
	  "",
	  "28901c513a8ca345b7de84928b1ae7db" },
	{ "AES-128-GCM, 1 bytes, 0 additional", VNP_KEY_AES_128_GCM,
	  "011e3b587592afcce90623405d7a97b4", "",
	  "001d3a577491aecbe805223f",
	  "",
	  "05",
	  "eaf7660cbb720c2487c975d7dfcd6ea435" },
	{ "AES-128-GCM, 15 bytes, 15 additional", VNP_KEY_AES_128_GCM,
	  "0f2c496683a0bddaf714314e6b88a5c2", "",
	  "0f2c496683a0bddaf714314e",
	  "03203d5a7794b1ceeb0825425f7c99",
	  "05223f5c7996b3d0ed0a2744617e9b",
	  "44f36a4ccdd61ffef7c78d2f03669d9ea7e4506ac694d64e4ab6fbef90ce0f" },
	{ "AES-128-GCM, 17 bytes, 16 additional", VNP_KEY_AES_128_GCM,
	  "112e4b6885a2bfdcf91633506d8aa7c4", "",
	  "102d4a6784a1bedbf815324f",
	  "03203d5a7794b1ceeb0825425f7c99b6",
	  "05223f5c7996b3d0ed0a2744617e9bb8d5",
	  "266702a412bef53599ce5a1105d02f5e3c5c52fe0e7b74977c89efe8411d49d29d" },
	{ "AES-128-GCM, 129 bytes, 65 additional", VNP_KEY_AES_128_GCM,
	  "819ebbd8f5122f4c6986a3c0ddfa1734", "",
	  "415e7b98b5d2ef0c29466380",
	  "03203d5a7794b1ceeb0825425f7c99b6d3f00d2a4764819ebbd8f5122f4c6986a3c0ddfa1734"
	  "516e8ba8c5e2ff1c39567390adcae704213e5b7895b2cfec092643",
	  "05223f5c7996b3d0ed0a2744617e9bb8d5f20f2c496683a0bddaf714314e6b88a5c2dffc1936"
	  "53708daac7e4011e3b587592afcce90623405d7a97b4d1ee0b2845627f9cb9d6f3102d4a6784"
	  "a1bedbf815324f6c89a6c3e0fd1a3754718eabc8e5021f3c597693b0cdea0724415e7b98b5d2"
	  "ef0c294663809dbad7f4112e4b6885",
	  "2b8b6ab4381a1c0740be5b974f6e650e30a8edbf71ef3f332eaa68cc289a45987b1a7ede8e1d"
	  "4e9a939ca07cc02815b049c1a63b3e654d3af45af5750161cb154dfc9c8064dd3bf9967a2a78"
	  "a9f4a2cdd587dd55b1a90815248fcf18d9fc757c9314a01281a0d26116f2e2e30a7e0abad336"
	  "92bf5d40e19851c3c1693410b3509ead6c4e7925c5aeecf1f0c395acc83242" },
	{ "AES-128-GCM, key of ones, nonce of ones", VNP_KEY_AES_128_GCM,
	  "ffffffffffffffffffffffffffffffff", "",
	  "ffffffffffffffffffffffff",
	  "ffffffffffffffffffffffffffffffff",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "24dbabc805b581d56aa17e2902c046c9c36cfb7b8b7c6b4c2a9717f6aed2b5ae202c18f2b3b4"
	  "95d681063607ceee2f96a9" },
	{ "AES-128-GCM, key of zeroes, nonce of zeroes", VNP_KEY_AES_128_GCM,
	  "00000000000000000000000000000000", "",
	  "000000000000000000000000",
	  "ffffffffffffffffffffffffffffffff",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "fc7725319f495c6d0cd73d468e4d0187086a5554b6b4a6dc080276006b743e1fdfa013c75868"
	  "dd82d023f7269be8ffc750" },
	{ "AES-256-GCM, 0 bytes, 20 additional", VNP_KEY_AES_256_GCM,
	  "001d3a577491aecbe805223f5c7996b3d0ed0a2744617e9bb8d5f20f2c496683", "",
	  "14314e6b88a5c2dffc193653",
	  "03203d5a7794b1ceeb0825425f7c99b6d3f00d2a",
	  "",
	  "73072df249a7617da08efab211db954b" },
	{ "AES-256-GCM, 1 bytes, 0 additional", VNP_KEY_AES_256_GCM,
	  "011e3b587592afcce90623405d7a97b4d1ee0b2845627f9cb9d6f3102d4a6784", "",
	  "001d3a577491aecbe805223f",
	  "",
	  "05",
	  "edfe2a8cf95d94b4a98b9641190a424184" },
	{ "AES-256-GCM, 15 bytes, 15 additional", VNP_KEY_AES_256_GCM,
	  "0f2c496683a0bddaf714314e6b88a5c2dffc193653708daac7e4011e3b587592", "",
	  "0f2c496683a0bddaf714314e",
	  "03203d5a7794b1ceeb0825425f7c99",
	  "05223f5c7996b3d0ed0a2744617e9b",
	  "5c408a371bed7be40f53701dc4dade6eb36906decec8f5d8aa87747ef6891a" },
	{ "AES-256-GCM, 17 bytes, 16 additional", VNP_KEY_AES_256_GCM,
	  "112e4b6885a2bfdcf91633506d8aa7c4e1fe1b3855728facc9e603203d5a7794", "",
	  "102d4a6784a1bedbf815324f",
	  "03203d5a7794b1ceeb0825425f7c99b6",
	  "05223f5c7996b3d0ed0a2744617e9bb8d5",
	  "d531742a865bbf5a3a6fca5d1f7d40c6cf369b11544e96fe278df83ab7cfef2959" },
	{ "AES-256-GCM, 129 bytes, 65 additional", VNP_KEY_AES_256_GCM,
	  "819ebbd8f5122f4c6986a3c0ddfa1734516e8ba8c5e2ff1c39567390adcae704", "",
	  "415e7b98b5d2ef0c29466380",
	  "03203d5a7794b1ceeb0825425f7c99b6d3f00d2a4764819ebbd8f5122f4c6986a3c0ddfa1734"
	  "516e8ba8c5e2ff1c39567390adcae704213e5b7895b2cfec092643",
	  "05223f5c7996b3d0ed0a2744617e9bb8d5f20f2c496683a0bddaf714314e6b88a5c2dffc1936"
	  "53708daac7e4011e3b587592afcce90623405d7a97b4d1ee0b2845627f9cb9d6f3102d4a6784"
	  "a1bedbf815324f6c89a6c3e0fd1a3754718eabc8e5021f3c597693b0cdea0724415e7b98b5d2"
	  "ef0c294663809dbad7f4112e4b6885",
	  "3b59f66c91c82564513bdcfabb3f0b503a72f8de7c32375202190d32e694f3daba09f2c5922f"
	  "71da2ee7418ab8d0e8d19ec280dd54ed2965228f797aed076ac0ed6e5fefa98edd50b3e8761b"
	  "37548088ea69734599114ab0846752ba2ffbfc7192dc4302279b6c2ac28a13c3140593983329"
	  "313186082d879a6c56ab93936bb5fdaef2165251782fdf6d1d47d0ee3b742a" },
	{ "AES-256-GCM, key of ones, nonce of ones", VNP_KEY_AES_256_GCM,
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "",
	  "ffffffffffffffffffffffff",
	  "ffffffffffffffffffffffffffffffff",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "42c4417ae76f276beb09973a4b9b3715e6a0fc4d53cb94e7338af461b0837bc175d2ad2c9d19"
	  "f7a32d756379ea28c569f3" },
	{ "AES-256-GCM, key of zeroes, nonce of zeroes", VNP_KEY_AES_256_GCM,
	  "0000000000000000000000000000000000000000000000000000000000000000", "",
	  "000000000000000000000000",
	  "ffffffffffffffffffffffffffffffff",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "3158bfc2b29f9491f8b13a2c450c62e78d9ffc35c859d58b2e5d0a718af9ca71220ead8ff1a0"
	  "f3fee6e00705039353ef16" },
	{ "ChaCha20-Poly1305, 0 bytes, 20 additional", VNP_KEY_CHACHA20_POLY1305,
	  "001d3a577491aecbe805223f5c7996b3d0ed0a2744617e9bb8d5f20f2c496683", "",
	  "14314e6b88a5c2dffc193653",
	  "03203d5a7794b1ceeb0825425f7c99b6d3f00d2a",
	  "",
	  "e4197674d2d8dcdb58db953dec059e5e" },
	{ "ChaCha20-Poly1305, 1 bytes, 0 additional", VNP_KEY_CHACHA20_POLY1305,
	  "011e3b587592afcce90623405d7a97b4d1ee0b2845627f9cb9d6f3102d4a6784", "",
	  "001d3a577491aecbe805223f",
	  "",
	  "05",
	  "b7c95afe906beb63cece55ae4ee95d9718" },
	{ "ChaCha20-Poly1305, 15 bytes, 15 additional", VNP_KEY_CHACHA20_POLY1305,
	  "0f2c496683a0bddaf714314e6b88a5c2dffc193653708daac7e4011e3b587592", "",
	  "0f2c496683a0bddaf714314e",
	  "03203d5a7794b1ceeb0825425f7c99",
	  "05223f5c7996b3d0ed0a2744617e9b",
	  "d49a4f819bf77c4f98a8830b592a5b574a6fd988aa877dfece22113be2ac52" },
	{ "ChaCha20-Poly1305, 17 bytes, 16 additional", VNP_KEY_CHACHA20_POLY1305,
	  "112e4b6885a2bfdcf91633506d8aa7c4e1fe1b3855728facc9e603203d5a7794", "",
	  "102d4a6784a1bedbf815324f",
	  "03203d5a7794b1ceeb0825425f7c99b6",
	  "05223f5c7996b3d0ed0a2744617e9bb8d5",
	  "10651d2e3849412ad8b9a21e063433c7264fcc288871dc75ed560e7880a97b8444" },
	{ "ChaCha20-Poly1305, 129 bytes, 65 additional", VNP_KEY_CHACHA20_POLY1305,
	  "819ebbd8f5122f4c6986a3c0ddfa1734516e8ba8c5e2ff1c39567390adcae704", "",
	  "415e7b98b5d2ef0c29466380",
	  "03203d5a7794b1ceeb0825425f7c99b6d3f00d2a4764819ebbd8f5122f4c6986a3c0ddfa1734"
	  "516e8ba8c5e2ff1c39567390adcae704213e5b7895b2cfec092643",
	  "05223f5c7996b3d0ed0a2744617e9bb8d5f20f2c496683a0bddaf714314e6b88a5c2dffc1936"
	  "53708daac7e4011e3b587592afcce90623405d7a97b4d1ee0b2845627f9cb9d6f3102d4a6784"
	  "a1bedbf815324f6c89a6c3e0fd1a3754718eabc8e5021f3c597693b0cdea0724415e7b98b5d2"
	  "ef0c294663809dbad7f4112e4b6885",
	  "8edfd4b023a3229905243d960921579bc9f722a010dddc9fe7de309abb2ab52406c73b02f482"
	  "744da9bc8093cf81adb44e1c6ebe3022ba79f83a5833e7f9583607b9bf230b573c65e072c696"
	  "27a1977c620bac4a582295e7d7af56feb9e886d93bb94ac74e98451c596e579e89cd5bb600d3"
	  "7a8ed9c3b77235de5ae708e225310a2af2098c4a6c650f9b90c9cd4edc8319" },
	{ "ChaCha20-Poly1305, key of ones, nonce of ones", VNP_KEY_CHACHA20_POLY1305,
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "",
	  "ffffffffffffffffffffffff",
	  "ffffffffffffffffffffffffffffffff",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "22d8bfc313e141bd692c82cec7785b295f8ddae08dbbc49a2deb545ef8a39534d84dcf38ac37"
	  "a80e1e4e808af9c63a2152" },
	{ "ChaCha20-Poly1305, key of zeroes, nonce of zeroes", VNP_KEY_CHACHA20_POLY1305,
	  "0000000000000000000000000000000000000000000000000000000000000000", "",
	  "000000000000000000000000",
	  "ffffffffffffffffffffffffffffffff",
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "60f81841aaaec785674568838cd2f7f234f0d65fb71c9a96ed39acc1cd118512d6259f35193a"
	  "6bb028d8945d147c85344d" },
};

#define VECTOR_CNT	(sizeof(vectors) / sizeof(vectors[0]))

/* unhex() - decode @hex to @to, which has room for @size.  Return: number of bytes */
static inline __u32 unhex(const char *hex, __u8 *to, __u32 size)
{
	unsigned int byte;
	__u32 len;

	for (len = 0; len < size && sscanf(hex + 2 * len, "%2x", &byte) == 1; len++)
		to[len] = byte;
	return len;
}

/* vector_key() - the key of a vector */
static inline struct vnp_key vector_key(const struct vector *v)
{
	struct vnp_key key = { .alg = v->alg };

	key.key_len = unhex(v->key, key.key, sizeof(key.key));
	unhex(v->salt, key.salt, sizeof(key.salt));
	return key;
}

/* vector_tag() - length of an algorithm's tag; vector_encrypts() - is it for vnp_open()? */
static inline __u32 vector_tag(__u32 alg)
{
	static const __u8 tags[] = { 0, 16, 16, 16, 16, 0, 0, 32, 10, 4, 16 };

	return tags[alg];
}

static inline int vector_encrypts(__u32 alg)
{
	return alg <= VNP_KEY_AES_256_CTR;
}

#endif /* _VNP_TEST_VECTORS_H */
