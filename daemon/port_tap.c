/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tap ports as the control side sees them. */

#include <stdio.h>

#include "daemon/port_kind.h"
#include "uplink/tap_port.h"

static void destroy(struct port *p)
{
	tap_port_destroy(tap_port_of(p));
}

static void info(struct port *p, struct port_info *to)
{
	struct tap_port_info from;

	tap_port_info(tap_port_of(p), &from);
	to->up = !from.gone;
	to->takes = from.takes;
	if (from.gone) {
		snprintf(to->waiting_for, sizeof(to->waiting_for),
			 "the interface to be made again");
		snprintf(to->error, sizeof(to->error),
			 "somebody removed interface %s; delete the port and add it again",
			 from.interface);
	}
}

static void show_brief(struct port *p, json_t *o)
{
	struct tap_port_info info;

	tap_port_info(tap_port_of(p), &info);
	json_object_set_new(o, "interface", json_string(info.interface));
}

static void show(struct port *p, json_t *o)
{
	struct tap_port_info info;
	char mac[MAC_TEXT_MAX];

	tap_port_info(tap_port_of(p), &info);
	if (info.mtu)
		json_object_set_new(o, "mtu", json_integer(info.mtu));
	if (!mac_is_zero(&info.mac))
		json_object_set_new(o, "mac", json_string(mac_format(&info.mac, mac)));
	json_object_set_new(o, "offloads",
			    json_pack("{s:b, s:b, s:b, s:b, s:b}", "csum", info.takes.csum, "tso4",
				      info.takes.tso4, "tso6", info.takes.tso6, "uso4",
				      info.takes.uso4, "uso6", info.takes.uso6));
}

const struct port_kind port_kind_tap = {
	.destroy = destroy,
	.info = info,
	.show_brief = show_brief,
	.show = show,
};
