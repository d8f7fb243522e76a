/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_VIRTQUEUE_H
#define VHOST_VIRTQUEUE_H

/*
 * A split virtqueue seen from the device, VIRTIO 1.2 section 2.7, with indirect descriptors,
 * EVENT_IDX and any layout of the header; legacy guests too.
 *
 * Two directions, one struct: guest-to-switch rings are peeked and released, switch-to-guest
 * rings are put and flushed.
 *
 * The guest is hostile and runs at the same time. The rules are: each descriptor is read once into
 * local memory; hops are bounded by the ring size and bytes by FRAME_LEN_MAX; every address is
 * translated with its length, so that a buffer that crosses a region's edge becomes two pieces and
 * one outside is an error; an indirect table is a whole number of descriptors in one region, holds
 * no further table and is bounded like a chain. What breaks a rule breaks the ring: `broken` says
 * how, and the ring is not touched again until it is attached anew.
 *
 * Not thread safe: a ring belongs to the worker that polls it, or to whoever holds its port's lock.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_ring.h>

#include "dataplane/frame.h"
#include "vhost/guest_memory.h"

#define VIRTQUEUE_SIZE_MAX 32768

enum virtqueue_fault {
	VIRTQUEUE_OK,
	VIRTQUEUE_BAD_INDEX,	 /* avail index more than a ring ahead */
	VIRTQUEUE_BAD_HEAD,	 /* a chain starts or goes on outside the table */
	VIRTQUEUE_BAD_CHAIN,	 /* a chain longer than the ring: a loop */
	VIRTQUEUE_BAD_ADDRESS,	 /* a buffer or table outside the guest's memory */
	VIRTQUEUE_BAD_INDIRECT,	 /* a table of odd size, nested, or with a next flag */
	VIRTQUEUE_BAD_DIRECTION, /* a buffer of the wrong direction */
	VIRTQUEUE_FAULT_N
};

const char *virtqueue_fault_text(enum virtqueue_fault fault);

struct virtqueue {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	const struct guest_memory *mem;
	uint16_t size, mask;
	uint16_t next_avail; /* the next entry of the avail ring to look at */
	uint16_t next_used;  /* the next entry of the used ring to fill; published by flush */
	uint16_t seen_avail; /* the avail index as last read: entries before it are ready */
	uint16_t published;  /* the used index as last published */
	uint16_t notified;   /* the used index up to which the guest was told */
	uint16_t n_peeked;   /* chains of the last peek, their heads below */
	bool event_idx, indirect, mergeable;
	bool armed;
	uint8_t hdr_len;	/* of struct virtio_net_hdr: 10 or 12 */
	_Atomic uint8_t broken; /* enum virtqueue_fault; w: the owner; r: anyone */
	_Atomic int call_fd;	/* w: the control side, old one closed after a grace period */
	uint16_t heads[BURST_MAX];
	uint64_t interrupts; /* calls made */
};

/* Features and addresses come from attach; see virtqueue_attach. */
struct virtqueue_params {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	const struct guest_memory *mem; /* outlives the ring's attachment */
	uint16_t size;			/* a power of two, up to VIRTQUEUE_SIZE_MAX */
	uint16_t next_avail, next_used;
	bool event_idx, indirect, mergeable, version_1;
	int call_fd; /* -1: the guest polls; stays the caller's */
};

/* Starts on a ring at the given indices, with notifications from the guest turned off. */
void virtqueue_attach(struct virtqueue *vq, const struct virtqueue_params *params);

/*
 * Guest to switch: fills `b` with up to `max` chains as frames. Unreadable ones have `bad` set.
 * Returns their number. The frames borrow from guest memory until virtqueue_release.
 */
unsigned virtqueue_peek(struct virtqueue *vq, struct burst *b, unsigned max);

/*
 * Gives the first `n` chains of the last peek back to the guest, in order. The interrupt that it
 * may want for them is left to virtqueue_notify, a little later, unless a quarter of the ring has
 * come together: a guest that goes on sending finds its buffers by itself and is spared it.
 */
void virtqueue_release(struct virtqueue *vq, unsigned n);

/* Interrupts the guest if it wants to know of what was published since it was last told. */
void virtqueue_notify(struct virtqueue *vq);

/* Used entries that the guest was not told of. */
static inline uint16_t virtqueue_unnotified(const struct virtqueue *vq)
{
	return (uint16_t)(vq->published - vq->notified);
}

enum virtqueue_put {
	VIRTQUEUE_PUT_DONE,
	VIRTQUEUE_PUT_NO_ROOM, /* not enough buffers posted now; nothing was taken */
	VIRTQUEUE_PUT_NO_FIT, /* this frame can never fit this guest's buffers; nothing was taken */
	VIRTQUEUE_PUT_BROKEN,
};

/* Switch to guest: copies the slice into buffers that the guest posted. Flush makes it visible. */
enum virtqueue_put virtqueue_put(struct virtqueue *vq, const struct slice *s);
void virtqueue_flush(struct virtqueue *vq);

/* Brings the next `n` posted buffers towards this core, ahead of as many puts. */
void virtqueue_prefetch(struct virtqueue *vq, unsigned n);

/*
 * Undoes what was put since `mark` (from virtqueue_mark) and not flushed: for frames that became
 * several slices of which one found no room.
 */
struct virtqueue_mark {
	uint16_t next_avail, next_used;
};
struct virtqueue_mark virtqueue_mark(const struct virtqueue *vq);
void virtqueue_rewind(struct virtqueue *vq, struct virtqueue_mark mark);

/* Asks for a kick when the guest adds buffers. Returns true when it already has. */
bool virtqueue_arm(struct virtqueue *vq);
void virtqueue_disarm(struct virtqueue *vq);

/* Buffers that the guest has posted and we have not taken. */
uint16_t virtqueue_posted(const struct virtqueue *vq);

#endif
