/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_VHOST_SOCKET_H
#define VHOST_VHOST_SOCKET_H

/* A port's socket: registration with librte_vhost, ownership, and our own way of reconnecting. */

#include "vhost/vhost_port.h"

/*
 * Listens on the port's path with the configured owner and mode. A socket that nobody listens on
 * any more is replaced; one that is in use, or anything else of that name, is an error.
 */
int vhost_socket_listen(struct vhost_port *vp, struct err *e);

/* Tries once to connect to the frontend's socket. Returns 0 or -errno; the reason stays in `error`.
 */
int vhost_socket_connect(struct vhost_port *vp);

/* Gives the listening socket to the port's owner and sets its mode. */
int vhost_socket_set_owner(struct vhost_port *vp, struct err *e);

/* Ends the session and the registration. */
void vhost_socket_close(struct vhost_port *vp);

#endif
