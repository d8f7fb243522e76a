/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames are checked by the private copy of their first bytes, so nothing changes under the checks.
 *
 *   source MAC      is that of the policy or of a live binding
 *   IPv4 source     is bound to that MAC; 0.0.0.0 only to ask for a lease and for IGMP
 *   IPv6 source     is bound to that MAC or its link-local address; :: only for duplicate address
 *                   detection of an own address, router solicitation and MLD (RFC 4861, RFC 3590)
 *   DHCP            the client in a message is the source MAC
 *   ARP             sender MAC is the source MAC, sender address is bound to it; 0.0.0.0 only in
 *                   requests: address conflict probes (RFC 5227)
 *   ND              link-layer options are the source MAC; what an advertisement or a duplicate
 *                   address detection is about is an own address; never fragmented (RFC 6980)
 *
 * Whoever gets past these with headers that cannot be read would make them pointless:
 * headers_parse refuses such frames, and they are dropped as hidden_headers.
 */
#include "bridge/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/headers.h"

enum { PORT_DHCP_SERVER = 67, PORT_DHCP_CLIENT = 68, PORT_DHCP6_CLIENT = 546, BOOTREPLY = 2 };
enum { DHCP_CHADDR = 28 }; /* where RFC 2131 has the client's MAC address */
enum {
	MLD_REPORT = 131,
	MLD_DONE = 132,
	ND_ROUTER_SOLICIT = 133,
	ND_ROUTER_ADVERT = 134,
	ND_NEIGHBOUR_SOLICIT = 135,
	ND_NEIGHBOUR_ADVERT = 136,
	ND_REDIRECT = 137,
	MLD2_REPORT = 143,
};
enum { ND_SOURCE_LINK = 1, ND_TARGET_LINK = 2 };

/* RFC 826 for Ethernet and IPv4. */
struct arp_hdr {
	__be16 hw_type, proto_type;
	uint8_t hw_len, proto_len;
	__be16 op;
	struct mac sender_mac;
	uint8_t sender_ip[4];
	struct mac target_mac;
	uint8_t target_ip[4];
} __attribute__((packed));
static_assert(sizeof(struct arp_hdr) == 28, "RFC 826");

/* A frame in hand. */
struct claim {
	const struct guard *guard;
	const struct frame *frame;
	const struct mac *mac; /* its source */
	uint64_t now_ns;
	struct headers h;
};

static bool is_live(const struct guard_binding *b, uint64_t now_ns)
{
	return now_ns < b->expiry_ns;
}

static bool owns_mac(const struct claim *c)
{
	const struct guard *g = c->guard;

	if (mac_eq(c->mac, &g->policy.mac))
		return true;
	for (unsigned i = 0; i < g->n; i++)
		if (mac_eq(c->mac, &g->bindings[i].mac) && is_live(&g->bindings[i], c->now_ns))
			return true;
	return false;
}

static bool is_bound(const struct claim *c, const struct ipaddr *ip)
{
	const struct guard *g = c->guard;

	for (unsigned i = 0; i < g->n; i++) {
		const struct guard_binding *b = &g->bindings[i];

		if (ipaddr_prefix_contains(&b->ip, ip) && mac_eq(&b->mac, c->mac) &&
		    is_live(b, c->now_ns))
			return true;
	}
	return false;
}

static bool owns_ip4(const struct claim *c, const uint8_t *addr)
{
	struct ipaddr ip = ipaddr_from_ip4(addr);

	return is_bound(c, &ip);
}

static bool owns_ip6(const struct claim *c, const uint8_t *addr)
{
	struct ipaddr link_local = ipaddr_link_local(c->mac), ip;

	memcpy(ip.b, addr, sizeof(ip.b));
	if (memcmp(ip.b, link_local.b, sizeof(ip.b)) == 0)
		return true;
	return !ipaddr_is_ip4(&ip) && is_bound(c, &ip);
}

static bool is_zero(const uint8_t *p, unsigned n)
{
	uint8_t any = 0;

	while (n > 0)
		any |= p[--n];
	return any == 0;
}

static enum drop_reason check_arp(const struct claim *c)
{
	const struct arp_hdr *arp = (const void *)(c->frame->head + c->h.l3);
	static const uint8_t ethernet_ipv4[] = {0, 1, 8, 0, 6, 4, 0};
	uint8_t op;

	if (!headers_has(&c->h, c->h.l3, sizeof(*arp)))
		return DROP_SPOOFED_ARP;
	op = c->frame->head[c->h.l3 + sizeof(ethernet_ipv4)];
	if (memcmp(arp, ethernet_ipv4, sizeof(ethernet_ipv4)) != 0 ||
	    (op != ARP_REQUEST && op != ARP_REPLY) || !mac_eq(&arp->sender_mac, c->mac))
		return DROP_SPOOFED_ARP;
	if (op == ARP_REQUEST && is_zero(arp->sender_ip, 4))
		return DROP_NONE;
	return owns_ip4(c, arp->sender_ip) ? DROP_NONE : DROP_SPOOFED_ARP;
}

static bool has_ports(const struct claim *c, uint8_t proto)
{
	return c->h.proto == proto && !c->h.headless && headers_has(&c->h, c->h.l4, 4);
}

static bool asks_for_lease(const struct claim *c)
{
	const struct ipv4_hdr *ip = (const void *)(c->frame->head + c->h.l3);

	return ip->dst == (__be32)~0u && has_ports(c, WIRE_PROTO_UDP) &&
	       headers_get16(c->frame, c->h.l4) == PORT_DHCP_CLIENT &&
	       headers_get16(c->frame, c->h.l4 + 2u) == PORT_DHCP_SERVER;
}

static enum drop_reason check_ip4_source(const struct claim *c)
{
	const uint8_t *src = c->frame->head + c->h.l3 + offsetof(struct ipv4_hdr, src);

	if (is_zero(src, 4))
		return c->h.proto == HEADERS_IGMP || asks_for_lease(c) ? DROP_NONE
								       : DROP_SPOOFED_IPV4;
	return owns_ip4(c, src) ? DROP_NONE : DROP_SPOOFED_IPV4;
}

/* To a client; or to a relay agent, which a server answers on its own port. */
static bool is_dhcp4_server(const struct claim *c)
{
	unsigned dst;

	if (!has_ports(c, WIRE_PROTO_UDP))
		return false;
	dst = headers_get16(c->frame, c->h.l4 + 2u);
	return dst == PORT_DHCP_CLIENT ||
	       (dst == PORT_DHCP_SERVER && headers_has(&c->h, c->h.l4 + 8u, 1) &&
		c->frame->head[c->h.l4 + 8] == BOOTREPLY);
}

/*
 * A DHCP server knows a client by the MAC address in the message. Who wrote another one there could
 * end that one's lease, or take all addresses that there are.
 */
static enum drop_reason check_dhcp_client(const struct claim *c)
{
	unsigned at = c->h.l4 + 8u + DHCP_CHADDR;

	if (!has_ports(c, WIRE_PROTO_UDP) ||
	    headers_get16(c->frame, c->h.l4 + 2u) != PORT_DHCP_SERVER)
		return DROP_NONE;
	if (headers_has(&c->h, at, sizeof(*c->mac)))
		return memcmp(c->frame->head + at, c->mac, sizeof(*c->mac)) == 0
			       ? DROP_NONE
			       : DROP_SPOOFED_DHCP;
	/* What is too short to hold it is no message; what hides it in a fragment may be one. */
	return c->h.fragment || c->h.cut ? DROP_HIDDEN_HEADERS : DROP_NONE;
}

static enum drop_reason check_ip4(const struct claim *c)
{
	const struct guard_policy *p = &c->guard->policy;

	if (p->check_mac) {
		enum drop_reason reason = check_dhcp_client(c);

		if (reason)
			return reason;
	}
	if (p->check_ipv4) {
		enum drop_reason reason = check_ip4_source(c);

		if (reason)
			return reason;
	}
	if (!p->no_dhcp || c->h.headless || c->h.proto != WIRE_PROTO_UDP)
		return DROP_NONE;
	if (!headers_has(&c->h, c->h.l4, 4))
		return DROP_HIDDEN_HEADERS;
	return is_dhcp4_server(c) ? DROP_DHCP_GUARD : DROP_NONE;
}

/* The ICMPv6 type, 0 when it is none that can be read. */
static uint8_t icmp6_type(const struct claim *c)
{
	return c->h.proto == HEADERS_ICMP6 && !c->h.headless ? c->frame->head[c->h.l4] : 0;
}

static bool may_be_unspecified(const struct claim *c)
{
	switch (icmp6_type(c)) {
	case MLD_REPORT:
	case MLD_DONE:
	case MLD2_REPORT:
	case ND_ROUTER_SOLICIT:
	case ND_NEIGHBOUR_SOLICIT:
		return true;
	default:
		return false;
	}
}

static enum drop_reason check_ip6_source(const struct claim *c)
{
	const uint8_t *src = c->frame->head + c->h.l3 + offsetof(struct ipv6_hdr, src);

	if (is_zero(src, 16))
		return may_be_unspecified(c) ? DROP_NONE : DROP_SPOOFED_IPV6;
	return owns_ip6(c, src) ? DROP_NONE : DROP_SPOOFED_IPV6;
}

/* Whether every link-layer address option from `at` to the end of the packet is the source MAC. */
static bool owns_link_options(const struct claim *c, unsigned at)
{
	const uint8_t *head = c->frame->head;

	while (at < c->h.end) {
		unsigned len = headers_has(&c->h, at, 8) ? head[at + 1] * 8u : 0;

		if (len == 0 || !headers_has(&c->h, at, len))
			return false;
		if ((head[at] == ND_SOURCE_LINK || head[at] == ND_TARGET_LINK) &&
		    (len != 8 || memcmp(head + at + 2, c->mac, sizeof(*c->mac)) != 0))
			return false;
		at += len;
	}
	return true;
}

/* Where the options of an ND message begin, behind its fixed part; 0: it is no ND message. */
static unsigned nd_fixed_len(uint8_t type)
{
	switch (type) {
	case ND_ROUTER_SOLICIT:
		return 8;
	case ND_ROUTER_ADVERT:
		return 16;
	case ND_NEIGHBOUR_SOLICIT:
	case ND_NEIGHBOUR_ADVERT:
		return 24;
	case ND_REDIRECT:
		return 40;
	default:
		return 0;
	}
}

static bool owns_nd(const struct claim *c, uint8_t type, unsigned fixed)
{
	const uint8_t *src = c->frame->head + c->h.l3 + offsetof(struct ipv6_hdr, src);
	const uint8_t *target = c->frame->head + c->h.l4 + 8;
	bool about_itself =
		type == ND_NEIGHBOUR_ADVERT || (type == ND_NEIGHBOUR_SOLICIT && is_zero(src, 16));

	if (!headers_has(&c->h, c->h.l4, fixed))
		return false;
	return (!about_itself || owns_ip6(c, target)) && owns_link_options(c, c->h.l4 + fixed);
}

static enum drop_reason check_icmp6(const struct claim *c)
{
	const struct guard_policy *p = &c->guard->policy;
	uint8_t type = icmp6_type(c);
	unsigned fixed = nd_fixed_len(type);

	if (fixed == 0)
		return DROP_NONE;
	if (p->no_router && (type == ND_ROUTER_ADVERT || type == ND_REDIRECT))
		return DROP_RA_GUARD;
	if (!p->check_nd)
		return DROP_NONE;
	if (c->h.fragment || c->h.cut)
		return DROP_HIDDEN_HEADERS;
	return owns_nd(c, type, fixed) ? DROP_NONE : DROP_SPOOFED_ND;
}

static enum drop_reason check_ip6(const struct claim *c)
{
	const struct guard_policy *p = &c->guard->policy;

	if (p->check_ipv6) {
		enum drop_reason reason = check_ip6_source(c);

		if (reason)
			return reason;
	}
	if (p->no_dhcp && has_ports(c, WIRE_PROTO_UDP) &&
	    headers_get16(c->frame, c->h.l4 + 2u) == PORT_DHCP6_CLIENT)
		return DROP_DHCP_GUARD;
	return check_icmp6(c);
}

enum drop_reason guard_check(const struct guard *g, const struct frame *f, uint64_t now_ns)
{
	struct claim c = {.guard = g, .frame = f, .mac = &frame_eth(f)->src, .now_ns = now_ns};

	if (g->policy.check_mac && !owns_mac(&c))
		return DROP_SPOOFED_MAC;
	if (!headers_parse(f, &c.h))
		return DROP_HIDDEN_HEADERS;
	switch (c.h.type) {
	case WIRE_ETHERTYPE_ARP:
		return g->policy.check_arp ? check_arp(&c) : DROP_NONE;
	case WIRE_ETHERTYPE_IPV4:
		return check_ip4(&c);
	case WIRE_ETHERTYPE_IPV6:
		return check_ip6(&c);
	default:
		return DROP_NONE;
	}
}

void guard_input(const struct guard *g, const struct burst *b, struct verdicts *v, uint64_t now_ns)
{
	for (unsigned i = 0; i < b->n; i++) {
		enum drop_reason reason;

		if (unlikely(!verdict_is_open(v, i)))
			continue;
		reason = guard_check(g, &b->frames[i], now_ns);
		if (unlikely(reason))
			verdict_drop(v, i, reason);
	}
}

static bool is_same(const struct guard_binding *b, const struct ipaddr_prefix *ip,
		    const struct mac *mac)
{
	return b->ip.len == ip->len && memcmp(&b->ip.addr, &ip->addr, sizeof(ip->addr)) == 0 &&
	       mac_eq(&b->mac, mac);
}

int guard_add(struct guard *g, const struct ipaddr_prefix *ip, const struct mac *mac,
	      uint64_t expiry_ns)
{
	for (unsigned i = 0; i < g->n; i++) {
		struct guard_binding *b = &g->bindings[i];

		if (!is_same(b, ip, mac))
			continue;
		b->expiry_ns = b->expiry_ns == GUARD_FOREVER ? GUARD_FOREVER : expiry_ns;
		return 0;
	}
	if (g->n == GUARD_BINDINGS_MAX)
		return -ENOSPC;
	g->bindings[g->n++] = (struct guard_binding){*ip, *mac, expiry_ns};
	return 0;
}

struct guard *guard_create(const struct port *p, const struct guard_policy *policy)
{
	const struct guard *old = atomic_load(&p->guard);
	struct guard *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->policy = *policy;
	for (unsigned i = 0; old && i < old->n; i++)
		if (old->bindings[i].expiry_ns != GUARD_FOREVER)
			g->bindings[g->n++] = old->bindings[i];
	return g;
}

void guard_publish(struct dataplane *dp, struct port *p, struct guard *g)
{
	struct guard *old = atomic_exchange(&p->guard, g);

	if (!old)
		return;
	dataplane_synchronize(dp);
	free(old);
}

/* A copy of the port's guard without what has expired at `now_ns`, and without `ip` of `mac`. */
static struct guard *copy_without(const struct guard *old, const struct ipaddr_prefix *ip,
				  const struct mac *mac, uint64_t now_ns)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->policy = old->policy;
	for (unsigned i = 0; i < old->n; i++)
		if (is_live(&old->bindings[i], now_ns) &&
		    !(ip && is_same(&old->bindings[i], ip, mac)))
			g->bindings[g->n++] = old->bindings[i];
	return g;
}

int guard_bind(struct dataplane *dp, struct port *p, const struct ipaddr_prefix *ip,
	       const struct mac *mac, uint64_t expiry_ns, uint64_t now_ns)
{
	const struct guard *old = atomic_load(&p->guard);
	struct guard *g = old ? copy_without(old, NULL, NULL, now_ns) : NULL;
	int ret;

	if (!g)
		return old ? -ENOMEM : -ENOENT;
	ret = guard_add(g, ip, mac, expiry_ns);
	if (ret < 0) {
		free(g);
		return ret;
	}
	guard_publish(dp, p, g);
	return 0;
}

int guard_unbind(struct dataplane *dp, struct port *p, const struct ipaddr_prefix *ip,
		 const struct mac *mac, uint64_t now_ns)
{
	const struct guard *old = atomic_load(&p->guard);
	struct guard *g = old ? copy_without(old, ip, mac, now_ns) : NULL;

	if (old && !g)
		return -ENOMEM;
	if (g)
		guard_publish(dp, p, g);
	return 0;
}
