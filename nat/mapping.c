/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/mapping.h"

#define WELL_KNOWN 1024u
#define TICK_HOLDS 16 /* mappings a tick looks at */
#define CUT_TRIES  64 /* ports that are looked at for one that is merely held */

struct by_endpoint {
	const struct nat *n;
	uint64_t endpoint;
};

static bool has_endpoint(const void *arg, uint32_t index)
{
	const struct by_endpoint *by = arg;

	return atomic_load_explicit(&mapping_at(by->n, index)->endpoint, memory_order_relaxed) ==
	       by->endpoint;
}

static uint32_t find(const struct nat *n, uint64_t endpoint)
{
	const struct by_endpoint by = {n, endpoint};

	return flow_table_find(&n->endpoints, nat_endpoint_hash(n, endpoint), has_endpoint, &by);
}

static bool list(struct nat *n, uint32_t index)
{
	struct nat_mapping *m = mapping_at(n, index);

	if (!flow_table_add(&n->endpoints, nat_endpoint_hash(n, m->endpoint), index))
		return false;
	NAT_SET(m->flags, m->flags | MAPPING_LISTED);
	return true;
}

static void unlist(struct nat *n, uint32_t index)
{
	struct nat_mapping *m = mapping_at(n, index);

	if (!(m->flags & MAPPING_LISTED))
		return;
	flow_table_del(&n->endpoints, nat_endpoint_hash(n, m->endpoint), index);
	m->flags &= (uint8_t)~MAPPING_LISTED;
}

static struct port_space *space_of(const struct nat_mapping *m)
{
	return &m->pool->spaces[m->class];
}

static void give_port(struct nat *n, struct nat_mapping *m)
{
	uint16_t port = ntohs(m->ext_port);

	if (!(m->flags & MAPPING_OWNER))
		return;
	m->flags &= (uint8_t)~MAPPING_OWNER;
	atomic_store_explicit(&space_of(m)->owner[port], 0, memory_order_release);
	port_release(space_of(m), port);
}

/* A queued record stays taken until its place in the list of held ones comes up. */
static void mapping_free(struct nat *n, unsigned worker, uint32_t index)
{
	struct nat_mapping *m = mapping_at(n, index);

	unlist(n, index);
	give_port(n, m);
	if (m->flags & MAPPING_QUEUED) {
		m->flags = MAPPING_QUEUED;
		return;
	}
	m->flags = 0;
	atomic_store_explicit(&m->endpoint, 0, memory_order_release);
	index_put(&n->mapping_indices, &n->workers[worker].mappings, index);
}

struct nat_pool *mapping_pool(const struct outside_view *view, const struct nat_inside *in,
			      uint32_t addr)
{
	return view->pools[(ntohl(addr) & ~in->mask) % view->n];
}

/* Whether port `port` is only held for a guest who is gone; then it is free now. */
static bool cut_hold(struct nat *n, unsigned worker, struct port_space *s, uint16_t port)
{
	uint32_t index = atomic_load_explicit(&s->owner[port], memory_order_acquire);
	struct nat_mapping *m = mapping_at(n, index);
	uint64_t endpoint = m->endpoint;
	rte_spinlock_t *lock = nat_stripe(n, endpoint);
	bool held;

	if (!index || !(m->flags & MAPPING_HELD) || !rte_spinlock_trylock(lock))
		return false;
	held = s->owner[port] == index && m->endpoint == endpoint && (m->flags & MAPPING_HELD);
	if (held)
		mapping_free(n, worker, index);
	rte_spinlock_unlock(lock);
	n->workers[worker].holds_cut += held;
	return held;
}

/* The pool is short: takes a port from those that wait. Returns 0 when no try hits one. */
static uint16_t claim_held(struct nat *n, unsigned worker, struct port_space *s,
			   const struct port_wish *wish)
{
	uint32_t range = wish->last - wish->first + 1u;

	for (uint32_t i = 0; i < CUT_TRIES && i < range; i++) {
		uint16_t port = (uint16_t)(wish->first + (wish->start - wish->first + i) % range);

		if (cut_hold(n, worker, s, port) && port_claim(s, port))
			return port;
	}
	return 0;
}

/* Port 0 is none; identifiers of ICMP have no range. */
static bool may_keep(const struct outside_view *view, enum nat_class class, uint16_t port)
{
	if (class == NAT_ICMP)
		return true;
	return (port >= view->port_first && port <= view->port_last) ||
	       (view->low_ports && port && port < WELL_KNOWN);
}

/*
 * The start is a hash with a secret of the endpoint and the second: as good as random for others
 * (RFC 6056, 3.3.3), and the same for who asks for the memory first.
 */
struct port_wish mapping_wish(const struct nat *n, const struct outside_view *view,
			      uint64_t endpoint, uint32_t now_s)
{
	uint16_t want = ntohs(mapping_port(endpoint));
	struct port_wish wish = {view->port_first, view->port_last, .like = want};
	uint32_t random = (uint32_t)nat_hash(n, endpoint, 3 | (uint64_t)now_s << 8);

	if (mapping_class(endpoint) == NAT_ICMP)
		wish.first = 1, wish.last = UINT16_MAX;
	else if (want < WELL_KNOWN && view->low_ports)
		wish.first = 1, wish.last = WELL_KNOWN - 1;
	wish.start = (uint16_t)(wish.first + random % (wish.last - wish.first + 1u));
	return wish;
}

/*
 * The same port, if it is free; else a random one (RFC 6056) of the same side of 1024, which some
 * protocols tell trust by, and of the same parity, which RTP may want (RFC 4787 REQ-3a and 4).
 */
static bool claim_port(struct nat *n, unsigned worker, struct nat_mapping *m,
		       const struct outside_view *view, uint32_t now_s)
{
	const struct port_wish wish = mapping_wish(n, view, m->endpoint, now_s);
	struct nat_worker *w = &n->workers[worker];
	struct port_space *s = space_of(m);
	uint16_t port = wish.like;

	if (may_keep(view, m->class, port) && port_claim(s, port)) {
		w->ports_preserved++;
		goto claimed;
	}
	port = port_claim_any(s, &wish);
	if (!port)
		port = claim_held(n, worker, s, &wish);
	if (!port)
		return false;
	w->ports_random++;
claimed:
	m->ext_port = htons(port);
	NAT_SET(m->flags, m->flags | MAPPING_OWNER);
	return true;
}

static uint32_t mapping_alloc(struct nat *n, unsigned worker, const struct mapping_request *r,
			      struct nat_pool *pool)
{
	struct index_cache *cache = &n->workers[worker].mappings;
	uint32_t index = index_get(&n->mapping_indices, cache);
	struct nat_mapping *m = mapping_at(n, index);

	if (!index)
		return 0;
	__builtin_prefetch(mapping_at(n, index_peek(cache)));
	m->pool = pool;
	NAT_SET(m->sessions, 0);
	NAT_SET(m->in_use, 0);
	m->expected = m->expected_until_s = 0;
	m->inside = r->inside->id;
	m->outside = r->outside->id;
	m->class = (uint8_t)mapping_class(r->endpoint);
	NAT_SET(m->flags, 0);
	atomic_store_explicit(&m->endpoint, r->endpoint, memory_order_release);
	return index;
}

static void publish_owner(struct nat_mapping *m, uint32_t index)
{
	atomic_store_explicit(&space_of(m)->owner[ntohs(m->ext_port)], index, memory_order_release);
}

static uint32_t mapping_create(struct nat *n, unsigned worker, const struct mapping_request *r,
			       enum drop_reason *why)
{
	const struct outside_view *view = outside_view(r->outside);
	uint32_t addr = mapping_addr(r->endpoint);
	struct nat_mapping *m;
	uint32_t index;

	index = mapping_alloc(n, worker, r, mapping_pool(view, r->inside, addr));
	m = mapping_at(n, index);
	*why = DROP_NAT_SESSIONS;
	if (!index)
		return 0;
	*why = inside_take_port(r->inside, addr, m->class);
	if (*why)
		goto err_free;
	*why = DROP_NAT_PORTS;
	if (!claim_port(n, worker, m, view, r->now_s))
		goto err_port;
	publish_owner(m, index);
	*why = DROP_NAT_SESSIONS;
	if (!list(n, index))
		goto err_port;
	NAT_SET(m->sessions, 1);
	return index;
err_port:
	inside_give_port(r->inside, addr, m->class);
err_free:
	mapping_free(n, worker, index);
	return 0;
}

/* The mapping of the endpoint, unless its address is none of the outside's any more. */
static uint32_t find_current(struct nat *n, unsigned worker, const struct mapping_request *r)
{
	uint32_t index = find(n, r->endpoint);
	struct nat_mapping *m = mapping_at(n, index);

	if (!index || outside_pool(outside_view(r->outside), m->pool->addr) == m->pool)
		return index;
	if (m->flags & MAPPING_HELD)
		mapping_free(n, worker, index);
	else
		unlist(n, index);
	return 0;
}

enum drop_reason mapping_ref(struct nat *n, struct nat_inside *in, uint32_t index)
{
	struct nat_mapping *m = mapping_at(n, index);
	enum drop_reason why;

	if (m->flags & MAPPING_HELD) {
		why = inside_take_port(in, mapping_addr(m->endpoint), m->class);
		if (why)
			return why;
		m->flags &= (uint8_t)~MAPPING_HELD;
	}
	NAT_SET(m->sessions, m->sessions + 1);
	return DROP_NONE;
}

uint32_t mapping_get(struct nat *n, unsigned worker, const struct mapping_request *r,
		     enum drop_reason *why)
{
	uint32_t index = find_current(n, worker, r);

	if (!index)
		return mapping_create(n, worker, r, why);
	*why = mapping_ref(n, r->inside, index);
	return *why ? 0 : index;
}

/* Appends to the worker's list: all are held for about as long, so the first is due first. */
static void queue_held(struct nat *n, unsigned worker, uint32_t index)
{
	struct nat_worker *w = &n->workers[worker];

	mapping_at(n, index)->next_held = 0;
	mapping_at(n, index)->flags |= MAPPING_QUEUED;
	if (w->holds_last)
		mapping_at(n, w->holds_last)->next_held = index;
	else
		w->holds_first = index;
	w->holds_last = index;
}

static void hold(struct nat *n, unsigned worker, uint32_t index, uint32_t until_s)
{
	struct nat_mapping *m = mapping_at(n, index);

	m->held_until_s = until_s;
	m->flags |= MAPPING_HELD;
	if (!(m->flags & MAPPING_QUEUED))
		queue_held(n, worker, index);
}

uint16_t mapping_expect(struct nat *n, unsigned worker, const struct mapping_request *r,
			uint32_t remote, uint32_t until_s)
{
	rte_spinlock_t *lock = nat_stripe(n, r->endpoint);
	enum drop_reason why;
	uint16_t port = 0;
	uint32_t index;

	rte_spinlock_lock(lock);
	index = mapping_get(n, worker, r, &why);
	if (index) {
		struct nat_mapping *m = mapping_at(n, index);

		m->expected = remote;
		m->expected_until_s = until_s;
		port = m->ext_port;
		if (!--m->sessions && !(m->flags & MAPPING_FORWARD)) {
			inside_give_port(r->inside, mapping_addr(r->endpoint), m->class);
			hold(n, worker, index, until_s);
		}
	}
	rte_spinlock_unlock(lock);
	return port;
}

void mapping_put(struct nat *n, unsigned worker, uint32_t index, uint32_t now_s)
{
	struct nat_mapping *m = mapping_at(n, index);
	uint32_t hold_s;

	if (--m->sessions || ((m->flags & MAPPING_FORWARD) && (m->flags & MAPPING_OWNER)))
		return;
	if (!(m->flags & MAPPING_FORWARD))
		inside_give_port(n->insides[m->inside], mapping_addr(m->endpoint), m->class);
	hold_s = outside_view(n->outsides[m->outside])->hold_s;
	if (m->class == NAT_UDP && hold_s && (m->flags & MAPPING_OWNER) && worker < n->n_workers)
		hold(n, worker, index, now_s + hold_s);
	else
		mapping_free(n, worker, index);
}

/* Deals with the first of the list: it is free now, or in use again, or was put to an end. */
static void tick_held(struct nat *n, unsigned worker, uint32_t index, uint32_t now_s)
{
	struct nat_mapping *m = mapping_at(n, index);
	rte_spinlock_t *lock = nat_stripe(n, m->endpoint);

	rte_spinlock_lock(lock);
	m->flags &= (uint8_t)~MAPPING_QUEUED;
	if (!m->flags || ((m->flags & MAPPING_HELD) && (int32_t)(now_s - m->held_until_s) >= 0))
		mapping_free(n, worker, index);
	else if (m->flags & MAPPING_HELD)
		queue_held(n, worker, index);
	rte_spinlock_unlock(lock);
}

bool mapping_tick(struct nat *n, unsigned worker, uint32_t now_s)
{
	struct nat_worker *w = &n->workers[worker];

	for (int i = 0; i < TICK_HOLDS; i++) {
		uint32_t index = w->holds_first;
		struct nat_mapping *m = mapping_at(n, index);

		if (!index || ((m->flags & MAPPING_HELD) && (int32_t)(now_s - m->held_until_s) < 0))
			return false;
		w->holds_first = m->next_held;
		if (!w->holds_first)
			w->holds_last = 0;
		tick_held(n, worker, index, now_s);
	}
	return w->holds_first;
}

/*
 * Takes its port from the mapping that has it. A guest's goes on with the sessions it has, which
 * are found by their tuples, but no new ones use it.
 */
static int put_aside(struct nat *n, struct port_space *s, uint16_t port)
{
	uint32_t index = s->owner[port];
	struct nat_mapping *m = mapping_at(n, index);
	uint64_t endpoint = m->endpoint;
	rte_spinlock_t *lock = nat_stripe(n, endpoint);
	int ret = -EAGAIN;

	if (!index)
		return -EAGAIN;
	rte_spinlock_lock(lock);
	if (s->owner[port] == index && m->endpoint == endpoint) {
		ret = m->flags & MAPPING_FORWARD ? -EEXIST : 0;
		if (!ret && (m->flags & MAPPING_HELD))
			mapping_free(n, n->n_workers, index);
		else if (!ret) {
			unlist(n, index);
			give_port(n, m);
		}
	}
	rte_spinlock_unlock(lock);
	return ret;
}

/* Another thread may claim the port between two steps, or be about to publish that it did. */
static int claim_for_forward(struct nat *n, struct port_space *s, uint16_t port)
{
	while (!port_claim(s, port)) {
		int ret = put_aside(n, s, port);

		if (ret && ret != -EAGAIN)
			return ret;
	}
	return 0;
}

int mapping_forward(struct nat *n, const struct mapping_request *r, struct nat_pool *pool,
		    uint16_t port)
{
	unsigned worker = n->n_workers;
	uint32_t index = mapping_alloc(n, worker, r, pool), other;
	struct nat_mapping *m = mapping_at(n, index);
	rte_spinlock_t *lock = nat_stripe(n, r->endpoint);
	int ret;

	if (!index)
		return -ENOSPC;
	ret = claim_for_forward(n, space_of(m), port);
	if (ret) {
		mapping_free(n, worker, index);
		return ret;
	}
	m->ext_port = htons(port);
	m->flags = MAPPING_FORWARD | MAPPING_OWNER;
	rte_spinlock_lock(lock);
	other = find(n, r->endpoint);
	if (!other || !(mapping_at(n, other)->flags & MAPPING_FORWARD)) {
		if (other)
			unlist(n, other);
		list(n, index);
	}
	publish_owner(m, index);
	rte_spinlock_unlock(lock);
	return 0;
}

void mapping_unforward(struct nat *n, struct nat_pool *pool, enum nat_class class, uint16_t port)
{
	uint32_t index = pool->spaces[class].owner[port];
	struct nat_mapping *m = mapping_at(n, index);
	rte_spinlock_t *lock = nat_stripe(n, m->endpoint);

	if (!index || !(m->flags & MAPPING_FORWARD))
		return;
	rte_spinlock_lock(lock);
	unlist(n, index);
	give_port(n, m);
	if (!m->sessions)
		mapping_free(n, n->n_workers, index);
	rte_spinlock_unlock(lock);
}

void mapping_relist(struct nat *n, uint32_t index)
{
	struct nat_mapping *m = mapping_at(n, index);
	rte_spinlock_t *lock = nat_stripe(n, m->endpoint);

	rte_spinlock_lock(lock);
	if ((m->flags & MAPPING_FORWARD) && (m->flags & MAPPING_OWNER) && !find(n, m->endpoint))
		list(n, index);
	rte_spinlock_unlock(lock);
}

void mapping_drop(struct nat *n, uint32_t index)
{
	struct nat_mapping *m = mapping_at(n, index);
	uint64_t endpoint = m->endpoint;
	rte_spinlock_t *lock = nat_stripe(n, endpoint);

	rte_spinlock_lock(lock);
	if (m->endpoint == endpoint && (m->flags & MAPPING_HELD))
		mapping_free(n, n->n_workers, index);
	rte_spinlock_unlock(lock);
}
