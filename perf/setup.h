/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_SETUP_H
#define PERF_SETUP_H

/*
 * What both ends agree on before a test: the client writes a `struct setup` from its options, the
 * server checks it as it would any stranger's word and answers with an offer, the data port. The
 * limits here bound what a hostile client can make a server allocate and how long it can hold it.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/err.h"
#include "perf/kind.h"

#define SETUP_DURATION_MAX_NS (24 * 3600 * NS_PER_S)
#define SETUP_WARMUP_MAX_NS   (3600 * NS_PER_S)
#define SETUP_INTERVAL_MIN_NS (10 * NS_PER_MS)
#define SETUP_MESSAGE_MAX     (16u << 20) /* bytes in one send or recv call */
#define SETUP_DATAGRAM_MAX    65507u
#define SETUP_SOCKBUF_MAX     (1u << 30)
#define SETUP_TAGGED_MIN      16u /* bytes that a verified datagram needs */

/* Sizes in bytes, 0 or 1 for flags; a buffer or a port of 0 is left to the system. */
struct setup {
	uint64_t kind;			      /* enum kind */
	uint64_t warmup_ns, window_ns;	      /* excluded, then measured */
	uint64_t interval_ns;		      /* of samples; divides window_ns */
	uint64_t send_size, recv_size;	      /* per call, STREAM tests */
	uint64_t request_size, response_size; /* RR tests */
	uint64_t client_sndbuf, client_rcvbuf;
	uint64_t server_sndbuf, server_rcvbuf;
	uint64_t client_port, server_port; /* of the data connection */
	uint64_t nodelay, verify, random_fill;
};

/* The server's answer: where to connect, and the word to say there first. */
struct setup_offer {
	uint64_t port;
	uint64_t token;
};

/*
 * Stretches the interval so that at most `samples_max` whole ones make up the window.
 * The window must not be 0.
 */
void setup_fit_interval(struct setup *s, unsigned samples_max);

/* Are all values within limits and do they go together? Returns 0 or -EINVAL. */
int setup_check(const struct setup *s, struct err *e);

/* Message bodies: append to `body` (see field_format), read and check. */
int setup_format(const struct setup *s, char *body, size_t size, size_t *len);
int setup_parse(struct setup *s, const char *body, size_t len, struct err *e);
int setup_offer_format(const struct setup_offer *o, char *body, size_t size, size_t *len);
int setup_offer_parse(struct setup_offer *o, const char *body, size_t len, struct err *e);

#endif
