/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/vhostnet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/packet.h"
#include "tests/lib/test.h"

#include "common/clock.h"

const char *net_socket(const struct net *net, int i)
{
	static char path[2][VHOST_PATH_MAX];

	snprintf(path[i], sizeof(path[i]), "%s/%c.sock", net->dir, 'a' + i);
	return path[i];
}

struct vhost_port_params net_params(const struct net *net, int i, enum vhost_mode mode)
{
	return (struct vhost_port_params){.name = i ? "b" : "a",
					  .path = net_socket(net, i),
					  .mode = mode,
					  .owner = "",
					  .group = "",
					  .tso = true,
					  .uso = true,
					  .csum = true,
					  .queues = net->queues,
					  .mtu = net->mtu};
}

void net_add_port(struct net *net, int i, enum vhost_mode mode)
{
	struct vhost_port_params p = net_params(net, i, mode);
	struct err e = {0};

	net->ports[i] = vhost_port_create(net->vhost, &p, &e);
	if (!net->ports[i])
		fail_msg("%s", e.text);
	bridge_add_port(net->bridge, &net->ports[i]->port);
}

void net_del_port(struct net *net, int i)
{
	if (!net->ports[i])
		return;
	bridge_del_port(net->bridge, &net->ports[i]->port);
	vhost_port_destroy(net->ports[i]);
	net->ports[i] = NULL;
}

static int set_up(void **state, unsigned n_workers, bool held)
{
	struct dataplane_params params = {
		.n_workers = n_workers, .idle_ns = 50000, .start_threads = true, .held = held};
	struct bridge_params bridge = {.name = "br", .fdb_entries = 1000, .ageing_s = 300};
	struct net *net = calloc(1, sizeof(*net));
	struct err e;

	snprintf(net->dir, sizeof(net->dir), "/tmp/weft-vhost.XXXXXX");
	assert_non_null(mkdtemp(net->dir));
	net->dp = dataplane_create(&params, &e);
	net->vhost = vhost_create(net->dp);
	net->bridge = bridge_create(net->dp, &bridge, &e);
	*state = net;
	return 0;
}

int net_setup_workers(void **state, unsigned n_workers)
{
	return set_up(state, n_workers, false);
}

int net_setup_held(void **state)
{
	return set_up(state, 1, true);
}

int net_setup(void **state)
{
	return net_setup_workers(state, 1);
}

int net_setup_two_workers(void **state)
{
	return net_setup_workers(state, 2);
}

void net_drop_driver(struct net *net, int i)
{
	if (!net->has_driver[i])
		return;
	driver_disconnect(&net->drivers[i]);
	driver_fini(&net->drivers[i]);
	net->has_driver[i] = false;
}

int net_teardown(void **state)
{
	struct net *net = *state;

	for (int i = 0; i < 2; i++) {
		net_drop_driver(net, i);
		net_del_port(net, i);
	}
	bridge_destroy(net->bridge);
	vhost_destroy(net->vhost);
	dataplane_destroy(net->dp);
	assert_int_equal(rmdir(net->dir), 0);
	free(net);
	return 0;
}

struct driver_options net_driver_options(uint64_t features)
{
	struct driver_options o;

	driver_options_init(&o);
	o.features = features;
	o.tx_slot_bytes = 70000;
	o.rx_buf_bytes = features & DRIVER_F(VIRTIO_NET_F_MRG_RXBUF) ? 2048 : 70000;
	o.ring_size = 128;
	return o;
}

void net_wait_step(struct net *net, int i, enum vhost_step step)
{
	uint64_t deadline = clock_now_ms() + WAIT_MS;
	struct vhost_port_info info;

	for (;;) {
		vhost_tick(net->vhost, clock_now_ms());
		vhost_port_info(net->ports[i], &info);
		if (info.step == step)
			return;
		if (clock_now_ms() > deadline)
			fail_msg("port %d is at step %d, not %d: waits for %s; %s", i, info.step,
				 step, info.waiting_for, info.error);
		usleep(1000);
	}
}

struct driver *net_plug(struct net *net, int i, const struct driver_options *o)
{
	struct driver *d = &net->drivers[i];
	struct err e = {0};

	if (driver_init(d, o, &e) < 0 || driver_connect(d, net_socket(net, i), WAIT_MS, &e) < 0 ||
	    driver_start(d, &e) < 0)
		fail_msg("%s", e.text);
	net->has_driver[i] = true;
	net_wait_step(net, i, VHOST_STEP_UP);
	return d;
}

void net_plug_both(struct net *net, uint64_t features_a, uint64_t features_b)
{
	struct driver_options o[2] = {net_driver_options(features_a),
				      net_driver_options(features_b)};

	for (int i = 0; i < 2; i++) {
		if (!net->ports[i])
			net_add_port(net, i, VHOST_MODE_SERVER);
		net_plug(net, i, &o[i]);
	}
}

void net_unplug_both(struct net *net)
{
	for (int i = 0; i < 2; i++)
		net_drop_driver(net, i);
	for (int i = 0; i < 2; i++)
		net_wait_step(net, i, VHOST_STEP_CONNECT);
}

void net_send(struct driver *d, const struct virtio_net_hdr_mrg_rxbuf *hdr, const void *frame,
	      uint32_t len, const struct driver_shape *shape)
{
	assert_int_equal(driver_tx(d, 0, hdr, frame, len, shape), 0);
	driver_tx_kick(d, 0);
}

uint32_t net_receive(struct driver *d, uint8_t *buf, struct virtio_net_hdr_mrg_rxbuf *hdr,
		     int timeout_ms)
{
	struct driver_frame f;
	uint32_t len;
	int ret = driver_rx_wait(d, 0, &f, timeout_ms);

	if (ret == -ETIMEDOUT)
		return 0;
	assert_int_equal(ret, 1);
	len = driver_frame_copy(&f, buf, FRAME_LEN_MAX);
	if (hdr)
		*hdr = f.hdr;
	driver_rx_release(d, 0, &f);
	return len;
}

void net_assert_delivers(struct net *net, int from, uint32_t len)
{
	struct mac dst = station(from ? 1 : 2), src = station(from ? 2 : 1);
	static uint8_t sent[FRAME_LEN_MAX], got[FRAME_LEN_MAX];

	packet_raw(sent, &dst, &src, len);
	net_send(&net->drivers[from], NULL, sent, len, NULL);
	assert_int_equal(net_receive(&net->drivers[!from], got, NULL, WAIT_MS), len);
	assert_memory_equal(sent, got, len);
}
