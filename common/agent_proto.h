/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_AGENT_PROTO_H
#define COMMON_AGENT_PROTO_H

/*
 * The frames between weftd (the host) and weft-agent (in a guest) on a virtio-serial port.
 *
 * A frame is {u8 type, u32 id, u32 len} little endian and `len` bytes. A zero byte between frames
 * is padding. Either end may die in the middle of a frame, and the port does not tell reliably, so
 * a session begins like this: the host sends AGENT_FRAME_MAX zero bytes, which end whatever frame
 * the agent still waits for, and HELLO with a random id; the agent forgets the old session, kills
 * its commands and answers HELLO with the same id. Until that answer the host hunts: it drops all
 * bytes that are not part of a HELLO. An agent that has just started says HELLO with id 0, and
 * hunts too.
 *
 * Flow: a command may send AGENT_WINDOW_BYTES of output, stdout and stderr together, and as much
 * again as the host grants with WINDOW; likewise the host for stdin. Who sends more is in breach
 * and loses the session. The host always reads, so an agent that stops reading while its own output
 * is stuck cannot deadlock with it.
 *
 * Each side takes the other for an enemy: types and lengths are checked here, ids and windows where
 * the commands are kept.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_PORT_NAME	     "weft.agent"
#define AGENT_VERSION	     1
#define AGENT_HEADER_BYTES   9
#define AGENT_PAYLOAD_MAX    16384
#define AGENT_FRAME_MAX	     (AGENT_HEADER_BYTES + AGENT_PAYLOAD_MAX)
#define AGENT_HELLO_BYTES    8
#define AGENT_WINDOW_BYTES   65536u
#define AGENT_COMMANDS_MAX   32
#define AGENT_EXEC_WORDS_MAX 256

enum agent_type {
	AGENT_PAD,
	AGENT_HELLO,	 /* both ways; "weft", u8 version, 3 zero bytes */
	AGENT_EXEC,	 /* host: u8 flags, words that each end in NUL; id: new, not 0 */
	AGENT_STDIN,	 /* host */
	AGENT_STDIN_EOF, /* host */
	AGENT_STDOUT,	 /* agent */
	AGENT_STDERR,	 /* agent */
	AGENT_WINDOW,	 /* both ways; u32 bytes granted */
	AGENT_EXITED,	 /* agent, the last frame of an id; u8 enum agent_exit, u32 value */
	AGENT_KILL,	 /* host; u32 signal number */
	AGENT_PING,	 /* host */
	AGENT_PONG,	 /* agent, same id */
	AGENT_POWEROFF,	 /* host */
	AGENT_TYPE_N
};

enum agent_exit {
	AGENT_EXIT_STATUS, /* value: exit status; 0 at once for a detached command */
	AGENT_EXIT_SIGNAL, /* value: signal number */
	AGENT_EXIT_ERROR,  /* never ran; value: errno */
	AGENT_EXIT_N
};

/* Flags of EXEC: no pipes, not killed with the session. */
#define AGENT_FLAG_DETACHED 1u

struct agent_frame {
	enum agent_type type;
	uint32_t id;
	uint32_t len;
	const uint8_t *payload; /* borrowed from the parser, for the time of the call */
};

/* Cuts a byte stream into frames; embedded in its user, no allocation. */
struct agent_parser {
	size_t have;
	bool hunting;
	uint8_t buf[AGENT_FRAME_MAX];
};

/* Starts anew; hunting: everything before the next HELLO is dropped. */
void agent_parser_init(struct agent_parser *p, bool hunting);

/*
 * Takes `len` bytes and calls `frame` for each whole frame, in order. `frame` returns 0 to go on,
 * or a negative number to stop: the rest of the bytes is dropped and the number returned. Returns
 * 0, or -EPROTO for a type that does not exist or a length no frame of that type has; the parser
 * must then be initialised anew.
 */
int agent_parser_input(struct agent_parser *p, const void *data, size_t len,
		       int (*frame)(const struct agent_frame *f, void *arg), void *arg);

/* Writes the header of a frame; `len` is at most AGENT_PAYLOAD_MAX. */
void agent_header_format(uint8_t header[AGENT_HEADER_BYTES], enum agent_type type, uint32_t id,
			 uint32_t len);

void agent_hello_format(uint8_t payload[AGENT_HELLO_BYTES]);
/* The version in a HELLO that the parser delivered. */
unsigned agent_hello_version(const struct agent_frame *f);

/*
 * Splits the words of an EXEC: fills `argv` (NULL at the end; borrowed from the payload) and
 * `flags`. Returns the number of words, 1 or more, or -EPROTO.
 */
int agent_exec_parse(const struct agent_frame *f, const char *argv[AGENT_EXEC_WORDS_MAX + 1],
		     unsigned *flags);

static inline uint32_t agent_get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void agent_put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* Windows in words of one: adds a grant, or -EPROTO when it makes no sense. */
static inline int agent_window_grant(uint32_t *window, uint32_t bytes)
{
	if (bytes > AGENT_WINDOW_BYTES - *window)
		return -1;
	*window += bytes;
	return 0;
}

#endif
