/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_STREAM_H
#define VMM_STREAM_H

/*
 * The host's end of a byte stream of the guest's: the console, a port of virtio-console. Either
 * standard input and output, or a Unix socket that one client at a time connects to; a copy of the
 * output may go to a log file.
 *
 * Nothing here waits for anybody. Output that the other end does not take is kept up to a bound,
 * then stream_room says 0: who can wait, waits until `writable`; who cannot, loses it. Without a
 * client output goes to the log only.
 */

#include <termios.h>

#include "common/err.h"
#include "common/loop.h"

#define STREAM_BUFFER 65536

struct stream_ops {
	/* How many bytes `input` takes now. */
	size_t (*room)(void *arg);
	void (*input)(void *arg, const uint8_t *bytes, size_t len);
	/* There is room for output again. May be NULL. */
	void (*writable)(void *arg);
	/* A client came or went. May be NULL. */
	void (*connected)(void *arg, bool is);
};

struct stream {
	struct loop *loop;
	struct loop_watch listener, input, output;
	int listen_fd, in_fd, out_fd, log_fd;
	char path[108]; /* of the socket, "" for standard input and output */
	bool is_terminal;
	struct termios saved;
	const struct stream_ops *ops;
	void *arg;
	size_t head, len; /* of the ring below */
	uint8_t buffer[STREAM_BUFFER];
};

/*
 * `where` is "stdio", "none", "unix:PATH" or "unix:PATH,log=FILE". Until stream_attach, output is
 * kept and nothing is read.
 */
int stream_open(struct stream *s, const char *where, struct err *e);
/* Joins the loop. */
int stream_attach(struct stream *s, struct loop *loop, const struct stream_ops *ops, void *arg,
		  struct err *e);
void stream_close(struct stream *s);

size_t stream_room(const struct stream *s);
/* Writes up to stream_room bytes; the rest is lost. Any thread with the machine's lock. */
void stream_write(struct stream *s, const void *bytes, size_t len);
/* There is room for input again. */
void stream_unblock(struct stream *s);

#endif
