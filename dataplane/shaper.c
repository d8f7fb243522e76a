/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/shaper.h"

#include <stdlib.h>

#include "common/clock.h"

#define UNITS_PER_NS	 16
#define BURST_MIN_BYTES	 131072		  /* two of the largest GSO frames */
#define BURST_MIN_NS	 (50 * NS_PER_MS) /* guests and workers share processors: they pause */
#define BURST_MIN_FRAMES 32
/* A sleeping worker gathers tokens for so long beyond the first, to wake up less often. */
#define GATHER_NS 100000
/* A sender whose turn it is and who sends nothing loses it. */
#define TURN_NS NS_PER_MS

static void meter_init(struct shaper_meter *m, uint64_t per_second, uint64_t burst)
{
	if (per_second == 0)
		return;
	m->unit_time =
		(uint64_t)(((unsigned __int128)(NS_PER_S * UNITS_PER_NS) << 32) / per_second);
	m->burst = (uint64_t)((unsigned __int128)m->unit_time * burst >> 32);
}

static void limit_init(struct shaper_limit *l, const struct shaper_rate *r)
{
	uint64_t bytes_ps = r->bits_ps / 8, burst = r->burst_bytes;

	if (!burst)
		burst = RTE_MAX((uint64_t)BURST_MIN_BYTES, bytes_ps / (NS_PER_S / BURST_MIN_NS));
	meter_init(&l->bytes, bytes_ps, burst);
	meter_init(&l->packets, r->packets_ps,
		   RTE_MAX((uint64_t)BURST_MIN_FRAMES, r->packets_ps / (NS_PER_S / BURST_MIN_NS)));
}

struct shaper *shaper_create(const struct shaper_rate *in, const struct shaper_rate *out)
{
	struct shaper *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	limit_init(&s->in, in);
	limit_init(&s->out, out);
	return s;
}

void shaper_publish(struct dataplane *dp, struct port *p, struct shaper *s)
{
	struct shaper *old = atomic_exchange(&p->shaper, s);

	if (!old)
		return;
	dataplane_synchronize(dp);
	free(old);
	dataplane_port_wake(dp, p);
}

uint32_t shaper_wire_bytes(const struct frame *f)
{
	struct frame_layout layout;
	uint32_t payload, segments;

	if (f->vnet.gso_type == VNET_GSO_NONE || f->vnet.gso_size == 0 ||
	    frame_parse_l4(f, &layout) || layout.payload >= f->len)
		return f->len;
	payload = f->len - layout.payload;
	segments = (payload + f->vnet.gso_size - 1) / f->vnet.gso_size;
	return payload + segments * layout.payload;
}

static uint64_t meter_cost(const struct shaper_meter *m, uint64_t n)
{
	return (uint64_t)((unsigned __int128)m->unit_time * n >> 32);
}

static uint64_t meter_due(const struct shaper_meter *m)
{
	return atomic_load_explicit(&m->due, memory_order_relaxed);
}

static uint64_t meter_ready_ns(const struct shaper_meter *m)
{
	uint64_t due = meter_due(m);

	return due > m->burst ? (due - m->burst + UNITS_PER_NS - 1) / UNITS_PER_NS : 0;
}

uint64_t shaper_ready_ns(const struct shaper_limit *l)
{
	return RTE_MAX(meter_ready_ns(&l->bytes), meter_ready_ns(&l->packets));
}

uint64_t shaper_wake_ns(const struct shaper_limit *l)
{
	const struct shaper_meter *m = l->bytes.unit_time ? &l->bytes : &l->packets;

	return shaper_ready_ns(l) + RTE_MIN(m->burst / UNITS_PER_NS / 2, (uint64_t)GATHER_NS);
}

bool shaper_is_ready(const struct shaper_limit *l, uint64_t now_ns)
{
	return shaper_ready_ns(l) <= now_ns;
}

/* How much may be charged before the meter has to wait: time ahead of now, in its units. */
static uint64_t meter_allowance(const struct shaper_meter *m, uint64_t now)
{
	uint64_t due = meter_due(m);

	return due <= now ? m->burst : due - now <= m->burst ? m->burst - (due - now) : 0;
}

uint64_t shaper_admit(const struct shaper_limit *l, const struct burst *b, uint64_t mask,
		      uint64_t now_ns)
{
	uint64_t now = now_ns * UNITS_PER_NS, admitted = 0, bytes = 0, packets = 0;
	uint64_t time = meter_allowance(&l->bytes, now);
	uint64_t packet_time = meter_allowance(&l->packets, now);

	if (!shaper_is_ready(l, now_ns))
		return 0;
	for (; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);

		if (meter_cost(&l->bytes, bytes) > time ||
		    meter_cost(&l->packets, packets) > packet_time)
			break;
		admitted |= 1ull << i;
		bytes += shaper_wire_bytes(&b->frames[i]);
		packets++;
	}
	return admitted;
}

static bool is_turn_of(const struct shaper_limit *l, uint16_t from, uint64_t now_ns)
{
	uint16_t next = atomic_load_explicit(&l->next, memory_order_relaxed);

	return next == 0 || next == from ||
	       now_ns >= atomic_load_explicit(&l->next_until_ns, memory_order_relaxed);
}

/* A sender that has to wait is next, unless one that waited longer is. */
static void turn_claim(struct shaper_limit *l, uint16_t from, uint64_t now_ns)
{
	uint16_t next = atomic_load_explicit(&l->next, memory_order_relaxed);
	uint64_t ready_ns = shaper_ready_ns(l);

	if (next != 0 && next != from &&
	    next != atomic_load_explicit(&l->last, memory_order_relaxed) &&
	    now_ns < atomic_load_explicit(&l->next_until_ns, memory_order_relaxed))
		return;
	atomic_store_explicit(&l->next, from, memory_order_relaxed);
	atomic_store_explicit(&l->next_until_ns, RTE_MAX(ready_ns, now_ns) + TURN_NS,
			      memory_order_relaxed);
}

uint64_t shaper_admit_turn(struct shaper_limit *l, uint16_t from, const struct burst *b,
			   uint64_t mask, uint64_t now_ns)
{
	uint64_t admitted = is_turn_of(l, from, now_ns) ? shaper_admit(l, b, mask, now_ns) : 0;

	if (admitted) {
		atomic_store_explicit(&l->last, from, memory_order_relaxed);
		atomic_store_explicit(&l->next, 0, memory_order_relaxed);
	}
	if (admitted != mask)
		turn_claim(l, from, now_ns);
	return admitted;
}

static void meter_charge(struct shaper_meter *m, uint64_t n, uint64_t now_ns)
{
	uint64_t now = now_ns * UNITS_PER_NS, due = meter_due(m), next;

	if (!m->unit_time)
		return;
	do {
		next = RTE_MAX(due, now) + meter_cost(m, n);
	} while (!atomic_compare_exchange_weak_explicit(&m->due, &due, next, memory_order_relaxed,
							memory_order_relaxed));
}

void shaper_charge(struct shaper_limit *l, const struct burst *b, uint64_t mask, uint64_t now_ns)
{
	uint64_t bytes = 0;

	for (uint64_t m = mask; m; m &= m - 1)
		bytes += shaper_wire_bytes(&b->frames[__builtin_ctzll(m)]);
	meter_charge(&l->bytes, bytes, now_ns);
	meter_charge(&l->packets, (unsigned)__builtin_popcountll(mask), now_ns);
}
