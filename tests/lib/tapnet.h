/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_TAPNET_H
#define TESTS_LIB_TAPNET_H

/*
 * A tap port on a bridge, with the host's side of the tap and a port of the test's:
 *
 *	packet socket --- tap weft0 --- port host --- bridge --- port a
 *
 * The test is the worker.
 */

#include "tests/lib/hosttap.h"
#include "tests/lib/testport.h"
#include "uplink/tap_port.h"

#define TAPNET_INTERFACE "weft0"

struct tapnet {
	struct dataplane *dp;
	struct bridge *bridge;
	struct tap_port *tap;
	struct testport *a;
	struct hosttap host;
	uint64_t now_ns;
};

/* A port named host, all offloads on. */
struct tap_port_params tapnet_params(const char *interface);
/* As tap_port_create; fails the test when that fails. */
struct tap_port *tapnet_port(struct dataplane *dp, const struct tap_port_params *params);

struct tapnet *tapnet_create(const struct tap_port_params *params);
void tapnet_destroy(struct tapnet *net);

/* For cmocka: `state` gets a net with the interface TAPNET_INTERFACE. */
int tapnet_setup(void **state);
int tapnet_teardown(void **state);

/* Runs the worker until nothing moves. */
void tapnet_switch(struct tapnet *net);

struct port_stats tapnet_stats(struct tapnet *net);

#endif
