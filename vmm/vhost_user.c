/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/vhost_user.h"

#include <assert.h>
#include <errno.h>
#include <linux/vhost_types.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_LOG_BASE = 6,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	GET_QUEUE_NUM = 17,
	SET_VRING_ENABLE = 18,
	SEND_RARP = 19,
	NET_SET_MTU = 20,
};

enum { FLAG_VERSION = 1, FLAG_VERSION_MASK = 3, FLAG_REPLY = 4, FLAG_NEED_REPLY = 8 };

#define NO_FD	     (1u << 8)
#define FDS_MAX	     8
#define PAIRS_MAX    16
#define HEADER_BYTES 12
#define PROTOCOL_WANTED                                                                            \
	(VHOST_USER_PROTOCOL_MQ | VHOST_USER_PROTOCOL_LOG_SHMFD | VHOST_USER_PROTOCOL_RARP |       \
	 VHOST_USER_PROTOCOL_REPLY_ACK | VHOST_USER_PROTOCOL_NET_MTU)

struct region {
	uint64_t gpa, bytes, user, offset;
};

/* As it is on the wire. */
struct msg {
	uint32_t request, flags, size;
	union {
		uint64_t u64;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct {
			uint32_t n, padding;
			struct region regions[MEMORY_REGIONS_MAX];
		} memory;
		struct {
			uint64_t bytes, offset;
		} log;
		uint8_t bytes[256];
	};
} __attribute__((packed));
static_assert(offsetof(struct msg, bytes) == HEADER_BYTES, "vhost-user header");

static int send_msg(struct vhost_user *vu, const struct msg *m, const int *fds, unsigned n_fds)
{
	char control[CMSG_SPACE(FDS_MAX * sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec iov = {(void *)(uintptr_t)m, HEADER_BYTES + m->size};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (n_fds) {
		struct cmsghdr *c = (struct cmsghdr *)control;

		h.msg_control = control;
		h.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(vu->fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == (ssize_t)iov.iov_len ? 0 : -EPIPE;
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

static int wait_readable(int fd, uint64_t until_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t now_ms = clock_now_ms();
	int n;

	if (now_ms >= until_ms)
		return -ETIMEDOUT;
	n = poll(&p, 1, (int)(until_ms - now_ms));
	if (n < 0 && errno != EINTR)
		return -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

static int read_exactly(struct vhost_user *vu, void *to, size_t len, uint64_t until_ms)
{
	char control[CMSG_SPACE(FDS_MAX * sizeof(int))] __attribute__((aligned(8)));
	uint8_t *p = to;

	while (len) {
		struct iovec iov = {p, len};
		struct msghdr h = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = control,
				   .msg_controllen = sizeof(control)};
		int ret = wait_readable(vu->fd, until_ms);
		ssize_t n;

		if (ret)
			return ret;
		n = recvmsg(vu->fd, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		close_passed(&h);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int failed(const struct vhost_user *vu, const struct msg *m, int ret, struct err *e)
{
	const char *why = ret == -ETIMEDOUT    ? "it does not answer"
			  : ret == -ECONNRESET ? "it closed the connection"
			  : ret == -EPROTO     ? "its answer makes no sense"
					       : strerror(-ret);

	return err_set(e, -ret, "backend at %s: request %u: %s; see its log", vu->path, m->request,
		       why);
}

/* The answer to `request`: its payload has to have `size` bytes. */
static int receive(struct vhost_user *vu, uint32_t request, uint32_t size, struct msg *answer)
{
	uint64_t until_ms = clock_now_ms() + VHOST_USER_TIMEOUT_MS;
	int ret = read_exactly(vu, answer, HEADER_BYTES, until_ms);

	if (ret)
		return ret;
	if (answer->request != request || answer->size != size || !(answer->flags & FLAG_REPLY) ||
	    (answer->flags & FLAG_VERSION_MASK) != FLAG_VERSION)
		return -EPROTO;
	return read_exactly(vu, answer->bytes, size, until_ms);
}

static int query(struct vhost_user *vu, struct msg *m, uint32_t size, struct err *e)
{
	struct msg answer;
	int ret;

	m->flags = FLAG_VERSION;
	ret = send_msg(vu, m, NULL, 0) ?: receive(vu, m->request, size, &answer);
	if (ret)
		return failed(vu, m, ret, e);
	*m = answer;
	return 0;
}

static int query_u64(struct vhost_user *vu, uint32_t request, uint64_t *value, struct err *e)
{
	struct msg m = {.request = request};
	int ret = query(vu, &m, sizeof(m.u64), e);

	*value = m.u64;
	return ret;
}

/* Without an answer of its own; acknowledged where both sides agreed on that. */
static int command(struct vhost_user *vu, struct msg *m, const int *fds, unsigned n_fds,
		   struct err *e)
{
	bool ack = vu->protocol & VHOST_USER_PROTOCOL_REPLY_ACK;
	struct msg answer;
	int ret;

	m->flags = FLAG_VERSION | (ack ? FLAG_NEED_REPLY : 0);
	ret = send_msg(vu, m, fds, n_fds);
	if (!ret && ack)
		ret = receive(vu, m->request, sizeof(answer.u64), &answer);
	if (ret)
		return failed(vu, m, ret, e);
	if (ack && answer.u64)
		return err_set(e, EREMOTEIO, "backend at %s: request %u: refused; see its log",
			       vu->path, m->request);
	return 0;
}

static int command_u64(struct vhost_user *vu, uint32_t request, uint64_t value, struct err *e)
{
	struct msg m = {.request = request, .size = sizeof(m.u64)};

	m.u64 = value;
	return command(vu, &m, NULL, 0, e);
}

static int command_state(struct vhost_user *vu, uint32_t request, unsigned index, unsigned num,
			 struct err *e)
{
	struct msg m = {.request = request, .size = sizeof(m.state)};

	m.state = (struct vhost_vring_state){.index = index, .num = num};
	return command(vu, &m, NULL, 0, e);
}

static int command_fd(struct vhost_user *vu, uint32_t request, unsigned index, int fd,
		      struct err *e)
{
	struct msg m = {.request = request, .size = sizeof(m.u64)};

	m.u64 = index | (fd < 0 ? NO_FD : 0);
	return command(vu, &m, &fd, fd < 0 ? 0 : 1, e);
}

static int agree_protocol(struct vhost_user *vu, struct err *e)
{
	uint64_t offered, pairs = 1;
	int ret = query_u64(vu, GET_PROTOCOL_FEATURES, &offered, e);

	if (ret)
		return ret;
	ret = command_u64(vu, SET_PROTOCOL_FEATURES, offered & PROTOCOL_WANTED, e);
	vu->protocol = offered & PROTOCOL_WANTED;
	if (!ret && vu->protocol & VHOST_USER_PROTOCOL_MQ)
		ret = query_u64(vu, GET_QUEUE_NUM, &pairs, e);
	vu->pairs_max = (unsigned)MIN_OF(MAX_OF(pairs, 1ull), (uint64_t)PAIRS_MAX);
	return ret;
}

int vhost_user_handshake(struct vhost_user *vu, struct err *e)
{
	struct msg owner = {.request = SET_OWNER};
	int ret;

	vu->protocol = 0;
	vu->pairs_max = 1;
	ret = query_u64(vu, GET_FEATURES, &vu->offered, e);
	if (!ret && vu->offered >> VHOST_USER_F_PROTOCOL_BIT & 1)
		ret = agree_protocol(vu, e);
	return ret ?: command(vu, &owner, NULL, 0, e);
}

int vhost_user_set_features(struct vhost_user *vu, uint64_t features, struct err *e)
{
	uint64_t handshake = vu->offered & 1ull << VHOST_USER_F_PROTOCOL_BIT;

	return command_u64(vu, SET_FEATURES, features | handshake, e);
}

int vhost_user_set_memory(struct vhost_user *vu, const struct memory *m, struct err *e)
{
	struct msg msg = {.request = SET_MEM_TABLE};
	int fds[MEMORY_REGIONS_MAX];

	msg.memory.n = m->n_regions;
	for (unsigned i = 0; i < m->n_regions; i++) {
		const struct memory_region *r = &m->regions[i];

		msg.memory.regions[i] = (struct region){
			r->gpa, r->bytes, (uintptr_t)(m->base + r->offset), r->offset};
		fds[i] = m->fd;
	}
	msg.size = (uint32_t)(8 + m->n_regions * sizeof(struct region));
	return command(vu, &msg, fds, m->n_regions, e);
}

int vhost_user_set_mtu(struct vhost_user *vu, unsigned mtu, struct err *e)
{
	if (!(vu->protocol & VHOST_USER_PROTOCOL_NET_MTU))
		return 0;
	return command_u64(vu, NET_SET_MTU, mtu, e);
}

int vhost_user_ring_start(struct vhost_user *vu, unsigned index, const struct vhost_user_ring *r,
			  struct err *e)
{
	struct msg m = {.request = SET_VRING_ADDR, .size = sizeof(m.addr)};
	int ret = command_state(vu, SET_VRING_NUM, index, r->size, e);

	m.addr = (struct vhost_vring_addr){
		.index = index,
		.flags = r->logs ? 1u << VHOST_VRING_F_LOG : 0,
		.log_guest_addr = r->logs ? r->used_gpa : 0,
		.desc_user_addr = (uintptr_t)r->desc,
		.avail_user_addr = (uintptr_t)r->avail,
		.used_user_addr = (uintptr_t)r->used,
	};
	ret = ret ?: command_state(vu, SET_VRING_BASE, index, r->base, e);
	ret = ret ?: command(vu, &m, NULL, 0, e);
	ret = ret ?: command_fd(vu, SET_VRING_KICK, index, r->kick_fd, e);
	return ret ?: command_fd(vu, SET_VRING_CALL, index, r->call_fd, e);
}

int vhost_user_ring_call(struct vhost_user *vu, unsigned index, int call_fd, struct err *e)
{
	return command_fd(vu, SET_VRING_CALL, index, call_fd, e);
}

int vhost_user_ring_enable(struct vhost_user *vu, unsigned index, bool on, struct err *e)
{
	if (!(vu->offered >> VHOST_USER_F_PROTOCOL_BIT & 1))
		return 0;
	return command_state(vu, SET_VRING_ENABLE, index, on, e);
}

int vhost_user_ring_stop(struct vhost_user *vu, unsigned index, uint32_t *base, struct err *e)
{
	struct msg m = {.request = GET_VRING_BASE, .size = sizeof(m.state)};
	int ret;

	m.state = (struct vhost_vring_state){.index = index};
	ret = query(vu, &m, sizeof(m.state), e);
	*base = ret ? 0 : m.state.num;
	return ret;
}

int vhost_user_can_log(const struct vhost_user *vu, struct err *e)
{
	if (vu->protocol & VHOST_USER_PROTOCOL_LOG_SHMFD && vu->offered >> VHOST_F_LOG_ALL & 1)
		return 0;
	return err_set(
		e, ENOTSUP,
		"backend at %s: cannot tell which pages it writes (LOG_SHMFD, F_LOG_ALL); use "
		"one that can, or snapshot and restore",
		vu->path);
}

/* Unlike other requests it is answered in any case, without a payload. */
int vhost_user_set_log(struct vhost_user *vu, const struct memory *m, uint64_t *features,
		       struct err *e)
{
	struct msg msg = {.request = SET_LOG_BASE, .flags = FLAG_VERSION, .size = sizeof(msg.log)};
	struct msg answer;
	int ret = vhost_user_can_log(vu, e);

	if (ret)
		return ret;
	msg.log.bytes = m->log_bytes;
	ret = send_msg(vu, &msg, &m->log_fd, 1) ?: receive(vu, SET_LOG_BASE, 0, &answer);
	if (ret)
		return failed(vu, &msg, ret, e);
	*features |= 1ull << VHOST_F_LOG_ALL;
	return 0;
}

int vhost_user_announce(struct vhost_user *vu, const uint8_t mac[6], struct err *e)
{
	uint64_t address = 0;

	if (!(vu->protocol & VHOST_USER_PROTOCOL_RARP))
		return 0;
	memcpy(&address, mac, 6);
	return command_u64(vu, SEND_RARP, address, e);
}
