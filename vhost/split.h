/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_SPLIT_H
#define VHOST_SPLIT_H

/* What virtqueue.h promises, for split rings (VIRTIO 1.2, 2.7). Called by virtqueue.c alone;
 * split_put is in virtqueue.h. */

#include "vhost/virtqueue.h"

unsigned split_peek(struct virtqueue *vq, struct burst *b, unsigned max);
/* Publishes; the caller notifies. */
void split_release(struct virtqueue *vq, unsigned n);

uint64_t split_put_plain(struct virtqueue *vq, const struct burst *b, uint64_t mask,
			 const struct offloads *takes);
/* Publishes what was put. False: nothing was. */
bool split_flush(struct virtqueue *vq);
void split_prefetch(struct virtqueue *vq, unsigned n);
void split_rewind(struct virtqueue *vq, struct virtqueue_mark mark);

bool split_arm(struct virtqueue *vq);
void split_disarm(struct virtqueue *vq);
/* Whether the guest wants an interrupt for what was published since it was last told. */
bool split_wants_call(const struct virtqueue *vq);
uint16_t split_posted(const struct virtqueue *vq);

#endif
