/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_PCAPNG_H
#define COMMON_PCAPNG_H

/*
 * Capture files in the pcapng format (draft-ietf-opsawg-pcapng), as far as weft writes them: one
 * little-endian section, Ethernet interfaces with names, packets with nanosecond times, direction
 * and comment, and statistics at the end.
 *
 * Writers put one block into `buf` and return its length, or 0 when it does not fit into `room`
 * bytes; nothing is written then. The reader takes apart what the writers made, and passes over
 * other blocks and options. Any thread; no state.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCAPNG_COMMENT_MAX 255
#define PCAPNG_NAME_MAX	   63

enum pcapng_type {
	PCAPNG_SECTION = 0x0a0d0d0a,
	PCAPNG_INTERFACE = 1,
	PCAPNG_STATISTICS = 5,
	PCAPNG_PACKET = 6,
};

enum pcapng_direction { PCAPNG_UNKNOWN, PCAPNG_INBOUND, PCAPNG_OUTBOUND };

struct pcapng_packet {
	uint32_t interface; /* its number, in the order of the interface blocks */
	uint64_t time_ns;   /* since 1970 */
	uint32_t cap_len, len;
	const void *data; /* cap_len bytes */
	enum pcapng_direction direction;
	const char *comment; /* NULL or "": none */
};

size_t pcapng_write_section(void *buf, size_t room, const char *program);
size_t pcapng_write_interface(void *buf, size_t room, const char *name, uint32_t snaplen);
size_t pcapng_write_packet(void *buf, size_t room, const struct pcapng_packet *p);
/* `captured` packets of the interface, and `missed` for want of room. */
size_t pcapng_write_statistics(void *buf, size_t room, uint32_t interface, uint64_t time_ns,
			       uint64_t captured, uint64_t missed);

/* A block taken apart. What its type does not have is 0. */
struct pcapng_block {
	uint32_t type;
	struct pcapng_packet packet; /* data points into the block; comment to the one below */
	char comment[PCAPNG_COMMENT_MAX + 1];
	char name[PCAPNG_NAME_MAX + 1]; /* of an interface */
	uint64_t captured, missed;
};

/*
 * Takes apart the block at the start of `len` bytes. Returns its length, 0 when not all of it is
 * there, or -EBADMSG when this is no pcapng of ours. `b` borrows from `buf`.
 */
int pcapng_read(const void *buf, size_t len, struct pcapng_block *b);

#endif
