/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/ethdev.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_mbuf.h>

#include "common/log.h"
#include "uplink/eth_queue.h"
#include "uplink/partial_csum.h"
#include "uplink/put.h"

#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 1024
#define FRAME_ROOM_MIN 2048u
#define HEADERS_MAX    (sizeof(struct eth_hdr) + 3 * sizeof(struct vlan_tag))
/* Of a slot of af_packet's ring, for the kernel's header and alignment. */
#define SLOT_OVERHEAD 128u

/* How long a sleeping worker leaves a queue alone that cannot wake it. */
#define NAP_MIN_NS 50000u
#define NAP_MAX_NS 3000000u
#define NAP_PART   16 /* of the time since the last frame */

struct ethdev {
	struct nic nic; /* first: the registry sees this */
	/* w: control, while no queue is up; r: workers */
	struct eth_queue queues[PORT_QUEUES_MAX];
	bool interrupts, mark_partial;
	/* control */
	bool probed, started;
	uint16_t id; /* DPDK's */
	char devname[64];
	int promiscuous_fd;
	bool was_on[NETDEV_OFFLOAD_N]; /* of the kernel's device, which is left as it was */
};

static inline struct ethdev *ethdev_of(struct port *p)
{
	return (struct ethdev *)nic_of(p);
}

static inline struct eth_queue *queue_of(const struct port_queue *q)
{
	return &ethdev_of(q->port)->queues[q->index];
}

static bool is_af_packet(const struct nic *n)
{
	return n->params.driver == NIC_DRIVER_AF_PACKET;
}

/* --- data path: the port's operations --------------------------------------------------------- */

/* The device did not take everything when it was last given something. */
static void flush_again(struct port_queue *q, struct eth_queue *eq)
{
	if (!rte_spinlock_trylock(&q->tx_lock))
		return;
	eth_queue_flush(eq);
	rte_spinlock_unlock(&q->tx_lock);
}

static unsigned ethdev_rx_peek(struct port_queue *q, struct burst *b)
{
	struct ethdev *d = ethdev_of(q->port);
	struct eth_queue *eq = &d->queues[q->index];
	unsigned n;

	if (unlikely(atomic_load_explicit(&eq->n_pending, memory_order_relaxed)))
		flush_again(q, eq);
	n = eth_queue_peek(eq, b);
	if (n)
		eq->last_rx_ns = q->worker->now_ns;
	for (unsigned i = 0; d->mark_partial && i < n; i++)
		partial_csum_mark(&b->frames[i]);
	return n;
}

static void ethdev_rx_release(struct port_queue *q, unsigned n)
{
	eth_queue_release(queue_of(q), n);
}

/* The nap is over: the worker looks because it is up. */
static void ethdev_notify(struct port_queue *q)
{
	q->notify_due_ns = 0;
}

static inline bool room(void *to, unsigned n, uint32_t bytes)
{
	return eth_queue_room(to, n, bytes);
}

static inline void put(void *to, const struct slice *s)
{
	eth_queue_put(to, s);
}

static struct tx_result ethdev_tx(struct port_queue *q, const struct burst *b, uint64_t mask,
				  struct port_stats *st)
{
	struct eth_queue *eq = queue_of(q);
	struct tx_result res = put_mask(eq, &(const struct put_ops){room, put}, b, mask,
					&nic_of(q->port)->takes, st);

	eth_queue_flush(eq);
	return res;
}

static uint64_t nap_ns(const struct eth_queue *eq, uint64_t now_ns)
{
	uint64_t part = (now_ns - eq->last_rx_ns) / NAP_PART;

	return part < NAP_MIN_NS ? NAP_MIN_NS : MIN_OF(part, (uint64_t)NAP_MAX_NS);
}

static bool ethdev_arm(struct port_queue *q, bool want_room)
{
	struct ethdev *d = ethdev_of(q->port);
	struct eth_queue *eq = &d->queues[q->index];

	if (eq->n_window || eq->n_pending)
		return true;
	if (!d->interrupts) {
		q->notify_due_ns = q->worker->now_ns + nap_ns(eq, q->worker->now_ns);
		return false;
	}
	rte_eth_dev_rx_intr_enable(d->id, q->index);
	return rte_eth_rx_queue_count(d->id, q->index) > 0;
}

static void ethdev_disarm(struct port_queue *q)
{
	struct ethdev *d = ethdev_of(q->port);

	if (d->interrupts)
		rte_eth_dev_rx_intr_disable(d->id, q->index);
	else
		q->notify_due_ns = 0;
}

static const struct port_ops ethdev_port_ops = {
	.kind = "ethdev",
	.rx_peek = ethdev_rx_peek,
	.rx_release = ethdev_rx_release,
	.notify = ethdev_notify,
	.tx = ethdev_tx,
	.arm = ethdev_arm,
	.disarm = ethdev_disarm,
};

/* --- opening: the device ---------------------------------------------------------------------- */

static unsigned count_queues(struct nic *n, struct err *e)
{
	return n->params.queues ? n->params.queues : 1;
}

/* Power of two, as the kernel's ring wants its slots. */
static uint32_t frame_room(unsigned mtu, uint32_t overhead)
{
	uint32_t room = FRAME_ROOM_MIN;

	while (room < mtu + HEADERS_MAX + overhead)
		room *= 2;
	return room;
}

static int probe_af_packet(struct ethdev *d, struct err *e)
{
	struct nic *n = &d->nic;
	uint32_t slot = frame_room(n->dev.mtu, SLOT_OVERHEAD);
	char args[200];
	int ret;

	snprintf(d->devname, sizeof(d->devname), "net_af_packet%u", n->port.id);
	snprintf(args, sizeof(args), "iface=%s,qpairs=%u,framesz=%u,blocksz=%u", n->dev.name,
		 n->port.n_queues, slot, MAX_OF(slot, 4096u));
	ret = rte_eal_hotplug_add("vdev", d->devname, args);
	return ret < 0 ? err_set(e, -ret,
				 "DPDK's af_packet driver does not open %s: %s; run weftd as root, "
				 "and see that librte-net-af-packet is installed",
				 n->dev.name, strerror(-ret))
		       : 0;
}

static int probe_pci(struct ethdev *d, struct err *e)
{
	const char *pci = d->nic.params.pci;
	int ret;

	snprintf(d->devname, sizeof(d->devname), "%s", pci);
	ret = rte_eal_hotplug_add("pci", pci, "");
	if (ret == 0)
		return 0;
	if (ret == -ENODEV)
		return err_set(e, ENODEV,
			       "there is no PCI device %s that DPDK could use; `lspci "
			       "-D` lists devices",
			       pci);
	return err_set(e, -ret,
		       "DPDK does not open %s: %s; bind it to vfio-pci (`dpdk-devbind.py -b "
		       "vfio-pci %s`), with an IOMMU and the driver's librte-net package",
		       pci, strerror(-ret), pci);
}

static void unprobe(struct ethdev *d)
{
	if (d->probed)
		rte_eal_hotplug_remove(is_af_packet(&d->nic) ? "vdev" : "pci", d->devname);
	d->probed = false;
}

static int probe(struct ethdev *d, struct err *e)
{
	int ret = is_af_packet(&d->nic) ? probe_af_packet(d, e) : probe_pci(d, e);

	if (ret < 0)
		return ret;
	d->probed = true;
	if (rte_eth_dev_get_port_by_name(d->devname, &d->id) == 0)
		return 0;
	unprobe(d);
	return err_set(e, ENODEV, "DPDK has no Ethernet device of the name %s", d->devname);
}

/* --- opening: queues and offloads ------------------------------------------------------------- */

#define CSUM_OFFLOADS                                                                              \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |                            \
	 RTE_ETH_TX_OFFLOAD_UDP_CKSUM)

static bool has(uint64_t capa, uint64_t wanted)
{
	return (capa & wanted) == wanted;
}

/* What of it the NIC does itself. */
static uint64_t choose_offloads(struct nic *n, uint64_t capa)
{
	uint64_t on = capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;

	n->takes = (struct offloads){.mtu = (uint16_t)n->dev.mtu, .segs_max = ETH_QUEUE_PENDING};
	if (!has(capa, CSUM_OFFLOADS))
		return on;
	n->takes.csum = true;
	on |= CSUM_OFFLOADS;
	if (!has(capa, RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS))
		return on;
	n->takes.tso4 = n->takes.tso6 = true;
	return on | RTE_ETH_TX_OFFLOAD_TCP_TSO;
}

static int configure(struct ethdev *d, const struct rte_eth_dev_info *info, struct err *e)
{
	uint16_t queues = d->nic.port.n_queues;
	struct rte_eth_conf conf = {
		.txmode.offloads = choose_offloads(&d->nic, info->tx_offload_capa),
	};
	int ret;

	if (queues > info->max_rx_queues || queues > info->max_tx_queues)
		return err_set(e, EINVAL, "%s has %u queues, not %u; lower queues", d->devname,
			       MIN_OF(info->max_rx_queues, info->max_tx_queues), queues);
	if (queues > 1 && !is_af_packet(&d->nic)) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			info->flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	}
	conf.intr_conf.rxq = !is_af_packet(&d->nic);
	ret = rte_eth_dev_configure(d->id, queues, queues, &conf);
	if (ret < 0 && conf.intr_conf.rxq) {
		conf.intr_conf.rxq = 0;
		ret = rte_eth_dev_configure(d->id, queues, queues, &conf);
	}
	d->interrupts = conf.intr_conf.rxq;
	return ret < 0 ? err_set(e, -ret, "%s cannot be set up with %u queues: %s", d->devname,
				 queues, strerror(-ret))
		       : 0;
}

static struct rte_mempool *create_pool(const struct ethdev *d, const char *what, unsigned k,
				       unsigned n, uint32_t bytes, struct err *e)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	/* Workers are no threads of DPDK's: a cache would not be theirs. */
	snprintf(name, sizeof(name), "weft_%s_%u_%u", what, d->nic.port.id, k);
	pool = rte_pktmbuf_pool_create(name, n, 0, 0, (uint16_t)(bytes + RTE_PKTMBUF_HEADROOM),
				       SOCKET_ID_ANY);
	if (!pool)
		err_set(e, ENOMEM,
			"no DPDK memory for %u buffers of %u bytes; use fewer queues or a smaller "
			"MTU, or switch.hugepages: on",
			n, bytes);
	return pool;
}

static int set_up_queue(struct ethdev *d, unsigned k, struct err *e)
{
	uint16_t n_rx = RX_DESCRIPTORS, n_tx = TX_DESCRIPTORS;
	struct eth_queue *eq = &d->queues[k];
	int ret;

	eq->device = d->id;
	eq->index = (uint16_t)k;
	eq->room_bytes = frame_room(d->nic.dev.mtu, 0);
	ret = rte_eth_dev_adjust_nb_rx_tx_desc(d->id, &n_rx, &n_tx);
	eq->rx_pool = create_pool(d, "rx", k, n_rx + 2 * BURST_MAX,
				  frame_room(d->nic.dev.mtu, SLOT_OVERHEAD), e);
	eq->tx_pool = create_pool(d, "tx", k, n_tx + ETH_QUEUE_PENDING, eq->room_bytes, e);
	if (!eq->rx_pool || !eq->tx_pool)
		return -ENOMEM;
	if (ret == 0)
		ret = rte_eth_rx_queue_setup(d->id, eq->index, n_rx, SOCKET_ID_ANY, NULL,
					     eq->rx_pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(d->id, eq->index, n_tx, SOCKET_ID_ANY, NULL);
	return ret < 0 ? err_set(e, -ret, "queue %u of %s cannot be set up: %s", k, d->devname,
				 strerror(-ret))
		       : 0;
}

/* A driver that has an eventfd for each queue wakes workers; one that has not is polled. */
static void find_interrupts(struct ethdev *d)
{
	for (unsigned k = 0; d->interrupts && k < d->nic.port.n_queues; k++) {
		int fd = rte_eth_dev_rx_intr_ctl_q_get_fd(d->id, (uint16_t)k);

		d->nic.port.queues[k].wake_fds[0] = fd;
		d->interrupts = fd >= 0;
	}
	for (unsigned k = 0; !d->interrupts && k < d->nic.port.n_queues; k++)
		d->nic.port.queues[k].wake_fds[0] = -1;
}

static int set_promiscuous(struct ethdev *d)
{
	if (d->nic.params.router)
		return 0;
	if (!is_af_packet(&d->nic)) {
		int ret = rte_eth_promiscuous_enable(d->id);

		return ret == -ENOTSUP ? 0 : ret;
	}
	d->promiscuous_fd = netdev_promiscuous(d->nic.dev.ifindex);
	return MIN_OF(d->promiscuous_fd, 0);
}

/* A packet socket would get packets that the kernel has joined, and that no slot has room for. */
static void stop_joining(struct ethdev *d)
{
	if (!is_af_packet(&d->nic))
		return;
	d->was_on[NETDEV_GRO] = netdev_switch_off(d->nic.dev.name, NETDEV_GRO);
	d->was_on[NETDEV_LRO] = netdev_switch_off(d->nic.dev.name, NETDEV_LRO);
}

static void restore(struct ethdev *d)
{
	for (unsigned i = 0; i < NETDEV_OFFLOAD_N; i++)
		if (d->was_on[i])
			netdev_switch_on(d->nic.dev.name, i);
	memset(d->was_on, 0, sizeof(d->was_on));
}

static int start(struct ethdev *d, struct err *e)
{
	int ret = rte_eth_dev_start(d->id);

	d->started = ret == 0;
	if (ret == 0)
		ret = set_promiscuous(d);
	return ret < 0 ? err_set(e, -ret, "%s does not start: %s", d->devname, strerror(-ret)) : 0;
}

/* A device without a netdev is described by DPDK. */
static int describe_device(struct ethdev *d, const struct rte_eth_dev_info *info)
{
	struct netdev *dev = &d->nic.dev;
	struct rte_ether_addr mac;
	uint16_t mtu = 0;
	int ret;

	if (is_af_packet(&d->nic))
		return 0;
	ret = rte_eth_macaddr_get(d->id, &mac);
	if (ret == 0)
		ret = rte_eth_dev_get_mtu(d->id, &mtu);
	memcpy(&dev->mac, &mac, sizeof(dev->mac));
	dev->mtu = mtu;
	dev->up = true;
	snprintf(dev->driver, sizeof(dev->driver), "%s", info->driver_name);
	return ret;
}

/* --- opening and closing ---------------------------------------------------------------------- */

static void ethdev_close(struct nic *n)
{
	struct ethdev *d = (struct ethdev *)n;

	nic_queues_down(n);
	if (d->started)
		rte_eth_dev_stop(d->id);
	d->started = false;
	unprobe(d);
	for (unsigned k = 0; k < n->port.n_queues; k++) {
		eth_queue_fini(&d->queues[k]);
		n->port.queues[k].wake_fds[0] = -1;
	}
	restore(d);
	if (d->promiscuous_fd >= 0)
		close(d->promiscuous_fd);
	d->promiscuous_fd = -1;
}

static int open_all(struct ethdev *d, struct err *e)
{
	struct rte_eth_dev_info info;
	int ret = probe(d, e);

	if (ret < 0)
		return ret;
	ret = rte_eth_dev_info_get(d->id, &info);
	if (ret == 0)
		ret = describe_device(d, &info);
	if (ret < 0)
		return err_set(e, -ret, "%s does not tell what it is: %s", d->devname,
			       strerror(-ret));
	ret = configure(d, &info, e);
	for (unsigned k = 0; ret == 0 && k < d->nic.port.n_queues; k++)
		ret = set_up_queue(d, k, e);
	return ret == 0 ? start(d, e) : ret;
}

static int ethdev_open(struct nic *n, struct err *e)
{
	struct ethdev *d = (struct ethdev *)n;
	int ret;

	d->promiscuous_fd = -1;
	ret = open_all(d, e);
	if (ret < 0) {
		ethdev_close(n);
		return ret;
	}
	stop_joining(d);
	d->mark_partial = is_af_packet(n) && n->dev.partial_csums;
	find_interrupts(d);
	nic_queues_up(n);
	return 0;
}

/* Nothing is steered: all of the device is ours, or, with af_packet, everybody's. */
static int ethdev_set_addresses(struct nic *n, struct err *e)
{
	return 0;
}

static void ethdev_describe(struct nic *n, struct nic_info *info)
{
	struct ethdev *d = (struct ethdev *)n;
	struct rte_eth_link link = {0};
	struct rte_eth_stats stats;

	info->driver = is_af_packet(n) ? "af_packet" : "dpdk";
	snprintf(info->how, sizeof(info->how), "%s", d->interrupts ? "interrupts" : "polled");
	if (!is_af_packet(n)) {
		rte_eth_link_get_nowait(d->id, &link);
		info->link = link.link_status;
	}
	if (rte_eth_stats_get(d->id, &stats) == 0)
		info->missed = stats.imissed + stats.rx_nombuf;
}

const struct nic_driver ethdev_driver = {
	.name = "ethdev",
	.ops = &ethdev_port_ops,
	.size = sizeof(struct ethdev),
	.queues = count_queues,
	.open = ethdev_open,
	.close = ethdev_close,
	.set_addresses = ethdev_set_addresses,
	.describe = ethdev_describe,
};
