/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/udp.h"

#include <errno.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "perf/data.h"
#include "perf/payload.h"
#include "perf/run.h"
#include "perf/wake.h"

#define DRAIN_MAX 4096 /* datagrams after FINISH */

int udp_send(struct run *r)
{
	const size_t size = r->setup->send_size;
	const bool verify = r->setup->verify;

	for (;;) {
		uint64_t mark;
		ssize_t n;

		if (wake_pending && run_turn(r, clock_now_ns()) == RUN_END)
			return 0;
		mark = r->phase == RUN_WINDOW ? PAYLOAD_MARK : 0;
		payload_number(r->tx, size, r->messages | mark);
		if (verify)
			payload_seal(r->tx, size);
		n = send(r->fd, r->tx, size, MSG_NOSIGNAL);
		if (n < 0) {
			int ret = run_interrupted(r, errno, "cannot send");

			if (ret < 0)
				return ret;
			continue;
		}
		r->units += (uint64_t)n;
		r->messages++;
	}
}

static void account(struct run *r, size_t len)
{
	uint64_t sequence;

	if (data_is_hello(r->rx, len))
		return;
	r->units += len;
	r->messages++;
	if (len < PAYLOAD_SEQUENCE)
		return;
	sequence = payload_sequence(r->rx);
	r->out->marked += sequence >> 63;
	sequence &= ~PAYLOAD_MARK;
	if (sequence < r->sequence)
		r->out->reordered++;
	else
		r->sequence = sequence + 1;
	if (r->setup->verify && !payload_intact(r->rx, len))
		r->out->corrupt++;
}

static void drain(struct run *r)
{
	for (unsigned i = 0; i < DRAIN_MAX; i++) {
		ssize_t n = recv(r->fd, r->rx, r->setup->recv_size, MSG_DONTWAIT);

		if (n < 0)
			return;
		account(r, (size_t)n);
	}
}

int udp_receive(struct run *r)
{
	const size_t size = r->setup->recv_size;

	for (;;) {
		ssize_t n;

		if (wake_pending && run_turn(r, clock_now_ns()) == RUN_END)
			break;
		n = recv(r->fd, r->rx, size, 0);
		if (n >= 0) {
			account(r, (size_t)n);
			continue;
		}
		n = run_interrupted(r, errno, "cannot receive");
		if (n < 0)
			return (int)n;
	}
	drain(r);
	return 0;
}
