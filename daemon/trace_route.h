/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_TRACE_ROUTE_H
#define DAEMON_TRACE_ROUTE_H

/* What the router decided about a traced packet, in words. */

#include "nat/router_slow.h"

/* Calls `line` for each sentence. Nothing when the packet did not come to the router. */
void trace_route_tell(const struct router_story *s, void (*line)(void *arg, const char *text),
		      void *arg);

#endif
