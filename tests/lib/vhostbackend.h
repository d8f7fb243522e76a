/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_VHOSTBACKEND_H
#define TESTS_LIB_VHOSTBACKEND_H

/* A vhost-user backend without rings: a thread that answers as told, and counts. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define REQUESTS 64

enum {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_MEM_TABLE = 5,
	SET_LOG_BASE = 6,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	GET_QUEUE_NUM = 17,
	SET_VRING_ENABLE = 18,
	SEND_RARP = 19,
};

struct backend {
	pthread_t thread;
	int fd;
	uint64_t features, protocol;
	atomic_uint lie_about; /* a request that is answered with nonsense */
	atomic_uint stands;    /* where it says that rings stand */
	atomic_uint seen[REQUESTS], enabled, bases[2], ring_flags;
	_Atomic uint64_t got_features, announced;
};

/* Serves `fd`, a connection that it owns from now on; `protocol`: features beside MQ and REPLY_ACK.
 */
void backend_start(struct backend *b, int fd, uint64_t features, uint64_t protocol);
/* Ends it; what it has counted stays. */
void backend_kill(struct backend *b);

#endif
