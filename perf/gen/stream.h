/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_STREAM_H
#define GEN_STREAM_H

/*
 * The generator's fast path: one sending or receiving virtqueue whose buffers are prepared once and
 * go round for ever. It takes a started driver's queue over; the driver's own tx and rx calls must
 * not be used on it afterwards.
 *
 * Descriptor i always describes slot i, header and frame in one. The available ring is filled once:
 * to send again is to move `avail->idx` on. What the backend used as entry u becomes available
 * again as entry u + size, in the same place of the ring; only when a backend completes out of
 * order must that place be written. So sending a burst costs one store, plus what the frames
 * themselves need: nothing, or 12 bytes of addresses, or a stamp.
 *
 * Politeness: the backend's index is looked at again only after a pause when the last look brought
 * less than a burst, since each look takes the cache line away from the core that writes it.
 * Suppression lies beside that index, so whether to kick is decided at the next look, after the
 * fence that perf/gen/virtq.h asks for; a burst waits for its kick at most one pause.
 * VIRTIO_RING_F_EVENT_IDX is not supported here.
 *
 * In a packed ring a descriptor must be written again each time it is sent; which slot it describes
 * is what the backend left in its id.
 *
 * Latency, unless frames are verified as well, is that of probes: now and then a descriptor is
 * lent to a frame apart, one byte shorter than the others, which is how the receiver knows it
 * without reading the others. Sizes that vary, segmented frames and short intervals do not allow
 * that; then every frame is stamped, and the receiver reads every stamp.
 *
 * One thread for all streams. `now` is tsc_now().
 */

#include <stdbool.h>
#include <stdint.h>

#include "perf/gen/check.h"
#include "perf/gen/driver.h"
#include "perf/gen/frame.h"
#include "perf/gen/pick.h"
#include "perf/hist.h"

#define STREAM_SENDERS_MAX CHECK_SENDERS_MAX

/* One side of a virtqueue whose entries go round. */
struct stream_ring {
	struct virtq *vq;
	uint8_t *slots;
	uint32_t slot_bytes, hdr_bytes;
	uint16_t size, mask, batch;
	uint16_t avail; /* what we published */
	uint16_t used;	/* what we took back */
	bool packed;
	const uint32_t *frame_len; /* packed: bytes of the frame in each slot; NULL: it receives */
	bool kick_pending;
	bool broken; /* the backend used what was not available: nothing moves any more */
	uint64_t poll_at, pause_tsc;
};

struct stream_tx {
	struct stream_ring ring;
	struct frame_size frame;
	uint16_t number; /* in stamps */
	bool writes_addresses;
	unsigned src_port, dst_port, n_src, n_dst; /* stations to choose from */
	struct pick pick;
	struct frame_route route;
	uint64_t fresh;		/* flows begun */
	uint32_t *route_sum;	/* by slot */
	unsigned latency_every; /* frames; 0: off */
	bool stamps;		/* every frame is */
	uint64_t seq;
	double rate_per_tsc;		/* 0: as fast as the backend takes them */
	uint64_t rate_start, rate_sent; /* sent or forgone since then */
	uint32_t *slot_len;		/* frame bytes, by slot */
	uint64_t frames, bytes;		/* handed to the backend */

	uint8_t *probe;		   /* header and frame; NULL: there are none */
	uint64_t probe_at;	   /* the number of frames at which the next one goes out */
	int32_t probe_slot;	   /* whose descriptor is lent; -1: none */
	struct vring_desc lent_to; /* what it was */
};

struct stream_rx {
	struct stream_ring ring;
	bool one_buffer;     /* a frame never takes two: headers need not be read */
	bool stamped;	     /* read and check stamps */
	uint32_t probe_used; /* bytes in the used ring that tell a probe; 0: there are none */
	struct check check;

	uint16_t pieces_left; /* of the frame in hand */
	uint64_t frames, bytes;
};

struct stream_options {
	struct frame_size frame;
	uint16_t batch;
	bool touch; /* write addresses into each frame even when there is one pair */
	struct pick_options pick;
	unsigned n_flows; /* of each sender; 0 is 1 */
	struct frame_route route;
	bool eager; /* look at the rings whenever asked, without a pause */
	unsigned verify_every, latency_every;
	double rate_pps; /* of each sender, 0: no limit */
	double tsc_hz;
	struct hist *latency;
	const uint8_t *pattern; /* frame_pattern_fill's; outlives the streams */
};

/* Guest memory that a sender needs beyond its slots: driver_options.extra_bytes. */
size_t stream_extra_bytes(const struct stream_options *o, uint32_t slot_bytes);

/* Where a sender's addresses come from. */
struct stream_peers {
	uint16_t number;
	unsigned src_port, dst_port, n_src, n_dst;
};

/* The queue `pair` of a started `d`; its slots must hold the largest frame. 0 or -errno. */
int stream_tx_init(struct stream_tx *s, struct driver *d, unsigned pair,
		   const struct stream_options *o, const struct stream_peers *p, struct err *e);
void stream_tx_fini(struct stream_tx *s);
void stream_rx_init(struct stream_rx *s, struct driver *d, unsigned pair,
		    const struct stream_options *o);

/* Sends up to a burst. Returns the frames sent. */
unsigned stream_tx_burst(struct stream_tx *s, uint64_t now);
/* Sends up to a burst of frames from station *k on, each from the next station up to n_src. */
unsigned stream_tx_learn(struct stream_tx *s, uint64_t now, unsigned *k);
/* Makes all free slots available at once, without regard to rate and batch. Returns the frames. */
unsigned stream_tx_fill(struct stream_tx *s, uint64_t now);
/* Looks whether the backend wants a kick. For streams that send no more. */
void stream_tx_settle(struct stream_tx *s, uint64_t now);
/* Takes what has arrived. Returns the frames. */
unsigned stream_rx_burst(struct stream_rx *s, uint64_t now);

/* True while the backend has not taken all frames. Reads the ring's index, so not too often. */
bool stream_tx_is_busy(const struct stream_tx *s);
/* Frames that the backend has taken. */
uint64_t stream_tx_taken(const struct stream_tx *s);

#endif
