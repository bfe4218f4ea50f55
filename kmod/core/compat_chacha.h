/* SPDX-License-Identifier: GPL-2.0 */
/* Differences between kernels' ChaCha libraries; see compat.h. */
#ifndef _VNP_CORE_COMPAT_CHACHA_H
#define _VNP_CORE_COMPAT_CHACHA_H

#include <crypto/chacha.h>
#include <linux/string.h>

#include "probed.h"

#ifdef HAVE_CHACHA_STATE
#define vnp_chacha_words(state)	(&(state)->words)
#else
#define vnp_chacha_words(state)	((state)->words)
#endif

/* struct vnp_chacha - a key, a nonce and a position */
struct vnp_chacha {
#ifdef HAVE_CHACHA_STATE
	struct chacha_state words;
#else
	u32 words[CHACHA_STATE_WORDS];
#endif
};

/* vnp_chacha_init() - @iv: position, little-endian, and nonce */
static inline void vnp_chacha_init(struct vnp_chacha *state, const u32 key[8],
				   const u8 iv[CHACHA_IV_SIZE])
{
	chacha_init(vnp_chacha_words(state), key, iv);
}

/* vnp_chacha_crypt() - encrypt or decrypt at the position, and move it */
static inline void vnp_chacha_crypt(struct vnp_chacha *state, u8 *to, const u8 *from,
				    u32 len)
{
	chacha20_crypt(vnp_chacha_words(state), to, from, len);
}

/* vnp_chacha_derive() - the key of XChaCha20 that belongs to 16 bytes of nonce */
static inline void vnp_chacha_derive(struct vnp_chacha *state, u32 derived[8],
				     const u32 key[8], const u8 nonce[CHACHA_IV_SIZE])
{
	chacha_init(vnp_chacha_words(state), key, nonce);
	hchacha_block(vnp_chacha_words(state), derived, 20);
}

#endif /* _VNP_CORE_COMPAT_CHACHA_H */
