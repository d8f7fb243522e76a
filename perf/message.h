/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_MESSAGE_H
#define PERF_MESSAGE_H

/*
 * The frames of the control connection, apart from any socket.
 *
 *   bytes 0-3  "WPRF"      4-5  version      6-7  type      8-11  body length      all big endian
 *
 * then the body, `key=value` lines (perf/field.h) of at most MESSAGE_BODY_MAX bytes. One test is
 * one connection:
 *
 *   client                            server
 *   SETUP   what to do         ->
 *                              <-     READY    data port and token
 *   (opens the data connection, says the token)
 *                              <-     JOINED   the data connection is there
 *   START                      ->
 *                              <-     STARTED  its clock runs; the client's starts on receipt
 *   (silence while the test runs)
 *   FINISH                     ->
 *                              <-     RESULT   its outcome
 *
 * Either side may send ABORT with a reason instead, and close.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define MESSAGE_VERSION	    1
#define MESSAGE_HEADER_SIZE 12
#define MESSAGE_BODY_MAX    (256u << 10)

enum message_type {
	MESSAGE_SETUP,
	MESSAGE_READY,
	MESSAGE_JOINED,
	MESSAGE_START,
	MESSAGE_STARTED,
	MESSAGE_FINISH,
	MESSAGE_RESULT,
	MESSAGE_ABORT,
	MESSAGE_N,
};

struct message_header {
	enum message_type type;
	uint32_t body_len;
};

const char *message_name(enum message_type type);

void message_header_write(const struct message_header *h, uint8_t bytes[MESSAGE_HEADER_SIZE]);

/* Returns 0, -EPROTO for what is no such frame, -EPROTONOSUPPORT for another version. */
int message_header_read(struct message_header *h, const uint8_t bytes[MESSAGE_HEADER_SIZE],
			struct err *e);

/* The body of ABORT. `reason` may hold anything; what comes out is one printable line. */
#define MESSAGE_REASON_MAX 400
int message_abort_format(const char *reason, char *body, size_t size, size_t *len);
int message_abort_parse(char reason[MESSAGE_REASON_MAX], const char *body, size_t len);

#endif
