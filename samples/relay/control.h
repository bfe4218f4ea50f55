/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The control socket: a Unix socket at which each line is a command, and is answered by a
 * line (a list by more).  Who may write to its file may command.
 */
#ifndef _RELAY_CONTROL_H
#define _RELAY_CONTROL_H

#include "members.h"

/* control_open() - a listening socket, or a negative errno */
int control_open(const char *path);

/* control_ask() - print the answer to a command.  Return: 0, 1: an error; negative errno */
int control_ask(const char *path, char **words);

/* control_serve() - answer until there is a signal.  Return: 0 or a negative errno */
int control_serve(int listener, int signals, struct members *members);

#endif /* _RELAY_CONTROL_H */
