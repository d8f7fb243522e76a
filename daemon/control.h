/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

/*
 * The control socket of weftd: JSON-RPC 2.0, one object a line, on a Unix stream socket.
 *
 * Who may open the socket may do everything, so access is a matter of its owner and mode. Clients
 * are still not trusted to be well: garbage, half lines, lines without end, readers that do not
 * read and crowds that do nothing cost only themselves. A request needs an id and named
 * parameters; batches are refused; several requests may be under way on one connection and are
 * answered in the order in which their handlers finish.
 *
 * At most CONTROL_CLIENTS_MAX connections are held. Beyond that the longest idle one that never
 * completed a request makes room, then one that has been idle for CONTROL_IDLE_MS, else the
 * newcomer is turned away with RPC_BUSY.
 */

#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/loop.h"
#include "daemon/call.h"

#define CONTROL_CLIENTS_MAX 64
#define CONTROL_CALLS_MAX   64 /* under way for one client */
#define CONTROL_IDLE_MS	    60000

/* A verb and its handler; `ctx` is control_create's. See daemon/call.h for what a handler owes. */
struct control_verb {
	const char *name;
	void (*run)(struct call *call, void *ctx);
};

struct control;

/*
 * Listens on `path`. A socket that a dead daemon left there is replaced; one that answers, or a
 * file of another kind, is refused. `owner` and `group` are names, "" for none; `mode` are
 * permission bits. `verbs` must outlive the control socket; a verb without a handler in it is
 * unknown.
 *
 * Returns NULL and errno, with the reason and a remedy in `e`. All calls, handlers included, belong
 * to the thread of `loop`.
 */
struct control *control_create(struct loop *loop, const char *path, const char *owner,
			       const char *group, mode_t mode, const struct control_verb *verbs,
			       size_t n, void *ctx, struct err *e);

/* Gives the socket another owner, group and mode, named as in control_create. 0 or -errno. */
int control_give(struct control *c, const char *owner, const char *group, mode_t mode,
		 struct err *e);

/*
 * Lets all clients go (handlers that asked are told), closes, and unlinks the socket if it is still
 * the one that was made. Calls that were kept stay valid and must still be ended. Not to be called
 * by a handler of a verb. Accepts NULL.
 */
void control_destroy(struct control *c);

/* Serves the connected socket `fd` as one more client; it is taken over. Returns 0 or -errno. */
int control_adopt(struct control *c, int fd);

/* Clients that are connected. */
unsigned control_n_clients(const struct control *c);

/* The first verb of the command table that weftd has to serve and `verbs` lacks, NULL when none. */
const char *control_unserved(const struct control_verb *verbs, size_t n);

#endif
