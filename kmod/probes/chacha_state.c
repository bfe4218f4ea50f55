// SPDX-License-Identifier: GPL-2.0
/* The state of ChaCha is a struct instead of an array of words. */
#include <crypto/chacha.h>

void probe(struct chacha_state *state, u8 *text, unsigned int len);
void probe(struct chacha_state *state, u8 *text, unsigned int len)
{
	chacha20_crypt(state, text, text, len);
}
