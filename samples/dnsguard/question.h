/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef _DNSGUARD_QUESTION_H
#define _DNSGUARD_QUESTION_H

#include "dnsguard.h"

/**
 * question_parse() - parse a question
 * @q:		out
 * @text:	NAME:TYPE, such as www.example.org:AAAA, .:NS, example.org:TYPE65
 *
 * Return: NULL, or what is wrong with @text.
 */
const char *question_parse(struct question *q, const char *text);

#endif
