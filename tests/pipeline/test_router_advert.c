/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The gateway as the router of its bridge for IPv6: who is told, when, and what. */

#include <arpa/inet.h>
#include <string.h>

#include "common/cksum.h"
#include "dataplane/eal.h"
#include "tests/lib/routernet.h"

/* The n-th router advertisement that the port collected; all zero: there is none. */
struct advert {
	const struct testframe *frame;
	struct mac mac;
	struct ipaddr dst;
	unsigned flags, lifetime_s, prefix_len;
};

static struct advert advert(const struct routernet *net, int port, unsigned n)
{
	for (unsigned i = 0; i < net->ports[port]->n_out; i++) {
		const struct testframe *f = net->ports[port]->out[i];
		const uint8_t *icmp = f->bytes + sizeof(struct eth_hdr) + sizeof(struct ipv6_hdr);
		const struct ipv6_hdr *ip = (const struct ipv6_hdr *)(icmp - sizeof(*ip));
		struct advert a = {.frame = f, .flags = icmp[5]};
		uint32_t sum;

		if (f->len < 78 || ip->next_header != WIRE_PROTO_ICMP6 || icmp[0] != 134 || n--)
			continue;
		sum = cksum_add32(cksum_add(0, ip->src, 32), htonl(f->len - 54 + WIRE_PROTO_ICMP6));
		assert_int_equal(cksum_fold(cksum_add(cksum_fold(sum), icmp, f->len - 54)), 0xffff);
		assert_int_equal(ip->hop_limit, 255);
		assert_int_equal(ntohs(ip->payload_len), f->len - 54);
		a.lifetime_s = (unsigned)icmp[6] << 8 | icmp[7];
		a.prefix_len = f->len > 78 ? icmp[26] : 0;
		memcpy(a.mac.b, f->bytes, 6);
		memcpy(a.dst.b, ip->dst, 16);
		return a;
	}
	return (struct advert){0};
}

static void become_router(struct routernet *net, int bridge, int number)
{
	struct err e;

	net->params[bridge].advertises = true;
	assert_int_equal(
		router_iface_update(net->router, (unsigned)number, &net->params[bridge], &e), 0);
	routernet_run(net);
}

static void set_csum(uint8_t *frame, unsigned len)
{
	uint32_t sum = cksum_add(0, frame + 22, 32);

	memset(frame + 56, 0, 2);
	sum = cksum_add32(cksum_add(sum, frame + 54, len), htonl(len + WIRE_PROTO_ICMP6));
	memcpy(frame + 56, &(uint16_t){cksum_finish(sum)}, 2);
}

/* A router solicitation of station `n`, which has that address; "::": none, and tells no MAC. */
static unsigned build_solicit(uint8_t frame[70], uint8_t n, const char *address)
{
	static const uint8_t start[22] = {
		0x33, 0x33, 0, 0, 0, 2, [12] = 0x86, 0xdd, 0x60, [20] = WIRE_PROTO_ICMP6, 255};
	bool known = strcmp(address, "::") != 0;
	const struct mac mac = station(n);
	unsigned len = known ? 16 : 8;

	memset(frame, 0, 70);
	memcpy(frame, start, sizeof(start));
	memcpy(frame + 6, mac.b, 6);
	frame[19] = (uint8_t)len;
	inet_pton(AF_INET6, address, frame + 22);
	inet_pton(AF_INET6, "ff02::2", frame + 38);
	frame[54] = 133;
	if (known) {
		frame[62] = 1;
		frame[63] = 1;
		memcpy(frame + 64, mac.b, 6);
	}
	set_csum(frame, len);
	return 54 + len;
}

static void solicit_routers(struct routernet *net, int port, uint8_t n, const char *address)
{
	uint8_t frame[70];

	testport_put(net->ports[port], frame, build_solicit(frame, n, address));
	routernet_run(net);
}

static void router_of_a_routed_bridge_says_so_at_once_and_again(void **state)
{
	struct routernet *net = *state;
	const struct mac all = {{0x33, 0x33, 0, 0, 0, 1}};
	struct advert a;

	become_router(net, RED, net->red);

	a = advert(net, C, 0);
	assert_non_null(a.frame);
	assert_int_equal(a.lifetime_s, 1800);
	assert_int_equal(a.prefix_len, 64);
	assert_int_equal(a.flags, 0);
	assert_memory_equal(&a.mac, &all, 6);
	assert_memory_equal(a.frame->bytes + 22, &net->router->ifaces[net->red]->link_local, 16);
	assert_null(advert(net, D, 0).frame);

	routernet_clear(net);
	routernet_tick(net, 35);
	assert_non_null(advert(net, C, 1).frame);
	assert_null(advert(net, C, 2).frame);
	routernet_tick(net, 600);
	assert_non_null(advert(net, C, 2).frame);
	assert_null(advert(net, C, 4).frame);
}

static void bridges_that_lead_nowhere_have_no_router(void **state)
{
	struct routernet *net = *state;

	become_router(net, NONE, net->none);
	become_router(net, LAN, net->lan); /* translated, without an outer prefix */
	routernet_clear(net);

	solicit_routers(net, E, 5, "fe80::15");
	solicit_routers(net, A, 1, "fe80::11");
	routernet_tick(net, 40);

	assert_null(advert(net, E, 0).frame);
	assert_null(advert(net, A, 0).frame);
}

static void prefix_that_is_known_outside_makes_a_router(void **state)
{
	struct routernet *net = *state;
	struct ipaddr_prefix outer;
	struct err e;

	ipaddr_prefix_parse("2001:db8:77::/64", &outer);
	net->params[LAN].has_npt6 = true;
	npt6_init(&net->params[LAN].npt6, &net->params[LAN].address6, &outer, &e);
	become_router(net, LAN, net->lan);

	assert_int_equal(advert(net, A, 0).lifetime_s, 1800);
}

static void host_that_asks_is_answered_directly(void **state)
{
	struct routernet *net = *state;
	const struct mac asker = station(3);
	struct advert a;

	become_router(net, RED, net->red);
	routernet_meet(net);
	solicit_routers(net, C, 3, "fe80::13");

	a = advert(net, C, 0);
	assert_int_equal(a.lifetime_s, 1800);
	assert_memory_equal(&a.mac, &asker, 6);
	assert_memory_equal(&a.dst, ((uint8_t[]){0xfe, 0x80, [15] = 0x13}), 16);
}

static void hosts_without_an_address_are_answered_together(void **state)
{
	struct routernet *net = *state;

	become_router(net, RED, net->red);
	routernet_tick(net, 1);
	routernet_clear(net);

	for (int i = 0; i < 100; i++)
		solicit_routers(net, C, 3, "::");
	assert_non_null(advert(net, C, 0).frame);
	assert_null(advert(net, C, 1).frame);
	routernet_tick(net, 4);
	assert_non_null(advert(net, C, 1).frame);
	assert_null(advert(net, C, 2).frame);
}

/* RED's gateway has become what net->params now says, and tells its hosts that it is no router. */
static void assert_takes_its_leave(struct routernet *net)
{
	struct err e;

	router_iface_update(net->router, (unsigned)net->red, &net->params[RED], &e);
	routernet_run(net);

	assert_non_null(advert(net, C, 0).frame);
	assert_int_equal(advert(net, C, 0).lifetime_s, 0);
}

static void router_that_leads_nowhere_any_more_says_so(void **state)
{
	struct routernet *net = *state;

	become_router(net, RED, net->red);
	routernet_clear(net);
	net->params[RED].forward = ROUTER_NONE;
	assert_takes_its_leave(net);
	routernet_tick(net, 600);
	assert_null(advert(net, C, 1).frame);
}

static void router_that_shall_not_advertise_any_more_says_so(void **state)
{
	struct routernet *net = *state;

	become_router(net, RED, net->red);
	routernet_clear(net);
	net->params[RED].advertises = false;
	assert_takes_its_leave(net);
	assert_int_equal(advert(net, C, 0).prefix_len, 0);
	assert_null(advert(net, C, 1).frame);
}

static void gateway_that_goes_takes_its_leave_of_hosts_it_was_a_router_for(void **state)
{
	struct routernet *net = *state;
	struct gateway *red = routernet_gateway(net, net->red);

	become_router(net, RED, net->red);
	become_router(net, NONE, net->none);
	routernet_clear(net);

	assert_false(gateway_advertise_end(routernet_gateway(net, net->none)));
	assert_true(gateway_advertise_end(red));
	assert_false(gateway_has_spoken(red));
	routernet_run(net);
	assert_true(gateway_has_spoken(red));
	assert_null(advert(net, E, 0).frame);
	assert_non_null(advert(net, C, 0).frame);
	assert_int_equal(advert(net, C, 0).lifetime_s, 0);
}

static void malformed_solicitations_are_not_answered(void **state)
{
	/* hop limit, code, option of no length, beyond the end, sender, its MAC address; length */
	static const struct {
		unsigned at;
		uint8_t value;
	} faults[] = {{21, 64}, {55, 1}, {63, 0}, {63, 9}, {22, 0xff}, {64, 0x33}, {19, 4}};
	struct ra_solicit s;
	uint8_t frame[70];
	unsigned len = build_solicit(frame, 3, "fe80::13");

	assert_true(ra_solicit_parse(frame, len, &s));
	frame[56] ^= 1;
	assert_false(ra_solicit_parse(frame, len, &s));
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		build_solicit(frame, 3, "fe80::13");
		frame[faults[i].at] = faults[i].value;
		set_csum(frame, 16);
		assert_false(ra_solicit_parse(frame, len, &s));
	}
	build_solicit(frame, 3, "fe80::13"); /* whoever has no address has no MAC address to tell */
	memset(frame + 22, 0, 16);
	set_csum(frame, 16);
	assert_false(ra_solicit_parse(frame, len, &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, routernet_setup, routernet_teardown)
		T(router_of_a_routed_bridge_says_so_at_once_and_again),
		T(bridges_that_lead_nowhere_have_no_router),
		T(prefix_that_is_known_outside_makes_a_router),
		T(host_that_asks_is_answered_directly),
		T(hosts_without_an_address_are_answered_together),
		T(router_that_leads_nowhere_any_more_says_so),
		T(router_that_shall_not_advertise_any_more_says_so),
		T(gateway_that_goes_takes_its_leave_of_hosts_it_was_a_router_for),
		T(malformed_solicitations_are_not_answered),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("router_advert", tests, NULL, NULL);
}
