/* SPDX-License-Identifier: GPL-2.0-or-later */

/* vhost-user ports as the control side sees them. */

#include "daemon/port_kind.h"
#include "vhost/features.h"
#include "vhost/vhost_port.h"

static void destroy(struct port *p)
{
	vhost_port_destroy(vhost_port_of(p));
}

static struct port_ring_info ring_info(const struct vhost_ring_info *r)
{
	return (struct port_ring_info){r->size, r->posted, r->interrupts};
}

static void info(struct port *p, struct port_info *to)
{
	struct vhost_port_info from;

	vhost_port_info(vhost_port_of(p), &from);
	to->up = from.step == VHOST_STEP_UP;
	to->takes = from.takes;
	to->sessions = from.sessions;
	to->has_rings = from.attached;
	to->rings[PORT_RING_OUT] = ring_info(&from.rings[VHOST_TO_GUEST]);
	to->rings[PORT_RING_IN] = ring_info(&from.rings[VHOST_FROM_GUEST]);
	snprintf(to->waiting_for, sizeof(to->waiting_for), "%s", from.waiting_for);
	snprintf(to->error, sizeof(to->error), "%s", from.error);
}

static void show_brief(struct port *p, json_t *o)
{
	const struct vhost_port *vp = vhost_port_of(p);

	json_object_set_new(o, "socket", json_string(vp->path));
	json_object_set_new(o, "mode",
			    json_string(vp->mode == VHOST_MODE_SERVER ? "server" : "client"));
}

static json_t *features_json(uint64_t features)
{
	json_t *list = json_array();

	for (unsigned bit = 0; bit < 64; bit++)
		if (vhost_has(features, bit) && vhost_feature_name(bit))
			json_array_append_new(list, json_string(vhost_feature_name(bit)));
	return list;
}

/* "to_guest" is what the guest takes, "from_guest" what it may send. */
static json_t *offloads_json(uint64_t features, struct offloads takes)
{
	struct vnet csum = {.flags = VNET_NEEDS_CSUM}, tso4 = {.gso_type = VNET_GSO_TCPV4},
		    tso6 = {.gso_type = VNET_GSO_TCPV6}, uso = {.gso_type = VNET_GSO_UDP_L4};

	return json_pack("{s:{s:b, s:b, s:b, s:b, s:b}, s:{s:b, s:b, s:b, s:b}}", "to_guest",
			 "csum", takes.csum, "tso4", takes.tso4, "tso6", takes.tso6, "uso4",
			 takes.uso4, "uso6", takes.uso6, "from_guest", "csum",
			 vhost_features_check(features, &csum) == DROP_NONE, "tso4",
			 vhost_features_check(features, &tso4) == DROP_NONE, "tso6",
			 vhost_features_check(features, &tso6) == DROP_NONE, "uso",
			 vhost_features_check(features, &uso) == DROP_NONE);
}

static json_t *ring_json(const struct vhost_port_info *info, unsigned ring)
{
	static const char *const directions[VHOST_RINGS] = {"to_guest", "from_guest"};
	const struct vhost_ring_info *r = &info->rings[ring];

	return json_pack("{s:i, s:s, s:i, s:s, s:b, s:b, s:b, s:b, s:i, s:I, s:s*}", "index", ring,
			 "direction", directions[ring % VHOST_RINGS], "size", r->size, "kind",
			 r->packed ? "packed" : "split", "in_order", r->in_order, "indirect",
			 r->indirect, "event_idx", r->event_idx, "mergeable", r->mergeable,
			 "posted", r->posted, "interrupts", (json_int_t)r->interrupts, "fault",
			 r->fault);
}

static json_t *rings_json(const struct vhost_port_info *info)
{
	json_t *list = json_array();

	for (unsigned ring = 0; ring < VHOST_RINGS * info->n_pairs; ring++)
		if (info->pairs[ring / VHOST_RINGS].up)
			json_array_append_new(list, ring_json(info, ring));
	return list;
}

static json_t *frontend_json(const struct vhost_port_info *info)
{
	json_t *o = json_pack("{s:o, s:o}", "features", features_json(info->features), "offloads",
			      offloads_json(info->features, info->takes));

	if (info->mtu)
		json_object_set_new(o, "mtu", json_integer(info->mtu));
	return o;
}

static void show(struct port *p, json_t *o)
{
	struct vhost_port_info info;

	vhost_port_info(vhost_port_of(p), &info);
	json_object_set_new(o, "sessions", json_integer(info.sessions));
	if (info.attached)
		json_object_set_new(o, "frontend", frontend_json(&info));
	json_object_set_new(o, "rings", rings_json(&info));
}

static enum drop_reason check_offload(struct port *p, const struct vnet *vnet)
{
	struct vhost_port_info info;

	vhost_port_info(vhost_port_of(p), &info);
	return info.attached ? vhost_features_check(info.features, vnet) : DROP_NONE;
}

const struct port_kind port_kind_vhost = {
	.destroy = destroy,
	.info = info,
	.show_brief = show_brief,
	.show = show,
	.check_offload = check_offload,
};
