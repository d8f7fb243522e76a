/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Gateway ports of the router as the control side sees them. */

#include "daemon/port_kind.h"
#include "nat/gateway.h"

/* The router's matter; it has the vswitch forget the port first. */
static void destroy(struct port *p)
{
}

static void info(struct port *p, struct port_info *to)
{
	to->up = true;
}

static void show_brief(struct port *p, json_t *o)
{
	const struct router_iface *i = atomic_load(&gateway_of(p)->iface);
	char mac[MAC_TEXT_MAX];

	json_object_set_new(o, "mac", json_string(mac_format(&i->params.mac, mac)));
}

static void show(struct port *p, json_t *o)
{
	const struct gateway_counters *c = &gateway_of(p)->counters;

	json_object_set_new(o, "link",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "arp_in",
				      (json_int_t)c->arp_in, "nd_in", (json_int_t)c->nd_in,
				      "answers", (json_int_t)c->answers, "asked",
				      (json_int_t)c->asked, "waited", (json_int_t)c->waited,
				      "sent_on", (json_int_t)c->sent_on, "failed",
				      (json_int_t)c->failed, "conflicts", (json_int_t)c->conflicts,
				      "lost", (json_int_t)c->lost));
}

const struct port_kind port_kind_gateway = {
	.destroy = destroy,
	.info = info,
	.show_brief = show_brief,
	.show = show,
};
