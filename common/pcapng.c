/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/pcapng.h"

#include <errno.h>
#include <string.h>

#include "common/util.h"

/*
 * A block is its type, its length, a body, and its length again; an option is a code, a length
 * and a value. Bodies and values are padded to 32 bits. Options end with one of code 0.
 */

#define BYTE_ORDER_MAGIC  0x1a2b3c4du
#define LINKTYPE_ETHERNET 1
#define TSRESOL_NS	  9
#define BLOCK_MAX	  (256u << 10) /* a frame, and all else that a block holds */

enum { OPTION_END = 0, OPTION_COMMENT = 1 };
enum { OPTION_PROGRAM = 4 };
enum { OPTION_IF_NAME = 2, OPTION_IF_TSRESOL = 9 };
enum { OPTION_FLAGS = 2 };
enum { OPTION_RECEIVED = 4, OPTION_DROPPED = 5 };

/* --- writing -----------------------------------------------------------------------------------
 */

struct writer {
	uint8_t *buf;
	size_t room, len;
	bool overflow;
};

static void put(struct writer *w, const void *data, size_t len)
{
	static const uint8_t zeros[4];
	size_t padded = (len + 3) & ~(size_t)3;

	if (w->overflow || w->room - w->len < padded) {
		w->overflow = true;
		return;
	}
	if (len)
		memcpy(w->buf + w->len, data, len);
	memcpy(w->buf + w->len + len, zeros, padded - len);
	w->len += padded;
}

static void put32(struct writer *w, uint32_t value)
{
	put(w, &value, sizeof(value));
}

/* A pair of 16-bit fields, the first one first. */
static void put16x2(struct writer *w, uint16_t a, uint16_t b)
{
	put32(w, (uint32_t)b << 16 | a);
}

static void put_time(struct writer *w, uint64_t ns)
{
	put32(w, (uint32_t)(ns >> 32));
	put32(w, (uint32_t)ns);
}

static void put_option(struct writer *w, uint16_t code, const void *value, size_t len)
{
	put16x2(w, code, (uint16_t)len);
	put(w, value, len);
}

static void put_text(struct writer *w, uint16_t code, const char *text, size_t max)
{
	if (text && *text)
		put_option(w, code, text, strnlen(text, max));
}

static struct writer begin(void *buf, size_t room, enum pcapng_type type)
{
	struct writer w = {.buf = buf, .room = room};

	put32(&w, (uint32_t)type);
	put32(&w, 0); /* the length, when it is known */
	return w;
}

static size_t finish(struct writer *w)
{
	uint32_t total = (uint32_t)w->len + 8;

	put16x2(w, OPTION_END, 0);
	put32(w, total);
	if (w->overflow)
		return 0;
	memcpy(w->buf + 4, &total, sizeof(total));
	return w->len;
}

size_t pcapng_write_section(void *buf, size_t room, const char *program)
{
	struct writer w = begin(buf, room, PCAPNG_SECTION);

	put32(&w, BYTE_ORDER_MAGIC);
	put16x2(&w, 1, 0);
	put32(&w, UINT32_MAX); /* the section's length is not known: -1 in 64 bits */
	put32(&w, UINT32_MAX);
	put_text(&w, OPTION_PROGRAM, program, PCAPNG_NAME_MAX);
	return finish(&w);
}

size_t pcapng_write_interface(void *buf, size_t room, const char *name, uint32_t snaplen)
{
	const uint8_t tsresol = TSRESOL_NS;
	struct writer w = begin(buf, room, PCAPNG_INTERFACE);

	put16x2(&w, LINKTYPE_ETHERNET, 0);
	put32(&w, snaplen);
	put_text(&w, OPTION_IF_NAME, name, PCAPNG_NAME_MAX);
	put_option(&w, OPTION_IF_TSRESOL, &tsresol, 1);
	return finish(&w);
}

size_t pcapng_write_packet(void *buf, size_t room, const struct pcapng_packet *p)
{
	struct writer w = begin(buf, room, PCAPNG_PACKET);
	uint32_t flags = (uint32_t)p->direction;

	put32(&w, p->interface);
	put_time(&w, p->time_ns);
	put32(&w, p->cap_len);
	put32(&w, p->len);
	put(&w, p->data, p->cap_len);
	put_option(&w, OPTION_FLAGS, &flags, sizeof(flags));
	put_text(&w, OPTION_COMMENT, p->comment, PCAPNG_COMMENT_MAX);
	return finish(&w);
}

size_t pcapng_write_statistics(void *buf, size_t room, uint32_t interface, uint64_t time_ns,
			       uint64_t captured, uint64_t missed)
{
	struct writer w = begin(buf, room, PCAPNG_STATISTICS);

	put32(&w, interface);
	put_time(&w, time_ns);
	put_option(&w, OPTION_RECEIVED, &captured, sizeof(captured));
	put_option(&w, OPTION_DROPPED, &missed, sizeof(missed));
	return finish(&w);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static uint32_t get32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static uint64_t get_time(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

static void copy_text(char *to, size_t size, const uint8_t *value, size_t len)
{
	len = MIN_OF(len, size - 1);
	memcpy(to, value, len);
	to[len] = '\0';
}

static void read_option(struct pcapng_block *b, unsigned code, const uint8_t *value, size_t len)
{
	if (b->type == PCAPNG_INTERFACE && code == OPTION_IF_NAME) {
		copy_text(b->name, sizeof(b->name), value, len);
	} else if (b->type == PCAPNG_PACKET && code == OPTION_FLAGS && len == 4) {
		b->packet.direction = (enum pcapng_direction)(get32(value) & 3);
	} else if (b->type == PCAPNG_PACKET && code == OPTION_COMMENT) {
		copy_text(b->comment, sizeof(b->comment), value, len);
		b->packet.comment = b->comment;
	} else if (b->type == PCAPNG_STATISTICS && len == 8) {
		uint64_t *to = code == OPTION_RECEIVED	? &b->captured
			       : code == OPTION_DROPPED ? &b->missed
							: NULL;
		if (to)
			memcpy(to, value, sizeof(*to));
	}
}

static int read_options(struct pcapng_block *b, const uint8_t *p, size_t len)
{
	while (len >= 4) {
		unsigned code = get32(p) & 0xffff;
		size_t n = get32(p) >> 16, padded = (n + 3) & ~(size_t)3;

		if (code == OPTION_END)
			return 0;
		if (padded > len - 4)
			return -EBADMSG;
		read_option(b, code, p + 4, n);
		p += 4 + padded;
		len -= 4 + padded;
	}
	return len ? -EBADMSG : 0;
}

/* The body's fixed part; returns its length, or -EBADMSG. */
static int read_fixed(struct pcapng_block *b, const uint8_t *p, size_t len)
{
	size_t padded;

	switch (b->type) {
	case PCAPNG_SECTION:
		return len >= 16 && get32(p) == BYTE_ORDER_MAGIC ? 16 : -EBADMSG;
	case PCAPNG_INTERFACE:
		return len >= 8 ? 8 : -EBADMSG;
	case PCAPNG_STATISTICS:
	case PCAPNG_PACKET:
		if (len < 12)
			return -EBADMSG;
		b->packet.interface = get32(p);
		b->packet.time_ns = get_time(p + 4);
		if (b->type == PCAPNG_STATISTICS)
			return 12;
		if (len < 20 || get32(p + 12) > len - 20)
			return -EBADMSG;
		b->packet.cap_len = get32(p + 12);
		b->packet.len = get32(p + 16);
		b->packet.data = p + 20;
		padded = 20 + (((size_t)b->packet.cap_len + 3) & ~(size_t)3);
		return padded <= len ? (int)padded : -EBADMSG;
	default:
		return (int)len;
	}
}

int pcapng_read(const void *buf, size_t len, struct pcapng_block *b)
{
	const uint8_t *p = buf;
	uint32_t total;
	int fixed;

	*b = (struct pcapng_block){0};
	if (len < 8)
		return 0;
	b->type = get32(p);
	total = get32(p + 4);
	if (total < 12 || total % 4 || total > BLOCK_MAX)
		return -EBADMSG;
	if (len < total)
		return 0;
	if (get32(p + total - 4) != total)
		return -EBADMSG;
	fixed = read_fixed(b, p + 8, total - 12);
	if (fixed < 0 || read_options(b, p + 8 + fixed, total - 12 - (size_t)fixed) < 0)
		return -EBADMSG;
	return (int)total;
}
