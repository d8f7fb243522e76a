/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_ETH_QUEUE_H
#define UPLINK_ETH_QUEUE_H

/*
 * A queue pair of a DPDK ethdev. The receiving half belongs to the worker of the port's queue, the
 * sending half to whoever holds its tx_lock.
 *
 * rte_eth_rx_burst consumes what it returns, so that frames which wait are kept in `window`.
 * rte_eth_tx_burst may take less than it is given; the rest stays in `pending` and goes first the
 * next time.
 */

#include <stdbool.h>

#include <rte_ethdev.h>

#include "dataplane/gso.h"

#define ETH_QUEUE_PENDING 2048u

struct eth_queue {
	uint16_t device, index;
	/* receiving */
	struct rte_mempool *rx_pool;
	struct rte_mbuf *window[BURST_MAX];
	uint16_t n_window;
	uint64_t last_rx_ns;
	/* sending */
	struct rte_mempool *tx_pool;
	uint32_t room_bytes; /* of an mbuf of tx_pool */
	struct rte_mbuf *pending[ETH_QUEUE_PENDING];
	_Atomic uint32_t n_pending; /* w: under tx_lock; r: anyone */
};

/* Fills `b` with the oldest frames that are not released, up to BURST_MAX. */
unsigned eth_queue_peek(struct eth_queue *q, struct burst *b);
void eth_queue_release(struct eth_queue *q, unsigned n);

/* As put_ops.room. */
bool eth_queue_room(struct eth_queue *q, unsigned n, uint32_t bytes);
/* Copies a slice. What it leaves to the receiver is left to the NIC. */
void eth_queue_put(struct eth_queue *q, const struct slice *s);
void eth_queue_flush(struct eth_queue *q);

/* Frees what is in hand; the device is stopped. */
void eth_queue_fini(struct eth_queue *q);

#endif
