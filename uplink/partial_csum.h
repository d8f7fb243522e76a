/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_PARTIAL_CSUM_H
#define UPLINK_PARTIAL_CSUM_H

/*
 * Frames whose checksum was left to a NIC that never came.
 *
 * Devices inside of a host (veth, a bridge's tap) pass a TCP or UDP packet on with the sum of the
 * pseudo-header in its checksum field: who sends it on is to add the rest. XDP hands over the bytes
 * of such a frame and not the mark that says so; a guest that got them as they are would drop them.
 *
 * They can be told by that value. A finished checksum has it too, once in 65536; then it is the
 * checksum of the same packet, so that computing it again gives the same value. What is lost by
 * that is one in 65536 of damaged frames, which nobody detects afterwards; so only frames of
 * devices that have no wire to damage them on are looked at.
 */

#include "dataplane/frame.h"

/*
 * Sets the offload fields of a frame that came without its checksum, as a virtio-net driver would
 * (VIRTIO 1.2, 5.1.6.2), and leaves all others alone. TCP and UDP over IPv4 and IPv6.
 */
void partial_csum_mark(struct frame *f);

#endif
