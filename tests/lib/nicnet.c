/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/nicnet.h"

#include "tests/lib/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

#define PATIENCE_NS 500000000ull
#define ROUND_NS    100

struct nicnet *nicnet_create(const char *arguments)
{
	struct nicnet *net = calloc(1, sizeof(*net));
	struct err e;

	net->now_ns = clock_now_ns();
	wire_create(arguments);
	net->wire = wire_open("wire0");
	net->bridge = testports_create(&net->dp,
				       &(struct bridge_params){.name = "lan", .fdb_entries = 1024},
				       &net->guest, 1);
	net->loop = loop_create();
	if (nics_init(&net->nics, net->dp, net->loop, &e) < 0)
		abort();
	return net;
}

static void close_nic(struct nicnet *net)
{
	if (!net->nic)
		return;
	bridge_del_port(net->bridge, &net->nic->port);
	nic_destroy(net->nic);
	net->nic = NULL;
}

void nicnet_destroy(struct nicnet *net)
{
	close_nic(net);
	nics_fini(&net->nics);
	loop_destroy(net->loop);
	testports_destroy(net->dp, net->bridge, &net->guest, 1);
	close(net->wire);
	wire_destroy();
	free(net);
}

static struct nic_params filled(struct nic_params p)
{
	p.name = "up";
	p.dev = p.dev ? p.dev : WIRE_DEV;
	p.pci = p.pci ? p.pci : "";
	return p;
}

void nicnet_open(struct nicnet *net, struct nic_params params)
{
	struct nic_params p = filled(params);
	struct err e = {""};

	net->nic = nic_create(&net->nics, &p, &e);
	if (!net->nic)
		fail_msg("%s", e.text);
	bridge_add_port(net->bridge, &net->nic->port);
}

void nicnet_refuses(struct nicnet *net, struct nic_params params, const char *text)
{
	struct nic_params p = filled(params);
	struct err e = {""};

	assert_null(nic_create(&net->nics, &p, &e));
	if (!strstr(e.text, text))
		fail_msg("'%s' is not in: %s", text, e.text);
	assert_int_equal(wire_xdp_program(WIRE_DEV), 0);
}

static void poll_once(struct nicnet *net)
{
	worker_poll(net->dp->workers[0], net->now_ns += ROUND_NS);
}

void nicnet_run(struct nicnet *net, unsigned n)
{
	uint64_t end = clock_now_ns() + PATIENCE_NS;

	do
		poll_once(net);
	while (net->guest->n_out < n && clock_now_ns() < end);
	poll_once(net);
}

uint32_t nicnet_receive(struct nicnet *net, void *frame, uint32_t size)
{
	uint64_t end = clock_now_ns() + PATIENCE_NS;
	uint32_t n;

	do {
		poll_once(net);
		n = wire_receive(net->wire, frame, size, 0);
	} while (n == 0 && clock_now_ns() < end);
	return n;
}
