/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_SESSION_H
#define VHOST_SESSION_H

/*
 * A frontend's session with a port, as librte_vhost's callbacks tell it: connection, handshake,
 * attachment of the rings. Siblings of vhost_port only.
 *
 * The callbacks carry no context of ours, so the one set of ports of the process is known here.
 */

#include <rte_vhost.h>

#include "vhost/vhost_port.h"

/* Names the set that callbacks search; NULL forgets it. */
void session_registry_set(struct vhost *vh);

extern const struct rte_vhost_device_ops session_callbacks;

/* Where the handshake stands. Under vhost.lock. */
enum vhost_step session_step(const struct vhost_port *vp);

/* The frontend at `path` broke a rule, as `why` says: for port/show. The filter's thread. */
void session_refused(const char *path, const char *why);

/*
 * A port's socket is being closed by us. session_close takes the rings from the workers, and
 * nothing attaches after it; the library ends the device; session_forget forgets the session.
 * Control thread.
 */
void session_close(struct vhost_port *vp);
void session_forget(struct vhost_port *vp);

#endif
