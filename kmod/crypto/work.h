/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory for a request of the kernel's crypto API, and for the data that scatterlists and requests
 * refer to, which must be in the linear mapping.
 *
 * Each CPU has its own, which all keys share.  With PREEMPT_RT a softirq can be preempted by
 * another one on the CPU: so there is a lock.  Callers with softirqs on use other memory.
 */
#ifndef _VNP_CRYPTO_WORK_H
#define _VNP_CRYPTO_WORK_H

#include <linux/crypto.h>
#include <linux/errno.h>
#include <linux/local_lock.h>
#include <linux/percpu.h>
#include <linux/scatterlist.h>
#include <linux/string.h>
#include <linux/vnp.h>

/* Bytes of the largest request */
#define VNP_WORK_REQUEST	2048

/**
 * struct vnp_work - memory for one request
 * @request:	struct aead_request, struct skcipher_request or struct shash_desc, with
 *		the context of the implementation after it
 * @iv:		the nonce, or the first counter block
 * @aad:	additional data, made contiguous
 * @sg_cnt:	number of @sg; 0: all data is in the linear mapping
 * @sg:		for the pages of data that is not
 */
struct vnp_work {
	u8 request[VNP_WORK_REQUEST] CRYPTO_MINALIGN_ATTR;
	u8 iv[16] CRYPTO_MINALIGN_ATTR;
	u8 aad[VNP_CRYPT_AAD_MAX + VNP_CRYPT_EXTRA_MAX];
	u32 sg_cnt;
	struct scatterlist *sg;
};

/* Number of struct vnp_work::sg for @len bytes at any address, and additional data */
#define VNP_WORK_SG(len)	((len) / PAGE_SIZE + 3)

/**
 * struct vnp_work_cpu - a CPU's memory for a request
 * @lock:	held while it is in use.  Context: softirqs off
 * @work:	allocated, as the addresses of per-CPU variables are not in the linear mapping
 */
struct vnp_work_cpu {
	local_lock_t lock;	/* *work */
	struct vnp_work *work;
};

DECLARE_PER_CPU(struct vnp_work_cpu, vnp_works);

/*
 * vnp_work_get() - get memory for a request: @own, or if that is NULL that of this CPU, with
 * softirqs off.  To be followed by vnp_work_put() with the same @own
 */
static inline struct vnp_work *vnp_work_get(struct vnp_work *own)
{
	if (unlikely(own))
		return own;
	local_lock(&vnp_works.lock);
	return this_cpu_read(vnp_works.work);
}

/* vnp_work_put() - it is not in use any more */
static inline void vnp_work_put(struct vnp_work *work, const struct vnp_work *own)
{
	/* The nonce includes the salt of the key. */
	memzero_explicit(work->iv, sizeof(work->iv));
	if (likely(!own))
		local_unlock(&vnp_works.lock);
}

/**
 * vnp_crypto_errno() - convert an errno of crypto_alloc_*() for user space
 * @ret:	its errno
 *
 * Errnos for an algorithm that does not exist (ENOENT, EINVAL), or whose implementations failed
 * their tests (ELIBBAD), become -EOPNOTSUPP.  The others may be temporary: the wait for a module or
 * a test was ended by a fatal signal, or took a minute (EINTR, ETIMEDOUT); a module is being
 * removed (EAGAIN).
 *
 * Return: -ENOMEM, -EINTR, -EAGAIN, -ETIMEDOUT; -EOPNOTSUPP.
 */
static inline int vnp_crypto_errno(long ret)
{
	switch (ret) {
	case -ENOMEM:
	case -EINTR:
	case -EAGAIN:
	case -ETIMEDOUT:
		return ret;
	default:
		return -EOPNOTSUPP;
	}
}

/* vnp_crypto_subsys_create(), _destroy() - Context: module init and exit */
int vnp_crypto_subsys_create(void);
void vnp_crypto_subsys_destroy(void);

#endif /* _VNP_CRYPTO_WORK_H */
