/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_KIND_H
#define PERF_KIND_H

/* The six tests, with netperf's names and meanings, and what makes one differ from another. */

#include <stdbool.h>

#include "common/err.h"

enum kind {
	KIND_TCP_STREAM,
	KIND_TCP_MAERTS,
	KIND_TCP_RR,
	KIND_TCP_CRR,
	KIND_UDP_STREAM,
	KIND_UDP_RR,
	KIND_N,
};

struct kind_traits {
	const char *name;
	bool udp;
	bool transactions; /* request and response; else bytes in one direction */
	bool reverse;	   /* the server sends */
	bool connects;	   /* a connection per transaction */
};

/* `kind` must be below KIND_N. */
const struct kind_traits *kind_traits(enum kind kind);

/* Finds a test by name, in any case. Returns 0, or -EINVAL with the nearest name in `e`. */
int kind_parse(const char *name, enum kind *kind, struct err *e);

/* Does the client (the server) send the bulk of the data? True for both in transaction tests. */
bool kind_client_sends(enum kind kind);
bool kind_server_sends(enum kind kind);

#endif
