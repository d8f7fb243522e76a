/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bridge/bridge.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "common/log.h"

#define VLANS_BYTES (VLAN_N * sizeof(struct port_set))

static_assert(PORTS_MAX <= FDB_PORTS_MAX, "the FDB counts stations of every port");

/* --- what the bridge asks for ----------------------------------------------------------------- */

static bool is_plain(const struct bridge *b)
{
	if (b->vlans || b->mirrors || b->options.forward_bpdu || b->options.loop_guard)
		return false;
	for (unsigned i = 0; i < b->members->n; i++) {
		const struct bridge_port *bp = b->ports[b->members->ids[i]];

		if (bp && (bp->blocked || !bridge_port_is_plain(&bp->params)))
			return false;
	}
	return true;
}

static void update_filter(struct bridge *b)
{
	atomic_store(&b->filter, !is_plain(b));
}

/* The port joins (or leaves) the VLANs of `set` that are not in `except`. */
static void put_vlans(struct bridge *b, uint16_t id, const struct vlan_set *set,
		      const struct vlan_set *except, bool member)
{
	for (uint16_t vid = 1; b->vlans_map && vid <= VLAN_ID_MAX; vid++)
		if (vlan_set_has(set, vid) && !(except && vlan_set_has(except, vid)))
			port_set_put(&b->vlans_map[vid], id, member);
}

static int vlans_start(struct bridge *b)
{
	void *map =
		mmap(NULL, VLANS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -ENOMEM;
	b->vlans_map = map;
	for (unsigned i = 0; i < b->members->n; i++) {
		uint16_t id = b->members->ids[i];

		if (b->ports[id])
			put_vlans(b, id, &b->ports[id]->params.vlans, NULL, true);
	}
	atomic_store(&b->vlans, b->vlans_map);
	return 0;
}

static void vlans_stop(struct bridge *b)
{
	atomic_store(&b->vlans, NULL);
	dataplane_synchronize(b->dp);
	munmap(b->vlans_map, VLANS_BYTES);
	b->vlans_map = NULL;
}

static void forget_groups(struct bridge *b, uint16_t id)
{
	struct snoop *snoop = atomic_load(&b->snoop);

	if (snoop)
		snoop_flush(snoop, id);
}

/* The port's stations and memberships. */
static void forget(struct bridge *b, uint16_t id)
{
	fdb_flush(&b->fdb, id, true);
	forget_groups(b, id);
}

int bridge_update(struct bridge *b, const struct bridge_params *params)
{
	int ret = 0;

	b->fdb.ageing_s = params->ageing_s;
	b->fdb.limit = params->fdb_entries;
	b->options.forward_bpdu = params->forward_bpdu;
	b->options.loop_guard = params->loop_guard;
	if (params->vlan_filtering != (b->vlans_map != NULL)) {
		if (params->vlan_filtering)
			ret = vlans_start(b);
		else
			vlans_stop(b);
		update_filter(b);
		dataplane_synchronize(b->dp);
		fdb_flush(&b->fdb, 0, true);
		for (unsigned i = 0; i < b->members->n; i++)
			forget_groups(b, b->members->ids[i]);
	}
	update_filter(b);
	return ret;
}

void bridge_set_mirrors(struct bridge *b, struct bridge_mirrors *mirrors)
{
	struct bridge_mirrors *old = b->mirrors;
	struct port_set reserved = {0};

	for (unsigned k = 0; mirrors && k < mirrors->n; k++)
		port_set_put(&reserved, mirrors->list[k].to, true);
	for (unsigned k = 0; k < PORT_SET_WORDS; k++)
		b->reserved.words[k] = reserved.words[k];
	atomic_store(&b->mirrors, mirrors);
	update_filter(b);
	dataplane_synchronize(b->dp);
	free(old);
}

/* --- life ------------------------------------------------------------------------------------- */

struct bridge *bridge_create(struct dataplane *dp, const struct bridge_params *params,
			     struct err *e)
{
	struct bridge *b = aligned_alloc(64, sizeof(*b));
	uint64_t secret[2];

	if (!b)
		goto err_nomem;
	memset(b, 0, sizeof(*b));
	b->dp = dp;
	snprintf(b->name, sizeof(b->name), "%s", params->name);
	b->members = calloc(1, sizeof(struct bridge_members));
	if (!b->members)
		goto err_free;
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		goto err_free;
	if (fdb_init(&b->fdb, params->fdb_entries, params->ageing_s, secret) < 0)
		goto err_free;
	if (bridge_update(b, params) < 0)
		goto err_fdb;
	return b;

err_fdb:
	fdb_fini(&b->fdb);
err_free:
	free(b->members);
	free(b);
err_nomem:
	err_set(e, ENOMEM, "bridge %s: out of memory", params->name);
	errno = ENOMEM;
	return NULL;
}

void bridge_destroy(struct bridge *b)
{
	if (!b)
		return;
	fdb_fini(&b->fdb);
	snoop_destroy(atomic_load(&b->snoop));
	if (b->vlans_map)
		munmap(b->vlans_map, VLANS_BYTES);
	free(b->mirrors);
	free(b->members);
	free(b);
}

/* Publishes `next`, then frees what the workers may still have been reading. */
static void replace_members(struct bridge *b, struct bridge_members *next)
{
	struct bridge_members *old = atomic_exchange(&b->members, next);

	dataplane_synchronize(b->dp);
	free(old);
}

static struct bridge_members *members_alloc(unsigned n)
{
	return calloc(1, sizeof(struct bridge_members) + n * sizeof(uint16_t));
}

/* The sets that say how the port takes part, VLANs aside. */
static void put_flags(struct bridge *b, uint16_t id, const struct bridge_port_params *params)
{
	port_set_put(&b->isolated, id, params->isolated);
	for (unsigned i = 0; i < FLOOD_CLASS_N; i++)
		port_set_put(&b->no_flood[i], id, params->no_flood[i]);
}

int bridge_add_port_as(struct bridge *b, struct port *p, const struct bridge_port_params *params)
{
	struct bridge_members *old = b->members;
	struct bridge_members *next = members_alloc(old->n + 1);
	struct bridge_port *bp = bridge_port_create(params, NULL, ++b->joins);

	if (!next || !bp) {
		free(next);
		free(bp);
		return -ENOMEM;
	}
	put_flags(b, p->id, params);
	atomic_store(&b->ports[p->id], bp);
	put_vlans(b, p->id, &params->vlans, NULL, true);
	port_set_put(&b->joined, p->id, true);

	memcpy(next->ids, old->ids, old->n * sizeof(uint16_t));
	next->ids[old->n] = p->id;
	next->n = old->n + 1;
	if (!bridge_port_is_plain(params))
		atomic_store(&b->filter, true);
	replace_members(b, next);
	atomic_store(&p->bridge, b);
	dataplane_port_wake(b->dp, p);
	return 0;
}

int bridge_add_port(struct bridge *b, struct port *p)
{
	struct bridge_port_params params = bridge_port_defaults();

	return bridge_add_port_as(b, p, &params);
}

static bool same_vlans(const struct bridge_port_params *a, const struct bridge_port_params *b)
{
	return a->pvid == b->pvid && a->trunk == b->trunk && a->native_tagged == b->native_tagged &&
	       memcmp(&a->vlans, &b->vlans, sizeof(a->vlans)) == 0;
}

int bridge_update_port(struct bridge *b, struct port *p, const struct bridge_port_params *params)
{
	struct bridge_port *old = b->ports[p->id], *next;
	bool vlans_differ = !same_vlans(&old->params, params);

	next = bridge_port_create(params, old, 0);
	if (!next)
		return -ENOMEM;
	if (vlans_differ && b->vlans_map) {
		put_vlans(b, p->id, &old->params.vlans, &params->vlans, false);
		dataplane_synchronize(b->dp);
	}
	put_flags(b, p->id, params);
	atomic_store(&b->ports[p->id], next);
	update_filter(b);
	dataplane_synchronize(b->dp);
	if (vlans_differ && b->vlans_map) {
		put_vlans(b, p->id, &params->vlans, NULL, true);
		forget(b, p->id);
	}
	free(old);
	return 0;
}

static void leave_sets(struct bridge *b, uint16_t id)
{
	static const struct bridge_port_params none;

	put_flags(b, id, &none);
	put_vlans(b, id, &b->ports[id]->params.vlans, NULL, false);
	port_set_put(&b->joined, id, false);
	port_set_put(&b->blocked, id, false);
}

void bridge_del_port(struct bridge *b, struct port *p)
{
	struct bridge_members *old = b->members, *next;
	struct bridge_port *bp = b->ports[p->id];

	if (!bp)
		return;
	/*
	 * From the first store on, no worker that starts a burst learns from the port; the grace
	 * period inside replace_members waits for those that had started. Only then are its
	 * entries flushed, so none can come back.
	 */
	atomic_store(&p->bridge, NULL);
	leave_sets(b, p->id);
	next = members_alloc(old->n);
	if (next) {
		for (unsigned i = 0; i < old->n; i++)
			if (old->ids[i] != p->id)
				next->ids[next->n++] = old->ids[i];
		replace_members(b, next);
	} else {
		for (unsigned i = 0; i < old->n; i++)
			if (old->ids[i] == p->id)
				old->ids[i] = 0;
		dataplane_synchronize(b->dp);
	}
	forget(b, p->id);

	/* Frames that were on their way to the port may still ask how. */
	atomic_store(&b->ports[p->id], NULL);
	update_filter(b);
	dataplane_synchronize(b->dp);
	free(bp);
}

int bridge_set_snooping(struct bridge *b, bool on, bool fast_leave)
{
	struct snoop *old = atomic_load(&b->snoop), *next = NULL;
	uint64_t secret;

	if (on && old) {
		atomic_store(&old->fast_leave, fast_leave);
		return 0;
	}
	if (on && getrandom(&secret, sizeof(secret), 0) == sizeof(secret))
		next = snoop_create(fast_leave, secret);
	if (on && !next)
		return -ENOMEM;
	atomic_store(&b->snoop, next);
	if (!old)
		return 0;
	dataplane_synchronize(b->dp);
	snoop_destroy(old);
	return 0;
}

uint16_t bridge_port_vlan(const struct bridge *b, const struct port *p)
{
	return b->vlans_map ? b->ports[p->id]->params.pvid : 0;
}

/* --- guards ----------------------------------------------------------------------------------- */

void bridge_block(struct bridge *b, uint16_t id, enum bridge_block why, uint32_t now_s)
{
	struct bridge_port *bp = bridge_port_of(b, id);
	uint8_t none = BLOCK_NONE;

	if (!bp || bp->blocked != BLOCK_NONE)
		return;
	atomic_store(&bp->blocked_until_s, now_s + BRIDGE_BLOCK_S);
	if (atomic_compare_exchange_strong(&bp->blocked, &none, (uint8_t)why))
		atomic_fetch_add(&bp->blocks, 1);
	port_set_put(&b->blocked, id, true);
}

static const char *port_name(const struct bridge *b, uint16_t id)
{
	const struct port *p = b->dp->ports[id];

	return p ? p->name : "?";
}

/* Says that the port was shut, and lets its stations be learned elsewhere. */
static void report_block(struct bridge *b, uint16_t id, struct bridge_port *bp)
{
	if (bp->reported == bp->blocks)
		return;
	bp->reported = bp->blocks;
	fdb_flush(&b->fdb, id, false);
	log_warn(LOG_BRIDGE, "port shut for %d s bridge=%s port=%s guard=%s", BRIDGE_BLOCK_S,
		 b->name, port_name(b, id), bridge_block_name(bp->blocked));
}

static void tick_blocked(struct bridge *b, uint16_t id, uint32_t now_s)
{
	struct bridge_port *bp = b->ports[id];

	if (!bp || !port_set_has(&b->blocked, id))
		return;
	report_block(b, id, bp);
	if (bp->blocked != BLOCK_NONE && (int32_t)(bp->blocked_until_s - now_s) > 0)
		return;
	bp->blocked = BLOCK_NONE;
	port_set_put(&b->blocked, id, false);
	update_filter(b);
	log_info(LOG_BRIDGE, "port open again bridge=%s port=%s", b->name, port_name(b, id));
}

void bridge_tick(struct bridge *b, uint64_t now_ns)
{
	struct snoop *snoop = atomic_load(&b->snoop);
	uint32_t now_s = bridge_seconds(now_ns);

	fdb_tick(&b->fdb, now_s);
	if (snoop)
		snoop_tick(snoop, now_s);
	for (unsigned i = 0; i < b->members->n; i++)
		tick_blocked(b, b->members->ids[i], now_s);
}
