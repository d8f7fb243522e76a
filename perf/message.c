/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/message.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "perf/field.h"

static const char magic[4] = {'W', 'P', 'R', 'F'};

static const char *const names[] = {
	"SETUP", "READY", "JOINED", "START", "STARTED", "FINISH", "RESULT", "ABORT",
};
static_assert(ARRAY_SIZE(names) == MESSAGE_N, "every message has a name");

struct abort_body {
	char reason[MESSAGE_REASON_MAX];
};

static const struct field abort_fields[] = {
	FIELD_TEXT(struct abort_body, reason),
};

const char *message_name(enum message_type type)
{
	return NAME_OF(names, type);
}

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

void message_header_write(const struct message_header *h, uint8_t bytes[MESSAGE_HEADER_SIZE])
{
	memcpy(bytes, magic, sizeof(magic));
	put16(bytes + 4, MESSAGE_VERSION);
	put16(bytes + 6, h->type);
	put16(bytes + 8, h->body_len >> 16);
	put16(bytes + 10, h->body_len & 0xffff);
}

int message_header_read(struct message_header *h, const uint8_t bytes[MESSAGE_HEADER_SIZE],
			struct err *e)
{
	unsigned version = get16(bytes + 4), type = get16(bytes + 6);

	if (memcmp(bytes, magic, sizeof(magic)) != 0)
		return err_set(e, EPROTO, "the peer is not weft-perf: check the host and the port");
	if (version != MESSAGE_VERSION)
		return err_set(e, EPROTONOSUPPORT,
			       "the peer speaks version %u of the protocol, this end %u: "
			       "run the same weft-perf on both ends",
			       version, MESSAGE_VERSION);
	h->body_len = get16(bytes + 8) << 16 | get16(bytes + 10);
	if (type >= MESSAGE_N || h->body_len > MESSAGE_BODY_MAX)
		return err_set(e, EPROTO, "the peer sent a damaged message");
	h->type = (enum message_type)type;
	return 0;
}

int message_abort_format(const char *reason, char *body, size_t size, size_t *len)
{
	struct abort_body b;

	snprintf(b.reason, sizeof(b.reason), "%s", reason);
	for (char *c = b.reason; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return field_format(abort_fields, ARRAY_SIZE(abort_fields), &b, body, size, len);
}

int message_abort_parse(char reason[MESSAGE_REASON_MAX], const char *body, size_t len)
{
	struct abort_body b = {"no reason given"};
	int ret = field_parse(abort_fields, ARRAY_SIZE(abort_fields), body, len, &b, NULL);

	memcpy(reason, b.reason, MESSAGE_REASON_MAX);
	return ret;
}
