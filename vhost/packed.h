/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_PACKED_H
#define VHOST_PACKED_H

/* What virtqueue.h promises, for packed rings (VIRTIO 1.2, 2.8). Called by virtqueue.c alone;
 * packed_put is in virtqueue.h. */

#include "vhost/virtqueue.h"

unsigned packed_peek(struct virtqueue *vq, struct burst *b, unsigned max);
/* Publishes; the caller notifies. */
void packed_release(struct virtqueue *vq, unsigned n);

uint64_t packed_put_plain(struct virtqueue *vq, const struct burst *b, uint64_t mask,
			  const struct offloads *takes);
/* Publishes what was put. False: nothing was. */
bool packed_flush(struct virtqueue *vq);
void packed_prefetch(struct virtqueue *vq, unsigned n);
void packed_rewind(struct virtqueue *vq, struct virtqueue_mark mark);

bool packed_arm(struct virtqueue *vq);
void packed_disarm(struct virtqueue *vq);
/* Whether the guest wants an interrupt for what was published since it was last told. */
bool packed_wants_call(const struct virtqueue *vq);
uint16_t packed_posted(const struct virtqueue *vq);

#endif
