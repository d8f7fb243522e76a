/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_ANNOUNCE_H
#define VHOST_ANNOUNCE_H

/*
 * A guest that has migrated here and cannot announce itself: its frontend asks us to do it
 * (VHOST_USER_SEND_RARP). The bridges learn where the guest is from a RARP request (RFC 903) that
 * enters the switch by its port as if the guest had sent it, through all stages.
 */

#include "vhost/vhost_port.h"

/*
 * Has the port send a RARP request with this Ethernet address; one at a time, while the last one is
 * on its way a further one is as good as sent. Under vhost.lock.
 */
void announce(struct vhost_port *vp, const uint8_t mac[6]);

/* The announcement as a burst of one frame, and its end; by the worker of pair announce_on. */
unsigned announce_peek(struct vhost_port *vp, struct vhost_pair *pair, struct burst *b);
void announce_release(struct vhost_port *vp, struct vhost_pair *pair);

#endif
