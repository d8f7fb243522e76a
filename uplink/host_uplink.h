/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_HOST_UPLINK_H
#define UPLINK_HOST_UPLINK_H

/*
 * The host uplink: the way out through the network of the host itself.
 *
 *   weft .2 ---- tap, a link of two addresses ---- .1 host ---- the host's interfaces
 *
 * It consists of a tap port, a table of nftables (uplink/host_rules.h), settings of the host
 * (uplink/sysctls.h), sockets that hold forwarded ports (uplink/host_ports.h), and routes to
 * prefixes that weft does not translate. All of it goes when the uplink goes. What a killed weftd
 * leaves, table and settings, host_uplink_sweep takes away before the next one makes its own; the
 * tap, its routes and the sockets go with the process.
 *
 * Settings. Forwarding (net.ipv4.ip_forward, and net.ipv6.conf.all.forwarding when an IPv6 prefix
 * is behind weft) is switched on if it is off, and off again at the end if weftd had switched it on
 * and no other table translates or filters forwarded packets: then somebody else has come to need
 * it. Before IPv6 forwarding is switched on, interfaces that take router advertisements get
 * accept_ra 2, since they would lose their routes otherwise. rp_filter needs no change: all routes
 * are symmetric.
 *
 * Control thread.
 */

#include "dataplane/dataplane.h"
#include "uplink/host_rules.h"
#include "uplink/tap_port.h"

struct host_uplink_params {
	const char *name; /* of uplink and port */
	const char *run_dir;
	struct ip4_prefix range; /* where the link's addresses come from, /30 or more */
	unsigned mtu;
	unsigned queues;
};

/* The link's addresses. */
struct host_link {
	struct ip4_prefix weft;
	uint32_t host;
	bool has_ip6;
	struct ipaddr_prefix weft6;
	struct ipaddr host6;
};

struct host_uplink;

/*
 * Makes the uplink, without forwards and untranslated prefixes. NULL with the reason in `e`, errno,
 * and nothing left behind. Destroy takes NULL.
 */
struct host_uplink *host_uplink_create(struct dataplane *dp, const struct host_uplink_params *p,
				       struct err *e);
void host_uplink_destroy(struct host_uplink *h);

const struct host_link *host_uplink_link(const struct host_uplink *h);
struct port *host_uplink_port(struct host_uplink *h);
struct host_uplink *host_uplink_of(struct port *p);

/* The name of its table of nftables. */
const char *host_uplink_table(const struct host_uplink *h);

/* Whether the host could let a forward in: 0, or -EADDRINUSE with the reason. Changes nothing. */
int host_uplink_try_forward(struct host_uplink *h, const struct host_forward *f, struct err *e);

/*
 * The forwards, or the prefixes behind weft, are now these. Connections that go on are not
 * disturbed. Returns 0 or -errno with everything as it was.
 */
int host_uplink_set_forwards(struct host_uplink *h, const struct host_forward *f, unsigned n,
			     struct err *e);
int host_uplink_set_prefixes(struct host_uplink *h, const struct host_prefix *p, unsigned n,
			     struct err *e);

/*
 * Once a second: puts the rules back when somebody has removed them together with all others.
 */
void host_uplink_tick(struct host_uplink *h);

/* Takes away what a killed weftd of this run-dir left. Returns what was found, or -errno. */
int host_uplink_sweep(const char *run_dir, struct err *e);

#endif
