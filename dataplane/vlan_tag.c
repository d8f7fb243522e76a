/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/vlan_tag.h"

#include <arpa/inet.h>
#include <string.h>

#include "dataplane/frame.h"

#define ADDRESSES_LEN (2 * sizeof(struct mac))

bool vlan_tag_parse(const struct frame *f, struct vlan_info *info)
{
	uint16_t type = ntohs(frame_eth(f)->type);
	struct vlan_tag tag;

	if (type != WIRE_ETHERTYPE_8021Q && type != WIRE_ETHERTYPE_8021AD) {
		*info = (struct vlan_info){.form = VLAN_UNTAGGED};
		return true;
	}
	if (f->head_len < sizeof(struct eth_hdr) + VLAN_TAG_LEN)
		return false;
	if ((f->vnet.flags & VNET_NEEDS_CSUM) &&
	    f->vnet.csum_start < sizeof(struct eth_hdr) + VLAN_TAG_LEN)
		return false;
	memcpy(&tag, f->head + sizeof(struct eth_hdr), sizeof(tag));
	info->tci = ntohs(tag.tci);
	info->form = info->tci & VLAN_ID_MASK ? VLAN_TAGGED : VLAN_PRIORITY;
	return true;
}

static void push(uint16_t tci, struct slice *s, uint8_t *buf)
{
	const __be16 tag[] = {htons(WIRE_ETHERTYPE_8021Q), htons(tci)};

	memcpy(buf, s->hdr, ADDRESSES_LEN);
	memcpy(buf + ADDRESSES_LEN, tag, sizeof(tag));
	memcpy(buf + ADDRESSES_LEN + sizeof(tag), s->hdr + ADDRESSES_LEN,
	       s->hdr_len - ADDRESSES_LEN);
	s->hdr_len += VLAN_TAG_LEN;
}

static void pop(struct slice *s, uint8_t *buf)
{
	memcpy(buf, s->hdr, ADDRESSES_LEN);
	memcpy(buf + ADDRESSES_LEN, s->hdr + ADDRESSES_LEN + VLAN_TAG_LEN,
	       s->hdr_len - ADDRESSES_LEN - VLAN_TAG_LEN);
	s->hdr_len -= VLAN_TAG_LEN;
}

static void set(uint16_t tci, const struct slice *s, uint8_t *buf)
{
	const __be16 wire = htons(tci);

	memcpy(buf, s->hdr, s->hdr_len);
	memcpy(buf + sizeof(struct eth_hdr), &wire, sizeof(wire));
}

void vlan_tag_apply(struct vlan_edit edit, struct slice *s, uint8_t *buf)
{
	int moved = edit.op == VLAN_PUSH  ? (int)VLAN_TAG_LEN
		    : edit.op == VLAN_POP ? -(int)VLAN_TAG_LEN
					  : 0;

	if (edit.op == VLAN_PUSH)
		push(edit.tci, s, buf);
	else if (edit.op == VLAN_POP)
		pop(s, buf);
	else
		set(edit.tci, s, buf);
	s->hdr = buf;
	if (s->plain)
		return;
	if (s->vnet.flags & VNET_NEEDS_CSUM)
		s->vnet.csum_start = (uint16_t)(s->vnet.csum_start + moved);
	if (s->vnet.hdr_len >= sizeof(struct eth_hdr) + VLAN_TAG_LEN)
		s->vnet.hdr_len = (uint16_t)(s->vnet.hdr_len + moved);
}
