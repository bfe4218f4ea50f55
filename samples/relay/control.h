/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The control socket: a Unix socket on which each line is a command, and is answered by one
 * line, or several for a list.  Everybody with write permission for the file may send
 * commands.
 */
#ifndef _RELAY_CONTROL_H
#define _RELAY_CONTROL_H

#include "members.h"

/* control_open() - a listening socket, or a negative errno */
int control_open(const char *path);

/*
 * control_ask() - send a command, and print the answer.  Return: 0; 1 if it is an error;
 * negative errno
 */
int control_ask(const char *path, char **words);

/* control_serve() - answer commands until there is a signal.  Return: 0 or a negative errno */
int control_serve(int listener, int signals, struct members *members);

#endif /* _RELAY_CONTROL_H */
