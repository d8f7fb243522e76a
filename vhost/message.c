/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/message.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLAG_VERSION_MASK = 3, FLAG_VERSION = 1, FLAG_REPLY = 4 };

#define U64_INDEX_MASK 0xffull
#define U64_NO_FD      0x100ull

/* Bits of the protocol features that requests belong to. */
enum {
	ALWAYS = -1,
	PROTOCOL_MQ = 0,
	PROTOCOL_LOG_SHMFD = 1,
	PROTOCOL_RARP = 2,
	PROTOCOL_NET_MTU = 4,
	PROTOCOL_BACKEND_REQ = 5,
	PROTOCOL_PAGEFAULT = 8,
	PROTOCOL_STATUS = 16,
};

typedef const char *check_fn(const struct message *m, const int *fds, unsigned n_fds);

static const char *check_ring_state(const struct message *m, const int *fds, unsigned n_fds)
{
	return m->state.index < MESSAGE_RINGS_MAX ? NULL : "for a queue that cannot exist";
}

static const char *check_ring_num(const struct message *m, const int *fds, unsigned n_fds)
{
	if (m->state.num == 0 || m->state.num > MESSAGE_RING_SIZE)
		return "with an impossible ring size";
	return check_ring_state(m, fds, n_fds);
}

static const char *check_ring_addr(const struct message *m, const int *fds, unsigned n_fds)
{
	return m->addr.index < MESSAGE_RINGS_MAX ? NULL : "for a queue that cannot exist";
}

static bool is_eventfd(int fd)
{
	char path[32], target[32] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target) - 1) > 0 &&
	       strcmp(target, "anon_inode:[eventfd]") == 0;
}

/* A worker writes to it: nothing else than an eventfd, and none that blocks, may get that far. */
static const char *check_ring_fd(const struct message *m, const int *fds, unsigned n_fds)
{
	if (m->u64 & ~(U64_INDEX_MASK | U64_NO_FD))
		return "for a queue that cannot exist";
	if (n_fds != (m->u64 & U64_NO_FD ? 0 : 1))
		return "with the wrong number of descriptors";
	if (n_fds == 0)
		return NULL;
	if (!is_eventfd(fds[0]))
		return "with a descriptor that is not an eventfd";
	return fcntl(fds[0], F_SETFL, O_RDWR | O_NONBLOCK) < 0 ? "with an unusable eventfd" : NULL;
}

/* Bytes up to `offset` + `bytes` can be mapped and are there: beyond the end of a file is SIGBUS.
 */
static const char *check_file(int fd, uint64_t offset, uint64_t bytes)
{
	struct stat st;
	uint64_t end;

	if (bytes == 0 || __builtin_add_overflow(offset, bytes, &end))
		return "with an impossible size or offset";
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return "with a descriptor that is not memory";
	return end > (uint64_t)st.st_size ? "with memory that is smaller than it says" : NULL;
}

static const char *check_memory(const struct message *m, const int *fds, unsigned n_fds)
{
	unsigned n = m->memory.n_regions;
	const char *why;
	uint64_t end;

	if (n == 0 || n > MESSAGE_REGIONS_MAX)
		return "with an impossible number of regions";
	if (n_fds != n)
		return "with the wrong number of descriptors";
	if (m->size != 8 + n * sizeof(struct message_region))
		return "of the wrong size";
	for (unsigned i = 0; i < n; i++) {
		struct message_region r = m->memory.regions[i];

		if (__builtin_add_overflow(r.guest_addr, r.bytes, &end) ||
		    __builtin_add_overflow(r.user_addr, r.bytes, &end))
			return "with a region that wraps around";
		why = check_file(fds[i], r.mmap_offset, r.bytes);
		if (why)
			return why;
	}
	return NULL;
}

static const char *check_log(const struct message *m, const int *fds, unsigned n_fds)
{
	return check_file(fds[0], m->log.mmap_offset, m->log.bytes);
}

/* What a request is made of; a request without a name is not known. */
static const struct shape {
	const char *name;
	uint16_t min, max; /* bytes */
	uint8_t min_fds, max_fds;
	int8_t protocol;
	check_fn *check;
} shapes[] = {
	[1] = {"GET_FEATURES", 0, 8, 0, 0, ALWAYS, NULL},
	[2] = {"SET_FEATURES", 8, 8, 0, 0, ALWAYS, NULL},
	[3] = {"SET_OWNER", 0, 8, 0, 0, ALWAYS, NULL},
	[4] = {"RESET_OWNER", 0, 8, 0, 0, ALWAYS, NULL},
	[5] = {"SET_MEM_TABLE", 40, 264, 1, 8, ALWAYS, check_memory},
	[6] = {"SET_LOG_BASE", 16, 16, 1, 1, PROTOCOL_LOG_SHMFD, check_log},
	[7] = {"SET_LOG_FD", 0, 8, 1, 1, PROTOCOL_LOG_SHMFD, NULL},
	[8] = {"SET_VRING_NUM", 8, 8, 0, 0, ALWAYS, check_ring_num},
	[9] = {"SET_VRING_ADDR", 40, 40, 0, 0, ALWAYS, check_ring_addr},
	[10] = {"SET_VRING_BASE", 8, 8, 0, 0, ALWAYS, check_ring_state},
	[11] = {"GET_VRING_BASE", 8, 8, 0, 0, ALWAYS, check_ring_state},
	[12] = {"SET_VRING_KICK", 8, 8, 0, 1, ALWAYS, check_ring_fd},
	[13] = {"SET_VRING_CALL", 8, 8, 0, 1, ALWAYS, check_ring_fd},
	[14] = {"SET_VRING_ERR", 8, 8, 0, 1, ALWAYS, check_ring_fd},
	[15] = {"GET_PROTOCOL_FEATURES", 0, 8, 0, 0, ALWAYS, NULL},
	[16] = {"SET_PROTOCOL_FEATURES", 8, 8, 0, 0, ALWAYS, NULL},
	[17] = {"GET_QUEUE_NUM", 0, 8, 0, 0, PROTOCOL_MQ, NULL},
	[18] = {"SET_VRING_ENABLE", 8, 8, 0, 0, ALWAYS, check_ring_state},
	[19] = {"SEND_RARP", 8, 8, 0, 0, PROTOCOL_RARP, NULL},
	[20] = {"NET_SET_MTU", 8, 8, 0, 0, PROTOCOL_NET_MTU, NULL},
	[21] = {"SET_BACKEND_REQ_FD", 0, 8, 1, 1, PROTOCOL_BACKEND_REQ, NULL},
	[28] = {"POSTCOPY_ADVISE", 0, 8, 0, 0, PROTOCOL_PAGEFAULT, NULL},
	[29] = {"POSTCOPY_LISTEN", 0, 8, 0, 0, PROTOCOL_PAGEFAULT, NULL},
	[30] = {"POSTCOPY_END", 0, 8, 0, 0, PROTOCOL_PAGEFAULT, NULL},
	[39] = {"SET_STATUS", 8, 8, 0, 0, PROTOCOL_STATUS, NULL},
	[40] = {"GET_STATUS", 0, 8, 0, 0, PROTOCOL_STATUS, NULL},
};

static const struct shape *shape_of(uint32_t request)
{
	return request < ARRAY_SIZE(shapes) && shapes[request].name ? &shapes[request] : NULL;
}

const char *message_name(uint32_t request)
{
	const struct shape *s = shape_of(request);

	return s ? s->name : "request";
}

const char *message_check(const struct message *m, const int *fds, unsigned n_fds,
			  uint64_t protocol)
{
	const struct shape *s = shape_of(m->request);

	if ((m->flags & FLAG_VERSION_MASK) != FLAG_VERSION || (m->flags & FLAG_REPLY))
		return "with flags that no frontend sends";
	if (!s || (s->protocol >= 0 && !(protocol >> s->protocol & 1)))
		return "that was not offered";
	if (m->size < s->min || m->size > s->max)
		return "of the wrong size";
	if (n_fds < s->min_fds || n_fds > s->max_fds)
		return "with the wrong number of descriptors";
	return s->check ? s->check(m, fds, n_fds) : NULL;
}
