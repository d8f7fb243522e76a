/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_RUN_H
#define GEN_RUN_H

/*
 * One measurement: ports are made and started, stations are taught to the switch, traffic warms up,
 * is measured for a while, then stops and drains, so that what is missing is really lost.
 *
 *   run_init -> run_attach (backends) | run_attach_ideal (ourselves) -> run_measure -> run_fini
 *
 * One thread drives all ports, so the generator takes one processor and the switch has the other.
 * It never sleeps while it measures. A port that sends and receives sends to the next receiving one
 * after it, round and round; ports that only send, to the receiving ones in turn. Rates are taken
 * between two snapshots in the middle of the traffic, losses over all of it.
 *
 * `rounds` is another kind of traffic, for machines without a processor to spare: full rings are
 * handed over all at once, the generator sleeps until the switch is through, takes what arrived,
 * and begins again. Rates are meaningless then; the switch counts its own busy cycles.
 */

#include <stdbool.h>
#include <stdint.h>

#include "perf/gen/driver.h"
#include "perf/gen/frame.h"
#include "perf/gen/ideal.h"
#include "perf/gen/stream.h"

#define RUN_PORTS_MAX 128

struct run_port_options {
	const char *path;
	bool server;	      /* we listen, the backend connects */
	bool sends, receives; /* neither: attached and silent */
	bool no_tso, no_csum; /* as a receiver: no large frames; nor partial checksums */
};

struct run_options {
	struct run_port_options ports[RUN_PORTS_MAX];
	unsigned n_ports;
	struct frame_size frame;
	unsigned n_stations[2]; /* of ports with even and with odd numbers */
	struct pick_options pick;
	unsigned n_flows; /* of each sending queue */
	struct frame_route route;
	bool touch;
	bool rounds;
	double rate_pps; /* of each sending queue; 0: no limit */
	unsigned verify_every, latency_every;
	uint64_t features; /* wanted beyond what the frames need */
	uint16_t ring_size, batch;
	unsigned n_pairs;
	bool huge;
	double warmup_s, measure_s;
	int wait_ms; /* for backends */
};

struct run_result {
	double seconds;
	double tx_pps, rx_pps, rx_bps; /* frames and their bits */
	double busy;		       /* share of the time in which the generator had work */
	uint64_t sent, received, sent_bytes, received_bytes; /* warm-up included */
	double loss; /* share of what was sent; of its bytes for TSO */
	uint64_t seq_lost, seq_late, corrupt, unstamped;
	uint64_t kicks;
	bool huge;
};

struct run_port {
	struct driver driver;
	struct stream_tx *tx; /* a stream a pair */
	struct stream_rx *rx;
	unsigned n_streams;
};

struct run {
	struct run_options o;
	struct run_port *ports;
	unsigned busy[RUN_PORTS_MAX]; /* ports that send or receive */
	unsigned n_busy;
	unsigned checked; /* the port last looked after */
	struct stream_options streams;
	struct hist *latency;
	uint8_t *pattern;
	struct ideal ideal;
	bool has_ideal;
	double tsc_hz;
	uint64_t idle_tsc;
};

/* Defaults: 64 bytes, one pair of stations, rings of 1024, one queue pair, 1 s + 5 s. */
void run_options_init(struct run_options *o);

/* False where a port sends to one that does not take what it sends as it is. */
bool run_is_segmented(const struct run_options *o);

/* Allocates; 0 or -errno. run_fini is allowed after a failure of any of these. */
int run_init(struct run *r, const struct run_options *o, struct err *e);
void run_fini(struct run *r);

int run_attach(struct run *r, struct err *e);
int run_attach_ideal(struct run *r, struct err *e);

/* `*interrupted` ends it early: what was measured until then counts. */
int run_measure(struct run *r, const volatile int *interrupted, struct run_result *res,
		struct err *e);

#endif
