/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_TESTPORT_H
#define TESTS_LIB_TESTPORT_H

/*
 * A port that a test feeds and reads: frames put into it are what the switch receives, and what
 * the switch sends is collected as whole frames, after software GSO and checksum completion.
 */

#include "bridge/bridge.h"
#include "dataplane/dataplane.h"

#define TESTPORT_FRAMES 128

struct testframe {
	uint8_t bytes[FRAME_LEN_MAX];
	uint32_t len;
	struct vnet vnet;
};

struct testport {
	struct port port;
	struct offloads takes;
	unsigned room;			       /* frames it takes before it is full */
	struct testframe *in[TESTPORT_FRAMES]; /* waiting for the switch */
	unsigned n_in, n_peeked;
	struct testframe *out[TESTPORT_FRAMES]; /* collected */
	unsigned n_out;
};

/* Creates a port that is up, with room for everything and all offloads. Destroy retires it. */
struct testport *testport_create(struct dataplane *dp, const char *name);
void testport_destroy(struct dataplane *dp, struct testport *t);

/* Queues a frame for the switch; returns it for changes to its bytes or offload fields. */
struct testframe *testport_put(struct testport *t, const void *bytes, uint32_t len);

/* Forgets what was collected. */
void testport_clear(struct testport *t);

/*
 * A data plane whose one worker has no thread, a bridge, and `n` ports on it, up to 26, named a, b,
 * c and so on. Destroy takes all of it down.
 */
struct bridge *testports_create(struct dataplane **dp, const struct bridge_params *params,
				struct testport **ports, unsigned n);
void testports_destroy(struct dataplane *dp, struct bridge *bridge, struct testport **ports,
		       unsigned n);

#endif
