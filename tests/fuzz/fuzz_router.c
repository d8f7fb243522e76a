/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Frames of a hostile guest at what the router reads and makes itself: ARP, neighbour discovery,
 * router solicitations, echo replies, ICMP errors, fragments; and at the filter for IPv6. The first
 * byte says where the borrowed segments part.
 *
 * What is made must be a packet that parses, within its bounds: errors of up to 576 or 1280 bytes,
 * fragments within the MTU that carry every byte once.
 */

#include <stdlib.h>
#include <string.h>

#include "nat/arp.h"
#include "nat/filter6.h"
#include "nat/icmp_make.h"
#include "nat/ip_fragment.h"
#include "nat/nd.h"
#include "nat/ra.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MTU 600u

static void make_frame(struct frame *f, struct seg segs[2], const uint8_t *data, size_t size)
{
	size_t rest;

	*f = (struct frame){.len = (uint32_t)size};
	f->head_len = (uint16_t)(size < FRAME_HEAD_MAX ? size : FRAME_HEAD_MAX);
	memcpy(f->head, data, f->head_len);
	rest = size - f->head_len;
	segs[0] = (struct seg){data + f->head_len, (uint32_t)(rest * data[0] / 255)};
	segs[1] = (struct seg){data + f->head_len + segs[0].len, (uint32_t)rest - segs[0].len};
	f->segs = segs;
	f->n_segs = rest ? 2 : 0;
}

static void expect_sound(const struct frame *f, unsigned longest)
{
	struct frame copy = *f;
	uint32_t len = f->head_len;
	struct packet p;

	for (unsigned i = 0; i < f->n_segs; i++)
		len += f->segs[i].len;
	if (len != f->len || f->head_len > FRAME_HEAD_MAX ||
	    f->len > sizeof(struct eth_hdr) + longest || packet_parse(&p, &copy) != DROP_NONE)
		abort();
}

static void answer(const uint8_t *data, size_t size)
{
	const struct icmp_source from = {.mac = {{2, 0, 0, 0, 0, 1}}, .ip4 = RTE_BE32(0x0a000001)};
	struct frame_room room;
	struct seg segs[2];
	struct frame f;
	struct packet p;

	make_frame(&f, segs, data, size);
	if (packet_parse(&p, &f) != DROP_NONE)
		return;
	if (icmp_may_answer(&p)) {
		bool ipv6 = p.ipv6;

		icmp_make_error(&p, &from, (enum icmp_why)(data[1] % ICMP_WHY_N), 1400, &room);
		expect_sound(&f, ipv6 ? 1280 : 576);
	}
	make_frame(&f, segs, data, size);
	if (packet_parse(&p, &f) == DROP_NONE && icmp_make_echo_reply(&p, &from.mac))
		expect_sound(&f, 65535);
}

static void cut(const uint8_t *data, size_t size)
{
	uint8_t out[sizeof(struct eth_hdr) + MTU];
	struct ip_fragments it;
	struct seg segs[2];
	struct frame f;
	struct packet p;
	unsigned bytes = 0;
	uint32_t len;

	make_frame(&f, segs, data, size);
	if (packet_parse(&p, &f) != DROP_NONE || p.ipv6 ||
	    !ip_fragments_begin(&it, data, (uint32_t)size, MTU))
		return;
	while ((len = ip_fragments_next(&it, out))) {
		const struct ipv4_hdr *ip = (const struct ipv4_hdr *)(out + sizeof(struct eth_hdr));

		if (len > sizeof(out) ||
		    len != sizeof(struct eth_hdr) + rte_be_to_cpu_16(ip->total_len))
			abort();
		bytes += rte_be_to_cpu_16(ip->total_len) - (ip->version_ihl & 0xfu) * 4;
	}
	if (bytes != it.end)
		abort();
}

static void speak(const uint8_t *data, size_t size)
{
	uint8_t out[ND_FRAME_MAX];
	struct ra_solicit solicit;
	struct arp arp;
	struct nd nd;

	if (arp_parse(data, (unsigned)size, &arp))
		arp_build(out, &arp.sender_mac, &arp);
	if (nd_parse(data, (unsigned)size, &nd) &&
	    (nd_build(out, &nd.mac, &nd.mac, &nd) > sizeof(out) ||
	     !nd_parse(out, sizeof(out), &nd)))
		if (nd.has_mac)
			abort();
	if (ra_solicit_parse(data, (unsigned)size, &solicit) && solicit.has_mac &&
	    (mac_is_multicast(&solicit.mac) || solicit.src.b[0] == 0xff))
		abort();
}

/*
 * A packet of IPv6 at the filter: what passed once passes again at once, and is known then, but for
 * segments, whose flags end connections.
 */
static void filter(const uint8_t *data, size_t size)
{
	static const struct filter6_view view = {.timeouts = {1, 1, 1, 1, 1}};
	static struct filter6 *f;
	static uint32_t now_s = 1;
	const bool out = data[0] & 1;
	const struct filter6_way way = {.from = out ? &view : NULL,
					.to = out ? NULL : &view,
					.from_bridge = 1,
					.to_bridge = 2};
	struct frame frame;
	struct seg segs[2];
	struct packet p;

	if (!f)
		f = filter6_create(64, (const uint64_t[4]){1, 2, 3, 4});
	make_frame(&frame, segs, data, size);
	if (packet_parse(&p, &frame) != DROP_NONE || !p.ipv6)
		return;
	session6_tick(filter6_sessions(f), ++now_s);
	if (filter6_pass(f, &p, &way, now_s) == DROP_NONE && p.proto != WIRE_PROTO_TCP &&
	    (!filter6_knows(f, &p, now_s) || filter6_pass(f, &p, &way, now_s) != DROP_NONE))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < sizeof(struct eth_hdr) || size > 4000)
		return 0;
	answer(data, size);
	cut(data, size);
	filter(data, size);
	speak(data, size < FRAME_HEAD_MAX ? size : FRAME_HEAD_MAX);
	return 0;
}
