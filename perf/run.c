/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/run.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "perf/crr.h"
#include "perf/data.h"
#include "perf/payload.h"
#include "perf/rr.h"
#include "perf/stream.h"
#include "perf/udp.h"
#include "perf/wake.h"

#define TAIL_SENDER_NS (100 * NS_PER_MS)
#define TAIL_CLIENT_NS (1 * NS_PER_S) /* for the transaction under way */
#define TAIL_OTHER_NS  (10 * NS_PER_S)
#define PARTING_MS     200

static int (*const loops[][2])(struct run *) = {
	/* client, server */
	[KIND_TCP_STREAM] = {stream_send, stream_receive},
	[KIND_TCP_MAERTS] = {stream_receive, stream_send},
	[KIND_TCP_RR] = {rr_tcp_client, rr_tcp_server},
	[KIND_TCP_CRR] = {crr_client, crr_server},
	[KIND_UDP_STREAM] = {udp_send, udp_receive},
	[KIND_UDP_RR] = {rr_udp_client, rr_udp_server},
};

static void message_sizes(const struct run *r, size_t *tx, size_t *rx)
{
	const struct setup *s = r->setup;

	if (!r->traits->transactions) {
		*tx = s->send_size;
		*rx = s->recv_size;
	} else {
		*tx = r->server ? s->response_size : s->request_size;
		*rx = r->server ? s->request_size : s->response_size;
	}
}

int run_init(struct run *r, const struct setup *s, bool server, struct control *c, int fd,
	     struct outcome *out)
{
	size_t tx, rx;

	memset(r, 0, sizeof(*r));
	memset(out, 0, sizeof(*out));
	r->setup = s;
	r->traits = kind_traits((enum kind)s->kind);
	r->server = server;
	r->control = c;
	r->fd = fd;
	r->out = out;
	digest_init(&r->sent);
	digest_init(&r->received);
	message_sizes(r, &tx, &rx);
	r->tx = payload_create(tx, s->random_fill);
	r->rx = payload_create(rx, false);
	return r->tx && r->rx ? 0 : -ENOMEM;
}

void run_fini(struct run *r)
{
	free(r->tx);
	free(r->rx);
}

static bool is_bulk_sender(const struct run *r)
{
	return !r->traits->transactions && r->server == r->traits->reverse;
}

static uint64_t tail_ns(const struct run *r)
{
	if (is_bulk_sender(r))
		return TAIL_SENDER_NS;
	return r->traits->transactions && !r->server ? TAIL_CLIENT_NS : TAIL_OTHER_NS;
}

static void open_window(struct run *r, uint64_t now)
{
	struct tcpinfo tcp;

	tcpinfo_read(r->fd, &tcp);
	r->window_retransmits = tcp.retransmits;
	cpu_sample_take(&r->cpu);
	r->window_ns = r->sample_ns = now;
	r->window_units = r->sample_units = r->units;
	r->window_messages = r->messages;
	r->phase = RUN_WINDOW;
	r->mark_ns = now + r->setup->interval_ns;
}

static void take_sample(struct run *r, uint64_t now)
{
	struct outcome_sample *s;

	if (r->out->n_samples == OUTCOME_SAMPLES_MAX || now == r->sample_ns)
		return;
	s = &r->out->samples[r->out->n_samples++];
	s->units = r->units - r->sample_units;
	s->length_ns = now - r->sample_ns;
	r->sample_units = r->units;
	r->sample_ns = now;
	if (r->progress)
		r->progress(r, s);
}

static void close_window(struct run *r, uint64_t now)
{
	struct outcome *o = r->out;
	struct cpu_sample cpu;

	cpu_sample_take(&cpu);
	cpu_use_between(&r->cpu, &cpu, &o->cpu);
	if (!r->traits->connects)
		tcpinfo_read(r->fd, &o->tcp);
	o->tcp.retransmits -= MIN_OF(o->tcp.retransmits, r->window_retransmits);
	o->complete = 1;
	o->window_ns = now - r->window_ns;
	o->units = r->units - r->window_units;
	o->messages = r->messages - r->window_messages;
	r->phase = RUN_TAIL;
	r->mark_ns = now + tail_ns(r);
}

static void pass_mark(struct run *r, uint64_t now)
{
	uint64_t passed;

	switch (r->phase) {
	case RUN_WARMUP:
		open_window(r, now);
		break;
	case RUN_WINDOW:
		take_sample(r, now);
		passed = (now - r->window_ns) / r->setup->interval_ns;
		r->mark_ns = r->window_ns + (passed + 1) * r->setup->interval_ns;
		if (passed * r->setup->interval_ns >= r->setup->window_ns)
			close_window(r, now);
		break;
	case RUN_TAIL:
	case RUN_OVER:
		r->phase = RUN_OVER;
		break;
	}
}

static int peer_is_gone(struct run *r)
{
	return err_set(&r->err, ECONNRESET,
		       "the %s closed the connection during the test: was it stopped?",
		       r->server ? "client" : "server");
}

/* Silence is the rule on the control connection. True when there is a reason to stop now. */
static bool control_stops(struct run *r)
{
	switch (control_peek(r->control)) {
	case CONTROL_SILENT:
		return false;
	case CONTROL_NEWS:
		if (r->server)
			return r->traits->udp || r->traits->transactions;
		r->failure = err_set(&r->err, ECONNABORTED, "the server gave up");
		return true;
	case CONTROL_CLOSED:
		break;
	}
	r->failure = peer_is_gone(r);
	return true;
}

enum run_verdict run_turn(struct run *r, uint64_t now)
{
	wake_pending = 0;
	while (r->phase != RUN_OVER && now >= r->mark_ns)
		pass_mark(r, now);
	if (control_stops(r))
		r->phase = RUN_OVER;
	if (r->phase == RUN_OVER)
		return RUN_END;
	wake_in(r->mark_ns - now);
	return RUN_GO;
}

/* Looks for a closed control connection: those of a dying peer do not all close at one instant. */
static bool peer_parted(struct run *r)
{
	control_wait(r->control->fd, POLLIN, clock_now_ns() / NS_PER_MS + PARTING_MS);
	return control_peek(r->control) == CONTROL_CLOSED;
}

int run_interrupted(struct run *r, int error, const char *what)
{
	wake_pending = 1;
	if (error == EINTR || error == EAGAIN)
		return 0;
	if (r->traits->udp && (error == ECONNREFUSED || error == ENOBUFS)) {
		r->out->failed++;
		return 0;
	}
	if (peer_parted(r))
		return peer_is_gone(r);
	return err_set(&r->err, error, "%s: %s", what, strerror(error));
}

/* Clocks drift: an end that is told to stop a little before its window is over has a window. */
static int settle(struct run *r, uint64_t now)
{
	if (r->phase == RUN_OVER && r->out->complete)
		return 0;
	while (r->phase != RUN_OVER && now >= r->mark_ns)
		pass_mark(r, now);
	if (!r->out->complete && r->window_ns &&
	    now - r->window_ns >= r->setup->window_ns / 10 * 9) {
		take_sample(r, now);
		close_window(r, now);
	}
	if (r->out->complete)
		return 0;
	if (peer_parted(r))
		return peer_is_gone(r);
	return err_set(&r->err, ECONNRESET, "the %s ended the test early",
		       r->server ? "client" : "server");
}

static void record_totals(struct run *r)
{
	struct outcome *o = r->out;

	o->units_total = r->units;
	o->sent_bytes_total = r->sent.bytes;
	o->sent_digest = digest_value(&r->sent);
	o->received_bytes_total = r->received.bytes;
	o->received_digest = digest_value(&r->received);
}

int run_execute(struct run *r)
{
	struct timespec ts;
	int ret;

	clock_gettime(CLOCK_REALTIME, &ts);
	r->out->started_ns = (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
	if (r->fd >= 0)
		data_buffers(r->fd, &r->out->sndbuf, &r->out->rcvbuf);
	r->start_ns = clock_now_ns();
	r->mark_ns = r->start_ns + r->setup->warmup_ns;
	ret = wake_init(r->control->fd);
	if (ret < 0)
		return err_set(&r->err, -ret, "cannot set up signals: %s", strerror(-ret));
	ret = loops[r->setup->kind][r->server](r);
	wake_fini(r->control->fd);
	if (ret == 0)
		ret = r->failure;
	if (ret == 0)
		ret = settle(r, clock_now_ns());
	record_totals(r);
	return ret;
}
