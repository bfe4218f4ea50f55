/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What samples begin with. */
#ifndef _VNP_SAMPLE_COMMON_H
#define _VNP_SAMPLE_COMMON_H

#include <signal.h>
#include <stddef.h>
#include <vnp/libvnp.h>

/**
 * struct sample - a sample
 * @name:	its name, and that of its program
 * @object:	NAME.bpf.o, which is linked into it
 * @object_len:	its length
 */
struct sample {
	const char *name;
	const void *object;
	size_t object_len;
};

/* SAMPLE() - define the sample of this name */
#define SAMPLE(var, sample_name)						\
	extern const char _binary_##sample_name##_bpf_o_start[];		\
	extern const char _binary_##sample_name##_bpf_o_end[];			\
	static struct sample var(void)						\
	{									\
		return (struct sample) {					\
			.name = #sample_name,					\
			.object = _binary_##sample_name##_bpf_o_start,		\
			.object_len = _binary_##sample_name##_bpf_o_end -	\
				      _binary_##sample_name##_bpf_o_start,	\
		};								\
	}

/* sample_complain() - say what failed.  Return: @err, a negative errno */
int sample_complain(const struct sample *sample, const char *failed, int err);

/* sample_number() - a number from 1 to @max from the command line.  Return: 0 if it is not valid */
int sample_number(const char *text, int max);

/* sample_port() - a port from the command line.  Return: 0 if it is not valid */
int sample_port(const char *text);

/* sample_hex() - read @len bytes from as many pairs of hex digits.  Return: 0 or -EINVAL */
int sample_hex(const char *hex, void *to, size_t len);

/*
 * sample_socket() - a UDP socket for sample_bind(), with a receive buffer of this size as far as
 * net.core.rmem_max permits; 0: the default.  Return: it, or a negative errno, after a complaint
 */
int sample_socket(const struct sample *sample, int rcvbuf);

/*
 * sample_bind() - open the port, for IPv6 and IPv4.  If the process reads what the program passes,
 * it links the program before: what arrives without a link is in the receive queue as it is.
 *
 * Return: 0, or a negative errno, after a complaint
 */
int sample_bind(const struct sample *sample, int sock, int port);

/* sample_open_port() - both.  Return: the socket, or a negative errno, after a complaint */
int sample_open_port(const struct sample *sample, int port, int rcvbuf);

/* sample_ended - has a signal arrived? */
extern volatile sig_atomic_t sample_ended;

/*
 * sample_end_by_signal() - from then on SIGINT and SIGTERM set @sample_ended, and end each call of
 * recv() on the socket, also one that begins later
 */
void sample_end_by_signal(int sock);

/*
 * sample_open() - read the program, which is not loaded yet.  Return: 0 or a negative errno, after
 * a complaint; the caller closes the object
 */
int sample_open(const struct sample *sample, struct vnp_object **obj);

/*
 * sample_load() - read and load the program.  Return: 0 or a negative errno, after a complaint; the
 * caller closes the object
 */
int sample_load(const struct sample *sample, struct vnp_object **obj);

/*
 * sample_variables() - the program's zero-initialized global variables (.bss), shared with it until
 * this process ends.  Return: NULL after a complaint
 */
void *sample_variables(const struct sample *sample, const struct vnp_object *obj);

/*
 * sample_attach() - load the program, and link it to the socket.  Return: 0 or a negative
 * errno, after a complaint
 */
int sample_attach(const struct sample *sample, int sock, const struct vnp_link_opts *opts,
		  struct vnp_link **link);

/*
 * sample_link_all() - link the program to all these sockets, or to none, and print a line with
 * @verb for each.  Return: 0 or a negative errno, after a complaint
 */
int sample_link_all(const struct sample *sample, const struct vnp_program *prog,
		    const struct vnp_socket *socks, size_t cnt, const struct vnp_link_opts *opts,
		    const char *verb);

#endif /* _VNP_SAMPLE_COMMON_H */
