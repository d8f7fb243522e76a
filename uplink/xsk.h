/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_XSK_H
#define UPLINK_XSK_H

/*
 * An AF_XDP socket: the rings of one receive queue of a device, with memory of its own.
 *
 * Received frames are looked at where they lie. xsk_peek shows those at the front of the receive
 * ring without consuming them; their chunks go back to the kernel with xsk_release only. Frames are
 * sent by xsk_room, xsk_put for each slice, and xsk_flush for all of them.
 *
 * The kernel sends when it is called (xsk_kick), in batches; a call that it cuts short has to be
 * made again, which `unkicked` says.
 *
 * Receiving belongs to the worker of the queue, sending to whoever holds the queue's tx_lock.
 */

#include <linux/if_xdp.h>
#include <stdatomic.h>

#include "dataplane/frame.h"
#include "uplink/netdev.h"
#include "uplink/umem.h"

#define XSK_RING 2048u

struct xsk {
	struct umem *umem;
	struct xsk_socket *socket;
	struct xsk_ring_cons rx;
	struct xsk_ring_prod tx;
	int fd;
	bool zero_copy;
	uint32_t n_put;	      /* w, r: under tx_lock: since the last flush */
	atomic_bool unkicked; /* frames lie in the transmit ring that the kernel has not taken */
	uint64_t kicks;	      /* calls that sent; w: under tx_lock; r: anyone */
};

/*
 * Binds a socket to a queue of the device. With `generic` it copies frames; else the kernel copies
 * or not, as the driver can, and `zero_copy` tells. Returns NULL and errno with the reason in `e`.
 */
struct xsk *xsk_create(const struct netdev *d, unsigned queue, bool generic, struct err *e);
/* Accepts NULL. */
void xsk_destroy(struct xsk *x);

/* Fills `b` with the frames at the front, up to BURST_MAX. */
unsigned xsk_peek(struct xsk *x, struct burst *b);
/* The first `n` of them are done with. */
void xsk_release(struct xsk *x, unsigned n);
/* Is there a frame? Asks the driver to go on where it ran out of memory. */
bool xsk_has_frames(struct xsk *x);

/* Whether `n` slices can be put. */
bool xsk_room(struct xsk *x, unsigned n);
/* Copies a slice, whose length a chunk has room for. */
void xsk_put(struct xsk *x, const struct slice *s);
/* Gives the kernel what was put, and tells it if it wants to be told. */
void xsk_flush(struct xsk *x);
void xsk_kick(struct xsk *x);

/* Frames that the kernel dropped because this socket was too slow, or they were too long. */
struct xsk_counts {
	uint64_t rx_dropped, rx_ring_full, rx_no_chunk, tx_invalid;
};
void xsk_counts(const struct xsk *x, struct xsk_counts *counts);

#endif
