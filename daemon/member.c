/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/member.h"

#include <stdio.h>

#include "common/clock.h"

static const char *const class_names[] = {"unknown-unicast", "multicast", "broadcast"};
static_assert(ARRAY_SIZE(class_names) == FLOOD_CLASS_N, "a name for each class");

struct bridge_params member_bridge_params(const struct config_bridge *c)
{
	uint64_t ageing_s = (c->ageing_ns + NS_PER_S - 1) / NS_PER_S;

	return (struct bridge_params){
		.name = c->name,
		.fdb_entries = c->fdb_entries,
		.ageing_s = (uint32_t)MIN_OF(ageing_s, FDB_AGEING_MAX_S),
		.vlan_filtering = c->vlan_filtering,
		.forward_bpdu = c->forward_bpdu,
		.loop_guard = c->loop_guard,
	};
}

static struct storm_rate rate_of(const struct config_storm_rate *c)
{
	return (struct storm_rate){.per_s = c->per_s, .packets = c->packets};
}

static void set_vlans(struct bridge_port_params *p, const struct config_member *c)
{
	p->vlans = c->trunk;
	p->trunk = !vlan_set_is_empty(&c->trunk);
	p->native_tagged = c->native_tagged;
	p->pvid = (uint16_t)(p->trunk	   ? (c->has_native_vlan ? c->native_vlan : 0)
			     : c->has_vlan ? c->vlan
					   : BRIDGE_PVID_DEFAULT);
	if (p->pvid)
		vlan_set_add(&p->vlans, p->pvid);
}

struct bridge_port_params member_params(const struct config_member *c)
{
	struct bridge_port_params p = {
		.no_learning = !c->learning,
		.sticky = c->sticky,
		.isolated = c->isolated,
		.bpdu_guard = c->bpdu_guard,
		.mac_limit = c->mac_limit,
		.no_flood = {!c->flood.unknown_unicast, !c->flood.multicast, !c->flood.broadcast},
		.storm = {rate_of(&c->storm.unknown_unicast), rate_of(&c->storm.multicast),
			  rate_of(&c->storm.broadcast)},
	};

	set_vlans(&p, c);
	return p;
}

static void show_vlans(json_t *o, const struct bridge_port_params *p)
{
	char text[VLAN_SET_TEXT_MAX];

	if (!p->trunk) {
		json_object_set_new(o, "vlan", json_integer(p->pvid));
		return;
	}
	json_object_set_new(o, "trunk",
			    json_string(vlan_set_format(&p->vlans, text, sizeof(text))));
	if (p->pvid)
		json_object_set_new(o, "native-vlan", json_integer(p->pvid));
	if (p->native_tagged)
		json_object_set_new(o, "native-tagged", json_true());
}

static void show_flag(json_t *o, const char *key, bool on)
{
	if (on)
		json_object_set_new(o, key, json_true());
}

static void show_limits(json_t *o, const struct bridge_port_params *p)
{
	for (unsigned i = 0; i < FLOOD_CLASS_N; i++) {
		char key[40], rate[48];

		snprintf(key, sizeof(key), "storm-%s", class_names[i]);
		snprintf(rate, sizeof(rate), "%llu%s", (unsigned long long)p->storm[i].per_s,
			 p->storm[i].packets ? "pps" : "bps");
		if (p->storm[i].per_s)
			json_object_set_new(o, key, json_string(rate));
		snprintf(key, sizeof(key), "no-flood-%s", class_names[i]);
		show_flag(o, key, p->no_flood[i]);
	}
}

static void show_block(json_t *o, const struct bridge_port *bp)
{
	uint32_t now_s = bridge_seconds(clock_now_ns());

	if (bp->blocked != BLOCK_NONE) {
		json_object_set_new(o, "shut-by", json_string(bridge_block_name(bp->blocked)));
		json_object_set_new(o, "shut-for-s",
				    json_integer((int32_t)(bp->blocked_until_s - now_s)));
	}
	if (bp->blocks)
		json_object_set_new(o, "times-shut", json_integer(bp->blocks));
}

json_t *member_json(const struct bridge *b, const struct port *p)
{
	const struct bridge_port *bp = bridge_port_of(b, p->id);
	json_t *o = json_object();

	if (!bp)
		return o;
	if (b->vlans_map)
		show_vlans(o, &bp->params);
	show_flag(o, "learning-off", bp->params.no_learning);
	show_flag(o, "sticky", bp->params.sticky);
	show_flag(o, "isolated", bp->params.isolated);
	show_flag(o, "bpdu-guard", bp->params.bpdu_guard);
	show_flag(o, "mirror-output", port_set_has(&b->reserved, p->id));
	if (bp->params.mac_limit) {
		json_object_set_new(o, "mac-limit", json_integer(bp->params.mac_limit));
		json_object_set_new(o, "stations", json_integer(b->fdb.learned_by[p->id]));
	}
	show_limits(o, &bp->params);
	show_block(o, bp);
	return o;
}
