/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_VIRTIO_NET_H
#define VMM_VIRTIO_NET_H

/* What the parts of virtio-net on vhost-user share; the rest of weft-vmm sees vmm/device.h. */

#include "common/virtio_net.h"
#include "vmm/device.h"
#include "vmm/state.h"
#include "vmm/vhost_user.h"
#include "vmm/virtq.h"

struct virtio_net {
	struct virtio d; /* first */
	struct vhost_user vu;
	struct virtio_net_config config;
	uint64_t wanted; /* of a backend's features, the most */
	unsigned pairs, pairs_used;
	unsigned sessions;
	char error[200];
	bool suspended; /* started, but no backend has the rings */
	/* Where the rings stand, as the last backend said when it let go of them. */
	bool stands;
	uint32_t bases[VIRTIO_QUEUES_MAX];
	bool tell_link; /* the guest knows another state of it */
	bool moved;	/* the guest came from elsewhere, and the network does not know it yet */
	void (*ready)(struct virtio *d, void *arg);
	void *arg;

	struct loop *loop;
	struct loop_watch listener, connection;
	struct loop_timer retry, outage;
	int listen_fd;
	struct device_queue control_queue;
	struct virtq control;
};

static inline bool virtio_net_has_control(const struct virtio_net *n)
{
	return n->pairs > 1;
}

static inline unsigned virtio_net_data_rings(const struct virtio_net *n)
{
	return 2 * n->pairs;
}

/* For virtio_ops. */
void virtio_net_save(const struct virtio *d, struct state_writer *w);
int virtio_net_load(struct virtio *d, struct state_reader *r, struct err *e);

#endif
