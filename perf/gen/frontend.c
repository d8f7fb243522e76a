/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/frontend.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

#define CONNECT_RETRY_MS 10

static const char *const request_names[] = {
	[FRONTEND_GET_FEATURES] = "GET_FEATURES",
	[FRONTEND_SET_FEATURES] = "SET_FEATURES",
	[FRONTEND_SET_OWNER] = "SET_OWNER",
	[FRONTEND_RESET_OWNER] = "RESET_OWNER",
	[FRONTEND_SET_MEM_TABLE] = "SET_MEM_TABLE",
	[FRONTEND_SET_LOG_BASE] = "SET_LOG_BASE",
	[FRONTEND_SET_LOG_FD] = "SET_LOG_FD",
	[FRONTEND_SET_VRING_NUM] = "SET_VRING_NUM",
	[FRONTEND_SET_VRING_ADDR] = "SET_VRING_ADDR",
	[FRONTEND_SET_VRING_BASE] = "SET_VRING_BASE",
	[FRONTEND_GET_VRING_BASE] = "GET_VRING_BASE",
	[FRONTEND_SET_VRING_KICK] = "SET_VRING_KICK",
	[FRONTEND_SET_VRING_CALL] = "SET_VRING_CALL",
	[FRONTEND_SET_VRING_ERR] = "SET_VRING_ERR",
	[FRONTEND_GET_PROTOCOL_FEATURES] = "GET_PROTOCOL_FEATURES",
	[FRONTEND_SET_PROTOCOL_FEATURES] = "SET_PROTOCOL_FEATURES",
	[FRONTEND_GET_QUEUE_NUM] = "GET_QUEUE_NUM",
	[FRONTEND_SET_VRING_ENABLE] = "SET_VRING_ENABLE",
	[FRONTEND_SEND_RARP] = "SEND_RARP",
	[FRONTEND_NET_SET_MTU] = "NET_SET_MTU",
};
static_assert(ARRAY_SIZE(request_names) == FRONTEND_REQUEST_N, "a name for each request");

const char *frontend_request_name(unsigned request)
{
	const char *name = NAME_OF(request_names, request);

	return name ? name : "?";
}

void frontend_init(struct frontend *f)
{
	*f = (struct frontend){
		.listen_fd = -1,
		.fd = -1,
		.timeout_ms = FRONTEND_TIMEOUT_MS,
		.protocol_mask = FRONTEND_PROTOCOL_MQ | FRONTEND_PROTOCOL_REPLY_ACK,
		.n_pairs_max = 1,
	};
}

static int set_path(struct frontend *f, const char *path, struct err *e)
{
	f->addr.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(f->addr.sun_path))
		return err_set(e, ENAMETOOLONG, "socket path %s: at most %zu bytes are possible",
			       path, sizeof(f->addr.sun_path) - 1);
	snprintf(f->addr.sun_path, sizeof(f->addr.sun_path), "%s", path);
	return 0;
}

static int connect_once(struct frontend *f)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int saved;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&f->addr, sizeof(f->addr))) {
		saved = errno;
		close(fd);
		return -saved;
	}
	f->fd = fd;
	return 0;
}

int frontend_connect(struct frontend *f, const char *path, int wait_ms, struct err *e)
{
	uint64_t end_ms = clock_now_ms() + (uint64_t)wait_ms;
	const struct timespec pause = {.tv_nsec = CONNECT_RETRY_MS * (long)NS_PER_MS};
	int ret = set_path(f, path, e);

	if (ret)
		return ret;
	for (;;) {
		ret = connect_once(f);
		if (ret != -ENOENT && ret != -ECONNREFUSED)
			break;
		if (clock_now_ms() >= end_ms)
			break;
		nanosleep(&pause, NULL);
	}
	if (ret)
		return err_set(e, -ret,
			       "cannot connect to %s (%s): is the backend listening there?", path,
			       strerror(-ret));
	return 0;
}

static void remove_stale_socket(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
}

int frontend_listen(struct frontend *f, const char *path, struct err *e)
{
	int ret = set_path(f, path, e);
	int fd;

	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, errno, "cannot make a socket (%s)", strerror(errno));
	remove_stale_socket(path);
	if (bind(fd, (struct sockaddr *)&f->addr, sizeof(f->addr)) || listen(fd, 1)) {
		ret = err_set(e, errno, "cannot listen at %s (%s): check the folder and its mode",
			      path, strerror(errno));
		close(fd);
		return ret;
	}
	f->listen_fd = fd;
	return 0;
}

/* Waits for `events` on `fd`; 0, -ETIMEDOUT or -errno; a signal ends it. */
static int wait_fd(int fd, short events, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n = poll(&p, 1, timeout_ms);

	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}

int frontend_accept(struct frontend *f, int wait_ms, struct err *e)
{
	int ret = wait_fd(f->listen_fd, POLLIN, wait_ms);

	if (ret)
		return err_set(e, -ret, "no backend connected to %s within %d ms (%s)",
			       f->addr.sun_path, wait_ms, strerror(-ret));
	f->fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (f->fd < 0)
		return err_set(e, errno, "cannot accept at %s (%s)", f->addr.sun_path,
			       strerror(errno));
	return 0;
}

void frontend_disconnect(struct frontend *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->features = 0;
	f->protocol = 0;
}

void frontend_close(struct frontend *f)
{
	frontend_disconnect(f);
	if (f->listen_fd >= 0) {
		close(f->listen_fd);
		unlink(f->addr.sun_path);
	}
	f->listen_fd = -1;
}

bool frontend_is_alive(const struct frontend *f)
{
	struct pollfd p = {.fd = f->fd, .events = POLLRDHUP};

	return f->fd >= 0 && poll(&p, 1, 0) == 0;
}

static void attach_fds(struct msghdr *h, void *control, const int *fds, unsigned n_fds)
{
	struct cmsghdr *c;

	if (!n_fds)
		return;
	h->msg_control = control;
	h->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
}

int frontend_send(struct frontend *f, const struct frontend_msg *m, const int *fds, unsigned n_fds,
		  struct err *e)
{
	char control[CMSG_SPACE(FRONTEND_FDS_MAX * sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec iov = {(void *)m,
			    FRONTEND_HEADER_BYTES + MIN_OF(m->size, FRONTEND_PAYLOAD_MAX)};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (n_fds > FRONTEND_FDS_MAX)
		return err_set(e, EINVAL, "a message carries at most %d descriptors",
			       FRONTEND_FDS_MAX);
	attach_fds(&h, control, fds, n_fds);
	do
		n = sendmsg(f->fd, &h, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)iov.iov_len)
		return err_set(e, n < 0 ? errno : EIO, "backend at %s did not take %s (%s)",
			       f->addr.sun_path, frontend_request_name(m->request),
			       n < 0 ? strerror(errno) : "short write");
	return 0;
}

static void close_passed(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			close(fd);
		}
	}
}

/* Reads exactly `len` bytes; 0 or -errno, -ECONNRESET at the end of the stream. */
static int read_exactly(struct frontend *f, void *to, size_t len)
{
	char control[CMSG_SPACE(FRONTEND_FDS_MAX * sizeof(int))] __attribute__((aligned(8)));
	uint8_t *p = to;
	int ret;

	while (len) {
		struct iovec iov = {p, len};
		struct msghdr h = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = control,
				   .msg_controllen = sizeof(control)};
		ssize_t n;

		ret = wait_fd(f->fd, POLLIN, f->timeout_ms);
		if (ret)
			return ret;
		n = recvmsg(f->fd, &h, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		close_passed(&h);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int frontend_recv(struct frontend *f, struct frontend_msg *m, struct err *e)
{
	int ret = read_exactly(f, m, FRONTEND_HEADER_BYTES);

	if (!ret && m->size > FRONTEND_PAYLOAD_MAX)
		return err_set(e, EPROTO,
			       "backend at %s answers with %u bytes, at most %d are possible",
			       f->addr.sun_path, m->size, FRONTEND_PAYLOAD_MAX);
	if (!ret)
		ret = read_exactly(f, m->bytes, m->size);
	if (ret)
		return err_set(e, -ret, "no answer from the backend at %s (%s): see its log",
			       f->addr.sun_path,
			       ret == -ECONNRESET ? "it closed the connection" : strerror(-ret));
	return 0;
}

static int recv_answer(struct frontend *f, unsigned request, struct frontend_msg *m, struct err *e)
{
	int ret = frontend_recv(f, m, e);

	if (ret)
		return err_prefix(e, ret, "%s", frontend_request_name(request));
	if (m->request != request || !(m->flags & FRONTEND_REPLY))
		return err_set(e, EPROTO, "backend at %s answered %s with %s: not vhost-user?",
			       f->addr.sun_path, frontend_request_name(request),
			       frontend_request_name(m->request));
	return 0;
}

/* A request with an answer of its own. */
static int query(struct frontend *f, struct frontend_msg *m, struct err *e)
{
	unsigned request = m->request;
	int ret;

	m->flags = FRONTEND_VERSION;
	ret = frontend_send(f, m, NULL, 0, e);
	return ret ? ret : recv_answer(f, request, m, e);
}

static int query_u64(struct frontend *f, unsigned request, uint64_t *value, struct err *e)
{
	struct frontend_msg m = {.request = request};
	int ret = query(f, &m, e);

	if (ret)
		return ret;
	if (m.size != sizeof(m.u64))
		return err_set(e, EPROTO, "%s: answer of %u bytes", frontend_request_name(request),
			       m.size);
	*value = m.u64;
	return 0;
}

/* A request that has no answer, except where both sides agreed to acknowledge. */
static int command(struct frontend *f, struct frontend_msg *m, const int *fds, unsigned n_fds,
		   struct err *e)
{
	bool ack = f->protocol & FRONTEND_PROTOCOL_REPLY_ACK;
	unsigned request = m->request;
	int ret;

	m->flags = FRONTEND_VERSION | (ack ? FRONTEND_NEED_REPLY : 0);
	ret = frontend_send(f, m, fds, n_fds, e);
	if (ret || !ack)
		return ret;
	ret = recv_answer(f, request, m, e);
	if (ret)
		return ret;
	if (m->u64)
		return err_set(e, EREMOTEIO, "backend at %s refused %s: see its log",
			       f->addr.sun_path, frontend_request_name(request));
	return 0;
}

static int command_u64(struct frontend *f, unsigned request, uint64_t value, struct err *e)
{
	struct frontend_msg m = {.request = request, .size = sizeof(m.u64)};

	m.u64 = value;
	return command(f, &m, NULL, 0, e);
}

static int command_state(struct frontend *f, unsigned request, unsigned index, unsigned num,
			 struct err *e)
{
	struct frontend_msg m = {.request = request, .size = sizeof(m.state)};

	m.state = (struct vhost_vring_state){.index = index, .num = num};
	return command(f, &m, NULL, 0, e);
}

static int negotiate_protocol(struct frontend *f, struct err *e)
{
	uint64_t pairs;
	int ret = query_u64(f, FRONTEND_GET_PROTOCOL_FEATURES, &f->protocol_offered, e);

	if (ret)
		return ret;
	ret = command_u64(f, FRONTEND_SET_PROTOCOL_FEATURES, f->protocol_offered & f->protocol_mask,
			  e);
	if (ret)
		return ret;
	f->protocol = f->protocol_offered & f->protocol_mask;
	if (!(f->protocol & FRONTEND_PROTOCOL_MQ))
		return 0;
	ret = query_u64(f, FRONTEND_GET_QUEUE_NUM, &pairs, e);
	f->n_pairs_max = ret ? 1 : (unsigned)pairs;
	return ret;
}

int frontend_negotiate(struct frontend *f, uint64_t wanted, struct err *e)
{
	struct frontend_msg owner = {.request = FRONTEND_SET_OWNER};
	int ret;

	f->protocol = 0;
	ret = query_u64(f, FRONTEND_GET_FEATURES, &f->offered, e);
	if (!ret && (f->offered & FRONTEND_F_PROTOCOL_FEATURES))
		ret = negotiate_protocol(f, e);
	if (!ret)
		ret = command(f, &owner, NULL, 0, e);
	if (ret)
		return ret;
	f->features = f->offered & (wanted | FRONTEND_F_PROTOCOL_FEATURES);
	return command_u64(f, FRONTEND_SET_FEATURES, f->features, e);
}

int frontend_set_mem(struct frontend *f, const struct guestmem *m, struct err *e)
{
	struct frontend_msg msg = {.request = FRONTEND_SET_MEM_TABLE};

	msg.memory.n_regions = m->n_regions;
	for (unsigned i = 0; i < m->n_regions; i++) {
		uint8_t *start = guestmem_edge(m, i);

		msg.memory.regions[i] = (struct frontend_region){
			.guest_addr = guestmem_gpa(m, start),
			.bytes = m->region_bytes,
			.user_addr = (uintptr_t)start,
		};
	}
	msg.size = (uint32_t)(8 + m->n_regions * sizeof(struct frontend_region));
	return command(f, &msg, m->fd, m->n_regions, e);
}

static int send_eventfd(struct frontend *f, unsigned request, unsigned index, int fd, struct err *e)
{
	const uint64_t no_fd = 1 << 8;
	struct frontend_msg m = {.request = request, .size = sizeof(m.u64)};

	m.u64 = index | (fd < 0 ? no_fd : 0);
	return command(f, &m, &fd, fd < 0 ? 0 : 1, e);
}

int frontend_queue_start(struct frontend *f, unsigned index, const struct frontend_queue *q,
			 struct err *e)
{
	struct frontend_msg m = {.request = FRONTEND_SET_VRING_ADDR, .size = sizeof(m.addr)};
	int ret = command_state(f, FRONTEND_SET_VRING_NUM, index, q->size, e);

	m.addr = (struct vhost_vring_addr){
		.index = index,
		.desc_user_addr = (uintptr_t)q->desc,
		.avail_user_addr = (uintptr_t)q->avail,
		.used_user_addr = (uintptr_t)q->used,
	};
	if (!ret)
		ret = command_state(f, FRONTEND_SET_VRING_BASE, index, q->base, e);
	if (!ret)
		ret = command(f, &m, NULL, 0, e);
	if (!ret)
		ret = send_eventfd(f, FRONTEND_SET_VRING_KICK, index, q->kick_fd, e);
	if (!ret)
		ret = send_eventfd(f, FRONTEND_SET_VRING_CALL, index, q->call_fd, e);
	return ret ? err_prefix(e, ret, "queue %u", index) : 0;
}

int frontend_queue_enable(struct frontend *f, unsigned index, bool on, struct err *e)
{
	if (!(f->features & FRONTEND_F_PROTOCOL_FEATURES))
		return 0;
	return command_state(f, FRONTEND_SET_VRING_ENABLE, index, on, e);
}

int frontend_queue_stop(struct frontend *f, unsigned index, uint16_t *base, struct err *e)
{
	struct frontend_msg m = {.request = FRONTEND_GET_VRING_BASE, .size = sizeof(m.state)};
	int ret;

	m.state = (struct vhost_vring_state){.index = index};
	ret = query(f, &m, e);
	if (!ret && base)
		*base = (uint16_t)m.state.num;
	return ret;
}
