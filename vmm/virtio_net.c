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
 * The rings of a new session begin where the last one stopped: in a split ring that is the used
 * index, which the backend wrote before it died; what it had taken and not used yet is taken again.
 * A packed ring holds no such index (QEMU loses it, too); there it is found by walking the ring,
 * see packed_base.
 *
 * The connection is tried for by a timer, or waited for by a listening socket.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/virtio_net.h"
#include "vmm/device.h"
#include "vmm/passed.h"
#include "vmm/unix_socket.h"
#include "vmm/vhost_user.h"
#include "vmm/virtq.h"

#define RETRY_MS 20
/* Below the 5 s after which Linux complains about a transmit queue that does not move. */
#define LINK_LINGER_MS	 4000
#define CLASS_ETHERNET	 0x020000
#define PACKED_WRAP_BIT	 15
#define PACKED_BASE_BOTH 0x80008000u /* position 0, wrap counter 1, for both sides */

#define BITS_CSUM	 (VIRTIO_BIT(VIRTIO_NET_F_CSUM) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM))
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

struct virtio_net {
	struct virtio d; /* first */
	struct vhost_user vu;
	struct virtio_net_config config;
	uint64_t wanted; /* of a backend's features, the most */
	unsigned pairs, pairs_used;
	unsigned sessions;
	char error[200];
	void (*ready)(struct virtio *d, void *arg);
	void *arg;

	struct loop *loop;
	struct loop_watch listener, connection;
	struct loop_timer retry, outage;
	int listen_fd;
	struct device_queue control_queue;
	struct virtq control;
};

static struct virtio_net *net_of(struct virtio *d)
{
	return container_of(d, struct virtio_net, d);
}

static bool has_control(const struct virtio_net *n)
{
	return n->pairs > 1;
}

static unsigned data_rings(const struct virtio_net *n)
{
	return 2 * n->pairs;
}

/* --- rings --------------------------------------------------------------------------------------
 */

/*
 * Where the device stands in a packed ring (2.8) that it used in order: behind the used descriptors
 * of this lap, which is the one that the first descriptor's bits tell. Each chain has one
 * descriptor, which is why check_recoverable wants indirect ones: the rest of a longer chain would
 * look available.
 */
static uint32_t packed_base(const struct vring_packed_desc *ring, uint16_t size)
{
	const uint16_t used_bit = 1 << VRING_PACKED_DESC_F_USED;
	const uint16_t avail_bit = 1 << VRING_PACKED_DESC_F_AVAIL;
	uint16_t flags = __atomic_load_n(&ring[0].flags, __ATOMIC_ACQUIRE), position = 0;
	bool wrap = flags & used_bit, is_used = !(flags & used_bit) == !(flags & avail_bit);

	/* Nothing of this lap is used: the device stands at the beginning of it. */
	if (!is_used)
		return (uint32_t)!wrap << PACKED_WRAP_BIT;
	for (uint16_t i = 0; i < size; i++) {
		flags = __atomic_load_n(&ring[i].flags, __ATOMIC_ACQUIRE);
		if (!(flags & used_bit) == !wrap && !(flags & avail_bit) == !wrap)
			position = i + 1;
	}
	if (position == size)
		return (uint32_t)!wrap << PACKED_WRAP_BIT;
	return position | (uint32_t)wrap << PACKED_WRAP_BIT;
}

static uint32_t ring_base(const struct virtio_net *n, const struct vhost_user_ring *r, bool fresh)
{
	const struct vring_used *used = r->used;

	if (virtio_has(&n->d, VIRTIO_F_RING_PACKED))
		return fresh ? PACKED_BASE_BOTH : packed_base(r->desc, r->size) * 0x10001u;
	return fresh ? 0 : __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE);
}

/* -EFAULT when the ring does not lie in the guest's memory. */
static int locate_ring(const struct virtio_net *n, unsigned i, struct vhost_user_ring *r)
{
	const struct virtio_queue *q = &n->d.queues[i];
	const struct memory *m = n->d.mem;
	bool packed = virtio_has(&n->d, VIRTIO_F_RING_PACKED);
	uint64_t size = q->size, avail_bytes = packed ? 4 : 6 + 2 * size,
		 used_bytes = packed ? 4 : 6 + 8 * size;

	*r = (struct vhost_user_ring){
		.size = q->size,
		.desc = memory_at_aligned(m, q->desc, 16 * size, 16),
		.avail = memory_at_aligned(m, q->avail, avail_bytes, packed ? 4 : 2),
		.used = memory_at_aligned(m, q->used, used_bytes, 4),
		.kick_fd = q->kick_fd,
		.call_fd = virtio_call_fd(&n->d, i),
	};
	return r->desc && r->avail && r->used ? 0 : -EFAULT;
}

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
	ret = locate_ring(n, i, &r);
	if (ret)
		return err_set(e, -ret, "ring %u is not in the guest's memory", i);
	r.base = ring_base(n, &r, fresh);
	ret = vhost_user_ring_start(&n->vu, i, &r, e);
	ret = ret ?: vhost_user_ring_enable(&n->vu, i, i / 2 < n->pairs_used, e);
	if (!ret && !fresh)
		nudge(&r);
	return ret;
}

/* Hands the rings to the backend. `fresh`: the driver has just made them. */
static int start_rings(struct virtio_net *n, bool fresh, struct err *e)
{
	int ret = vhost_user_set_features(&n->vu, n->d.features & n->vu.offered, e);

	if (n->config.mtu)
		ret = ret ?: vhost_user_set_mtu(&n->vu, n->config.mtu, e);
	ret = ret ?: vhost_user_set_memory(&n->vu, n->d.mem, e);
	for (unsigned i = 0; i < data_rings(n) && ret == 0; i++)
		ret = start_ring(n, i, fresh, e);
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

static int check_recoverable(const struct virtio_net *n, struct err *e)
{
	if (!n->d.started || !virtio_has(&n->d, VIRTIO_F_RING_PACKED) ||
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
	if (has_control(n))
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

	ret = ret ?: check_pairs(n, e) ?: check_features(n, e) ?: check_recoverable(n, e);
	if (ret)
		return ret;
	if (!n->d.status)
		offer(n);
	return n->d.started ? start_rings(n, false, e) : 0;
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
	for (unsigned i = 0; i < data_rings(n) && ret == 0 && n->vu.fd >= 0; i++)
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

	n->pairs_used = virtio_has(d, VIRTIO_NET_F_MQ) ? 1 : n->pairs;
	for (unsigned i = 0; i < data_rings(n); i++)
		if (d->queues[i].enabled && locate_ring(n, i, &r) < 0)
			return -EFAULT;
	if (has_control(n) && d->queues[data_rings(n)].enabled &&
	    virtq_start(&n->control, d, data_rings(n)) < 0)
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

	for (unsigned i = 0; i < data_rings(n) && n->vu.fd >= 0; i++) {
		if (!d->queues[i].enabled)
			continue;
		if (vhost_user_ring_stop(&n->vu, i, &e) < 0) {
			give_up(n, &e);
			return;
		}
	}
}

static void vector_changed(struct virtio *d, unsigned queue)
{
	struct virtio_net *n = net_of(d);
	struct err e;

	if (queue >= data_rings(n)) {
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
	if (!ret && has_control(n))
		ret = device_queue_init(&n->control_queue, env->loop, &n->d, data_rings(n),
					on_control, e);
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
