/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_TRANSFER_H
#define PERF_TRANSFER_H

/* Whole messages over a TCP data connection, for the transaction tests. */

#include <stddef.h>

struct run;

/*
 * Sends, receives the run's next message (r->tx of `len`, r->rx of `len` bytes) on `fd`: mostly
 * one system call. Returns 1; 0 when the run is over; -ENODATA, without a message, when the peer
 * closed; or another -errno with the message in r->err.
 */
int transfer_send(struct run *r, int fd, size_t len);
int transfer_receive(struct run *r, int fd, size_t len);

#endif
