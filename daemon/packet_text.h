/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_PACKET_TEXT_H
#define DAEMON_PACKET_TEXT_H

/*
 * A packet from words, for `weft trace`: headers by name, each followed by its fields, or all of
 * it as hex digits.
 *
 *   eth src=52:54:00:00:00:01 dst=52:54:00:00:00:02 vlan id=7 ip src=10.0.0.1 dst=10.0.0.2
 *   tcp dport=80 flags=S payload=100 gso=1448
 *
 * What is not given is filled in: types and protocols by the header that follows, lengths and
 * checksums by what is there, ip below a transport header, 02:00:00:00:00:01 as source and the
 * broadcast address as destination. `payload` adds bytes. `csum=partial` leaves the transport
 * checksum to the receiver, as a guest with checksum offload does; `gso` is the segment size of a
 * TCP packet and implies it.
 */

#include "common/err.h"
#include "dataplane/frame.h"

#define PACKET_TEXT_WORDS_MAX 256

struct text_packet {
	uint8_t bytes[FRAME_LEN_MAX];
	uint32_t len;
	struct vnet vnet;
};

/* Returns 0, or -EINVAL with the reason in `e`. */
int packet_text_parse(struct text_packet *p, const char *const *words, unsigned n, struct err *e);

#endif
