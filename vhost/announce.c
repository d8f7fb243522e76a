/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/announce.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <net/if_arp.h>
#include <string.h>

struct rarp_frame {
	struct ethhdr eth;
	uint16_t hw_type, proto_type;
	uint8_t hw_len, proto_len;
	uint16_t op;
	uint8_t sender_mac[ETH_ALEN], sender_ip[4];
	uint8_t target_mac[ETH_ALEN], target_ip[4];
} __attribute__((packed));
static_assert(sizeof(struct rarp_frame) <= VHOST_ANNOUNCE_BYTES, "the rest is padding");

void announce(struct vhost_port *vp, const uint8_t mac[6])
{
	struct rarp_frame f = {
		.eth.h_proto = htons(ETH_P_RARP),
		.hw_type = htons(ARPHRD_ETHER),
		.proto_type = htons(ETH_P_IP),
		.hw_len = ETH_ALEN,
		.proto_len = 4,
		.op = htons(ARPOP_RREQUEST),
	};

	if (atomic_load(&vp->announcing))
		return;
	memset(f.eth.h_dest, 0xff, ETH_ALEN);
	memcpy(f.eth.h_source, mac, ETH_ALEN);
	memcpy(f.sender_mac, mac, ETH_ALEN);
	memcpy(f.target_mac, mac, ETH_ALEN);
	memset(vp->announce, 0, sizeof(vp->announce));
	memcpy(vp->announce, &f, sizeof(f));
	atomic_store_explicit(&vp->announcing, true, memory_order_release);
	dataplane_port_wake(vp->vhost->dp, &vp->port);
}

unsigned announce_peek(struct vhost_port *vp, struct vhost_pair *pair, struct burst *b)
{
	struct frame *f = &b->frames[0];

	memcpy(f->head, vp->announce, sizeof(vp->announce));
	f->len = f->head_len = sizeof(vp->announce);
	f->n_segs = 0;
	f->segs = b->segs;
	f->vnet = (struct vnet){0};
	f->bad = DROP_NONE;
	pair->announce_peeked = true;
	return b->n = 1;
}

void announce_release(struct vhost_port *vp, struct vhost_pair *pair)
{
	pair->announce_peeked = false;
	atomic_store_explicit(&vp->announcing, false, memory_order_release);
}
