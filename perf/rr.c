/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/rr.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/util.h"
#include "perf/data.h"
#include "perf/payload.h"
#include "perf/run.h"
#include "perf/transfer.h"
#include "perf/wake.h"

#define RESEND_NS (200 * NS_PER_MS)

static int exchange(struct run *r, uint64_t now)
{
	int ret = transfer_send(r, r->fd, r->setup->request_size);

	if (ret > 0)
		ret = transfer_receive(r, r->fd, r->setup->response_size);
	if (ret == -ENODATA)
		return err_set(&r->err, ECONNRESET, "the server closed the data connection");
	return ret;
}

/* Runs `transact` (1: done, 0: run over, -errno) to the end of the run, timing each. */
static int repeat(struct run *r, int (*transact)(struct run *, uint64_t now))
{
	uint64_t before = clock_now_ns(), now;

	for (;;) {
		int ret = transact(r, before);

		if (ret <= 0)
			return ret;
		now = clock_now_ns();
		r->units++;
		if (r->phase == RUN_WINDOW)
			hist_record(r->latency, now - before);
		before = now;
		if (wake_pending) {
			if (run_turn(r, now) == RUN_END)
				return 0;
			before = clock_now_ns();
		}
		if (r->phase >= RUN_TAIL)
			return 0;
	}
}

int rr_tcp_client(struct run *r)
{
	return repeat(r, exchange);
}

int rr_tcp_server(struct run *r)
{
	for (;;) {
		int ret;

		if (wake_pending && run_turn(r, clock_now_ns()) == RUN_END)
			return 0;
		ret = transfer_receive(r, r->fd, r->setup->request_size);
		if (ret > 0)
			ret = transfer_send(r, r->fd, r->setup->response_size);
		if (ret <= 0)
			return ret == -ENODATA ? 0 : ret;
		r->units++;
	}
}

/* The part of a message that identifies its request: the low bytes of the number. */
static size_t identity_len(const struct run *r)
{
	size_t len = MIN_OF(r->setup->request_size, r->setup->response_size);

	return MIN_OF(len, (size_t)PAYLOAD_SEQUENCE);
}

static int send_request(struct run *r)
{
	const size_t size = r->setup->request_size;

	for (;;) {
		int ret;

		if (send(r->fd, r->tx, size, MSG_NOSIGNAL) >= 0)
			return 1;
		ret = run_interrupted(r, errno, "cannot send");
		if (ret < 0)
			return ret;
		if (run_turn(r, clock_now_ns()) == RUN_END)
			return 0;
	}
}

static bool is_answer(struct run *r, size_t len)
{
	if (len != r->setup->response_size || memcmp(r->rx, r->tx, identity_len(r)) != 0)
		return false;
	if (!r->setup->verify || payload_intact(r->rx, len))
		return true;
	r->out->corrupt++;
	return false;
}

static void number_request(struct run *r)
{
	size_t len = identity_len(r);
	uint64_t n = r->units;

	for (size_t i = len; i-- > 0; n >>= 8)
		r->tx[i] = (uint8_t)n;
	if (r->setup->verify)
		payload_seal(r->tx, r->setup->request_size);
}

static int exchange_datagrams(struct run *r, uint64_t sent_ns)
{
	int ret;

	number_request(r);
	ret = send_request(r);
	while (ret > 0) {
		ssize_t n = recv(r->fd, r->rx, r->setup->response_size, 0);
		uint64_t now;

		if (n >= 0 && is_answer(r, (size_t)n))
			return 1;
		if (n >= 0)
			continue;
		ret = run_interrupted(r, errno, "cannot receive");
		if (ret < 0)
			return ret;
		now = clock_now_ns();
		if (run_turn(r, now) == RUN_END)
			return 0;
		ret = 1;
		if (now - sent_ns < RESEND_NS)
			continue;
		r->out->resent++;
		sent_ns = now;
		ret = send_request(r);
	}
	return ret;
}

int rr_udp_client(struct run *r)
{
	return repeat(r, exchange_datagrams);
}

static void answer(struct run *r)
{
	const size_t size = r->setup->response_size;

	memcpy(r->tx, r->rx, identity_len(r));
	if (r->setup->verify)
		payload_seal(r->tx, size);
	if (send(r->fd, r->tx, size, MSG_NOSIGNAL) < 0)
		r->out->failed++;
	else
		r->units++;
}

int rr_udp_server(struct run *r)
{
	for (;;) {
		ssize_t n;

		if (wake_pending && run_turn(r, clock_now_ns()) == RUN_END)
			return 0;
		n = recv(r->fd, r->rx, r->setup->request_size, 0);
		if (n < 0) {
			int ret = run_interrupted(r, errno, "cannot receive");

			if (ret < 0)
				return ret;
			continue;
		}
		if (!r->setup->verify || payload_intact(r->rx, (size_t)n))
			answer(r);
		else if (!data_is_hello(r->rx, (size_t)n))
			r->out->corrupt++;
	}
}
