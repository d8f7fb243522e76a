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
#include "vhost/pair.h"

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

enum vhost_step session_step(const struct vhost_port *vp)
{
	if (pairs_attached(vp))
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
		pairs_pause(vp);
		break;
	case VHOST_USER_SET_VRING_NUM:
	case VHOST_USER_SET_VRING_ADDR:
	case VHOST_USER_SET_VRING_BASE:
	case VHOST_USER_SET_VRING_KICK:
	case VHOST_USER_SET_VRING_CALL:
		if (has_ring(vp, ring))
			pair_pause(vp, ring / VHOST_RINGS);
		break;
	case VHOST_USER_GET_VRING_BASE:
		if (!has_ring(vp, ring))
			break;
		pair_detach(vp, ring / VHOST_RINGS);
		vp->pairs[ring / VHOST_RINGS].ready[ring % VHOST_RINGS] = false;
		break;
	case VHOST_USER_RESET_OWNER:
		pairs_detach(vp);
		break;
	default:
		break;
	}
}

/* `was_paused`: bits of the pairs that were paused before this message. */
static void resume(struct vhost_port *vp, unsigned was_paused)
{
	for (unsigned k = 0; k < vp->port.n_queues; k++) {
		pair_attach(vp, k);
		if (vp->pairs[k].paused && was_paused >> k & 1)
			pair_detach(vp, k);
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
	case VHOST_USER_NET_SET_MTU:
		if (payload > vp->mtu_max)
			return refuse(vp,
				      "the frontend wants an MTU of %llu, the port allows %u; "
				      "lower the guest's or raise the port's mtu",
				      (unsigned long long)payload, vp->mtu_max);
		pairs_pause(vp);
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
	pairs_detach(vp);
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
	pairs_detach(vp);
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
			pair_attach(vp, queue / VHOST_RINGS);
		else if (!pair->paused)
			pair_detach(vp, queue / VHOST_RINGS);
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
