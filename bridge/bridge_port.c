/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop guard tells a loop from a station that moves by the direction: when an uplink fails
 * over, or guests migrate, stations leave one port for another; in a loop, the frames that come
 * back move them to and fro. So a port is taken for one end of a loop when as many stations moved
 * to it as moved away within one second, and many of them.
 */
#include "bridge/bridge_port.h"

#include <assert.h>
#include <stdlib.h>

#define LOOP_MOVES 32 /* to and fro, in a second */

static const char *const block_names[] = {"none", "bpdu", "loop"};
static_assert(ARRAY_SIZE(block_names) == BLOCK_N, "a name for each reason");

const char *bridge_block_name(enum bridge_block why)
{
	return NAME_OF(block_names, why);
}

struct bridge_port_params bridge_port_defaults(void)
{
	struct bridge_port_params p = {.pvid = BRIDGE_PVID_DEFAULT};

	vlan_set_add(&p.vlans, BRIDGE_PVID_DEFAULT);
	return p;
}

bool bridge_port_is_plain(const struct bridge_port_params *p)
{
	for (unsigned i = 0; i < FLOOD_CLASS_N; i++)
		if (p->no_flood[i] || p->storm[i].per_s)
			return false;
	return !p->no_learning && !p->sticky && !p->isolated && !p->bpdu_guard && !p->mac_limit;
}

struct bridge_port *bridge_port_create(const struct bridge_port_params *params,
				       const struct bridge_port *old, uint32_t order)
{
	struct bridge_port *bp = aligned_alloc(64, sizeof(*bp));

	if (!bp)
		return NULL;
	*bp = (struct bridge_port){.params = *params, .order = old ? old->order : order};
	for (unsigned i = 0; i < FLOOD_CLASS_N; i++)
		storm_bucket_init(&bp->storm[i], params->storm[i]);
	if (old) {
		bp->blocked = old->blocked;
		bp->blocked_until_s = old->blocked_until_s;
		bp->blocks = old->blocks;
		bp->reported = old->reported;
	}
	return bp;
}

static void count_move(struct bridge_port *bp, _Atomic uint32_t *moves, uint32_t now_s)
{
	if (atomic_exchange_explicit(&bp->moves_s, now_s, memory_order_relaxed) != now_s)
		bp->moves_in = bp->moves_out = 0;
	atomic_fetch_add_explicit(moves, 1, memory_order_relaxed);
}

static bool is_looping(const struct bridge_port *bp)
{
	return bp->moves_in >= LOOP_MOVES && bp->moves_out >= LOOP_MOVES;
}

struct bridge_port *bridge_port_moved(struct bridge_port *from, struct bridge_port *to,
				      uint32_t now_s)
{
	count_move(from, &from->moves_out, now_s);
	count_move(to, &to->moves_in, now_s);
	if (!is_looping(from) || !is_looping(to))
		return NULL;
	return from->order > to->order ? from : to;
}
