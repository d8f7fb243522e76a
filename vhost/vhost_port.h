/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_VHOST_PORT_H
#define VHOST_VHOST_PORT_H

/*
 * The vhost-user port kind: a guest's NIC whose rings weft serves.
 *
 * A port has as many queue pairs as its configuration says; the frontend may use fewer, and the
 * guest turns them on and off one by one. Pair k is queue k of the port: rings 2k, to the guest,
 * and 2k + 1, from it. It works as soon as both of its rings are set up and enabled, whatever the
 * others do.
 *
 * librte_vhost speaks the protocol in its own event thread and calls back; the rings are ours
 * (vhost/virtqueue.h). Two life times meet here. The port lives from create to destroy, by the
 * configuration. Inside it, sessions come and go: a frontend connects, negotiates, hands over
 * memory and rings (attach: the pair is up), takes them back (detach), disconnects. Attach and
 * detach happen in the event thread; workers see them through the queue's state and RCU, and detach
 * returns only when no worker touches the session's memory any more.
 *
 * The library cannot reconnect in less than a second and its reconnect thread cannot be told to;
 * so client ports are registered without it and vhost_tick tries again, every few tens of
 * milliseconds, while the frontend's socket is there.
 */

#include <pthread.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/err.h"
#include "config/config.h"
#include "dataplane/dataplane.h"
#include "vhost/dirty_log.h"
#include "vhost/filter.h"
#include "vhost/guest_memory.h"
#include "vhost/virtqueue.h"

#define VHOST_PATH_MAX 108 /* sockaddr_un */

/* Where the handshake stands: the first of these that has not happened is what the port waits for.
 */
enum vhost_step {
	VHOST_STEP_CONNECT,  /* a frontend connects, or can be connected to */
	VHOST_STEP_FEATURES, /* SET_FEATURES: the guest's driver chose its features */
	VHOST_STEP_MEMORY,   /* SET_MEM_TABLE */
	VHOST_STEP_RINGS,    /* addresses and kick eventfds of both rings of a pair */
	VHOST_STEP_ENABLE,   /* SET_VRING_ENABLE of both */
	VHOST_STEP_UP,
	VHOST_STEP_N
};

/* The rings of a pair as the guest counts them: the receive queue of the guest is 0. */
enum { VHOST_TO_GUEST, VHOST_FROM_GUEST, VHOST_RINGS };

#define VHOST_ANNOUNCE_BYTES 60

/* All vhost-user ports of the process: librte_vhost's callbacks find their port here. */
struct vhost {
	struct dataplane *dp;
	pthread_mutex_t lock; /* guards the list and the control fields of its ports */
	TAILQ_HEAD(, vhost_port) ports;
	struct filter *filter; /* of all connections */
	int event_fd;	       /* readable when a port's state changed: the control thread's cue */
};

/* A queue pair: two rings of the guest's. */
struct vhost_pair {
	/* w: the session (attach), while no worker sees the rings; r: workers */
	struct virtqueue rings[VHOST_RINGS];
	/* w, r: its worker: of frames released since the guest was told */
	uint64_t unnotified_bytes;
	bool announce_peeked; /* w, r: its worker */

	/* under vhost.lock */
	bool ready[VHOST_RINGS]; /* set up and enabled, as vring_state_changed told */
	bool attached;
	bool paused; /* detached for the time of one message */
};

struct vhost_port {
	struct port port; /* first: the data path sees this */

	/* w: the session, while no pair is attached; r: workers */
	struct guest_memory mem;
	struct dirty_log log; /* bitmap NULL: nobody migrates the guest */
	uint64_t features;
	struct offloads takes;

	/*
	 * A frame that the port sends in its guest's name. w: the session, while `announcing` is
	 * false; r: the worker of the pair that has it, which makes it false
	 */
	uint8_t announce[VHOST_ANNOUNCE_BYTES];
	atomic_bool announcing;
	_Atomic uint16_t announce_on; /* the pair; w: the session; r: workers */

	/* control fields, under vhost.lock */
	struct vhost *vhost;
	TAILQ_ENTRY(vhost_port) link;
	char path[VHOST_PATH_MAX];
	enum vhost_mode mode;
	uint64_t offered;
	uid_t uid;
	gid_t gid;
	unsigned socket_mode;
	unsigned mtu_max;	/* largest MTU that a frontend may give its guest */
	bool registered;	/* with librte_vhost */
	bool closing;		/* nothing attaches any more */
	int vid;		/* -1: no frontend */
	unsigned mtu;		/* as the frontend told; 0: it did not */
	unsigned requests_seen; /* bit a request number */
	unsigned was_paused;	/* bit a pair, before the message in hand */
	uint64_t retry_at_ms;
	unsigned sessions; /* frontends that came so far */
	char error[160];   /* why the port cannot work now; "" */

	struct vhost_pair pairs[]; /* port.n_queues of them */
};

struct vhost_port_params {
	const char *name;
	const char *path;
	enum vhost_mode mode;
	const char *owner, *group; /* names or "" */
	unsigned socket_mode;	   /* 0: as created */
	bool tso, uso, csum;
	unsigned queues; /* pairs, up to PORT_QUEUES_MAX; 0: one */
	unsigned mtu;	 /* largest MTU that a frontend may give its guest; 0: any */
};

/* What port/show tells of a port; a snapshot. */
struct vhost_port_info {
	enum vhost_step step;
	char waiting_for[200]; /* "" when up */
	char error[160];
	uint64_t features;
	struct offloads takes;
	unsigned sessions;
	unsigned mtu; /* of the guest, as its frontend told; 0: it did not */
	unsigned n_pairs;
	struct vhost_pair_info {
		bool up;
		int worker; /* -1: none */
		uint64_t rx_packets, rx_bytes;
	} pairs[PORT_QUEUES_MAX];
	/* Of pairs that are up; ring 2k and 2k + 1 are pair k's. */
	struct vhost_ring_info {
		uint16_t size, posted;
		uint64_t interrupts;
		const char *fault; /* NULL or what the guest did */
		bool packed, in_order, event_idx, indirect, mergeable;
	} rings[VHOST_RINGS * PORT_QUEUES_MAX];
	bool attached; /* one of the pairs, or more */
};

/* The vhost-user port that `p` is part of. */
static inline struct vhost_port *vhost_port_of(struct port *p)
{
	return container_of(p, struct vhost_port, port);
}

/* NULL and errno when there are no descriptors left. Destroy takes NULL; no ports are left then. */
struct vhost *vhost_create(struct dataplane *dp);
void vhost_destroy(struct vhost *vh);

/*
 * Creates a port and makes it reachable: server ports listen from now on, client ports begin to
 * try. Returns NULL with the reason in `e`: the path is in use, not permitted, or too long, the
 * owner is unknown. Control thread, as all below.
 */
struct vhost_port *vhost_port_create(struct vhost *vh, const struct vhost_port_params *params,
				     struct err *e);
/* Gives a listening port's socket another owner, group and mode, while it works. */
int vhost_port_set_owner(struct vhost_port *vp, const struct vhost_port_params *params,
			 struct err *e);
/* Disconnects the frontend, unlinks our own socket and frees the port. Accepts NULL. */
void vhost_port_destroy(struct vhost_port *vp);

/*
 * Connects client ports that have no frontend. Returns in how many ms it wants to be called again,
 * or -1 when only an event can bring work.
 */
int vhost_tick(struct vhost *vh, uint64_t now_ms);

/* No frontend is connected whose rings are not there yet. */
bool vhost_is_settled(struct vhost *vh);

void vhost_port_info(struct vhost_port *vp, struct vhost_port_info *info);

#endif
