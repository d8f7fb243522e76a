/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_WHEEL_H
#define NAT_WHEEL_H

/*
 * A hierarchical timing wheel of one thread, with ticks of a second: 256 slots of one second and
 * 256 slots of 256 seconds. What is due later than that is looked at after 18 hours and queued
 * again. Elements are numbers; their links, a wheel_node each, lie in records of the caller.
 *
 * It is lazy: a session that is used does not move. When its slot comes up it is handed out by
 * wheel_pop, and its owner compares with the time of its last packet and queues it again. Nothing
 * here walks a list, so each call costs the same however much is queued.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEEL_SLOTS 256

struct wheel_node {
	uint32_t next, prev; /* 0: none; prev with WHEEL_HEAD set: the list's number; 0: unlinked */
};

struct wheel {
	char *nodes; /* that of element 0; the others' follow in steps of `stride` */
	size_t stride;
	uint32_t now_s;
	uint32_t queued;   /* elements */
	bool fine_pending; /* the coarse slot of this second is being handed out first */
	uint32_t heads[2 * WHEEL_SLOTS + 1]; /* fine, coarse, what is due */
};

void wheel_init(struct wheel *w, struct wheel_node *nodes, size_t stride);

/* Queues an element that is not queued, for `due_s` or the next second; it is `now_s`. */
void wheel_add(struct wheel *w, uint32_t element, uint32_t now_s, uint32_t due_s);
/* Takes a queued element out; fine when it is not queued. */
void wheel_del(struct wheel *w, uint32_t element);

/*
 * Takes out an element whose slot has come up, going on second by second to `now_s` as the slots
 * become empty. Returns 0 when there is none, or when the clock is `now_s` and all is handed out.
 * At most `*steps` empty slots are passed; they are counted down.
 */
uint32_t wheel_pop(struct wheel *w, uint32_t now_s, unsigned *steps);

/* The element that wheel_pop would return next, if it is known already; else 0. */
static inline uint32_t wheel_peek(const struct wheel *w)
{
	return w->heads[2 * WHEEL_SLOTS];
}

#endif
