/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_STATE_H
#define VMM_STATE_H

/*
 * The stream that a machine's state is written to and read from: a file (a snapshot) or a socket (a
 * migration). It is a magic, then records, each a head and a payload, then a record "end" with the
 * CRC32C of all before it:
 *
 *   head      char name[16], zeroes behind it; u32 version; u32 bytes of payload
 *   payload   little-endian fields, one behind the other, without padding
 *
 * Nothing here knows what a record means. A reader trusts nothing: a payload has an upper bound, a
 * field is only taken out of bytes that are there, and a record is good only if state_done says so.
 * Neither waits: a writer collects until it is flushed, a reader says when bytes are missing. One
 * thread at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define STATE_NAME_BYTES  16
#define STATE_TEXT_MAX	  255
#define STATE_PAYLOAD_MAX (128u << 10)
/* How long who takes our bytes may take none, when we wait for it. */
#define STATE_WAIT_MS 10000

struct state_writer {
	int fd;
	int error;	/* the first one, a negative errno; nothing is written any more */
	uint32_t crc;	/* of all records that are complete */
	uint64_t bytes; /* of all records that are complete */
	size_t record;	/* where the one in hand begins in the buffer */
	size_t head, len;
	uint8_t *buffer;
};

struct state_reader {
	int fd;
	uint32_t crc;
	bool begun, ended; /* the magic was seen; the end was */
	size_t head, len;
	uint8_t *buffer;

	/* the record in hand */
	char name[STATE_NAME_BYTES];
	uint32_t version;
	const uint8_t *payload;
	size_t left;
	bool bad; /* more was asked for than was there */
};

/* Begins a stream. The descriptor stays the caller's. Returns 0 or -ENOMEM. */
int state_writer_init(struct state_writer *w, int fd);
void state_writer_fini(struct state_writer *w);

/* A record. `name` has less than STATE_NAME_BYTES letters; a payload that is too long is an error.
 */
void state_begin(struct state_writer *w, const char *name, uint32_t version);
void state_put_u8(struct state_writer *w, uint8_t v);
void state_put_u16(struct state_writer *w, uint16_t v);
void state_put_u32(struct state_writer *w, uint32_t v);
void state_put_u64(struct state_writer *w, uint64_t v);
void state_put_bytes(struct state_writer *w, const void *bytes, size_t len);
/* Up to STATE_TEXT_MAX letters of a text. */
void state_put_text(struct state_writer *w, const char *text);
void state_end(struct state_writer *w);
/* The record "end": nothing follows it. */
void state_finish(struct state_writer *w);
/*
 * Hands out what was collected, waiting for room up to `timeout_ms` each time, 0: not at all.
 * Returns 0 when all is out, 1 when something is left, or -errno, -ETIMEDOUT among them.
 */
int state_flush(struct state_writer *w, int timeout_ms);

/* Returns 0 or -ENOMEM. The descriptor stays the caller's. */
int state_reader_init(struct state_reader *r, int fd);
void state_reader_fini(struct state_reader *r);
/* Reads once. Returns 1, 0 at the end of the file, -EAGAIN or another -errno. */
int state_fill(struct state_reader *r);
/*
 * Goes to the next record: 1, its name and version are in `r`; 0, bytes are missing; -EPROTO with
 * the reason. After the end `ended` is true, and 0 is returned.
 */
int state_next(struct state_reader *r, struct err *e);
/*
 * As state_next, but waits for bytes up to `timeout_ms`, -1: without bound (a file needs none).
 * -EPROTO also when the stream ends before its end; -ETIMEDOUT.
 */
int state_wait(struct state_reader *r, int timeout_ms, struct err *e);
bool state_is(const struct state_reader *r, const char *name);

/* Fields of the record in hand; zeroes, and `bad`, when they are not there. */
uint8_t state_get_u8(struct state_reader *r);
uint16_t state_get_u16(struct state_reader *r);
uint32_t state_get_u32(struct state_reader *r);
uint64_t state_get_u64(struct state_reader *r);
void state_get_bytes(struct state_reader *r, void *to, size_t len);
/* Where the next `len` bytes are, or NULL; valid until the next record. */
const void *state_get_place(struct state_reader *r, size_t len);
/* A text without NULs, which fits into `size` bytes. */
void state_get_text(struct state_reader *r, char *to, size_t size);
/* 0 when all fields were there and no byte is left, else -EPROTO with the reason. */
int state_done(const struct state_reader *r, struct err *e);
/* -EPROTO with the reason, for a record whose fields make no sense. */
int state_refuse(const struct state_reader *r, struct err *e, const char *what);

#endif
