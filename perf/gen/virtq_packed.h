/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_VIRTQ_PACKED_H
#define GEN_VIRTQ_PACKED_H

/* What virtq.h promises, for packed rings (virtio 1.2, section 2.8). Called by virtq.c. */

#include "perf/gen/virtq.h"

void virtq_packed_reset(struct virtq *vq);
int virtq_packed_add(struct virtq *vq, const struct virtq_buf *bufs, unsigned n,
		     struct vring_desc *indirect, void *cookie);
void virtq_packed_publish(struct virtq *vq);
/* Whether the backend wants to be signalled for what was published since the last question. */
bool virtq_packed_wants_kick(struct virtq *vq);
int virtq_packed_get(struct virtq *vq, void **cookie, uint32_t *len);
/* 1 when something waits, else 0. */
uint16_t virtq_packed_n_used(const struct virtq *vq);
void virtq_packed_callbacks(struct virtq *vq, bool on);

/* The flags that make a descriptor available, or show it used, where the wrap counter is `wrap`. */
static inline uint16_t virtq_packed_avail_flags(bool wrap)
{
	return (uint16_t)(1u << (wrap ? VRING_PACKED_DESC_F_AVAIL : VRING_PACKED_DESC_F_USED));
}

static inline bool virtq_packed_is_used(uint16_t flags, bool wrap)
{
	const uint16_t both = (1u << VRING_PACKED_DESC_F_AVAIL) | (1u << VRING_PACKED_DESC_F_USED);

	return (flags & both) == (wrap ? both : 0);
}

#endif
