/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/agent_proto.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/util.h"

/*
 * The lengths a payload may have, by type. With these the users of a frame read fixed fields
 * without checking again.
 */
static const struct {
	uint32_t min, max;
} payload_len[] = {
	[AGENT_PAD] = {0, 0},
	[AGENT_HELLO] = {AGENT_HELLO_BYTES, AGENT_HELLO_BYTES},
	[AGENT_EXEC] = {3, AGENT_PAYLOAD_MAX},
	[AGENT_STDIN] = {1, AGENT_PAYLOAD_MAX},
	[AGENT_STDIN_EOF] = {0, 0},
	[AGENT_STDOUT] = {1, AGENT_PAYLOAD_MAX},
	[AGENT_STDERR] = {1, AGENT_PAYLOAD_MAX},
	[AGENT_WINDOW] = {4, 4},
	[AGENT_EXITED] = {5, 5},
	[AGENT_KILL] = {4, 4},
	[AGENT_PING] = {0, 0},
	[AGENT_PONG] = {0, 0},
	[AGENT_POWEROFF] = {0, 0},
};
static_assert(ARRAY_SIZE(payload_len) == AGENT_TYPE_N, "a length for each type");

static const uint8_t magic[4] = {'w', 'e', 'f', 't'};

void agent_parser_init(struct agent_parser *p, bool hunting)
{
	p->have = 0;
	p->hunting = hunting;
}

static bool header_valid(const struct agent_parser *p)
{
	uint8_t type = p->buf[0];
	uint32_t len = agent_get32(p->buf + 5);

	return type != AGENT_PAD && type < AGENT_TYPE_N && len >= payload_len[type].min &&
	       len <= payload_len[type].max;
}

static void drop_first_byte(struct agent_parser *p)
{
	p->have--;
	memmove(p->buf, p->buf + 1, p->have);
}

/* Drops bytes until what is there can be the beginning of a HELLO. */
static void hunt(struct agent_parser *p)
{
	while (p->have) {
		size_t seen = p->have < AGENT_HEADER_BYTES ? 0 : p->have - AGENT_HEADER_BYTES;
		bool hello = p->buf[0] == AGENT_HELLO;

		if (p->have >= AGENT_HEADER_BYTES)
			hello = hello && header_valid(p);
		if (hello &&
		    memcmp(p->buf + AGENT_HEADER_BYTES, magic, MIN_OF(seen, sizeof(magic))) == 0)
			return;
		drop_first_byte(p);
	}
}

/* The bytes missing to the end of the header, or of the frame once the header is there. */
static size_t missing(const struct agent_parser *p)
{
	if (p->have < AGENT_HEADER_BYTES)
		return AGENT_HEADER_BYTES - p->have;
	return AGENT_HEADER_BYTES + agent_get32(p->buf + 5) - p->have;
}

static int deliver(struct agent_parser *p, int (*frame)(const struct agent_frame *f, void *arg),
		   void *arg)
{
	struct agent_frame f = {
		.type = p->buf[0],
		.id = agent_get32(p->buf + 1),
		.len = agent_get32(p->buf + 5),
		.payload = p->buf + AGENT_HEADER_BYTES,
	};

	p->have = 0;
	p->hunting = false;
	if (f.type == AGENT_HELLO && memcmp(f.payload, magic, sizeof(magic)) != 0)
		return -EPROTO;
	return frame(&f, arg);
}

int agent_parser_input(struct agent_parser *p, const void *data, size_t len,
		       int (*frame)(const struct agent_frame *f, void *arg), void *arg)
{
	const uint8_t *in = data;

	while (len) {
		if (p->have == 0 && *in == AGENT_PAD) {
			in++;
			len--;
			continue;
		}

		size_t take = MIN_OF(missing(p), len);

		memcpy(p->buf + p->have, in, take);
		p->have += take;
		in += take;
		len -= take;

		if (p->hunting)
			hunt(p);
		if (p->have < AGENT_HEADER_BYTES)
			continue;
		if (!header_valid(p))
			return -EPROTO;
		if (missing(p) == 0) {
			int ret = deliver(p, frame, arg);

			if (ret < 0)
				return ret;
		}
	}
	return 0;
}

void agent_header_format(uint8_t header[AGENT_HEADER_BYTES], enum agent_type type, uint32_t id,
			 uint32_t len)
{
	header[0] = (uint8_t)type;
	agent_put32(header + 1, id);
	agent_put32(header + 5, len);
}

void agent_hello_format(uint8_t payload[AGENT_HELLO_BYTES])
{
	memset(payload, 0, AGENT_HELLO_BYTES);
	memcpy(payload, magic, sizeof(magic));
	payload[sizeof(magic)] = AGENT_VERSION;
}

unsigned agent_hello_version(const struct agent_frame *f)
{
	return f->payload[sizeof(magic)];
}

int agent_exec_parse(const struct agent_frame *f, const char *argv[AGENT_EXEC_WORDS_MAX + 1],
		     unsigned *flags)
{
	const char *p = (const char *)f->payload + 1;
	const char *end = (const char *)f->payload + f->len;
	int n = 0;

	if (end[-1] != '\0' || *p == '\0')
		return -EPROTO;
	*flags = f->payload[0];
	for (; p < end; p += strlen(p) + 1) {
		if (n == AGENT_EXEC_WORDS_MAX)
			return -EPROTO;
		argv[n++] = p;
	}
	argv[n] = NULL;
	return n;
}
