/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "perf/gen/tsc.h"

#define QUIET_MS	 20
#define DRAIN_MS_MAX	 1000
#define LEARN_MS_MAX	 10000
#define PASSES_A_CHECK	 1024
#define PASSES_A_SILENT	 64 /* silent ports hold what was flooded, at most: it can wait */
#define PAUSE_TICKS	 200
#define TSO_RX_BUF_BYTES 4096
#define ROUND_SLEEP_NS	 500000
#define ROUND_MS_MAX	 2000

struct totals {
	uint64_t tsc, idle_tsc, sent, received, received_bytes;
};

void run_options_init(struct run_options *o)
{
	*o = (struct run_options){
		.frame = {.bytes = 64},
		.n_stations = {1, 1},
		.ring_size = 1024,
		.batch = 64,
		.n_pairs = 1,
		.n_flows = 1,
		.pick = {PICK_RANDOM, 1},
		.warmup_s = 1,
		.measure_s = 5,
		.wait_ms = 10000,
	};
}

static uint64_t wanted_features(const struct run_options *o, const struct run_port_options *p)
{
	uint64_t f = DRIVER_FEATURES_BASIC | o->features;

	if (o->frame.mix == FRAME_TSO)
		f |= DRIVER_FEATURES_TSO;
	if (p->no_tso || p->no_csum)
		f &= ~(DRIVER_F(VIRTIO_NET_F_GUEST_TSO4) | DRIVER_F(VIRTIO_NET_F_GUEST_TSO6));
	if (p->no_csum)
		f &= ~DRIVER_F(VIRTIO_NET_F_GUEST_CSUM);
	return f & ~DRIVER_F(VIRTIO_RING_F_EVENT_IDX);
}

/* Slots follow each other closely, so that the ring spreads over the sets of the caches. */
static uint32_t slot_bytes(uint32_t frame_bytes)
{
	return (frame_bytes + (uint32_t)sizeof(struct virtio_net_hdr_mrg_rxbuf) + 63) & ~63u;
}

static int port_init(struct run *r, unsigned i, struct err *e)
{
	struct run_port *p = &r->ports[i];
	struct driver_options d;
	bool tso = r->o.frame.mix == FRAME_TSO;
	int ret;

	driver_options_init(&d);
	d.features = wanted_features(&r->o, &r->o.ports[i]);
	d.direct_only = true;
	d.ring_size = r->o.ring_size;
	d.n_pairs = r->o.n_pairs;
	d.huge = r->o.huge;
	d.tx_slot_bytes = slot_bytes(r->o.frame.bytes);
	d.rx_buf_bytes = tso ? TSO_RX_BUF_BYTES : MAX_OF(slot_bytes(r->o.frame.bytes), 256u);
	d.extra_bytes = stream_extra_bytes(&r->streams, d.tx_slot_bytes) * d.n_pairs;
	ret = driver_init(&p->driver, &d, e);
	if (ret)
		return ret;
	p->driver.frontend.timeout_ms = r->o.wait_ms;
	p->tx = calloc(d.n_pairs, sizeof(*p->tx));
	p->rx = calloc(d.n_pairs, sizeof(*p->rx));
	return p->tx && p->rx ? 0 : err_set(e, ENOMEM, "out of memory");
}

int run_init(struct run *r, const struct run_options *o, struct err *e)
{
	int ret = 0;

	*r = (struct run){.o = *o, .tsc_hz = tsc_measure_hz()};
	r->ports = calloc(o->n_ports, sizeof(*r->ports));
	r->latency = o->latency_every ? hist_create() : NULL;
	r->pattern = malloc(FRAME_PATTERN_MAX);
	if (!r->ports || !r->pattern || (o->latency_every && !r->latency))
		return err_set(e, ENOMEM, "out of memory");
	for (unsigned i = 0; i < o->n_ports; i++)
		if (o->ports[i].sends || o->ports[i].receives)
			r->busy[r->n_busy++] = i;
	frame_pattern_fill(r->pattern);
	r->streams = (struct stream_options){
		.frame = o->frame,
		.batch = o->batch,
		.touch = o->touch,
		.pick = o->pick,
		.n_flows = o->n_flows,
		.route = o->route,
		.eager = o->rounds,
		.pattern = r->pattern,
		.verify_every = o->verify_every,
		.latency_every = o->latency_every,
		.rate_pps = o->rate_pps,
		.tsc_hz = r->tsc_hz,
		.latency = r->latency,
	};
	for (unsigned i = 0; i < o->n_ports; i++)
		frontend_init(&r->ports[i].driver.frontend);
	for (unsigned i = 0; !ret && i < o->n_ports; i++)
		ret = port_init(r, i, e);
	return ret;
}

void run_fini(struct run *r)
{
	if (r->has_ideal)
		ideal_stop(&r->ideal);
	for (unsigned i = 0; r->ports && i < r->o.n_ports; i++) {
		struct run_port *p = &r->ports[i];

		for (unsigned k = 0; k < p->n_streams; k++)
			stream_tx_fini(&p->tx[k]);
		free(p->tx);
		free(p->rx);
		driver_fini(&p->driver);
	}
	free(r->ports);
	hist_destroy(r->latency);
	free(r->pattern);
	*r = (struct run){0};
}

/* The n-th receiving port from port `from` on, round and round; `from` when there is none. */
static unsigned receiver_from(const struct run_options *o, unsigned from, unsigned n)
{
	unsigned n_receivers = 0, found = 0;

	for (unsigned i = 0; i < o->n_ports; i++)
		n_receivers += o->ports[i].receives;
	for (unsigned k = 0; n_receivers && k < o->n_ports; k++) {
		unsigned i = (from + k) % o->n_ports;

		if (o->ports[i].receives && found++ == n % n_receivers)
			return i;
	}
	return from;
}

/* Where port `i` sends to: one that receives as well, to the next; the others, in turn. Never `i`.
 */
static unsigned peer_of(const struct run_options *o, unsigned i)
{
	unsigned rank = 0, next;

	if (o->ports[i].receives) {
		next = receiver_from(o, i + 1, 0);
		return next != i ? next : (i + 1) % o->n_ports;
	}
	for (unsigned k = 0; k < i; k++)
		rank += o->ports[k].sends && !o->ports[k].receives;
	return receiver_from(o, 0, rank);
}

static bool is_segmented(const struct run_options *o, unsigned i)
{
	const struct run_port_options *to = &o->ports[peer_of(o, i)];

	return o->frame.mix == FRAME_TSO && o->ports[i].sends && (to->no_tso || to->no_csum);
}

bool run_is_segmented(const struct run_options *o)
{
	for (unsigned i = 0; i < o->n_ports; i++)
		if (is_segmented(o, i))
			return true;
	return false;
}

static int port_streams(struct run *r, unsigned i, unsigned n_streams, struct err *e)
{
	struct run_port *p = &r->ports[i];
	unsigned peer = peer_of(&r->o, i);

	if (!r->o.ports[i].sends && !r->o.ports[i].receives)
		return 0;
	for (unsigned k = 0; k < n_streams; k++) {
		struct stream_peers peers = {
			.number = (uint16_t)(i * r->o.n_pairs + k),
			.src_port = i,
			.dst_port = peer,
			.n_src = r->o.n_stations[i & 1],
			.n_dst = r->o.n_stations[peer & 1],
		};
		int ret = stream_tx_init(&p->tx[k], &p->driver, k, &r->streams, &peers, e);

		if (ret)
			return ret;
		stream_rx_init(&p->rx[k], &p->driver, k, &r->streams);
		p->n_streams++;
	}
	return 0;
}

static int check_offloads(const struct run *r, const struct driver *d, const char *path,
			  struct err *e)
{
	if (r->o.frame.mix != FRAME_TSO)
		return 0;
	if (!driver_has(d, VIRTIO_NET_F_HOST_TSO4) || !driver_has(d, VIRTIO_NET_F_CSUM))
		return err_set(
			e, ENOTSUP,
			"the backend at %s offers no TSO: turn it on there, or use --size 1514",
			path);
	if (!driver_has(d, VIRTIO_NET_F_MRG_RXBUF))
		return err_set(e, ENOTSUP,
			       "the backend at %s has no mergeable buffers: use --size 1514", path);
	return 0;
}

static int attach_port(struct run *r, unsigned i, struct err *e)
{
	const struct run_port_options *o = &r->o.ports[i];
	struct driver *d = &r->ports[i].driver;
	int ret = o->server ? driver_accept(d, o->path, r->o.wait_ms, e)
			    : driver_connect(d, o->path, r->o.wait_ms, e);

	if (!ret)
		ret = driver_start(d, e);
	if (!ret)
		ret = check_offloads(r, d, o->path, e);
	return ret ? ret : port_streams(r, i, d->n_pairs_started, e);
}

int run_attach(struct run *r, struct err *e)
{
	int ret = 0;

	for (unsigned i = 0; !ret && i < r->o.n_ports; i++)
		if (r->o.ports[i].server)
			ret = frontend_listen(&r->ports[i].driver.frontend, r->o.ports[i].path, e);
	for (unsigned i = 0; !ret && i < r->o.n_ports; i++)
		ret = attach_port(r, i, e);
	return ret;
}

int run_attach_ideal(struct run *r, struct err *e)
{
	int ret = 0;

	for (unsigned i = 0; !ret && i < r->o.n_ports; i++) {
		driver_start_alone(&r->ports[i].driver);
		ret = port_streams(r, i, r->o.n_pairs, e);
	}
	for (unsigned i = 0; !ret && i < r->o.n_ports; i++) {
		struct driver *from = &r->ports[i].driver;
		struct driver *to = &r->ports[peer_of(&r->o, i)].driver;

		for (unsigned k = 0;
		     r->o.ports[i].sends && k < r->o.n_pairs && r->ideal.n_paths < IDEAL_PATHS_MAX;
		     k++)
			r->ideal.paths[r->ideal.n_paths++] = (struct ideal_path){
				.from = &driver_tx_queue(from, k)->vq,
				.to = &driver_rx_queue(to, k)->vq,
				.rx_buf_bytes = to->o.rx_buf_bytes,
				.frame_bytes_max = r->o.frame.bytes + from->hdr_bytes,
				.copies = r->o.verify_every || r->o.latency_every,
			};
	}
	if (!ret)
		ret = ideal_start(&r->ideal, e);
	r->has_ideal = !ret;
	return ret;
}

static void pause_a_little(struct run *r, uint64_t since)
{
	while (tsc_now() - since < PAUSE_TICKS)
		_mm_pause();
	r->idle_tsc += tsc_now() - since;
}

static inline unsigned visit_port(struct run *r, unsigned i, uint64_t now, bool send)
{
	struct run_port *p = &r->ports[i];
	unsigned n = 0;

	for (unsigned k = 0; k < p->n_streams; k++) {
		if (send && r->o.ports[i].sends)
			n += stream_tx_burst(&p->tx[k], now);
		n += stream_rx_burst(&p->rx[k], now);
	}
	return n;
}

static unsigned pass(struct run *r, uint64_t now, bool send)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->o.n_ports; i++)
		n += visit_port(r, i, now, send);
	return n;
}

/* The ports that send or receive: 62 silent ones would cost the generator more than its frames. */
static unsigned pass_busy(struct run *r, uint64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_busy; i++)
		n += visit_port(r, r->busy[i], now, true);
	return n;
}

static int check_port(const struct run *r, unsigned i, struct err *e)
{
	const struct run_port *p = &r->ports[i];

	for (unsigned k = 0; k < p->n_streams; k++)
		if (p->tx[k].ring.broken || p->rx[k].ring.broken)
			return err_set(e, EPROTO,
				       "port %u: the backend used a buffer that it did not have",
				       i);
	if (!r->has_ideal && !frontend_is_alive(&p->driver.frontend))
		return err_set(e, EPIPE, "port %u: the backend at %s went away: see its log", i,
			       r->o.ports[i].path);
	return 0;
}

/* One port a call, in turns: a system call for each of many would show in the rate. */
static int check_next_port(struct run *r, struct err *e)
{
	r->checked = (r->checked + 1) % r->o.n_ports;
	return check_port(r, r->checked, e);
}

static void settle(struct run *r, uint64_t now)
{
	for (unsigned i = 0; i < r->o.n_ports; i++)
		for (unsigned k = 0; k < r->ports[i].n_streams; k++)
			stream_tx_settle(&r->ports[i].tx[k], now);
}

static void poll_for_a_while(struct run *r)
{
	for (unsigned i = 0; i < PASSES_A_CHECK; i++) {
		uint64_t now = tsc_now();

		if (!(i % PASSES_A_SILENT ? pass_busy(r, now) : pass(r, now, true)))
			pause_a_little(r, now);
	}
}

static bool is_sending(const struct run *r)
{
	for (unsigned i = 0; i < r->o.n_ports; i++)
		for (unsigned k = 0; k < r->ports[i].n_streams; k++)
			if (stream_tx_is_busy(&r->ports[i].tx[k]))
				return true;
	return false;
}

static void fill_all(struct run *r, uint64_t now)
{
	for (unsigned i = 0; i < r->o.n_ports; i++)
		for (unsigned k = 0; r->o.ports[i].sends && k < r->ports[i].n_streams; k++)
			stream_tx_fill(&r->ports[i].tx[k], now);
}

/* All rings are full before the first kick, so that the workers begin together. */
static int round_of_all(struct run *r, struct err *e)
{
	const struct timespec pause = {0, ROUND_SLEEP_NS};
	uint64_t end_ms = clock_now_ms() + ROUND_MS_MAX, start = tsc_now();

	fill_all(r, start);
	settle(r, tsc_now());
	do {
		if (clock_now_ms() > end_ms)
			return err_set(e, ETIMEDOUT, "the switch did not empty the rings in %d ms",
				       ROUND_MS_MAX);
		nanosleep(&pause, NULL);
	} while (is_sending(r));
	r->idle_tsc += tsc_now() - start;
	while (pass(r, tsc_now(), false))
		;
	return 0;
}

static int traffic(struct run *r, double seconds, const volatile int *interrupted, struct err *e)
{
	uint64_t end = tsc_now() + (uint64_t)(seconds * r->tsc_hz);
	int ret;

	do {
		ret = check_next_port(r, e);
		if (!ret && r->o.rounds)
			ret = round_of_all(r, e);
		else if (!ret)
			poll_for_a_while(r);
	} while (!ret && tsc_now() < end && !*interrupted);
	return ret;
}

/* Receives until nothing came for QUIET_MS. */
static void drain(struct run *r)
{
	uint64_t quiet_ms = clock_now_ms() + QUIET_MS;
	uint64_t end_ms = clock_now_ms() + DRAIN_MS_MAX;

	while (clock_now_ms() < MIN_OF(quiet_ms, end_ms)) {
		uint64_t now = tsc_now();

		settle(r, now);
		if (pass(r, now, false))
			quiet_ms = clock_now_ms() + QUIET_MS;
		else
			pause_a_little(r, now);
	}
}

/* Every station of every port sends one frame. */
static int learn_once(struct run *r, const volatile int *interrupted, struct err *e)
{
	uint64_t end_ms = clock_now_ms() + LEARN_MS_MAX;

	for (unsigned i = 0; i < r->o.n_ports; i++) {
		struct run_port *p = &r->ports[i];
		unsigned k = 0;

		while (p->n_streams && k < r->o.n_stations[i & 1] && !*interrupted) {
			uint64_t now = tsc_now();
			int ret = check_next_port(r, e);

			if (ret)
				return ret;
			if (clock_now_ms() > end_ms)
				return err_set(e, ETIMEDOUT, "port %u: the backend takes no frames",
					       i);
			if (!stream_tx_learn(&p->tx[0], now, &k) + !pass(r, now, false) == 2)
				pause_a_little(r, now);
		}
	}
	drain(r);
	return 0;
}

static uint64_t received(const struct run *r)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < r->o.n_ports; i++)
		for (unsigned k = 0; k < r->ports[i].n_streams; k++)
			n += r->o.ports[i].receives ? r->ports[i].rx[k].frames : 0;
	return n;
}

/*
 * Until the first frame comes through, a switch may still be setting its ports up. An ideal backend
 * has nothing to learn.
 */
static int learn(struct run *r, const volatile int *interrupted, struct err *e)
{
	uint64_t end_ms = clock_now_ms() + (uint64_t)r->o.wait_ms;
	int ret;

	if (r->has_ideal)
		return 0;
	do {
		ret = learn_once(r, interrupted, e);
		if (!ret && !received(r) && clock_now_ms() > end_ms)
			ret = err_set(
				e, ETIMEDOUT,
				"no frame came through in %d ms: are the ports on one bridge?",
				r->o.wait_ms);
	} while (!ret && !received(r) && !*interrupted);
	return ret ? ret : learn_once(r, interrupted, e);
}

static void forget_counts(struct run *r)
{
	for (unsigned i = 0; i < r->o.n_ports; i++)
		for (unsigned k = 0; k < r->ports[i].n_streams; k++) {
			struct stream_rx *s = &r->ports[i].rx[k];

			s->frames = s->bytes = 0;
			s->check.lost = s->check.late = 0;
			s->check.corrupt = s->check.unstamped = 0;
			memset(s->check.next_seq, 0, sizeof(s->check.next_seq));
		}
	if (r->latency)
		hist_reset(r->latency);
}

static struct totals take_totals(const struct run *r)
{
	struct totals t = {.tsc = tsc_now(), .idle_tsc = r->idle_tsc};

	for (unsigned i = 0; i < r->o.n_ports; i++)
		for (unsigned k = 0; k < r->ports[i].n_streams; k++) {
			t.sent += stream_tx_taken(&r->ports[i].tx[k]);
			t.received += r->ports[i].rx[k].frames;
			t.received_bytes += r->ports[i].rx[k].bytes;
		}
	return t;
}

static void sum_checks(const struct run *r, struct run_result *res)
{
	for (unsigned i = 0; i < r->o.n_ports; i++) {
		const struct run_port *p = &r->ports[i];

		res->huge |= p->driver.mem.huge;
		for (unsigned k = 0; k < p->n_streams; k++) {
			const struct stream_rx *s = &p->rx[k];

			res->sent_bytes += p->tx[k].bytes;
			res->received_bytes += s->bytes;
			res->seq_lost += s->check.lost;
			res->seq_late += s->check.late;
			res->corrupt += s->check.corrupt;
			res->unstamped += s->check.unstamped;
			res->kicks += p->tx[k].ring.vq->n_kicks + s->ring.vq->n_kicks;
		}
	}
}

/* Bytes that were to arrive: what was sent, and a header for each segment beyond the first. */
static double expected_bytes(const struct run *r)
{
	double extra = (double)(frame_segments(&r->o.frame) - 1) * FRAME_TCP_HEADERS, sum = 0;

	for (unsigned i = 0; i < r->o.n_ports; i++)
		for (unsigned k = 0; k < r->ports[i].n_streams; k++) {
			const struct stream_tx *s = &r->ports[i].tx[k];

			sum += (double)s->bytes;
			if (is_segmented(&r->o, i))
				sum += (double)s->frames * extra;
		}
	return sum;
}

static double loss_of(const struct run *r, const struct run_result *res)
{
	bool tso = r->o.frame.mix == FRAME_TSO;
	double sent = tso ? expected_bytes(r) : (double)res->sent;
	double received = (double)(tso ? res->received_bytes : res->received);

	return sent > received ? (sent - received) / sent : 0;
}

int run_measure(struct run *r, const volatile int *interrupted, struct run_result *res,
		struct err *e)
{
	struct totals a, b, end;
	double ticks;
	int ret = learn(r, interrupted, e);

	*res = (struct run_result){0};
	forget_counts(r);
	if (!ret)
		ret = traffic(r, r->o.warmup_s, interrupted, e);
	if (ret)
		return ret;
	if (r->latency)
		hist_reset(r->latency);
	a = take_totals(r);
	ret = traffic(r, r->o.measure_s, interrupted, e);
	b = take_totals(r);
	if (ret)
		return ret;
	drain(r);
	end = take_totals(r);
	ticks = (double)(b.tsc - a.tsc);
	res->seconds = ticks / r->tsc_hz;
	res->tx_pps = (double)(b.sent - a.sent) / res->seconds;
	res->rx_pps = (double)(b.received - a.received) / res->seconds;
	res->rx_bps = (double)(b.received_bytes - a.received_bytes) * 8 / res->seconds;
	res->busy = 1 - (double)(b.idle_tsc - a.idle_tsc) / ticks;
	res->sent = end.sent;
	res->received = end.received;
	sum_checks(r, res);
	res->loss = loss_of(r, res);
	return 0;
}
