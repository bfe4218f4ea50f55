/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request of the kernel's crypto API, for each CPU, with memory in the kernel's linear
 * mapping for what scatterlists and requests refer to.  Keys of any number share it:
 * softirqs are off while it is in use.
 */
#ifndef _VNP_CRYPTO_WORK_H
#define _VNP_CRYPTO_WORK_H

#include <linux/crypto.h>
#include <linux/percpu.h>
#include <linux/vnp.h>

/* Bytes of the largest request */
#define VNP_WORK_REQUEST	2048

/**
 * struct vnp_work - a CPU's
 * @request:	struct aead_request, struct skcipher_request or struct shash_desc, with
 *		what the implementation asks for
 * @iv:		the first counter block
 * @aad:	additional data in one place
 */
struct vnp_work {
	u8 request[VNP_WORK_REQUEST] CRYPTO_MINALIGN_ATTR;
	u8 iv[16] CRYPTO_MINALIGN_ATTR;
	u8 aad[VNP_CRYPT_AAD_MAX + VNP_CRYPT_EXTRA_MAX];
};

extern struct vnp_work * __percpu *vnp_works;

/* vnp_work_get() - that of this CPU.  Context: softirqs off, and as long as they are */
static inline struct vnp_work *vnp_work_get(void)
{
	return *this_cpu_ptr(vnp_works);
}

/* vnp_crypto_subsys_create(), _destroy() - Context: module init and exit */
int vnp_crypto_subsys_create(void);
void vnp_crypto_subsys_destroy(void);

#endif /* _VNP_CRYPTO_WORK_H */
