/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The gateway of a bridge as the IPv6 router of its hosts (RFC 4861, 6.2). It advertises itself
 * where it leads somewhere: on a routed bridge, and on a translated one whose prefix is known
 * outside. The bridge's DHCP server, where there is one, advertises the DNS server and the same
 * prefix, and says of itself that it is no router. The gateway says the prefix too, because a host
 * that has heard of a router asks no more, and the server may not have been up yet.
 *
 * Whoever asks and has an address is answered directly, others with all, every three seconds at
 * most. Unasked it speaks three times soon after it became a router, then every few minutes.
 */

#include "nat/gateway_private.h"

#include <string.h>

#include "nat/nd.h"

#define LIFETIME_S  1800u /* three times the longest interval between advertisements */
#define INTERVAL_S  400u  /* and up to SPREAD_S more, by the router's MAC address */
#define SPREAD_S    128u
#define SOON_S	    16u /* MAX_INITIAL_RTR_ADVERT_INTERVAL */
#define SOON	    2u	/* with the one at once MAX_INITIAL_RTR_ADVERTISEMENTS */
#define ALL_PAUSE_S 3u	/* MIN_DELAY_BETWEEN_RAS */

/* How long prefixes are valid, and preferred: RFC 4861, 6.2.1. */
#define VALID_S	    (30u * 86400)
#define PREFERRED_S (7u * 86400)

static const struct ipaddr all_nodes = {{0xff, 2, [15] = 1}};

static bool leads_somewhere(const struct router_iface_params *p)
{
	return p->bridge && p->has_address6 &&
	       (p->forward == ROUTER_ROUTE || (p->forward == ROUTER_NAT && p->has_npt6));
}

bool gateway_advert(const struct router_iface *r, struct ra_advert *a)
{
	const struct router_iface_params *p = &r->params;

	a->mac = p->mac;
	a->src = r->link_local;
	a->lifetime_s = p->advertises && leads_somewhere(p) ? LIFETIME_S : 0;
	a->flags = p->advert_flags;
	a->has_prefix = p->has_address6 && a->lifetime_s;
	a->autonomous = !p->advert_managed;
	a->valid_s = p->advert_valid_s ?: VALID_S;
	a->preferred_s = p->advert_valid_s ?: PREFERRED_S;
	a->prefix = p->address6;
	return a->lifetime_s;
}

static void say(struct gateway *gw, const struct ra_advert *a, const struct mac *mac,
		const struct ipaddr *dst)
{
	uint8_t frame[RA_FRAME_MAX];

	gateway_say(gw, frame, ra_build(frame, mac, dst, a));
}

static void say_to_all(struct gateway *gw, const struct ra_advert *a)
{
	const struct mac group = nd_group_mac(&all_nodes);

	say(gw, a, &group, &all_nodes);
}

void gateway_hear_solicit(struct gateway *gw, const struct router_iface *r,
			  const struct ra_solicit *s, uint32_t now_s)
{
	uint32_t next_s = gw->advertised_s + ALL_PAUSE_S;
	struct ra_advert a = {0};

	gw->counters.nd_in++;
	if (!gateway_advert(r, &a))
		return;
	gw->counters.answers++;
	if (s->has_mac) {
		say(gw, &a, &s->mac, &s->src);
	} else if ((int32_t)(now_s - next_s) >= 0) {
		say_to_all(gw, &a);
		gw->advertised_s = now_s;
	} else if (!gw->advertise_s || (int32_t)(gw->advertise_s - next_s) > 0) {
		gw->advertise_s = next_s;
	}
}

void gateway_advert_tick(struct gateway *gw, const struct router_iface *r, uint32_t now_s)
{
	struct ra_advert a = {0};

	if (!gateway_advert(r, &a))
		return;
	if (gw->advertise_s && (int32_t)(now_s - gw->advertise_s) < 0)
		return;
	if (gw->advertise_s) {
		say_to_all(gw, &a);
		gw->advertised_s = now_s;
	}
	if (gw->advertise_soon) {
		gw->advertise_soon--;
		gw->advertise_s = now_s + SOON_S;
	} else {
		gw->advertise_s = now_s + INTERVAL_S + a.mac.b[5] % SPREAD_S;
	}
}

void gateway_advertise(struct gateway *gw)
{
	struct ra_advert a = {0};

	gateway_lock(gw);
	gateway_advert(atomic_load(&gw->iface), &a);
	say_to_all(gw, &a);
	gw->advertise_s = 0;
	gw->advertise_soon = SOON;
	gateway_unlock(gw);
}

bool gateway_advertise_end(struct gateway *gw)
{
	struct ra_advert a = {0};
	bool was;

	gateway_lock(gw);
	was = gateway_advert(atomic_load(&gw->iface), &a);
	a.lifetime_s = 0;
	a.has_prefix = false;
	if (was)
		say_to_all(gw, &a);
	gateway_unlock(gw);
	return was;
}
