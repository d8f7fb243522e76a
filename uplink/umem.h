/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_UMEM_H
#define UPLINK_UMEM_H

/*
 * The memory of one AF_XDP socket: chunks of one size, where the kernel puts the frames that it
 * received and where it finds those that are to be sent.
 *
 * Chunks belong to one of two halves for good. Those for receiving go round: fill ring, kernel,
 * receive ring, and back into the fill ring when their frame is done with; there are never more of
 * them than the fill ring has room for. Those for sending lie in `spare`, or are on their way: put
 * into the transmit ring, they come back through the completion ring.
 *
 * The rings and their barriers are libxdp's. The receiving half belongs to the worker of the queue,
 * the sending half to whoever holds its tx_lock.
 */

#include <stdbool.h>
#include <stdint.h>

#include <xdp/xsk.h>

#include "common/err.h"

#define UMEM_RX_CHUNKS 4096u
#define UMEM_TX_CHUNKS 2048u

struct umem {
	struct xsk_umem *xsk;
	uint8_t *area;
	uint32_t chunk_bytes;
	struct xsk_ring_prod fill;
	struct xsk_ring_cons completion;
	uint32_t n_spare;
	uint64_t spare[UMEM_TX_CHUNKS]; /* offsets in `area` */
};

/*
 * Chunks that hold frames of `mtu` and the headers of Ethernet and two tags; 0 when the largest
 * chunk, a page, is too small.
 */
uint32_t umem_chunk_bytes(unsigned mtu);
/* The largest MTU for which there are chunks. */
unsigned umem_mtu_max(void);

/* Returns NULL and the reason in `e`; all chunks for receiving are in the fill ring. Destroy
 * accepts NULL; the socket must be gone. */
struct umem *umem_create(uint32_t chunk_bytes, struct err *e);
void umem_destroy(struct umem *u);

static inline uint8_t *umem_at(const struct umem *u, uint64_t addr)
{
	return u->area + addr;
}

/* The chunk that a received frame's address lies in goes back to the kernel. `n` at a time. */
void umem_refill(struct umem *u, const uint64_t *addrs, unsigned n);

/* Takes chunks back whose frames have been sent. */
void umem_reap(struct umem *u);

#endif
