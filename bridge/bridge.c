/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bridge/bridge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct bridge *bridge_create(struct dataplane *dp, const struct bridge_params *params,
			     struct err *e)
{
	struct bridge *b = calloc(1, sizeof(*b));
	uint64_t secret[2];

	if (!b)
		goto err_nomem;
	b->dp = dp;
	snprintf(b->name, sizeof(b->name), "%s", params->name);
	b->members = calloc(1, sizeof(struct bridge_members));
	if (!b->members)
		goto err_free;
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		goto err_free;
	if (fdb_init(&b->fdb, params->fdb_entries, params->ageing_s, secret) < 0)
		goto err_free;
	return b;

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

int bridge_add_port(struct bridge *b, struct port *p)
{
	struct bridge_members *old = b->members;
	struct bridge_members *next = members_alloc(old->n + 1);

	if (!next)
		return -ENOMEM;
	memcpy(next->ids, old->ids, old->n * sizeof(uint16_t));
	next->ids[old->n] = p->id;
	next->n = old->n + 1;
	replace_members(b, next);
	atomic_store(&p->bridge, b);
	dataplane_port_wake(b->dp, p);
	return 0;
}

void bridge_del_port(struct bridge *b, struct port *p)
{
	struct bridge_members *old = b->members;
	struct bridge_members *next = members_alloc(old->n);

	/*
	 * From the first store on, no worker that starts a burst learns from the port; the grace
	 * period inside replace_members waits for those that had started. Only then are its
	 * entries flushed, so none can come back.
	 */
	atomic_store(&p->bridge, NULL);
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
	fdb_flush(&b->fdb, p->id, true);
	if (atomic_load(&b->snoop))
		snoop_flush(atomic_load(&b->snoop), p->id);
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

void bridge_tick(struct bridge *b, uint64_t now_ns)
{
	struct snoop *snoop = atomic_load(&b->snoop);

	fdb_tick(&b->fdb, bridge_seconds(now_ns));
	if (snoop)
		snoop_tick(snoop, bridge_seconds(now_ns));
}
