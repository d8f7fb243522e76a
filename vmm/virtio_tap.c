/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * virtio-net on a tap of the host's, for comparison with vhost-user: one queue pair, every frame
 * copied here by read and write on the loop. Checksums and segmentation are the kernel's: the tap
 * takes and gives the same header as the ring (IFF_VNET_HDR).
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/virtio_net.h"
#include "vmm/device.h"
#include "vmm/passed.h"
#include "vmm/virtq.h"

#define CLASS_ETHERNET 0x020000
#define QUEUE_SIZE     256
#define HEADER	       sizeof(struct virtio_net_hdr_v1)
#define ROUND	       64 /* frames, then others get their turn */
#define FRAME_MAX      (65536 + HEADER)

enum { RX, TX, QUEUES };

struct virtio_tap {
	struct virtio d; /* first */
	struct virtio_net_config config;
	int fd;
	bool waits; /* for the guest's buffers: the tap is not watched */
	struct loop_watch watch;
	struct virtq rings[QUEUES];
	struct device_queue queues[QUEUES];
	size_t len; /* of a frame that found no buffer */
	uint8_t frame[FRAME_MAX];
};

static struct virtio_tap *tap_of(struct virtio *d)
{
	return container_of(d, struct virtio_tap, d);
}

static void check_rings(struct virtio_tap *t)
{
	if (t->rings[RX].broken || t->rings[TX].broken)
		virtio_needs_reset(&t->d);
}

static void watch_tap(struct virtio_tap *t, bool on)
{
	t->waits = !on;
	loop_watch_modify(&t->watch, on ? EPOLLIN : 0);
}

/* Without MRG_RXBUF the driver posts buffers that hold whole frames. */
static bool put_frame(struct virtio_tap *t)
{
	struct virtio_net_hdr_v1 *h = (struct virtio_net_hdr_v1 *)t->frame;
	struct virtq *vq = &t->rings[RX];
	struct virtq_chain c;
	int ret;

	ret = virtq_pop(vq, &c);
	if (ret <= 0)
		return false;
	h->num_buffers = 1;
	virtq_push(vq, &c, (uint32_t)virtq_write(&c, 0, t->frame, t->len));
	return true;
}

static void receive(struct virtio_tap *t)
{
	for (unsigned i = 0; i < ROUND; i++) {
		if (!t->len) {
			ssize_t n = read(t->fd, t->frame, sizeof(t->frame));

			if (n <= 0)
				return;
			t->len = (size_t)n;
		}
		if (!put_frame(t)) {
			if (virtq_arm(&t->rings[RX]))
				continue;
			watch_tap(t, false);
			return;
		}
		t->len = 0;
	}
}

static void on_tap(struct loop_watch *w, uint32_t events)
{
	struct virtio_tap *t = container_of(w, struct virtio_tap, watch);

	if (t->d.started && t->d.queues[RX].enabled)
		receive(t);
	else
		watch_tap(t, false);
	check_rings(t);
}

/* A frame that the tap does not take is lost, as on a wire. */
static void transmit(struct virtio_tap *t)
{
	struct virtq_chain c;

	do {
		while (virtq_pop(&t->rings[TX], &c) > 0) {
			(void)!writev(t->fd, c.iov, (int)c.n_out);
			virtq_push(&t->rings[TX], &c, 0);
		}
	} while (virtq_arm(&t->rings[TX]));
}

static void on_kick(struct virtio *d, unsigned queue)
{
	struct virtio_tap *t = tap_of(d);

	if (queue == TX)
		transmit(t);
	else if (t->waits)
		watch_tap(t, true);
	check_rings(t);
}

/* What the kernel may give us unfinished, by what the guest takes. */
static unsigned offloads(const struct virtio *d)
{
	unsigned f = 0;

	if (!virtio_has(d, VIRTIO_NET_F_GUEST_CSUM))
		return 0;
	f |= TUN_F_CSUM;
	f |= virtio_has(d, VIRTIO_NET_F_GUEST_TSO4) ? TUN_F_TSO4 : 0;
	f |= virtio_has(d, VIRTIO_NET_F_GUEST_TSO6) ? TUN_F_TSO6 : 0;
	return f;
}

static int start(struct virtio *d)
{
	struct virtio_tap *t = tap_of(d);

	for (unsigned q = 0; q < QUEUES; q++)
		if (!d->queues[q].enabled || virtq_start(&t->rings[q], d, q) < 0)
			return -EFAULT;
	if (ioctl(t->fd, TUNSETOFFLOAD, offloads(d)) < 0)
		return -errno;
	t->len = 0;
	watch_tap(t, true);
	device_queue_again(&t->queues[TX]);
	return 0;
}

static void stop(struct virtio *d)
{
}

static void save(const struct virtio *d, struct state_writer *w)
{
	const struct virtio_tap *t = container_of(d, const struct virtio_tap, d);

	nic_save_config(&t->config, w);
	for (unsigned q = 0; q < QUEUES; q++)
		virtq_save(&t->rings[q], d, q, w);
}

/* A frame that found no buffer stays behind, as on a wire. */
static int load(struct virtio *d, struct state_reader *r, struct err *e)
{
	struct virtio_tap *t = tap_of(d);
	int ret = nic_load_config(&t->config, r, e);

	for (unsigned q = 0; q < QUEUES && ret == 0; q++)
		ret = virtq_load(&t->rings[q], d, q, r, e);
	if (!ret && d->started && ioctl(t->fd, TUNSETOFFLOAD, offloads(d)) < 0)
		return err_set(e, errno, "the tap does not take the guest's offloads: %s",
			       strerror(errno));
	return ret;
}

static void resume(struct virtio *d)
{
	watch_tap(tap_of(d), true);
}

static void destroy(struct virtio *d)
{
	struct virtio_tap *t = tap_of(d);

	virtio_fini(d);
	loop_watch_del(&t->watch);
	for (unsigned q = 0; q < QUEUES; q++)
		device_queue_fini(&t->queues[q]);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

static const struct virtio_ops tap_ops = {
	.start = start,
	.stop = stop,
	.destroy = destroy,
	.resume = resume,
	.save = save,
	.load = load,
};

/* Who made it has attached it to an interface already, which has to take our header. */
static int take_tap(struct virtio_tap *t, const char *name, struct err *e)
{
	const short wanted = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	struct ifreq ifr = {.ifr_flags = 0};
	int header = HEADER;

	t->fd = passed_take(name, O_RDWR, e);
	if (t->fd < 0)
		return t->fd;
	if (ioctl(t->fd, TUNGETIFF, &ifr) < 0 || (ifr.ifr_flags & wanted) != wanted ||
	    ioctl(t->fd, TUNSETVNETHDRSZ, &header) < 0 || fcntl(t->fd, F_SETFL, O_NONBLOCK) < 0)
		return err_set(e, EINVAL,
			       "tap %s: is no tap with IFF_NO_PI and IFF_VNET_HDR (TUNSETIFF)",
			       name);
	return 0;
}

static int open_tap(struct virtio_tap *t, const char *name, struct err *e)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int header = HEADER;

	if (passed_is(name))
		return take_tap(t, name, e);
	if (strlen(name) >= sizeof(ifr.ifr_name))
		return err_set(e, EINVAL, "%s: an interface's name has at most %zu letters", name,
			       sizeof(ifr.ifr_name) - 1);
	strcpy(ifr.ifr_name, name);
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0 || ioctl(t->fd, TUNSETIFF, &ifr) < 0 ||
	    ioctl(t->fd, TUNSETVNETHDRSZ, &header) < 0)
		return err_set(e, errno,
			       "tap %s: %s; make it first (ip tuntap add %s mode tap vnet_hdr)",
			       name, strerror(errno), name);
	return 0;
}

static uint64_t features(const struct nic_params *p)
{
	uint64_t f = VIRTIO_FEATURES_OF_RINGS | VIRTIO_BIT(VIRTIO_NET_F_MAC) |
		     VIRTIO_BIT(VIRTIO_NET_F_STATUS);

	if (p->mtu)
		f |= VIRTIO_BIT(VIRTIO_NET_F_MTU);
	if (p->csum)
		f |= VIRTIO_BIT(VIRTIO_NET_F_CSUM) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM);
	if (p->csum && p->tso)
		f |= VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO4) | VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO6) |
		     VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO6);
	return f;
}

static int init_device(struct virtio_tap *t, const struct device_env *env,
		       const struct nic_params *p, struct err *e)
{
	const struct virtio_params params = {
		.type = VIRTIO_ID_NET,
		.class_code = CLASS_ETHERNET,
		.features = features(p),
		.config_at = offsetof(struct virtio_tap, config),
		.config_bytes = sizeof(t->config),
		.n_queues = QUEUES,
		.queue_size = QUEUE_SIZE,
	};
	int ret = virtio_init(&t->d, &params, &tap_ops, env->hv, env->mem, e);

	for (unsigned q = 0; q < QUEUES && ret == 0; q++)
		ret = device_queue_init(&t->queues[q], env->loop, &t->d, q, on_kick, e);
	if (ret)
		return ret;
	t->watch.ready = on_tap;
	ret = loop_watch_add(env->loop, &t->watch, t->fd, 0);
	return ret ? err_set(e, -ret, "tap %s: %s", p->tap, strerror(-ret)) : 0;
}

struct virtio *virtio_tap_create(const struct device_env *env, const struct nic_params *p,
				 struct err *e)
{
	struct virtio_tap *t = calloc(1, sizeof(*t));

	if (!t) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	t->fd = t->watch.fd = -1;
	t->waits = true;
	memcpy(t->config.mac, &p->mac, sizeof(t->config.mac));
	t->config.status = VIRTIO_NET_S_LINK_UP;
	t->config.mtu = (uint16_t)p->mtu;
	t->config.max_virtqueue_pairs = 1;
	if (open_tap(t, p->tap, e) == 0 && init_device(t, env, p, e) == 0)
		return &t->d;
	destroy(&t->d);
	return NULL;
}
