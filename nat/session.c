/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/session.h"

#include <assert.h>

#include "common/cksum.h"
#include "nat/mapping.h"
#include "nat/permit.h"
#include "nat/tcp_state.h"

#define TICK_SESSIONS 8	 /* whose time may be over: a few microseconds of work */
#define TICK_STEPS    64 /* empty seconds of the wheel */
#define TICK_FREED    16

static_assert(sizeof(struct nat_session) == 64, "one cache line");
static_assert(offsetof(struct nat_session, remote_addr) == 4 &&
		      offsetof(struct nat_session, in_port) == 12,
	      "session_has reads tuples in one piece");

struct flow_key session_key(const struct nat_session *s, enum nat_direction dir)
{
	bool icmp = s->proto == WIRE_PROTO_ICMP;

	if (dir == NAT_OUTBOUND)
		return flow_key_make(s->in_addr, s->remote_addr, s->in_port,
				     icmp ? s->in_port : s->remote_port, s->proto);
	return flow_key_make(s->remote_addr, s->ext_addr, icmp ? s->ext_port : s->remote_port,
			     s->ext_port, s->proto);
}

struct by_key {
	const struct nat *n;
	const struct flow_key *key;
	enum nat_direction dir;
};

static enum nat_direction value_direction(uint32_t value)
{
	return value & SESSION_INBOUND_BIT ? NAT_INBOUND : NAT_OUTBOUND;
}

static struct nat_session *value_session(const struct nat *n, uint32_t value)
{
	return session_at(n, value & ~SESSION_INBOUND_BIT);
}

static bool has_key(const void *arg, uint32_t value)
{
	const struct by_key *by = arg;

	return session_has(value_session(by->n, value), value_direction(value), by->key);
}

static bool has_key_as(const void *arg, uint32_t value)
{
	const struct by_key *by = arg;

	return value_direction(value) == by->dir && has_key(arg, value);
}

uint32_t session_find(const struct nat *n, const struct flow_key *k)
{
	const struct by_key by = {.n = n, .key = k};

	return flow_table_find(&n->flows, flow_hash(n, k), has_key, &by);
}

struct nat_session *session_find_as(const struct nat *n, const struct flow_key *k,
				    enum nat_direction dir)
{
	const struct by_key by = {n, k, dir};
	uint32_t value = flow_table_find(&n->flows, flow_hash(n, k), has_key_as, &by);

	return value ? value_session(n, value) : NULL;
}

struct nat_session *session_alloc(struct nat *n, unsigned worker, uint32_t now_s)
{
	struct index_cache *cache = &n->workers[worker].sessions;
	uint32_t index = index_get(&n->session_indices, cache), next = index_peek(cache);
	struct nat_session *s = session_at(n, index);

	if (!index)
		return NULL;
	__builtin_prefetch(session_at(n, next));
	__builtin_prefetch(&n->cold[next]);
	memset(s, 0, sizeof(*s));
	atomic_store_explicit(&s->seen_s, now_s, memory_order_relaxed);
	n->cold[index].opened_s = now_s;
	n->cold[index].owner = (uint16_t)worker;
	return s;
}

void session_discard(struct nat *n, unsigned worker, struct nat_session *s)
{
	s->proto = 0;
	index_put(&n->session_indices, &n->workers[worker].sessions, session_index(n, s));
}

/* What replacing one by the other adds to a sum in one's complement: RFC 1624. */
static uint32_t delta32(uint32_t from, uint32_t to)
{
	return cksum_add32(~from, to);
}

static void set_deltas(struct nat_session *s)
{
	uint32_t addr = cksum_fold(delta32(s->in_addr, s->ext_addr));
	uint32_t port = cksum_fold((uint32_t)(uint16_t)~s->in_port + s->ext_port);

	s->addr_delta = (uint16_t)addr;
	s->l4_delta = cksum_fold(addr + port);
}

void session_prefetch_inbound(const struct nat *n, const struct nat_session *s)
{
	struct flow_key in = session_key(s, NAT_INBOUND);

	__builtin_prefetch(flow_table_first(&n->flows, flow_hash(n, &in)));
}

static enum drop_reason add_tuples(struct nat *n, struct nat_session *s)
{
	struct flow_key out = session_key(s, NAT_OUTBOUND), in = session_key(s, NAT_INBOUND);
	uint32_t index = session_index(n, s);
	uint64_t out_hash = flow_hash(n, &out);

	if (session_find_as(n, &in, NAT_INBOUND))
		return DROP_NAT_PORTS;
	if (!flow_table_add(&n->flows, out_hash, index))
		return DROP_NAT_SESSIONS;
	if (flow_table_add(&n->flows, flow_hash(n, &in), index | SESSION_INBOUND_BIT))
		return DROP_NONE;
	flow_table_del(&n->flows, out_hash, index);
	return DROP_NAT_SESSIONS;
}

/*
 * Two sessions may want the same inbound tuple only when they share a port; the lock by external
 * endpoint makes looking and adding one step.
 */
enum drop_reason session_publish(struct nat *n, unsigned worker, struct nat_session *s,
				 uint32_t now_s)
{
	uint64_t external = nat_endpoint(s->ext_addr, s->ext_port, s->class, 0);
	rte_spinlock_t *lock = nat_tuple_stripe(n, external);
	enum drop_reason why;

	set_deltas(s);
	rte_spinlock_lock(lock);
	why = add_tuples(n, s);
	rte_spinlock_unlock(lock);
	if (why)
		return why;
	wheel_add(&n->workers[worker].wheel, session_index(n, s), now_s,
		  now_s + session_timeout(n, s));
	n->workers[worker].opened++;
	return DROP_NONE;
}

static uint64_t session_endpoint(const struct nat_session *s)
{
	return nat_endpoint(s->in_addr, s->in_port, s->class, 0);
}

static void push_dead(struct nat *n, uint32_t index)
{
	_Atomic uint32_t *head = &n->workers[n->cold[index].owner].dead;
	uint32_t first = atomic_load(head);

	do {
		n->cold[index].next_dead = first;
	} while (!atomic_compare_exchange_weak(head, &first, index));
}

void session_retire(struct nat *n, struct nat_session *s)
{
	s->flags |= SESSION_DEAD;
	push_dead(n, session_index(n, s));
}

static void leave_peer(struct nat *n, struct nat_session *s)
{
	uint32_t self = session_index(n, s), peer = atomic_load(&s->peer);

	if (peer)
		atomic_compare_exchange_strong(&session_at(n, peer)->peer, &self, 0);
}

bool session_end(struct nat *n, unsigned worker, struct nat_session *s)
{
	uint32_t index = session_index(n, s);
	struct flow_key key = session_key(s, NAT_OUTBOUND);

	if ((s->flags & SESSION_DEAD) || !flow_table_del(&n->flows, flow_hash(n, &key), index))
		return false;
	key = session_key(s, NAT_INBOUND);
	flow_table_del(&n->flows, flow_hash(n, &key), index | SESSION_INBOUND_BIT);
	if (atomic_fetch_or(&s->flags, SESSION_DEAD) & SESSION_OUT_SEEN && s->mapping)
		mapping_at(n, s->mapping)->in_use--;
	if (s->flags & SESSION_HAIRPIN)
		leave_peer(n, s);
	if (s->permit)
		permit_put(n, worker, s->permit);
	if (s->mapping)
		mapping_put(n, worker, s->mapping, n->workers[worker].now_s);
	inside_give_session(n, n->insides[s->inside], s->in_addr);
	push_dead(n, index);
	return true;
}

bool session_end_locked(struct nat *n, unsigned worker, struct nat_session *s)
{
	rte_spinlock_t *lock = nat_stripe(n, session_endpoint(s));
	bool ended;

	/* A flush looks at records of others, which may just be filled with another session. */
	rte_spinlock_lock(lock);
	ended = lock == nat_stripe(n, session_endpoint(s)) && session_end(n, worker, s);
	rte_spinlock_unlock(lock);
	return ended;
}

uint32_t session_timeout(const struct nat *n, const struct nat_session *s)
{
	const struct nat_timeouts *t = &inside_view(n->insides[s->inside])->params.timeouts;

	if (s->proto == WIRE_PROTO_ICMP)
		return t->icmp_s;
	if (s->proto != WIRE_PROTO_TCP)
		return t->udp_s;
	switch (tcp_state_patience(s->tcp)) {
	case TCP_PATIENCE_OPENING:
		return t->tcp_opening_s;
	case TCP_PATIENCE_CLOSING:
		return t->tcp_closing_s;
	default:
		return t->tcp_s;
	}
}

/* Whether a session that came up in the wheel is over; else it is queued for when it would be. */
static bool is_over(struct nat *n, unsigned worker, uint32_t index, uint32_t now_s)
{
	struct nat_session *s = session_at(n, index);
	uint32_t due_s;

	if (s->flags & SESSION_DEAD)
		return false;
	due_s = atomic_load_explicit(&s->seen_s, memory_order_relaxed) + session_timeout(n, s);
	if ((int32_t)(due_s - now_s) <= 0)
		return true;
	wheel_add(&n->workers[worker].wheel, index, now_s, due_s);
	return false;
}

static void prefetch_end(const struct nat *n, const struct nat_session *s)
{
	struct flow_key out = session_key(s, NAT_OUTBOUND), in = session_key(s, NAT_INBOUND);

	__builtin_prefetch(flow_table_first(&n->flows, flow_hash(n, &out)));
	__builtin_prefetch(flow_table_first(&n->flows, flow_hash(n, &in)));
	if (!s->mapping)
		return;
	__builtin_prefetch(mapping_at(n, s->mapping));
	nat_endpoint_prefetch(n, session_endpoint(s));
}

/* In three passes, so that the memory of all is under way at once. */
static bool expire_some(struct nat *n, unsigned worker, uint32_t now_s)
{
	struct nat_worker *w = &n->workers[worker];
	unsigned steps = TICK_STEPS, popped, over = 0;
	uint32_t due[TICK_SESSIONS];

	for (popped = 0; popped < TICK_SESSIONS; popped++) {
		due[popped] = wheel_pop(&w->wheel, now_s, &steps);
		if (!due[popped])
			break;
		__builtin_prefetch(session_at(n, due[popped]));
	}
	for (unsigned i = 0; i < popped; i++) {
		if (!is_over(n, worker, due[i], now_s))
			continue;
		prefetch_end(n, session_at(n, due[i]));
		due[over++] = due[i];
	}
	for (unsigned i = 0; i < over; i++)
		w->expired += session_end_locked(n, worker, session_at(n, due[i]));
	return popped == TICK_SESSIONS || !steps;
}

/* What has ended leaves the wheel and gathers for the next grace period. */
static bool gather_dead(struct nat *n, struct nat_worker *w)
{
	struct grace *g = &w->grace;

	if (!g->ended && atomic_load_explicit(&w->dead, memory_order_relaxed))
		g->ended = atomic_exchange(&w->dead, 0);
	for (int i = 0; g->ended && i < TICK_FREED; i++) {
		uint32_t index = g->ended;

		g->ended = n->cold[index].next_dead;
		wheel_del(&w->wheel, index);
		n->cold[index].next_dead = g->gathering;
		g->gathering = index;
	}
	return g->ended;
}

static bool grace_is_over(const struct nat *n, const struct grace *g)
{
	return !n->rcu || rte_rcu_qsbr_check(n->rcu, g->token, false) == 1;
}

/* Gives records back whose grace period is over, then begins one for what has gathered. */
static bool free_some(struct nat *n, struct nat_worker *w)
{
	struct grace *g = &w->grace;

	if (g->waiting && !grace_is_over(n, g))
		return false;
	for (int i = 0; g->waiting && i < TICK_FREED; i++) {
		uint32_t index = g->waiting;

		g->waiting = n->cold[index].next_dead;
		session_at(n, index)->proto = 0;
		index_put(&n->session_indices, &w->sessions, index);
	}
	if (g->waiting)
		return true;
	g->waiting = g->gathering;
	g->gathering = 0;
	if (g->waiting && n->rcu)
		g->token = rte_rcu_qsbr_start(n->rcu);
	return g->waiting && !n->rcu;
}

bool session_tick(struct nat *n, unsigned worker, uint32_t now_s)
{
	struct nat_worker *w = &n->workers[worker];
	bool more = expire_some(n, worker, now_s);

	more |= gather_dead(n, w);
	return free_some(n, w) || more;
}
