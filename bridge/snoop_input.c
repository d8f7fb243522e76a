/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hosts and routers say about groups: IGMPv1, v2 (RFC 2236), v3 (RFC 3376), MLDv1 (RFC 2710),
 * v2 (RFC 3810). Messages are copied out of the frame before they are read, are refused when their
 * checksum is wrong, and their lists are followed as far as SNOOP_MESSAGE_MAX bytes reach. Source
 * lists are not kept: a host that wants any source of a group is a member.
 */
#include <arpa/inet.h>
#include <stddef.h>

#include "bridge/headers.h"
#include "bridge/snoop.h"
#include "common/cksum.h"

#define SNOOP_MESSAGE_MAX 1500

enum { IGMP_QUERY = 0x11, IGMP1_REPORT = 0x12, IGMP2_REPORT = 0x16, IGMP_LEAVE = 0x17 };
enum { IGMP3_REPORT = 0x22 };
enum { MLD_QUERY = 130, MLD_REPORT = 131, MLD_DONE = 132, MLD2_REPORT = 143 };
enum { IS_INCLUDE = 1, IS_EXCLUDE, TO_INCLUDE, TO_EXCLUDE, ALLOW_NEW, BLOCK_OLD };

/* What a frame is to the bridge beside its group. */
enum kind { KIND_DATA, KIND_REPORT, KIND_QUERY };

struct message {
	struct snoop *snoop;
	struct snoop_key key; /* without its address */
	uint16_t port;
	bool learns;
	uint32_t now_s;
	unsigned len;
	uint8_t bytes[SNOOP_MESSAGE_MAX];
};

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* Copies what the frame holds from `off` to the packet's end. Returns false when it is too long. */
static bool message_read(struct message *m, const struct frame *f, const struct headers *h)
{
	uint32_t off = h->l4, done = 0, at = f->head_len;

	if (h->size < off || h->size - off > sizeof(m->bytes))
		return false;
	m->len = h->size - off;
	if (off < f->head_len) {
		done = f->head_len - off < m->len ? f->head_len - off : m->len;
		memcpy(m->bytes, f->head + off, done);
	}
	for (unsigned i = 0; i < f->n_segs && done < m->len; at += f->segs[i++].len) {
		uint32_t skip = off + done - at, n;

		if (skip >= f->segs[i].len)
			continue;
		n = f->segs[i].len - skip;
		n = n < m->len - done ? n : m->len - done;
		memcpy(m->bytes + done, f->segs[i].p + skip, n);
		done += n;
	}
	return done == m->len && m->len >= 8;
}

static bool is_sound(const struct message *m, const struct frame *f, const struct headers *h)
{
	uint32_t sum = cksum_add(0, m->bytes, m->len & ~1u);

	if (f->vnet.flags & VNET_NEEDS_CSUM)
		return true;
	if (m->len & 1)
		sum = cksum_add(sum, (uint8_t[2]){m->bytes[m->len - 1], 0}, 2);
	if (m->key.is_ip6) {
		sum = cksum_add(sum, f->head + h->l3 + offsetof(struct ipv6_hdr, src), 32);
		sum = cksum_add32(sum, htonl(m->len));
		sum = cksum_add32(sum, htonl(HEADERS_ICMP6));
	}
	return cksum_fold(sum) == 0xffff;
}

/* Link-local groups are flooded, so nobody need be a member. */
static bool is_local_group(bool is_ip6, const uint8_t *group)
{
	if (is_ip6)
		return (group[1] & 15) <= 2;
	return group[0] == 224 && group[1] == 0 && group[2] == 0;
}

static bool is_group(bool is_ip6, const uint8_t *group)
{
	return is_ip6 ? group[0] == 0xff : group[0] >> 4 == 14;
}

static void note_group(struct message *m, const uint8_t *group, bool joins)
{
	struct snoop_key key = m->key;

	if (!m->learns || !is_group(key.is_ip6, group) || is_local_group(key.is_ip6, group))
		return;
	key.addr = get32(group + (key.is_ip6 ? 12 : 0));
	if (joins)
		snoop_join(m->snoop, key, m->port, m->now_s);
	else
		snoop_leave(m->snoop, key, m->port, m->now_s);
}

/* The records of IGMPv3 (RFC 3376, 4.2) and MLDv2 (RFC 3810, 5.2), alike but for the addresses. */
static void note_records(struct message *m)
{
	unsigned n = get16(m->bytes + 6), at = 8, addr_len = m->key.is_ip6 ? 16 : 4;

	for (; n > 0 && at + 4 + addr_len <= m->len; n--) {
		const uint8_t *record = m->bytes + at;
		unsigned sources = get16(record + 2);

		switch (record[0]) {
		case IS_EXCLUDE:
		case TO_EXCLUDE:
			note_group(m, record + 4, true);
			break;
		case IS_INCLUDE:
		case ALLOW_NEW:
			if (sources)
				note_group(m, record + 4, true);
			break;
		case TO_INCLUDE:
			note_group(m, record + 4, sources > 0);
			break;
		}
		at += 4 + addr_len + sources * addr_len + record[1] * 4u;
	}
}

static enum kind note_igmp(struct message *m, const uint8_t *source)
{
	switch (m->bytes[0]) {
	case IGMP_QUERY:
		/* An address of 0.0.0.0 is a proxy's, which is no router (RFC 4541, 2.1.1). */
		if (get32(source) && m->learns)
			snoop_router(m->snoop, false, m->key.vlan, m->port, m->now_s);
		return KIND_QUERY;
	case IGMP1_REPORT:
	case IGMP2_REPORT:
		note_group(m, m->bytes + 4, true);
		return KIND_REPORT;
	case IGMP_LEAVE:
		note_group(m, m->bytes + 4, false);
		return KIND_REPORT;
	case IGMP3_REPORT:
		note_records(m);
		return KIND_REPORT;
	default:
		return KIND_DATA;
	}
}

static enum kind note_mld(struct message *m, const uint8_t *source)
{
	bool is_link_local = source[0] == 0xfe && (source[1] & 0xc0) == 0x80;

	switch (m->bytes[0]) {
	case MLD_QUERY:
		if (is_link_local && m->learns)
			snoop_router(m->snoop, true, m->key.vlan, m->port, m->now_s);
		return KIND_QUERY;
	case MLD_REPORT:
	case MLD_DONE:
		if (m->len >= 24)
			note_group(m, m->bytes + 8, m->bytes[0] == MLD_REPORT);
		return KIND_REPORT;
	case MLD2_REPORT:
		note_records(m);
		return KIND_REPORT;
	default:
		return KIND_DATA;
	}
}

static enum kind note(struct message *m, const struct frame *f, const struct headers *h)
{
	const uint8_t *ip = f->head + h->l3;

	if (h->proto != (m->key.is_ip6 ? HEADERS_ICMP6 : HEADERS_IGMP) || h->fragment ||
	    !message_read(m, f, h))
		return KIND_DATA;
	if (m->key.is_ip6 && (m->bytes[0] < MLD_QUERY || m->bytes[0] > MLD_DONE) &&
	    m->bytes[0] != MLD2_REPORT)
		return KIND_DATA;
	if (!is_sound(m, f, h))
		return KIND_DATA;
	return m->key.is_ip6 ? note_mld(m, ip + offsetof(struct ipv6_hdr, src))
			     : note_igmp(m, ip + offsetof(struct ipv4_hdr, src));
}

bool snoop_input(struct snoop *s, const struct frame *f, uint16_t vlan, uint16_t port,
		 uint32_t now_s, bool dry_run, struct snoop_group *g)
{
	const uint8_t *group;
	struct message m;
	struct headers h;
	enum kind kind;

	m.snoop = s;
	m.learns = !dry_run;
	m.key.vlan = vlan;
	m.port = port;
	m.now_s = now_s;
	if (!headers_parse(f, &h) ||
	    (h.type != WIRE_ETHERTYPE_IPV4 && h.type != WIRE_ETHERTYPE_IPV6))
		return false;
	m.key.is_ip6 = h.type == WIRE_ETHERTYPE_IPV6;
	group = f->head + h.l3 +
		(m.key.is_ip6 ? offsetof(struct ipv6_hdr, dst) : offsetof(struct ipv4_hdr, dst));
	if (!is_group(m.key.is_ip6, group))
		return false;
	kind = note(&m, f, &h);
	if (kind == KIND_QUERY || (kind == KIND_DATA && is_local_group(m.key.is_ip6, group)))
		return false;

	*g = (struct snoop_group){
		.snoop = s, .key = m.key, .routers_only = kind == KIND_REPORT, .now_s = now_s};
	g->key.addr = get32(group + (m.key.is_ip6 ? 12 : 0));
	return snoop_routers(s, g) > 0;
}
