/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* One of several parallel senders of records, each with its own socket. */
#ifndef _VNP_SAMPLE_GATHER_SENDER_H
#define _VNP_SAMPLE_GATHER_SENDER_H

#include "gather.h"

#define SENDER_RECORD_LEN	60000

/* Datagrams of a record */
#define SENDER_CNT	((int)((SENDER_RECORD_LEN + GATHER_BYTES_MAX - 1) / GATHER_BYTES_MAX))

/**
 * struct sender - a sender
 * @sock:	connected to the receiver
 * @rank:	its number
 * @record:	the record that it sends
 */
struct sender {
	int sock;
	int rank;
	__u8 record[SENDER_RECORD_LEN];
};

/*
 * senders_that_fit() - how many can send at the same time: the receive buffer, which the
 * system limits, has space for as many incomplete records.  Return: 1 or more
 */
int senders_that_fit(void);

/* sender_open() - to a receiver on this host.  Return: 0, or -1 with errno */
int sender_open(struct sender *s, int port, int rank);

/* sender_fill() - make the record of this number */
void sender_fill(struct sender *s, int record);

/* sender_send() - send a fragment of it.  Return: true if that succeeded */
int sender_send(const struct sender *s, int record, int index);

/* sender_has_receipt() - wait for the receipt for it, and check it.  Return: true if it is right */
int sender_has_receipt(const struct sender *s);

#endif /* _VNP_SAMPLE_GATHER_SENDER_H */
