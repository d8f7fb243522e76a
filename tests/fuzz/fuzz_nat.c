/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Packets of any bytes, from both sides, at the translator. The input is a list of records: a byte
 * says from where and how much time passes, two bytes the length, then the bytes of a packet behind
 * an Ethernet header. So sessions open, are answered, err, come in fragments and age in one run.
 *
 * What leaves must be from an external address, or in a hairpin to a guest; what enters must be to
 * a guest; IPv4 header checksums stay right; in the end all that was taken is given back.
 */

#include <stdlib.h>
#include <string.h>

#include "common/cksum.h"
#include "nat/nat_control.h"

#define SECOND	    1000000000ull
#define PACKET_MAX  2000
#define NETWORK	    0x0a0a0000u
#define EXTERNAL    0xc0000201u
#define RELEASE_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct nat *nat;
	struct nat_inside *lan;
	struct nat_outside *wan;
	uint64_t now_ns;
};

static void create(struct world *w)
{
	static const uint32_t addresses[] = {EXTERNAL, EXTERNAL + 1};
	static const struct nat_rule rules[] = {{.allow = false,
						 .direction = NAT_OUTBOUND,
						 .proto = 6,
						 .port_first = 25,
						 .port_last = 25}};
	const struct nat_params params = {
		.n_workers = 1, .sessions_max = 64, .secret = {1, 2, 3, 4}};
	const struct nat_inside_params inside = {
		.subnet = {NETWORK, 16},
		.filtering = {[NAT_UDP] = NAT_FILTERING_ADDRESS_DEPENDENT},
		.guest_sessions_max = 40,
		.algs = NAT_ALG_FTP | NAT_ALG_TFTP,
		.rules = rules,
		.n_rules = 1};
	const struct nat_outside_params outside = {.addresses = addresses,
						   .n_addresses = 2,
						   .port_first = 2000,
						   .port_last = 2031,
						   .mtu = 1400};
	const struct nat_forward web = {
		.class = NAT_TCP, .first = 80, .last = 89, .to = NETWORK + 7, .to_port = 80};
	const struct nat_forward ftp = {
		.class = NAT_TCP, .first = 21, .to = NETWORK + 7, .to_port = 21};

	w->now_ns = 1000 * SECOND;
	w->nat = nat_create(&params, NULL);
	w->lan = nat_inside_create(w->nat, &inside, NULL);
	w->wan = nat_outside_create(w->nat, &outside, NULL);
	if (nat_forward_add(w->nat, w->wan, &web, NULL) < 0 ||
	    nat_forward_add(w->nat, w->wan, &ftp, NULL) < 0)
		abort();
}

static uint32_t address_at(const struct packet *p, unsigned offset)
{
	const uint8_t *b = p->frame->head + p->l3 + offset;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool is_guest(uint32_t addr)
{
	return (addr & 0xffff0000u) == NETWORK;
}

static void expect_translated(const struct packet *p, enum nat_direction side)
{
	const uint8_t *ip = p->frame->head + p->l3;
	uint32_t src = address_at(p, 12), dst = address_at(p, 16);

	if (cksum_fold(cksum_add(0, ip, (ip[0] & 15) * 4u)) != 0xffff)
		abort();
	if (side == NAT_OUTBOUND && src != EXTERNAL && src != EXTERNAL + 1)
		abort();
	if (side == NAT_INBOUND && !is_guest(dst))
		abort();
}

static struct nat_found find_or_open(struct world *w, struct packet *p, enum nat_direction side,
				     enum drop_reason *why)
{
	struct nat_found found = {0};

	if (p->fragment == PACKET_FRAGMENT_REST) {
		*why = nat_fragment(w->nat, 0, p, (uint32_t)side, w->now_ns, &found);
		return found;
	}
	nat_lookup(w->nat, 0, p, 1, &found);
	if (found.session)
		return found;
	found.direction = side;
	found.session = side == NAT_OUTBOUND
				? nat_open_out(w->nat, 0, p, w->lan, w->wan, w->now_ns, why)
				: nat_open_in(w->nat, 0, p, w->wan, w->now_ns, why);
	return found;
}

/* As a router does it: parse, find or open, is it from the right side, translate. */
static void route(struct world *w, struct frame *f, enum nat_direction side)
{
	uint16_t realm =
		side == NAT_OUTBOUND ? nat_inside_realm(w->lan) : nat_outside_realm(w->wan);
	enum drop_reason why = DROP_NONE;
	struct nat_found found;
	struct packet p;

	if (f->vnet.flags && frame_check_offload(f))
		return;
	if (packet_parse(&p, f) || p.ipv6)
		return;
	if (p.icmp_error) {
		why = side == NAT_OUTBOUND ? nat_icmp_out(w->nat, 0, &p, w->lan)
					   : nat_icmp_in(w->nat, 0, &p, w->wan);
		if (!why)
			expect_translated(&p, side);
		return;
	}
	found = find_or_open(w, &p, side, &why);
	if (!found.session || nat_realm(found.session, found.direction) != realm)
		return;
	if (!nat_translate(w->nat, 0, found.session, found.direction, &p, w->now_ns))
		expect_translated(&p, side);
}

static void route_released(struct world *w)
{
	struct frame frames[RELEASE_MAX];
	uint32_t cookies[RELEASE_MAX];
	unsigned n = nat_fragments_release(w->nat, 0, frames, cookies, RELEASE_MAX);

	for (unsigned i = 0; i < n; i++)
		route(w, &frames[i], cookies[i]);
}

static void send_record(struct world *w, const uint8_t *bytes, size_t len, uint8_t how)
{
	struct frame f = {.len = (uint32_t)len + 14};
	struct seg seg;
	size_t in_head = len < FRAME_HEAD_MAX - 14 ? len : FRAME_HEAD_MAX - 14;

	f.head[12] = 8;
	memcpy(f.head + 14, bytes, in_head);
	f.head_len = (uint16_t)(in_head + 14);
	seg = (struct seg){bytes + in_head, (uint32_t)(len - in_head)};
	f.segs = &seg;
	f.n_segs = seg.len > 0;
	/* A checksum of the IP header that is right, so that more than the first check is reached.
	 */
	if ((how & 2) && len >= 20 && (bytes[0] & 15) * 4u <= in_head) {
		unsigned header = (bytes[0] & 15) * 4u;
		uint16_t sum;

		memset(f.head + 24, 0, 2);
		sum = cksum_finish(cksum_add(0, f.head + 14, header));
		memcpy(f.head + 24, &sum, 2);
	}
	if (how & 4)
		f.vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				       .csum_start = 34,
				       .csum_offset = how & 8 ? 6 : 16};
	route(w, &f, how & 1 ? NAT_INBOUND : NAT_OUTBOUND);
	route_released(w);
}

static void pass_time(struct world *w, uint64_t ns)
{
	w->now_ns += ns;
	for (int i = 0; i < 1000 && nat_tick(w->nat, 0, w->now_ns) <= w->now_ns; i++)
		;
}

static void finish(struct world *w)
{
	struct nat_outside_counters o;
	struct nat_counters c;

	for (int i = 0; i < 40; i++)
		pass_time(w, 250 * SECOND);
	nat_counters_get(w->nat, &c);
	nat_outside_counters_get(w->wan, &o);
	if (c.sessions || c.mappings != 22 || o.ports_used[NAT_UDP] || o.ports_used[NAT_TCP] != 22)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w; /* after each input everything has aged, so the next begins anew */

	if (!w.nat)
		create(&w);
	while (size >= 3) {
		size_t len = (size_t)(data[1] << 8 | data[2]) % PACKET_MAX;
		uint8_t how = data[0];

		data += 3;
		size -= 3;
		len = len < size ? len : size;
		send_record(&w, data, len, how);
		pass_time(&w, (uint64_t)(how >> 4) * SECOND / 2);
		data += len;
		size -= len;
	}
	finish(&w);
	return 0;
}
