/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

/*
 * The counters of weftd in the text format of Prometheus, version 0.0.4, on a socket of its own.
 * docs/metrics.md lists them. Control thread.
 */

#include "daemon/weftd.h"

/* Serves them at `listen` from now on, "" not at all. Returns 0 or -errno with the reason. */
int metrics_listen(struct weftd *d, const char *listen, struct err *e);

/* The document, allocated by malloc, its length in `len`; NULL when out of memory. */
char *metrics_text(struct weftd *d, size_t *len);

#endif
