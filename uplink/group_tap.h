/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_GROUP_TAP_H
#define UPLINK_GROUP_TAP_H

/*
 * Copies of the broadcast and multicast frames that a device gives to the kernel.
 *
 * On a NIC that weft shares with the host, group frames are for both, and an XDP program cannot
 * clone. So the kernel keeps them, and a packet socket gets copies: of what XDP let pass, because
 * packet sockets come after it, natively and generically. The socket's ring is mapped, so that
 * looking at it costs no system call, and frames are borrowed from it as from a UMEM.
 *
 * VLAN tags that the kernel has taken off are put back.
 *
 * One worker looks and releases.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "dataplane/frame.h"

#define GROUP_TAP_SLOTS 256u

struct group_tap {
	int fd; /* readable when frames are there */
	uint8_t *ring;
	uint32_t slot_bytes;
	uint32_t first; /* slot of the oldest frame that is not released */
};

/* For frames of `mtu`. Returns NULL with the reason in `e`. Destroy accepts NULL. */
struct group_tap *group_tap_create(unsigned ifindex, unsigned mtu, struct err *e);
void group_tap_destroy(struct group_tap *t);

bool group_tap_has_frames(const struct group_tap *t);
/* Fills `b` with the oldest frames, up to BURST_MAX; they stay until they are released. */
unsigned group_tap_peek(const struct group_tap *t, struct burst *b);
void group_tap_release(struct group_tap *t, unsigned n);

#endif
