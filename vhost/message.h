/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_MESSAGE_H
#define VHOST_MESSAGE_H

/*
 * A vhost-user message of a frontend, and whether it may be one: its request is known and belongs
 * to a protocol feature that was offered, its size, descriptors, queue index and lengths fit.
 * Everything else about it is the library's business. ("vhost-user Protocol", section "Message
 * Specification" of QEMU's documentation.)
 */

#include <assert.h>
#include <linux/vhost.h>
#include <stddef.h>
#include <stdint.h>

#include "common/util.h"

#define MESSAGE_HEADER_BYTES 12
#define MESSAGE_REGIONS_MAX  8
#define MESSAGE_FDS_MAX	     8
#define MESSAGE_RINGS_MAX    256 /* of a session, as in librte_vhost */
#define MESSAGE_RING_SIZE    32768

struct message_region {
	uint64_t guest_addr, bytes, user_addr, mmap_offset;
};

struct message {
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
			struct message_region regions[MESSAGE_REGIONS_MAX];
		} memory;
		struct {
			uint64_t bytes, mmap_offset;
		} log;
		uint8_t bytes[sizeof(uint64_t) +
			      MESSAGE_REGIONS_MAX * sizeof(struct message_region)];
	};
} __attribute__((packed));

static_assert(offsetof(struct message, bytes) == MESSAGE_HEADER_BYTES, "vhost-user header");

/* "SET_MEM_TABLE", or "request" for one that is not known. */
const char *message_name(uint32_t request);

/*
 * Returns NULL when the message with its `n_fds` descriptors may be passed on, else what is wrong
 * with it. `protocol` are the protocol features that the backend offers (bits as on the wire). Sets
 * O_NONBLOCK on eventfds. Any thread.
 */
const char *message_check(const struct message *m, const int *fds, unsigned n_fds,
			  uint64_t protocol);

#endif
