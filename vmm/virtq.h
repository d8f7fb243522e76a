/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_VIRTQ_H
#define VMM_VIRTQ_H

/*
 * The device's side of a virtqueue, split or packed (VIRTIO 1.2, 2.7 and 2.8), for the devices that
 * weft-vmm serves itself. The driver is hostile: descriptors are read once, addresses translated
 * with their length, a chain is at most as long as its table, and what breaks a rule breaks the
 * queue for good.
 *
 * A queue belongs to one thread at a time.
 */

#include <sys/uio.h>

#include "vmm/state.h"
#include "vmm/virtio.h"

#define VIRTQ_IOV_MAX 256

struct virtq {
	const struct memory *mem;
	uint16_t size;
	/* split: indices that only grow; packed: places in the ring, with the lap in the top bit */
	uint16_t next_avail, next_used;
	uint16_t unpopped; /* next_avail before the chain popped last */
	bool packed, event_idx, broken;
	int call_fd; /* -1: nobody wants to be told */
	union {
		struct vring_desc *desc;
		struct vring_packed_desc *ring;
	};
	union {
		struct vring_avail *avail;
		struct vring_packed_desc_event *driver;
	};
	union {
		struct vring_used *used;
		struct vring_packed_desc_event *device;
	};
};

/* Buffers to be read first, then those to be written; what is chained otherwise is refused. */
struct virtq_chain {
	uint16_t id;	 /* by which it is given back */
	uint16_t n_desc; /* entries of the ring */
	unsigned n_out, n_in;
	uint64_t out_bytes, in_bytes;
	struct iovec iov[VIRTQ_IOV_MAX];
};

/* Takes over queue `q` of a device that starts. -EFAULT: it does not lie in the guest's memory. */
int virtq_start(struct virtq *vq, const struct virtio *d, unsigned q);

/* 1 and the next chain, 0 when there is none, -EPROTO when the queue is broken. */
int virtq_pop(struct virtq *vq, struct virtq_chain *c);
/* Puts back the chain popped last, which will come again. */
void virtq_unpop(struct virtq *vq);
/* Gives a chain back with `written` bytes in it, and interrupts if the driver wants that. */
void virtq_push(struct virtq *vq, const struct virtq_chain *c, uint32_t written);
/*
 * Asks for a kick when there is more. True: something is there already, which may not be kicked
 * for.
 */
bool virtq_arm(struct virtq *vq);

/* Copies between a chain's buffers, from `offset` of them on; returns how many bytes there were. */
size_t virtq_read(const struct virtq_chain *c, size_t offset, void *to, size_t len);
size_t virtq_write(const struct virtq_chain *c, size_t offset, const void *from, size_t len);

/* Where the device stands in a queue, in a machine's state; nothing of one that is not enabled. */
void virtq_save(const struct virtq *vq, const struct virtio *d, unsigned q, struct state_writer *w);
/* As virtq_start, but goes on where that was. 0, or -errno with the reason. */
int virtq_load(struct virtq *vq, const struct virtio *d, unsigned q, struct state_reader *r,
	       struct err *e);

#endif
