/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/crr.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "perf/data.h"
#include "perf/run.h"
#include "perf/transfer.h"
#include "perf/wake.h"

/* Waits for a connect that a signal interrupted. Returns 1, 0 when the run is over, -errno. */
static int await_connected(struct run *r, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int error = 0;

	while (poll(&p, 1, WAKE_REPEAT_MS) <= 0)
		if (run_turn(r, clock_now_ns()) == RUN_END)
			return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	return error ? -error : 1;
}

static int connect_to(struct run *r, int fd)
{
	if (connect(fd, (const struct sockaddr *)&r->peer.sa, r->peer.len) == 0)
		return 1;
	if (errno != EINTR)
		return -errno;
	wake_pending = 1;
	return await_connected(r, fd);
}

/* True when all that is left is the end of the stream; 0 when the run is over, else -errno. */
static int await_end(struct run *r, int fd)
{
	for (;;) {
		ssize_t n = recv(fd, r->rx, 1, 0);

		if (n >= 0)
			return n == 0 ? 1 : -EPROTO;
		if (errno != EINTR)
			return -errno;
		wake_pending = 1;
		if (run_turn(r, clock_now_ns()) == RUN_END)
			return 0;
	}
}

static void note_connection(struct run *r, int fd)
{
	if (r->out->sndbuf)
		return;
	data_buffers(fd, &r->out->sndbuf, &r->out->rcvbuf);
	tcpinfo_read(fd, &r->out->tcp);
}

static int transact(struct run *r)
{
	int fd = data_open(r->setup, r->peer.sa.ss_family), ret;

	if (fd < 0)
		return fd;
	ret = connect_to(r, fd);
	if (ret > 0)
		ret = transfer_send(r, fd, r->setup->request_size);
	if (ret > 0)
		ret = transfer_receive(r, fd, r->setup->response_size);
	if (ret > 0)
		ret = await_end(r, fd);
	if (ret > 0)
		note_connection(r, fd);
	close(fd);
	return ret;
}

/* A failed connection: the network may recover, so wait a little. Returns 0 when the run is over.
 */
static int after_failure(struct run *r, int error)
{
	r->out->failed++;
	err_set(&r->err, error, "a connection failed: %s", strerror(error));
	poll(NULL, 0, 1);
	return run_turn(r, clock_now_ns()) == RUN_GO;
}

int crr_client(struct run *r)
{
	for (;;) {
		uint64_t before = clock_now_ns(), now;
		int ret = transact(r);

		if (ret < 0)
			ret = after_failure(r, -ret);
		else if (ret > 0) {
			now = clock_now_ns();
			r->units++;
			if (r->phase == RUN_WINDOW)
				hist_record(r->latency, now - before);
		}
		if (ret == 0 || (wake_pending && run_turn(r, clock_now_ns()) == RUN_END))
			return 0;
		if (r->phase >= RUN_TAIL)
			return 0;
	}
}

static int serve(struct run *r, int fd)
{
	int ret = transfer_receive(r, fd, r->setup->request_size);

	if (ret > 0)
		ret = transfer_send(r, fd, r->setup->response_size);
	if (ret > 0)
		r->units++;
	return ret == -ENODATA ? 1 : ret;
}

/* Returns 1 after a connection was served or turned away, 0 when the run is over, or -errno. */
static int accept_one(struct run *r)
{
	struct address from = {.len = sizeof(from.sa)};
	int fd = accept4(r->fd, (struct sockaddr *)&from.sa, &from.len, SOCK_CLOEXEC), ret = 1;

	if (fd < 0 && errno == ECONNABORTED)
		return 1;
	if (fd < 0) {
		ret = run_interrupted(r, errno, "cannot accept");
		return ret < 0 ? ret : 1;
	}
	if (address_same_host(&from, &r->peer))
		ret = serve(r, fd);
	close(fd);
	return ret;
}

int crr_server(struct run *r)
{
	for (;;) {
		int ret;

		if (wake_pending && run_turn(r, clock_now_ns()) == RUN_END)
			return 0;
		ret = accept_one(r);
		if (ret <= 0)
			return ret;
	}
}
