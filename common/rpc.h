/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_RPC_H
#define COMMON_RPC_H

/*
 * The client's side of weftd's control socket: JSON-RPC 2.0 over a Unix stream socket, one object
 * a line in both directions, parameters always named.
 *
 *   -> {"jsonrpc":"2.0","id":1,"method":"list-ports","params":{"bridge":"lan"}}
 *   <- {"jsonrpc":"2.0","id":1,"result":["alpha.0","beta.0"]}
 *
 * A verb that streams (guest/exec) sends notifications before its answer, and takes notifications
 * from the client while it runs. An answer may carry a file descriptor (guest/console).
 *
 * A connection belongs to one thread, has one call under way at a time, and may be used again
 * after a call that failed or timed out: the late answer is dropped.
 */

#include <jansson.h>

#include "common/err.h"

#define RPC_SOCKET_DEFAULT "/run/weft/weftd.sock"

/* A request is at most this long, its newline included; weftd closes on a longer one. */
#define RPC_LINE_MAX (1u << 20)

/* Codes of errors on the wire: JSON-RPC 2.0 section 5.1 below zero, weft's own above. */
enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_UNKNOWN_METHOD = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL_ERROR = -32603,
	RPC_BUSY = -32000,	 /* too many clients, or too many calls of one client */
	RPC_FAILED = 1,		 /* the verb was understood and could not be done */
	RPC_PARTLY_APPLIED = 65, /* saved, but not everything took effect */
};

struct rpc;

/* Connects to the socket at `path`. Returns NULL with the reason and a remedy in `e`. */
struct rpc *rpc_connect(const char *path, struct err *e);
/* Accepts NULL. */
void rpc_close(struct rpc *r);

/*
 * Calls `method` and waits `timeout_ms` (-1: for ever) for the answer. `params` is an object and
 * stolen, NULL for none. Notifications that arrive meanwhile go to `notify` (may be NULL) with
 * params borrowed.
 *
 * Returns 0 and in `result` (may be NULL) the caller's reference to the result; -errno when there
 * was no answer (-ETIMEDOUT, -ECONNRESET, ...); or, when weftd answered with an error, the
 * magnitude of its code (65, 32601, ...), with the error's "data" or NULL in `result`.
 * Other than 0 leaves the message in `e`.
 */
int rpc_call(struct rpc *r, const char *method, json_t *params /*stolen*/, int timeout_ms,
	     void (*notify)(const char *method, json_t *params, void *arg), void *arg,
	     json_t **result /*owned by caller*/, struct err *e);

/* The halves of rpc_call, for a caller that watches other descriptors beside the socket. */

/* Sends the request. Returns 0 or -errno. */
int rpc_start(struct rpc *r, const char *method, json_t *params /*stolen*/, struct err *e);
/* Sends a notification, such as input to the stream under way. Returns 0 or -errno. */
int rpc_notify(struct rpc *r, const char *method, json_t *params /*stolen*/, struct err *e);
/*
 * Takes in what has arrived, waiting `timeout_ms` (0: not at all, -1: for ever) for the answer.
 * Returns as rpc_call, and -EAGAIN when the answer is not there yet.
 */
int rpc_receive(struct rpc *r, int timeout_ms,
		void (*notify)(const char *method, json_t *params, void *arg), void *arg,
		json_t **result, struct err *e);
/* To poll for reading before rpc_receive. */
int rpc_fd(const struct rpc *r);

/* The descriptor that came with the last answer, now the caller's to close; -1 when none did. */
int rpc_recv_fd(struct rpc *r);

#endif
