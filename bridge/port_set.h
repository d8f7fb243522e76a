/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_PORT_SET_H
#define BRIDGE_PORT_SET_H

/* A set of ports, a bit an id. Members come and go one by one while workers read. */

#include "dataplane/port.h"

#define PORT_SET_WORDS (PORTS_MAX / 64)

struct port_set {
	_Atomic uint64_t words[PORT_SET_WORDS];
} __attribute__((aligned(64)));

static inline uint64_t port_set_word(const struct port_set *s, unsigned k)
{
	return atomic_load_explicit(&s->words[k], memory_order_relaxed);
}

static inline bool port_set_has(const struct port_set *s, uint16_t id)
{
	return port_set_word(s, id >> 6) >> (id & 63) & 1;
}

static inline void port_set_put(struct port_set *s, uint16_t id, bool member)
{
	uint64_t bit = 1ull << (id & 63);

	if (member)
		atomic_fetch_or_explicit(&s->words[id >> 6], bit, memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&s->words[id >> 6], ~bit, memory_order_relaxed);
}

#endif
