/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/device.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void on_kick(struct loop_watch *w, uint32_t events)
{
	struct device_queue *q = container_of(w, struct device_queue, watch);
	uint64_t count;

	(void)!read(w->fd, &count, sizeof(count));
	if (q->device->started)
		q->kicked(q->device, q->queue);
}

int device_queue_init(struct device_queue *q, struct loop *loop, struct virtio *d, unsigned queue,
		      void (*kicked)(struct virtio *d, unsigned queue), struct err *e)
{
	int ret;

	*q = (struct device_queue){.watch = {.ready = on_kick, .fd = -1},
				   .device = d,
				   .kicked = kicked,
				   .queue = queue};
	ret = loop_watch_add(loop, &q->watch, d->queues[queue].kick_fd, EPOLLIN);
	return ret ? err_set(e, -ret, "cannot wait for the guest: %s", strerror(-ret)) : 0;
}

void device_queue_fini(struct device_queue *q)
{
	loop_watch_del(&q->watch);
}

void device_queue_again(struct device_queue *q)
{
	const uint64_t one = 1;

	(void)!write(q->device->queues[q->queue].kick_fd, &one, sizeof(one));
}
