/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bridge/headers.h"

#include <stddef.h>

#define TAGS_MAX	 2
#define LLC_LEN_MAX	 0x600
#define LLC_SNAP	 0xaaaa
#define IPV4_MORE	 0x2000
#define IPV4_OFFSET	 0x1fff
#define IPV6_MORE	 0x0001
#define IPV6_OFFSET	 0xfff8
#define IPV6_HEADERS_MAX 8 /* as many as fit into frame.head anyway */

enum { NH_HOP_BY_HOP = 0, NH_ROUTING = 43, NH_FRAGMENT = 44, NH_AH = 51, NH_OPTIONS = 60 };
enum { NH_MOBILITY = 135, NH_HIP = 139, NH_SHIM6 = 140 };

static bool parse_tags(const struct frame *f, struct headers *h)
{
	unsigned at = offsetof(struct eth_hdr, type);

	for (unsigned tags = 0;; tags++, at += sizeof(struct vlan_tag)) {
		if (at + 2 > f->head_len || tags > TAGS_MAX)
			return false;
		h->type = headers_get16(f, at);
		if (h->type != WIRE_ETHERTYPE_8021Q && h->type != WIRE_ETHERTYPE_8021AD)
			break;
	}
	h->l3 = (uint16_t)(at + 2);
	h->end = f->head_len;
	if (h->type >= LLC_LEN_MAX)
		return true;
	return h->l3 + 2u <= f->head_len && headers_get16(f, h->l3) != LLC_SNAP;
}

static void set_end(const struct frame *f, struct headers *h, uint32_t len)
{
	h->size = h->l3 + len < f->len ? h->l3 + len : f->len;
	h->cut = h->l3 + len > f->head_len && f->len > f->head_len;
	h->end = (uint16_t)(h->l3 + len < f->head_len ? h->l3 + len : f->head_len);
}

static bool parse_ipv4(const struct frame *f, struct headers *h)
{
	const struct ipv4_hdr *ip = (const void *)(f->head + h->l3);
	unsigned len, frag;

	if (!headers_has(h, h->l3, sizeof(*ip)))
		return false;
	len = (ip->version_ihl & 15) * 4u;
	if (ip->version_ihl >> 4 != 4 || len < sizeof(*ip))
		return false;
	set_end(f, h, headers_get16(f, h->l3 + offsetof(struct ipv4_hdr, total_len)));
	if (!headers_has(h, h->l3, len))
		return false;
	frag = headers_get16(f, h->l3 + offsetof(struct ipv4_hdr, frag_off));
	h->proto = ip->proto;
	h->l4 = (uint16_t)(h->l3 + len);
	h->fragment = frag & (IPV4_MORE | IPV4_OFFSET);
	h->headless = frag & IPV4_OFFSET;
	return true;
}

static bool is_extension(uint8_t proto)
{
	switch (proto) {
	case NH_HOP_BY_HOP:
	case NH_ROUTING:
	case NH_FRAGMENT:
	case NH_AH:
	case NH_OPTIONS:
	case NH_MOBILITY:
	case NH_HIP:
	case NH_SHIM6:
		return true;
	default:
		return false;
	}
}

static unsigned extension_len(uint8_t proto, const uint8_t *hdr)
{
	if (proto == NH_FRAGMENT)
		return 8;
	return proto == NH_AH ? (hdr[1] + 2u) * 4 : (hdr[1] + 1u) * 8;
}

static bool parse_ipv6(const struct frame *f, struct headers *h)
{
	const struct ipv6_hdr *ip = (const void *)(f->head + h->l3);
	unsigned at = h->l3 + sizeof(*ip);

	if (!headers_has(h, h->l3, sizeof(*ip)) || f->head[h->l3] >> 4 != 6)
		return false;
	set_end(f, h,
		sizeof(*ip) + headers_get16(f, h->l3 + offsetof(struct ipv6_hdr, payload_len)));
	h->proto = ip->next_header;
	for (unsigned n = 0; is_extension(h->proto); n++) {
		uint8_t type = h->proto;
		unsigned frag;

		if (n == IPV6_HEADERS_MAX || !headers_has(h, at, 8))
			return false;
		frag = headers_get16(f, at + 2);
		h->proto = f->head[at];
		at += extension_len(type, f->head + at);
		if (type != NH_FRAGMENT)
			continue;
		h->fragment |= (frag & (IPV6_OFFSET | IPV6_MORE)) != 0;
		h->headless |= (frag & IPV6_OFFSET) != 0;
		if (h->headless)
			break;
	}
	h->l4 = (uint16_t)at;
	return h->headless || h->proto == HEADERS_NO_NEXT || headers_has(h, at, 4);
}

bool headers_parse(const struct frame *f, struct headers *h)
{
	*h = (struct headers){0};
	if (!parse_tags(f, h))
		return false;
	if (h->type == WIRE_ETHERTYPE_IPV4)
		return parse_ipv4(f, h);
	if (h->type == WIRE_ETHERTYPE_IPV6)
		return parse_ipv6(f, h);
	return true;
}
