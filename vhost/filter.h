/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_FILTER_H
#define VHOST_FILTER_H

/*
 * What stands between a frontend's socket and librte_vhost.
 *
 * The library reads from the socket in its event thread, blocking: half a message of one frontend
 * stops the sessions of all. It forgets descriptors of messages that it refuses early, maps files
 * without looking at their size, and serves requests that were never offered. So each connection
 * gets a filter: the library's descriptor is replaced by one end of a socket pair before the
 * library reads from it, and a thread of ours carries messages from the frontend's socket to the
 * other end, whole and only when message_check has nothing against them. Answers are carried back
 * as they are. A frontend that breaks a rule loses its connection, and its port says why.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct filter;

/* `refused` is called from the filter's thread, without locks, with the socket's path. */
typedef void filter_refused_fn(const char *path, const char *why);

/* Starts the thread. NULL and errno on failure; destroy takes NULL and ends all connections. */
struct filter *filter_create(filter_refused_fn *refused);
void filter_destroy(struct filter *f);

/*
 * Puts a filter into the library's newest connection on `path`; call it from the library's
 * new_connection callback. `server`: the connection was accepted, not made. `protocol` are the
 * protocol features offered on it. Returns 0 or -errno; the connection is to be refused then.
 */
int filter_insert(struct filter *f, int vid, const char *path, bool server, uint64_t protocol);

/*
 * Has the frontend of session `vid` closed its end? The library handles a new connection before the
 * end of the old one when both wait, so a frontend that restarts at once would be taken for a
 * second one. Any thread.
 */
bool filter_has_dead_peer(struct filter *f, int vid);

#endif
