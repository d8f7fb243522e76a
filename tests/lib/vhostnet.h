/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_VHOSTNET_H
#define TESTS_LIB_VHOSTNET_H

/*
 * Real vhost-user sessions: librte_vhost and our rings on one side, frontends with our own
 * virtio-net driver on the other, in one process.
 *
 *	driver 0 --- a.sock ---+
 *	                       +--- bridge (worker threads)
 *	driver 1 --- b.sock ---+
 *
 * What fails in here fails the test.
 */

#include "bridge/bridge.h"
#include "perf/gen/driver.h"
#include "vhost/vhost_port.h"

#define WAIT_MS	    3000
#define ALL_OFFLOAD (DRIVER_FEATURES_BASIC | DRIVER_FEATURES_TSO)
#define INDIRECT    DRIVER_F(VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT_IDX   DRIVER_F(VIRTIO_RING_F_EVENT_IDX)

struct net {
	char dir[64];
	struct dataplane *dp;
	struct vhost *vhost;
	struct bridge *bridge;
	unsigned queues; /* of ports that are added; 0: 1 */
	unsigned mtu;	 /* of ports that are added; 0: any */
	struct vhost_port *ports[2];
	struct driver drivers[2];
	bool has_driver[2];
};

/* Fixtures of cmocka; teardown takes everything down. */
int net_setup_workers(void **state, unsigned n_workers);
int net_setup(void **state);
int net_setup_two_workers(void **state);
int net_setup_held(void **state); /* the worker waits for dataplane_release */
int net_teardown(void **state);

/* Port 0 or 1: its socket, its parameters, its life. */
const char *net_socket(const struct net *net, int i);
struct vhost_port_params net_params(const struct net *net, int i, enum vhost_mode mode);
void net_add_port(struct net *net, int i, enum vhost_mode mode);
void net_del_port(struct net *net, int i);
/* Waits until the port's handshake stands there. */
void net_wait_step(struct net *net, int i, enum vhost_step step);

struct driver_options net_driver_options(uint64_t features);
/* A guest connects to the port; its rings run on return. */
struct driver *net_plug(struct net *net, int i, const struct driver_options *o);
/* Two server ports with a guest on each, by their features. */
void net_plug_both(struct net *net, uint64_t features_a, uint64_t features_b);
/* The guests die; their ports are free for the next ones on return. */
void net_unplug_both(struct net *net);
void net_drop_driver(struct net *net, int i);

/* On queue pair 0. */
void net_send(struct driver *d, const struct virtio_net_hdr_mrg_rxbuf *hdr, const void *frame,
	      uint32_t len, const struct driver_shape *shape);
/* Receives one frame into `buf`; returns its length, or 0 when none comes in time. */
uint32_t net_receive(struct driver *d, uint8_t *buf, struct virtio_net_hdr_mrg_rxbuf *hdr,
		     int timeout_ms);
/* Station 1 is guest 0, station 2 is guest 1. */
void net_assert_delivers(struct net *net, int from, uint32_t len);

#endif
