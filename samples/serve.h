/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* For samples that start a server which knows nothing of VNP */
#ifndef _VNP_SAMPLE_SERVE_H
#define _VNP_SAMPLE_SERVE_H

#include "common.h"

/**
 * sample_serve() - become this server, with the sample's program on each TCP connection that
 * it accepts at a port
 * @sample:	the sample
 * @port:	the port
 * @opts:	options of the links
 * @argv:	the server's command, ends with NULL
 *
 * Return: only after a failure: a negative errno, after a complaint.
 */
int sample_serve(const struct sample *sample, int port, const struct vnp_link_opts *opts,
		 char **argv);

#endif /* _VNP_SAMPLE_SERVE_H */
