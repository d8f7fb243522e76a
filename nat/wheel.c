/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/wheel.h"

#include <string.h>

#define WHEEL_HEAD   0x80000000u
#define COARSE_SHIFT 8
#define COARSE_MAX   ((WHEEL_SLOTS - 1u) << COARSE_SHIFT)
#define DUE	     (2u * WHEEL_SLOTS)

void wheel_init(struct wheel *w, struct wheel_node *nodes, size_t stride)
{
	memset(w, 0, sizeof(*w));
	w->nodes = (char *)nodes;
	w->stride = stride;
}

static struct wheel_node *node_of(const struct wheel *w, uint32_t element)
{
	return (struct wheel_node *)(w->nodes + element * w->stride);
}

static void link_first(struct wheel *w, uint32_t element, unsigned list)
{
	struct wheel_node *node = node_of(w, element);

	node->next = w->heads[list];
	node->prev = WHEEL_HEAD | list;
	if (node->next)
		node_of(w, node->next)->prev = element;
	w->heads[list] = element;
	w->queued++;
}

void wheel_add(struct wheel *w, uint32_t element, uint32_t now_s, uint32_t due_s)
{
	uint32_t ahead;

	if (!w->queued && (int32_t)(now_s - w->now_s) > 0)
		w->now_s = now_s;
	ahead = due_s - w->now_s;
	if ((int32_t)ahead <= 0)
		ahead = 1;
	if (ahead < WHEEL_SLOTS) {
		link_first(w, element, (w->now_s + ahead) % WHEEL_SLOTS);
		return;
	}
	if (ahead > COARSE_MAX)
		ahead = COARSE_MAX;
	link_first(w, element, WHEEL_SLOTS + ((w->now_s + ahead) >> COARSE_SHIFT) % WHEEL_SLOTS);
}

void wheel_del(struct wheel *w, uint32_t element)
{
	struct wheel_node *node = node_of(w, element);

	if (!node->prev)
		return;
	if (node->prev & WHEEL_HEAD)
		w->heads[node->prev & ~WHEEL_HEAD] = node->next;
	else
		node_of(w, node->prev)->next = node->next;
	if (node->next)
		node_of(w, node->next)->prev = node->prev;
	node->next = node->prev = 0;
	w->queued--;
}

/* Makes a slot's list what is due; that is empty. */
static void hand_out(struct wheel *w, unsigned list)
{
	uint32_t first = w->heads[list];

	w->heads[DUE] = first;
	w->heads[list] = 0;
	if (first)
		node_of(w, first)->prev = WHEEL_HEAD | DUE;
}

/* The clock goes on by a second, or from the coarse slot of a second to its fine one. */
static void step(struct wheel *w)
{
	if (!w->fine_pending) {
		w->now_s++;
		if (w->now_s % WHEEL_SLOTS == 0) {
			w->fine_pending = true;
			hand_out(w, WHEEL_SLOTS + (w->now_s >> COARSE_SHIFT) % WHEEL_SLOTS);
			return;
		}
	}
	w->fine_pending = false;
	hand_out(w, w->now_s % WHEEL_SLOTS);
}

uint32_t wheel_pop(struct wheel *w, uint32_t now_s, unsigned *steps)
{
	uint32_t element;

	if (!w->queued) {
		if ((int32_t)(now_s - w->now_s) > 0)
			w->now_s = now_s;
		w->fine_pending = false;
		return 0;
	}
	while (!w->heads[DUE]) {
		if (!*steps || (!w->fine_pending && (int32_t)(now_s - w->now_s) <= 0))
			return 0;
		(*steps)--;
		step(w);
	}
	element = w->heads[DUE];
	wheel_del(w, element);
	return element;
}
