/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* For samples that start a server which knows nothing of VNP */
#ifndef _VNP_SAMPLE_SERVE_H
#define _VNP_SAMPLE_SERVE_H

#include "common.h"

/**
 * sample_serve_main() - main(): become a server, with the sample's program on the TCP socket that
 * listens at a port, and so on each connection that it accepts.  Bytes that are not a message are
 * passed, and an incomplete message at the end of the stream is dropped
 * @sample:	the sample
 * @usage:	of the sample
 * @argc:	of main()
 * @argv:	of main(): PORT, and the server's command
 *
 * Return: exit status, after a complaint; it only returns if that fails.
 */
int sample_serve_main(const struct sample *sample, const char *usage, int argc, char **argv);

#endif /* _VNP_SAMPLE_SERVE_H */
