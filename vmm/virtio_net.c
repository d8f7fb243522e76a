/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * virtio-net whose rings a vhost-user backend serves. Doorbells and interrupts go between KVM and
 * the backend; this file is only there when something begins or ends.
 *
 * What the guest can have is what the first backend offers, MAC address, link state and the control
 * queue aside, which are ours. Later backends have to offer at least what the guest's driver took.
 *
 * A backend may go away at any moment and another come, as often as it likes and after any time.
 * The link goes down only when nobody came within LINK_LINGER_MS: a guest whose link goes down
 * forgets its neighbours, and asks for one that it kept trying to reach up to a second after the
 * link is up. A switch that is started again at once is so seen as late frames.
 *
 * The connection is tried for by a timer, or waited for by a listening socket.
 */

#include "vmm/virtio_net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "vmm/device.h"
#include "vmm/passed.h"
#include "vmm/unix_socket.h"
#include "vmm/vhost_ring.h"
#include "vmm/vhost_user.h"

#define RETRY_MS 20
/* Below the 5 s after which Linux complains about a transmit queue that does not move. */
#define LINK_LINGER_MS 4000
#define CLASS_ETHERNET 0x020000

#define BITS_CSUM      (VIRTIO_BIT(VIRTIO_NET_F_CSUM) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM))
#define BITS_TSO                                                                                   \
	(VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO4) | VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO6) |                 \
	 VIRTIO_BIT(VIRTIO_NET_F_HOST_ECN) | VIRTIO_BIT(VIRTIO_NET_F_HOST_UFO) |                   \
	 VIRTIO_BIT(VIRTIO_NET_F_HOST_USO) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4) |                 \
	 VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO6) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_ECN) |                \
	 VIRTIO_BIT(VIRTIO_NET_F_GUEST_UFO) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_USO4) |                \
	 VIRTIO_BIT(VIRTIO_NET_F_GUEST_USO6))
#define BITS_RING                                                                                  \
	(VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) |           \
	 VIRTIO_BIT(VIRTIO_F_RING_PACKED) | VIRTIO_BIT(VIRTIO_F_IN_ORDER) |                        \
	 VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_ORDER_PLATFORM))
#define BITS_BACKEND (BITS_CSUM | BITS_TSO | BITS_RING | VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF))
/* Served here, whatever the backend says. */
#define BITS_OWN                                                                                   \
	(VIRTIO_BIT(VIRTIO_NET_F_MAC) | VIRTIO_BIT(VIRTIO_NET_F_STATUS) |                          \
	 VIRTIO_BIT(VIRTIO_NET_F_MTU) | VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ) |                         \
	 VIRTIO_BIT(VIRTIO_NET_F_MQ))

static struct virtio_net *net_of(struct virtio *d)
{
	return container_of(d, struct virtio_net, d);
}

/* The machine migrates: somebody wants to know which pages the backend writes. */
static bool logs(const struct virtio_net *n)
{
	return atomic_load(&n->d.mem->log) != NULL;
}

/* --- rings --------------------------------------------------------------------------------------
 */

/* Both ends look at their rings again: what was signalled to the last backend may be lost. */
static void nudge(const struct vhost_user_ring *r)
{
	const uint64_t one = 1;

	(void)!write(r->kick_fd, &one, sizeof(one));
	if (r->call_fd >= 0)
		(void)!write(r->call_fd, &one, sizeof(one));
}

static int start_ring(struct virtio_net *n, unsigned i, bool fresh, struct err *e)
{
	struct vhost_user_ring r;
	int ret;

	if (!n->d.queues[i].enabled)
		return 0;
	ret = vhost_ring_locate(&n->d, i, &r);
	if (ret)
		return err_set(e, -ret, "ring %u is not in the guest's memory", i);
	r.base = fresh	     ? vhost_ring_new_base(&n->d)
		 : n->stands ? n->bases[i]
			     : vhost_ring_found_base(&n->d, &r);
	r.logs = logs(n);
	ret = vhost_user_ring_start(&n->vu, i, &r, e);
	ret = ret ?: vhost_user_ring_enable(&n->vu, i, i / 2 < n->pairs_used, e);
	if (!ret && !fresh)
		nudge(&r);
	return ret;
}

/* Hands the rings to the backend. `fresh`: the driver has just made them. */
static int start_rings(struct virtio_net *n, bool fresh, struct err *e)
{
	uint64_t features = n->d.features & n->vu.offered;
	int ret = 0;

	if (logs(n))
		ret = vhost_user_set_log(&n->vu, n->d.mem, &features, e);
	ret = ret ?: vhost_user_set_features(&n->vu, features, e);
	if (n->config.mtu)
		ret = ret ?: vhost_user_set_mtu(&n->vu, n->config.mtu, e);
	ret = ret ?: vhost_user_set_memory(&n->vu, n->d.mem, e);
	for (unsigned i = 0; i < virtio_net_data_rings(n) && ret == 0; i++)
		ret = start_ring(n, i, fresh, e);
	if (!ret && n->moved)
		ret = vhost_user_announce(&n->vu, n->config.mac, e);
	n->stands = n->moved = false;
	return ret;
}

/* --- sessions -----------------------------------------------------------------------------------
 */

static void set_link(struct virtio_net *n, bool up)
{
	uint16_t status = up ? VIRTIO_NET_S_LINK_UP : 0;

	if (n->config.status == status)
		return;
	n->config.status = status;
	virtio_config_changed(&n->d);
}

static void keep_reason(struct virtio_net *n, const struct err *e)
{
	snprintf(n->error, sizeof(n->error), "%.*s", (int)sizeof(n->error) - 1, e->text);
}

/* In any thread: the loop sees the end of the connection and does the rest. */
static void give_up(struct virtio_net *n, const struct err *e)
{
	keep_reason(n, e);
	if (n->vu.fd >= 0)
		shutdown(n->vu.fd, SHUT_RDWR);
}

static void end_session(struct virtio_net *n)
{
	log_info(LOG_VHOST, "backend is gone path=%s%s%s", n->vu.path, n->error[0] ? ": " : "",
		 n->error);
	loop_watch_del(&n->connection);
	close(n->vu.fd);
	n->vu.fd = -1;
	loop_timer_start(n->loop, &n->outage, LINK_LINGER_MS, 0);
	if (n->listen_fd < 0)
		loop_timer_start(n->loop, &n->retry, RETRY_MS, RETRY_MS);
}

static void on_outage(struct loop_timer *t, uint64_t now_ms)
{
	set_link(container_of(t, struct virtio_net, outage), false);
}

/*
 * Between messages of ours a backend has nothing to say. What woke us may have been the answer to a
 * CPU thread, which has taken it meanwhile.
 */
static void on_connection(struct loop_watch *w, uint32_t events)
{
	struct virtio_net *n = container_of(w, struct virtio_net, connection);
	char byte;
	ssize_t len = recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len > 0)
		snprintf(n->error, sizeof(n->error), "it spoke without being asked");
	end_session(n);
}

static int check_features(const struct virtio_net *n, struct err *e)
{
	uint64_t needed = n->d.features & ~BITS_OWN, lacks = needed & ~n->vu.offered;

	if (!n->d.started || !lacks)
		return 0;
	return err_set(e, ENOTSUP,
		       "backend at %s: lacks features that the guest uses (0x%llx); give it those "
		       "of the one before, or reset the guest",
		       n->vu.path, (unsigned long long)lacks);
}

static int check_log(const struct virtio_net *n, struct err *e)
{
	return logs(n) ? vhost_user_can_log(&n->vu, e) : 0;
}

static int check_recoverable(const struct virtio_net *n, struct err *e)
{
	if (!n->d.started || n->stands || !virtio_has(&n->d, VIRTIO_F_RING_PACKED) ||
	    virtio_has(&n->d, VIRTIO_RING_F_INDIRECT_DESC))
		return 0;
	return err_set(e, ENOTSUP,
		       "backend at %s: packed rings without indirect descriptors cannot be taken "
		       "up again; reset the guest",
		       n->vu.path);
}

/* The first backend decides what the guest may have. */
static void offer(struct virtio_net *n)
{
	uint64_t own = VIRTIO_BIT(VIRTIO_NET_F_MAC) | VIRTIO_BIT(VIRTIO_NET_F_STATUS);

	if (n->config.mtu)
		own |= VIRTIO_BIT(VIRTIO_NET_F_MTU);
	if (virtio_net_has_control(n))
		own |= VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ) | VIRTIO_BIT(VIRTIO_NET_F_MQ);
	n->d.offered = (n->vu.offered & n->wanted) | own | VIRTIO_BIT(VIRTIO_F_VERSION_1);
}

static int check_pairs(const struct virtio_net *n, struct err *e)
{
	if (n->pairs <= n->vu.pairs_max)
		return 0;
	return err_set(e, ENOTSUP, "backend at %s: has %u queue pairs, not %u; set queues=%u",
		       n->vu.path, n->vu.pairs_max, n->pairs, n->vu.pairs_max);
}

static int begin_session(struct virtio_net *n, struct err *e)
{
	int ret = vhost_user_handshake(&n->vu, e);

	ret = ret ?: check_pairs(n, e) ?: check_features(n, e) ?: check_log(n, e) ?: check_recoverable(n, e);
	if (ret)
		return ret;
	if (!n->d.status)
		offer(n);
	return n->d.started && !n->suspended ? start_rings(n, false, e) : 0;
}

static void take_connection(struct virtio_net *n, int fd)
{
	struct err e = {""};

	n->vu.fd = fd;
	if (begin_session(n, &e) < 0 ||
	    loop_watch_add(n->loop, &n->connection, fd, EPOLLIN | EPOLLRDHUP) < 0) {
		keep_reason(n, &e);
		close(fd);
		n->vu.fd = -1;
		return;
	}
	n->sessions++;
	log_info(LOG_VHOST, "backend connected path=%s", n->vu.path);
	n->error[0] = '\0';
	loop_timer_stop(n->loop, &n->retry);
	loop_timer_stop(n->loop, &n->outage);
	set_link(n, true);
	if (n->sessions == 1 && n->ready)
		n->ready(&n->d, n->arg);
}

static void on_retry(struct loop_timer *t, uint64_t now_ms)
{
	struct virtio_net *n = container_of(t, struct virtio_net, retry);
	struct err e;
	int fd;

	if (passed_is(n->vu.path)) { /* the only one there was */
		loop_timer_stop(n->loop, t);
		return;
	}
	fd = unix_connect(n->vu.path, &e);
	if (fd < 0)
		keep_reason(n, &e);
	else
		take_connection(n, fd);
	/* Not again at once to one who accepts and does not answer: each try holds up the machine.
	 */
	if (fd >= 0 && n->vu.fd < 0)
		loop_timer_start(n->loop, &n->retry, 2 * VHOST_USER_TIMEOUT_MS, RETRY_MS);
}

static void on_listener(struct loop_watch *w, uint32_t events)
{
	struct virtio_net *n = container_of(w, struct virtio_net, listener);
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (n->vu.fd >= 0) {
		/* A new one does not come before the old one went, only its end may not be read
		 * yet. */
		char byte;

		if (recv(n->vu.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0) {
			close(fd);
			return;
		}
		end_session(n);
	}
	take_connection(n, fd);
}

/* A connection that was passed in is the only one there will be. */
static int begin_passed(struct virtio_net *n, struct err *e)
{
	int fd = unix_connect(n->vu.path, e);

	if (fd < 0)
		return fd;
	take_connection(n, fd);
	return n->vu.fd < 0 ? err_set(e, EPROTO, "%s: %s", n->vu.path, n->error) : 0;
}

static int begin(struct virtio_net *n, const struct nic_params *p, struct err *e)
{
	n->connection.ready = on_connection;
	n->retry.expired = on_retry;
	n->outage.expired = on_outage;
	if (!p->listens) {
		if (passed_is(p->path))
			return begin_passed(n, e);
		loop_timer_start(n->loop, &n->retry, 0, RETRY_MS);
		return 0;
	}
	n->listener.ready = on_listener;
	n->listen_fd = unix_listen(p->path, e);
	if (n->listen_fd < 0)
		return n->listen_fd;
	return loop_watch_add(n->loop, &n->listener, n->listen_fd, EPOLLIN);
}

/* --- the control queue: how many pairs the driver uses -------------------------------------------
 */

static uint8_t set_pairs(struct virtio_net *n, unsigned pairs)
{
	struct err e;
	int ret = 0;

	if (pairs < 1 || pairs > n->pairs)
		return VIRTIO_NET_ERR;
	n->pairs_used = pairs;
	for (unsigned i = 0; i < virtio_net_data_rings(n) && ret == 0 && n->vu.fd >= 0; i++)
		if (n->d.queues[i].enabled)
			ret = vhost_user_ring_enable(&n->vu, i, i / 2 < pairs, &e);
	if (ret)
		give_up(n, &e); /* the next backend is told */
	return VIRTIO_NET_OK;
}

static uint8_t obey(struct virtio_net *n, const struct virtq_chain *c)
{
	struct virtio_net_ctrl_hdr h;
	struct virtio_net_ctrl_mq mq;

	if (virtq_read(c, 0, &h, sizeof(h)) != sizeof(h) || h.class != VIRTIO_NET_CTRL_MQ ||
	    h.cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ||
	    virtq_read(c, sizeof(h), &mq, sizeof(mq)) != sizeof(mq))
		return VIRTIO_NET_ERR;
	return set_pairs(n, mq.virtqueue_pairs);
}

static void on_control(struct virtio *d, unsigned queue)
{
	struct virtio_net *n = net_of(d);
	struct virtq_chain c;

	do {
		while (virtq_pop(&n->control, &c) > 0) {
			uint8_t ack = obey(n, &c);

			virtq_push(&n->control, &c, (uint32_t)virtq_write(&c, 0, &ack, 1));
		}
	} while (virtq_arm(&n->control));
	if (n->control.broken)
		virtio_needs_reset(d);
}

/* --- the device ----------------------------------------------------------------------------------
 */

static int start(struct virtio *d)
{
	struct virtio_net *n = net_of(d);
	struct vhost_user_ring r;
	struct err e;

	n->suspended = n->stands = false;
	n->pairs_used = virtio_has(d, VIRTIO_NET_F_MQ) ? 1 : n->pairs;
	for (unsigned i = 0; i < virtio_net_data_rings(n); i++)
		if (d->queues[i].enabled && vhost_ring_locate(d, i, &r) < 0)
			return -EFAULT;
	if (virtio_net_has_control(n) && d->queues[virtio_net_data_rings(n)].enabled &&
	    virtq_start(&n->control, d, virtio_net_data_rings(n)) < 0)
		return -EFAULT;
	if (n->vu.fd >= 0 && start_rings(n, true, &e) < 0)
		give_up(n, &e);
	return 0;
}

/* A backend that does not let go of the rings loses its connection. */
static void stop(struct virtio *d)
{
	struct virtio_net *n = net_of(d);
	struct err e;

	n->stands = false;
	for (unsigned i = 0; i < virtio_net_data_rings(n) && n->vu.fd >= 0; i++) {
		if (!d->queues[i].enabled)
			continue;
		if (vhost_user_ring_stop(&n->vu, i, &n->bases[i], &e) < 0) {
			give_up(n, &e);
			return;
		}
	}
}

static void suspend(struct virtio *d)
{
	struct virtio_net *n = net_of(d);

	stop(d);
	n->suspended = true;
	n->stands = n->vu.fd >= 0;
	for (unsigned i = 0; i < virtio_net_data_rings(n) && n->stands; i++)
		n->stands = !d->queues[i].enabled || vhost_ring_is_base(d, i, n->bases[i]);
}

static void resume(struct virtio *d)
{
	struct virtio_net *n = net_of(d);
	struct err e;

	n->suspended = false;
	if (n->vu.fd >= 0 && start_rings(n, false, &e) < 0)
		give_up(n, &e);
	if (n->tell_link)
		virtio_config_changed(d);
	n->tell_link = false;
}

static void vector_changed(struct virtio *d, unsigned queue)
{
	struct virtio_net *n = net_of(d);
	struct err e;

	if (queue >= virtio_net_data_rings(n)) {
		n->control.call_fd = virtio_call_fd(d, queue);
		return;
	}
	if (n->vu.fd >= 0 && vhost_user_ring_call(&n->vu, queue, virtio_call_fd(d, queue), &e) < 0)
		give_up(n, &e);
}

static void destroy(struct virtio *d)
{
	struct virtio_net *n = net_of(d);

	virtio_fini(d);
	device_queue_fini(&n->control_queue);
	loop_timer_stop(n->loop, &n->retry);
	loop_timer_stop(n->loop, &n->outage);
	loop_watch_del(&n->connection);
	loop_watch_del(&n->listener);
	if (n->vu.fd >= 0)
		close(n->vu.fd);
	if (n->listen_fd >= 0)
		unix_unlisten(n->listen_fd, n->vu.path);
	free(n);
}

static const struct virtio_ops net_ops = {
	.start = start,
	.stop = stop,
	.vector_changed = vector_changed,
	.destroy = destroy,
	.suspend = suspend,
	.resume = resume,
	.save = virtio_net_save,
	.load = virtio_net_load,
};

static uint64_t wanted_features(const struct nic_params *p)
{
	uint64_t f = BITS_BACKEND;

	if (!p->csum)
		f &= ~(BITS_CSUM | BITS_TSO);
	if (!p->tso)
		f &= ~BITS_TSO;
	if (!p->packed)
		f &= ~VIRTIO_BIT(VIRTIO_F_RING_PACKED);
	return f;
}

static void configure(struct virtio_net *n, const struct nic_params *p)
{
	memcpy(n->config.mac, &p->mac, sizeof(n->config.mac));
	n->config.max_virtqueue_pairs = (uint16_t)p->pairs;
	n->config.mtu = (uint16_t)p->mtu;
	n->pairs = n->pairs_used = p->pairs;
	n->wanted = wanted_features(p);
	n->ready = p->ready;
	n->arg = p->arg;
}

struct virtio *virtio_net_create(const struct device_env *env, const struct nic_params *p,
				 struct err *e)
{
	struct virtio_net *n = calloc(1, sizeof(*n));
	const struct virtio_params params = {
		.type = VIRTIO_ID_NET,
		.class_code = CLASS_ETHERNET,
		.config_at = offsetof(struct virtio_net, config),
		.config_bytes = sizeof(n->config),
		.n_queues = 2 * p->pairs + (p->pairs > 1),
		.queue_size = VIRTIO_QUEUE_SIZE_MAX,
	};
	int ret;

	if (!n || env->mem->fd < 0 || strlen(p->path) >= sizeof(n->vu.path)) {
		free(n);
		if (env->mem->fd < 0)
			err_set(e, EINVAL,
				"%s: no backend can have private memory; leave out --ksm", p->path);
		else
			err_set(e, ENAMETOOLONG, "%s: a socket's path has at most %d bytes",
				p->path, VHOST_USER_PATH_MAX - 1);
		return NULL;
	}
	strcpy(n->vu.path, p->path);
	n->vu.fd = n->listen_fd = -1;
	n->loop = env->loop;
	configure(n, p);
	ret = virtio_init(&n->d, &params, &net_ops, env->hv, env->mem, e);
	if (!ret)
		offer(n);
	if (!ret && virtio_net_has_control(n))
		ret = device_queue_init(&n->control_queue, env->loop, &n->d,
					virtio_net_data_rings(n), on_control, e);
	ret = ret ?: begin(n, p, e);
	if (!ret)
		return &n->d;
	destroy(&n->d);
	return NULL;
}

void virtio_net_info(struct virtio *d, struct nic_info *info)
{
	const struct virtio_net *n = net_of(d);

	*info = (struct nic_info){.connected = n->vu.fd >= 0, .sessions = n->sessions};
	memcpy(info->error, n->error, sizeof(info->error));
}

int virtio_net_can_log(struct virtio *d, struct err *e)
{
	const struct virtio_net *n = net_of(d);

	return n->vu.fd < 0 ? 0 : vhost_user_can_log(&n->vu, e);
}
