/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_PACKET_H
#define TESTS_LIB_PACKET_H

/* Frames for tests, and the checks that a receiver's stack would make. */

#include "dataplane/frame.h"

/* The station 02:00:00:00:00:n. */
struct mac station(uint8_t n);

/* A frame of `len` bytes from one station to another with a pattern behind its header. */
uint32_t packet_raw(uint8_t *buf, const struct mac *dst, const struct mac *src, uint32_t len);

/*
 * TCP from station 1 to station 2 with `payload` bytes of a pattern, over IPv4 or IPv6, with
 * `tags` VLAN tags; the TCP checksum field holds the pseudo-header's sum, as under NEEDS_CSUM.
 * Fills `layout` and returns the frame's length.
 */
uint32_t packet_tcp(uint8_t *buf, bool ipv6, unsigned tags, uint32_t payload,
		    struct frame_layout *layout);

/* Whether IPv4 header, lengths and the whole TCP checksum are right. */
bool packet_tcp_is_valid(const uint8_t *buf, uint32_t len, const struct frame_layout *layout);

/* Whether the field holds the pseudo-header's sum for the frame's length, as under NEEDS_CSUM. */
bool packet_tcp_is_partial(const uint8_t *buf, uint32_t len, const struct frame_layout *layout);

/* Byte `i` of the payload pattern. */
uint8_t packet_pattern(uint32_t i);

#endif
