/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/stream.h"

#include <errno.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "perf/payload.h"
#include "perf/run.h"
#include "perf/wake.h"

int stream_send(struct run *r)
{
	const size_t size = r->setup->send_size;
	const bool verify = r->setup->verify;

	for (;;) {
		ssize_t n;

		if (wake_pending && run_turn(r, clock_now_ns()) == RUN_END)
			break;
		if (verify)
			payload_stamp(r->tx, size, r->messages);
		n = send(r->fd, r->tx, size, MSG_NOSIGNAL);
		if (n < 0) {
			int ret = run_interrupted(r, errno, "cannot send");

			if (ret < 0)
				return ret;
			continue;
		}
		if (verify)
			digest_update(&r->sent, r->tx, (size_t)n);
		r->units += (uint64_t)n;
		r->messages++;
	}
	shutdown(r->fd, SHUT_WR);
	return 0;
}

int stream_receive(struct run *r)
{
	const size_t size = r->setup->recv_size;
	const bool verify = r->setup->verify;

	for (;;) {
		ssize_t n;

		if (wake_pending && run_turn(r, clock_now_ns()) == RUN_END)
			return 0;
		n = recv(r->fd, r->rx, size, 0);
		if (n == 0)
			return 0;
		if (n < 0) {
			int ret = run_interrupted(r, errno, "cannot receive");

			if (ret < 0)
				return ret;
			continue;
		}
		if (verify)
			digest_update(&r->received, r->rx, (size_t)n);
		r->units += (uint64_t)n;
		r->messages++;
	}
}
