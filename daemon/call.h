/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_CALL_H
#define DAEMON_CALL_H

/*
 * One request of a control client, as the handler of its verb sees it.
 *
 * A handler gets a call and ends it exactly once, by call_reply or a call_fail, at once or later:
 * it may keep the call as long as it likes, and the client may have further calls under way
 * meanwhile. When the client leaves first, the call stays valid and must still be ended; what is
 * sent then goes nowhere. A handler whose work is worth nothing without a listener asks to be told
 * with call_on_gone.
 *
 * A handler that streams sends notifications before it ends the call, and takes notifications
 * whose method begins with its own verb and a slash: "guest/exec/input" goes to the call of
 * "guest/exec", the oldest one of that client that listens.
 *
 * Everything here belongs to the thread of the control socket's loop. Strings and JSON that a call
 * gives away are borrowed and last until it is ended.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/rpc.h"
#include "common/util.h"

struct call;
struct client;

const char *call_method(const struct call *c);
/* Always an object. */
json_t *call_params(const struct call *c);

/*
 * Typed parameters. Each returns 0, or -EINVAL after ending the call with RPC_INVALID_PARAMS and
 * a message that names the parameter: the handler just returns. An optional parameter that is
 * absent or null leaves `*value` (and `*n`) as they are.
 */
enum call_need { CALL_OPTIONAL, CALL_REQUIRED };

int call_param_string(struct call *c, const char *key, enum call_need need, const char **value);
int call_param_bool(struct call *c, const char *key, enum call_need need, bool *value);
int call_param_int(struct call *c, const char *key, enum call_need need, int64_t min, int64_t max,
		   int64_t *value);
/* An array of `n` strings; both the array and its strings last until the call is ended. */
int call_param_strings(struct call *c, const char *key, enum call_need need,
		       const char *const **value, unsigned *n);

/* Ends the call with its result, which is stolen; NULL is JSON's null. */
void call_reply(struct call *c, json_t *result /*stolen*/);

/* Ends the call with an error: `code` for programs, the message for people. */
void call_fail(struct call *c, enum rpc_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same with facts for programs in the error's "data", which is stolen. */
void call_fail_data(struct call *c, enum rpc_code code, json_t *data /*stolen*/, const char *fmt,
		    ...) PRINTF_LIKE(4, 5);

/* Gives `fd` to the client along with the reply. The descriptor is taken over in any case. */
void call_send_fd(struct call *c, int fd);

/* Sends a notification before the call is ended. `params` is an object and stolen. */
void call_notify(struct call *c, const char *method, json_t *params /*stolen*/);

/*
 * Bytes that wait because the client reads slowly. A stream that can wait stops its source when
 * this is not 0, and goes on when `room` is called: once, when all has been written. A stream that
 * never waits loses its client at CLIENT_BACKLOG_MAX.
 */
size_t call_backlog(const struct call *c);
void call_on_room(struct call *c, void (*room)(struct call *c, void *arg), void *arg);

/* Has `gone` called when the client leaves before the call is ended. It may end the call. */
void call_on_gone(struct call *c, void (*gone)(struct call *c, void *arg), void *arg);

/* Has `input` called with the notifications of the client for this call; `params` is borrowed. */
void call_on_input(struct call *c,
		   void (*input)(struct call *c, const char *method, json_t *params, void *arg),
		   void *arg);
/* Stops or resumes reading from the client, when the stream cannot take more input for now. */
void call_pause_input(struct call *c, bool paused);

/* The control socket's side of calls. */

/* A call of `client`; `request` is a checked JSON-RPC request and stolen. NULL: out of memory. */
struct call *call_create(struct client *client, json_t *request /*stolen*/);
/* Tells and parts with the calls of a client that is gone. */
void call_client_gone(struct client *client);
/* Tells the calls of a client that all is written. */
void call_client_drained(struct client *client);
/* Gives a notification to the call it is for. Returns false when no call listens for it. */
bool call_client_input(struct client *client, const char *method, json_t *params);
/* Sends an error that belongs to no call; `id` is borrowed and may be NULL. */
void call_refuse(struct client *client, json_t *id, enum rpc_code code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

#endif
