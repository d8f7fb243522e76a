/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_FRAME_H
#define DATAPLANE_FRAME_H

/*
 * The unit of the data path: a frame that is still where it arrived.
 *
 * `head` is a private copy of the first bytes, enough for every header that weft reads, so that
 * what was checked cannot change under us. The rest of the frame is borrowed: `segs` point into
 * guest memory (or wherever the frame lies) and are valid until the port that it came from is
 * told to release it. Payload is copied once, from there to the receiver.
 *
 * Offload metadata is in the terms of virtio-net (VIRTIO 1.2, 5.1.6.2): a frame may be larger than
 * the MTU (gso_type) and may carry only the pseudo-header's part of its checksum (VNET_NEEDS_CSUM).
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/ipaddr.h"
#include "common/wire.h"
#include "dataplane/drop.h"
#include "dataplane/vlan_tag.h"

#define FRAME_HEAD_MAX 128 /* Ethernet, two tags, IPv6 and TCP with all its options: 122 */
#define SLICE_HDR_MAX  (FRAME_HEAD_MAX + VLAN_TAG_LEN) /* headers with a tag put in */
#define FRAME_LEN_MAX  (65535 + 14 + 8)
#define BURST_MAX      60 /* fits a 64-bit mask; docs/adr/0024 says why so many */
#define BURST_SEGS_MAX 1024

enum { VNET_NEEDS_CSUM = 1 };
enum {
	VNET_GSO_NONE = 0,
	VNET_GSO_TCPV4 = 1,
	VNET_GSO_TCPV6 = 4,
	VNET_GSO_UDP_L4 = 5, /* USO: datagrams of gso_size bytes; IPv4 and IPv6 */
	VNET_GSO_ECN = 0x80,
};

/* The first ten bytes of struct virtio_net_hdr; little endian as the guest's, like the host. */
struct vnet {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
};

struct seg {
	const uint8_t *p;
	uint32_t len;
};

struct frame {
	uint8_t head[FRAME_HEAD_MAX];
	uint32_t len;	   /* bytes of the whole frame, Ethernet header included */
	uint16_t head_len; /* bytes of it in `head`: min(len, FRAME_HEAD_MAX) */
	uint16_t n_segs;
	const struct seg *segs; /* bytes head_len..len */
	struct vnet vnet;	/* checked by frame_check_offload */
	enum drop_reason bad;	/* set by the port when the frame could not be read */
} __attribute__((aligned(64)));

/* For a frame that a stage makes longer in front: what does not fit into `head`, and its segments.
 */
#define FRAME_SPILL_MAX	    64
#define FRAME_ROOM_SEGS_MAX 16
struct frame_room {
	uint8_t spill[FRAME_SPILL_MAX];
	struct seg segs[FRAME_ROOM_SEGS_MAX];
};

/* One poll's worth of frames, all from one port. Owned by a worker, reused for each poll. */
struct burst {
	unsigned n;
	unsigned n_segs;
	struct frame frames[BURST_MAX];
	struct seg segs[BURST_SEGS_MAX];
	/* Set by the bridge when it filters VLANs; `edits` are for the receiver in hand. */
	bool vlans_known; /* `vlans` is about this burst */
	uint64_t retag;	  /* frames whose tag the receiver wants changed; 0 outside of emission */
	struct vlan_edit edits[BURST_MAX];
	struct vlan_info vlans[BURST_MAX]; /* form as it arrived; VID as the bridge decided */
	uint64_t now_ns;		   /* of the run */
	/* Set by the router. */
	uint64_t routed; /* frames that it sends: their headers are its own, and untagged */
	uint64_t kept;	 /* frames whose form on arrival is in `arrived` */
	struct frame arrived[BURST_MAX];
	struct ipaddr next[BURST_MAX]; /* of routed frames for a gateway: whom they wait for */
	uint16_t from;		       /* number of the interface that the burst came from */
	struct frame_room rooms[BURST_MAX];
};

static inline const struct eth_hdr *frame_eth(const struct frame *f)
{
	return (const struct eth_hdr *)f->head;
}

/* Where the network and transport headers of a frame begin. */
struct frame_layout {
	uint16_t l3;	  /* offset of the IP header */
	uint16_t l4;	  /* offset of the header behind IP and its extension headers */
	uint16_t payload; /* offset of what TCP or UDP carries */
	uint8_t proto;	  /* of the header at l4 */
	bool ipv6;
	bool routed; /* a routing header is under way: the IPv6 destination is not the last one */
};

/* The segments that one GSO frame may become: bounds what a few bytes of lies can ask for. */
#define FRAME_SEGMENTS_MAX 1024

/*
 * Checks what a guest claims about an offloaded frame, and corrects what is only a hint.
 *
 * The checksum field has to lie inside the frame and behind Ethernet, VLAN and IP headers, so that
 * completing it changes no address that was checked before; ARP carries none. A GSO frame has to
 * be the unfragmented TCP or UDP over IP that it says it is, its lengths those of the frame, its
 * segment size usable. hdr_len is not believed but computed (VIRTIO 1.2, 5.1.6.2.1).
 *
 * Returns DROP_NONE or the reason to drop it. Call it when `vnet.flags` or `vnet.gso_type` is set.
 */
enum drop_reason frame_check_offload(struct frame *f);

/*
 * Finds the TCP or UDP header of a frame in `head`. Follows up to two VLAN tags, IPv4 options, and
 * the IPv6 hop-by-hop, routing and destination options headers, all within FRAME_HEAD_MAX bytes;
 * not fragments, AH, ESP, mobility and what else there is. Returns DROP_NONE, DROP_BAD_GSO when
 * there is no whole TCP or UDP header, or DROP_GSO_HEADERS when it may be where weft does not look.
 */
enum drop_reason frame_parse_l4(const struct frame *f, struct frame_layout *layout);

/* The same as far as l4 and proto, which may be any protocol's; payload is left alone. */
enum drop_reason frame_parse_ip(const struct frame *f, struct frame_layout *layout);

/* Offset of what Ethernet and up to two VLAN tags carry; `type` gets its EtherType. 0: a runt. */
uint16_t frame_parse_eth(const struct frame *f, uint16_t *type);

/*
 * What is emitted of a frame: rewritten headers followed by a range of the frame's own bytes.
 * An unsegmented frame is a slice of all of it. Valid while the frame is.
 */
struct slice {
	const uint8_t *hdr;
	uint32_t hdr_len;
	const struct frame *frame;
	uint32_t off, len;  /* payload: `len` bytes of the frame from `off` on, after `hdr` */
	bool plain;	    /* no offload at all: what follows is not looked at */
	struct vnet vnet;   /* what the receiver is told */
	bool complete_csum; /* compute the checksum that vnet.csum_start/csum_offset describe */
};

/* The whole of a frame that carries no offloads. */
static inline struct slice slice_of_plain(const struct frame *f)
{
	return (struct slice){.hdr = f->head,
			      .hdr_len = f->head_len,
			      .frame = f,
			      .off = f->head_len,
			      .len = f->len - f->head_len,
			      .plain = true};
}

static inline uint32_t slice_len(const struct slice *s)
{
	return s->hdr_len + s->len;
}

#endif
