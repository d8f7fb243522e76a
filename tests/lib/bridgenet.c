/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/bridgenet.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

int bridgenet_setup(void **state)
{
	struct bridgenet *net = calloc(1, sizeof(*net));

	net->params = (struct bridge_params){.name = "br", .fdb_entries = 1000, .ageing_s = 300};
	net->bridge = testports_create(&net->dp, &net->params, net->ports, PORTS);
	net->now_ns = 1000 * SECOND;
	*state = net;
	return 0;
}

int bridgenet_teardown(void **state)
{
	struct bridgenet *net = *state;
	struct port_stats s = bridgenet_total(net);

	assert_int_equal(s.rx_packets, s.tx_packets + s.punted + port_stats_dropped(&s) - s.copies);
	testports_destroy(net->dp, net->bridge, net->ports, PORTS);
	free(net);
	return 0;
}

void bridgenet_filter_vlans(struct bridgenet *net)
{
	net->params.vlan_filtering = true;
	assert_int_equal(bridge_update(net->bridge, &net->params), 0);
}

void bridgenet_set(struct bridgenet *net, int port, const struct bridge_port_params *params)
{
	assert_int_equal(bridge_update_port(net->bridge, &net->ports[port]->port, params), 0);
}

void bridgenet_access(struct bridgenet *net, int port, uint16_t vid)
{
	struct bridge_port_params params = {.pvid = vid};

	vlan_set_add(&params.vlans, vid);
	bridgenet_set(net, port, &params);
}

void bridgenet_trunk(struct bridgenet *net, int port, const char *vlans, uint16_t native,
		     bool native_tagged)
{
	struct bridge_port_params params = {
		.trunk = true, .pvid = native, .native_tagged = native_tagged};

	assert_int_equal(vlan_set_parse(vlans, &params.vlans), 0);
	if (native)
		vlan_set_add(&params.vlans, native);
	bridgenet_set(net, port, &params);
}

struct testframe *bridgenet_put_to(struct bridgenet *net, int port, struct mac dst, uint8_t src,
				   int tci)
{
	struct mac s = station(src);
	uint8_t buf[256];
	uint32_t len = packet_raw(buf, &dst, &s, 100);

	if (tci >= 0) {
		const uint8_t tag[] = {0x81, 0, (uint8_t)(tci >> 8), (uint8_t)tci};

		memmove(buf + 16, buf + 12, len - 12);
		memcpy(buf + 12, tag, sizeof(tag));
		len += 4;
	}
	return testport_put(net->ports[port], buf, len);
}

struct testframe *bridgenet_put(struct bridgenet *net, int port, uint8_t dst, uint8_t src, int tci)
{
	return bridgenet_put_to(net, port, station(dst), src, tci);
}

void bridgenet_run(struct bridgenet *net)
{
	/* A port that floods leaves rounds to the others. */
	do {
		worker_poll(net->dp->workers[0], net->now_ns);
	} while (net->dp->workers[0]->sat_out);
}

void bridgenet_clear(struct bridgenet *net)
{
	for (int i = 0; i < PORTS; i++)
		testport_clear(net->ports[i]);
}

unsigned bridgenet_got(const struct bridgenet *net, int port)
{
	return net->ports[port]->n_out;
}

int bridgenet_tci(const struct bridgenet *net, int port)
{
	const uint8_t *p = net->ports[port]->out[0]->bytes;

	if (p[12] != 0x81 || p[13] != 0)
		return -1;
	return p[14] << 8 | p[15];
}

struct port_stats bridgenet_total(const struct bridgenet *net)
{
	struct port_stats sum = {0}, one;

	for (int i = 0; i < PORTS; i++) {
		port_stats_sum(&net->ports[i]->port, &one);
		port_stats_add(&sum, &one);
	}
	return sum;
}

uint64_t bridgenet_drops(const struct bridgenet *net, enum drop_reason reason)
{
	return bridgenet_total(net).drops[reason];
}
