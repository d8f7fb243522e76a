/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/attacknet.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/packet.h"

#include "common/clock.h"

#define WAIT_MS 3000

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "attacknet: %s failed\n", what);
	abort();
}

const char *attacknet_path(const struct attacknet *net, int port)
{
	static _Thread_local char path[VHOST_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%c.sock", net->dir, 'a' + port);
	return path;
}

static void add_port(struct attacknet *net, int i)
{
	const char name[] = {(char)('a' + i), '\0'};
	struct vhost_port_params p = {.name = name,
				      .path = attacknet_path(net, i),
				      .mode = VHOST_MODE_SERVER,
				      .owner = "",
				      .group = "",
				      .tso = true,
				      .csum = true};
	struct err e = {0};

	net->ports[i] = vhost_port_create(net->vhost, &p, &e);
	need(net->ports[i], e.text);
	bridge_add_port(net->bridge, &net->ports[i]->port);
}

struct attacknet *attacknet_create(bool bystanders)
{
	struct dataplane_params params = {.n_workers = 1, .idle_ns = 50000, .start_threads = true};
	struct bridge_params bridge = {.name = "br", .fdb_entries = 1000, .ageing_s = 300};
	struct attacknet *net = calloc(1, sizeof(*net));
	struct err e;

	snprintf(net->dir, sizeof(net->dir), "/tmp/weft-vhost.XXXXXX");
	need(mkdtemp(net->dir), "mkdtemp");
	net->dp = dataplane_create(&params, &e);
	net->vhost = vhost_create(net->dp);
	net->bridge = bridge_create(net->dp, &bridge, &e);
	for (int i = 0; i < ATTACKNET_PORTS; i++)
		add_port(net, i);
	for (int i = ATTACKNET_B; bystanders && i < ATTACKNET_PORTS; i++)
		attacknet_plug(net, i, DRIVER_FEATURES_BASIC, 1);
	return net;
}

void attacknet_destroy(struct attacknet *net)
{
	for (int i = 0; i < ATTACKNET_PORTS; i++) {
		attacknet_unplug(net, i);
		bridge_del_port(net->bridge, &net->ports[i]->port);
		vhost_port_destroy(net->ports[i]);
	}
	bridge_destroy(net->bridge);
	vhost_destroy(net->vhost);
	dataplane_destroy(net->dp);
	need(rmdir(net->dir) == 0, "rmdir");
	free(net);
}

struct driver *attacknet_plug(struct attacknet *net, int port, uint64_t features,
			      unsigned n_regions)
{
	struct driver *d = &net->guests[port];
	struct driver_options o;
	struct err e = {0};

	driver_options_init(&o);
	o.features = features;
	o.n_regions = n_regions;
	o.tx_slot_bytes = 4096;
	need(driver_init(d, &o, &e) == 0 &&
		     driver_connect(d, attacknet_path(net, port), WAIT_MS, &e) == 0 &&
		     driver_start(d, &e) == 0,
	     e.text);
	net->has_guest[port] = true;
	need(attacknet_wait_step(net, port, VHOST_STEP_UP), "handshake");
	return d;
}

void attacknet_unplug(struct attacknet *net, int port)
{
	if (!net->has_guest[port])
		return;
	driver_disconnect(&net->guests[port]);
	driver_fini(&net->guests[port]);
	net->has_guest[port] = false;
	need(attacknet_wait_step(net, port, VHOST_STEP_CONNECT), "end of the session");
}

bool attacknet_wait_step(struct attacknet *net, int port, enum vhost_step step)
{
	uint64_t deadline = clock_now_ms() + WAIT_MS;
	struct vhost_port_info info;

	for (;;) {
		vhost_port_info(net->ports[port], &info);
		if (info.step == step)
			return true;
		if (clock_now_ms() > deadline)
			return false;
		usleep(200);
	}
}

bool attacknet_wait_error(struct attacknet *net, int port, const char *text)
{
	uint64_t deadline = clock_now_ms() + WAIT_MS;
	struct vhost_port_info info;

	for (;;) {
		vhost_port_info(net->ports[port], &info);
		if (strstr(info.error, text))
			return true;
		if (clock_now_ms() > deadline)
			break;
		usleep(200);
	}
	fprintf(stderr, "port/show says '%s' instead of '%s'\n", info.error, text);
	return false;
}

bool attacknet_delivers(struct attacknet *net, int from, int to, uint32_t len)
{
	struct mac dst = station((uint8_t)(to + 1)), src = station((uint8_t)(from + 1));
	uint8_t sent[4096], got[4096];
	struct driver *d = &net->guests[to];
	struct driver_frame f;

	packet_raw(sent, &dst, &src, len);
	if (driver_tx(&net->guests[from], 0, NULL, sent, len, NULL) < 0)
		return false;
	driver_tx_kick(&net->guests[from], 0);
	/* What others flooded may come first. */
	while (driver_rx_wait(d, 0, &f, WAIT_MS) == 1) {
		bool same = f.len == len && driver_frame_copy(&f, got, sizeof(got)) == len &&
			    memcmp(sent, got, len) == 0;

		driver_rx_release(d, 0, &f);
		if (same)
			return true;
	}
	return false;
}

unsigned attacknet_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

bool attacknet_wait_fds(unsigned before)
{
	uint64_t deadline = clock_now_ms() + WAIT_MS;
	unsigned now;

	while ((now = attacknet_open_fds()) > before && clock_now_ms() < deadline)
		usleep(1000);
	if (now > before)
		fprintf(stderr, "%u descriptors are open, %u were before\n", now, before);
	return now <= before;
}

long attacknet_rss_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	need(f && fscanf(f, "%*d %ld", &pages) == 1, "statm");
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}
