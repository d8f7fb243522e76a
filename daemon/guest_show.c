/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/guest_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/ip.h"
#include "common/mac.h"
#include "daemon/qemu.h"

#define BALLOON_MIN (16ull << 20) /* with less no kernel goes on */

static const char *const state_names[] = {"stopped",  "starting", "running",
					  "stopping", "failed",	  "backoff"};
static_assert(ARRAY_SIZE(state_names) == GUEST_STATE_N, "a name for each state");

static const char *const kind_names[] = {"bridge", "tap", "vhost-user"};
static_assert(ARRAY_SIZE(kind_names) == NIC_KIND_N, "a name for each kind");

const char *guest_name(const struct guest *g)
{
	return g->config->name;
}

const char *guest_state_name(enum guest_state s)
{
	return NAME_OF(state_names, s);
}

enum guest_state guest_state(const struct guest *g)
{
	return g->state;
}

bool guest_agent_ready(const struct guest *g)
{
	return g->agent && agent_client_ready(g->agent);
}

const struct config_guest *guest_config(const struct guest *g)
{
	return g->config;
}

static json_t *nic_json(const struct guest *g, unsigned n)
{
	const struct config_nic *nic = &g->config->nics[n];
	char port[CONFIG_NAME_MAX + 12], mac[MAC_TEXT_MAX], address[IP4_PREFIX_TEXT] = "";

	snprintf(port, sizeof(port), "%s.%u", g->config->name, n);
	if (nic->has_address)
		ip4_prefix_format(&nic->address, address);
	return json_pack("{s:s, s:s, s:s, s:s}", "port", port, "mac", mac_format(&nic->mac, mac),
			 "address", address, "kind", NAME_OF(kind_names, nic->kind));
}

static json_t *nics_json(const struct guest *g)
{
	json_t *list = json_array();

	for (unsigned n = 0; list && n < g->config->n_nics; n++) {
		if (json_array_append_new(list, nic_json(g, n)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static const char *agent_word(const struct guest *g)
{
	if (!g->agent)
		return "none";
	return agent_client_ready(g->agent) ? "ready" : "waiting";
}

static json_t *known(uint64_t bytes)
{
	return bytes ? json_integer((json_int_t)bytes) : json_null();
}

static json_t *balloon_json(const struct guest *g)
{
	if (!g->config->balloon || !g->process.pid)
		return json_null();
	return json_pack("{s:o, s:o}", "target", known(g->balloon_target), "actual",
			 known(g->balloon_actual));
}

json_t *guest_json(const struct guest *g)
{
	bool runs = g->process.pid != 0;
	bool kvm = runs ? g->kvm : guests_kvm(g->set)->usable;
	uint64_t resident = runs ? process_resident(&g->process) : 0;
	uint64_t uptime_s = runs ? process_age_ms(&g->process) / 1000 : 0;

	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:i, s:s, s:i, s:I, s:I, s:o, s:o, s:s}",
		"name", g->config->name, "state", guest_state_name(g->state), "engine",
		g->weft ? "weft" : "qemu", "engine_reason", g->engine_reason, "accel",
		kvm ? "kvm" : "tcg", "accel_reason", g->set->kvm.reason, "pid", (int)g->process.pid,
		"uptime_s", (json_int_t)uptime_s, "restarts", (int)g->restarts, "exit_reason",
		g->exit_reason, "vcpus", (int)g->config->vcpus, "memory",
		(json_int_t)g->config->memory_bytes, "resident", (json_int_t)resident, "balloon",
		balloon_json(g), "nics", nics_json(g), "agent", agent_word(g));
}

static int not_running(const struct guest *g, struct err *e)
{
	return err_set(e, ENOTCONN, "guest %s is %s; start it with weft guest/start %s",
		       g->config->name, guest_state_name(g->state), g->config->name);
}

int guest_balloon(struct guest *g, uint64_t bytes, struct err *e)
{
	const struct config_guest *c = g->config;

	if (!c->balloon)
		return err_set(e, ENODEV,
			       "guest %s has no balloon; weft set guest %s balloon=on, which "
			       "restarts it",
			       c->name, c->name);
	if (bytes < BALLOON_MIN || bytes > c->memory_bytes)
		return err_set(e, ERANGE,
			       "guest %s: %llu MiB is not what it can go on with; ask for 16M to "
			       "%lluM",
			       c->name, (unsigned long long)bytes >> 20,
			       (unsigned long long)c->memory_bytes >> 20);
	if (!g->qmp || qmp_balloon(g->qmp, bytes) < 0)
		return not_running(g, e);
	g->balloon_target = bytes;
	return 0;
}

struct agent_exec *guest_exec(struct guest *g, const char *const *argv, unsigned n, unsigned flags,
			      const struct agent_exec_ops *ops, void *arg, struct err *e)
{
	struct agent_exec *x;
	int error;

	if (!g->agent) {
		not_running(g, e);
		errno = ENOTCONN;
		return NULL;
	}
	x = agent_exec(g->agent, argv, n, flags, ops, arg, e);
	error = errno;
	if (!x)
		err_prefix(e, 0, "guest %s", g->config->name);
	errno = error;
	return x;
}

int guest_console_open(struct guest *g, struct err *e)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, ret;

	if (!g->process.pid)
		return not_running(g, e);
	if (!qemu_file(g->set->run_dir, g->config->name, "console.sock", addr.sun_path,
		       sizeof(addr.sun_path)))
		return err_set(e, ENAMETOOLONG, "run-dir is too long; choose a shorter one");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(e, errno, "cannot open a socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		ret = err_set(e, errno, "guest %s: cannot reach its console: %s; try again",
			      g->config->name, strerror(errno));
		close(fd);
		return ret;
	}
	return fd;
}
