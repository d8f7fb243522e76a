/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/natworld.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define L3	  14
#define L4	  34
#define TCP_PROTO 6
#define UDP_PROTO 17

uint32_t addr(const char *text)
{
	uint32_t a = 0;

	assert_int_equal(ip4_parse(text, &a), 0);
	return a;
}

static void build(struct natworld *w, uint32_t sessions_max)
{
	struct nat_params params = {.n_workers = 1,
				    .sessions_max = sessions_max,
				    .secret = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9,
					       0x94d049bb133111eb, 0x2545f4914f6cdd1d}};
	struct err e = {""};

	w->nat = nat_create(&params, &e);
	assert_string_equal(e.text, "");
	w->lan = nat_inside_create(w->nat, &w->inside, &e);
	assert_string_equal(e.text, "");
	w->wan = nat_outside_create(w->nat, &w->outside, &e);
	assert_string_equal(e.text, "");
}

int setup(void **state)
{
	struct natworld *w = aligned_alloc(64, sizeof(*w));

	memset(w, 0, sizeof(*w));
	w->now_ns = 1000 * SECOND;
	w->inside = (struct nat_inside_params){.subnet = {addr("10.10.0.0"), 24}};
	w->addresses[0] = addr(X);
	w->outside = (struct nat_outside_params){.addresses = w->addresses, .n_addresses = 1};
	build(w, 4096);
	*state = w;
	return 0;
}

int teardown(void **state)
{
	struct natworld *w = *state;

	nat_destroy(w->nat);
	free(w);
	return 0;
}

void rebuild(struct natworld *w, uint32_t sessions_max)
{
	nat_destroy(w->nat);
	build(w, sessions_max);
}

void reconfigure(struct natworld *w)
{
	struct err e = {""};

	assert_int_equal(nat_inside_update(w->nat, w->lan, &w->inside, &e), 0);
	assert_int_equal(nat_outside_update(w->nat, w->wan, &w->outside, &e), 0);
	assert_string_equal(e.text, "");
}

static uint32_t naive_sum(const uint8_t *p, unsigned len)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static uint16_t naive_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

struct endpoint {
	uint32_t addr;
	uint16_t port;
};

static struct endpoint endpoint(const char *text)
{
	char copy[32], *colon;
	struct endpoint e = {0};

	snprintf(copy, sizeof(copy), "%s", text);
	colon = strchr(copy, ':');
	if (colon) {
		*colon = '\0';
		e.port = (uint16_t)atoi(colon + 1);
	}
	e.addr = addr(copy);
	return e;
}

static unsigned ihl(const uint8_t *ip)
{
	return (ip[0] & 15) * 4u;
}

static void set_ip_sum(uint8_t *ip)
{
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~naive_fold(naive_sum(ip, ihl(ip))));
}

void ip_sum(struct natworld *w)
{
	set_ip_sum(w->bytes + L3);
}

static uint32_t pseudo_sum(const uint8_t *ip, unsigned l4_len)
{
	return naive_sum(ip + 12, 8) + ip[9] + l4_len;
}

static unsigned sum_offset(uint8_t proto)
{
	return proto == TCP_PROTO ? 16 : proto == UDP_PROTO ? 6 : 2;
}

static void set_l4_sum(uint8_t *ip, unsigned l4_len)
{
	uint8_t *l4 = ip + ihl(ip), *sum = l4 + sum_offset(ip[9]);
	uint32_t pseudo = ip[9] == 1 ? 0 : pseudo_sum(ip, l4_len);

	put16(sum, 0);
	put16(sum, (uint16_t)~naive_fold(pseudo + naive_sum(l4, l4_len)));
}

void icmp_sum(struct natworld *w)
{
	set_l4_sum(w->bytes + L3, w->len - L3 - ihl(w->bytes + L3));
}

static void ip(struct natworld *w, uint8_t proto, uint32_t src, uint32_t dst, unsigned l4_len)
{
	uint8_t *p = w->bytes;

	memset(p, 0, L4 + l4_len);
	memcpy(p, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0", L3);
	p[L3] = 0x45;
	put16(p + L3 + 2, 20 + l4_len);
	put16(p + L3 + 4, 0x1234);
	p[L3 + 8] = 64;
	p[L3 + 9] = proto;
	put32(p + L3 + 12, src);
	put32(p + L3 + 16, dst);
	set_ip_sum(p + L3);
	w->len = L4 + l4_len;
	w->vnet = (struct vnet){0};
}

static void pattern(uint8_t *p, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 31 + 7);
}

void udp_sized(struct natworld *w, const char *src, const char *dst, unsigned payload)
{
	struct endpoint s = endpoint(src), d = endpoint(dst);

	ip(w, UDP_PROTO, s.addr, d.addr, 8 + payload);
	put16(w->bytes + L4, s.port);
	put16(w->bytes + L4 + 2, d.port);
	put16(w->bytes + L4 + 4, 8 + payload);
	pattern(w->bytes + L4 + 8, payload);
	set_l4_sum(w->bytes + L3, 8 + payload);
}

void udp(struct natworld *w, const char *src, const char *dst)
{
	udp_sized(w, src, dst, 5);
}

static void tcp_with(struct natworld *w, const char *src, const char *dst, uint8_t flags,
		     unsigned options)
{
	struct endpoint s = endpoint(src), d = endpoint(dst);
	unsigned len = 20 + options + 3;

	ip(w, TCP_PROTO, s.addr, d.addr, len);
	put16(w->bytes + L4, s.port);
	put16(w->bytes + L4 + 2, d.port);
	put32(w->bytes + L4 + 4, 0x01020304);
	w->bytes[L4 + 12] = (uint8_t)((20 + options) << 2);
	w->bytes[L4 + 13] = flags;
	put16(w->bytes + L4 + 14, 500);
	pattern(w->bytes + L4 + 20 + options, 3);
	set_l4_sum(w->bytes + L3, len);
}

void tcp(struct natworld *w, const char *src, const char *dst, uint8_t flags)
{
	tcp_with(w, src, dst, flags, 0);
}

void tcp_mss(struct natworld *w, const char *src, const char *dst, uint16_t mss)
{
	tcp_with(w, src, dst, SYN, 8);
	memcpy(w->bytes + L4 + 20, "\x01\x02\x04\0\0\x01\x01\x01", 8);
	put16(w->bytes + L4 + 23, mss);
	set_l4_sum(w->bytes + L3, 31);
}

void tcp_text(struct natworld *w, const char *src, const char *dst, uint32_t seq, uint32_t ack,
	      const char *text)
{
	unsigned len = 20 + (unsigned)strlen(text);

	tcp(w, src, dst, ACK);
	ip(w, TCP_PROTO, endpoint(src).addr, endpoint(dst).addr, len);
	put16(w->bytes + L4, endpoint(src).port);
	put16(w->bytes + L4 + 2, endpoint(dst).port);
	put32(w->bytes + L4 + 4, seq);
	put32(w->bytes + L4 + 8, ack);
	w->bytes[L4 + 12] = 5 << 4;
	w->bytes[L4 + 13] = ACK;
	memcpy(w->bytes + L4 + 20, text, strlen(text));
	set_l4_sum(w->bytes + L3, len);
}

const char *text_of(struct natworld *w)
{
	w->bytes[w->len] = '\0';
	return (const char *)w->bytes + L4 + 20;
}

uint32_t seq_of(const struct natworld *w)
{
	return get16(w->bytes + L4 + 4) << 16 | get16(w->bytes + L4 + 6);
}

uint32_t ack_of(const struct natworld *w)
{
	return get16(w->bytes + L4 + 8) << 16 | get16(w->bytes + L4 + 10);
}

void icmp_query(struct natworld *w, uint8_t type, const char *src, const char *dst, uint16_t id)
{
	ip(w, 1, endpoint(src).addr, endpoint(dst).addr, 16);
	w->bytes[L4] = type;
	put16(w->bytes + L4 + 4, id);
	put16(w->bytes + L4 + 6, 1);
	pattern(w->bytes + L4 + 8, 8);
	set_l4_sum(w->bytes + L3, 16);
}

void icmp_error(struct natworld *w, uint8_t type, uint8_t code, const char *src)
{
	unsigned carried = w->len - L3 < 200 ? w->len - L3 : 200;
	uint32_t to = ntohl(*(uint32_t *)memcpy(&(uint32_t){0}, w->bytes + L3 + 12, 4));
	uint8_t inner[200];

	memcpy(inner, w->bytes + L3, carried);
	ip(w, 1, endpoint(src).addr, to, 8 + carried);
	w->bytes[L4] = type;
	w->bytes[L4 + 1] = code;
	memcpy(w->bytes + L4 + 8, inner, carried);
	set_l4_sum(w->bytes + L3, 8 + carried);
}

void fragment(struct natworld *w, uint16_t id, unsigned offset, unsigned len, bool more)
{
	uint8_t *p = w->bytes + L3;

	memmove(w->bytes + L4, w->bytes + L4 + offset, len);
	put16(p + 2, 20 + len);
	put16(p + 4, id);
	put16(p + 6, offset / 8 | (more ? 0x2000u : 0));
	set_ip_sum(p);
	w->len = L4 + len;
}

static void make_frame(struct natworld *w)
{
	struct frame *f = &w->frame;

	memset(f, 0xee, sizeof(*f)); /* what lies behind a short frame means nothing */
	f->len = w->len;
	f->head_len = (uint16_t)(w->len < FRAME_HEAD_MAX ? w->len : FRAME_HEAD_MAX);
	memcpy(f->head, w->bytes, f->head_len);
	w->seg = (struct seg){w->bytes + f->head_len, w->len - f->head_len};
	f->segs = &w->seg;
	f->n_segs = w->seg.len > 0;
	f->vnet = w->vnet;
	f->bad = DROP_NONE;
}

static void take_frame(struct natworld *w)
{
	memcpy(w->bytes, w->frame.head, w->frame.head_len);
	w->len = w->frame.len;
}

static bool send_packet(struct natworld *w, enum nat_direction dir)
{
	struct nat_found found = {0};
	struct packet *p = &w->packet;

	make_frame(w);
	w->session = NULL;
	w->why = packet_parse(p, &w->frame);
	if (w->why)
		return false;
	if (p->icmp_error) {
		w->why = dir == NAT_OUTBOUND ? nat_icmp_out(w->nat, 0, p, w->lan)
					     : nat_icmp_in(w->nat, 0, p, w->wan);
		goto done;
	}
	if (p->fragment == PACKET_FRAGMENT_REST)
		w->why = nat_fragment(w->nat, 0, p, 77, w->now_ns, &found);
	else
		nat_lookup(w->nat, 0, p, 1, &found);
	if (!found.session && p->fragment != PACKET_FRAGMENT_REST) {
		found.direction = dir;
		found.session =
			dir == NAT_OUTBOUND
				? nat_open_out(w->nat, 0, p, w->lan, w->wan, w->now_ns, &w->why)
				: nat_open_in(w->nat, 0, p, w->wan, w->now_ns, &w->why);
	}
	if (!found.session)
		return false;
	w->session = found.session;
	w->why = nat_translate(w->nat, 0, found.session, found.direction, p, w->now_ns);
done:
	take_frame(w);
	return !w->why;
}

bool out(struct natworld *w)
{
	return send_packet(w, NAT_OUTBOUND);
}

bool in(struct natworld *w)
{
	return send_packet(w, NAT_INBOUND);
}

static void check_sums(const struct natworld *w, const uint8_t *p, unsigned len, bool whole)
{
	const uint8_t *l4 = p + ihl(p);
	unsigned l4_len = len - ihl(p), at = sum_offset(p[9]);
	uint32_t pseudo = p[9] == 1 ? 0 : pseudo_sum(p, l4_len);

	assert_int_equal(naive_fold(naive_sum(p, ihl(p))), 0xffff);
	if (!whole || (get16(p + 6) & 0x3fff))
		return;
	if (p[9] == UDP_PROTO && get16(l4 + at) == 0)
		return;
	if (w->vnet.flags & VNET_NEEDS_CSUM)
		assert_int_equal(get16(l4 + at), naive_fold(pseudo));
	else
		assert_int_equal(naive_fold(pseudo + naive_sum(l4, l4_len)), 0xffff);
}

static void check_endpoint(const uint8_t *addr_at, const uint8_t *port_at, const char *text,
			   bool ports)
{
	struct endpoint want = endpoint(text);
	char have[IP4_TEXT_MAX], wanted[IP4_TEXT_MAX];

	ip4_format(get16(addr_at) << 16 | get16(addr_at + 2), have);
	ip4_format(want.addr, wanted);
	assert_string_equal(have, wanted);
	if (ports && strchr(text, ':'))
		assert_int_equal(get16(port_at), want.port);
}

static void check(const struct natworld *w, const uint8_t *p, unsigned len, bool whole,
		  const char *src, const char *dst)
{
	const uint8_t *l4 = p + ihl(p);
	bool ports = (get16(p + 6) & 0x1fff) == 0;
	bool icmp = p[9] == 1;

	check_sums(w, p, len, whole);
	check_endpoint(p + 12, icmp ? l4 + 4 : l4, src, ports);
	check_endpoint(p + 16, icmp ? l4 + 4 : l4 + 2, dst, ports);
}

void expect(struct natworld *w, const char *src, const char *dst)
{
	check(w, w->bytes + L3, w->len - L3, true, src, dst);
}

void expect_inner(struct natworld *w, const char *src, const char *dst)
{
	const uint8_t *inner = w->bytes + L3 + ihl(w->bytes + L3) + 8;
	unsigned carried = w->len - (unsigned)(inner - w->bytes);

	check(w, inner, carried, carried == get16(inner + 2), src, dst);
}

static void passes(const struct natworld *w, bool passed)
{
	if (!passed)
		fail_msg("dropped: %s", drop_reason_name(w->why));
}

void goes_out(struct natworld *w, const char *src, const char *dst)
{
	passes(w, out(w));
	expect(w, src, dst);
}

void comes_in(struct natworld *w, const char *src, const char *dst)
{
	passes(w, in(w));
	expect(w, src, dst);
}

void is_refused_out(struct natworld *w, enum drop_reason why)
{
	assert_false(out(w));
	assert_int_equal(w->why, why);
}

void is_refused_in(struct natworld *w, enum drop_reason why)
{
	assert_false(in(w));
	assert_int_equal(w->why, why);
}

uint16_t source_port(const struct natworld *w)
{
	return (uint16_t)get16(w->bytes + L4 + (w->bytes[L3 + 9] == 1 ? 4 : 0));
}

void wait_s(struct natworld *w, unsigned seconds)
{
	for (unsigned s = 0; s < seconds; s++) {
		w->now_ns += SECOND;
		while (nat_tick(w->nat, 0, w->now_ns) <= w->now_ns)
			;
	}
}

uint64_t sessions(struct natworld *w)
{
	struct nat_counters c;

	nat_counters_get(w->nat, &c);
	return c.sessions;
}

void forward(struct natworld *w, enum nat_class class, uint16_t first, uint16_t last,
	     const char *to)
{
	struct endpoint t = endpoint(to);
	struct nat_forward f = {
		.class = class, .first = first, .last = last, .to = t.addr, .to_port = t.port};
	struct err e = {""};

	nat_forward_add(w->nat, w->wan, &f, &e);
	assert_string_equal(e.text, "");
}
