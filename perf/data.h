/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_DATA_H
#define PERF_DATA_H

/*
 * The data sockets. The server opens one on the address that the control connection came to; the
 * client connects and says the token of the offer, so that a stray or hostile connection never
 * takes part, and so that a UDP server learns the client's address as it looks from there, behind
 * a NAT or not. TCP_CRR has no lasting data connection: its server keeps the listener.
 *
 * Blocking calls here are bounded and to be used before the test starts, data_open excepted.
 */

#include <stdint.h>

#include "perf/address.h"
#include "perf/control.h"
#include "perf/setup.h"

/* Server: a listening or, for UDP, bound socket, its port in *port. Returns the fd or -errno. */
int data_listen(const struct setup *s, const struct control *c, uint16_t *port, struct err *e);

/*
 * Server: waits for the client with `token`. Returns the fd to test on, which may be `listen_fd`
 * itself (UDP, TCP_CRR), or -errno. Never closes `listen_fd`.
 */
int data_join(const struct setup *s, const struct control *c, int listen_fd, uint64_t token,
	      struct err *e);

/*
 * Client: connects to `server` and says the token until the server says JOINED on the control
 * connection. Returns the fd, or -1 for TCP_CRR with *ret = 0, or -1 and *ret = -errno.
 */
int data_connect(const struct setup *s, struct control *c, const struct address *server,
		 uint64_t token, int *ret, struct err *e);

/* Client: one new socket with the setup's options and a bound port, if any; the fd or -errno. */
int data_open(const struct setup *s, sa_family_t family);

/* Drops what the socket holds: tokens that a UDP client repeated. Before the start. */
void data_flush(int fd);
/* Is a datagram such a token, come late? */
bool data_is_hello(const void *datagram, size_t len);

/* What the kernel granted as socket buffers, bytes. */
void data_buffers(int fd, uint64_t *sndbuf, uint64_t *rcvbuf);

#endif
