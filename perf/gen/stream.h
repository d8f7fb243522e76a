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
 * One thread for all streams. `now` is tsc_now().
 */

#include <stdbool.h>
#include <stdint.h>

#include "perf/gen/driver.h"
#include "perf/gen/frame.h"
#include "perf/hist.h"

#define STREAM_SENDERS_MAX 64

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
	unsigned verify_every, latency_every;	   /* frames; 0: off */
	uint64_t random, seq;
	double rate_per_tsc;		/* 0: as fast as the backend takes them */
	uint64_t rate_start, rate_sent; /* sent or forgone since then */
	uint32_t *slot_len;		/* frame bytes, by slot */
	uint32_t *slot_sum;		/* checksum of what follows the stamp, by slot */
	uint64_t frames, bytes;		/* handed to the backend */
};

struct stream_rx {
	struct stream_ring ring;
	uint32_t stamp_at;
	bool one_buffer; /* a frame never takes two: headers need not be read */
	bool stamped;	 /* read and check stamps */
	unsigned verify_every;
	double ns_per_tsc;
	struct hist *latency; /* shared by the streams of a run, NULL: off */
	uint32_t next_seq[STREAM_SENDERS_MAX];

	uint16_t pieces_left; /* of the frame in hand */
	bool checking;	      /* its sum is being taken */
	uint32_t sum;
	uint64_t frames, bytes;
	uint64_t seq_lost, seq_late, corrupt, unstamped;
};

struct stream_options {
	struct frame_size frame;
	uint16_t batch;
	bool touch; /* write addresses into each frame even when there is one pair */
	unsigned verify_every, latency_every;
	double rate_pps; /* of each sender, 0: no limit */
	double tsc_hz;
	struct hist *latency;
};

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
/* Looks whether the backend wants a kick. For streams that send no more. */
void stream_tx_settle(struct stream_tx *s, uint64_t now);
/* Takes what has arrived. Returns the frames. */
unsigned stream_rx_burst(struct stream_rx *s, uint64_t now);

/* Frames that the backend has taken. */
uint64_t stream_tx_taken(const struct stream_tx *s);

#endif
