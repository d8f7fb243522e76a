/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bridge/snoop.h"

#include <stdlib.h>

#define BIT_USED   1ull
#define PORT_SHIFT 1
#define VLAN_SHIFT 11
#define ADDR_SHIFT 23
#define BIT_IP6	   (1ull << 62)
#define PORT_BITS  0x3ffull
#define VLAN_BITS  0xfffull

static_assert(PORTS_MAX <= PORT_BITS + 1, "a port's id fits into a membership");
static_assert(sizeof(struct snoop_bucket) == 128, "two cache lines");

struct snoop *snoop_create(bool fast_leave, uint64_t secret)
{
	struct snoop *s = aligned_alloc(128, (sizeof(*s) + 127) & ~(size_t)127);

	if (!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->fast_leave = fast_leave;
	s->secret = secret | 1;
	return s;
}

void snoop_destroy(struct snoop *s)
{
	free(s);
}

static uint64_t word_of(struct snoop_key key, uint16_t port)
{
	return (key.is_ip6 ? BIT_IP6 : 0) | (uint64_t)key.addr << ADDR_SHIFT |
	       (uint64_t)(key.vlan & VLAN_BITS) << VLAN_SHIFT | (uint64_t)port << PORT_SHIFT |
	       BIT_USED;
}

static uint16_t port_of(uint64_t word)
{
	return (uint16_t)(word >> PORT_SHIFT & PORT_BITS);
}

static struct snoop_key key_of(uint64_t word)
{
	return (struct snoop_key){.is_ip6 = word & BIT_IP6,
				  .vlan = (uint16_t)(word >> VLAN_SHIFT & VLAN_BITS),
				  .addr = (uint32_t)(word >> ADDR_SHIFT)};
}

/* Bucket number `probe` of the two where the word may be. */
static struct snoop_bucket *bucket_of(const struct snoop *s, uint64_t word, unsigned probe)
{
	uint64_t hash = word * (s->secret * 0x9e3779b97f4a7c15ull | 1);

	return (struct snoop_bucket *)&s->buckets[((hash >> 48) + probe) % SNOOP_BUCKETS];
}

/* The slot that holds `word` (0: a free one where `near` could go), or NULL. */
static _Atomic uint64_t *slot_find(const struct snoop *s, uint64_t word, uint64_t near,
				   _Atomic uint32_t **until_s)
{
	for (unsigned probe = 0; probe < 2; probe++) {
		struct snoop_bucket *b = bucket_of(s, near, probe);

		for (unsigned i = 0; i < SNOOP_SLOTS; i++) {
			if (atomic_load_explicit(&b->word[i], memory_order_acquire) != word)
				continue;
			*until_s = &b->until_s[i];
			return &b->word[i];
		}
	}
	return NULL;
}

static void until_set(_Atomic uint32_t *until_s, uint32_t s)
{
	if (atomic_load_explicit(until_s, memory_order_relaxed) != s)
		atomic_store_explicit(until_s, s, memory_order_relaxed);
}

void snoop_join(struct snoop *s, struct snoop_key key, uint16_t port, uint32_t now_s)
{
	uint64_t word = word_of(key, port), none = 0;
	_Atomic uint32_t *until_s;
	_Atomic uint64_t *slot = slot_find(s, word, word, &until_s);

	if (slot) {
		until_set(until_s, now_s + SNOOP_MEMBER_S);
		return;
	}
	slot = slot_find(s, 0, word, &until_s);
	if (!slot || atomic_load(&s->memberships[port]) >= SNOOP_PORT_MAX) {
		atomic_fetch_add_explicit(&s->full, 1, memory_order_relaxed);
		return;
	}
	/* Who loses a race for the slot is heard again with the host's next report. */
	until_set(until_s, now_s + SNOOP_MEMBER_S);
	if (atomic_compare_exchange_strong(slot, &none, word))
		atomic_fetch_add(&s->memberships[port], 1);
}

static void slot_clear(struct snoop *s, _Atomic uint64_t *slot, uint64_t word)
{
	if (atomic_compare_exchange_strong(slot, &word, 0))
		atomic_fetch_sub(&s->memberships[port_of(word)], 1);
}

void snoop_leave(struct snoop *s, struct snoop_key key, uint16_t port, uint32_t now_s)
{
	uint64_t word = word_of(key, port);
	_Atomic uint32_t *until_s;
	_Atomic uint64_t *slot = slot_find(s, word, word, &until_s);

	if (!slot)
		return;
	if (atomic_load_explicit(&s->fast_leave, memory_order_relaxed))
		slot_clear(s, slot, word);
	else if (atomic_load_explicit(until_s, memory_order_relaxed) > now_s + SNOOP_LEAVE_S)
		until_set(until_s, now_s + SNOOP_LEAVE_S);
}

void snoop_router(struct snoop *s, bool is_ip6, uint16_t vlan, uint16_t port, uint32_t now_s)
{
	struct snoop_key key = {is_ip6, vlan, now_s + SNOOP_QUERIER_S};
	uint64_t word = word_of(key, port), same = ~((uint64_t)UINT32_MAX << ADDR_SHIFT), none = 0;

	for (unsigned i = 0; i < SNOOP_ROUTERS_MAX; i++) {
		uint64_t old = atomic_load_explicit(&s->routers[i], memory_order_relaxed);

		if (old && ((old ^ word) & same) == 0) {
			atomic_compare_exchange_strong(&s->routers[i], &old, word);
			return;
		}
	}
	for (unsigned i = 0; i < SNOOP_ROUTERS_MAX; i++, none = 0)
		if (atomic_compare_exchange_strong(&s->routers[i], &none, word))
			return;
	atomic_fetch_add_explicit(&s->full, 1, memory_order_relaxed);
}

unsigned snoop_routers(const struct snoop *s, struct snoop_group *g)
{
	g->n_routers = 0;
	for (unsigned i = 0; i < SNOOP_ROUTERS_MAX; i++) {
		uint64_t word = atomic_load_explicit(&s->routers[i], memory_order_relaxed);
		struct snoop_key key = key_of(word);

		if (word && key.is_ip6 == g->key.is_ip6 && key.vlan == g->key.vlan &&
		    key.addr > g->now_s)
			g->routers[g->n_routers++] = port_of(word);
	}
	return g->n_routers;
}

bool snoop_wants(const struct snoop_group *g, uint16_t port)
{
	uint64_t word = word_of(g->key, port);
	_Atomic uint32_t *until_s;

	for (unsigned i = 0; i < g->n_routers; i++)
		if (g->routers[i] == port)
			return true;
	if (g->routers_only || !slot_find(g->snoop, word, word, &until_s))
		return false;
	return atomic_load_explicit(until_s, memory_order_relaxed) > g->now_s;
}

/* Removes what has ended at `now_s`, and all of `port` unless it is 0. */
static void sweep(struct snoop *s, uint16_t port, uint32_t now_s)
{
	for (unsigned i = 0; i < SNOOP_BUCKETS * SNOOP_SLOTS; i++) {
		struct snoop_bucket *b = &s->buckets[i / SNOOP_SLOTS];
		uint64_t word = atomic_load(&b->word[i % SNOOP_SLOTS]);

		if (word && (port_of(word) == port || b->until_s[i % SNOOP_SLOTS] <= now_s))
			slot_clear(s, &b->word[i % SNOOP_SLOTS], word);
	}
	for (unsigned i = 0; i < SNOOP_ROUTERS_MAX; i++) {
		uint64_t word = atomic_load(&s->routers[i]);

		if (word && (port_of(word) == port || key_of(word).addr <= now_s))
			atomic_compare_exchange_strong(&s->routers[i], &word, 0);
	}
}

void snoop_tick(struct snoop *s, uint32_t now_s)
{
	sweep(s, 0, now_s);
}

void snoop_flush(struct snoop *s, uint16_t port)
{
	sweep(s, port, 0);
}

void snoop_visit(const struct snoop *s, uint32_t now_s,
		 void (*visit)(const struct snoop_entry *, void *), void *arg)
{
	for (unsigned i = 0; i < SNOOP_ROUTERS_MAX; i++) {
		uint64_t word = atomic_load(&s->routers[i]);
		struct snoop_entry e = {key_of(word), port_of(word), true, key_of(word).addr};

		if (word && e.until_s > now_s)
			visit(&e, arg);
	}
	for (unsigned i = 0; i < SNOOP_BUCKETS * SNOOP_SLOTS; i++) {
		const struct snoop_bucket *b = &s->buckets[i / SNOOP_SLOTS];
		uint64_t word = atomic_load(&b->word[i % SNOOP_SLOTS]);
		struct snoop_entry e = {key_of(word), port_of(word), false,
					b->until_s[i % SNOOP_SLOTS]};

		if (word && e.until_s > now_s)
			visit(&e, arg);
	}
}
