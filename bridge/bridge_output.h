/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_BRIDGE_OUTPUT_H
#define BRIDGE_BRIDGE_OUTPUT_H

/*
 * What a bridge that filters does while its frames are emitted: tags as each receiver wants them,
 * IEEE 802.1Q 8.1 and 6.9, and the choice of what mirrors copy. Worker thread, within a burst.
 */

#include "dataplane/dataplane.h"
#include "dataplane/verdict.h"

/*
 * Decides how the tags of the frames of `mask` are rewritten for `out`, into the burst. `br` is the
 * bridge that filtered them, or NULL. What the router sends is in the VLAN of the gateway of
 * whatever bridge `out` is on.
 */
void bridge_output(struct bridge *br, struct burst *b, const struct port *out, uint64_t mask);

/* After the frames of `sent` were given to `out`. */
void bridge_output_done(struct verdicts *v, struct burst *b, const struct port *out, uint64_t sent);

/* The router's interface on the bridge; NULL: it has none. */
struct router_iface *bridge_gateway(const struct bridge *br);

/* The mirrors of the bridge that `out` is on, NULL: none; whether the k-th copies what goes to it.
 */
const struct bridge_mirrors *bridge_mirrors_of(const struct port *out);
bool bridge_mirror_takes(const struct bridge_mirrors *mirrors, unsigned k, const struct port *out);

/* The number of mirrors, and where the copies of the k-th go; NULL when that port is gone. */
unsigned bridge_mirror_count(const struct bridge_mirrors *mirrors);
struct port *bridge_mirror_port(const struct bridge_mirrors *mirrors, unsigned k,
				const struct dataplane *dp);

#endif
