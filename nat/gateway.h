/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_GATEWAY_H
#define NAT_GATEWAY_H

/*
 * The gateway port: what an interface of the router says and is told on its link.
 *
 * Frames for it come as to any port, by its `tx`: ARP and neighbour discovery, which it answers and
 * learns from, router solicitations, which it answers where it is a router for IPv6, and packets
 * that the router's stage could not send because it does not know where their next hop is. Of those
 * up to GATEWAY_WAITING wait here as copies, each up to GATEWAY_FRAME_MAX bytes,
 * GATEWAY_WAITING_EACH for one neighbour, the oldest first, while the neighbour is asked for; an
 * ICMP error about each goes to its sender when the neighbour does not answer. Everything else that
 * is flooded to it ends here.
 *
 * What it says lies in a ring of copies and is received from it by a worker as from any port. The
 * tx_lock of its queue guards the neighbours, what waits, and the filling of the ring; the worker
 * that polls it empties the ring without a lock.
 */

#include "nat/neigh.h"
#include "nat/ra.h"
#include "nat/router.h"

#define GATEWAY_FRAME_MAX    2032u
#define GATEWAY_RING	     256u
#define GATEWAY_WAITING	     64u
#define GATEWAY_WAITING_EACH 4u

struct gateway_frame {
	uint32_t len;
	uint8_t bytes[GATEWAY_FRAME_MAX];
};

struct gateway_waiting {
	bool used, failed;
	bool kept; /* `head` is how it arrived */
	struct ipaddr next;
	uint64_t order;
	uint16_t from; /* number of the interface it came from */
	uint8_t head[FRAME_HEAD_MAX];
	struct gateway_frame frame;
};

/* w: whoever holds the tx_lock; r: anyone */
struct gateway_counters {
	uint64_t arp_in, nd_in, answers, asked;
	uint64_t waited, sent_on, failed; /* packets for neighbours that were not known */
	uint64_t conflicts;		  /* somebody else has an address of ours */
	uint64_t lost;			  /* nobody emptied the ring */
};

/* What a worker counts for the interface, and the ICMP errors that it may still send. */
struct gateway_local {
	struct router_counters counters;
	uint64_t icmp_at_ns;
	uint32_t icmp_credit;
} __attribute__((aligned(64)));

struct gateway {
	struct port port;		    /* first */
	struct router_iface *_Atomic iface; /* w: control; r: workers, rcu */
	struct neigh_table *neighs;
	int wake_fd;
	atomic_bool armed; /* its worker sleeps. w: workers */
	struct gateway_counters counters;
	uint32_t announced_s;		 /* w: holder of the tx_lock */
	uint32_t advertise_s;		 /* when the next advertisement is due; 0: not known yet */
	uint32_t advertised_s;		 /* when the last one went to all */
	unsigned advertise_soon;	 /* advertisements that follow each other quickly */
	struct gateway_waiting *waiting; /* GATEWAY_WAITING */
	uint64_t waiting_order;
	uint8_t *scratch; /* FRAME_LEN_MAX; w, r: holder of the tx_lock */
	unsigned n_waiting;

	struct gateway_local local[WORKERS_MAX]; /* w: that worker; r: anyone */

	struct gateway_frame *ring;			    /* GATEWAY_RING */
	_Atomic uint32_t head __attribute__((aligned(64))); /* w: holder of the tx_lock */
	_Atomic uint32_t tail __attribute__((aligned(64))); /* w: its worker */
};

/* Creates the port, reachable but down. NULL with the reason in `e`. Destroy retires it. */
struct gateway *gateway_create(struct dataplane *dp, const char *name, struct err *e);
void gateway_destroy(struct dataplane *dp, struct gateway *gw);

/* The neighbour is who the configuration says. Control thread. */
int gateway_set_static(struct gateway *gw, const struct ipaddr *addr, const struct mac *mac);
void gateway_clear_statics(struct gateway *gw);
/* Sessions ask for their way again. Control thread. */
void gateway_renew(struct gateway *gw);
/* Tells the link whose the interface's addresses are (RFC 5227, RFC 4861 7.2.6). Control thread. */
void gateway_announce(struct gateway *gw);
/* Tells all that the interface is their IPv6 router, or is none any more. Control thread. */
void gateway_advertise(struct gateway *gw);
/*
 * The interface will go: tells all that it is no router any more, if it is one (RFC 4861, 6.2.5).
 * Returns whether it did; gateway_has_spoken when that and all before it left the port. Control
 * thread.
 */
bool gateway_advertise_end(struct gateway *gw);
static inline bool gateway_has_spoken(const struct gateway *gw)
{
	return atomic_load(&gw->tail) == atomic_load(&gw->head);
}
/* What it tells them: RFC 4861, 6.2.3. False: nothing; it is no router for the bridge. */
bool gateway_advert(const struct router_iface *r, struct ra_advert *a);
/* Once a second. Control thread. */
void gateway_tick(struct gateway *gw, uint64_t now_ns);

/* Copies the neighbours out, as neigh_visit. Control thread. */
void gateway_visit_neighs(struct gateway *gw, uint64_t now_ns,
			  void (*visit)(const struct neigh_info *, void *), void *arg);

static inline struct gateway *gateway_of(struct port *p)
{
	return container_of(p, struct gateway, port);
}

#endif
