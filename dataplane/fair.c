/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/fair.h"

bool fair_waits_for(struct port_queue *out, uint64_t now_ns)
{
	if (atomic_load_explicit(&out->full_since_ns, memory_order_relaxed) == 0)
		atomic_store_explicit(&out->full_since_ns, now_ns | 1, memory_order_relaxed);
	else if (now_ns > out->wait_at_ns)
		out->wait_spent_ns =
			RTE_MIN(out->wait_spent_ns + (now_ns - out->wait_at_ns), FAIR_WAIT_MAX_NS);
	out->wait_at_ns = now_ns;
	return out->wait_spent_ns < FAIR_WAIT_MAX_NS;
}

void fair_earn(struct port_queue *out, const struct burst *b, uint64_t sent)
{
	uint64_t earned = 0;

	for (; sent; sent &= sent - 1)
		earned += FAIR_FRAME_NS +
			  b->frames[__builtin_ctzll(sent)].len * (uint64_t)FAIR_BYTE_NS;
	out->wait_spent_ns -= RTE_MIN(earned, out->wait_spent_ns);
}

/* Brings the account of a mixed sender up to `now_ns`; closes it when nothing is owed. */
static void settle(struct port_queue *in, uint64_t now_ns)
{
	uint64_t passed = now_ns > in->mixed_at_ns ? now_ns - in->mixed_at_ns : 0;

	if (in->mixed_waits)
		in->mixed_spent_ns = RTE_MIN(in->mixed_spent_ns + passed, 2 * FAIR_MIXED_MAX_NS);
	else
		in->mixed_spent_ns -= RTE_MIN(passed / FAIR_MIXED_PART, in->mixed_spent_ns);
	in->mixed_at_ns = in->mixed_waits || in->mixed_spent_ns ? now_ns : 0;
}

bool fair_has_patience(struct port_queue *in, uint64_t now_ns)
{
	settle(in, now_ns);
	return in->mixed_spent_ns < FAIR_MIXED_MAX_NS;
}

/*
 * Stuck is a window that begins with a waiting frame and is as long as one can be: what lies behind
 * it is not seen. Its own frames tell what that is likely to be: a quarter of them went elsewhere.
 * Frames for other queues of the receiver that is waited for harm nobody but that receiver.
 */
void fair_note_wait(struct port_queue *in, unsigned n, uint64_t held, uint64_t elsewhere,
		    uint64_t now_ns)
{
	bool stuck;

	in->went_elsewhere |= elsewhere;
	stuck = n == BURST_MAX && (held & 1) &&
		__builtin_popcountll(in->went_elsewhere) >= BURST_MAX / 4;
	in->went_elsewhere = held ? in->went_elsewhere >> __builtin_ctzll(held) : 0;
	if (!stuck && !in->mixed_at_ns)
		return;
	settle(in, now_ns);
	in->mixed_waits = stuck;
	if (stuck)
		in->mixed_at_ns = now_ns;
}
