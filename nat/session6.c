/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/session6.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "nat/arena.h"

#define BUCKETS_MIN 1024u
#define STEPS_MAX   (1u << 16) /* of the wheel, when weftd was not asked for long */

static_assert(sizeof(struct session6) == 64, "one cache line");

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_endpoint(const struct session6_table *t, const struct ipaddr *a, uint32_t rest)
{
	uint64_t words[2];

	memcpy(words, a->b, sizeof(words));
	return mix(mix(words[0] ^ t->secret[0], words[1] ^ t->secret[1]) ^ t->secret[2],
		   rest ^ t->secret[3]);
}

/* The same for both directions. */
static uint32_t bucket_of(const struct session6_table *t, const struct session6_key *k)
{
	uint32_t proto = (uint32_t)k->proto << 16;
	uint64_t sum = hash_endpoint(t, &k->src, k->sport | proto) +
		       hash_endpoint(t, &k->dst, k->dport | proto);

	return (uint32_t)(sum ^ sum >> 32) & (t->n_buckets - 1);
}

static struct session6_place place_of(struct session6_table *t, uint32_t bucket)
{
	return (struct session6_place){&t->buckets[bucket],
				       &t->stripes[bucket % SESSION6_STRIPES].lock};
}

static struct session6_key key_of(const struct session6 *s)
{
	return (struct session6_key){s->guest, s->remote, s->guest_port, s->remote_port, s->proto};
}

struct session6_table *session6_table_create(uint32_t sessions_max, const uint64_t secret[4])
{
	struct session6_table *t = calloc(1, sizeof(*t));
	size_t n = (size_t)sessions_max + 1;

	if (!t)
		return NULL;
	memcpy(t->secret, secret, sizeof(t->secret));
	t->sessions_max = sessions_max;
	for (t->n_buckets = BUCKETS_MIN; t->n_buckets < sessions_max;)
		t->n_buckets *= 2;
	t->sessions = arena_map(n * sizeof(*t->sessions));
	t->nodes = arena_map(n * sizeof(*t->nodes));
	t->buckets = arena_map(t->n_buckets * sizeof(*t->buckets));
	t->stripes = aligned_alloc(64, SESSION6_STRIPES * sizeof(*t->stripes));
	t->by_guest = calloc(SESSION6_GUESTS, sizeof(*t->by_guest));
	if (!t->sessions || !t->nodes || !t->buckets || !t->stripes || !t->by_guest) {
		session6_table_destroy(t);
		return NULL;
	}
	for (unsigned i = 0; i < SESSION6_STRIPES; i++)
		rte_spinlock_init(&t->stripes[i].lock);
	rte_spinlock_init(&t->pool_lock);
	wheel_init(&t->wheel, t->nodes, sizeof(*t->nodes));
	return t;
}

void session6_table_destroy(struct session6_table *t)
{
	size_t n;

	if (!t)
		return;
	n = (size_t)t->sessions_max + 1;
	if (t->sessions)
		arena_unmap(t->sessions, n * sizeof(*t->sessions));
	if (t->nodes)
		arena_unmap(t->nodes, n * sizeof(*t->nodes));
	if (t->buckets)
		arena_unmap(t->buckets, t->n_buckets * sizeof(*t->buckets));
	free(t->stripes);
	free(t->by_guest);
	free(t);
}

struct session6_place session6_begin(struct session6_table *t, const struct session6_key *k)
{
	struct session6_place at = place_of(t, bucket_of(t, k));

	session6_lock(&at);
	return at;
}

struct session6_place session6_expect(struct session6_table *t, const struct session6_key *k)
{
	struct session6_place at = place_of(t, bucket_of(t, k));

	__builtin_prefetch(at.head);
	__builtin_prefetch(at.lock, 1);
	return at;
}

void session6_prefetch(const struct session6_table *t, const struct session6_place *at)
{
	__builtin_prefetch(&t->sessions[__atomic_load_n(at->head, __ATOMIC_RELAXED)], 1);
}

static bool same(const struct ipaddr *a, const struct ipaddr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

struct session6 *session6_find(struct session6_table *t, const struct session6_place *at,
			       const struct session6_key *k, enum nat_direction *dir)
{
	for (uint32_t i = *at->head; i; i = t->sessions[i].next) {
		struct session6 *s = &t->sessions[i];

		if (s->proto != k->proto)
			continue;
		if (s->guest_port == k->sport && s->remote_port == k->dport &&
		    same(&s->guest, &k->src) && same(&s->remote, &k->dst)) {
			*dir = NAT_OUTBOUND;
			return s;
		}
		if (s->guest_port == k->dport && s->remote_port == k->sport &&
		    same(&s->guest, &k->dst) && same(&s->remote, &k->src)) {
			*dir = NAT_INBOUND;
			return s;
		}
	}
	return NULL;
}

/* --- what there may be -------------------------------------------------------------------------
 */

static _Atomic uint32_t *guest_count(struct session6_table *t, uint16_t bridge,
				     const struct ipaddr *guest)
{
	return &t->by_guest[hash_endpoint(t, guest, bridge) % SESSION6_GUESTS];
}

/* Adds one unless that passes `max`; 0: there is no bound. */
static bool take(_Atomic uint32_t *count, uint32_t max, bool inbound)
{
	uint32_t before = atomic_fetch_add_explicit(count, 1, memory_order_relaxed);

	if (inbound && max > 1)
		max -= max / 4;
	if (!max || before < max)
		return true;
	atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
	return false;
}

static void give(_Atomic uint32_t *count)
{
	atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
}

static enum drop_reason take_quotas(struct session6_table *t, uint16_t bridge,
				    const struct ipaddr *guest, const struct session6_quota *quota,
				    bool inbound)
{
	_Atomic uint32_t *of_guest = guest_count(t, bridge, guest);

	if (!take(of_guest, quota->guest_max, inbound))
		return DROP_NAT_GUEST_SESSIONS;
	if (!take(&t->by_bridge[bridge], quota->bridge_max, inbound)) {
		give(of_guest);
		return DROP_NAT_BRIDGE_SESSIONS;
	}
	if (take(&t->now, t->sessions_max, inbound))
		return DROP_NONE;
	give(&t->by_bridge[bridge]);
	give(of_guest);
	return DROP_NAT_SESSIONS;
}

static void give_quotas(struct session6_table *t, const struct session6 *s)
{
	give(&t->now);
	give(&t->by_bridge[s->bridge]);
	give(guest_count(t, s->bridge, &s->guest));
}

/* A free record; there is one, because t->now has counted it. */
static uint32_t pool_get(struct session6_table *t)
{
	uint32_t i;

	rte_spinlock_lock(&t->pool_lock);
	i = t->free;
	if (i)
		t->free = t->sessions[i].next;
	else
		i = ++t->touched;
	rte_spinlock_unlock(&t->pool_lock);
	return i;
}

struct session6 *session6_add(struct session6_table *t, const struct session6_place *at,
			      const struct session6_key *k, enum nat_direction dir, uint16_t bridge,
			      const struct session6_quota *quota, enum drop_reason *why)
{
	bool out = dir == NAT_OUTBOUND;
	struct session6 *s;
	uint32_t i;

	*why = take_quotas(t, bridge, out ? &k->src : &k->dst, quota, !out);
	if (*why)
		return NULL;
	i = pool_get(t);
	s = &t->sessions[i];
	*s = (struct session6){
		.guest = out ? k->src : k->dst,
		.remote = out ? k->dst : k->src,
		.guest_port = out ? k->sport : k->dport,
		.remote_port = out ? k->dport : k->sport,
		.bridge = bridge,
		.proto = k->proto,
		.flags = out ? 0 : SESSION6_INBOUND,
		.next = *at->head,
	};
	*at->head = i;
	atomic_fetch_add_explicit(&t->opened, 1, memory_order_relaxed);
	return s;
}

void session6_queue(struct session6_table *t, const struct session6 *s, uint32_t now_s)
{
	uint32_t i = (uint32_t)(s - t->sessions);

	rte_spinlock_lock(&t->pool_lock);
	wheel_del(&t->wheel, i);
	wheel_add(&t->wheel, i, now_s, s->due_s);
	rte_spinlock_unlock(&t->pool_lock);
}

/* --- the control thread ------------------------------------------------------------------------
 */

/* Takes it out of its bucket, whose lock is held, and gives the record back. */
static void end(struct session6_table *t, const struct session6_place *at, uint32_t i)
{
	struct session6 *s = &t->sessions[i];
	uint32_t *link = at->head;

	while (*link != i)
		link = &t->sessions[*link].next;
	*link = s->next;
	give_quotas(t, s);
	s->proto = 0;
	rte_spinlock_lock(&t->pool_lock);
	wheel_del(&t->wheel, i);
	s->next = t->free;
	t->free = i;
	rte_spinlock_unlock(&t->pool_lock);
}

/* A record that is in use stays the same session until this thread ends it. */
static struct session6_place lock_of(struct session6_table *t, const struct session6 *s)
{
	struct session6_key k = key_of(s);

	return session6_begin(t, &k);
}

static void look_at(struct session6_table *t, uint32_t i, uint32_t now_s)
{
	struct session6 *s = &t->sessions[i];
	struct session6_place at = lock_of(t, s);

	if ((int32_t)(s->due_s - now_s) > 0) {
		session6_queue(t, s, now_s);
	} else {
		end(t, &at, i);
		atomic_fetch_add_explicit(&t->expired, 1, memory_order_relaxed);
	}
	session6_end(&at);
}

void session6_tick(struct session6_table *t, uint32_t now_s)
{
	unsigned steps = STEPS_MAX;
	uint32_t i;

	do {
		rte_spinlock_lock(&t->pool_lock);
		i = wheel_pop(&t->wheel, now_s, &steps);
		rte_spinlock_unlock(&t->pool_lock);
		if (i)
			look_at(t, i, now_s);
	} while (i);
}

static uint32_t touched(struct session6_table *t)
{
	uint32_t n;

	rte_spinlock_lock(&t->pool_lock);
	n = t->touched;
	rte_spinlock_unlock(&t->pool_lock);
	return n;
}

/*
 * Goes by buckets, because a record that is just being filled is in none yet. `visit` is called
 * with the bucket's lock held; returns whether to go on.
 */
static void each(struct session6_table *t,
		 bool (*visit)(struct session6_table *t, const struct session6_place *at,
			       uint32_t i, void *arg),
		 void *arg)
{
	bool more = touched(t) != 0;

	for (uint32_t b = 0; more && b < t->n_buckets; b++) {
		struct session6_place at = place_of(t, b);

		if (!__atomic_load_n(at.head, __ATOMIC_RELAXED))
			continue;
		rte_spinlock_lock(at.lock);
		for (uint32_t i = *at.head, next; i && more; i = next) {
			next = t->sessions[i].next;
			more = visit(t, &at, i, arg);
		}
		rte_spinlock_unlock(at.lock);
	}
}

struct flush {
	uint16_t bridge;
	const struct ipaddr *guest;
	unsigned ended;
};

static bool flush_one(struct session6_table *t, const struct session6_place *at, uint32_t i,
		      void *arg)
{
	const struct session6 *s = &t->sessions[i];
	struct flush *f = arg;

	if ((f->bridge && s->bridge != f->bridge) || (f->guest && !same(f->guest, &s->guest)))
		return true;
	end(t, at, i);
	f->ended++;
	return true;
}

unsigned session6_flush(struct session6_table *t, uint16_t bridge, const struct ipaddr *guest)
{
	struct flush f = {bridge, guest, 0};

	each(t, flush_one, &f);
	atomic_fetch_add_explicit(&t->flushed, f.ended, memory_order_relaxed);
	return f.ended;
}

struct visitor {
	bool (*visit)(const struct session6 *, void *);
	void *arg;
};

static bool visit_one(struct session6_table *t, const struct session6_place *at, uint32_t i,
		      void *arg)
{
	const struct visitor *v = arg;

	return v->visit(&t->sessions[i], v->arg);
}

void session6_visit(struct session6_table *t, bool (*visit)(const struct session6 *, void *),
		    void *arg)
{
	struct visitor v = {visit, arg};

	each(t, visit_one, &v);
}
