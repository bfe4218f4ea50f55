/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's own bpf(2), for programs that filter before VNP's are executed.
 */
#ifndef _VNP_TEST_BPF_H
#define _VNP_TEST_BPF_H

#include <linux/bpf.h>

/* bpf_call() - 0, a descriptor, or a negative errno */
int bpf_call(int cmd, union bpf_attr *attr);

/* bpf_counter_create() - an array map of one number */
int bpf_counter_create(void);

/* bpf_counter_read() - that number, or a negative errno */
long bpf_counter_read(int counter);

#endif /* _VNP_TEST_BPF_H */
