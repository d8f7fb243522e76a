/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_VHOST_USER_H
#define VMM_VHOST_USER_H

/*
 * The frontend's half of the vhost-user protocol (QEMU's docs/interop/vhost-user): one connection
 * to a backend, and its messages in the order in which QEMU sends them. No device knowledge.
 *
 * The backend is not trusted: an answer has to come within VHOST_USER_TIMEOUT_MS, be to the request
 * in hand and of the right size; descriptors that come with it are closed. After any error the
 * connection is of no use any more.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/memory.h"

#define VHOST_USER_TIMEOUT_MS	      2000
#define VHOST_USER_PATH_MAX	      108
#define VHOST_USER_F_PROTOCOL_BIT     30
#define VHOST_USER_PROTOCOL_MQ	      (1ull << 0)
#define VHOST_USER_PROTOCOL_REPLY_ACK (1ull << 3)
#define VHOST_USER_PROTOCOL_NET_MTU   (1ull << 4)

struct vhost_user {
	int fd; /* -1: not connected */
	char path[VHOST_USER_PATH_MAX];
	uint64_t offered;  /* device features of the backend */
	uint64_t protocol; /* protocol features agreed on */
	unsigned pairs_max;
};

struct vhost_user_ring {
	uint16_t size;
	uint32_t base;
	const void *desc, *avail, *used;
	int kick_fd, call_fd; /* call_fd -1: no interrupts */
};

/* Learns what the backend offers. `vu->fd` is a fresh connection. */
int vhost_user_handshake(struct vhost_user *vu, struct err *e);
int vhost_user_set_features(struct vhost_user *vu, uint64_t features, struct err *e);
int vhost_user_set_memory(struct vhost_user *vu, const struct memory *m, struct err *e);
/* Tells the MTU to a backend that wants to know it. */
int vhost_user_set_mtu(struct vhost_user *vu, unsigned mtu, struct err *e);
int vhost_user_ring_start(struct vhost_user *vu, unsigned index, const struct vhost_user_ring *r,
			  struct err *e);
int vhost_user_ring_call(struct vhost_user *vu, unsigned index, int call_fd, struct err *e);
int vhost_user_ring_enable(struct vhost_user *vu, unsigned index, bool on, struct err *e);
/* Afterwards the backend does not touch the ring any more. */
int vhost_user_ring_stop(struct vhost_user *vu, unsigned index, struct err *e);

#endif
