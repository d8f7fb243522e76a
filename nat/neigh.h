/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_NEIGH_H
#define NAT_NEIGH_H

/*
 * The neighbours of an interface: which MAC address an IPv4 or IPv6 address has on its link.
 *
 * What a packet needs of a neighbour is one atomic word, its MAC address, a generation and a flag
 * that says whether the address is known. A slot's number and its generation are its reference; a
 * session keeps that as its adjacency and asks no more than whether the word still has the same
 * generation. A neighbour that moves changes the word under its references; one that goes takes
 * them with it.
 *
 *	word:      63           16  15    1     0
 *	           | MAC address | generation | known |
 *	reference: 23  12  11                  0
 *	           | slot | generation, 12 bits |        (0 is no reference)
 *
 * A slot is found by a hash of its address among the NEIGH_PROBE slots from there on; when none of
 * them is free, the one goes that is least worth keeping: unanswered before stale; others stay.
 *
 * Life of a neighbour, in the words of RFC 4861: INCOMPLETE, asked up to NEIGH_TRIES times, a
 * second apart; REACHABLE, until it was not heard of for NEIGH_REACHABLE_S; STALE, used as it is
 * and asked again, directly, when somebody uses it: PROBE; gone when that is not answered, or when
 * nobody used it for NEIGH_UNUSED_S.
 *
 * Workers read without a lock. Whoever writes (all functions but neigh_lookup, neigh_mac,
 *neigh_use) holds the tx_lock of the gateway's queue.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/ipaddr.h"

#define NEIGH_SLOTS	  4096u
#define NEIGH_PROBE	  16u
#define NEIGH_TRIES	  3u
#define NEIGH_REACHABLE_S 30u
#define NEIGH_UNUSED_S	  600u

enum neigh_state {
	NEIGH_FREE,
	NEIGH_INCOMPLETE,
	NEIGH_REACHABLE,
	NEIGH_STALE,
	NEIGH_PROBING,
	NEIGH_STATIC,
	NEIGH_STATE_N
};
const char *neigh_state_name(enum neigh_state s); /* "reachable", ... */

struct neigh {
	_Atomic uint64_t word;	  /* w: writers; r: workers */
	_Atomic uint64_t addr[2]; /* w: writers, while the word is not known; r: workers */
	_Atomic uint32_t used_s;  /* w: workers, at most once a second */
	uint32_t heard_s, asked_s;
	uint8_t state, tries;
} __attribute__((aligned(64)));

struct neigh_table {
	uint64_t secret;
	uint32_t n; /* slots in use */
	struct neigh slots[NEIGH_SLOTS];
};

/* What neigh_tick wants done. */
enum neigh_event { NEIGH_ASK_ALL, NEIGH_ASK_DIRECTLY, NEIGH_FAILED };
typedef void neigh_event_fn(void *arg, enum neigh_event event, const struct ipaddr *addr,
			    const struct mac *mac);

/* NULL without memory. Free with free. */
struct neigh_table *neigh_create(void);

/* The reference of a neighbour whose MAC address is known; 0: none. Any thread. */
uint32_t neigh_lookup(const struct neigh_table *t, const struct ipaddr *addr);

/* Whether `ref` still stands, and its MAC address. */
static inline bool neigh_mac(const struct neigh_table *t, uint32_t ref, struct mac *mac)
{
	uint64_t word = atomic_load_explicit(&t->slots[ref >> 12 & (NEIGH_SLOTS - 1)].word,
					     memory_order_acquire);

	if ((word & 0x1fff) != ((ref & 0xfff) << 1 | 1))
		return false;
	word >>= 16;
	for (int i = 0; i < 6; i++)
		mac->b[i] = (uint8_t)(word >> (8 * i));
	return true;
}

/* Notes that somebody sends to it. */
static inline void neigh_use(struct neigh_table *t, uint32_t ref, uint32_t now_s)
{
	struct neigh *n = &t->slots[ref >> 12 & (NEIGH_SLOTS - 1)];

	if (atomic_load_explicit(&n->used_s, memory_order_relaxed) != now_s)
		atomic_store_explicit(&n->used_s, now_s, memory_order_relaxed);
}

/*
 * Somebody wants to send to `addr`, which is not known. Returns true when it should be asked for
 * now: it was not yet in the table, or was asked for more than a second ago. `*full` is set when
 * there is no slot for it.
 */
bool neigh_want(struct neigh_table *t, const struct ipaddr *addr, uint32_t now_s, bool *full);

/*
 * The neighbour said who it is. Without `create` only a neighbour that is in the table is noted.
 * Returns whether it was unknown before and is known now.
 */
bool neigh_heard(struct neigh_table *t, const struct ipaddr *addr, const struct mac *mac,
		 uint32_t now_s, bool create);

/* Never asked for and never forgotten. Returns 0, or -ENOSPC. */
int neigh_set_static(struct neigh_table *t, const struct ipaddr *addr, const struct mac *mac);
/* Forgets the static ones. */
void neigh_clear_statics(struct neigh_table *t);
/* Takes all references back; the neighbours stay. */
void neigh_renew(struct neigh_table *t);

/* Once a second, over all slots. */
void neigh_tick(struct neigh_table *t, uint32_t now_s, neigh_event_fn *event, void *arg);

struct neigh_info {
	struct ipaddr addr;
	struct mac mac;
	bool known;
	enum neigh_state state;
	uint32_t heard_s, used_s; /* ago */
};
void neigh_visit(const struct neigh_table *t, uint32_t now_s,
		 void (*visit)(const struct neigh_info *, void *), void *arg);

#endif
