/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_PAIR_H
#define VHOST_PAIR_H

/*
 * A port's queue pairs and their rings: taken from the library and given back. A pair is attached
 * (workers use its rings), paused (its rings are with the library for the time of a message, and
 * frames for it wait), or neither. Siblings of vhost_port only; all under vhost.lock, in the
 * library's event thread or the control thread.
 */

#include "vhost/vhost_port.h"

/* Is any pair of the port attached? */
bool pairs_attached(const struct vhost_port *vp);

/* Attaches pair `k` if both of its rings are ready and usable; vp->error says why not. */
void pair_attach(struct vhost_port *vp, unsigned k);

/* For the time of a message: workers have let go of the rings on return. */
void pair_pause(struct vhost_port *vp, unsigned k);
void pairs_pause(struct vhost_port *vp);

/* After it no worker holds anything of the pair, and frames for it are dropped. */
void pair_detach(struct vhost_port *vp, unsigned k);
/* All of them; their rings have to become ready anew. */
void pairs_detach(struct vhost_port *vp);

#endif
