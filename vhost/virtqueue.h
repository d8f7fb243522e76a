/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_VIRTQUEUE_H
#define VHOST_VIRTQUEUE_H

/*
 * A virtqueue seen from the device: split (VIRTIO 1.2 section 2.7) or packed (2.8), with indirect
 * descriptors, EVENT_IDX, IN_ORDER and any layout of the header; legacy guests too.
 *
 * Two directions, one struct: guest-to-switch rings are peeked and released, switch-to-guest
 * rings are put and flushed. What is the same for both kinds of ring is in virtqueue.c; split.c
 * and packed.c have the rest. How a chain becomes a frame, and a frame goes into chains, exists
 * once (chain.h, chain_read.h, chain_write.h), compiled for each kind.
 *
 * The guest is hostile and runs at the same time. The rules are: each descriptor is read once into
 * local memory; hops are bounded by the ring size and bytes by FRAME_LEN_MAX; every address is
 * translated with its length, so that a buffer that crosses a region's edge becomes two pieces and
 * one outside is an error; an indirect table is a whole number of descriptors in one region, holds
 * no further table and is bounded like a chain. What breaks a rule breaks the ring: `broken` says
 * how, and the ring is not touched again until it is attached anew.
 *
 * Buffers are always used in the order in which they were made available. With IN_ORDER
 * negotiated, the chains of one release are therefore told of by one used entry (2.7.9, 2.8.9).
 *
 * For live migration everything that is written to guest memory is marked in `log`.
 *
 * Not thread safe: a ring belongs to the worker that polls it, or to whoever holds its port's lock.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_ring.h>

#include "dataplane/frame.h"
#include "dataplane/gso.h"
#include "vhost/dirty_log.h"
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
	VIRTQUEUE_BAD_ALIGNMENT, /* of the ring itself */
	VIRTQUEUE_NO_MEMORY,	 /* ours, when the ring was attached */
	VIRTQUEUE_FAULT_N
};

const char *virtqueue_fault_text(enum virtqueue_fault fault);

/* A chain that we are done with: what its used entry says. */
struct virtqueue_used {
	uint32_t len;
	uint16_t id;	 /* head of a split ring's chain, buffer id of a packed ring's */
	uint16_t n_desc; /* entries of the ring that it takes; 1 in a split ring */
};

/*
 * Where the ring stands. Split: free-running indices. Packed: positions in the ring, with the wrap
 * counter in bit 15, as librte_vhost passes them.
 */
struct virtqueue {
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
	const struct guest_memory *mem;
	const struct dirty_log *log; /* NULL: nobody wants to know */
	uint16_t size, mask;
	uint16_t next_avail; /* the next entry of the avail ring to look at */
	uint16_t next_used;  /* the next used entry to fill; split: published by flush */
	uint16_t seen_avail; /* split: the avail index as last read: entries before it are ready */
	uint16_t n_seen;     /* packed: descriptors from next_avail on that are known to be ready */
	uint16_t published;  /* used entries (packed: descriptors) published, free-running */
	uint16_t notified;   /* of them, those that the guest was told of */
	uint16_t n_peeked;   /* chains of the last peek, below */
	bool packed, in_order, event_idx, indirect, mergeable;
	bool armed;
	uint8_t hdr_len;	/* of struct virtio_net_hdr: 10 or 12 */
	_Atomic uint8_t broken; /* enum virtqueue_fault; w: the owner; r: anyone */
	_Atomic int call_fd;	/* w: the control side, old one closed after a grace period */
	union {
		uint16_t heads[BURST_MAX];		 /* split */
		struct virtqueue_used peeked[BURST_MAX]; /* packed */
	};
	struct virtqueue_used *unflushed; /* packed: what was put since the flush; owned */
	uint16_t n_unflushed;
	uint64_t interrupts; /* calls made */
};

/* Features and addresses come from attach; see virtqueue_attach. */
struct virtqueue_params {
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
	const struct guest_memory *mem; /* outlives the ring's attachment */
	const struct dirty_log *log;	/* the same; NULL: off */
	uint16_t size; /* up to VIRTQUEUE_SIZE_MAX; a power of two, unless packed */
	uint16_t next_avail, next_used;
	bool packed, in_order, event_idx, indirect, mergeable, version_1;
	int call_fd; /* -1: the guest polls; stays the caller's */
};

/*
 * Starts on a ring at the given indices, with notifications from the guest turned off. `vq` is
 * zeroed or was attached before. A ring whose areas are not aligned as 2.7 and 2.8.10.1 demand is
 * broken from the start, and so is a packed one when memory is short. Control side.
 */
void virtqueue_attach(struct virtqueue *vq, const struct virtqueue_params *params);
/* Frees what attach took. Does not touch guest memory. */
void virtqueue_fini(struct virtqueue *vq);

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

/* Used entries (packed: descriptors) that the guest was not told of. */
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

enum virtqueue_put split_put(struct virtqueue *vq, const struct slice *s);
enum virtqueue_put packed_put(struct virtqueue *vq, const struct slice *s);

/*
 * Switch to guest: copies the slice into buffers that the guest posted. Flush makes it visible.
 * Inline, since it is called for each frame.
 */
static inline enum virtqueue_put virtqueue_put(struct virtqueue *vq, const struct slice *s)
{
	return vq->packed ? packed_put(vq, s) : split_put(vq, s);
}

/*
 * Puts frames of `mask` that carry no offloads, in order, as many as find one descriptor each: what
 * is usual, without the detours of what is not. Returns those it put; virtqueue_put knows what to
 * do about the one after them.
 */
uint64_t virtqueue_put_plain(struct virtqueue *vq, const struct burst *b, uint64_t mask,
			     const struct offloads *takes);

void virtqueue_flush(struct virtqueue *vq);

/* Brings the next `n` posted buffers towards this core, ahead of as many puts. */
void virtqueue_prefetch(struct virtqueue *vq, unsigned n);

/*
 * Undoes what was put since `mark` (from virtqueue_mark) and not flushed: for frames that became
 * several slices of which one found no room.
 */
struct virtqueue_mark {
	uint16_t next_avail, next_used, n_unflushed;
};
struct virtqueue_mark virtqueue_mark(const struct virtqueue *vq);
void virtqueue_rewind(struct virtqueue *vq, struct virtqueue_mark mark);

/* Asks for a kick when the guest adds buffers. Returns true when it already has. */
bool virtqueue_arm(struct virtqueue *vq);
void virtqueue_disarm(struct virtqueue *vq);

/* Buffers that the guest has posted and we have not taken. For a packed ring they are counted. */
uint16_t virtqueue_posted(const struct virtqueue *vq);

#endif
