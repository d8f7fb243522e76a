/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/session.h"

#include <errno.h>
#include <limits.h>
#include <linux/vhost_types.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "vhost/announce.h"
#include "vhost/features.h"

/*
 * Every message passes our hooks. One that may move memory or rings under the workers finds them
 * detached: the hook before it pauses the pairs that it is about, which waits for the workers, and
 * the hook after it attaches them again if everything is still there. So the library never unmaps
 * or re-points anything that a worker can reach, and frames wait the moment out. A pair that is
 * still not back by the end of the next message is down.
 *
 * A pair works when vring_state_changed has told that both of its rings are set up and enabled. The
 * library's new_device is of no use for that: without its own data path it waits until all rings
 * that were ever named are enabled, and a guest with fewer processors than pairs never does that.
 *
 * What a message may not ask for is refused in the hook after it, because there the library has
 * closed descriptors that came with it, which it does not do for the hook before.
 *
 * Eventfds are duplicated: the library closes its own when the frontend sends new ones, which QEMU
 * does for the call eventfd while the guest runs.
 */

enum vhost_user_request {
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_RESET_OWNER = 4,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_LOG_BASE = 6,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_SEND_RARP = 19,
	VHOST_USER_NET_SET_MTU = 20,
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

static bool is_attached(const struct vhost_port *vp)
{
	for (unsigned k = 0; k < vp->port.n_queues; k++)
		if (vp->pairs[k].attached)
			return true;
	return false;
}

enum vhost_step session_step(const struct vhost_port *vp)
{
	if (is_attached(vp))
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

static void attach(struct vhost_port *vp, unsigned k)
{
	struct vhost_pair *pair = &vp->pairs[k];
	uint16_t next_avail = pair->rings[VHOST_FROM_GUEST].next_avail;

	if (pair->attached || vp->closing || !pair->ready[VHOST_TO_GUEST] ||
	    !pair->ready[VHOST_FROM_GUEST])
		return;
	if (!is_attached(vp) && load_device(vp) < 0)
		goto err_unusable;
	for (unsigned q = 0; q < VHOST_RINGS; q++)
		if (attach_ring(vp, k, q) < 0)
			goto err_unusable;

	reset_queue(vp, k, next_avail);
	if (!is_attached(vp) || !vp->pairs[vp->announce_on].attached)
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
static void pause_pair(struct vhost_port *vp, unsigned k)
{
	if (!vp->pairs[k].attached)
		return;
	dataplane_queue_pause(vp->vhost->dp, &vp->port.queues[k]);
	release(vp, k);
	vp->pairs[k].paused = true;
}

/* After it no worker holds anything of the pair. */
static void detach(struct vhost_port *vp, unsigned k)
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

static void pause_all(struct vhost_port *vp)
{
	for (unsigned k = 0; k < vp->port.n_queues; k++)
		pause_pair(vp, k);
}

static void detach_all(struct vhost_port *vp)
{
	for (unsigned k = 0; k < vp->port.n_queues; k++) {
		detach(vp, k);
		vp->pairs[k].ready[VHOST_TO_GUEST] = vp->pairs[k].ready[VHOST_FROM_GUEST] = false;
	}
}

/* The frontend may change a call eventfd while the rings run. */
static void refresh_call_fd(struct vhost_port *vp, unsigned ring)
{
	struct virtqueue *vq = &vp->pairs[ring / VHOST_RINGS].rings[ring % VHOST_RINGS];
	struct rte_vhost_vring lib;
	int old;

	if (!vp->pairs[ring / VHOST_RINGS].attached ||
	    rte_vhost_get_vhost_vring(vp->vid, (uint16_t)ring, &lib) < 0)
		return;
	old = atomic_exchange(&vq->call_fd, lib.callfd >= 0 ? dup(lib.callfd) : -1);
	if (old >= 0) {
		/* A worker may be about to write to it. */
		dataplane_synchronize(vp->vhost->dp);
		close(old);
	}
	/* Calls made into the old eventfd's void are made up for. */
	if (vq->call_fd >= 0)
		eventfd_write(vq->call_fd, 1);
}

/* --- messages -----------------------------------------------------------------------------------
 */

#define PAYLOAD_OFFSET 12 /* after request, flags and size */

/* A message begins as it came over the wire; what follows the payload is the library's own. */
static uint32_t request_of(const void *msg)
{
	uint32_t request;

	memcpy(&request, msg, sizeof(request));
	return request;
}

static uint64_t payload_of(const void *msg)
{
	uint64_t payload;

	memcpy(&payload, (const char *)msg + PAYLOAD_OFFSET, sizeof(payload));
	return payload;
}

/* The ring that a message about one ring names; n rings of the port or more: not ours. */
static unsigned ring_of(const void *msg)
{
	return payload_of(msg) & 0xff;
}

static bool has_ring(const struct vhost_port *vp, unsigned ring)
{
	return ring < VHOST_RINGS * vp->port.n_queues;
}

static void make_way(struct vhost_port *vp, const void *msg)
{
	unsigned ring = ring_of(msg);

	switch (request_of(msg)) {
	case VHOST_USER_SET_FEATURES:
	case VHOST_USER_SET_MEM_TABLE:
	case VHOST_USER_SET_LOG_BASE:
		pause_all(vp);
		break;
	case VHOST_USER_SET_VRING_NUM:
	case VHOST_USER_SET_VRING_ADDR:
	case VHOST_USER_SET_VRING_BASE:
	case VHOST_USER_SET_VRING_KICK:
		if (has_ring(vp, ring))
			pause_pair(vp, ring / VHOST_RINGS);
		break;
	case VHOST_USER_GET_VRING_BASE:
		if (!has_ring(vp, ring))
			break;
		detach(vp, ring / VHOST_RINGS);
		vp->pairs[ring / VHOST_RINGS].ready[ring % VHOST_RINGS] = false;
		break;
	case VHOST_USER_RESET_OWNER:
		detach_all(vp);
		break;
	default:
		break;
	}
}

/* `was_paused`: bits of the pairs that were paused before this message. */
static void resume(struct vhost_port *vp, unsigned was_paused)
{
	for (unsigned k = 0; k < vp->port.n_queues; k++) {
		attach(vp, k);
		if (vp->pairs[k].paused && was_paused >> k & 1)
			detach(vp, k);
	}
}

static unsigned paused_pairs(const struct vhost_port *vp)
{
	unsigned mask = 0;

	for (unsigned k = 0; k < vp->port.n_queues; k++)
		mask |= (unsigned)vp->pairs[k].paused << k;
	return mask;
}

static int refuse(struct vhost_port *vp, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int refuse(struct vhost_port *vp, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(vp->error, sizeof(vp->error), fmt, ap);
	va_end(ap);
	log_warn(LOG_VHOST, "%s port=%s", vp->error, vp->port.name);
	return -EINVAL;
}

/* What a message asks of us beyond what the library did. 0, or -EINVAL: it is refused. */
static int follow(struct vhost_port *vp, const void *msg)
{
	uint64_t payload = payload_of(msg);

	switch (request_of(msg)) {
	case VHOST_USER_SET_VRING_NUM:
		if (!has_ring(vp, ring_of(msg)))
			return refuse(vp,
				      "the frontend has more than %u queue pairs; give it fewer, "
				      "or the port more queues",
				      vp->port.n_queues);
		return 0;
	case VHOST_USER_SET_VRING_CALL:
		if (has_ring(vp, ring_of(msg)))
			refresh_call_fd(vp, ring_of(msg));
		return 0;
	case VHOST_USER_NET_SET_MTU:
		if (payload > vp->mtu_max)
			return refuse(vp,
				      "the frontend wants an MTU of %llu, the port allows %u; "
				      "lower the guest's or raise the port's mtu",
				      (unsigned long long)payload, vp->mtu_max);
		pause_all(vp);
		vp->mtu = (unsigned)payload;
		return 0;
	case VHOST_USER_SEND_RARP:
		announce(vp, (const uint8_t *)msg + PAYLOAD_OFFSET);
		return 0;
	default:
		return 0;
	}
}

static enum rte_vhost_msg_result before_message(int vid, void *msg)
{
	struct vhost_port *vp;

	pthread_mutex_lock(&registry->lock);
	vp = find_by_vid(vid);
	if (vp) {
		vp->was_paused = paused_pairs(vp);
		make_way(vp, msg);
	}
	pthread_mutex_unlock(&registry->lock);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static enum rte_vhost_msg_result after_message(int vid, void *msg)
{
	uint32_t request = request_of(msg);
	struct vhost_port *vp;
	int ret = 0;

	pthread_mutex_lock(&registry->lock);
	vp = find_by_vid(vid);
	if (vp) {
		if (request < VHOST_USER_REQUESTS_MAX)
			vp->requests_seen |= 1u << request;
		ret = follow(vp, msg);
		resume(vp, vp->was_paused);
		log_debug(LOG_VHOST, "message port=%s request=%u step=%d", vp->port.name, request,
			  session_step(vp));
	}
	pthread_mutex_unlock(&registry->lock);
	return ret < 0 ? RTE_VHOST_MSG_RESULT_ERR : RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static const struct rte_vhost_user_extern_ops message_hooks = {
	.pre_msg_handle = before_message,
	.post_msg_handle = after_message,
};

static void forget(struct vhost_port *vp)
{
	detach_all(vp);
	vp->vid = -1;
	vp->mtu = 0;
	vp->requests_seen = 0;
	vp->announcing = false;
}

static int insert_filter(struct vhost_port *vp, int vid)
{
	uint64_t protocol = 0;
	int ret = rte_vhost_driver_get_protocol_features(vp->path, &protocol);

	if (ret == 0)
		ret = filter_insert(registry->filter, vid, vp->path, vp->mode == VHOST_MODE_SERVER,
				    protocol);
	if (ret < 0) {
		snprintf(vp->error, sizeof(vp->error),
			 "cannot serve the frontend: %s; see the limits of weftd's descriptors",
			 strerror(-ret));
		log_warn(LOG_VHOST, "%s port=%s", vp->error, vp->port.name);
	}
	return ret;
}

void session_refused(const char *path, const char *why)
{
	struct vhost_port *vp;

	pthread_mutex_lock(&registry->lock);
	vp = find_by_path(path);
	if (vp) {
		snprintf(vp->error, sizeof(vp->error), "%s: its connection was closed", why);
		log_warn(LOG_VHOST, "%s port=%s", vp->error, vp->port.name);
		changed(vp->vhost);
	}
	pthread_mutex_unlock(&registry->lock);
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
	if (vp && vp->vid >= 0 && filter_has_dead_peer(registry->filter, vp->vid))
		forget(vp); /* what the library still has to tell of that one finds no port */
	if (vp && vp->closing) {
		log_debug(LOG_VHOST, "a frontend came too late port=%s", vp->port.name);
	} else if (vp && vp->vid >= 0) {
		log_warn(LOG_VHOST, "a second frontend was refused port=%s", vp->port.name);
	} else if (vp && insert_filter(vp, vid) == 0 &&
		   rte_vhost_extern_callback_register(vid, &message_hooks, NULL) == 0) {
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

void session_close(struct vhost_port *vp)
{
	pthread_mutex_lock(&vp->vhost->lock);
	vp->closing = true;
	detach_all(vp);
	pthread_mutex_unlock(&vp->vhost->lock);
}

void session_forget(struct vhost_port *vp)
{
	pthread_mutex_lock(&vp->vhost->lock);
	forget(vp);
	vp->closing = false;
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

/* Required; what they tell is told in time by vring_state_changed and our hooks. */
static int on_new_device(int vid)
{
	return 0;
}

static void on_destroy_device(int vid)
{
}

static int on_vring_state_changed(int vid, uint16_t queue, int enable)
{
	struct vhost_port *vp;

	pthread_mutex_lock(&registry->lock);
	vp = find_by_vid(vid);
	if (vp && has_ring(vp, queue)) {
		struct vhost_pair *pair = &vp->pairs[queue / VHOST_RINGS];

		pair->ready[queue % VHOST_RINGS] = enable;
		if (enable)
			attach(vp, queue / VHOST_RINGS);
		else if (!pair->paused)
			detach(vp, queue / VHOST_RINGS);
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
