/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_DRIVER_H
#define GEN_DRIVER_H

/*
 * A guest with one virtio-net device, as far as a vhost-user backend can tell: guest memory, a
 * frontend, queue pairs, and a small driver on top that sends and receives frames.
 *
 *   driver_init -> driver_connect | driver_accept -> driver_start -> tx, rx -> driver_stop
 *   driver_disconnect at any moment is the death of the guest; connect and start again after it.
 *
 * A transmitted frame is copied into a slot of guest memory and described in a chosen shape, since
 * what a backend gets wrong is shapes. Receive buffers are posted once and posted again when their
 * frame is released. Everything is public, so that a test can put wrong values anywhere.
 *
 * One thread per driver; two drivers share nothing.
 */

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/err.h"
#include "perf/gen/frontend.h"
#include "perf/gen/guestmem.h"
#include "perf/gen/virtq.h"

#define DRIVER_PAIRS_MAX 16
#define DRIVER_DESCS_MAX 80 /* of one chain that we make or of one received frame */

#define DRIVER_F(name)	 (1ull << (name))

/* What a plain frame needs, and what makes large frames and partial checksums possible. */
#define DRIVER_FEATURES_BASIC (DRIVER_F(VIRTIO_F_VERSION_1) | DRIVER_F(VIRTIO_NET_F_MRG_RXBUF))
#define DRIVER_FEATURES_TSO                                                                        \
	(DRIVER_F(VIRTIO_NET_F_CSUM) | DRIVER_F(VIRTIO_NET_F_GUEST_CSUM) |                         \
	 DRIVER_F(VIRTIO_NET_F_HOST_TSO4) | DRIVER_F(VIRTIO_NET_F_HOST_TSO6) |                     \
	 DRIVER_F(VIRTIO_NET_F_GUEST_TSO4) | DRIVER_F(VIRTIO_NET_F_GUEST_TSO6))

struct driver_options {
	uint64_t features;	/* wanted */
	uint16_t ring_size;	/* 256 */
	unsigned n_pairs;	/* 1 */
	unsigned n_regions;	/* 1 */
	bool huge;		/* 2 MiB pages where some are free */
	uint32_t tx_slot_bytes; /* room for the largest frame with its header, 2048 */
	uint32_t rx_buf_bytes;	/* of one receive buffer with its header, 2048 */
	uint16_t rx_buf_descs;	/* pieces that a receive buffer is cut into, 1 */
	bool direct_only;	/* no frame is described by a table: saves the tables' memory */
	size_t extra_bytes;	/* of guest memory beyond what the queues need, for the caller */
};

/* Defaults as written above, with DRIVER_FEATURES_BASIC. */
void driver_options_init(struct driver_options *o);

struct driver_queue {
	struct virtq vq;
	uint8_t *slots; /* ring_size of them, each slot_bytes */
	uint32_t slot_bytes;
	uint16_t *free_slots; /* a stack of slot numbers; only transmit queues use it */
	uint16_t n_free_slots;
	struct vring_desc
		*tables; /* ring_size indirect tables of DRIVER_DESCS_MAX; transmit only */
};

struct driver {
	struct driver_options o;
	struct frontend frontend;
	struct guestmem mem;
	struct driver_queue *queues; /* 2k receives, 2k+1 transmits */
	unsigned n_queues;
	unsigned n_pairs_started;
	uint32_t hdr_bytes; /* of virtio_net_hdr as negotiated: 12 or 10 */
};

/* Takes guest memory and makes the rings. Returns 0 or -errno. */
int driver_init(struct driver *d, const struct driver_options *o, struct err *e);
void driver_fini(struct driver *d);

/* Connects to a backend that listens at `path`, or waits for one that connects there. */
int driver_connect(struct driver *d, const char *path, int wait_ms, struct err *e);
int driver_accept(struct driver *d, const char *path, int wait_ms, struct err *e);

/* The whole handshake. Receive buffers are posted and the queues run when it returns 0. */
int driver_start(struct driver *d, struct err *e);
/* The same for a backend inside our own process: no messages; what is wanted is agreed. */
void driver_start_alone(struct driver *d);
/* Stops the queues in good order; the connection stays. */
int driver_stop(struct driver *d, struct err *e);
/* Breaks the connection as a killed guest would. A listening socket stays open. */
void driver_disconnect(struct driver *d);

static inline bool driver_has(const struct driver *d, unsigned feature)
{
	return d->frontend.features >> feature & 1;
}

static inline struct driver_queue *driver_rx_queue(struct driver *d, unsigned pair)
{
	return &d->queues[2 * pair];
}

static inline struct driver_queue *driver_tx_queue(struct driver *d, unsigned pair)
{
	return &d->queues[2 * pair + 1];
}

/* How a frame is described to the backend. All zero: header and frame in one descriptor. */
struct driver_shape {
	bool header_apart;    /* the header in a descriptor of its own */
	uint32_t piece_bytes; /* cut the rest into pieces of this size; 0: whole */
	bool indirect;	      /* one descriptor that points to a table */
};

/*
 * Queues one frame of `len` bytes for transmission with `hdr` before it (NULL: no offload asked);
 * visible to the backend after driver_tx_kick. Used chains are reclaimed on the way. Returns 0,
 * -ENOSPC when the ring is full, -EMSGSIZE when the frame fits no slot or needs too many pieces.
 */
int driver_tx(struct driver *d, unsigned pair, const struct virtio_net_hdr_mrg_rxbuf *hdr,
	      const void *frame, uint32_t len, const struct driver_shape *shape);
void driver_tx_kick(struct driver *d, unsigned pair);

/* Takes back what the backend has used. Returns frames taken, or -EPROTO. */
int driver_tx_reclaim(struct driver *d, unsigned pair);
/* Waits until the backend has used everything that was queued. 0, -ETIMEDOUT, -EPROTO, -errno. */
int driver_tx_drain(struct driver *d, unsigned pair, int timeout_ms);

/* A received frame where it lies: iov skips the header. Valid until driver_rx_release. */
struct driver_frame {
	struct virtio_net_hdr_mrg_rxbuf hdr;
	struct iovec iov[DRIVER_DESCS_MAX];
	unsigned n_iov;
	uint32_t len; /* bytes of the frame */
	uint16_t slots[DRIVER_DESCS_MAX];
	unsigned n_slots;
};

/*
 * Takes the next received frame, merged from as many buffers as its header says. Returns 1, 0 when
 * there is none, -EPROTO when used entries contradict the header or our buffers.
 */
int driver_rx(struct driver *d, unsigned pair, struct driver_frame *f);
/* Posts the buffers of `f` again. */
void driver_rx_release(struct driver *d, unsigned pair, const struct driver_frame *f);
/* Waits for a frame and takes it. 1, -ETIMEDOUT, -EPROTO or -errno. */
int driver_rx_wait(struct driver *d, unsigned pair, struct driver_frame *f, int timeout_ms);

/* Copies up to `size` bytes of the frame to `to`; returns how many. */
uint32_t driver_frame_copy(const struct driver_frame *f, void *to, uint32_t size);

#endif
