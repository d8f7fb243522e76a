/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_ROUTERNET_H
#define TESTS_LIB_ROUTERNET_H

/*
 * A router with collecting ports, a worker without a thread, and time that the test makes:
 *
 *   port A, B --- lan  10.10.0.1/24  nat ----+
 *   port C ------ red  10.20.0.1/24  route --+-- wan 198.18.0.2/24 --- port W, with 198.18.0.1
 *   port D ------ blue 10.30.0.1/24  route --+
 *   port E ------ none 10.40.0.1/24  (isolated)
 *
 * Behind port A is station 1 with address .11 of its bridge, behind B station 2 with .12, and so
 * on. The outside's router is station 9, a static neighbour. IPv6 is fd00:N::/64 alike, the outside
 * is fd00:99::/64.
 */

#include "bridge/bridge.h"
#include "common/wire.h"
#include "nat/filter6.h"
#include "nat/gateway.h"
#include "nat/router.h"
#include "tests/lib/packet.h"
#include "tests/lib/test.h"
#include "tests/lib/testport.h"

#define SECOND 1000000000ull

enum { A, B, C, D, E, W, ROUTERNET_PORTS };
enum { LAN, RED, BLUE, NONE, ROUTERNET_BRIDGES };

struct routernet {
	struct dataplane *dp;
	struct nat *nat;
	struct router *router;
	struct bridge *bridges[ROUTERNET_BRIDGES];
	struct testport *ports[ROUTERNET_PORTS];
	struct router_iface_params params[ROUTERNET_BRIDGES], wan_params;
	struct nat_inside_params inside_params;
	struct nat_inside *inside;
	struct nat_outside *outside;
	int lan, red, blue, none, wan; /* numbers of interfaces */
	uint64_t now_ns;
	bool port_left; /* and took its counters along */
};

/* A packet as a test describes it; what is 0 is left at a plain value. */
struct flow {
	uint8_t from; /* station that sends it; to the gateway of its port */
	const char *src, *dst;
	uint8_t proto; /* WIRE_PROTO_*; 0: UDP */
	uint16_t sport, dport;
	uint8_t ttl;
	uint8_t tcp_flags;
	uint32_t payload;
	bool df;
	int tag;       /* VLAN, 0: none */
	struct mac to; /* zero: the gateway */
};

int routernet_setup(void **state);
/* Asserts that every frame was sent, kept or dropped for a reason. */
int routernet_teardown(void **state);

/* Builds a frame with right checksums. Returns its length. */
uint32_t routernet_build(struct routernet *net, int port, const struct flow *f, uint8_t *buf);
/* Queues it at the port. */
struct testframe *routernet_put(struct routernet *net, int port, const struct flow *f);
/* Rounds of the worker until nothing moves. */
void routernet_run(struct routernet *net);
/* put, run. */
void routernet_send(struct routernet *net, int port, const struct flow *f);
void routernet_clear(struct routernet *net);
/* The same; whether port `out` then has one packet more. */
bool routernet_passes(struct routernet *net, int port, const struct flow *f, int out);
/* A second goes by, with what happens in it. */
void routernet_tick(struct routernet *net, unsigned seconds);

/* Stations say who they are, so that the router knows them; what was said is forgotten. */
void routernet_meet(struct routernet *net);
/* Station `n` says by ARP or ND, to everybody, that `ip` is its. */
void routernet_arp(struct routernet *net, int port, uint8_t n, const char *ip, const char *target,
		   uint16_t op);

/* A filter of plain times with up to 4 rules, and a bridge that has it from now on; NULL: none. */
struct filter6_view *routernet_view6(const struct filter6_rule *rules, unsigned n);
void routernet_put_filter6(struct routernet *net, int bridge, struct filter6_view *v);

/* A packet that a port collected. */
struct got {
	bool ok; /* there is such a packet and all its checksums are right */
	struct mac dst, src_mac;
	char src[46], to[46];
	uint8_t proto, ttl;
	uint16_t sport, dport; /* ICMP: type and code */
	uint16_t id, seq;      /* of ICMP */
	uint16_t len;	       /* of the IP packet */
	uint16_t frag;	       /* flags and offset */
	const uint8_t *l4;
	unsigned l4_len;
	int tag;
};
/* The n-th IP packet (ARP and ND aside) that the port collected. */
struct got routernet_got(const struct routernet *net, int port, unsigned n);
/* The number of them. */
unsigned routernet_count(const struct routernet *net, int port);
/* Counts frames of all ports and gateways that were dropped for the reason. */
uint64_t routernet_drops(const struct routernet *net, enum drop_reason reason);

struct gateway *routernet_gateway(const struct routernet *net, int number);

/* Asserts what the port got. */
#define assert_got(net, port, nth, source, destination)                                            \
	do {                                                                                       \
		struct got got_ = routernet_got(net, port, nth);                                   \
		assert_true(got_.ok);                                                              \
		assert_string_equal(got_.src, source);                                             \
		assert_string_equal(got_.to, destination);                                         \
	} while (0)

#endif
