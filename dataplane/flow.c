/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/flow.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "common/util.h"

/*
 * Only the frame's private head is read, and only as far as it goes. Both directions of a
 * connection get one number, so that a guest finds a connection's frames on one queue whoever
 * began it.
 */

#define VLAN_TAGS_MAX	  2
#define IP4_BYTES	  20
#define IP6_BYTES	  40
#define IP4_FRAGMENT_BITS 0x3fff /* more fragments, and the offset */

static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdull;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

static uint16_t be16_at(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint64_t word_at(const uint8_t *p, unsigned len)
{
	uint64_t word = 0;

	memcpy(&word, p, len);
	return word;
}

/* Sums are the same whichever end is the source. */
static uint64_t hash_ports(const struct frame *f, unsigned at, uint8_t protocol)
{
	if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_SCTP) ||
	    f->head_len < at + 4)
		return 0;
	return mix(word_at(f->head + at, 2)) + mix(word_at(f->head + at + 2, 2));
}

static uint64_t hash_ip4(const struct frame *f, unsigned at)
{
	const uint8_t *ip = f->head + at;
	uint64_t h = mix(word_at(ip + 12, 4)) + mix(word_at(ip + 16, 4)) + ip[9];

	if (be16_at(ip + 6) & IP4_FRAGMENT_BITS)
		return h;
	return h + hash_ports(f, at + (ip[0] & 15) * 4u, ip[9]);
}

static uint64_t hash_ip6(const struct frame *f, unsigned at)
{
	const uint8_t *ip = f->head + at;
	uint64_t h = ip[6];

	for (unsigned end = 8; end < IP6_BYTES; end += 16)
		h += mix(word_at(ip + end, 8) ^ mix(word_at(ip + end + 8, 8)));
	return h + hash_ports(f, at + IP6_BYTES, ip[6]);
}

uint32_t flow_hash(const struct frame *f)
{
	unsigned at = 2 * ETH_ALEN;
	uint16_t type = be16_at(f->head + at);
	uint64_t h;

	for (unsigned i = 0; i < VLAN_TAGS_MAX; i++) {
		if ((type != ETH_P_8021Q && type != ETH_P_8021AD) || f->head_len < at + 6)
			break;
		at += 4;
		type = be16_at(f->head + at);
	}
	at += 2;
	if (type == ETH_P_IP && f->head_len >= at + IP4_BYTES)
		h = hash_ip4(f, at);
	else if (type == ETH_P_IPV6 && f->head_len >= at + IP6_BYTES)
		h = hash_ip6(f, at);
	else
		h = mix(word_at(f->head, ETH_ALEN)) + mix(word_at(f->head + ETH_ALEN, ETH_ALEN));
	return (uint32_t)(mix(h) >> 32);
}

unsigned flow_queue(uint32_t hash, unsigned enabled)
{
	unsigned k = (unsigned)((uint64_t)hash * (unsigned)__builtin_popcount(enabled) >> 32);

	for (; k; k--)
		enabled &= enabled - 1;
	return (unsigned)__builtin_ctz(enabled);
}
