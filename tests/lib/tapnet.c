/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/tapnet.h"

#include <stdlib.h>

#include "tests/lib/test.h"

struct tap_port_params tapnet_params(const char *interface)
{
	return (struct tap_port_params){.name = "host",
					.link = {.name = interface, .netns_fd = -1},
					.csum = true,
					.tso = true,
					.uso = true};
}

struct tap_port *tapnet_port(struct dataplane *dp, const struct tap_port_params *params)
{
	struct err e = {0};
	struct tap_port *tp = tap_port_create(dp, params, &e);

	if (!tp)
		fail_msg("%s", e.text);
	return tp;
}

struct tapnet *tapnet_create(const struct tap_port_params *params)
{
	struct tapnet *net = calloc(1, sizeof(*net));

	net->bridge =
		testports_create(&net->dp, &(struct bridge_params){.name = "lan"}, &net->a, 1);
	net->tap = tapnet_port(net->dp, params);
	bridge_add_port(net->bridge, tap_port_port(net->tap));
	hosttap_open(&net->host, params->link.name);
	return net;
}

void tapnet_destroy(struct tapnet *net)
{
	hosttap_close(&net->host);
	bridge_del_port(net->bridge, tap_port_port(net->tap));
	tap_port_destroy(net->tap);
	testports_destroy(net->dp, net->bridge, &net->a, 1);
	free(net);
}

int tapnet_setup(void **state)
{
	struct tap_port_params params = tapnet_params(TAPNET_INTERFACE);

	*state = tapnet_create(&params);
	return 0;
}

int tapnet_teardown(void **state)
{
	tapnet_destroy(*state);
	return 0;
}

void tapnet_switch(struct tapnet *net)
{
	do
		net->now_ns += 1000;
	while (worker_poll(net->dp->workers[0], net->now_ns) > 0);
}

struct port_stats tapnet_stats(struct tapnet *net)
{
	struct port_stats st;

	port_stats_sum(tap_port_port(net->tap), &st);
	return st;
}
