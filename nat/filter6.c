/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/filter6.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "nat/tcp_state.h"

#define ICMP6_ECHO    128
#define ICMP6_REPLY   129
#define IPV6_FRAGMENT 44
#define IPV6_OFFSET   0xfff8
#define FRAGMENTS     4096u
#define FRAGMENT_S    30u

/* A first fragment that passed; a hash of addresses and identification stands for it. */
struct passed {
	_Atomic uint64_t key;
	_Atomic uint32_t until_s;
};

struct bridge_counts {
	_Atomic uint64_t refused[DROP_N];
};

struct filter6 {
	struct session6_table *sessions;
	struct passed *fragments;      /* FRAGMENTS */
	struct bridge_counts *bridges; /* SESSION6_BRIDGES; [0]: all */
	uint64_t secret;
};

struct filter6 *filter6_create(uint32_t sessions_max, const uint64_t secret[4])
{
	struct filter6 *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->secret = secret[0] ^ secret[3];
	f->sessions = session6_table_create(sessions_max, secret);
	f->fragments = calloc(FRAGMENTS, sizeof(*f->fragments));
	f->bridges = calloc(SESSION6_BRIDGES, sizeof(*f->bridges));
	if (f->sessions && f->fragments && f->bridges)
		return f;
	filter6_destroy(f);
	return NULL;
}

void filter6_destroy(struct filter6 *f)
{
	if (!f)
		return;
	session6_table_destroy(f->sessions);
	free(f->fragments);
	free(f->bridges);
	free(f);
}

/* --- headers -----------------------------------------------------------------------------------
 */

/* The chain of an IPv6 packet in `head`, up to its transport header. */
struct chain {
	unsigned l4;
	uint8_t proto;
	const uint8_t *fragment; /* its header, NULL: none */
	bool rest;		 /* not the first fragment: there is no transport header */
};

static bool is_extension(uint8_t proto)
{
	return proto == WIRE_PROTO_HOP_BY_HOP || proto == WIRE_PROTO_ROUTING ||
	       proto == WIRE_PROTO_DEST_OPTIONS || proto == IPV6_FRAGMENT;
}

/* False when the chain leaves the `len` bytes that there are. */
static bool walk(const uint8_t *head, unsigned len, unsigned l3, struct chain *c)
{
	const struct ipv6_hdr *ip = (const struct ipv6_hdr *)(head + l3);

	if (l3 + sizeof(*ip) > len || head[l3] >> 4 != 6)
		return false;
	*c = (struct chain){.l4 = l3 + (unsigned)sizeof(*ip), .proto = ip->next_header};
	while (is_extension(c->proto) && !c->rest) {
		const uint8_t *ext = head + c->l4;

		if (c->l4 + 8 > len)
			return false;
		if (c->proto == IPV6_FRAGMENT) {
			c->fragment = ext;
			c->rest = ((unsigned)ext[2] << 8 | ext[3]) & IPV6_OFFSET;
		}
		c->l4 += c->proto == IPV6_FRAGMENT ? 8u : (ext[1] + 1u) * 8;
		c->proto = ext[0];
	}
	return true;
}

static const struct ipv6_hdr *header(const struct packet *p)
{
	return (const struct ipv6_hdr *)(p->frame->head + p->l3);
}

static struct session6_key key_of(const struct packet *p)
{
	struct session6_key k = {.sport = p->sport, .dport = p->dport, .proto = p->proto};

	memcpy(&k.src, header(p)->src, sizeof(k.src));
	memcpy(&k.dst, header(p)->dst, sizeof(k.dst));
	return k;
}

/* The ports of a packet of which at least eight bytes are there, as packet_parse has them. */
static void take_ports(struct session6_key *k, const uint8_t *l4)
{
	if (k->proto == WIRE_PROTO_TCP || k->proto == WIRE_PROTO_UDP) {
		memcpy(&k->sport, l4, 2);
		memcpy(&k->dport, l4 + 2, 2);
	} else if (k->proto == WIRE_PROTO_ICMP6 && (l4[0] == ICMP6_ECHO || l4[0] == ICMP6_REPLY)) {
		memcpy(&k->sport, l4 + 4, 2);
		k->dport = k->sport;
	}
}

/*
 * The packet that an ICMPv6 error is about: one that whom the error goes to has sent. Returns
 * DROP_NONE, or the reason to drop the error.
 */
static enum drop_reason carried(const struct packet *p, struct session6_key *k)
{
	const uint8_t *head = p->frame->head;
	unsigned l3 = p->l4 + (unsigned)sizeof(struct icmp_hdr);
	unsigned len = MIN_OF((unsigned)p->frame->head_len, (unsigned)p->l3 + p->len);
	const struct ipv6_hdr *ip = (const struct ipv6_hdr *)(head + l3);
	struct chain c;

	if (!walk(head, len, l3, &c) || c.rest || c.l4 + 8 > len ||
	    memcmp(ip->src, header(p)->dst, sizeof(ip->src)) != 0)
		return DROP_NAT_ICMP_BAD;
	*k = (struct session6_key){.proto = c.proto};
	memcpy(&k->src, ip->src, sizeof(k->src));
	memcpy(&k->dst, ip->dst, sizeof(k->dst));
	take_ports(k, head + c.l4);
	return DROP_NONE;
}

/* --- fragments ---------------------------------------------------------------------------------
 */

static uint64_t fragment_key(const struct filter6 *f, const struct packet *p)
{
	const unsigned len = MIN_OF((unsigned)p->frame->head_len, (unsigned)p->l3 + p->len);
	uint64_t words[4], key = f->secret;
	uint32_t id = 0;
	struct chain c;

	if (walk(p->frame->head, len, p->l3, &c) && c.fragment)
		memcpy(&id, c.fragment + 4, sizeof(id));
	memcpy(words, header(p)->src, sizeof(words));
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		unsigned __int128 product =
			(unsigned __int128)(key ^ words[i]) * (f->secret | 0x9e3779b97f4a7c15ull);

		key = (uint64_t)product ^ (uint64_t)(product >> 64) ^ id;
	}
	return key | 1;
}

static void note_fragment(struct filter6 *f, const struct packet *p, uint32_t now_s)
{
	uint64_t key = fragment_key(f, p);
	struct passed *e = &f->fragments[(key >> 32) % FRAGMENTS];

	atomic_store_explicit(&e->until_s, now_s + FRAGMENT_S, memory_order_relaxed);
	atomic_store_explicit(&e->key, key, memory_order_release);
}

static enum drop_reason pass_fragment(struct filter6 *f, const struct packet *p, uint32_t now_s)
{
	uint64_t key = fragment_key(f, p);
	struct passed *e = &f->fragments[(key >> 32) % FRAGMENTS];

	if (atomic_load_explicit(&e->key, memory_order_acquire) != key)
		return DROP_NAT_FRAGMENTS;
	return (int32_t)(atomic_load_explicit(&e->until_s, memory_order_relaxed) - now_s) > 0
		       ? DROP_NONE
		       : DROP_NAT_FRAGMENTS;
}

/* --- rules -------------------------------------------------------------------------------------
 */

static bool rule_fits(const struct filter6_rule *r, enum nat_direction dir, uint8_t proto,
		      const struct ipaddr *guest, const struct ipaddr *remote, uint16_t port)
{
	return r->direction == dir && (!r->proto || r->proto == proto) &&
	       (!r->guest.len || ipaddr_prefix_contains(&r->guest, guest)) &&
	       (!r->remote.len || ipaddr_prefix_contains(&r->remote, remote)) &&
	       ((!r->port_first && !r->port_last) ||
		(port >= r->port_first && port <= r->port_last));
}

static bool allows(const struct filter6_view *v, enum nat_direction dir,
		   const struct session6_key *k)
{
	bool out = dir == NAT_OUTBOUND;
	const struct ipaddr *guest = out ? &k->src : &k->dst, *remote = out ? &k->dst : &k->src;

	for (unsigned i = 0; v && i < v->n_rules; i++)
		if (rule_fits(&v->rules[i], dir, k->proto, guest, remote, ntohs(k->dport)))
			return v->rules[i].allow;
	return true;
}

static uint8_t tcp_flags(const struct packet *p)
{
	return ((const struct tcp_hdr *)(p->frame->head + p->l4))->flags;
}

static bool is_syn(const struct packet *p)
{
	return p->proto == WIRE_PROTO_TCP &&
	       (tcp_flags(p) & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

/* By the packet alone. */
static enum drop_reason may_begin(const struct packet *p, const struct filter6_way *way)
{
	bool strict = !way->from || way->from->tcp_strict;

	if (p->proto == WIRE_PROTO_TCP && !is_syn(p))
		return strict || (tcp_flags(p) & TCP_RST) ? DROP_NAT_TCP_STATE : DROP_NONE;
	if (p->proto == WIRE_PROTO_ICMP6 && p->frame->head[p->l4] != ICMP6_ECHO)
		return DROP_NAT_ICMP_STRAY;
	return DROP_NONE;
}

static enum drop_reason may_open(const struct packet *p, const struct session6_key *k,
				 const struct filter6_way *way)
{
	enum drop_reason why = may_begin(p, way);

	if (why)
		return why;
	return allows(way->from, NAT_OUTBOUND, k) && allows(way->to, NAT_INBOUND, k)
		       ? DROP_NONE
		       : DROP_NAT_DENIED;
}

/* --- sessions ----------------------------------------------------------------------------------
 */

static uint32_t timeout_s(const struct nat_timeouts *t, const struct session6 *s)
{
	if (s->proto == WIRE_PROTO_ICMP6)
		return t->icmp_s;
	if (s->proto != WIRE_PROTO_TCP)
		return t->udp_s;
	switch (tcp_state_patience((enum tcp_state)s->tcp)) {
	case TCP_PATIENCE_OPENING:
		return t->tcp_opening_s;
	case TCP_PATIENCE_CLOSING:
		return t->tcp_closing_s;
	default:
		return t->tcp_s;
	}
}

/* Whether the packet keeps the session from ageing; its state goes on. */
static bool advance(struct session6 *s, enum nat_direction dir, const struct packet *p)
{
	enum tcp_state now = (enum tcp_state)s->tcp;

	if (dir == NAT_OUTBOUND)
		s->flags |= SESSION6_OUT_SEEN;
	if (s->proto != WIRE_PROTO_TCP)
		return s->flags & SESSION6_OUT_SEEN;
	s->tcp = (uint8_t)tcp_state_next(now, dir, tcp_flags(p));
	return s->tcp != now || tcp_state_refreshes(now, dir, tcp_flags(p));
}

/* The settings are those of the session's bridge, or of the other one when it has none any more. */
static void touch(struct filter6 *f, struct session6 *s, enum nat_direction dir,
		  const struct packet *p, const struct filter6_way *way, uint32_t now_s)
{
	uint32_t due_s;

	const struct filter6_view *own = s->bridge == way->from_bridge ? way->from : way->to;
	const struct filter6_view *other = own == way->from ? way->to : way->from;

	if (!advance(s, dir, p))
		return;
	due_s = now_s + timeout_s(&(own ?: other)->timeouts, s);
	s->seen_s = now_s;
	if (due_s == s->due_s)
		return;
	/* The wheel is lazy, but what ends sooner than it was queued for has to move. */
	if ((int32_t)(due_s - s->due_s) < 0) {
		s->due_s = due_s;
		session6_queue(f->sessions, s, now_s);
	}
	s->due_s = due_s;
}

/* Of a session that begins, or begins anew. */
static void begin(struct session6 *s, enum nat_direction dir, const struct packet *p,
		  const struct filter6_way *way, uint32_t now_s)
{
	const struct filter6_view *v = way->from ? way->from : way->to;

	s->flags = dir == NAT_OUTBOUND ? SESSION6_OUT_SEEN : SESSION6_INBOUND;
	s->tcp = TCP_STATE_NONE;
	if (s->proto == WIRE_PROTO_TCP)
		s->tcp = dir == NAT_INBOUND ? TCP_STATE_OPENING_IN
			 : is_syn(p)	    ? TCP_STATE_OPENING_OUT
					    : TCP_STATE_PICKED_UP;
	s->opened_s = s->seen_s = now_s;
	s->due_s = now_s + timeout_s(&v->timeouts, s);
}

static enum drop_reason open_new(struct filter6 *f, const struct session6_place *at,
				 const struct session6_key *k, const struct packet *p,
				 const struct filter6_way *way, uint32_t now_s)
{
	enum nat_direction dir = way->from ? NAT_OUTBOUND : NAT_INBOUND;
	const struct filter6_view *v = way->from ?: way->to;
	enum drop_reason why;
	struct session6 *s =
		session6_add(f->sessions, at, k, dir, way->from ? way->from_bridge : way->to_bridge,
			     &v->quota, &why);

	if (!s)
		return why;
	begin(s, dir, p, way, now_s);
	session6_queue(f->sessions, s, now_s);
	return DROP_NONE;
}

/* A connection that is over, or nearly, does not allow another one with the same ports. */
static bool is_over(const struct session6 *s, const struct packet *p, uint32_t now_s)
{
	return (int32_t)(s->due_s - now_s) <= 0 ||
	       (is_syn(p) && (s->tcp == TCP_STATE_CLOSING || s->tcp == TCP_STATE_TRANSITORY));
}

static enum drop_reason pass(struct filter6 *f, const struct packet *p,
			     const struct filter6_way *way, uint32_t now_s)
{
	struct session6_key k = key_of(p);
	struct session6_place at = session6_begin(f->sessions, &k);
	enum nat_direction dir;
	struct session6 *s = session6_find(f->sessions, &at, &k, &dir);
	enum drop_reason why = DROP_NONE;

	if (s && !is_over(s, p, now_s)) {
		touch(f, s, dir, p, way, now_s);
	} else {
		why = may_open(p, &k, way);
		if (!why && s) {
			begin(s, dir, p, way, now_s);
			session6_queue(f->sessions, s, now_s);
		} else if (!why) {
			why = open_new(f, &at, &k, p, way, now_s);
		}
	}
	session6_end(&at);
	return why;
}

bool filter6_goes_on(struct filter6 *f, const struct packet *p, const struct filter6_way *way,
		     struct session6_place at, uint32_t now_s)
{
	struct session6_key k = key_of(p);
	enum nat_direction dir;
	struct session6 *s;
	bool goes_on;

	session6_lock(&at);
	s = session6_find(f->sessions, &at, &k, &dir);
	goes_on = s && !is_over(s, p, now_s);
	if (goes_on)
		touch(f, s, dir, p, way, now_s);
	session6_end(&at);
	return goes_on;
}

struct session6_place filter6_expect(struct filter6 *f, const struct packet *p,
				     const struct ipaddr *dst)
{
	struct session6_key k = key_of(p);

	k.dst = *dst;
	return session6_expect(f->sessions, &k);
}

static bool is_known(struct filter6 *f, const struct session6_key *k, uint32_t now_s)
{
	struct session6_place at = session6_begin(f->sessions, k);
	enum nat_direction dir;
	const struct session6 *s = session6_find(f->sessions, &at, k, &dir);
	bool known = s && (int32_t)(s->due_s - now_s) > 0;

	session6_end(&at);
	return known;
}

static enum drop_reason pass_error(struct filter6 *f, const struct packet *p, uint32_t now_s)
{
	struct session6_key k;
	enum drop_reason why = carried(p, &k);

	if (!why && !is_known(f, &k, now_s))
		why = DROP_NAT_ICMP_STRAY;
	return why;
}

static enum drop_reason decide(struct filter6 *f, const struct packet *p,
			       const struct filter6_way *way, uint32_t now_s)
{
	enum drop_reason why;

	if (p->fragment == PACKET_FRAGMENT_REST)
		return pass_fragment(f, p, now_s);
	why = p->icmp_error ? pass_error(f, p, now_s) : pass(f, p, way, now_s);
	if (!why && p->fragment == PACKET_FRAGMENT_FIRST)
		note_fragment(f, p, now_s);
	return why;
}

enum drop_reason filter6_pass(struct filter6 *f, const struct packet *p,
			      const struct filter6_way *way, uint32_t now_s)
{
	enum drop_reason why = decide(f, p, way, now_s);
	uint16_t bridge = way->from ? way->from_bridge : way->to_bridge;

	if (!why)
		return DROP_NONE;
	atomic_fetch_add_explicit(&f->bridges[0].refused[why], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&f->bridges[bridge].refused[why], 1, memory_order_relaxed);
	return why;
}

bool filter6_knows(struct filter6 *f, const struct packet *p, uint32_t now_s)
{
	struct session6_key k = key_of(p);

	if (p->fragment == PACKET_FRAGMENT_REST)
		return pass_fragment(f, p, now_s) == DROP_NONE;
	if (p->icmp_error)
		return pass_error(f, p, now_s) == DROP_NONE;
	return is_known(f, &k, now_s);
}

/* --- the control thread ------------------------------------------------------------------------
 */

struct session6_table *filter6_sessions(struct filter6 *f)
{
	return f->sessions;
}

void filter6_counters_get(struct filter6 *f, struct filter6_counters *c)
{
	c->sessions = f->sessions->now;
	c->sessions_max = f->sessions->sessions_max;
	c->opened = f->sessions->opened;
	c->expired = f->sessions->expired;
	c->flushed = f->sessions->flushed;
	for (int r = 0; r < DROP_N; r++)
		c->refused[r] = f->bridges[0].refused[r];
}

uint64_t filter6_bridge_counters(struct filter6 *f, uint16_t bridge, uint64_t refused[DROP_N])
{
	for (int r = 0; r < DROP_N; r++)
		refused[r] = f->bridges[bridge].refused[r];
	return f->sessions->by_bridge[bridge];
}

void filter6_forget(struct filter6 *f, uint16_t bridge)
{
	session6_flush(f->sessions, bridge, NULL);
	for (int r = 0; r < DROP_N; r++)
		f->bridges[bridge].refused[r] = 0;
}
