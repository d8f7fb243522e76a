/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/ip_fragment.h"

#include <rte_byteorder.h>
#include <string.h>

#include "common/cksum.h"
#include "common/util.h"
#include "common/wire.h"

#define ETH_HDR sizeof(struct eth_hdr)
#define MORE	0x2000
#define COPIED	0x80

enum { OPTION_END = 0, OPTION_NOP = 1 };

bool ip_fragments_begin(struct ip_fragments *it, const uint8_t *frame, uint32_t len, unsigned mtu)
{
	const struct ipv4_hdr *ip = (const struct ipv4_hdr *)(frame + ETH_HDR);
	uint16_t header_len = (uint16_t)((ip->version_ihl & 0xf) * 4);
	uint16_t total = rte_be_to_cpu_16(ip->total_len);

	if (ip->version_ihl >> 4 != 4 || header_len < sizeof(*ip) || len < ETH_HDR + total ||
	    total <= header_len || mtu < header_len + 8u)
		return false;
	*it = (struct ip_fragments){
		.frame = frame,
		.header_len = header_len,
		.end = (uint16_t)(total - header_len),
		.room = (uint16_t)((MIN_OF(mtu, 65535u) - header_len) & ~7u),
	};
	return true;
}

/* The options that every fragment has, filled up to words. Returns their bytes. */
static unsigned copy_options(const uint8_t *from, unsigned len, uint8_t *to)
{
	unsigned at = 0, n = 0;

	while (at < len && from[at] != OPTION_END) {
		unsigned size = from[at] == OPTION_NOP ? 1 : at + 1 < len ? from[at + 1] : 0;

		if (size == 0 || at + size > len || (from[at] != OPTION_NOP && size < 2))
			break;
		if (from[at] & COPIED) {
			memcpy(to + n, from + at, size);
			n += size;
		}
		at += size;
	}
	while (n % 4)
		to[n++] = OPTION_END;
	return n;
}

uint32_t ip_fragments_next(struct ip_fragments *it, uint8_t *to)
{
	const struct ipv4_hdr *was = (const struct ipv4_hdr *)(it->frame + ETH_HDR);
	struct ipv4_hdr *ip = (struct ipv4_hdr *)(to + ETH_HDR);
	uint16_t at = it->done, n = MIN_OF((uint16_t)(it->end - at), it->room), flags;
	unsigned header_len = it->header_len;

	if (n == 0)
		return 0;
	memcpy(to, it->frame, ETH_HDR + header_len);
	if (at)
		header_len = (unsigned)sizeof(*ip) + copy_options((const uint8_t *)(was + 1),
								  header_len - sizeof(*ip),
								  (uint8_t *)(ip + 1));
	flags = (uint16_t)(rte_be_to_cpu_16(was->frag_off) + at / 8);
	if (at + n < it->end)
		flags |= MORE;
	ip->version_ihl = (uint8_t)(0x40 | header_len / 4);
	ip->total_len = rte_cpu_to_be_16((uint16_t)(header_len + n));
	ip->frag_off = rte_cpu_to_be_16(flags);
	ip->csum = 0;
	ip->csum = cksum_finish(cksum_add(0, ip, header_len));
	memcpy(to + ETH_HDR + header_len, it->frame + ETH_HDR + it->header_len + at, n);
	it->done = (uint16_t)(at + n);
	return (uint32_t)ETH_HDR + header_len + n;
}
