/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_NIC_H
#define UPLINK_NIC_H

/*
 * Ports on network devices of this host, whatever drives them: AF_XDP sockets, or DPDK.
 *
 * A driver embeds struct nic and fills in nic_driver; this file holds what they have in common. A
 * port is created on a device that is there and up, or not at all. From then on devices may come
 * and go: when one goes, changes or is set down, the port is closed and says why; when it is back,
 * the port is opened on it again. A change of the link is noticed at once, what else may help is
 * tried every second.
 *
 * Control thread, but for the port's operations.
 */

#include <netinet/in.h>
#include <sys/queue.h>

#include "common/loop.h"
#include "config/config.h"
#include "dataplane/dataplane.h"
#include "uplink/link_watch.h"
#include "uplink/netdev.h"

#define NIC_ADDRESSES_MAX 4096

struct nic;

/* Addresses of ours on a device that the host uses too. */
struct nic_addresses {
	unsigned n_macs, n_ipv4, n_ipv6;
	struct mac *macs;
	uint32_t *ipv4; /* in the order of the wire */
	struct in6_addr *ipv6;
};

/* What port/show tells; a snapshot. */
struct nic_info {
	bool up;
	bool link;
	char error[160];    /* why it is not up */
	const char *driver; /* "af_xdp" */
	char how[80];	    /* "native, zero-copy" */
	char kernel_driver[32];
	struct mac mac;
	unsigned mtu, queues;
	uint64_t missed; /* frames that came faster than they were taken */
	uint64_t kicks;	 /* system calls that sent frames */
	struct offloads takes;
};

struct nic_driver {
	const char *name;
	const struct port_ops *ops;
	size_t size; /* of the struct that begins with struct nic */
	/* How many receive queues the port is to have; 0 with the reason in `e`. */
	unsigned (*queues)(struct nic *n, struct err *e);
	/* Opens the device that n->dev describes. The queues are up after it. */
	int (*open)(struct nic *n, struct err *e);
	void (*close)(struct nic *n);
	/* Takes n->addresses over; the port is open. */
	int (*set_addresses)(struct nic *n, struct err *e);
	void (*describe)(struct nic *n, struct nic_info *info); /* it is open */
};

struct nics {
	struct dataplane *dp;
	struct loop *loop;
	struct link_watch watch;
	struct loop_timer retry;
	TAILQ_HEAD(, nic) list;
	/* A device came back with another MAC address or MTU; NULL: nobody is told. */
	void (*changed)(struct nic *n, void *arg);
	void *arg;
};

struct nic_params {
	const char *name;
	const char *dev; /* the device's name; "" with a PCI address */
	const char *pci; /* "0000:01:00.0" or "" */
	enum nic_driver_kind driver;
	enum nic_xdp_mode mode;
	unsigned queues; /* 0: as many as the device has */
	bool share;	 /* the host keeps using the device */
	bool router;	 /* an uplink of the router: what is not ours is of no interest */
};

struct nic {
	struct port port; /* first: the data path sees this */
	const struct nic_driver *driver;
	struct nics *all;
	TAILQ_ENTRY(nic) link;
	struct nic_params params; /* its strings are copies */
	struct nic_addresses addresses;
	struct netdev dev; /* as it was when it was opened */
	bool open;
	char error[160];
	struct offloads takes; /* w: control, while no queue is up; r: workers */
};

int nics_init(struct nics *all, struct dataplane *dp, struct loop *loop, struct err *e);
/* No port is left. */
void nics_fini(struct nics *all);

/*
 * Creates a port that is reachable and up. Returns NULL and errno with the reason in `e`: there is
 * no such device, it is down, cannot do what is asked, or may not be used. Nothing stays behind.
 */
struct nic *nic_create(struct nics *all, const struct nic_params *params, struct err *e);
/* Gives the device back. Accepts NULL. */
void nic_destroy(struct nic *n);

/* The addresses that are steered to the port on a shared device; copies are kept. */
int nic_set_addresses(struct nic *n, const struct nic_addresses *a, struct err *e);

void nic_info(struct nic *n, struct nic_info *info);

static inline struct nic *nic_of(struct port *p)
{
	return container_of(p, struct nic, port);
}

/* --- for drivers ------------------------------------------------------------------------------ */

/* All queues up, with nothing left of what they remembered; or down. */
void nic_queues_up(struct nic *n);
void nic_queues_down(struct nic *n);

#endif
