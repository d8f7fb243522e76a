/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_RING_H
#define TESTS_LIB_RING_H

/*
 * A guest's memory with one virtqueue in it, written by hand: the test is the driver and can be as
 * wrong as it likes. Two regions that are neighbours for the guest but far apart for the host, so
 * that a buffer across their edge is caught if anybody forgets to split it.
 */

#include "vhost/virtqueue.h"

#define RING_SIZE    16
#define RING_REGION  65536
#define RING_GPA     0x100000ull
#define RING_EDGE    (RING_GPA + RING_REGION) /* where the second region begins */
#define RING_END     (RING_EDGE + RING_REGION)
#define RING_BUFFERS (RING_GPA + 0x2000) /* the first region's free part */

struct ring {
	uint8_t *regions[2];
	struct guest_memory mem;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct virtqueue vq;
	int call_fd;
};

enum { RING_EVENT_IDX = 1, RING_INDIRECT = 2, RING_MERGEABLE = 4, RING_LEGACY = 8 };

/* A fresh ring attached with `flags`; free it with ring_destroy. */
struct ring *ring_create(unsigned flags);
void ring_destroy(struct ring *r);

/* The host's view of a guest address inside one region. */
uint8_t *ring_at(struct ring *r, uint64_t gpa);

void ring_desc(struct ring *r, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags,
	       uint16_t next);
/* Makes the chain at `head` available. */
void ring_offer(struct ring *r, uint16_t head);

/* Reads the eventfd: how often the device called. */
unsigned ring_calls(struct ring *r);

#endif
