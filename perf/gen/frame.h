/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_FRAME_H
#define GEN_FRAME_H

/*
 * What the generator's frames look like: Ethernet, IPv4, UDP (TCP when a frame is to be segmented;
 * IPv6 and UDP on a route of IPv6), then a stamp and a pattern. Sizes count from the Ethernet
 * header to the end of the payload, without the FCS, which virtio does not carry.
 *
 * Payload byte i of a frame is byte `phase + i` of a fixed random table (the stamp lies over the
 * first ones), and neighbouring slots have different phases, so that a byte which comes from
 * another place, or from the buffer's last frame, is another byte. In UDP frames the stamp says the
 * phase. A TCP frame may arrive in segments, so each must say where it belongs: the sequence number
 * is the frame's number in its upper half and the place in its payload in the lower one, and the
 * acknowledgement number is the sender's stream and the phase.
 *
 * Stations: port p has the addresses 02:67:pp:00:kk:kk, k from 0, so an address is arithmetic and
 * random pairs need no table. Flows differ in the source port.
 */

#include <assert.h>
#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/err.h"

#define FRAME_BYTES_MIN	   64
#define FRAME_BYTES_MAX	   1514
#define FRAME_TSO_BYTES	   65214 /* 45 segments of FRAME_TSO_SEGMENT */
#define FRAME_TSO_SEGMENT  1448
#define FRAME_STATIONS_MAX 65536
#define FRAME_FLOWS_MAX	   60000
#define FRAME_FLOW_PORT	   1024 /* of flow 0 */
#define FRAME_DST_PORT	   9
#define FRAME_PHASES	   4096
#define FRAME_PATTERN_MAX  (FRAME_PHASES + 65536)

#define FRAME_L4_AT	   34
#define FRAME_L4_AT6	   54
/* Bytes before the stamp. */
#define FRAME_UDP_HEADERS  42
#define FRAME_UDP6_HEADERS 62
#define FRAME_TCP_HEADERS  54

#define FRAME_STAMP_MAGIC  0x4757u

/* First in the payload, at no particular alignment. All zero: a frame without a stamp. */
struct frame_stamp {
	uint16_t magic;
	uint16_t phase;
	uint32_t seq;
	uint64_t time_tsc; /* 0: not a latency sample */
	uint16_t stream;   /* number of the sender */
	uint16_t sum;	   /* the stamp with this field sums to 0xffff */
} __attribute__((packed));
static_assert(FRAME_UDP_HEADERS + sizeof(struct frame_stamp) <= FRAME_BYTES_MIN,
	      "room at 64 bytes");

#define FRAME_BYTES_MIN6 84 /* with IPv6 */
static_assert(FRAME_UDP6_HEADERS + sizeof(struct frame_stamp) < FRAME_BYTES_MIN6,
	      "room for a probe, which is a byte shorter");

enum frame_mix { FRAME_FIXED, FRAME_IMIX, FRAME_TSO, FRAME_MIX_N };

struct frame_size {
	enum frame_mix mix;
	uint32_t bytes; /* of each frame; of the largest with FRAME_IMIX */
	bool ipv6;	/* FRAME_FIXED, FRAME_BYTES_MIN6 or more */
};

/* "64".."1514", "imix", "tso" or "tso:BYTES". Returns 0 or -EINVAL. */
int frame_size_parse(const char *text, struct frame_size *s, struct err *e);
char *frame_size_format(const struct frame_size *s, char *text, size_t size);

/* The size of the i-th frame of the mix: 7 x 64, 4 x 590, 1 x 1514 for IMIX. */
uint32_t frame_size_at(const struct frame_size *s, unsigned i);

static inline uint32_t frame_headers(const struct frame_size *s)
{
	if (s->ipv6)
		return FRAME_UDP6_HEADERS;
	return s->mix == FRAME_TSO ? FRAME_TCP_HEADERS : FRAME_UDP_HEADERS;
}

/* The address of station `k` of port `port` as a number whose low byte is the first on the wire. */
static inline uint64_t frame_station(unsigned port, unsigned k)
{
	uint64_t last = (uint64_t)(k >> 8 & 0xff) | (uint64_t)(k & 0xff) << 8;

	return 0x6702 | (uint64_t)port << 16 | last << 32;
}

/* Writes destination and source; `src` and `dst` are frame_station's numbers. */
static inline void frame_set_addresses(uint8_t *frame, uint64_t dst, uint64_t src)
{
	uint64_t first = dst | src << 48;
	uint32_t rest = (uint32_t)(src >> 16);

	memcpy(frame, &first, 8);
	memcpy(frame + 8, &rest, 4);
}

/* Makes it flow `k`, below FRAME_FLOWS_MAX. The frames' checksums do not cover ports. */
static inline void frame_set_flow(uint8_t *frame, unsigned k)
{
	unsigned port = FRAME_FLOW_PORT + k;

	frame[FRAME_L4_AT] = (uint8_t)(port >> 8);
	frame[FRAME_L4_AT + 1] = (uint8_t)port;
}

/* Numbers a TCP frame. */
static inline void frame_set_number(uint8_t *frame, uint32_t seq)
{
	uint32_t be = __builtin_bswap32(seq << 16);

	memcpy(frame + FRAME_L4_AT + 4, &be, sizeof(be));
}

/* Fills the table that payloads are taken from, FRAME_PATTERN_MAX bytes; always the same. */
void frame_pattern_fill(uint8_t *pattern);

/* How slot `i` of a ring differs from its neighbours. */
static inline uint16_t frame_phase(unsigned i)
{
	return (uint16_t)(i * 1621 % FRAME_PHASES);
}

/*
 * Frames for a router instead of a switch: to its MAC address, from `endpoints` inside endpoints,
 * which are `addresses` addresses from `inside` on times source ports, to addresses from `outside`
 * on. Flow k is endpoint k % endpoints towards address k / endpoints. Addresses in host order; of
 * IPv6 they are the last 32 bits, and what is before them is the same in all.
 */
struct frame_route {
	bool on, ipv6;
	uint64_t gateway; /* as frame_station's */
	uint32_t inside, outside;
	uint8_t inside6[12], outside6[12];
	unsigned addresses, endpoints;
	bool fresh; /* each frame begins a flow that was not there before */
};

/* "gateway=MAC,inside=ADDRESS,outside=ADDRESS[,addresses=N][,endpoints=N][,new]". 0 or -EINVAL. */
int frame_route_parse(const char *text, struct frame_route *r, struct err *e);

/*
 * What a checksum has to cover of the template but what differs between its flows: of the IPv4
 * header all but the addresses; of IPv6 the route's prefixes and the datagram but its source port.
 */
uint32_t frame_route_sum(const uint8_t *frame, const struct frame_route *r);

static inline uint16_t frame_checksum(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/*
 * Makes it flow `k` of the route. IPv4's UDP checksum is 0, IPv6's holds with a stamp and without;
 * TCP's is not kept.
 */
static inline void frame_set_route(uint8_t *frame, const struct frame_route *r, uint32_t sum,
				   uint64_t k)
{
	unsigned endpoint = (unsigned)(k % r->endpoints);
	uint32_t src = __builtin_bswap32(r->inside + endpoint % r->addresses);
	uint32_t dst = __builtin_bswap32(r->outside + (uint32_t)(k / r->endpoints));
	uint16_t port = __builtin_bswap16((uint16_t)(FRAME_FLOW_PORT + endpoint / r->addresses));
	uint16_t csum;

	if (r->ipv6) {
		memcpy(frame + 22, r->inside6, sizeof(r->inside6));
		memcpy(frame + 34, &src, sizeof(src));
		memcpy(frame + 38, r->outside6, sizeof(r->outside6));
		memcpy(frame + 50, &dst, sizeof(dst));
		memcpy(frame + FRAME_L4_AT6, &port, sizeof(port));
		csum = frame_checksum((uint64_t)sum + src + dst + port);
		csum = csum ?: 0xffff;
		memcpy(frame + FRAME_L4_AT6 + 6, &csum, sizeof(csum));
		return;
	}
	csum = frame_checksum((uint64_t)sum + src + dst);
	memcpy(frame + 24, &csum, sizeof(csum));
	memcpy(frame + 26, &src, sizeof(src));
	memcpy(frame + 30, &dst, sizeof(dst));
	memcpy(frame + FRAME_L4_AT, &port, sizeof(port));
}

struct frame_ends {
	unsigned src_port, dst_port;
	uint16_t stream;
};

/*
 * Writes a frame of `bytes` between two ports' first stations, of flow 0, without a stamp, and its
 * virtio header. `pattern` is the whole table.
 */
void frame_build(uint8_t *frame, struct virtio_net_hdr_mrg_rxbuf *hdr, const struct frame_size *s,
		 uint32_t bytes, const struct frame_ends *ends, const uint8_t *pattern,
		 uint16_t phase);

/* Frames that one of TSO's becomes where the receiver takes no large ones. */
static inline uint32_t frame_segments(const struct frame_size *s)
{
	if (s->mix != FRAME_TSO)
		return 1;
	return (s->bytes - FRAME_TCP_HEADERS + FRAME_TSO_SEGMENT - 1) / FRAME_TSO_SEGMENT;
}

#endif
