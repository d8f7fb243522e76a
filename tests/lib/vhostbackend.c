/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/vhostbackend.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct msg {
	uint32_t request, flags, size;
	union {
		uint64_t u64;
		struct {
			uint32_t index, num;
		} state;
		uint8_t bytes[512];
	};
} __attribute__((packed));

static void answer(struct backend *b, struct msg *m)
{
	bool asks = m->flags & 8;
	uint64_t value = 0;

	switch (m->request) {
	case GET_FEATURES:
		value = b->features;
		break;
	case GET_PROTOCOL_FEATURES:
		value = 1 | 8 | b->protocol;
		break;
	case GET_QUEUE_NUM:
		value = 4;
		break;
	case GET_VRING_BASE:
		m->state.num = b->stands;
		break;
	case SET_LOG_BASE:
		m->flags = 1 | 4;
		m->size = 0;
		(void)!send(b->fd, m, 12, MSG_NOSIGNAL);
		return;
	default:
		if (!asks)
			return;
	}
	if (m->request != GET_VRING_BASE)
		m->u64 = value;
	m->flags = 1 | 4;
	m->size = 8;
	if (m->request == b->lie_about)
		m->size = 4096;
	(void)!send(b->fd, m, 12 + 8, MSG_NOSIGNAL);
}

static void note(struct backend *b, const struct msg *m)
{
	if (m->request == SET_VRING_BASE && m->state.index < 2)
		b->bases[m->state.index] = m->state.num;
	if (m->request == SET_VRING_ADDR)
		memcpy((void *)&b->ring_flags, m->bytes + 4, 4);
	if (m->request == SET_FEATURES)
		b->got_features = m->u64;
	if (m->request == SEND_RARP)
		b->announced = m->u64;
	if (m->request == SET_VRING_ENABLE)
		b->enabled += m->state.num ? 1 : 0;
	if (m->request < REQUESTS)
		b->seen[m->request]++;
}

static void *backend_main(void *arg)
{
	struct backend *b = arg;
	struct msg m;

	while (recv(b->fd, &m, 12, MSG_WAITALL) == 12 && m.size <= sizeof(m.bytes) &&
	       (!m.size || recv(b->fd, m.bytes, m.size, MSG_WAITALL) == (ssize_t)m.size)) {
		note(b, &m);
		answer(b, &m);
	}
	shutdown(b->fd, SHUT_RDWR);
	return NULL;
}

void backend_start(struct backend *b, int fd, uint64_t features, uint64_t protocol)
{
	memset(b, 0, sizeof(*b));
	b->fd = fd;
	b->features = features;
	b->protocol = protocol;
	pthread_create(&b->thread, NULL, backend_main, b);
}

void backend_kill(struct backend *b)
{
	shutdown(b->fd, SHUT_RDWR);
	pthread_join(b->thread, NULL);
	close(b->fd);
}
