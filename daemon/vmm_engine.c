/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/vmm_engine.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/agent_proto.h"
#include "daemon/channel.h"
#include "daemon/guest.h"
#include "daemon/guest_cmdline.h"

#define PROGRAM	    "weft-vmm"
#define CPUS_MAX    64
#define NICS_MAX    16
#define DISKS_MAX   8
#define MEMORY_STEP (2u << 20) /* it takes even MiB */

struct builder {
	struct qemu_args *args;
	const struct config_guest *g;
	const struct qemu_env *env;
	struct err *e;
	int error; /* the first one */
};

static void fail(struct builder *b, int ret)
{
	if (!b->error)
		b->error = ret;
}

static void add(struct builder *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(struct builder *b, const char *fmt, ...)
{
	char **grown = reallocarray(b->args->v, b->args->n + 2, sizeof(*grown)), *word;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&word, fmt, ap);
	va_end(ap);
	if (grown)
		b->args->v = grown;
	if (!grown || n < 0) {
		fail(b, err_set(b->e, ENOMEM, "out of memory"));
		return;
	}
	grown[b->args->n++] = word;
	grown[b->args->n] = NULL;
}

/* weft-vmm's options have commas between their parts, and no way to quote one. */
static const char *plain(struct builder *b, const char *path)
{
	if (strchr(path, ','))
		fail(b, err_set(b->e, EINVAL,
				"guest %s: %s: engine weft takes no path with a comma; rename it "
				"or use engine: qemu",
				b->g->name, path));
	return path;
}

static void add_channel(struct builder *b, const char *option, const char *prefix, const char *file,
			const char *log)
{
	char path[CHANNEL_PATH_MAX], log_path[PATH_MAX] = "";

	if (!qemu_file(b->env->run_dir, b->g->name, file, path, sizeof(path)) ||
	    (log && !qemu_file(b->env->run_dir, b->g->name, log, log_path, sizeof(log_path)))) {
		fail(b, err_set(b->e, ENAMETOOLONG,
				"guest %s: its sockets' paths are too long; choose a shorter "
				"run-dir",
				b->g->name));
		return;
	}
	add(b, "%s", option);
	add(b, "%s%s%s%s", prefix, plain(b, path), log ? ",log=" : "", log_path);
}

static const char *offload_words(const struct config_nic *nic)
{
	if (!nic->offloads.csum)
		return ",nocsum";
	return nic->offloads.tso ? "" : ",notso";
}

static void add_nic(struct builder *b, unsigned n)
{
	const struct config_nic *nic = &b->g->nics[n];
	bool server = nic->kind == NIC_BRIDGE || nic->mode == VHOST_MODE_CLIENT;
	char path[CHANNEL_PATH_MAX], mac[MAC_TEXT_MAX];
	const char *where = nic->kind == NIC_TAP ? nic->tap : nic->path;

	if (nic->model != NIC_MODEL_VIRTIO) {
		fail(b, err_set(b->e, EINVAL,
				"guest %s: nic %u: engine weft has virtio only; use model: virtio "
				"or engine: qemu",
				b->g->name, n));
		return;
	}
	if (nic->kind == NIC_TAP && nic->queues > 1)
		fail(b, err_set(b->e, EINVAL,
				"guest %s: nic %u: engine weft has one queue pair on a tap; use "
				"queues: 1 or engine: qemu",
				b->g->name, n));
	if (nic->kind == NIC_BRIDGE)
		where = guest_nic_socket(b->env->run_dir, b->g->name, n, path, sizeof(path));
	if (!where) {
		fail(b, err_set(b->e, ENAMETOOLONG,
				"guest %s: nic %u: its path is too long for a socket; choose a "
				"shorter run-dir",
				b->g->name, n));
		return;
	}
	add(b, "--net");
	add(b, "%s:%s,id=nic%u,mac=%s,queues=%u%s%s", nic->kind == NIC_TAP ? "tap" : "vhost-user",
	    plain(b, where), n, mac_format(&nic->mac, mac), nic->queues, offload_words(nic),
	    nic->kind != NIC_TAP && server ? ",server" : "");
	if (nic->mtu != 1500) {
		char *last = b->error ? NULL : b->args->v[b->args->n - 1];

		if (last && asprintf(&b->args->v[b->args->n - 1], "%s,mtu=%u", last, nic->mtu) > 0)
			free(last);
	}
}

static void add_disk(struct builder *b, const struct config_disk *d)
{
	if (strcmp(d->format, "raw") != 0) {
		fail(b, err_set(b->e, EINVAL,
				"guest %s: disk %s: engine weft reads raw images; convert it or "
				"use engine: qemu",
				b->g->name, d->path));
		return;
	}
	add(b, "--disk");
	add(b, "%s%s", plain(b, d->path), d->readonly ? ",ro" : "");
}

static void add_kernel(struct builder *b)
{
	char line[GUEST_CMDLINE_MAX + 1];
	int ret;

	if (!b->env->kernel) {
		fail(b, err_set(b->e, EINVAL,
				"guest %s: engine weft has no firmware to boot from a disk; name a "
				"kernel or use engine: qemu",
				b->g->name));
		return;
	}
	add(b, "--kernel");
	add(b, "%s", b->env->kernel);
	if (b->env->initrd) {
		add(b, "--initrd");
		add(b, "%s", b->env->initrd);
	}
	ret = guest_cmdline(b->g, b->env->hosts, line, b->e);
	if (ret)
		fail(b, ret);
	add(b, "--append");
	add(b, "%s", line);
}

int vmm_args_init(struct qemu_args *a, const struct config_guest *g, const struct qemu_env *env,
		  struct err *e)
{
	struct builder b = {.args = a, .g = g, .env = env, .e = e};

	*a = (struct qemu_args){0};
	if (g->vcpus > CPUS_MAX || g->n_nics > NICS_MAX || g->n_disks > DISKS_MAX)
		fail(&b, err_set(e, EINVAL,
				 "guest %s: engine weft has up to %d CPUs, %d nics and %d disks; "
				 "ask for "
				 "less or use engine: qemu",
				 g->name, CPUS_MAX, NICS_MAX, DISKS_MAX));
	add(&b, "%s", env->qemu);
	add(&b, "--no-reboot");
	add(&b, "--cpus=%u", g->vcpus);
	add(&b, "--memory=%" PRIu64 "M", (g->memory_bytes + MEMORY_STEP - 1) / MEMORY_STEP * 2);
	if (env->hugepages)
		add(&b, "--hugepages=2M");
	if (g->balloon)
		add(&b, "--balloon");
	if (g->ksm)
		add(&b, "--ksm");
	if (g->has_numa)
		add(&b, "--numa=%u", g->numa);
	add_kernel(&b);
	for (unsigned n = 0; n < g->n_nics; n++)
		add_nic(&b, n);
	for (unsigned n = 0; n < g->n_disks; n++)
		add_disk(&b, &g->disks[n]);
	add_channel(&b, "--api", "", "qmp.sock", NULL);
	add_channel(&b, "--console", "unix:", "console.sock", "console.log");
	add_channel(&b, "--port", AGENT_PORT_NAME ",unix:", "agent.sock", NULL);
	if (b.error)
		qemu_args_fini(a);
	return b.error;
}

bool vmm_decide(enum guest_engine wanted, bool kvm, const char *lacks, const char **reason)
{
	if (wanted != ENGINE_AUTO)
		*reason = "configured";
	else if (!kvm)
		*reason = "no usable KVM";
	else
		*reason = lacks ?: "weft-vmm has all that the guest asks for";
	return wanted == ENGINE_WEFT || (wanted == ENGINE_AUTO && kvm && !lacks);
}

void vmm_find(char *path, size_t size)
{
	char exe[PATH_MAX] = "";

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0 && strrchr(exe, '/')) {
		*strrchr(exe, '/') = '\0';
		snprintf(path, size, "%.*s/" PROGRAM, (int)size - 16, exe);
		if (access(path, X_OK) == 0)
			return;
	}
	snprintf(path, size, PROGRAM);
}
