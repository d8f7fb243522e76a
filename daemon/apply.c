/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/dhcp.h"
#include "daemon/gateways.h"
#include "daemon/metrics.h"
#include "daemon/port_nic.h"
#include "daemon/running.h"
#include "uplink/tap_port.h"

/* --- ports ------------------------------------------------------------------------------------ */

static struct vhost_port_params port_params(const struct config_port *c)
{
	return (struct vhost_port_params){
		.name = c->name,
		.path = c->vhost.path,
		.mode = c->vhost.mode,
		.owner = c->vhost.owner,
		.group = c->vhost.group,
		.socket_mode = c->vhost.socket_mode,
		.tso = c->offloads.tso,
		.uso = c->offloads.uso,
		.csum = c->offloads.csum,
		.queues = c->vhost.queues,
		.mtu = c->mtu,
	};
}

static int add_vhost_port(struct weftd *d, const char *bridge,
			  const struct vhost_port_params *params,
			  const struct config_member *member, const struct policy *policy,
			  struct err *e)
{
	struct vhost_port *vp = vhost_port_create(d->vswitch->vhost, params, e);

	return vp ? vswitch_add_port(d->vswitch, bridge, &port_kind_vhost, &vp->port, member,
				     policy, e)
		  : -errno;
}

static int add_tap_port(struct weftd *d, const struct config_port *c, struct err *e)
{
	struct policy policy = policy_from_port(c);
	struct tap_port_params params = {
		.name = c->name,
		.link = {.name = c->tap.name, .mac = c->tap.mac, .mtu = c->tap.mtu, .netns_fd = -1},
		.queues = c->tap.queues,
		.csum = c->offloads.csum,
		.tso = c->offloads.tso,
		.uso = c->offloads.uso,
	};
	struct link_setup *link = &params.link;
	struct tap_port *tp;

	if (c->tap.has_address)
		link->addresses[link->n_addresses++] = link_address4(&c->tap.address);
	if (c->tap.address6[0] &&
	    ipaddr_prefix_parse(c->tap.address6, &link->addresses[link->n_addresses]) == 0)
		link->n_addresses++;
	tp = tap_port_create(d->vswitch->dp, &params, e);
	return tp ? vswitch_add_port(d->vswitch, c->bridge, &port_kind_tap, tap_port_port(tp),
				     &c->member, &policy, e)
		  : -errno;
}

static int add_socket_port(struct weftd *d, const struct config_port *c, struct err *e)
{
	struct vhost_port_params params = port_params(c);
	struct policy policy = policy_from_port(c);
	char path[VHOST_PATH_MAX];

	/* The default path follows the run-dir that is really used. */
	if (c->vhost.path_derived &&
	    snprintf(path, sizeof(path), "%s/%s.sock", d->run_dir, c->name) < (int)sizeof(path))
		params.path = path;
	return add_vhost_port(d, c->bridge, &params, &c->member, &policy, e);
}

static int add_nic(struct weftd *d, const struct config_port *c, struct err *e)
{
	struct nic_params params = port_nic_params(c->name, &c->nic, false);
	struct policy policy = policy_from_port(c);
	struct nic *n = nic_create(&d->vswitch->nics, &params, e);

	return n ? vswitch_add_port(d->vswitch, c->bridge, &port_kind_nic, &n->port, &c->member,
				    &policy, e)
		 : -errno;
}

static int (*const add_port_of[])(struct weftd *d, const struct config_port *c, struct err *e) = {
	[PORT_VHOST_USER] = add_socket_port,
	[PORT_TAP] = add_tap_port,
	[PORT_NIC] = add_nic,
};
static_assert(ARRAY_SIZE(add_port_of) == PORT_KIND_N, "a way to make each kind");

static int add_port(struct weftd *d, const struct config_port *c, struct err *e)
{
	return add_port_of[c->kind](d, c, e);
}

static void nic_port_name(const char *guest, unsigned n, char *name, size_t size)
{
	snprintf(name, size, "%s.%u", guest, n);
}

/* The switch's end of a guest's NIC: QEMU listens, so that a restarted weftd just connects. */
static int add_nic_port(struct weftd *d, const struct config_guest *g, unsigned n, struct err *e)
{
	const struct config_nic *nic = &g->nics[n];
	struct policy policy = policy_from_nic(nic);
	char name[PORT_NAME_MAX], path[VHOST_PATH_MAX];
	struct vhost_port_params params = {
		.name = name,
		.path = path,
		.mode = VHOST_MODE_CLIENT,
		.owner = "",
		.group = "",
		.tso = nic->offloads.tso,
		.uso = nic->offloads.uso,
		.csum = nic->offloads.csum,
		.queues = nic->queues,
		.mtu = nic->mtu,
	};

	nic_port_name(g->name, n, name, sizeof(name));
	if (!guest_nic_socket(d->run_dir, g->name, n, path, sizeof(path)))
		return err_set(e, ENAMETOOLONG,
			       "guest %s: run-dir %s is too long for the sockets of its NICs; "
			       "choose a shorter one",
			       g->name, d->run_dir);
	return add_vhost_port(d, nic->bridge, &params, &nic->member, &policy, e);
}

/* --- guests ----------------------------------------------------------------------------------- */

static int add_guest(struct weftd *d, const struct config_guest *c, struct err *e)
{
	struct guest *g;
	int ret;

	for (unsigned n = 0; n < c->n_nics; n++) {
		ret = c->nics[n].kind == NIC_BRIDGE ? add_nic_port(d, c, n, e) : 0;
		if (ret < 0)
			return ret;
	}
	g = guest_add(d->guests, c, e);
	if (!g)
		return -errno;
	return 0;
}

static void del_nic_ports(struct weftd *d, const struct config_guest *c)
{
	char name[PORT_NAME_MAX];

	for (unsigned n = 0; n < c->n_nics; n++) {
		nic_port_name(c->name, n, name, sizeof(name));
		vswitch_del_port(d->vswitch, name);
	}
}

static int start_guest(struct weftd *d, const struct config_guest *c, struct err *e)
{
	struct guest *g = guest_lookup(d->guests, c->name);

	return g && c->autostart && !d->exiting ? guest_start(g, e) : 0;
}

/* A guest that changed is another guest: it starts when its predecessor's process has ended. */
struct succession {
	struct weftd *d;
	char name[CONFIG_NAME_MAX + 1];
};

static void on_predecessor_gone(void *arg)
{
	struct succession *s = arg;
	const struct config_guest *c = config_guest_lookup(s->d->config, s->name);
	struct err e = {0};

	if (c && !guest_lookup(s->d->guests, s->name) &&
	    (add_guest(s->d, c, &e) < 0 || start_guest(s->d, c, &e) < 0))
		log_error(LOG_APPLY, "%s", e.text);
	dhcp_bind_leases(s->d);
	free(s);
}

static int replace_guest(struct weftd *d, const struct config_guest *old, struct err *e)
{
	struct guest *g = guest_lookup(d->guests, old->name);
	struct succession *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, ENOMEM, "guest %s: out of memory", old->name);
	s->d = d;
	snprintf(s->name, sizeof(s->name), "%s", old->name);
	del_nic_ports(d, old);
	if (g)
		guest_del(g, on_predecessor_gone, s);
	else
		on_predecessor_gone(s);
	return 0;
}

/* What the NICs do on their bridges is the switch's matter: the guest itself is left alone. */
static int update_nics(struct weftd *d, const struct config_guest *c, struct err *e)
{
	char name[PORT_NAME_MAX];
	int ret = 0;

	for (unsigned n = 0; n < c->n_nics && ret == 0; n++) {
		const struct config_nic *nic = &c->nics[n];
		struct policy policy = policy_from_nic(nic);

		nic_port_name(c->name, n, name, sizeof(name));
		ret = vswitch_update_port(d->vswitch, name, &nic->member, &policy, e);
	}
	return ret;
}

static int remove_guest(struct weftd *d, const struct config_guest *old)
{
	struct guest *g = guest_lookup(d->guests, old->name);

	del_nic_ports(d, old);
	if (g)
		guest_del(g, NULL, NULL);
	return 0;
}

/* --- one change ------------------------------------------------------------------------------- */

static int apply_bridge(struct weftd *d, const struct change *c, struct err *e)
{
	switch (c->op) {
	case CHANGE_ADD:
		return vswitch_add_bridge(d->vswitch, c->new, e);
	case CHANGE_UPDATE:
		return vswitch_update_bridge(d->vswitch, c->new, e);
	default:
		gateways_del_bridge(d, c->name);
		vswitch_del_bridge(d->vswitch, c->name);
		return 0;
	}
}

static int apply_uplink(struct weftd *d, const struct change *c, struct err *e)
{
	switch (c->op) {
	case CHANGE_ADD:
		return uplink_add(d, c->new, e);
	case CHANGE_UPDATE:
		return uplink_update(d, c->old, c->new, c->disruptive, e);
	default:
		uplink_del(d, c->name);
		return 0;
	}
}

static int update_port(struct weftd *d, const struct change *c, struct err *e)
{
	struct vswitch_port *p = vswitch_port_lookup(d->vswitch, c->name);
	const struct config_port *wanted = c->new;
	struct vhost_port_params params = port_params(wanted);
	struct policy policy = policy_from_port(wanted);

	if (!c->disruptive && p) {
		int ret = vswitch_update_port(d->vswitch, c->name, &wanted->member, &policy, e);

		if (ret == 0 && wanted->kind == PORT_VHOST_USER)
			ret = vhost_port_set_owner(vhost_port_of(p->port), &params, e);
		return ret;
	}
	vswitch_del_port(d->vswitch, c->name);
	return add_port(d, wanted, e);
}

static int apply_port(struct weftd *d, const struct change *c, struct err *e)
{
	switch (c->op) {
	case CHANGE_ADD:
		return add_port(d, c->new, e);
	case CHANGE_UPDATE:
		return update_port(d, c, e);
	default:
		vswitch_del_port(d->vswitch, c->name);
		return 0;
	}
}

static int apply_guest(struct weftd *d, const struct change *c, struct err *e)
{
	int ret;

	switch (c->op) {
	case CHANGE_ADD:
		ret = add_guest(d, c->new, e);
		/* The first configuration starts its guests after the old ones are adopted. */
		return ret < 0 || !d->config ? ret : start_guest(d, c->new, e);
	case CHANGE_UPDATE:
		return c->live ? update_nics(d, c->new, e) : replace_guest(d, c->old, e);
	default:
		return remove_guest(d, c->old);
	}
}

/* What is not done here takes effect at the next start. */
static int apply_switch(struct weftd *d, const struct config_switch *c, struct err *e)
{
	int served = metrics_listen(d, c->metrics_listen, e);
	int given = control_give(d->control, c->socket_owner, c->socket_group, c->socket_mode, e);

	return given ? given : served;
}

static int apply_change(struct weftd *d, const struct change *c, struct err *e)
{
	switch (c->object) {
	case OBJECT_BRIDGE:
		return apply_bridge(d, c, e);
	case OBJECT_UPLINK:
		return apply_uplink(d, c, e);
	case OBJECT_PORT:
		return apply_port(d, c, e);
	case OBJECT_GUEST:
		return apply_guest(d, c, e);
	default:
		return apply_switch(d, c->new, e);
	}
}

static void note_failure(struct apply_result *r, const char *name, const struct err *e)
{
	log_error(LOG_APPLY, "%s", e->text);
	if (r->n_failed < APPLY_FAILURES_MAX) {
		snprintf(r->failed[r->n_failed].name, sizeof(r->failed[0].name), "%s", name);
		r->failed[r->n_failed].err = *e;
	}
	r->n_failed++;
}

/* Of what is made after all single changes. */
static void note_late_failure(void *arg, const char *name, const struct err *e)
{
	note_failure(arg, name, e);
}

static void start_first_guests(struct weftd *d, const struct config *wanted, struct apply_result *r)
{
	guests_adopt(d->guests);
	for (unsigned i = 0; i < wanted->n_guests; i++) {
		struct err e = {0};

		if (start_guest(d, &wanted->guests[i], &e) < 0)
			note_failure(r, wanted->guests[i].name, &e);
	}
}

int apply_config(struct weftd *d, struct config *wanted, struct apply_result *r)
{
	struct config *old = d->config;

	memset(r, 0, sizeof(*r));
	if (config_diff(old, wanted, &r->diff) < 0) {
		config_free(wanted);
		return -ENOMEM;
	}
	d->wanted = wanted;
	for (unsigned i = 0; i < r->diff.n; i++) {
		const struct change *c = &r->diff.changes[i];
		struct err e = {0};

		log_info(LOG_APPLY, "%s %s %s %s", change_op_name(c->op),
			 change_object_name(c->object), c->name, c->detail);
		if (apply_change(d, c, &e) < 0)
			note_failure(r, *c->name ? c->name : change_object_name(c->object), &e);
	}
	gateways_apply(d, wanted, note_late_failure, r);
	dhcp_apply(d, wanted, note_late_failure, r);
	vswitch_set_idle(d->vswitch, wanted);
	vswitch_set_rebalance(d->vswitch, wanted);
	if (!old)
		start_first_guests(d, wanted, r);
	d->config = wanted;
	d->wanted = NULL;
	r->old = old;
	running_save(d);
	return r->n_failed ? -EREMOTEIO : 0;
}

void apply_result_fini(struct apply_result *r)
{
	config_diff_fini(&r->diff);
	config_free(r->old);
	r->old = NULL;
}
