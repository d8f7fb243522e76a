/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_CAPTURE_H
#define DATAPLANE_CAPTURE_H

/*
 * Copies of frames for whoever looks on.
 *
 * A capture is a set of ports, what to take of their frames, and one ring of bytes for each worker.
 * A worker that meets a captured port copies the frame into its ring, or counts it as missed when
 * the ring is full; it never waits. The control thread takes the records out again, in the order
 * of their times.
 *
 *   worker 0 --> ring 0 --+
 *   worker 1 --> ring 1 --+--> capture_peek, capture_release (control thread)
 *
 * There is one record for a frame and a port: where it came in, when the stages have decided about
 * it, and at each receiver, when it was given to it or lost. A frame that waits for room is seen
 * once where it came in, and at the receiver when its fate is known. GSO frames and partial
 * checksums are copied as the sender made them, before anything is cut or completed; VLAN tags at
 * a receiver are those that the frame leaves with.
 *
 * Off, a capture point is one branch on a byte of the port, beside what is read anyway.
 *
 * A capture's place in dataplane.captures is published before the first port has its bit set, and
 * withdrawn after the last bit is cleared; its memory goes after a grace period.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "dataplane/port.h"
#include "dataplane/verdict.h"

#define CAPTURES_MAX	   4 /* at a time; bits of port.captures */
#define CAPTURE_RING_BYTES (4u << 20)
#define CAPTURE_FILTER_MAX 4096 /* instructions */

enum capture_direction {
	CAPTURE_IN = 1,	 /* from the port into the switch */
	CAPTURE_OUT = 2, /* from the switch to the port */
	CAPTURE_BOTH = 3,
};

struct bpf_insn;

struct capture_params {
	enum capture_direction directions;
	bool drops_only;
	uint32_t snaplen;	       /* bytes of a frame to copy */
	const struct bpf_insn *filter; /* classic BPF over frame.head; copied */
	unsigned n_filter;	       /* 0: every frame */
};

/* As it lies in a ring. */
struct capture_record {
	uint32_t size; /* bytes to the next record */
	uint32_t len;  /* of the frame */
	uint32_t
		cap_len; /* of it in `bytes`; UINT32_MAX: no frame, the ring goes on at its start */
	uint16_t port;
	uint8_t direction;
	uint8_t reason; /* enum drop_reason */
	uint64_t tsc;
	uint8_t bytes[];
};

struct capture;
struct dataplane;

/*
 * Creates a capture without ports. Returns NULL with the reason in `e`: the filter is no valid
 * program, all places are taken, no memory. Control thread, as all below but the capture points.
 */
struct capture *capture_create(struct dataplane *dp, const struct capture_params *params,
			       struct err *e);
/* Returns when no worker writes to it any more, and frees it. Accepts NULL. */
void capture_destroy(struct capture *c);

/* Adds a reachable port, which takes the capture's mark with it when it goes. */
void capture_add_port(struct capture *c, struct port *p);
bool capture_has_port(const struct capture *c, const struct port *p);
/* No port is captured any more, so that what is left to read is bounded. */
void capture_stop(struct capture *c);

/* The oldest record, borrowed until capture_release; NULL: there is none. */
const struct capture_record *capture_peek(struct capture *c);
void capture_release(struct capture *c, const struct capture_record *r);

/* Frames that found no room in a ring. */
uint64_t capture_missed(const struct capture *c);

/* --- capture points, called by workers ---------------------------------------------------------
 */

static inline bool capture_is_on(const struct port *p)
{
	return unlikely(atomic_load_explicit(&p->captures, memory_order_relaxed));
}

/* The frames of `mask`, that came from `in`, with what the stages decided. */
void capture_input(struct worker *w, const struct port *in, const struct verdicts *v,
		   uint64_t mask);

/*
 * What became of the frames of `mask` at `out`; those in `held` are still on their way. `before`
 * are the worker's counters of the port before it was given them: reasons that only the port knows
 * are told by the difference, of which the first is taken for all of a burst.
 */
void capture_output(struct worker *w, const struct port *out, uint64_t mask, uint64_t held,
		    const struct tx_result *res, const struct port_stats *before);

/* The frames of `mask` were lost at `out` for one reason. */
void capture_lost(struct worker *w, const struct port *out, uint64_t mask, enum drop_reason reason);

#endif
