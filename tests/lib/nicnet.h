/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_NICNET_H
#define TESTS_LIB_NICNET_H

/*
 * A bridge with a port on a network device and a test port for a guest:
 *
 *   test --- wire0 === nic0 [ port up, bridge, port a ] testport --- test
 *
 * One worker without a thread; nicnet_run makes its rounds.
 */

#include "bridge/bridge.h"
#include "tests/lib/testport.h"
#include "tests/lib/wire.h"
#include "uplink/nic.h"

struct nicnet {
	struct dataplane *dp;
	struct bridge *bridge;
	struct testport *guest;
	struct loop *loop;
	struct nics nics;
	struct nic *nic; /* NULL: not created (yet) */
	int wire;	 /* packet socket on wire0 */
	uint64_t now_ns; /* of the worker: a busy machine does not make it impatient */
};

/* With the wire; `arguments` as for wire_create. The port comes with nicnet_open. */
struct nicnet *nicnet_create(const char *arguments);
void nicnet_destroy(struct nicnet *net);

/* Creates the port and puts it on the bridge; fails the test where that fails. */
void nicnet_open(struct nicnet *net, struct nic_params params);
/* That it cannot be created, with a message that contains `text`. */
void nicnet_refuses(struct nicnet *net, struct nic_params params, const char *text);

/* Rounds until the guest has `n` frames, or half a second has passed. */
void nicnet_run(struct nicnet *net, unsigned n);
/* The next frame of a test's (EtherType 0x88b5) or of IP on the wire, with rounds in between. */
uint32_t nicnet_receive(struct nicnet *net, void *frame, uint32_t size);

#endif
