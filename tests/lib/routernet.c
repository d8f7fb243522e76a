/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/routernet.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/cksum.h"
#include "nat/arp.h"
#include "nat/nd.h"

static uint32_t ip(const char *text)
{
	uint32_t addr;

	assert_int_equal(ip4_parse(text, &addr), 0);
	return addr;
}

static struct ipaddr ip6(const char *text)
{
	struct ipaddr_prefix p;

	assert_int_equal(ipaddr_prefix_parse(text, &p), 0);
	return p.addr;
}

static int add(struct routernet *net, const struct router_iface_params *params)
{
	struct err e = {0};
	int number = router_iface_add(net->router, params, &e);

	assert_true(number > 0);
	return number;
}

static void create_wan(struct routernet *net)
{
	static const struct mac mac = {{2, 0xaa, 0, 0, 0, 1}};
	uint32_t external = ip("198.18.0.2");
	struct err e = {0};

	net->outside = nat_outside_create(
		net->nat,
		&(struct nat_outside_params){.addresses = &external, .n_addresses = 1, .mtu = 1500},
		&e);
	assert_non_null(net->outside);
	net->ports[W] = testport_create(net->dp, "w");
	net->wan_params = (struct router_iface_params){
		.name = "wan",
		.mac = mac,
		.mtu = 1500,
		.has_address = true,
		.address = {ip("198.18.0.2"), 24},
		.has_address6 = true,
		.address6 = {ip6("fd00:99::2"), 64},
		.port = &net->ports[W]->port,
		.gateway = ip("198.18.0.1"),
		.has_gateway6 = true,
		.gateway6 = ip6("fd00:99::1"),
		.outside = net->outside,
	};
	net->wan = add(net, &net->wan_params);
}

static int create_bridge(struct routernet *net, int n, const char *name, const char *address,
			 const char *address6, enum router_forward forward)
{
	const struct bridge_params params = {.name = name, .fdb_entries = 1000, .ageing_s = 300};
	struct err e = {0};

	net->bridges[n] = bridge_create(net->dp, &params, &e);
	net->params[n] = (struct router_iface_params){
		.name = name,
		.mac = {{2, 0xbb, 0, 0, 0, (uint8_t)n}},
		.mtu = 1500,
		.has_address = true,
		.address = {ip(address), 24},
		.has_address6 = true,
		.address6 = {ip6(address6), 64},
		.bridge = net->bridges[n],
		.forward = forward,
		.uplink = forward ? (unsigned)net->wan : 0,
		.inside = forward == ROUTER_NAT ? net->inside : NULL,
	};
	return add(net, &net->params[n]);
}

static void create_inside(struct routernet *net)
{
	struct err e = {0};

	net->inside_params = (struct nat_inside_params){.subnet = {ip("10.10.0.0"), 24}};
	net->inside = nat_inside_create(net->nat, &net->inside_params, &e);
	assert_non_null(net->inside);
}

int routernet_setup(void **state)
{
	static const int bridge_of[] = {[A] = LAN, [B] = LAN, [C] = RED, [D] = BLUE, [E] = NONE};
	struct routernet *net = calloc(1, sizeof(*net));
	struct mac outside = station(9);
	struct ipaddr gateway6 = ip6("fd00:99::1");
	uint32_t gateway = htonl(ip("198.18.0.1"));
	struct ipaddr gateway4 = ipaddr_from_ip4(&gateway);
	struct err e = {0};

	net->now_ns = 1000 * SECOND;
	net->dp = dataplane_create(&(struct dataplane_params){.n_workers = 1}, &e);
	net->nat = nat_create(&(struct nat_params){.n_workers = 1,
						   .sessions_max = 1024,
						   .rcu = net->dp->rcu,
						   .secret = {1, 2, 3, 4}},
			      &e);
	assert_non_null(net->nat);
	net->router = router_create(net->dp, net->nat);
	create_inside(net);
	create_wan(net);
	net->lan = create_bridge(net, LAN, "lan", "10.10.0.1", "fd00:10::1", ROUTER_NAT);
	net->red = create_bridge(net, RED, "red", "10.20.0.1", "fd00:20::1", ROUTER_ROUTE);
	net->blue = create_bridge(net, BLUE, "blue", "10.30.0.1", "fd00:30::1", ROUTER_ROUTE);
	net->none = create_bridge(net, NONE, "none", "10.40.0.1", "fd00:40::1", ROUTER_NONE);
	for (int i = A; i <= E; i++) {
		net->ports[i] = testport_create(net->dp, (char[]){(char)('a' + i), '\0'});
		bridge_add_port(net->bridges[bridge_of[i]], &net->ports[i]->port);
	}
	gateway_set_static(routernet_gateway(net, net->wan), &gateway4, &outside);
	gateway_set_static(routernet_gateway(net, net->wan), &gateway6, &outside);
	routernet_run(net);
	routernet_clear(net);
	*state = net;
	return 0;
}

struct gateway *routernet_gateway(const struct routernet *net, int number)
{
	return net->router->ifaces[number]->gateway;
}

static struct port_stats total(const struct routernet *net)
{
	struct port_stats sum = {0}, one;

	for (uint16_t id = 1; id < PORTS_MAX; id++) {
		if (!net->dp->ports[id])
			continue;
		port_stats_sum(net->dp->ports[id], &one);
		port_stats_add(&sum, &one);
	}
	return sum;
}

uint64_t routernet_drops(const struct routernet *net, enum drop_reason reason)
{
	return total(net).drops[reason];
}

int routernet_teardown(void **state)
{
	struct routernet *net = *state;
	struct port_stats s = total(net);

	if (!net->port_left)
		assert_int_equal(s.rx_packets,
				 s.tx_packets + s.punted + port_stats_dropped(&s) - s.copies);
	for (int i = A; i <= E; i++) {
		bridge_del_port(atomic_load(&net->ports[i]->port.bridge), &net->ports[i]->port);
		testport_destroy(net->dp, net->ports[i]);
	}
	for (unsigned n = 1; n < ROUTER_IFACES_MAX; n++)
		router_iface_del(net->router, n);
	testport_destroy(net->dp, net->ports[W]);
	for (int i = 0; i < ROUTERNET_BRIDGES; i++) {
		bridge_destroy(net->bridges[i]);
		free((struct filter6_view *)net->params[i].filter6);
	}
	nat_outside_destroy(net->nat, net->outside);
	nat_inside_destroy(net->nat, net->inside);
	router_destroy(net->router);
	dataplane_synchronize(net->dp);
	nat_destroy(net->nat);
	dataplane_destroy(net->dp);
	free(net);
	return 0;
}

/* --- packets ---------------------------------------------------------------------------------- */

static bool is_icmp(uint8_t proto)
{
	return proto == WIRE_PROTO_ICMP || proto == WIRE_PROTO_ICMP6;
}

/* ICMP takes its type from sport and its identifier from dport. */
static uint32_t build_l4(const struct flow *f, uint8_t proto, uint8_t *p, unsigned *csum_at)
{
	uint32_t len;

	if (proto == WIRE_PROTO_TCP) {
		struct tcp_hdr tcp = {.src_port = htons(f->sport),
				      .dst_port = htons(f->dport),
				      .data_off = 0x50,
				      .flags = f->tcp_flags,
				      .window = htons(1000)};

		memcpy(p, &tcp, len = sizeof(tcp));
		*csum_at = offsetof(struct tcp_hdr, csum);
	} else if (is_icmp(proto)) {
		struct icmp_hdr icmp = {.type = (uint8_t)f->sport, .id = htons(f->dport)};

		memcpy(p, &icmp, len = sizeof(icmp));
		*csum_at = offsetof(struct icmp_hdr, csum);
	} else {
		struct udp_hdr udp = {htons(f->sport), htons(f->dport),
				      htons((uint16_t)(sizeof(udp) + f->payload)), 0};

		memcpy(p, &udp, len = sizeof(udp));
		*csum_at = offsetof(struct udp_hdr, csum);
	}
	for (uint32_t i = 0; i < f->payload; i++)
		p[len + i] = packet_pattern(i);
	return len + f->payload;
}

static uint32_t pseudo(const void *addresses, unsigned n, uint8_t proto, uint32_t len)
{
	return cksum_add32(cksum_add(0, addresses, n), htonl(len + proto));
}

uint32_t routernet_build(struct routernet *net, int port, const struct flow *f, uint8_t *buf)
{
	static const int iface_of[] = {[A] = LAN, [B] = LAN, [C] = RED, [D] = BLUE, [E] = NONE};
	struct eth_hdr eth = {.src = station(f->from)};
	bool v6 = strchr(f->src, ':');
	uint8_t proto = f->proto ?: WIRE_PROTO_UDP, ttl = f->ttl ?: 64, *l3 = buf + sizeof(eth);
	unsigned ip_len = v6 ? sizeof(struct ipv6_hdr) : sizeof(struct ipv4_hdr), csum_at;
	uint32_t len, sum;
	uint16_t csum;

	eth.dst = port == W ? net->wan_params.mac : net->params[iface_of[port]].mac;
	if (!mac_is_zero(&f->to))
		eth.dst = f->to;
	eth.type = htons(v6 ? WIRE_ETHERTYPE_IPV6 : WIRE_ETHERTYPE_IPV4);
	memcpy(buf, &eth, sizeof(eth));
	if (f->tag) {
		memcpy(buf + 12, (uint8_t[]){0x81, 0, (uint8_t)(f->tag >> 8), (uint8_t)f->tag}, 4);
		memcpy(buf + 16, &eth.type, 2);
		l3 += 4;
	}
	len = build_l4(f, proto, l3 + ip_len, &csum_at);
	if (v6) {
		struct ipv6_hdr h = {.version_class_flow = htonl(6u << 28),
				     .payload_len = htons((uint16_t)len),
				     .next_header = proto,
				     .hop_limit = ttl};

		inet_pton(AF_INET6, f->src, h.src);
		inet_pton(AF_INET6, f->dst, h.dst);
		memcpy(l3, &h, sizeof(h));
		sum = pseudo(h.src, 32, proto, len);
	} else {
		struct ipv4_hdr h = {.version_ihl = 0x45,
				     .total_len = htons((uint16_t)(ip_len + len)),
				     .id = htons(1),
				     .frag_off = htons(f->df ? 0x4000 : 0),
				     .ttl = ttl,
				     .proto = proto};

		inet_pton(AF_INET, f->src, &h.src);
		inet_pton(AF_INET, f->dst, &h.dst);
		h.csum = cksum_finish(cksum_add(0, &h, sizeof(h)));
		memcpy(l3, &h, sizeof(h));
		sum = proto == WIRE_PROTO_ICMP ? 0 : pseudo(&h.src, 8, proto, len);
	}
	csum = cksum_finish(cksum_add(cksum_fold(sum), l3 + ip_len, len));
	memcpy(l3 + ip_len + csum_at, &csum, 2);
	return (uint32_t)(l3 - buf) + ip_len + len;
}

struct testframe *routernet_put(struct routernet *net, int port, const struct flow *f)
{
	static uint8_t buf[FRAME_LEN_MAX];

	return testport_put(net->ports[port], buf, routernet_build(net, port, f, buf));
}

void routernet_run(struct routernet *net)
{
	for (int i = 0; i < 8; i++)
		worker_poll(net->dp->workers[0], net->now_ns);
}

void routernet_send(struct routernet *net, int port, const struct flow *f)
{
	routernet_put(net, port, f);
	routernet_run(net);
}

bool routernet_passes(struct routernet *net, int port, const struct flow *f, int out)
{
	unsigned before = routernet_count(net, out);

	routernet_send(net, port, f);
	return routernet_count(net, out) == before + 1;
}

struct filter6_view *routernet_view6(const struct filter6_rule *rules, unsigned n)
{
	struct filter6_view *v = calloc(1, sizeof(*v) + 4 * sizeof(v->rules[0]));

	assert_in_range(n, 0, 4);
	v->timeouts = (struct nat_timeouts){.udp_s = 300,
					    .tcp_s = 7440,
					    .tcp_opening_s = 240,
					    .tcp_closing_s = 240,
					    .icmp_s = 60};
	v->n_rules = n;
	if (n)
		memcpy(v->rules, rules, n * sizeof(*rules));
	return v;
}

void routernet_put_filter6(struct routernet *net, int bridge, struct filter6_view *v)
{
	const int numbers[ROUTERNET_BRIDGES] = {net->lan, net->red, net->blue, net->none};
	struct filter6_view *old = (struct filter6_view *)net->params[bridge].filter6;
	struct err e;

	net->params[bridge].filter6 = v;
	assert_int_equal(router_iface_update(net->router, (unsigned)numbers[bridge],
					     &net->params[bridge], &e),
			 0);
	free(old);
}

void routernet_clear(struct routernet *net)
{
	for (int i = 0; i < ROUTERNET_PORTS; i++)
		testport_clear(net->ports[i]);
}

void routernet_tick(struct routernet *net, unsigned seconds)
{
	while (seconds--) {
		net->now_ns += SECOND;
		router_tick(net->router, net->now_ns);
		routernet_run(net);
	}
}

static void solicit(struct routernet *net, int port, uint8_t n, const char *address,
		    const char *target)
{
	struct nd nd = {.type = ND_SOLICIT,
			.src = ip6(address),
			.target = ip6(target),
			.has_mac = true,
			.mac = station(n)};
	struct mac group;
	uint8_t frame[ND_FRAME_MAX];

	nd.dst = nd_solicited_node(&nd.target);
	group = nd_group_mac(&nd.dst);
	testport_put(net->ports[port], frame, nd_build(frame, &group, &nd.mac, &nd));
}

void routernet_arp(struct routernet *net, int port, uint8_t n, const char *address,
		   const char *target, uint16_t op)
{
	struct arp a = {.op = op, .sender_mac = station(n)};
	const struct mac all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	uint8_t frame[ARP_FRAME_LEN];

	if (strchr(address, ':')) {
		solicit(net, port, n, address, target);
	} else {
		inet_pton(AF_INET, address, &a.sender_ip);
		inet_pton(AF_INET, target, &a.target_ip);
		testport_put(net->ports[port], frame, arp_build(frame, &all, &a));
	}
	routernet_run(net);
}

void routernet_meet(struct routernet *net)
{
	static const struct {
		int port;
		uint8_t n;
		const char *ip4, *gateway, *ip6, *gateway6;
	} who[] = {
		{A, 1, "10.10.0.11", "10.10.0.1", "fd00:10::11", "fd00:10::1"},
		{B, 2, "10.10.0.12", "10.10.0.1", "fd00:10::12", "fd00:10::1"},
		{C, 3, "10.20.0.13", "10.20.0.1", "fd00:20::13", "fd00:20::1"},
		{D, 4, "10.30.0.14", "10.30.0.1", "fd00:30::14", "fd00:30::1"},
		{E, 5, "10.40.0.15", "10.40.0.1", "fd00:40::15", "fd00:40::1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(who); i++) {
		routernet_arp(net, who[i].port, who[i].n, who[i].ip4, who[i].gateway, ARP_REQUEST);
		routernet_arp(net, who[i].port, who[i].n, who[i].ip6, who[i].gateway6, ARP_REQUEST);
	}
	routernet_clear(net);
}

/* --- what came out -----------------------------------------------------------------------------
 */

static bool is_packet(const struct testframe *f)
{
	struct nd nd;
	uint16_t type;

	memcpy(&type, f->bytes + 12, 2);
	if (type == htons(WIRE_ETHERTYPE_8021Q))
		memcpy(&type, f->bytes + 16, 2);
	return type != htons(WIRE_ETHERTYPE_ARP) && !nd_parse(f->bytes, f->len, &nd);
}

unsigned routernet_count(const struct routernet *net, int port)
{
	unsigned n = 0;

	for (unsigned i = 0; i < net->ports[port]->n_out; i++)
		n += is_packet(net->ports[port]->out[i]);
	return n;
}

static bool l4_is_sound(const struct got *g, uint32_t sum)
{
	uint16_t udp_csum;

	if (g->frag & 0x3fff)
		return true;
	if (g->proto == WIRE_PROTO_UDP) {
		memcpy(&udp_csum, g->l4 + 6, 2);
		if (udp_csum == 0)
			return true;
	}
	return cksum_fold(cksum_add(cksum_fold(sum), g->l4, g->l4_len)) == 0xffff;
}

static void read_ports(struct got *g)
{
	if (is_icmp(g->proto)) {
		const struct icmp_hdr *icmp = (const void *)g->l4;

		g->sport = icmp->type;
		g->dport = icmp->code;
		g->id = ntohs(icmp->id);
		g->seq = ntohs(icmp->seq);
	} else {
		const struct udp_hdr *udp = (const void *)g->l4;

		g->sport = ntohs(udp->src_port);
		g->dport = ntohs(udp->dst_port);
	}
}

static struct got read_packet(const struct testframe *f)
{
	const uint8_t *l3 = f->bytes + sizeof(struct eth_hdr);
	struct got g = {.dst = ((const struct eth_hdr *)f->bytes)->dst,
			.src_mac = ((const struct eth_hdr *)f->bytes)->src};
	uint32_t sum;

	if (f->bytes[12] == 0x81) {
		g.tag = f->bytes[14] << 8 | f->bytes[15];
		l3 += 4;
	}
	if (l3[0] >> 4 == 6) {
		const struct ipv6_hdr *h = (const void *)l3;

		inet_ntop(AF_INET6, h->src, g.src, sizeof(g.src));
		inet_ntop(AF_INET6, h->dst, g.to, sizeof(g.to));
		g.proto = h->next_header;
		g.ttl = h->hop_limit;
		g.l4 = (const uint8_t *)(h + 1);
		g.l4_len = ntohs(h->payload_len);
		g.len = (uint16_t)(g.l4_len + sizeof(*h));
		sum = pseudo(h->src, 32, g.proto, g.l4_len);
		g.ok = true;
	} else {
		const struct ipv4_hdr *h = (const void *)l3;
		unsigned hdr = (h->version_ihl & 0xf) * 4u;

		inet_ntop(AF_INET, &h->src, g.src, sizeof(g.src));
		inet_ntop(AF_INET, &h->dst, g.to, sizeof(g.to));
		g.proto = h->proto;
		g.ttl = h->ttl;
		g.frag = ntohs(h->frag_off);
		g.l4 = l3 + hdr;
		g.len = ntohs(h->total_len);
		g.l4_len = g.len - hdr;
		sum = g.proto == WIRE_PROTO_ICMP ? 0 : pseudo(&h->src, 8, g.proto, g.l4_len);
		g.ok = cksum_fold(cksum_add(0, h, hdr)) == 0xffff;
	}
	g.ok &= (unsigned)(l3 - f->bytes) + g.len <= f->len;
	if (g.ok) {
		if (!(f->vnet.flags & VNET_NEEDS_CSUM))
			g.ok = l4_is_sound(&g, sum);
		read_ports(&g);
	}
	return g;
}

struct got routernet_got(const struct routernet *net, int port, unsigned n)
{
	for (unsigned i = 0; i < net->ports[port]->n_out; i++)
		if (is_packet(net->ports[port]->out[i]) && n-- == 0)
			return read_packet(net->ports[port]->out[i]);
	return (struct got){0};
}
