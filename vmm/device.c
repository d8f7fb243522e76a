/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/device.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/virtio_net.h"
#include "vmm/state.h"

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

void nic_save_config(const struct virtio_net_config *c, struct state_writer *w)
{
	state_put_bytes(w, c->mac, sizeof(c->mac));
	state_put_u16(w, c->mtu);
	state_put_u16(w, c->max_virtqueue_pairs);
}

int nic_load_config(const struct virtio_net_config *own, struct state_reader *r, struct err *e)
{
	struct mac theirs, mac;
	uint16_t mtu, pairs;
	char text[2][MAC_TEXT_MAX];

	memcpy(&mac, own->mac, sizeof(mac));
	state_get_bytes(r, &theirs, sizeof(theirs));
	mtu = state_get_u16(r);
	pairs = state_get_u16(r);
	if (memcmp(&theirs, &mac, sizeof(mac)) != 0)
		return err_set(e, ENOTSUP,
			       "the guest's NIC has MAC address %s, this one %s; set mac=",
			       mac_format(&theirs, text[0]), mac_format(&mac, text[1]));
	if (mtu != own->mtu || pairs != own->max_virtqueue_pairs)
		return err_set(e, ENOTSUP,
			       "the guest's NIC has mtu=%u queues=%u, this one mtu=%u queues=%u",
			       mtu, pairs, own->mtu, own->max_virtqueue_pairs);
	return 0;
}
