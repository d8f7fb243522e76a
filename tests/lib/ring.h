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
	uint8_t *areas[3]; /* of a ring that is not in the regions */
	union {
		struct vring_desc *desc;
		struct vring_packed_desc *desc_packed;
	};
	union {
		struct vring_avail *avail;
		struct vring_packed_desc_event *driver_event;
	};
	union {
		struct vring_used *used;
		struct vring_packed_desc_event *device_event;
	};
	uint16_t size;
	uint16_t offer_at, used_at; /* packed: the driver's positions, with wrap counters */
	struct dirty_log log;	    /* a bit for each page up to RING_END */
	struct virtqueue vq;
	struct burst burst;
	int call_fd;
};

enum {
	RING_EVENT_IDX = 1,
	RING_INDIRECT = 2,
	RING_MERGEABLE = 4,
	RING_LEGACY = 8,
	RING_PACKED = 16,
	RING_IN_ORDER = 32,
	RING_LOG = 64,
};

/* A fresh ring of RING_SIZE attached with `flags`; free it with ring_destroy. */
struct ring *ring_create(unsigned flags);
/* The same with a ring of `size` outside the guest's regions. */
struct ring *ring_create_sized(unsigned flags, uint16_t size);
void ring_destroy(struct ring *r);

/* The host's view of a guest address inside one region. */
uint8_t *ring_at(struct ring *r, uint64_t gpa);

void ring_desc(struct ring *r, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags,
	       uint16_t next);
/* Makes the chain at `head` available. */
void ring_offer(struct ring *r, uint16_t head);

/* Packed: writes the next descriptor and makes it available. */
void ring_packed_offer(struct ring *r, uint16_t id, uint64_t addr, uint32_t len, uint16_t flags);
/* Takes the used descriptor of a chain of `n_desc`. False: there is none. */
bool ring_packed_used(struct ring *r, uint16_t n_desc, uint16_t *id, uint32_t *len);

/* Whether the page of `gpa` is marked in the log. */
bool ring_is_dirty(const struct ring *r, uint64_t gpa);

/* Reads the eventfd: how often the device called. */
unsigned ring_calls(struct ring *r);

#endif
