/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Uplinks through a vhost-user socket: towards a router in a guest, or a generator of packets. */

#include <errno.h>
#include <stdio.h>

#include "daemon/port_kind.h"
#include "daemon/uplink.h"
#include "vhost/vhost_port.h"

static struct vhost_port_params params_of(const struct config_uplink *c)
{
	return (struct vhost_port_params){
		.name = c->name,
		.path = c->vhost.path,
		.mode = c->vhost.mode,
		.owner = c->vhost.owner,
		.group = c->vhost.group,
		.socket_mode = c->vhost.socket_mode,
		.tso = true,
		.uso = true,
		.csum = true,
		.queues = c->vhost.queues,
		.mtu = 65535,
	};
}

static struct port *create(struct weftd *d, const struct config_uplink *c, struct uplink_link *link,
			   const struct port_kind **port_kind, struct err *e)
{
	struct vhost_port_params params = params_of(c);
	char path[VHOST_PATH_MAX];
	struct vhost_port *vp;

	/* The default path follows the run-dir that is really used. */
	if (c->vhost.path_derived &&
	    snprintf(path, sizeof(path), "%s/%s.sock", d->run_dir, c->name) < (int)sizeof(path))
		params.path = path;
	*port_kind = &port_kind_vhost;
	vp = vhost_port_create(d->vswitch->vhost, &params, e);
	return vp ? &vp->port : NULL;
}

static int update(struct weftd *d, struct port *port, const struct config_uplink *c,
		  struct uplink_link *link, struct err *e)
{
	struct vhost_port_params params = params_of(c);

	return vhost_port_set_owner(vhost_port_of(port), &params, e);
}

const struct uplink_ops uplink_vhost = {
	.create = create,
	.update = update,
};
