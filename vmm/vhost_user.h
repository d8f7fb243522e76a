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
#define VHOST_USER_PROTOCOL_LOG_SHMFD (1ull << 1)
#define VHOST_USER_PROTOCOL_RARP      (1ull << 2)
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
	uint64_t used_gpa;
	bool logs;	      /* the backend marks what it writes, in the log that it was given */
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
/* Afterwards the backend does not touch the ring any more; `base` is where it stands. */
int vhost_user_ring_stop(struct vhost_user *vu, unsigned index, uint32_t *base, struct err *e);

/* -ENOTSUP when the backend cannot tell which pages it writes. */
int vhost_user_can_log(const struct vhost_user *vu, struct err *e);
/* Gives it the log of `m`, if it can log, and adds the feature by which it does to `features`. */
int vhost_user_set_log(struct vhost_user *vu, const struct memory *m, uint64_t *features,
		       struct err *e);
/* Has the backend tell the network that the guest with this MAC address is here now, if it can. */
int vhost_user_announce(struct vhost_user *vu, const uint8_t mac[6], struct err *e);

#endif
