/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_DHCP_H
#define DAEMON_DHCP_H

/*
 * The DHCP and DNS servers of the bridges: one daemon/dhcp_server.h for each bridge with `dhcp`,
 * and its place in the switch, the tap port BRIDGE.dhcp, which dhcp-guard trusts.
 *
 * Reservations follow from guests that stand elsewhere in the configuration, so servers are not
 * changed by single differences: after all of those, dhcp_apply compares what each server has with
 * what it should have. Control thread.
 */

#include <jansson.h>

#include "daemon/weftd.h"

/*
 * Makes the servers those of `wanted`, which the bridges are already. Calls `failed` for each that
 * does not serve as it should; the others do.
 */
void dhcp_apply(struct weftd *d, const struct config *wanted,
		void (*failed)(void *arg, const char *bridge, const struct err *e), void *arg);

/* Ends all servers, before the switch goes. With `keep` their leases stay for the next weftd. */
void dhcp_end_all(struct weftd *d, bool keep);

/* Binds the ports that may use what they leased (anti-spoof.leases) to their leases. */
void dhcp_bind_leases(struct weftd *d);

/*
 * Forgets the leases of `client`, an address or a MAC address, on all bridges; dnsmasq is started
 * anew to forget them too. Returns their number, or -EINVAL when `client` is neither.
 */
int dhcp_release(struct weftd *d, const char *client);

/* Arrays for dhcp/show and dhcp/leases; `bridge` is NULL for all. */
json_t *dhcp_show_json(struct weftd *d, const char *bridge);
json_t *dhcp_leases_json(struct weftd *d, const char *bridge);

/* Their metrics, in the text format of Prometheus. */
void dhcp_metrics(struct weftd *d, FILE *f);

/* NULL when the bridge has none. */
struct dhcp_server *dhcp_lookup(struct weftd *d, const char *bridge);

#endif
