/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/pair.h"

#include <errno.h>
#include <linux/vhost_types.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_vhost.h>

#include "common/log.h"
#include "vhost/features.h"

/* Eventfds are duplicated: the library closes its own when it likes. */

bool pairs_attached(const struct vhost_port *vp)
{
	for (unsigned k = 0; k < vp->port.n_queues; k++)
		if (vp->pairs[k].attached)
			return true;
	return false;
}

static int copy_memory(struct vhost_port *vp)
{
	struct rte_vhost_memory *table = NULL;
	int ret = -EINVAL;

	if (rte_vhost_get_mem_table(vp->vid, &table) < 0 || !table)
		return -EINVAL;
	if (table->nregions == 0 || table->nregions > GUEST_REGIONS_MAX)
		goto out;
	vp->mem.n = table->nregions;
	for (unsigned i = 0; i < table->nregions; i++)
		vp->mem.regions[i] = (struct guest_region){
			.gpa = table->regions[i].guest_phys_addr,
			.size = table->regions[i].size,
			.hva = (uint8_t *)(uintptr_t)table->regions[i].host_user_addr,
		};
	ret = 0;
out:
	free(table);
	return ret;
}

/* SET_LOG_BASE and SET_FEATURES pause all pairs: what the rings log to changes between two frames.
 */
static void load_log(struct vhost_port *vp)
{
	uint64_t base = 0, size = 0;

	vp->log = (struct dirty_log){0};
	if (!vhost_has(vp->features, VHOST_F_LOG_ALL) ||
	    rte_vhost_get_log_base(vp->vid, &base, &size) < 0)
		return;
	vp->log = (struct dirty_log){.bitmap = (uint8_t *)(uintptr_t)base, .size = size};
}

/* What all pairs of the session share; no worker looks while it is written. */
static int load_device(struct vhost_port *vp)
{
	if (rte_vhost_get_negotiated_features(vp->vid, &vp->features) < 0)
		return -EINVAL;
	load_log(vp);
	vp->takes = vhost_features_takes(vp->features);
	vp->takes.mtu = (uint16_t)vp->mtu;
	return copy_memory(vp);
}

static int attach_ring(struct vhost_port *vp, unsigned k, unsigned q)
{
	uint16_t ring = (uint16_t)(VHOST_RINGS * k + q);
	struct rte_vhost_vring lib;
	struct virtqueue_params params = {.mem = &vp->mem, .call_fd = -1};

	if (rte_vhost_get_vhost_vring(vp->vid, ring, &lib) < 0 ||
	    rte_vhost_get_vring_base(vp->vid, ring, &params.next_avail, &params.next_used) < 0)
		return -EINVAL;
	params.packed = vhost_has(vp->features, VIRTIO_F_RING_PACKED);
	params.in_order = vhost_has(vp->features, VIRTIO_F_IN_ORDER);
	if (!lib.desc || !lib.avail || !lib.used || lib.size == 0 ||
	    lib.size > VIRTQUEUE_SIZE_MAX || (!params.packed && (lib.size & (lib.size - 1))))
		return -EINVAL;

	params.log = vp->log.bitmap ? &vp->log : NULL;
	params.desc = lib.desc;
	params.avail = lib.avail;
	params.used = lib.used;
	params.size = lib.size;
	params.event_idx = vhost_has(vp->features, VIRTIO_RING_F_EVENT_IDX);
	params.indirect = vhost_has(vp->features, VIRTIO_RING_F_INDIRECT_DESC);
	params.mergeable = vhost_has(vp->features, VIRTIO_NET_F_MRG_RXBUF);
	params.version_1 = vhost_has(vp->features, VIRTIO_F_VERSION_1);
	if (lib.callfd >= 0)
		params.call_fd = dup(lib.callfd);
	virtqueue_attach(&vp->pairs[k].rings[q], &params);
	/* A call made while the guest changed its eventfd (QEMU: for each new interrupt mask) may
	 * have gone nowhere. */
	if (vp->pairs[k].paused && params.call_fd >= 0)
		eventfd_write(params.call_fd, 1);

	vp->port.queues[k].wake_fds[q] = lib.kickfd >= 0 ? dup(lib.kickfd) : -1;
	return 0;
}

static void release_rings(struct vhost_port *vp, unsigned k)
{
	for (unsigned q = 0; q < VHOST_RINGS; q++) {
		int call_fd = atomic_exchange(&vp->pairs[k].rings[q].call_fd, -1);
		int *wake_fd = &vp->port.queues[k].wake_fds[q];

		virtqueue_fini(&vp->pairs[k].rings[q]);
		if (call_fd >= 0)
			close(call_fd);
		if (*wake_fd >= 0)
			close(*wake_fd);
		*wake_fd = -1;
	}
}

/* Frames that were held in the ring stay held over a pause. */
static void reset_queue(struct vhost_port *vp, unsigned k, uint16_t next_avail)
{
	struct port_queue *pq = &vp->port.queues[k];

	if (!vp->pairs[k].paused || vp->pairs[k].rings[VHOST_FROM_GUEST].next_avail != next_avail)
		pq->done_ahead = pq->n_seen = 0;
	pq->notify_due_ns = 0;
	pq->full_since_ns = 0;
	vp->pairs[k].unnotified_bytes = 0;
}

void pair_attach(struct vhost_port *vp, unsigned k)
{
	struct vhost_pair *pair = &vp->pairs[k];
	uint16_t next_avail = pair->rings[VHOST_FROM_GUEST].next_avail;

	if (pair->attached || vp->closing || !pair->ready[VHOST_TO_GUEST] ||
	    !pair->ready[VHOST_FROM_GUEST])
		return;
	if (!pairs_attached(vp) && load_device(vp) < 0)
		goto err_unusable;
	for (unsigned q = 0; q < VHOST_RINGS; q++)
		if (attach_ring(vp, k, q) < 0)
			goto err_unusable;

	reset_queue(vp, k, next_avail);
	if (!pairs_attached(vp) || !vp->pairs[vp->announce_on].attached)
		vp->announce_on = (uint16_t)k;
	pair->attached = true;
	vp->error[0] = '\0';
	dataplane_queue_up(vp->vhost->dp, &vp->port.queues[k]);
	if (!pair->paused)
		log_info(LOG_VHOST, "port is up port=%s pair=%u features=0x%llx", vp->port.name, k,
			 (unsigned long long)vp->features);
	pair->paused = false;
	return;

err_unusable:
	release_rings(vp, k);
	snprintf(vp->error, sizeof(vp->error), "the frontend's rings or memory table are unusable");
	log_warn(LOG_VHOST, "%s port=%s pair=%u", vp->error, vp->port.name, k);
}

/* Workers have let go of the pair's rings; the library learns where they stand. */
static void release(struct vhost_port *vp, unsigned k)
{
	struct vhost_pair *pair = &vp->pairs[k];

	pair->attached = false;
	virtqueue_notify(&pair->rings[VHOST_FROM_GUEST]);
	for (unsigned q = 0; q < VHOST_RINGS; q++)
		rte_vhost_set_vring_base(vp->vid, (uint16_t)(VHOST_RINGS * k + q),
					 pair->rings[q].next_avail, pair->rings[q].next_used);
	release_rings(vp, k);
}

/* For the time of a message: frames for the pair wait. */
void pair_pause(struct vhost_port *vp, unsigned k)
{
	if (!vp->pairs[k].attached)
		return;
	dataplane_queue_pause(vp->vhost->dp, &vp->port.queues[k]);
	release(vp, k);
	vp->pairs[k].paused = true;
}

/* After it no worker holds anything of the pair. */
void pair_detach(struct vhost_port *vp, unsigned k)
{
	struct vhost_pair *pair = &vp->pairs[k];

	if (!pair->attached && !pair->paused)
		return;
	dataplane_queue_down(vp->vhost->dp, &vp->port.queues[k]);
	if (pair->attached)
		release(vp, k);
	pair->paused = false;
	log_info(LOG_VHOST, "queue pair is down port=%s pair=%u", vp->port.name, k);
}

void pairs_pause(struct vhost_port *vp)
{
	for (unsigned k = 0; k < vp->port.n_queues; k++)
		pair_pause(vp, k);
}

void pairs_detach(struct vhost_port *vp)
{
	for (unsigned k = 0; k < vp->port.n_queues; k++) {
		pair_detach(vp, k);
		vp->pairs[k].ready[VHOST_TO_GUEST] = vp->pairs[k].ready[VHOST_FROM_GUEST] = false;
	}
}
