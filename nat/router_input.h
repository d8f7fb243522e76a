/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_ROUTER_INPUT_H
#define NAT_ROUTER_INPUT_H

/*
 * The stage of the router: frames of a burst that the bridge stage gave to the gateway's port, or
 * that came in at an uplink, are rewritten in their private headers and given to the port where
 * they leave. Worker thread, within a burst.
 *
 * All packets of a burst are looked up at once. One whose session knows its way is translated and
 * goes; that is all the common case does. Everything else takes the slow way, one by one
 * (nat/router_slow.h).
 */

#include "dataplane/verdict.h"

struct router;
struct router_iface;

/* Behind the bridge stage, for a bridge that has a gateway. */
void router_input(struct worker *w, struct port *in, struct router_iface *gateway,
		  struct verdicts *v, uint64_t now_ns);

/* Instead of the bridge stage: `in` is an uplink's port, or its gateway port. */
void router_uplink_input(struct worker *w, struct port *in, struct router_iface *uplink,
			 struct verdicts *v, uint64_t now_ns);

/* Time goes on for the worker's sessions. Once a round. */
void router_round(struct router *r, struct worker *w, uint64_t now_ns);

/*
 * Fragments that waited for their first one and may go on: fills the worker's burst, decides, and
 * returns the port in whose name they go, to be emitted; NULL: there are none.
 */
struct port *router_release(struct router *r, struct worker *w, struct verdicts *v,
			    uint64_t now_ns);

#endif
