/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_VHOST_PORT_H
#define VHOST_VHOST_PORT_H

/*
 * The vhost-user port kind: a guest's NIC whose rings weft serves.
 *
 * librte_vhost speaks the protocol in its own event thread and calls back; the rings are ours
 * (vhost/virtqueue.h). Two life times meet here. The port lives from create to destroy, by the
 * configuration. Inside it, sessions come and go: a frontend connects, negotiates, hands over
 * memory and rings (attach: the port is up), takes them back (detach), disconnects. Attach and
 * detach happen in the event thread; workers see them through port.up and RCU, and detach returns
 * only when no worker touches the session's memory any more.
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
	VHOST_STEP_RINGS,    /* addresses and kick eventfds of both rings */
	VHOST_STEP_ENABLE,   /* SET_VRING_ENABLE, or DRIVER_OK in the status */
	VHOST_STEP_UP,
	VHOST_STEP_N
};

/* Ring numbers as the guest counts them: the receive queue of the guest is 0. */
enum { VHOST_TO_GUEST, VHOST_FROM_GUEST, VHOST_RINGS };

/* All vhost-user ports of the process: librte_vhost's callbacks find their port here. */
struct vhost {
	struct dataplane *dp;
	pthread_mutex_t lock; /* guards the list and the control fields of its ports */
	TAILQ_HEAD(, vhost_port) ports;
	struct filter *filter; /* of all connections */
	int event_fd;	       /* readable when a port's state changed: the control thread's cue */
};

struct vhost_port {
	struct port port; /* first: the data path sees this */

	/* w: the session (attach), while no worker sees the rings; r: workers */
	struct virtqueue rings[VHOST_RINGS];
	struct guest_memory mem;
	uint64_t features;
	struct offloads takes;
	uint64_t unnotified_bytes; /* w, r: the port's worker: of frames released since the guest
				      was told */

	/* control fields, under vhost.lock */
	struct vhost *vhost;
	TAILQ_ENTRY(vhost_port) link;
	char path[VHOST_PATH_MAX];
	enum vhost_mode mode;
	uint64_t offered;
	uid_t uid;
	gid_t gid;
	unsigned socket_mode;
	bool registered;	 /* with librte_vhost */
	bool running;		 /* between new_device and destroy_device */
	bool ready[VHOST_RINGS]; /* as vring_state_changed told */
	bool attached;
	int vid; /* -1: no frontend */
	int kick_fds[VHOST_RINGS];
	unsigned requests_seen; /* bit a request number */
	uint64_t retry_at_ms;
	unsigned sessions; /* frontends that came so far */
	char error[160];   /* why the port cannot work now; "" */
};

struct vhost_port_params {
	const char *name;
	const char *path;
	enum vhost_mode mode;
	const char *owner, *group; /* names or "" */
	unsigned socket_mode;	   /* 0: as created */
	bool tso, csum;
};

/* What port/show tells of a port; a snapshot. */
struct vhost_port_info {
	enum vhost_step step;
	char waiting_for[200]; /* "" when up */
	char error[160];
	uint64_t features;
	struct offloads takes;
	unsigned sessions;
	struct {
		uint16_t size, posted;
		uint64_t interrupts;
		const char *fault; /* NULL or what the guest did */
		bool event_idx, indirect, mergeable;
	} rings[VHOST_RINGS];
	bool attached;
};

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

void vhost_port_info(struct vhost_port *vp, struct vhost_port_info *info);

#endif
