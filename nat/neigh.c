/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/neigh.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/util.h"

static const char *const state_names[] = {
	"free", "incomplete", "reachable", "stale", "probing", "static",
};
static_assert(ARRAY_SIZE(state_names) == NEIGH_STATE_N, "a name for each state");
static_assert(sizeof(struct neigh) == 64, "a line a neighbour");

#define KNOWN	       1ull
#define GENERATION_MAX 0xfffu

const char *neigh_state_name(enum neigh_state s)
{
	return NAME_OF(state_names, s);
}

struct neigh_table *neigh_create(void)
{
	struct neigh_table *t = aligned_alloc(64, (sizeof(*t) + 63) & ~(size_t)63);

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	if (getrandom(&t->secret, sizeof(t->secret), 0) != sizeof(t->secret)) {
		free(t);
		return NULL;
	}
	/* The generation of a slot is never 0, so that no reference is. */
	for (unsigned i = 0; i < NEIGH_SLOTS; i++)
		t->slots[i].word = 1 << 1;
	return t;
}

static void words_of(const struct ipaddr *a, uint64_t w[2])
{
	memcpy(w, a->b, sizeof(a->b));
}

static unsigned home_of(const struct neigh_table *t, const uint64_t w[2])
{
	uint64_t h = (w[0] ^ t->secret) * 0x9e3779b97f4a7c15ull;

	h = (h ^ (h >> 29) ^ w[1]) * 0xbf58476d1ce4e5b9ull;
	return (unsigned)(h >> 40) & (NEIGH_SLOTS - 1);
}

static bool has_addr(const struct neigh *n, const uint64_t w[2])
{
	return atomic_load_explicit(&n->addr[0], memory_order_relaxed) == w[0] &&
	       atomic_load_explicit(&n->addr[1], memory_order_relaxed) == w[1];
}

static uint32_t generation_of(uint64_t word)
{
	return (uint32_t)(word >> 1) & GENERATION_MAX;
}

uint32_t neigh_lookup(const struct neigh_table *t, const struct ipaddr *addr)
{
	uint64_t w[2];
	unsigned home;

	words_of(addr, w);
	home = home_of(t, w);
	for (unsigned i = 0; i < NEIGH_PROBE; i++) {
		unsigned slot = (home + i) & (NEIGH_SLOTS - 1);
		const struct neigh *n = &t->slots[slot];
		uint64_t word = atomic_load_explicit(&n->word, memory_order_acquire);

		/* A slot that changes hands has another word before it has another address. */
		if (!(word & KNOWN) || !has_addr(n, w))
			continue;
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&n->word, memory_order_relaxed) == word)
			return slot << 12 | generation_of(word);
	}
	return 0;
}

/* --- writers ---------------------------------------------------------------------------------- */

static struct neigh *find(struct neigh_table *t, const uint64_t w[2])
{
	unsigned home = home_of(t, w);

	for (unsigned i = 0; i < NEIGH_PROBE; i++) {
		struct neigh *n = &t->slots[(home + i) & (NEIGH_SLOTS - 1)];

		if (n->state != NEIGH_FREE && has_addr(n, w))
			return n;
	}
	return NULL;
}

/* The next generation, nothing known: all references to the slot are void. */
static void revoke(struct neigh *n)
{
	uint32_t next = generation_of(n->word) % GENERATION_MAX + 1;

	atomic_store_explicit(&n->word, (uint64_t)next << 1, memory_order_release);
}

static void set_mac(struct neigh *n, const struct mac *mac)
{
	uint64_t word = 0;

	for (int i = 0; i < 6; i++)
		word |= (uint64_t)mac->b[i] << (8 * i);
	word = word << 16 | (uint64_t)generation_of(n->word) << 1 | KNOWN;
	if (n->word != word)
		atomic_store_explicit(&n->word, word, memory_order_release);
}

static void release(struct neigh_table *t, struct neigh *n)
{
	revoke(n);
	n->state = NEIGH_FREE;
	t->n--;
}

/* The lower, the sooner it goes. */
static unsigned worth(const struct neigh *n, uint32_t now_s)
{
	static const unsigned by_state[] = {
		[NEIGH_FREE] = 0,    [NEIGH_INCOMPLETE] = 1, [NEIGH_STALE] = 2,
		[NEIGH_PROBING] = 3, [NEIGH_REACHABLE] = 4,  [NEIGH_STATIC] = 5,
	};
	uint32_t unused_s = now_s - n->used_s;

	/* The one that was asked for within this second is not pushed out by the next. */
	if (n->state == NEIGH_INCOMPLETE && n->asked_s == now_s)
		return NEIGH_STATE_N << 16;
	return by_state[n->state] << 16 | (0xffff - MIN_OF(unused_s, 0xffffu));
}

/* Who is reachable is pushed out by nobody: a scan of the subnet costs its guests nothing. */
static struct neigh *take_slot(struct neigh_table *t, const uint64_t w[2], uint32_t now_s)
{
	unsigned home = home_of(t, w), least = NEIGH_PROBING << 16;
	struct neigh *best = NULL;

	for (unsigned i = 0; i < NEIGH_PROBE; i++) {
		struct neigh *n = &t->slots[(home + i) & (NEIGH_SLOTS - 1)];
		unsigned it = worth(n, now_s);

		if (it >= least)
			continue;
		least = it;
		best = n;
	}
	if (!best)
		return NULL;
	if (best->state != NEIGH_FREE)
		release(t, best);
	t->n++;
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&best->addr[0], w[0], memory_order_relaxed);
	atomic_store_explicit(&best->addr[1], w[1], memory_order_relaxed);
	best->used_s = best->asked_s = best->heard_s = now_s;
	best->tries = 0;
	return best;
}

bool neigh_want(struct neigh_table *t, const struct ipaddr *addr, uint32_t now_s, bool *full)
{
	struct neigh *n;
	uint64_t w[2];

	*full = false;
	words_of(addr, w);
	n = find(t, w);
	if (!n) {
		n = take_slot(t, w, now_s);
		*full = !n;
		if (!n)
			return false;
		n->state = NEIGH_INCOMPLETE;
		n->tries = 1;
		return true;
	}
	n->used_s = now_s;
	return false; /* neigh_tick asks again */
}

bool neigh_heard(struct neigh_table *t, const struct ipaddr *addr, const struct mac *mac,
		 uint32_t now_s, bool create)
{
	struct neigh *n;
	uint64_t w[2];
	bool was_known;

	words_of(addr, w);
	n = find(t, w);
	if (!n && create)
		n = take_slot(t, w, now_s);
	if (!n || n->state == NEIGH_STATIC)
		return false;
	was_known = n->word & KNOWN;
	set_mac(n, mac);
	n->state = NEIGH_REACHABLE;
	n->heard_s = now_s;
	n->tries = 0;
	return !was_known;
}

int neigh_set_static(struct neigh_table *t, const struct ipaddr *addr, const struct mac *mac)
{
	struct neigh *n;
	uint64_t w[2];

	words_of(addr, w);
	n = find(t, w);
	if (!n)
		n = take_slot(t, w, 0);
	if (!n)
		return -ENOSPC;
	n->state = NEIGH_STATIC;
	set_mac(n, mac);
	return 0;
}

void neigh_clear_statics(struct neigh_table *t)
{
	for (unsigned i = 0; i < NEIGH_SLOTS; i++)
		if (t->slots[i].state == NEIGH_STATIC)
			release(t, &t->slots[i]);
}

void neigh_renew(struct neigh_table *t)
{
	for (unsigned i = 0; i < NEIGH_SLOTS; i++) {
		struct neigh *n = &t->slots[i];
		uint64_t word = n->word, next = generation_of(word) % GENERATION_MAX + 1;

		if (word & KNOWN)
			atomic_store_explicit(&n->word, (word & ~0xffffull) | next << 1 | KNOWN,
					      memory_order_release);
	}
}

static struct ipaddr addr_of(const struct neigh *n)
{
	uint64_t w[2] = {n->addr[0], n->addr[1]};
	struct ipaddr a;

	memcpy(a.b, w, sizeof(a.b));
	return a;
}

static struct mac mac_of(uint64_t word)
{
	struct mac m;

	for (int i = 0; i < 6; i++)
		m.b[i] = (uint8_t)(word >> (16 + 8 * i));
	return m;
}

static void ask(struct neigh *n, uint32_t now_s, neigh_event_fn *event, void *arg)
{
	struct ipaddr addr = addr_of(n);
	struct mac mac = mac_of(n->word);

	n->tries++;
	n->asked_s = now_s;
	event(arg, n->state == NEIGH_INCOMPLETE ? NEIGH_ASK_ALL : NEIGH_ASK_DIRECTLY, &addr, &mac);
}

static void fail(struct neigh_table *t, struct neigh *n, neigh_event_fn *event, void *arg)
{
	struct ipaddr addr = addr_of(n);
	struct mac mac = mac_of(n->word);

	release(t, n);
	event(arg, NEIGH_FAILED, &addr, &mac);
}

static void age(struct neigh_table *t, struct neigh *n, uint32_t now_s, neigh_event_fn *event,
		void *arg)
{
	uint32_t unused_s = now_s - n->used_s;

	if (n->state == NEIGH_REACHABLE && now_s - n->heard_s >= NEIGH_REACHABLE_S)
		n->state = NEIGH_STALE;
	if (n->state == NEIGH_STALE) {
		if (unused_s >= NEIGH_UNUSED_S)
			release(t, n);
		else if (unused_s <= 1)
			n->state = NEIGH_PROBING;
	}
	if (n->state != NEIGH_INCOMPLETE && n->state != NEIGH_PROBING)
		return;
	if (n->tries && n->asked_s == now_s)
		return;
	if (n->tries >= NEIGH_TRIES)
		fail(t, n, event, arg);
	else
		ask(n, now_s, event, arg);
}

void neigh_tick(struct neigh_table *t, uint32_t now_s, neigh_event_fn *event, void *arg)
{
	for (unsigned i = 0, left = t->n; i < NEIGH_SLOTS && left; i++)
		if (t->slots[i].state != NEIGH_FREE) {
			left--;
			age(t, &t->slots[i], now_s, event, arg);
		}
}

void neigh_visit(const struct neigh_table *t, uint32_t now_s,
		 void (*visit)(const struct neigh_info *, void *), void *arg)
{
	for (unsigned i = 0; i < NEIGH_SLOTS; i++) {
		const struct neigh *n = &t->slots[i];
		uint64_t word = n->word;

		if (n->state != NEIGH_FREE)
			visit(&(struct neigh_info){.addr = addr_of(n),
						   .mac = mac_of(word),
						   .known = word & KNOWN,
						   .state = (enum neigh_state)n->state,
						   .heard_s = n->state == NEIGH_STATIC
								      ? 0
								      : now_s - n->heard_s,
						   .used_s = now_s - n->used_s},
			      arg);
	}
}
