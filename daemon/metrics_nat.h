/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_METRICS_NAT_H
#define DAEMON_METRICS_NAT_H

#include <stdio.h>

#include "daemon/weftd.h"

/* Writes what Prometheus is told of gateways, uplinks and translation; nothing without a router. */
void metrics_nat(struct weftd *d, FILE *f);

/* The lines above a metric's samples. */
void metrics_heading(FILE *f, const char *name, const char *type, const char *help);

#endif
