/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_BRIDGE_FILTER_H
#define BRIDGE_BRIDGE_FILTER_H

#include "bridge/bridge.h"

/* 01:80:c2:00:00:0x, which a bridge does not forward: IEEE 802.1Q 8.6.3. */
static inline bool mac_is_reserved(const struct mac *m)
{
	return m->b[0] == 0x01 && m->b[1] == 0x80 && m->b[2] == 0xc2 && m->b[3] == 0 &&
	       m->b[4] == 0 && (m->b[5] & 0xf0) == 0;
}

/* The bridge stage of bridges that are not plain. Otherwise as bridge_input. */
void bridge_filter(struct worker *w, struct port *in, struct bridge *br, struct verdicts *v,
		   uint64_t now_ns);

#endif
