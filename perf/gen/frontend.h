/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_FRONTEND_H
#define GEN_FRONTEND_H

/*
 * The VMM's half of the vhost-user protocol, without a VMM: what QEMU says to a backend, in the
 * order in which QEMU says it.
 *
 *   frontend_connect | frontend_listen + frontend_accept
 *     -> frontend_negotiate   GET_FEATURES, protocol features, SET_OWNER, SET_FEATURES
 *     -> frontend_set_mem     SET_MEM_TABLE
 *     -> frontend_queue_start SET_VRING_NUM, BASE, ADDR, KICK, CALL
 *     -> frontend_queue_enable
 *     -> frontend_queue_stop  GET_VRING_BASE
 *   frontend_close            at any moment: to a backend it looks like a VMM that died
 *
 * frontend_send and frontend_recv are the raw wire: any message with any descriptors, so that a
 * test can be wrong on purpose. Nothing here checks what a caller of those two sends.
 *
 * Blocking, one thread. Each wait for an answer is bounded by `timeout_ms` of the frontend.
 * A frontend that lost its backend answers -EPIPE or -ECONNRESET; close it and connect again.
 */

#include <assert.h>
#include <linux/vhost.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "common/err.h"
#include "perf/gen/guestmem.h"

#define FRONTEND_FDS_MAX     8
#define FRONTEND_TIMEOUT_MS  5000
#define FRONTEND_PAYLOAD_MAX 512

/* Feature bit 30 of the handshake: the backend knows protocol features. */
#define FRONTEND_F_PROTOCOL_FEATURES (1ull << 30)
#define FRONTEND_PROTOCOL_MQ	     (1ull << 0)
#define FRONTEND_PROTOCOL_REPLY_ACK  (1ull << 3)

enum frontend_flag {
	FRONTEND_VERSION = 0x1,
	FRONTEND_REPLY = 0x4,
	FRONTEND_NEED_REPLY = 0x8,
};

enum frontend_request {
	FRONTEND_GET_FEATURES = 1,
	FRONTEND_SET_FEATURES,
	FRONTEND_SET_OWNER,
	FRONTEND_RESET_OWNER,
	FRONTEND_SET_MEM_TABLE,
	FRONTEND_SET_LOG_BASE,
	FRONTEND_SET_LOG_FD,
	FRONTEND_SET_VRING_NUM,
	FRONTEND_SET_VRING_ADDR,
	FRONTEND_SET_VRING_BASE,
	FRONTEND_GET_VRING_BASE,
	FRONTEND_SET_VRING_KICK,
	FRONTEND_SET_VRING_CALL,
	FRONTEND_SET_VRING_ERR,
	FRONTEND_GET_PROTOCOL_FEATURES,
	FRONTEND_SET_PROTOCOL_FEATURES,
	FRONTEND_GET_QUEUE_NUM,
	FRONTEND_SET_VRING_ENABLE,
	FRONTEND_SEND_RARP,
	FRONTEND_NET_SET_MTU,
	FRONTEND_REQUEST_N
};

/* "GET_FEATURES", or "?" */
const char *frontend_request_name(unsigned request);

struct frontend_region {
	uint64_t guest_addr;
	uint64_t bytes;
	uint64_t user_addr;
	uint64_t mmap_offset;
};

/* One message in the layout of the wire, host byte order. */
struct frontend_msg {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* bytes of the payload */
	union {
		uint64_t u64;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct {
			uint32_t n_regions;
			uint32_t padding;
			struct frontend_region regions[GUESTMEM_REGIONS_MAX];
		} memory;
		uint8_t bytes[FRONTEND_PAYLOAD_MAX];
	};
} __attribute__((packed));
#define FRONTEND_HEADER_BYTES 12
static_assert(offsetof(struct frontend_msg, bytes) == FRONTEND_HEADER_BYTES, "vhost-user header");

struct frontend {
	int listen_fd; /* -1: we connect */
	int fd;	       /* -1: not connected */
	struct sockaddr_un addr;
	int timeout_ms;		    /* of one answer, FRONTEND_TIMEOUT_MS */
	uint64_t protocol_mask;	    /* what to take of the backend's protocol features */
	uint64_t offered, features; /* of the device: what the backend has, what was agreed */
	uint64_t protocol_offered, protocol;
	unsigned n_pairs_max; /* queue pairs that the backend has; 1 without MQ */
};

/* A packed ring at its start: position 0 and a wrap counter of 1, for both sides (2.8.1). */
#define FRONTEND_BASE_PACKED 0x80008000u

struct frontend_queue {
	uint16_t size;
	uint32_t base; /* index of the next available entry, normally 0 or FRONTEND_BASE_PACKED */
	const void *desc, *avail, *used;
	int kick_fd, call_fd; /* -1: none is sent */
};

/* A frontend that is not connected; frontend_close is allowed on it. */
void frontend_init(struct frontend *f);

/* Connects to a listening backend, trying again for up to `wait_ms` while nobody listens there. */
int frontend_connect(struct frontend *f, const char *path, int wait_ms, struct err *e);

/* Listens at `path` (a stale socket there is replaced); the file is removed by frontend_close. */
int frontend_listen(struct frontend *f, const char *path, struct err *e);

/* Waits up to `wait_ms` for a backend. -ETIMEDOUT when none came; may be called again. */
int frontend_accept(struct frontend *f, int wait_ms, struct err *e);

/* Drops the connection only: a listening frontend can accept the next one. */
void frontend_disconnect(struct frontend *f);
void frontend_close(struct frontend *f);

/* True while the backend holds its end open. Does not block. */
bool frontend_is_alive(const struct frontend *f);

/* Takes `wanted` of what the backend offers; the result is f->features and f->protocol. */
int frontend_negotiate(struct frontend *f, uint64_t wanted, struct err *e);

int frontend_set_mem(struct frontend *f, const struct guestmem *m, struct err *e);

/* `index` counts virtqueues: 2k receives for the guest, 2k+1 transmits. */
int frontend_queue_start(struct frontend *f, unsigned index, const struct frontend_queue *q,
			 struct err *e);
int frontend_queue_enable(struct frontend *f, unsigned index, bool on, struct err *e);
/* Stops the queue; `base` (may be NULL) gets the index at which the backend stood. */
int frontend_queue_stop(struct frontend *f, unsigned index, uint16_t *base, struct err *e);

/* Sends `m` as it stands (header and m->size bytes) with `n_fds` descriptors, which stay ours. */
int frontend_send(struct frontend *f, const struct frontend_msg *m, const int *fds, unsigned n_fds,
		  struct err *e);
/* Receives one message within f->timeout_ms; descriptors that come with it are closed. */
int frontend_recv(struct frontend *f, struct frontend_msg *m, struct err *e);

#endif
