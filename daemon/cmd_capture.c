/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * capture: frames of ports as a pcapng stream.
 *
 * The call is answered at once, with one end of a pair of sockets. What comes out of it is a whole
 * pcapng file. The client ends the capture by shutting down its direction: it then gets what is
 * left in the rings, the statistics, and the end of the stream. A client that dies, or that goes
 * away in another manner, takes the capture with it.
 *
 * Records are moved from the rings to the socket by a timer, and by the socket when it was full.
 * What the client does not take in time stays in the rings; what then finds no room there is
 * counted as missed. All of it runs in the control thread, a bounded number of bytes at a time.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pcap/pcap.h>
#include <rte_cycles.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/pcapng.h"
#include "common/version.h"
#include "daemon/cmd.h"
#include "dataplane/capture.h"

#define DRAIN_MS     20
#define OUT_BYTES    (512u << 10)
#define OUT_PACKET   (FRAME_LEN_MAX + 512u) /* more than any block takes */
#define DRAIN_ROUNDS 8			    /* of OUT_BYTES each, then others have their turn */
#define END_WAIT_MS  3000 /* for a client that asked for the end and reads no more */

struct watched {
	char name[PORT_NAME_MAX];
	uint64_t captured;
};

struct session {
	LIST_ENTRY(session) link;
	struct weftd *d;
	struct capture *capture;
	struct loop_watch watch;
	struct loop_timer timer;
	uint64_t left; /* packets until the capture ends by itself */
	bool ending, complete;
	uint64_t give_up_ms;
	uint64_t last_ns; /* time of the last packet */
	size_t out_len, out_off;
	uint8_t out[OUT_BYTES];
	uint16_t interface_of[PORTS_MAX]; /* number and 1, by port id; 0: never captured */
	unsigned n_ports;
	struct watched ports[];
};

static void session_destroy(struct session *s)
{
	int fd = s->watch.fd;

	LIST_REMOVE(s, link);
	loop_timer_stop(s->d->loop, &s->timer);
	loop_watch_del(&s->watch);
	if (fd >= 0)
		close(fd);
	capture_destroy(s->capture);
	free(s);
}

void cmd_capture_end_all(struct weftd *d)
{
	while (!LIST_EMPTY(&d->captures))
		session_destroy(LIST_FIRST(&d->captures));
}

/* Ports that came, for the first time or again, are captured from now on. */
static void find_ports(struct session *s)
{
	for (unsigned i = 0; i < s->n_ports && !s->ending; i++) {
		struct vswitch_port *p = vswitch_port_lookup(s->d->vswitch, s->ports[i].name);

		if (!p || capture_has_port(s->capture, p->port))
			continue;
		s->interface_of[p->port->id] = (uint16_t)(i + 1);
		capture_add_port(s->capture, p->port);
	}
}

/* --- from the rings to the socket --------------------------------------------------------------
 */

/*
 * The clock of the packets' cycle counters, set anew for each round so that it does not drift, and
 * held so that it does not go back.
 */
struct epoch {
	uint64_t tsc, real_ns;
	double ns_per_cycle;
};

static struct epoch epoch_now(void)
{
	struct epoch epoch = {.tsc = rte_rdtsc(), .ns_per_cycle = 1e9 / (double)rte_get_tsc_hz()};
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	epoch.real_ns = (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
	return epoch;
}

static uint64_t time_of(struct session *s, const struct epoch *epoch, uint64_t tsc)
{
	double ago = (double)(int64_t)(epoch->tsc - tsc) * epoch->ns_per_cycle;
	uint64_t ns = epoch->real_ns - (uint64_t)(int64_t)ago;

	s->last_ns = MAX_OF(ns, s->last_ns);
	return s->last_ns;
}

static void put_record(struct session *s, const struct epoch *epoch, const struct capture_record *r)
{
	char comment[PCAPNG_COMMENT_MAX + 1] = "";
	enum drop_reason reason = (enum drop_reason)r->reason;
	unsigned interface = s->interface_of[r->port] - 1u;

	if (s->left == 0 || s->interface_of[r->port] == 0)
		return;
	if (reason)
		snprintf(comment, sizeof(comment), "dropped: %s: %s", drop_reason_name(reason),
			 drop_reason_text(reason));
	s->out_len += pcapng_write_packet(
		s->out + s->out_len, OUT_BYTES - s->out_len,
		&(struct pcapng_packet){.interface = interface,
					.time_ns = time_of(s, epoch, r->tsc),
					.cap_len = r->cap_len,
					.len = r->len,
					.data = r->bytes,
					.direction = r->direction == CAPTURE_IN ? PCAPNG_INBOUND
										: PCAPNG_OUTBOUND,
					.comment = comment});
	s->ports[interface].captured++;
	s->left--;
}

static void put_statistics(struct session *s)
{
	struct epoch epoch = epoch_now();
	uint64_t missed = capture_missed(s->capture);

	/* Rings are shared by the ports: what they missed is told once. */
	for (unsigned i = 0; i < s->n_ports; i++)
		s->out_len += pcapng_write_statistics(s->out + s->out_len, OUT_BYTES - s->out_len,
						      i, epoch.real_ns, s->ports[i].captured,
						      i == 0 ? missed : 0);
	s->complete = true;
}

static void end_soon(struct session *s)
{
	if (s->ending)
		return;
	s->ending = true;
	s->give_up_ms = clock_now_ms() + END_WAIT_MS;
	capture_stop(s->capture);
}

/* Fills the buffer. Returns false when there is nothing more to send for now. */
static bool fill(struct session *s, const struct epoch *epoch)
{
	const struct capture_record *r = NULL;

	if (s->out_off == s->out_len)
		s->out_off = s->out_len = 0;
	while (OUT_BYTES - s->out_len >= OUT_PACKET && (r = capture_peek(s->capture))) {
		put_record(s, epoch, r);
		capture_release(s->capture, r);
		if (s->left == 0)
			end_soon(s);
	}
	if (s->ending && !r && !s->complete && OUT_BYTES - s->out_len >= OUT_PACKET)
		put_statistics(s);
	return s->out_off < s->out_len;
}

/* Returns 0, -EAGAIN when the client has to read first, or another -errno when it is gone. */
static int flush(struct session *s)
{
	while (s->out_off < s->out_len) {
		ssize_t n = send(s->watch.fd, s->out + s->out_off, s->out_len - s->out_off,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		s->out_off += (size_t)n;
	}
	return 0;
}

/* Moves what there is; may be the session's end. */
static void drain(struct session *s)
{
	struct epoch epoch = epoch_now();
	int ret = 0;

	for (unsigned i = 0; i < DRAIN_ROUNDS && ret == 0 && fill(s, &epoch); i++)
		ret = flush(s);
	if ((ret < 0 && ret != -EAGAIN) || (s->complete && s->out_off == s->out_len)) {
		session_destroy(s);
		return;
	}
	loop_watch_modify(&s->watch, (s->ending ? 0 : EPOLLIN) | (ret ? EPOLLOUT : 0));
}

static void on_timer(struct loop_timer *t, uint64_t now_ms)
{
	struct session *s = container_of(t, struct session, timer);

	if (s->ending && now_ms >= s->give_up_ms) {
		session_destroy(s);
		return;
	}
	find_ports(s);
	drain(s);
}

static void on_socket(struct loop_watch *w, uint32_t events)
{
	struct session *s = container_of(w, struct session, watch);
	char byte;

	if (events & (EPOLLHUP | EPOLLERR)) {
		session_destroy(s);
		return;
	}
	if (events & EPOLLIN && recv(w->fd, &byte, 1, MSG_DONTWAIT) == 0)
		end_soon(s);
	drain(s);
}

/* --- the call ----------------------------------------------------------------------------------
 */

/* Instructions as numbers, four each: code, jt, jf, k. The caller frees; NULL: none, or refused. */
static struct bpf_insn *filter_param(struct call *call, unsigned *n, bool *refused)
{
	const json_t *list = json_object_get(call_params(call), "filter");
	struct bpf_insn *filter;

	*n = (unsigned)(json_array_size(list) / 4);
	*refused = (list && !json_is_array(list) && !json_is_null(list)) ||
		   json_array_size(list) % 4 || *n > CAPTURE_FILTER_MAX;
	if (*refused || *n == 0)
		return NULL;
	filter = calloc(*n, sizeof(*filter));
	for (unsigned i = 0; filter && i < *n; i++) {
		filter[i].code = (u_short)json_integer_value(json_array_get(list, (size_t)i * 4));
		filter[i].jt = (u_char)json_integer_value(json_array_get(list, (size_t)i * 4 + 1));
		filter[i].jf = (u_char)json_integer_value(json_array_get(list, (size_t)i * 4 + 2));
		filter[i].k =
			(bpf_u_int32)json_integer_value(json_array_get(list, (size_t)i * 4 + 3));
	}
	*refused = !filter;
	return filter;
}

static int direction_param(struct call *call, enum capture_direction *direction)
{
	const char *text = "both";

	if (call_param_string(call, "direction", CALL_OPTIONAL, &text) < 0)
		return -EINVAL;
	if (strcmp(text, "in") == 0)
		*direction = CAPTURE_IN;
	else if (strcmp(text, "out") == 0)
		*direction = CAPTURE_OUT;
	else if (strcmp(text, "both") == 0)
		*direction = CAPTURE_BOTH;
	else {
		call_fail(call, RPC_INVALID_PARAMS, "direction '%s': say in, out or both", text);
		return -EINVAL;
	}
	return 0;
}

static struct session *session_create(struct weftd *d, const char *const *names, unsigned n)
{
	struct session *s = calloc(1, sizeof(*s) + n * sizeof(s->ports[0]));

	if (!s)
		return NULL;
	s->d = d;
	s->left = UINT64_MAX;
	s->watch.fd = -1;
	s->watch.ready = on_socket;
	s->timer.expired = on_timer;
	s->n_ports = n;
	for (unsigned i = 0; i < n; i++)
		snprintf(s->ports[i].name, sizeof(s->ports[i].name), "%s", names[i]);
	LIST_INSERT_HEAD(&d->captures, s, link);
	return s;
}

/* The port that is not there, NULL: all are. */
static const char *missing_port(struct weftd *d, const char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!vswitch_port_lookup(d->vswitch, names[i]))
			return names[i];
	return NULL;
}

/* The stream's head: a section and an interface a port. */
static void put_head(struct session *s, uint32_t snaplen)
{
	char program[PCAPNG_NAME_MAX + 1];

	snprintf(program, sizeof(program), "weftd %s", version_text);
	s->out_len = pcapng_write_section(s->out, OUT_BYTES, program);
	for (unsigned i = 0; i < s->n_ports; i++)
		s->out_len += pcapng_write_interface(s->out + s->out_len, OUT_BYTES - s->out_len,
						     s->ports[i].name, snaplen);
}

/* Returns the client's end of the pair, or -errno. */
static int session_connect(struct session *s)
{
	int pair[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0) {
		ret = -errno;
		goto err_close;
	}
	ret = loop_watch_add(s->d->loop, &s->watch, pair[0], EPOLLIN);
	if (ret < 0)
		goto err_close;
	loop_timer_start(s->d->loop, &s->timer, 1, DRAIN_MS);
	return pair[1];

err_close:
	close(pair[0]);
	close(pair[1]);
	return ret;
}

/* Ends the call in any case. */
static void start(struct call *call, struct weftd *d, const char *const *names, unsigned n,
		  const struct capture_params *params, int64_t count)
{
	struct session *s = session_create(d, names, n);
	struct err e = {0};
	int fd;

	if (!s) {
		call_fail(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	if (count)
		s->left = (uint64_t)count;
	s->capture = capture_create(d->vswitch->dp, params, &e);
	fd = s->capture ? session_connect(s) : -EINVAL;
	if (fd < 0) {
		session_destroy(s);
		call_fail(call, RPC_FAILED, "cannot capture: %s",
			  e.text[0] ? e.text : strerror(-fd));
		return;
	}
	put_head(s, params->snaplen);
	find_ports(s);
	log_info(LOG_CONTROL, "capture begins ports=%u first=%s", n, names[0]);
	call_send_fd(call, fd);
	call_reply(call, json_pack("{s:i}", "ports", n));
}

void cmd_capture(struct call *call, void *ctx)
{
	struct capture_params params = {0};
	int64_t snaplen = FRAME_LEN_MAX, count = 0;
	const char *const *names = NULL;
	struct weftd *d = ctx;
	struct bpf_insn *filter;
	unsigned n = 0;
	bool refused;

	if (call_param_strings(call, "ports", CALL_REQUIRED, &names, &n) < 0 ||
	    direction_param(call, &params.directions) < 0 ||
	    call_param_bool(call, "drops", CALL_OPTIONAL, &params.drops_only) < 0 ||
	    call_param_int(call, "snaplen", CALL_OPTIONAL, 14, FRAME_LEN_MAX, &snaplen) < 0 ||
	    call_param_int(call, "count", CALL_OPTIONAL, 1, INT64_MAX, &count) < 0)
		return;
	if (n == 0 || n >= PORTS_MAX) {
		call_fail(call, RPC_INVALID_PARAMS, "name the ports to capture");
		return;
	}
	if (missing_port(d, names, n)) {
		call_fail(call, RPC_FAILED, "there is no port '%s'; `weft show` names them",
			  missing_port(d, names, n));
		return;
	}
	filter = filter_param(call, &params.n_filter, &refused);
	if (refused) {
		call_fail(call, RPC_INVALID_PARAMS,
			  "filter: give an array of code, jt, jf and k for each instruction");
		return;
	}
	params.filter = filter;
	params.snaplen = (uint32_t)snaplen;
	start(call, d, names, n, &params, count);
	free(filter);
}
