/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_CHECK_H
#define GEN_CHECK_H

/*
 * What a receiver finds out about a frame: its latency, whether it comes in order, whether each
 * byte is the one that was sent.
 *
 * A frame is fed in the pieces in which it lies in receive buffers: check_first, check_more for the
 * other pieces, check_last. Addresses and ports are not compared (the sender chooses them frame by
 * frame), all else is: IPv4's checksum and length, the stamp, the payload against the pattern. A
 * TCP segment must also have a complete checksum, unless its virtio header says that it is partial
 * and the receiver agreed to such frames.
 *
 * Order is kept by sender. A gap counts as lost as often as frames are missing, or once when it
 * lies within a segmented frame; what comes after its time counts as late. Frames that are not the
 * generator's (a switch may send of its own) count as unstamped.
 *
 * One thread.
 */

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#include "perf/gen/frame.h"
#include "perf/hist.h"

#define CHECK_SENDERS_MAX 256

struct check {
	const uint8_t *pattern;
	uint32_t tcp_payload; /* of a whole TCP frame */
	unsigned verify_every;
	bool takes_partial; /* checksums: VIRTIO_NET_F_GUEST_CSUM was negotiated */
	bool takes_large;   /* a VIRTIO_NET_F_GUEST_TSO was */
	double ns_per_tsc;
	struct hist *latency;		      /* NULL: off */
	uint32_t next_seq[CHECK_SENDERS_MAX]; /* of TCP: the sequence number */

	const uint8_t *expected; /* what follows of the frame in hand; NULL: not compared */
	uint32_t left;
	bool damaged;

	uint64_t lost, late, corrupt, unstamped;
};

/* The first piece of a frame, `len` bytes from the Ethernet header on, behind `hdr`. */
void check_first(struct check *c, const struct virtio_net_hdr *hdr, const uint8_t *frame,
		 uint32_t len, uint64_t now);
void check_more(struct check *c, const uint8_t *at, uint32_t len);
void check_last(struct check *c);

/* Of a frame that is a latency sample and nothing else. */
void check_probe(struct check *c, const uint8_t *frame, uint32_t len, uint64_t now);

#endif
