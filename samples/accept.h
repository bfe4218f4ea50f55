/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * accept.so, a library to be preloaded into a server: connections that the server accepts are
 * linked before it learns of them.  Its configuration is in the environment.
 */
#ifndef _VNP_SAMPLE_ACCEPT_H
#define _VNP_SAMPLE_ACCEPT_H

#define ACCEPT_VARIABLE	"VNP_ACCEPT"

/*
 * Its contents: descriptors, which the server inherits, of /dev/vnp, and of a program of type
 * stream; flags and eof of struct vnp_link_create; the local port.
 */
#define ACCEPT_FORMAT	"%d %d %u %u %u"

#endif /* _VNP_SAMPLE_ACCEPT_H */
