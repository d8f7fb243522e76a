/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Uplinks on a network device of the host. The router speaks with the device's own MAC address, so
 * that nothing is asked of the network; on a device that the host uses too, its IP addresses tell
 * whose a packet is, and are kept up to date in the XDP program.
 */

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "daemon/port_kind.h"
#include "daemon/port_nic.h"
#include "daemon/uplink.h"

/* The addresses of the link that packets of ours are sent to. */
static int set_addresses(struct nic *n, const struct uplink_link *link, struct err *e)
{
	uint32_t ipv4[CONFIG_EXTERNAL_MAX];
	struct in6_addr ipv6[2];
	struct nic_addresses a = {.ipv4 = ipv4, .n_ipv4 = link->n_externals, .ipv6 = ipv6};
	struct ipaddr local = ipaddr_link_local(&link->mac);

	for (unsigned i = 0; i < link->n_externals; i++)
		ipv4[i] = htonl(link->externals[i]);
	if (link->has_address6) {
		memcpy(&ipv6[a.n_ipv6++], &link->address6.addr, sizeof(ipv6[0]));
		memcpy(&ipv6[a.n_ipv6++], &local, sizeof(ipv6[0]));
	}
	return nic_set_addresses(n, &a, e);
}

static void follow_device(const struct nic *n, struct uplink_link *link)
{
	link->mac = n->dev.mac;
	link->mtu = MIN_OF(link->mtu, n->dev.mtu);
}

/* The router learns of the device's new address. */
static void on_changed(struct nic *n, void *arg)
{
	struct weftd *d = arg;
	const struct config_uplink *c =
		d->config ? config_uplink_lookup(d->config, n->port.name) : NULL;
	struct err e;

	if (n->params.router && c && uplink_update(d, c, c, false, &e) < 0)
		log_error(LOG_UPLINK, "%s", e.text);
}

static struct port *create(struct weftd *d, const struct config_uplink *c, struct uplink_link *link,
			   const struct port_kind **kind, struct err *e)
{
	struct nic_params params = port_nic_params(c->name, &c->nic, true);
	struct nic *n = nic_create(&d->vswitch->nics, &params, e);
	int ret;

	if (!n)
		return NULL;
	d->vswitch->nics.changed = on_changed;
	d->vswitch->nics.arg = d;
	follow_device(n, link);
	ret = set_addresses(n, link, e);
	if (ret < 0) {
		nic_destroy(n);
		errno = -ret;
		return NULL;
	}
	*kind = &port_kind_nic;
	return &n->port;
}

static int update(struct weftd *d, struct port *port, const struct config_uplink *c,
		  struct uplink_link *link, struct err *e)
{
	struct nic *n = nic_of(port);

	follow_device(n, link);
	return set_addresses(n, link, e);
}

const struct uplink_ops uplink_nic = {
	.create = create,
	.update = update,
};
