/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_SERVER_H
#define PERF_SERVER_H

/*
 * The server: accepts control connections and gives each a process of its own (perf/session.h), so
 * that tests may run at once, the process's CPU time is the test's, and a client that misbehaves
 * harms its own process only. The sessions die with the server.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct server_options {
	const char *address; /* NULL: any, IPv6 and IPv4 */
	uint16_t port;	     /* 0: any free one, which is printed */
	bool daemonise;	     /* return to the shell once the port is open */
};

/* Serves until killed. Returns 0 in the parent of a daemon, or -errno. */
int server_run(const struct server_options *o, struct err *e);

#endif
