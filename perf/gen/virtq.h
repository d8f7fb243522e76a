/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_VIRTQ_H
#define GEN_VIRTQ_H

/*
 * A virtqueue from the driver's side, split (virtio 1.2, section 2.7) or packed (2.8, in
 * virtq_packed.c), rings in guest memory.
 *
 * Who writes what: we write descriptors, the available ring and our suppression fields; the backend
 * writes the used ring and its own. In a packed ring both write the descriptors, and the flags of
 * the first one take the place of the index. Four orderings make that safe, and each is argued once
 * here:
 *
 *  - publish: descriptors and ring entries are written before `avail->idx` (release). A backend
 * that sees the index sees what it counts.
 *  - consume: `used->idx` is read (acquire) before the used entries and the buffers that they name.
 *    What the backend wrote before its index is therefore complete when we look.
 *  - kick: a full fence lies between our store of `avail->idx` and our load of the backend's
 *    suppression field, because a store may otherwise still wait in the store buffer when a later
 *    load is done: backend and driver could each see the other asleep. The backend does the mirror
 *    image.
 *  - wait: after callbacks are enabled the same full fence comes before the last look at
 * `used->idx`; an entry that arrives later finds callbacks enabled and signals.
 *
 * Memory of a buffer is ours again when virtq_get returned its cookie; the release of the next
 * publish orders our later writes to it.
 *
 * One thread per virtqueue. The ring pointers are public: tests write wrong values there, and the
 * packet generator has a driver of its own on top of the same rings (perf/gen/stream.h).
 */

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "perf/gen/guestmem.h"

struct virtq {
	struct guestmem *mem;
	uint16_t size; /* a power of two, unless packed */
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
	int kick_fd, call_fd;		  /* eventfds, non-blocking */
	bool packed, in_order, event_idx; /* negotiated: set them before virtq_reset */

	uint16_t avail_idx;  /* next to publish; virtq_publish makes it visible */
	uint16_t kicked_idx; /* avail_idx at the last decision about a kick */
	uint16_t used_idx;   /* next to consume */
	uint16_t free_head, n_free;
	struct virtq_head {
		void *cookie;
		uint16_t n_desc;	   /* of the chain that starts here; 0: not in flight */
		uint16_t next_free, order; /* packed */
	} * heads;
	bool in_batch;	   /* in order: the used entry at used_idx is of a later chain, */
	uint16_t batch_id; /* this one */
	uint16_t publish_at, publish_flags, n_unkicked; /* packed */
	uint64_t n_kicks;
};

/* One piece of a chain, in guest memory. */
struct virtq_buf {
	void *at;
	uint32_t len;
	bool writable; /* by the backend */
};

/* Takes the rings out of `mem`. Returns 0 or -errno. */
int virtq_init(struct virtq *vq, struct guestmem *mem, uint16_t size, struct err *e);
void virtq_fini(struct virtq *vq);

/*
 * Empties the rings, as a driver does before it hands them to a backend again. A size that is no
 * power of two needs a packed ring.
 */
void virtq_reset(struct virtq *vq);

/*
 * Puts a chain of `n` pieces into the available ring; virtq_publish shows it. With `indirect` (room
 * for n descriptors in guest memory, until the chain is used) the chain takes one descriptor.
 * Returns 0, or -ENOSPC when descriptors are short.
 */
int virtq_add(struct virtq *vq, const struct virtq_buf *bufs, unsigned n,
	      struct vring_desc *indirect, void *cookie);

/* Puts descriptor `head` into a split ring's available ring as it stands: for chains made by hand.
 */
void virtq_add_raw(struct virtq *vq, uint16_t head);

void virtq_publish(struct virtq *vq);

/* Publishes, and signals the backend unless it asked not to be. True when it was signalled. */
bool virtq_kick(struct virtq *vq);

/*
 * Takes the next used chain. Returns 1 with its cookie and the bytes that the backend wrote, 0 when
 * there is none, -EPROTO when the backend named a chain that is not in flight.
 */
int virtq_get(struct virtq *vq, void **cookie, uint32_t *len);

/* Used entries that wait for virtq_get; of a packed ring only whether there are any, 0 or 1. */
uint16_t virtq_n_used(const struct virtq *vq);

void virtq_callbacks_off(struct virtq *vq);
/* False: entries are already there, so no callback is to be waited for. */
bool virtq_callbacks_on(struct virtq *vq);

/* Waits for a used entry, with callbacks enabled meanwhile. Returns 0, -ETIMEDOUT or -errno. */
int virtq_wait(struct virtq *vq, int timeout_ms);

#endif
