/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/transfer.h"

#include <errno.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "perf/payload.h"
#include "perf/run.h"

static int after_failure(struct run *r, int error, const char *what)
{
	int ret;

	if (error == EPIPE || error == ECONNRESET)
		return -ENODATA;
	ret = run_interrupted(r, error, what);
	if (ret < 0)
		return ret;
	return run_turn(r, clock_now_ns()) == RUN_GO;
}

int transfer_send(struct run *r, int fd, size_t len)
{
	size_t sent = 0;

	if (r->setup->verify)
		payload_stamp(r->tx, len, r->units);
	while (sent < len) {
		ssize_t n = send(fd, r->tx + sent, len - sent, MSG_NOSIGNAL);
		int ret;

		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		ret = after_failure(r, errno, "cannot send");
		if (ret <= 0)
			return ret;
	}
	if (r->setup->verify)
		digest_update(&r->sent, r->tx, len);
	return 1;
}

int transfer_receive(struct run *r, int fd, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = recv(fd, r->rx + got, len - got, 0);
		int ret;

		if (n == 0)
			return -ENODATA;
		if (n > 0) {
			got += (size_t)n;
			continue;
		}
		ret = after_failure(r, errno, "cannot receive");
		if (ret <= 0)
			return ret;
	}
	if (r->setup->verify)
		digest_update(&r->received, r->rx, len);
	return 1;
}
