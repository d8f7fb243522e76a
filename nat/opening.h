/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_OPENING_H
#define NAT_OPENING_H

/*
 * What opening a session is made of, whether it is translated (nat/open.c) or not
 * (nat/open_routed.c): may the packet begin one, is there room for one more of its guest, and is it
 * published. Worker threads; what changes a guest's sessions is under its endpoint's lock.
 */

#include "nat/inside.h"
#include "nat/session.h"

struct opening {
	struct nat *n;
	unsigned worker;
	const struct packet *p;
	struct flow_key key; /* of the packet */
	enum nat_class class;
	uint32_t src, dst;
	uint32_t now_s;
	enum drop_reason why;
};

struct opening opening_make(struct nat *n, unsigned worker, const struct packet *p,
			    uint64_t now_ns);

/* The outcome for the caller: counts why it was refused, for `in` too unless that is NULL. */
struct nat_session *opening_done(struct opening *o, struct nat_session *s, struct nat_inside *in,
				 enum drop_reason *why);

/* Whether the packet may begin a session of the inside: by itself, and as a guest's by the rules.
 */
enum drop_reason opening_may_begin(const struct opening *o, const struct nat_inside *in,
				   enum nat_direction dir);
enum drop_reason opening_may_leave(const struct opening *o, const struct nat_inside *in);

/* A session of the guest, counted, with the packet's protocol and nothing else; or NULL, o->why. */
struct nat_session *opening_take(struct opening *o, struct nat_inside *in, uint32_t guest,
				 uint8_t flags);
/* Gives back one that was not published. */
void opening_give(struct opening *o, struct nat_inside *in, struct nat_session *s);

/* The state of TCP with which a session begins. */
uint8_t opening_tcp_state(const struct opening *o, enum nat_direction dir);

/* Makes it findable, and counts it as one of its mapping's. False: o->why says why not. */
bool opening_publish(struct opening *o, struct nat_session *s);

static inline void opening_set_remote(struct nat_session *s, uint32_t addr, uint16_t port)
{
	s->remote_addr = addr;
	s->remote_port = s->proto == WIRE_PROTO_ICMP ? 0 : port;
}

#endif
