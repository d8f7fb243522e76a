/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_BRIDGENET_H
#define TESTS_LIB_BRIDGENET_H

/*
 * Four collecting ports on one bridge, a worker without a thread, and time that the test makes.
 * Station n+1 lives behind port n.
 */

#include "bridge/bridge.h"
#include "tests/lib/packet.h"
#include "tests/lib/test.h"
#include "tests/lib/testport.h"

#define SECOND 1000000000ull
#define MS     1000000ull

enum { A, B, C, D, PORTS };

struct bridgenet {
	struct dataplane *dp;
	struct bridge *bridge;
	struct bridge_params params;
	struct testport *ports[PORTS];
	uint64_t now_ns;
};

/* Teardown asserts that every frame was sent or dropped for a reason. */
int bridgenet_setup(void **state);
int bridgenet_teardown(void **state);

/* Turns VLAN filtering on. */
void bridgenet_filter_vlans(struct bridgenet *net);
/* Makes `port` an access port of `vid`, or a trunk of the VLANs in `vlans` ("10, 20-30"). */
void bridgenet_access(struct bridgenet *net, int port, uint16_t vid);
void bridgenet_trunk(struct bridgenet *net, int port, const char *vlans, uint16_t native,
		     bool native_tagged);
/* Changes the parameters of a port. */
void bridgenet_set(struct bridgenet *net, int port, const struct bridge_port_params *params);

/* Queues a frame of 100 bytes between stations, with tag `tci` behind type 0x8100 unless negative.
 */
struct testframe *bridgenet_put(struct bridgenet *net, int port, uint8_t dst, uint8_t src, int tci);
/* The same to any address. */
struct testframe *bridgenet_put_to(struct bridgenet *net, int port, struct mac dst, uint8_t src,
				   int tci);
/* One round of the worker. */
void bridgenet_run(struct bridgenet *net);
/* Forgets what the ports collected. */
void bridgenet_clear(struct bridgenet *net);

/* Frames that the port collected, as a number; the TCI of the first, -1: untagged. */
unsigned bridgenet_got(const struct bridgenet *net, int port);
int bridgenet_tci(const struct bridgenet *net, int port);

struct port_stats bridgenet_total(const struct bridgenet *net);
uint64_t bridgenet_drops(const struct bridgenet *net, enum drop_reason reason);

#endif
