/* SPDX-License-Identifier: GPL-2.0-or-later */

/* virtio-net in a machine's state: what the guest knows of it, and where the rings stand. */

#include "vmm/vhost_ring.h"
#include "vmm/virtio_net.h"

void virtio_net_save(const struct virtio *d, struct state_writer *w)
{
	const struct virtio_net *n = container_of(d, const struct virtio_net, d);

	nic_save_config(&n->config, w);
	state_put_u16(w, n->config.status);
	state_put_u16(w, (uint16_t)n->pairs_used);
	state_put_u8(w, n->stands);
	for (unsigned i = 0; i < virtio_net_data_rings(n); i++)
		state_put_u32(w, n->bases[i]);
	if (virtio_net_has_control(n))
		virtq_save(&n->control, d, virtio_net_data_rings(n), w);
}

static int load_rings(struct virtio_net *n, struct state_reader *r, struct err *e)
{
	struct vhost_user_ring ring;

	n->stands = state_get_u8(r) == 1;
	for (unsigned i = 0; i < virtio_net_data_rings(n); i++) {
		n->bases[i] = state_get_u32(r);
		if (!n->d.started || !n->d.queues[i].enabled)
			continue;
		if (vhost_ring_locate(&n->d, i, &ring) < 0 ||
		    (n->stands && !vhost_ring_is_base(&n->d, i, n->bases[i])))
			return state_refuse(r, e, "a queue that is not in the guest's memory");
	}
	if (!virtio_net_has_control(n))
		return 0;
	return virtq_load(&n->control, &n->d, virtio_net_data_rings(n), r, e);
}

int virtio_net_load(struct virtio *d, struct state_reader *r, struct err *e)
{
	struct virtio_net *n = container_of(d, struct virtio_net, d);
	int ret = nic_load_config(&n->config, r, e);

	if (ret)
		return ret;
	n->tell_link = state_get_u16(r) != n->config.status;
	n->pairs_used = state_get_u16(r);
	n->moved = n->suspended = true;
	if (n->pairs_used < 1 || n->pairs_used > n->pairs)
		return state_refuse(r, e, "more queue pairs than there are");
	return load_rings(n, r, e);
}
