/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_PAYLOAD_H
#define PERF_PAYLOAD_H

/*
 * What is sent: a buffer filled once, and the marks that verified tests put into it. A stream
 * carries a counter every PAYLOAD_STRIDE bytes, so that no two segments are alike and a misplaced
 * one shows. A datagram begins with its sequence number and, when verified, a digest:
 *
 *   bytes 0-7  sequence, big endian      8-15  digest of the rest, and of the sequence
 *
 * The sequence's top bit says that the datagram was sent within the sender's window, so that loss
 * is counted exactly, however the clocks of the two ends differ.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_STRIDE	 512
#define PAYLOAD_SEQUENCE 8  /* bytes */
#define PAYLOAD_TAG	 16 /* bytes */
#define PAYLOAD_MARK	 (1ull << 63)

/* A page-aligned buffer with a repeating or a random (the same each time) fill, to be freed. */
uint8_t *payload_create(size_t len, bool random);

/* Marks the buffer as the `round`th that goes into a stream. */
void payload_stamp(uint8_t *buf, size_t len, uint64_t round);

/* Numbers a datagram; one that is too short for a number is left as it is. */
void payload_number(uint8_t *buf, size_t len, uint64_t sequence);
/* The number of a datagram of at least PAYLOAD_SEQUENCE bytes. */
uint64_t payload_sequence(const uint8_t *buf);

/* Writes, checks the digest of a numbered datagram; false for one below PAYLOAD_TAG bytes. */
void payload_seal(uint8_t *buf, size_t len);
bool payload_intact(const uint8_t *buf, size_t len);

#endif
