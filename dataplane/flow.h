/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_FLOW_H
#define DATAPLANE_FLOW_H

/* The flow of a frame as a number: what chooses a receiver's queue, so that flows stay in order. */

#include <stdint.h>

#include "dataplane/frame.h"

/*
 * A hash of the frame's IP addresses, protocol and ports, the same in both directions; of its
 * Ethernet addresses when it is not IP. Fragments and what has extension headers hash by addresses.
 */
uint32_t flow_hash(const struct frame *f);

/* One of the queues whose bits are set in `enabled`, which is not 0. */
unsigned flow_queue(uint32_t hash, unsigned enabled);

#endif
