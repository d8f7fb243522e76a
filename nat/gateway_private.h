/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_GATEWAY_PRIVATE_H
#define NAT_GATEWAY_PRIVATE_H

/*
 * The inside of a gateway port: gateway.c is the port, gateway_link.c what it says and is told of
 * neighbours, gateway_advert.c that it is a router, gateway_wait.c the packets that wait for a
 * neighbour. Where not said otherwise the tx_lock of its
 * queue is held.
 */

#include <rte_branch_prediction.h>

#include "nat/gateway.h"

#include "common/clock.h"

static inline void gateway_lock(struct gateway *gw)
{
	rte_spinlock_lock(&gw->port.queues[0].tx_lock);
}

static inline void gateway_unlock(struct gateway *gw)
{
	rte_spinlock_unlock(&gw->port.queues[0].tx_lock);
}

/* gateway_link.c */

/* A free place of the ring, NULL when its worker is far behind; and that it is filled. */
struct gateway_frame *gateway_place(struct gateway *gw);
void gateway_publish(struct gateway *gw);
void gateway_say(struct gateway *gw, const uint8_t *frame, unsigned len);
/* Who is `target`? Directly, or everybody with `to` NULL. */
void gateway_ask(struct gateway *gw, const struct router_iface *r, const struct ipaddr *target,
		 const struct mac *to);
/* Tells everybody whose the interface's addresses are. */
void gateway_claim(struct gateway *gw, const struct router_iface *r);
/* A frame from the link. */
void gateway_listen(struct gateway *gw, const struct router_iface *r, const struct slice *s,
		    uint32_t now_s);

/* gateway_advert.c */

/* A host asks for routers. */
void gateway_hear_solicit(struct gateway *gw, const struct router_iface *r,
			  const struct ra_solicit *s, uint32_t now_s);
/* What is due is said. */
void gateway_advert_tick(struct gateway *gw, const struct router_iface *r, uint32_t now_s);

/* gateway_wait.c */

/* A packet that the stage did not send itself: too long for its way out, or to nobody known. */
enum drop_reason gateway_wait(struct gateway *gw, const struct router_iface *r,
			      const struct burst *b, unsigned i, uint32_t now_s);
/* The neighbour is known: what waits for it goes, in its order. */
void gateway_send_waiting(struct gateway *gw, const struct router_iface *r,
			  const struct ipaddr *addr, const struct mac *mac);
/* The neighbour does not answer; and, without the lock, the senders of what waited are told. */
void gateway_fail_waiting(struct gateway *gw, const struct ipaddr *addr);
void gateway_tell_failed(struct gateway *gw, const struct router *router);

#endif
