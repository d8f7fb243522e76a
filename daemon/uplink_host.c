/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The uplink `host`: through the network of the host itself (uplink/host_uplink.h). */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "daemon/port_kind.h"
#include "daemon/uplink.h"
#include "uplink/host_uplink.h"

/* --- the port, as the control side sees it ---------------------------------------------------- */

static void destroy(struct port *p)
{
	host_uplink_destroy(host_uplink_of(p));
}

static void info(struct port *p, struct port_info *to)
{
	port_kind_tap.info(p, to);
}

static void show_brief(struct port *p, json_t *o)
{
	port_kind_tap.show_brief(p, o);
}

static void show(struct port *p, json_t *o)
{
	const struct host_link *link = host_uplink_link(host_uplink_of(p));
	const struct ip4_prefix host = {link->host, link->weft.len};
	char text[IP4_PREFIX_TEXT];

	port_kind_tap.show(p, o);
	json_object_set_new(o, "host-address", json_string(ip4_prefix_format(&host, text)));
	json_object_set_new(o, "address", json_string(ip4_prefix_format(&link->weft, text)));
	json_object_set_new(o, "nftables", json_string(host_uplink_table(host_uplink_of(p))));
}

static const struct port_kind port_kind_host = {
	.destroy = destroy,
	.info = info,
	.show_brief = show_brief,
	.show = show,
};

/* --- the uplink ------------------------------------------------------------------------------- */

static void fill_link(struct uplink_link *to, const struct host_link *from)
{
	to->has_address = true;
	to->address = from->weft;
	to->gateway = from->host;
	to->externals[0] = from->weft.addr;
	to->n_externals = 1;
	to->has_address6 = to->has_gateway6 = from->has_ip6;
	to->address6 = from->weft6;
	to->gateway6 = from->host6;
}

static struct port *create(struct weftd *d, const struct config_uplink *c, struct uplink_link *link,
			   const struct port_kind **port_kind, struct err *e)
{
	struct host_uplink_params params = {
		.name = c->name,
		.run_dir = d->run_dir,
		.range = c->host.range,
		.mtu = c->mtu,
	};
	struct host_uplink *h = host_uplink_create(d->vswitch->dp, &params, e);

	*port_kind = &port_kind_host;
	if (!h)
		return NULL;
	fill_link(link, host_uplink_link(h));
	return host_uplink_port(h);
}

/* The tap's MTU is chosen when it is made; that is all that could change. */
static int update(struct weftd *d, struct port *port, const struct config_uplink *c,
		  struct uplink_link *link, struct err *e)
{
	struct tap_port_info tap;

	tap_port_info(tap_port_of(port), &tap);
	if (tap.mtu != c->mtu)
		return -EOPNOTSUPP;
	fill_link(link, host_uplink_link(host_uplink_of(port)));
	return 0;
}

static struct host_forward to_host(const struct nat_forward *f)
{
	return (struct host_forward){.udp = f->class == NAT_UDP,
				     .first = f->first,
				     .last = f->last ? f->last : f->first};
}

/* One that the host cannot let in, because it uses the port itself, does not keep out the others.
 */
static int forwards(struct weftd *d, struct port *port, struct nat_forward *list, unsigned *n,
		    struct err *e)
{
	struct host_uplink *h = host_uplink_of(port);
	struct host_forward *wanted = calloc(*n + 1, sizeof(*wanted));
	int ret = wanted ? 0 : err_set(e, ENOMEM, "uplink %s: out of memory", port->name);
	unsigned kept = 0;

	for (unsigned i = 0; wanted && i < *n; i++) {
		struct err one = {0};

		wanted[kept] = to_host(&list[i]);
		if (host_uplink_try_forward(h, &wanted[kept], &one) == 0) {
			list[kept++] = list[i];
			continue;
		}
		if (ret == 0)
			ret = err_set(e, EADDRINUSE, "%s", one.text);
	}
	if (wanted) {
		struct err all = {0};
		int set = host_uplink_set_forwards(h, wanted, kept, &all);

		if (set < 0 && ret == 0)
			ret = err_set(e, -set, "%s", all.text);
		if (set < 0)
			kept = 0;
	}
	*n = kept;
	free(wanted);
	return ret;
}

static bool is_unique_local(const struct ipaddr *a)
{
	return (a->b[0] & 0xfe) == 0xfc;
}

/* Prefixes whose packets come out of weft as they are; RFC 4193 ones are known to nobody outside.
 */
static unsigned prefixes_of(const struct config_bridge *b, struct host_prefix list[2])
{
	uint32_t net = htonl(ip4_network(&b->address));
	unsigned n = 0;

	if (b->has_address && config_bridge_forward(b) == FORWARD_ROUTE)
		list[n++] = (struct host_prefix){
			{ipaddr_from_ip4(&net), (uint8_t)(b->address.len + 96)}, false};
	if (b->address6[0] && ipaddr_prefix_parse(b->address6, &list[n].prefix) == 0) {
		list[n].prefix = ipaddr_network(&list[n].prefix);
		list[n].masquerade = is_unique_local(&list[n].prefix.addr);
		n++;
	}
	return n;
}

static int settle(struct weftd *d, struct port *port, const struct config *c, struct err *e)
{
	struct host_prefix list[HOST_PREFIXES_MAX + 2];
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_bridges && n <= HOST_PREFIXES_MAX; i++)
		if (strcmp(config_bridge_uplink(&c->bridges[i]), port->name) == 0)
			n += prefixes_of(&c->bridges[i], &list[n]);
	return host_uplink_set_prefixes(host_uplink_of(port), list, n, e);
}

static void tick(struct port *port)
{
	host_uplink_tick(host_uplink_of(port));
}

const struct uplink_ops uplink_host = {
	.create = create,
	.update = update,
	.forwards = forwards,
	.settle = settle,
	.tick = tick,
};
