/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/port_nic.h"

#include <stdio.h>

#include "daemon/port_kind.h"

struct nic_params port_nic_params(const char *name, const struct config_host_nic *c, bool router)
{
	return (struct nic_params){
		.name = name,
		.dev = c->dev,
		.pci = c->pci,
		.driver = c->driver,
		.mode = c->mode,
		.queues = c->queues,
		.share = c->share,
		.router = router,
	};
}

static void destroy(struct port *p)
{
	nic_destroy(nic_of(p));
}

static void info(struct port *p, struct port_info *to)
{
	struct nic_info from;

	nic_info(nic_of(p), &from);
	to->up = from.up;
	to->takes = from.takes;
	snprintf(to->waiting_for, sizeof(to->waiting_for), "%s", from.up ? "" : "its device");
	snprintf(to->error, sizeof(to->error), "%s", from.error);
}

static const char *device_of(const struct nic *n)
{
	return n->params.dev[0] ? n->params.dev : n->params.pci;
}

static void show_brief(struct port *p, json_t *o)
{
	const struct nic *n = nic_of(p);
	struct nic_info i;

	nic_info(nic_of(p), &i);
	json_object_set_new(o, "device", json_string(device_of(n)));
	json_object_set_new(o, "driver", json_string(i.driver));
}

static void show(struct port *p, json_t *o)
{
	struct nic *n = nic_of(p);
	char mac[MAC_TEXT_MAX];
	struct nic_info i;

	nic_info(n, &i);
	json_object_set_new(o, "nic",
			    json_pack("{s:s, s:b, s:s, s:i, s:b, s:I}", "how", i.how, "link",
				      i.link, "mac", mac_format(&i.mac, mac), "mtu", i.mtu, "share",
				      n->params.share, "missed", (json_int_t)i.missed));
	json_object_set_new(json_object_get(o, "nic"), "queues", json_integer(i.queues));
	if (i.kernel_driver[0])
		json_object_set_new(json_object_get(o, "nic"), "kernel-driver",
				    json_string(i.kernel_driver));
}

const struct port_kind port_kind_nic = {
	.destroy = destroy,
	.info = info,
	.show_brief = show_brief,
	.show = show,
};
