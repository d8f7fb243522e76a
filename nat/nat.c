/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/nat.h"

#include <assert.h>
#include <stdlib.h>

#include "nat/fragment.h"
#include "nat/inside.h"
#include "nat/mapping.h"
#include "nat/outside.h"
#include "nat/permit.h"
#include "nat/session.h"

/*
 * Sessions and mappings that memory is kept ready for: an eighth of all there may be, but at least
 * so many; and those that it is made ready for at once.
 */
#define AHEAD_SHIFT 3
#define AHEAD_MIN   131072u
#define AHEAD_STEP  32768u
/* Those that the flow tables have room for at first; buckets made ready or moved in a call. */
#define TABLE_FIRST 131072u
#define TABLE_STEP  262144u
/* When a sleeping worker looks whether a grace period is over. */
#define GRACE_NS (10 * NS_PER_MS)

static const char *const class_names[] = {
	[NAT_UDP] = "udp", [NAT_TCP] = "tcp", [NAT_ICMP] = "icmp"};
static_assert(ARRAY_SIZE(class_names) == NAT_CLASS_N, "a name for each");

const char *nat_class_name(enum nat_class c)
{
	return NAME_OF(class_names, c);
}

static size_t per_session(const struct nat *n, size_t bytes)
{
	return ((size_t)n->sessions_max + 1) * bytes;
}

static size_t mappings_bytes(const struct nat *n)
{
	return ((size_t)n->mappings_max + 1) * sizeof(struct nat_mapping);
}

static int create_tables(struct nat *n)
{
	unsigned threads = n->n_workers + 1;

	n->sessions = arena_map(per_session(n, sizeof(struct nat_session)));
	n->cold = arena_map(per_session(n, sizeof(struct session_cold)));
	n->mappings = arena_map(mappings_bytes(n));
	n->permits = arena_map(per_session(n, sizeof(struct nat_permit)));
	if (!n->sessions || !n->cold || !n->mappings || !n->permits)
		return -ENOMEM;
	if (flow_table_init(&n->flows, 2 * n->sessions_max, 2 * TABLE_FIRST) < 0 ||
	    flow_table_init(&n->endpoints, n->mappings_max, TABLE_FIRST) < 0 ||
	    flow_table_init(&n->permitted, n->sessions_max, 0) < 0 ||
	    index_pool_init(&n->session_indices, n->sessions_max, threads) < 0 ||
	    index_pool_init(&n->mapping_indices, n->mappings_max, threads) < 0 ||
	    index_pool_init(&n->permit_indices, n->sessions_max, threads) < 0)
		return -ENOMEM;
	return 0;
}

/* What comes next after `ready`, when `used` comes near it. */
static uint32_t ready_until(uint32_t ready, uint32_t used, uint32_t max)
{
	uint32_t ahead = MAX_OF(max >> AHEAD_SHIFT, AHEAD_MIN);

	if (ready == max || used + ahead < ready + AHEAD_STEP)
		return ready;
	return max - used < ahead + AHEAD_STEP ? max : used + ahead + AHEAD_STEP;
}

/* The flow table of so many records. */
static void grow(struct nat *n, struct flow_table *t, uint32_t used)
{
	uint32_t budget = TABLE_STEP;

	if (flow_table_extend(t, used, &budget))
		nat_synchronize(n);
	flow_table_move(t, budget);
}

static void populate(void *array, size_t size, uint32_t from, uint32_t to)
{
	arena_populate(array, from * size, (to + 1) * size);
}

/*
 * A worker that touches a page for the first time waits for the kernel to clear it, 2 MiB at a time
 * where it has large ones: longer than a round may take. So that is done here, ahead of use.
 */
void nat_prepare(struct nat *n)
{
	uint32_t sessions = index_pool_touched(&n->session_indices);
	uint32_t mappings = index_pool_touched(&n->mapping_indices);
	uint32_t from = n->sessions_ready, to;

	to = ready_until(from, sessions, n->sessions_max);
	if (to > from) {
		populate(n->sessions, sizeof(struct nat_session), from, to);
		populate(n->cold, sizeof(struct session_cold), from, to);
		index_pool_populate(&n->session_indices, from, to);
		n->sessions_ready = to;
	}
	from = n->mappings_ready;
	to = ready_until(from, mappings, n->mappings_max);
	if (to > from) {
		populate(n->mappings, sizeof(struct nat_mapping), from, to);
		index_pool_populate(&n->mapping_indices, from, to);
		n->mappings_ready = to;
	}
	grow(n, &n->flows, 2 * sessions);
	grow(n, &n->endpoints, mappings);
}

static struct stripe *create_stripes(void)
{
	struct stripe *s = aligned_alloc(64, NAT_STRIPES * sizeof(*s));

	for (int i = 0; s && i < NAT_STRIPES; i++)
		rte_spinlock_init(&s[i].lock);
	return s;
}

static int create_workers(struct nat *n)
{
	size_t bytes = (n->n_workers + 1) * sizeof(struct nat_worker);

	n->workers = aligned_alloc(64, bytes);
	if (!n->workers)
		return -ENOMEM;
	memset(n->workers, 0, bytes);
	for (unsigned i = 0; i <= n->n_workers; i++) {
		struct nat_worker *w = &n->workers[i];

		w->random = nat_hash(n, i, 5) | 1;
		wheel_init(&w->wheel, &n->cold->wheel, sizeof(struct session_cold));
		w->fragments = fragments_create();
		if (!w->fragments)
			return -ENOMEM;
	}
	return 0;
}

/* Hashes multiply by these words, so each has to have bits everywhere: splitmix64. */
static void set_secret(struct nat *n, const uint64_t secret[4])
{
	for (int i = 0; i < 4; i++) {
		uint64_t x = secret[i] + (uint64_t)(i + 1) * 0x9e3779b97f4a7c15ull;

		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
		x = (x ^ x >> 27) * 0x94d049bb133111ebull;
		n->secret[i] = (x ^ x >> 31) | 1;
	}
}

struct nat *nat_create(const struct nat_params *params, struct err *e)
{
	struct nat *n = calloc(1, sizeof(*n));

	if (params->sessions_max > NAT_SESSIONS_MAX) {
		err_set(e, EINVAL, "%u sessions: at most %u are possible", params->sessions_max,
			NAT_SESSIONS_MAX);
		free(n);
		return NULL;
	}
	if (!n)
		goto err_nomem;
	n->n_workers = params->n_workers;
	n->rcu = params->rcu;
	n->sessions_max = params->sessions_max ? params->sessions_max : NAT_SESSIONS_DEFAULT;
	n->mappings_max = n->sessions_max + NAT_FORWARD_PORTS_MAX;
	set_secret(n, params->secret);
	n->stripes = create_stripes();
	n->tuple_stripes = create_stripes();
	if (n->stripes && n->tuple_stripes && !create_tables(n) && !create_workers(n)) {
		nat_prepare(n);
		return n;
	}
	nat_destroy(n);
err_nomem:
	err_set(e, ENOMEM, "no memory for the tables of NAT: free some, or ask for fewer sessions");
	return NULL;
}

void nat_destroy(struct nat *n)
{
	if (!n)
		return;
	for (unsigned id = 1; id <= NAT_INSIDES_MAX; id++)
		nat_inside_destroy(n, n->insides[id]);
	for (unsigned id = 1; id <= NAT_OUTSIDES_MAX; id++)
		nat_outside_destroy(n, n->outsides[id]);
	for (unsigned i = 0; n->workers && i <= n->n_workers; i++)
		fragments_destroy(n->workers[i].fragments);
	free(n->workers);
	free(n->stripes);
	free(n->tuple_stripes);
	flow_table_fini(&n->flows);
	flow_table_fini(&n->endpoints);
	flow_table_fini(&n->permitted);
	index_pool_fini(&n->session_indices);
	index_pool_fini(&n->mapping_indices);
	index_pool_fini(&n->permit_indices);
	arena_unmap(n->sessions, per_session(n, sizeof(struct nat_session)));
	arena_unmap(n->cold, per_session(n, sizeof(struct session_cold)));
	arena_unmap(n->mappings, mappings_bytes(n));
	arena_unmap(n->permits, per_session(n, sizeof(struct nat_permit)));
	free(n);
}

uint64_t nat_tick(struct nat *n, unsigned worker, uint64_t now_ns)
{
	struct nat_worker *w = &n->workers[worker];
	bool more;

	w->now_s = nat_seconds(now_ns);
	more = session_tick(n, worker, w->now_s);
	more |= mapping_tick(n, worker, w->now_s);
	fragments_tick(n, worker, now_ns);
	if (more)
		return now_ns;
	if (w->grace.waiting)
		return now_ns + GRACE_NS;
	if (w->wheel.queued || w->holds_first || fragments_any(w->fragments))
		return (w->now_s + 1) * NS_PER_S;
	return UINT64_MAX;
}

uint16_t nat_realm(const struct nat_session *s, enum nat_direction dir)
{
	if (dir == NAT_OUTBOUND)
		return s->inside;
	return s->outside ? (uint16_t)(NAT_ID_OUTSIDES + s->outside) : 0;
}

uint32_t nat_adjacency(const struct nat_session *s, enum nat_direction dir)
{
	return atomic_load_explicit(&s->adjacency[dir], memory_order_relaxed);
}

void nat_set_adjacency(struct nat_session *s, enum nat_direction dir, uint32_t adjacency)
{
	atomic_store_explicit(&s->adjacency[dir], adjacency, memory_order_relaxed);
}
