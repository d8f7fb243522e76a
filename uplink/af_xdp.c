/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/af_xdp.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "uplink/group_tap.h"
#include "uplink/partial_csum.h"
#include "uplink/put.h"
#include "uplink/steer.h"
#include "uplink/xsk.h"

#define GROUP_TURNS 8 /* of looks at queue 0, one begins with the host's group frames */

struct af_xdp {
	struct nic nic; /* first: the registry sees this */
	/* w: control, while no queue is up; r: workers */
	struct xsk *sockets[PORT_QUEUES_MAX];
	struct group_tap *groups;
	bool mark_partial;
	/* w, r: the worker of queue 0 */
	bool from_groups; /* where the frames in hand came from */
	unsigned turn;
	/* control */
	struct steer *steer;
	bool native, unstripped;
	int promiscuous_fd;
};

static inline struct af_xdp *af_xdp_of(struct port *p)
{
	return (struct af_xdp *)nic_of(p);
}

static inline struct xsk *socket_of(const struct port_queue *q)
{
	return af_xdp_of(q->port)->sockets[q->index];
}

/* --- receiving -------------------------------------------------------------------------------- */

/*
 * Frames come from the socket or from the tap, and those of one look from one of them: while some
 * of them wait, nothing else may get in front of them.
 */
static bool choose_groups(struct af_xdp *a, const struct port_queue *q)
{
	if (q->done_ahead || q->n_seen)
		return a->from_groups;
	a->from_groups = group_tap_has_frames(a->groups) &&
			 (a->turn++ % GROUP_TURNS == 0 || !xsk_has_frames(a->sockets[0]));
	return a->from_groups;
}

/* The kernel did not take everything when it was last called. */
static void kick_again(struct port_queue *q, struct xsk *x)
{
	if (!rte_spinlock_trylock(&q->tx_lock))
		return;
	xsk_kick(x);
	rte_spinlock_unlock(&q->tx_lock);
}

static unsigned af_xdp_rx_peek(struct port_queue *q, struct burst *b)
{
	struct af_xdp *a = af_xdp_of(q->port);
	struct xsk *x = a->sockets[q->index];
	unsigned n;

	if (unlikely(atomic_load_explicit(&x->unkicked, memory_order_relaxed)))
		kick_again(q, x);
	if (a->groups && q->index == 0 && choose_groups(a, q))
		n = group_tap_peek(a->groups, b);
	else
		n = xsk_peek(x, b);
	for (unsigned i = 0; a->mark_partial && i < n; i++)
		partial_csum_mark(&b->frames[i]);
	return n;
}

static void af_xdp_rx_release(struct port_queue *q, unsigned n)
{
	struct af_xdp *a = af_xdp_of(q->port);

	if (q->index == 0 && a->from_groups)
		group_tap_release(a->groups, n);
	else
		xsk_release(a->sockets[q->index], n);
}

/* --- sending ---------------------------------------------------------------------------------- */

static inline bool room(void *to, unsigned n, uint32_t bytes)
{
	return xsk_room(to, n);
}

static inline void put(void *to, const struct slice *s)
{
	xsk_put(to, s);
}

static struct tx_result af_xdp_tx(struct port_queue *q, const struct burst *b, uint64_t mask,
				  struct port_stats *st)
{
	struct xsk *x = socket_of(q);
	struct tx_result res = put_mask(x, &(const struct put_ops){room, put}, b, mask,
					&af_xdp_of(q->port)->nic.takes, st);

	xsk_flush(x);
	return res;
}

/* --- sleeping --------------------------------------------------------------------------------- */

/* The sockets' descriptors are in the worker's epoll set at any time: nothing has to be asked for.
 */
static bool af_xdp_arm(struct port_queue *q, bool want_room)
{
	struct af_xdp *a = af_xdp_of(q->port);
	struct xsk *x = a->sockets[q->index];
	bool work = xsk_has_frames(x) || atomic_load_explicit(&x->unkicked, memory_order_relaxed) ||
		    (a->groups && q->index == 0 && group_tap_has_frames(a->groups));

	if (want_room && atomic_load_explicit(&q->full_since_ns, memory_order_relaxed)) {
		rte_spinlock_lock(&q->tx_lock);
		work |= xsk_room(x, 1);
		rte_spinlock_unlock(&q->tx_lock);
	}
	return work;
}

static void af_xdp_disarm(struct port_queue *q)
{
}

static const struct port_ops af_xdp_port_ops = {
	.kind = "af_xdp",
	.rx_peek = af_xdp_rx_peek,
	.rx_release = af_xdp_rx_release,
	.tx = af_xdp_tx,
	.arm = af_xdp_arm,
	.disarm = af_xdp_disarm,
};

/* --- opening and closing ---------------------------------------------------------------------- */

static unsigned count_queues(struct nic *n, struct err *e)
{
	unsigned queues = n->params.queues ? n->params.queues : n->dev.rx_queues;

	if (queues < n->dev.rx_queues) {
		err_set(e, EINVAL,
			"%s has %u receive queues, and frames that arrive on more than the first "
			"%u "
			"would be lost; `ethtool -L %s combined %u`, or leave queues to weft",
			n->dev.name, n->dev.rx_queues, queues, n->dev.name, queues);
		return 0;
	}
	if (n->dev.rx_queues > PORT_QUEUES_MAX) {
		err_set(e, EINVAL,
			"%s has %u receive queues, more than the %d of a port; `ethtool -L %s "
			"combined %d`",
			n->dev.name, n->dev.rx_queues, PORT_QUEUES_MAX, n->dev.name,
			PORT_QUEUES_MAX);
		return 0;
	}
	if (queues > n->dev.rx_queues) {
		err_set(e, EINVAL,
			"%s has %u receive queues, not %u; `ethtool -L %s combined %u`, or leave "
			"queues to weft",
			n->dev.name, n->dev.rx_queues, queues, n->dev.name, queues);
		return 0;
	}
	return queues;
}

static int check_device(const struct nic *n, struct err *e)
{
	if (umem_chunk_bytes(n->dev.mtu) == 0)
		return err_set(e, EMSGSIZE,
			       "the MTU of %s is %u, AF_XDP takes %u at most; `ip link set %s mtu "
			       "%u`, or use driver: af_packet",
			       n->dev.name, n->dev.mtu, umem_mtu_max(), n->dev.name,
			       umem_mtu_max());
	if (n->dev.rx_queues != n->port.n_queues)
		return err_set(e, EINVAL,
			       "%s has %u receive queues now, and had %u; apply the port anew",
			       n->dev.name, n->dev.rx_queues, n->port.n_queues);
	return 0;
}

static enum steer_take take_of(const struct nic_params *p)
{
	return !p->share ? STEER_ALL : p->router ? STEER_OWN : STEER_FOREIGN;
}

static int af_xdp_set_addresses(struct nic *n, struct err *e)
{
	const struct nic_addresses *a = &n->addresses;

	return steer_set_addresses(((struct af_xdp *)n)->steer,
				   &(struct steer_addresses){
					   .macs = a->macs,
					   .n_macs = a->n_macs,
					   .ipv4 = a->ipv4,
					   .n_ipv4 = a->n_ipv4,
					   .ipv6 = a->ipv6,
					   .n_ipv6 = a->n_ipv6,
				   },
				   e);
}

/* Leaves a->steer, attached and knowing what is ours, or NULL. */
static int attach_as(struct af_xdp *a, bool native, struct err *e)
{
	struct nic *n = &a->nic;
	int ret;

	/* Where checksums are left to hardware, tags are too. */
	a->steer = steer_create(native && n->dev.partial_csums ? n->dev.ifindex : 0, e);
	if (!a->steer)
		return -errno;
	a->native = native;
	ret = steer_set_take(a->steer, take_of(&n->params), &n->dev.mac, e);
	if (ret == 0)
		ret = af_xdp_set_addresses(n, e);
	if (ret == 0)
		ret = steer_attach(a->steer, n->dev.ifindex, native, e);
	if (ret < 0) {
		steer_destroy(a->steer);
		a->steer = NULL;
	}
	return ret;
}

static int attach(struct af_xdp *a, struct err *e)
{
	enum nic_xdp_mode mode = a->nic.params.mode;
	int ret = -EOPNOTSUPP;

	if (mode != NIC_XDP_GENERIC)
		ret = attach_as(a, true, e);
	if (ret == 0 || mode == NIC_XDP_NATIVE || ret == -EBUSY || ret == -EPERM)
		return ret;
	if (mode == NIC_XDP_AUTO)
		log_info(LOG_UPLINK, "generic XDP it is dev=%s: %s", a->nic.dev.name, e->text);
	return attach_as(a, false, e);
}

static int open_sockets(struct af_xdp *a, struct err *e)
{
	struct nic *n = &a->nic;

	for (unsigned k = 0; k < n->port.n_queues; k++) {
		int ret;

		a->sockets[k] = xsk_create(&n->dev, k, !a->native, e);
		if (!a->sockets[k])
			return -errno;
		ret = steer_set_socket(a->steer, k, a->sockets[k]->fd, e);
		if (ret < 0)
			return ret;
		n->port.queues[k].wake_fds[0] = a->sockets[k]->fd;
	}
	return 0;
}

static int open_groups(struct af_xdp *a, struct err *e)
{
	struct nic *n = &a->nic;

	if (!n->params.share)
		return 0;
	a->groups = group_tap_create(n->dev.ifindex, n->dev.mtu, e);
	if (!a->groups)
		return -errno;
	n->port.queues[0].wake_fds[1] = a->groups->fd;
	return 0;
}

static int set_promiscuous(struct af_xdp *a, struct err *e)
{
	if (a->nic.params.router)
		return 0;
	a->promiscuous_fd = netdev_promiscuous(a->nic.dev.ifindex);
	return a->promiscuous_fd < 0
		       ? err_set(e, -a->promiscuous_fd, "cannot make %s promiscuous: %s",
				 a->nic.dev.name, strerror(-a->promiscuous_fd))
		       : 0;
}

static void leave_vlan_tags(struct af_xdp *a)
{
	a->unstripped = netdev_switch_off(a->nic.dev.name, NETDEV_VLAN_STRIP);
}

static void af_xdp_close(struct nic *n)
{
	struct af_xdp *a = (struct af_xdp *)n;

	nic_queues_down(n);
	steer_destroy(a->steer);
	a->steer = NULL;
	for (unsigned k = 0; k < n->port.n_queues; k++) {
		xsk_destroy(a->sockets[k]);
		a->sockets[k] = NULL;
		n->port.queues[k].wake_fds[0] = n->port.queues[k].wake_fds[1] = -1;
	}
	group_tap_destroy(a->groups);
	a->groups = NULL;
	a->from_groups = false;
	if (a->promiscuous_fd >= 0)
		close(a->promiscuous_fd);
	a->promiscuous_fd = -1;
	if (a->unstripped)
		netdev_switch_on(n->dev.name, NETDEV_VLAN_STRIP);
	a->unstripped = false;
}

static int open_all(struct af_xdp *a, struct err *e)
{
	int ret = attach(a, e);

	if (ret == 0)
		ret = open_sockets(a, e);
	if (ret == 0)
		ret = open_groups(a, e);
	return ret == 0 ? set_promiscuous(a, e) : ret;
}

static int af_xdp_open(struct nic *n, struct err *e)
{
	struct af_xdp *a = (struct af_xdp *)n;
	int ret = check_device(n, e);

	if (ret < 0)
		return ret;
	a->promiscuous_fd = -1;
	ret = open_all(a, e);
	if (ret < 0) {
		af_xdp_close(n);
		return ret;
	}
	leave_vlan_tags(a);
	a->mark_partial = n->dev.partial_csums;
	n->takes = (struct offloads){.mtu = (uint16_t)n->dev.mtu, .segs_max = UMEM_TX_CHUNKS};
	nic_queues_up(n);
	return 0;
}

static void af_xdp_describe(struct nic *n, struct nic_info *info)
{
	struct af_xdp *a = (struct af_xdp *)n;

	snprintf(info->how, sizeof(info->how), "%s, %s", a->native ? "native" : "generic",
		 a->sockets[0]->zero_copy ? "zero-copy" : "copy");
	for (unsigned k = 0; k < n->port.n_queues; k++) {
		struct xsk_counts c;

		xsk_counts(a->sockets[k], &c);
		info->missed += c.rx_dropped + c.rx_ring_full + c.rx_no_chunk;
		info->kicks += a->sockets[k]->kicks;
	}
}

const struct nic_driver af_xdp_driver = {
	.name = "af_xdp",
	.ops = &af_xdp_port_ops,
	.size = sizeof(struct af_xdp),
	.queues = count_queues,
	.open = af_xdp_open,
	.close = af_xdp_close,
	.set_addresses = af_xdp_set_addresses,
	.describe = af_xdp_describe,
};
