/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/session.h"

#include <errno.h>
#include <limits.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "vhost/features.h"
#include "vhost/vhost_socket.h"

/*
 * Every message passes our hooks. One that may move memory or rings under the workers (`disturbs`)
 * finds the rings detached: the hook before it detaches, which waits for the workers, and the hook
 * after it attaches again if everything is still there. So the library never unmaps or re-points
 * anything that a worker can reach.
 *
 * Eventfds are duplicated: the library closes its own when the frontend sends new ones, which QEMU
 * does for the call eventfd while the guest runs.
 */

enum vhost_user_request {
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_REQUESTS_MAX = 32, /* bits of requests_seen */
};

static struct vhost *registry; /* w: control, while the library has no port of ours */

void session_registry_set(struct vhost *vh)
{
	registry = vh;
}

static struct vhost_port *find_by_path(const char *path)
{
	struct vhost_port *vp;

	TAILQ_FOREACH (vp, &registry->ports, link)
		if (strcmp(vp->path, path) == 0)
			return vp;
	return NULL;
}

static struct vhost_port *find_by_vid(int vid)
{
	struct vhost_port *vp;

	TAILQ_FOREACH (vp, &registry->ports, link)
		if (vp->vid == vid)
			return vp;
	return NULL;
}

static void changed(struct vhost *vh)
{
	eventfd_write(vh->event_fd, 1);
}

static bool seen(const struct vhost_port *vp, enum vhost_user_request request)
{
	return vp->requests_seen >> request & 1;
}

enum vhost_step session_step(const struct vhost_port *vp)
{
	if (vp->attached)
		return VHOST_STEP_UP;
	if (vp->vid < 0)
		return VHOST_STEP_CONNECT;
	if (!seen(vp, VHOST_USER_SET_FEATURES))
		return VHOST_STEP_FEATURES;
	if (!seen(vp, VHOST_USER_SET_MEM_TABLE))
		return VHOST_STEP_MEMORY;
	if (!seen(vp, VHOST_USER_SET_VRING_ADDR) || !seen(vp, VHOST_USER_SET_VRING_KICK))
		return VHOST_STEP_RINGS;
	return VHOST_STEP_ENABLE;
}

/* --- attach and detach ------------------------------------------------------------------------ */

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

static int attach_ring(struct vhost_port *vp, unsigned q)
{
	struct rte_vhost_vring lib;
	struct virtqueue_params params = {.mem = &vp->mem, .call_fd = -1};

	if (rte_vhost_get_vhost_vring(vp->vid, (uint16_t)q, &lib) < 0 ||
	    rte_vhost_get_vring_base(vp->vid, (uint16_t)q, &params.next_avail, &params.next_used) <
		    0)
		return -EINVAL;
	if (!lib.desc || !lib.avail || !lib.used || lib.size == 0 ||
	    lib.size > VIRTQUEUE_SIZE_MAX || (lib.size & (lib.size - 1)))
		return -EINVAL;

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
	virtqueue_attach(&vp->rings[q], &params);

	vp->kick_fds[q] = lib.kickfd >= 0 ? dup(lib.kickfd) : -1;
	if (vp->kick_fds[q] >= 0)
		worker_watch(vp->port.worker, vp->kick_fds[q]);
	return 0;
}

static void release_fds(struct vhost_port *vp)
{
	for (unsigned q = 0; q < VHOST_RINGS; q++) {
		int call_fd = atomic_exchange(&vp->rings[q].call_fd, -1);

		if (call_fd >= 0)
			close(call_fd);
		if (vp->kick_fds[q] >= 0) {
			worker_unwatch(vp->port.worker, vp->kick_fds[q]);
			close(vp->kick_fds[q]);
			vp->kick_fds[q] = -1;
		}
	}
}

static void attach(struct vhost_port *vp)
{
	if (vp->attached || !vp->running || !vp->ready[VHOST_TO_GUEST] ||
	    !vp->ready[VHOST_FROM_GUEST])
		return;
	if (rte_vhost_get_negotiated_features(vp->vid, &vp->features) < 0 || copy_memory(vp) < 0)
		goto err_unusable;
	for (unsigned q = 0; q < VHOST_RINGS; q++)
		if (attach_ring(vp, q) < 0)
			goto err_unusable;

	vp->takes = vhost_features_takes(vp->features);
	vp->port.done_ahead = 0;
	vp->port.n_seen = 0;
	vp->port.notify_due_ns = 0;
	vp->port.full_since_ns = 0;
	vp->attached = true;
	vp->error[0] = '\0';
	dataplane_port_set_up(vp->vhost->dp, &vp->port, true);
	log_info(LOG_VHOST, "port is up port=%s features=0x%llx", vp->port.name,
		 (unsigned long long)vp->features);
	return;

err_unusable:
	release_fds(vp);
	snprintf(vp->error, sizeof(vp->error), "the frontend's rings or memory table are unusable");
	log_warn(LOG_VHOST, "%s port=%s", vp->error, vp->port.name);
}

/* After it no worker holds anything of the session, and the library knows where the rings stand. */
static void detach(struct vhost_port *vp)
{
	if (!vp->attached)
		return;
	dataplane_port_set_up(vp->vhost->dp, &vp->port, false);
	vp->attached = false;
	virtqueue_notify(&vp->rings[VHOST_FROM_GUEST]);
	for (unsigned q = 0; q < VHOST_RINGS; q++)
		rte_vhost_set_vring_base(vp->vid, (uint16_t)q, vp->rings[q].next_avail,
					 vp->rings[q].next_used);
	release_fds(vp);
}

/* The frontend may change the call eventfds while the rings run. */
static void refresh_call_fds(struct vhost_port *vp)
{
	for (unsigned q = 0; q < VHOST_RINGS; q++) {
		struct rte_vhost_vring lib;
		int old;

		if (rte_vhost_get_vhost_vring(vp->vid, (uint16_t)q, &lib) < 0)
			continue;
		old = atomic_exchange(&vp->rings[q].call_fd,
				      lib.callfd >= 0 ? dup(lib.callfd) : -1);
		if (old < 0)
			continue;
		/* A worker may be about to write to it. */
		dataplane_synchronize(vp->vhost->dp);
		close(old);
	}
	/* Calls made into the old eventfds' void are made up for. */
	for (unsigned q = 0; q < VHOST_RINGS; q++)
		if (vp->rings[q].call_fd >= 0)
			eventfd_write(vp->rings[q].call_fd, 1);
}

/* --- callbacks, in librte_vhost's event thread ------------------------------------------------ */

static bool disturbs(uint32_t request)
{
	switch (request) {
	case VHOST_USER_SET_FEATURES:
	case VHOST_USER_SET_MEM_TABLE:
	case VHOST_USER_SET_VRING_NUM:
	case VHOST_USER_SET_VRING_ADDR:
	case VHOST_USER_SET_VRING_BASE:
	case VHOST_USER_SET_VRING_KICK:
		return true;
	default:
		return false;
	}
}

/* The message's layout is the library's own; its first word is the request number. */
static uint32_t request_of(const void *msg)
{
	uint32_t request;

	memcpy(&request, msg, sizeof(request));
	return request;
}

static enum rte_vhost_msg_result before_message(int vid, void *msg)
{
	struct vhost_port *vp;

	pthread_mutex_lock(&registry->lock);
	vp = find_by_vid(vid);
	if (vp && disturbs(request_of(msg)))
		detach(vp);
	pthread_mutex_unlock(&registry->lock);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static enum rte_vhost_msg_result after_message(int vid, void *msg)
{
	uint32_t request = request_of(msg);
	struct vhost_port *vp;

	pthread_mutex_lock(&registry->lock);
	vp = find_by_vid(vid);
	if (vp) {
		if (request < VHOST_USER_REQUESTS_MAX)
			vp->requests_seen |= 1u << request;
		if (disturbs(request))
			attach(vp);
		else if (request == VHOST_USER_SET_VRING_CALL && vp->attached)
			refresh_call_fds(vp);
		log_debug(LOG_VHOST, "message port=%s request=%u step=%d", vp->port.name, request,
			  session_step(vp));
	}
	pthread_mutex_unlock(&registry->lock);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static const struct rte_vhost_user_extern_ops message_hooks = {
	.pre_msg_handle = before_message,
	.post_msg_handle = after_message,
};

static void forget(struct vhost_port *vp)
{
	detach(vp);
	vp->vid = -1;
	vp->running = false;
	vp->ready[VHOST_TO_GUEST] = vp->ready[VHOST_FROM_GUEST] = false;
	vp->requests_seen = 0;
}

static int on_new_connection(int vid)
{
	char path[PATH_MAX];
	struct vhost_port *vp;
	int ret = -1;

	if (rte_vhost_get_ifname(vid, path, sizeof(path)) < 0)
		return -1;
	pthread_mutex_lock(&registry->lock);
	vp = find_by_path(path);
	if (vp && vp->vid >= 0 && vhost_socket_has_dead_peer(path))
		forget(vp); /* what the library still has to tell of that one finds no port */
	if (vp && vp->vid >= 0) {
		log_warn(LOG_VHOST, "a second frontend was refused port=%s", vp->port.name);
	} else if (vp && rte_vhost_extern_callback_register(vid, &message_hooks, NULL) == 0) {
		vp->vid = vid;
		vp->requests_seen = 0;
		vp->sessions++;
		vp->error[0] = '\0';
		ret = 0;
		log_info(LOG_VHOST, "frontend connected port=%s path=%s", vp->port.name, path);
		changed(vp->vhost);
	}
	pthread_mutex_unlock(&registry->lock);
	return ret;
}

void session_forget(struct vhost_port *vp)
{
	pthread_mutex_lock(&vp->vhost->lock);
	forget(vp);
	pthread_mutex_unlock(&vp->vhost->lock);
}

static void on_destroy_connection(int vid)
{
	struct vhost_port *vp;

	pthread_mutex_lock(&registry->lock);
	vp = find_by_vid(vid);
	if (vp) {
		forget(vp);
		vp->retry_at_ms = 0;
		log_info(LOG_VHOST, "frontend disconnected port=%s", vp->port.name);
		changed(vp->vhost);
	}
	pthread_mutex_unlock(&registry->lock);
}

static int on_new_device(int vid)
{
	struct vhost_port *vp;

	pthread_mutex_lock(&registry->lock);
	vp = find_by_vid(vid);
	if (vp) {
		vp->running = true;
		attach(vp);
		changed(vp->vhost);
	}
	pthread_mutex_unlock(&registry->lock);
	return vp ? 0 : -1;
}

static void on_destroy_device(int vid)
{
	struct vhost_port *vp;

	pthread_mutex_lock(&registry->lock);
	vp = find_by_vid(vid);
	if (vp) {
		detach(vp);
		vp->running = false;
		log_info(LOG_VHOST, "port is down: the frontend stopped its rings port=%s",
			 vp->port.name);
		changed(vp->vhost);
	}
	pthread_mutex_unlock(&registry->lock);
}

static int on_vring_state_changed(int vid, uint16_t queue, int enable)
{
	struct vhost_port *vp;

	pthread_mutex_lock(&registry->lock);
	vp = find_by_vid(vid);
	if (vp && queue < VHOST_RINGS) {
		vp->ready[queue] = enable;
		if (enable)
			attach(vp);
		else
			detach(vp);
		changed(vp->vhost);
	}
	pthread_mutex_unlock(&registry->lock);
	return 0;
}

const struct rte_vhost_device_ops session_callbacks = {
	.new_device = on_new_device,
	.destroy_device = on_destroy_device,
	.vring_state_changed = on_vring_state_changed,
	.new_connection = on_new_connection,
	.destroy_connection = on_destroy_connection,
};
