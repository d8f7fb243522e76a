/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/router_slow.h"

#include <string.h>

#include "bridge/bridge_routed.h"
#include "nat/filter6.h"
#include "nat/gateway.h"
#include "nat/way.h"

/* ICMP errors a second to one interface's side from one worker, and at once (RFC 1812, 4.3.2.8). */
#define ICMP_RATE  1000u
#define ICMP_BURST 50u

#define IP4_DF	   RTE_BE16(0x4000)

static struct gateway_local *local_of(struct routing *x)
{
	return &x->from->gateway->local[x->w->id];
}

static struct ipv4_hdr *ip4_of(const struct packet *p)
{
	return (struct ipv4_hdr *)(p->frame->head + p->l3);
}

/* An address of the packet, whose place in either header is given. */
static struct ipaddr address_of(const struct packet *p, size_t at4, size_t at6)
{
	const uint8_t *l3 = p->frame->head + p->l3;
	struct ipaddr a;

	if (!p->ipv6)
		return ipaddr_from_ip4(l3 + at4);
	memcpy(a.b, l3 + at6, sizeof(a.b));
	return a;
}

struct ipaddr router_source(const struct packet *p)
{
	return address_of(p, offsetof(struct ipv4_hdr, src), offsetof(struct ipv6_hdr, src));
}

struct ipaddr router_destination(const struct packet *p)
{
	return address_of(p, offsetof(struct ipv4_hdr, dst), offsetof(struct ipv6_hdr, dst));
}

/* --- the way on --------------------------------------------------------------------------------
 */

bool router_follow(struct routing *x, uint32_t adjacency)
{
	const struct router_iface *out =
		atomic_load_explicit(&x->router->ifaces[adjacency >> 24], memory_order_acquire);

	x->adjacency = 0;
	if (!adjacency || !out || !neigh_mac(out->neighs, adjacency & 0xffffff, &x->mac))
		return false;
	if (likely(!x->w->dry_run))
		neigh_use(out->neighs, adjacency & 0xffffff, x->now_s);
	x->adjacency = adjacency;
	x->out = out;
	x->port_id = out->port_id;
	x->refused = DROP_NONE;
	if (!out->port_id) {
		x->port_id = bridge_routed_port(out->params.bridge, &x->mac);
		if (x->port_id)
			x->refused = bridge_routed_check(out->params.bridge, x->port_id);
	}
	return true;
}

static void decrement_ttl(const struct packet *p)
{
	uint8_t *l3 = p->frame->head + p->l3;
	struct ipv4_hdr *ip;
	uint32_t csum;

	if (p->ipv6) {
		((struct ipv6_hdr *)l3)->hop_limit--;
		return;
	}
	ip = (struct ipv4_hdr *)l3;
	ip->ttl--;
	csum = (uint32_t)ip->csum + RTE_BE16(0x0100);
	ip->csum = (uint16_t)(csum + (csum >= 0xffff)); /* RFC 1141 */
}

void router_send(struct routing *x, unsigned i)
{
	struct burst *b = &x->w->burst;
	struct eth_hdr *eth = (struct eth_hdr *)b->frames[i].head;

	if (unlikely(x->refused)) {
		verdict_drop(x->v, i, x->refused);
		return;
	}
	decrement_ttl(&x->packets[i]);
	eth->dst = x->mac;
	eth->src = x->out->params.mac;
	b->routed |= 1ull << i;
	if (likely(x->port_id))
		egress_add(&x->w->egress, x->port_id, i);
	else
		bridge_routed_flood(x->w, x->out->params.bridge, x->out->gateway_id, i, x->v);
}

/* To the gateway port of the way out, which asks for the neighbour, or cuts the packet. */
static void to_gateway(struct routing *x, unsigned i, const struct route *to)
{
	struct burst *b = &x->w->burst;
	struct eth_hdr *eth = (struct eth_hdr *)b->frames[i].head;

	decrement_ttl(&x->packets[i]);
	eth->src = to->out->params.mac;
	b->next[i] = to->next;
	b->routed |= 1ull << i;
	egress_add(&x->w->egress, to->out->gateway_id, i);
	if (x->w->story)
		x->w->story->waits = true;
}

/* --- answers -----------------------------------------------------------------------------------
 */

/* Back to where the burst came from. */
static void reply(struct routing *x, unsigned i)
{
	x->w->burst.routed |= 1ull << i;
	egress_add(&x->w->egress, x->in->id, i);
}

static bool may_send_error(struct routing *x)
{
	struct gateway_local *l = local_of(x);
	uint64_t earned = (x->now_ns - l->icmp_at_ns) / (NS_PER_S / ICMP_RATE);

	if (x->w->dry_run)
		return true;
	if (earned) {
		l->icmp_credit = (uint32_t)MIN_OF(l->icmp_credit + earned, (uint64_t)ICMP_BURST);
		l->icmp_at_ns = x->now_ns;
	}
	if (l->icmp_credit == 0) {
		l->counters.icmp_limited++;
		return false;
	}
	l->icmp_credit--;
	l->counters.icmp_errors++;
	return true;
}

/* Tells the sender why the packet ends here, or drops it for `reason`. */
static void refuse(struct routing *x, unsigned i, enum drop_reason reason, enum icmp_why why,
		   unsigned mtu)
{
	struct packet *p = &x->packets[i];
	struct icmp_source source = router_icmp_source(x->from);

	*p->frame = x->before;
	if (!icmp_may_answer(p) || (!p->ipv6 && !source.ip4) || !may_send_error(x)) {
		verdict_drop(x->v, i, reason);
		return;
	}
	if (x->w->story) {
		x->w->story->error = true;
		x->w->story->why = why;
	}
	icmp_make_error(p, &source, why, mtu, &x->w->burst.rooms[i]);
	reply(x, i);
}

/* The same; nothing is said to who is outside. */
static void refuse_inside(struct routing *x, unsigned i, enum drop_reason reason, enum icmp_why why)
{
	if (x->uplink)
		verdict_drop(x->v, i, reason);
	else
		refuse(x, i, reason, why, 0);
}

static bool echo(struct routing *x, unsigned i)
{
	if (!icmp_make_echo_reply(&x->packets[i], &x->from->params.mac))
		return false;
	if (!x->w->dry_run)
		local_of(x)->counters.echo_replies++;
	if (x->w->story)
		x->w->story->replied = true;
	reply(x, i);
	return true;
}

/* For an address of the router's own. */
static void deliver(struct routing *x, unsigned i)
{
	const struct packet *p = &x->packets[i];
	bool has_ports = p->proto == WIRE_PROTO_TCP || p->proto == WIRE_PROTO_UDP;

	if (echo(x, i))
		return;
	if (p->proto == WIRE_PROTO_ICMP || p->proto == WIRE_PROTO_ICMP6)
		verdict_drop(x->v, i, DROP_ROUTER_LOCAL);
	else
		refuse_inside(x, i, DROP_ROUTER_LOCAL, has_ports ? ICMP_NO_PORT : ICMP_NO_PROTOCOL);
}

/* --- sessions ----------------------------------------------------------------------------------
 */

/* A guest is told when it may not, and when there is no room for it (RFC 5508 REQ-8). */
static bool is_worth_telling(enum drop_reason reason)
{
	switch (reason) {
	case DROP_NAT_SESSIONS:
	case DROP_NAT_BRIDGE_SESSIONS:
	case DROP_NAT_GUEST_SESSIONS:
	case DROP_NAT_GUEST_PORTS:
	case DROP_NAT_PORTS:
	case DROP_NAT_DENIED:
		return true;
	default:
		return false;
	}
}

/* Whose the session is, when there is none yet. */
struct party {
	struct nat_inside *from, *to;
	struct nat_outside *outside; /* NULL: routed, not translated */
};

static struct nat_session *open_session(struct routing *x, unsigned i, const struct party *who,
					enum drop_reason *why)
{
	struct nat *nat = x->router->nat;
	const struct packet *p = &x->packets[i];

	if (!who->outside)
		return nat_open_routed(nat, x->w->id, p, who->from, who->to, x->now_ns, why);
	if (x->uplink)
		return nat_open_in(nat, x->w->id, p, who->outside, x->now_ns, why);
	return nat_open_out(nat, x->w->id, p, who->from, who->outside, x->now_ns, why);
}

static bool is_from_here(const struct routing *x, const struct nat_found *found)
{
	uint16_t realm = found->session ? nat_realm(found->session, found->direction) : 0;

	return found->session && (!realm || realm == x->realm);
}

/* The session of a packet that is neither an ICMP error nor a fragment without ports. */
static enum drop_reason find_session(struct routing *x, unsigned i, const struct party *who)
{
	struct nat_found *found = &x->found[i];
	enum drop_reason why = DROP_NONE;

	if (is_from_here(x, found))
		return DROP_NONE;
	found->session = open_session(x, i, who, &why);
	if (!found->session)
		return why;
	/* A hairpin and a routed session begun from outside tell their direction themselves. */
	found->direction = x->uplink || (!who->outside && !who->from) ? NAT_INBOUND : NAT_OUTBOUND;
	return DROP_NONE;
}

static enum drop_reason translate_error(struct routing *x, unsigned i, const struct party *who)
{
	struct packet *p = &x->packets[i];

	if (x->uplink)
		return who->outside ? nat_icmp_in(x->router->nat, x->w->id, p, who->outside)
				    : DROP_NONE;
	return who->from ? nat_icmp_out(x->router->nat, x->w->id, p, who->from) : DROP_NONE;
}

/* What the session of the packet makes of it. Punts a fragment that has to wait for its first. */
static enum drop_reason translate(struct routing *x, unsigned i, const struct party *who)
{
	struct nat_found *found = &x->found[i];
	struct packet *p = &x->packets[i];
	enum drop_reason reason;

	if (x->w->dry_run) {
		x->w->story->session = is_from_here(x, found);
		x->w->story->opens = !x->w->story->session && !p->icmp_error;
		return DROP_NONE;
	}
	if (p->icmp_error)
		return translate_error(x, i, who);
	if (p->fragment == PACKET_FRAGMENT_REST) {
		reason = nat_fragment(x->router->nat, x->w->id, p, x->from->number, x->now_ns,
				      found);
		if (!reason && !found->session)
			x->v->punted |= 1ull << i;
		if (reason || !found->session)
			return reason;
	} else {
		reason = find_session(x, i, who);
		if (reason)
			return reason;
	}
	return nat_translate(x->router->nat, x->w->id, found->session, found->direction, p,
			     x->now_ns);
}

/* --- the decision ------------------------------------------------------------------------------
 */

enum fit { FIT_GOES, FIT_CUT, FIT_ENDED };

/* A packet beyond the MTU of its way out: cut by the gateway port, or refused. */
static enum fit fit(struct routing *x, unsigned i, unsigned mtu)
{
	struct packet *p = &x->packets[i];
	struct frame *f = p->frame;

	if (likely(router_fits(p, mtu)))
		return FIT_GOES;
	if (p->ipv6 || ip4_of(p)->frag_off & IP4_DF) {
		refuse(x, i, DROP_TOO_BIG, ICMP_TOO_BIG, mtu);
		return FIT_ENDED;
	}
	if (f->vnet.gso_type) {
		f->vnet.gso_size = (uint16_t)(mtu - (f->vnet.hdr_len - p->l3));
		return FIT_GOES;
	}
	if (!x->w->dry_run)
		local_of(x)->counters.fragmented++;
	return FIT_CUT;
}

/* Returns whether it went by the adjacency that is followed now. */
static bool go(struct routing *x, unsigned i, const struct route *to)
{
	struct nat_found *found = &x->found[i];
	uint32_t ref = neigh_lookup(to->out->neighs, &to->next);
	uint32_t adjacency = ref ? (uint32_t)to->out->number << 24 | ref : 0;
	enum fit how = fit(x, i, to->out->params.mtu);

	if (how == FIT_ENDED)
		return false;
	if (how == FIT_CUT || !router_follow(x, adjacency)) {
		to_gateway(x, i, to);
		return false;
	}
	if (found->session && !x->w->dry_run)
		nat_set_adjacency(found->session, found->direction, adjacency);
	router_send(x, i);
	return true;
}

/*
 * For a packet without a session of NAT, after what its way `does` was done; the next one with its
 * addresses is faster.
 */
static void go_remembering(struct routing *x, unsigned i, const struct route *to, unsigned does)
{
	const struct packet *p = &x->packets[i];
	struct packet before = *p;
	struct way way;

	before.frame = &x->before;
	way = (struct way){
		.src = router_source(&before),
		.dst = router_destination(&before),
		.other = does & WAY_PREFIX_OUT ? router_source(p) : router_destination(p),
		.does = (uint8_t)does,
	};
	x->found[i].session = NULL;
	if (go(x, i, to) && !x->w->dry_run)
		router_remember(x, &way);
}

/* NAT said no. */
static void refused(struct routing *x, unsigned i, enum drop_reason reason)
{
	if (is_worth_telling(reason))
		refuse_inside(x, i, reason, ICMP_PROHIBITED);
	else
		verdict_drop(x->v, i, reason);
}

/* By a session of NAT or of the filter, and on by where the packet goes then. */
static void go_by_session(struct routing *x, unsigned i, const struct party *who,
			  const struct route *to)
{
	enum drop_reason reason = translate(x, i, who);
	struct route now = *to;
	struct ipaddr dst;

	if (reason || x->v->punted >> i & 1) {
		if (reason)
			refused(x, i, reason);
		return;
	}
	if (to->kind == ROUTE_EXTERNAL) {
		if (x->w->dry_run)
			return;
		dst = router_destination(&x->packets[i]);
		now = route_find(x->router, x->from, &dst, true);
	}
	if (now.kind == ROUTE_OUT)
		go(x, i, &now);
	else
		refuse_inside(x, i, DROP_NO_ROUTE, ICMP_NO_ROUTE);
}

static bool is_filtered(const struct routing *x, const struct router_iface *out)
{
	return x->from->params.inside || out->params.inside;
}

/* Packets to an address that an uplink translates to: from outside, or a hairpin. */
static void go_external(struct routing *x, unsigned i, const struct route *to)
{
	const struct router_iface_params *from = &x->from->params;
	struct party who = {.from = from->inside, .outside = to->out->params.outside};

	if (x->uplink || (from->forward == ROUTER_NAT && from->inside))
		go_by_session(x, i, &who, to);
	else
		refuse_inside(x, i, DROP_PROHIBITED, ICMP_PROHIBITED);
}

static unsigned filters6(const struct routing *x, const struct router_iface *out)
{
	bool any = x->from->params.filter6 || out->params.filter6;

	return any && x->from != out ? WAY_FILTERED6 : 0;
}

/* What the filters of both ends say of an IPv6 packet. False: it is dealt with. */
static bool filter6(struct routing *x, unsigned i, const struct router_iface *out)
{
	const struct packet *p = &x->packets[i];
	const struct filter6_way way = {
		.from = x->from->params.filter6,
		.to = out->params.filter6,
		.from_bridge = x->from->number,
		.to_bridge = out->number,
	};
	enum drop_reason reason;

	if (!filters6(x, out))
		return true;
	if (x->w->dry_run) {
		x->w->story->session = filter6_knows(x->router->filter6, p, x->now_s);
		x->w->story->opens = !x->w->story->session && !p->icmp_error;
		return true;
	}
	reason = filter6_pass(x->router->filter6, p, &way, x->now_s);
	if (reason)
		refused(x, i, reason);
	return !reason;
}

/*
 * An IPv6 prefix is translated without sessions, RFC 6296; then the packet goes by `to`. Filters
 * see addresses of the inside.
 */
static void go_by_prefix(struct routing *x, unsigned i, const struct npt6 *npt6,
			 enum nat_direction dir, const struct route *to)
{
	bool out = dir == NAT_OUTBOUND;
	enum drop_reason reason;

	if (out && !filter6(x, i, to->out))
		return;
	reason = npt6_translate(npt6, dir, &x->packets[i]);
	if (reason)
		verdict_drop(x->v, i, reason);
	else if (out || filter6(x, i, to->out))
		go_remembering(x, i, to,
			       filters6(x, to->out) | (out ? WAY_PREFIX_OUT : WAY_PREFIX_IN));
}

/* From outside to an address of a bridge's outer prefix. */
static void go_in_by_prefix(struct routing *x, unsigned i, const struct router_iface *bridge,
			    struct ipaddr dst)
{
	const struct npt6 *npt6 = &bridge->params.npt6;
	struct route to;

	x->found[i].session = NULL;
	npt6_address(npt6, NAT_INBOUND, dst.b);
	to = route_find(x->router, x->from, &dst, true);
	if (to.kind != ROUTE_OUT)
		verdict_drop(x->v, i, DROP_NO_ROUTE);
	else if (router_ttl(&x->packets[i]) <= 1)
		refuse(x, i, DROP_TTL, ICMP_TTL, 0);
	else
		go_by_prefix(x, i, npt6, NAT_INBOUND, &to);
}

static void go_out(struct routing *x, unsigned i, const struct route *to)
{
	const struct router_iface_params *from = &x->from->params, *out = &to->out->params;
	struct party who = {.from = from->inside, .to = out->inside};
	bool translated = from->forward == ROUTER_NAT && to->out->port_id;

	if (x->packets[i].ipv6) {
		x->found[i].session = NULL;
		if (translated)
			go_by_prefix(x, i, &from->npt6, NAT_OUTBOUND, to);
		else if (filter6(x, i, to->out))
			go_remembering(x, i, to, filters6(x, to->out));
		return;
	}
	/* Either may be missing for a moment, while a configuration is applied. */
	if (translated && !(out->outside && from->inside)) {
		refuse(x, i, DROP_NO_ROUTE, ICMP_NO_ROUTE, 0);
		return;
	}
	if (translated)
		who.outside = out->outside;
	if (x->from != to->out && (translated || is_filtered(x, to->out)))
		go_by_session(x, i, &who, to);
	else
		go_remembering(x, i, to, 0);
}

/* 224.0.0.0/4 and above, ff00::/8, and the broadcast addresses of the network where it goes. */
static bool is_to_group(const struct ipaddr *dst, const struct route *to)
{
	const struct ip4_prefix *net;
	rte_be32_t ip;
	uint32_t host;

	if (!ipaddr_is_ip4(dst))
		return dst->b[0] == 0xff;
	if (dst->b[12] >= 224 || dst->b[12] == 0 || dst->b[12] == 127)
		return true;
	if (to->kind != ROUTE_OUT)
		return false;
	net = &to->out->params.address;
	memcpy(&ip, dst->b + 12, sizeof(ip));
	host = rte_be_to_cpu_32(ip) & ~ip4_mask(net->len);
	return net->len < 31 && ip4_prefix_contains(net, rte_be_to_cpu_32(ip)) &&
	       (host == 0 || (host | ip4_mask(net->len)) == ~0u);
}

static void tell(struct routing *x, const struct route *to)
{
	struct router_story *s = x->w->story;

	s->asked = true;
	s->from = x->from;
	s->route = to->kind;
	s->out = to->out;
	s->next = to->next;
}

void router_slow(struct routing *x, unsigned i)
{
	struct packet *p = &x->packets[i];
	struct burst *b = &x->w->burst;
	struct ipaddr src = router_source(p), dst = router_destination(p);
	const struct router_iface *prefix;
	struct route to;

	if (router_go_remembered(x, i, &src, &dst))
		return;
	x->before = b->frames[i];
	if (!(b->kept >> i & 1)) {
		b->arrived[i] = x->before;
		b->kept |= 1ull << i;
	}
	if (!x->w->dry_run)
		local_of(x)->counters.slow++;
	to = route_find(x->router, x->from, &dst, false);
	if (unlikely(x->w->story))
		tell(x, &to);

	prefix = p->ipv6 && x->uplink ? route_npt6(x->router, x->from, &dst) : NULL;
	if (!route_source_fits(x->router, x->from, &src))
		verdict_drop(x->v, i, DROP_MARTIAN);
	else if (prefix)
		go_in_by_prefix(x, i, prefix, dst);
	else if (is_to_group(&dst, &to))
		verdict_drop(x->v, i, DROP_NOT_ROUTED);
	else if (to.kind == ROUTE_LOCAL)
		deliver(x, i);
	else if (to.kind == ROUTE_NONE)
		refuse_inside(x, i, DROP_NO_ROUTE, ICMP_NO_ROUTE);
	else if (to.kind == ROUTE_PROHIBITED)
		refuse_inside(x, i, DROP_PROHIBITED, ICMP_PROHIBITED);
	else if (to.kind == ROUTE_EXTERNAL && !is_from_here(x, &x->found[i]) && echo(x, i))
		return;
	else if (router_ttl(p) <= 1)
		refuse(x, i, DROP_TTL, ICMP_TTL, 0);
	else if (to.kind == ROUTE_EXTERNAL)
		go_external(x, i, &to);
	else
		go_out(x, i, &to);
}
