/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_NATWORLD_H
#define TESTS_LIB_NATWORLD_H

/*
 * A translator between a bridge and an uplink, and the packets that go through it: real bytes, put
 * together by udp, tcp, echo and what else there is, sent by `out` and `in` as a router would.
 *
 *	guests 10.10.0.0/24 ---- nat ---- 192.0.2.1 (and .2, .3 where a test wants them) ---- world
 *
 * Endpoints are text, "10.10.0.7:5000". Every packet that comes out has its lengths and checksums
 * verified by textbook sums over the whole packet, those of carried packets included.
 */

#include "nat/nat_control.h"
#include "tests/lib/test.h"

#define SECOND	1000000000ull

#define A	"10.10.0.7"
#define B	"10.10.0.8"
#define X	"192.0.2.1"
#define REMOTE	"198.51.100.9"
#define REMOTE2 "203.0.113.5"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
enum { ECHO_REPLY = 0, UNREACHABLE = 3, QUENCH = 4, ECHO = 8, TIME_EXCEEDED = 11 };
enum { WIRE_MAX = 12000 };

struct natworld {
	struct nat *nat;
	struct nat_inside *lan;
	struct nat_outside *wan;
	struct nat_inside_params inside;
	struct nat_outside_params outside;
	uint32_t addresses[4];
	uint64_t now_ns;
	/* the packet in hand: bytes, and as a frame */
	uint8_t bytes[WIRE_MAX];
	unsigned len;
	struct vnet vnet;
	struct frame frame;
	struct seg seg;
	struct packet packet;
	struct nat_session *session; /* what translated it */
	enum drop_reason why;
};

int setup(void **state);
int teardown(void **state);
#define nat_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

uint32_t addr(const char *text); /* host order */
/* Applies w->inside and w->outside. */
void reconfigure(struct natworld *w);
/* Makes the world anew with a table of that size. */
void rebuild(struct natworld *w, uint32_t sessions_max);
void forward(struct natworld *w, enum nat_class class, uint16_t first, uint16_t last,
	     const char *to);

/* Each makes the packet in hand. */
void udp(struct natworld *w, const char *src, const char *dst);
void udp_sized(struct natworld *w, const char *src, const char *dst, unsigned payload);
void tcp(struct natworld *w, const char *src, const char *dst, uint8_t flags);
void tcp_mss(struct natworld *w, const char *src, const char *dst, uint16_t mss);
/* A segment with text; `text_of` is the payload of the packet in hand as a string. */
void tcp_text(struct natworld *w, const char *src, const char *dst, uint32_t seq, uint32_t ack,
	      const char *text);
const char *text_of(struct natworld *w);
uint32_t seq_of(const struct natworld *w);
uint32_t ack_of(const struct natworld *w);
void icmp_query(struct natworld *w, uint8_t type, const char *src, const char *dst, uint16_t id);
/* An error from `src` about the packet in hand, as it is, to whom that is from. */
void icmp_error(struct natworld *w, uint8_t type, uint8_t code, const char *src);
/* Cuts a fragment of the packet in hand, which was made by `make` before: bytes of its payload. */
void fragment(struct natworld *w, uint16_t id, unsigned offset, unsigned len, bool more);
/* Makes checksums right again after a test has changed bytes. */
void ip_sum(struct natworld *w);
void icmp_sum(struct natworld *w);

/* The packet in hand goes from inside, or comes from outside; w->why tells the outcome. */
bool out(struct natworld *w);
bool in(struct natworld *w);

/* Packet in hand: from and to where it goes now. */
void expect(struct natworld *w, const char *src, const char *dst);
/* What an ICMP error carries. */
void expect_inner(struct natworld *w, const char *src, const char *dst);

/* Sends and expects. */
void goes_out(struct natworld *w, const char *src, const char *dst);
void comes_in(struct natworld *w, const char *src, const char *dst);
void is_refused_out(struct natworld *w, enum drop_reason why);
void is_refused_in(struct natworld *w, enum drop_reason why);

/* The external port of the packet in hand, after `out`. */
uint16_t source_port(const struct natworld *w);

/* Time passes, and the worker does what is due. */
void wait_s(struct natworld *w, unsigned seconds);

uint64_t sessions(struct natworld *w);

#endif
