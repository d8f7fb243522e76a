/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/permit.h"

static uint64_t key_of(uint32_t mapping, uint32_t remote)
{
	return mapping | (uint64_t)remote << 32;
}

static uint64_t key_hash(const struct nat *n, uint64_t key)
{
	return nat_hash(n, key, 4);
}

struct by_key {
	const struct nat *n;
	uint64_t key;
};

static bool has_key(const void *arg, uint32_t index)
{
	const struct by_key *by = arg;

	return atomic_load_explicit(&by->n->permits[index].key, memory_order_relaxed) == by->key;
}

static uint32_t find(const struct nat *n, uint64_t key)
{
	const struct by_key by = {n, key};

	return flow_table_find(&n->permitted, key_hash(n, key), has_key, &by);
}

bool permit_has(const struct nat *n, uint32_t mapping, uint32_t remote)
{
	return find(n, key_of(mapping, remote));
}

static uint32_t permit_create(struct nat *n, unsigned worker, uint64_t key)
{
	uint32_t index = index_get(&n->permit_indices, &n->workers[worker].permits);
	struct nat_permit *p = &n->permits[index];

	if (!index)
		return 0;
	p->sessions = 1;
	atomic_store_explicit(&p->key, key, memory_order_release);
	if (flow_table_add(&n->permitted, key_hash(n, key), index))
		return index;
	index_put(&n->permit_indices, &n->workers[worker].permits, index);
	return 0;
}

uint32_t permit_get(struct nat *n, unsigned worker, uint32_t mapping, uint32_t remote)
{
	uint64_t key = key_of(mapping, remote);
	uint32_t index = find(n, key);

	if (!index)
		return permit_create(n, worker, key);
	n->permits[index].sessions++;
	return index;
}

void permit_put(struct nat *n, unsigned worker, uint32_t index)
{
	struct nat_permit *p = &n->permits[index];

	if (--p->sessions)
		return;
	flow_table_del(&n->permitted, key_hash(n, p->key), index);
	atomic_store_explicit(&p->key, 0, memory_order_relaxed);
	index_put(&n->permit_indices, &n->workers[worker].permits, index);
}
