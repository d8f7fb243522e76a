/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/qemu.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/agent_proto.h"
#include "common/hash.h"
#include "daemon/channel.h"
#include "daemon/guest.h"
#include "daemon/guest_cmdline.h"

/*
 * Only vhost-user lets the transmit ring be longer than 256. QEMU 7.2 under TCG dies of SIGSEGV
 * when the driver of a vhost-user device with MSI-X gets ready: vhost-user has no masked notifiers,
 * and QEMU then takes for granted that KVM routes the interrupts. Without vectors there is INTx.
 */
#define VHOST_USER_RINGS ",rx_queue_size=1024,tx_queue_size=1024"
#define TCG_VECTORS	 ",vectors=0"

/*
 * "Enhanced rep movsb" makes Linux copy by single bytes, which a processor turns into wide moves
 * and TCG does not. Without it Linux copies words, and streams between guests run three times as
 * fast.
 */
#define TCG_CPU	  "max,-erms"

#define VALUE_MAX 1024

static const char *const model_devices[] = {
	[NIC_MODEL_VIRTIO] = "virtio-net-pci",
	[NIC_MODEL_E1000] = "e1000",
	[NIC_MODEL_RTL8139] = "rtl8139",
};
static_assert(ARRAY_SIZE(model_devices) == NIC_MODEL_N, "a device for each model");

/* A builder that remembers its first failure, so that its users need not look each time. */
struct builder {
	struct qemu_args *args;
	const struct config_guest *g;
	const struct qemu_env *env;
	struct err *e;
	int error;
};

static void fail(struct builder *b, int ret)
{
	if (!b->error)
		b->error = ret;
}

static void add_owned(struct builder *b, char *word)
{
	char **grown = word ? reallocarray(b->args->v, b->args->n + 2, sizeof(*grown)) : NULL;

	if (!grown) {
		free(word);
		fail(b, err_set(b->e, ENOMEM, "out of memory"));
		return;
	}
	b->args->v = grown;
	grown[b->args->n++] = word;
	grown[b->args->n] = NULL;
}

static void add(struct builder *b, const char *word)
{
	add_owned(b, strdup(word));
}

static void add_format(struct builder *b, const char *option, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
static void add_format(struct builder *b, const char *option, const char *fmt, ...)
{
	char *word = NULL;
	va_list ap;

	add(b, option);
	va_start(ap, fmt);
	if (vasprintf(&word, fmt, ap) < 0)
		word = NULL;
	va_end(ap);
	add_owned(b, word);
}

/* QEMU's option parser takes a doubled comma for a comma. */
static const char *quoted(struct builder *b, const char *text, char out[VALUE_MAX])
{
	size_t n = 0;

	for (; *text; text++) {
		if (n + 3 > VALUE_MAX) {
			fail(b, err_set(b->e, ENAMETOOLONG, "path is longer than %d bytes",
					VALUE_MAX - 3));
			break;
		}
		out[n++] = *text;
		if (*text == ',')
			out[n++] = ',';
	}
	out[n] = '\0';
	return out;
}

char *qemu_dir(const char *run_dir, const char *guest, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/guests/%s", run_dir, guest);

	return n < 0 || (size_t)n >= size ? NULL : path;
}

char *qemu_file(const char *run_dir, const char *guest, const char *file, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/guests/%s/%s", run_dir, guest, file);

	return n < 0 || (size_t)n >= size ? NULL : path;
}

char *guest_nic_socket(const char *run_dir, const char *name, unsigned n, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/%s.%u.sock", run_dir, name, n);

	return len < 0 || (size_t)len >= MIN_OF(size, CHANNEL_PATH_MAX) ? NULL : path;
}

bool qemu_find(const char *qemu)
{
	const char *dir = getenv("PATH");

	if (strchr(qemu, '/'))
		return access(qemu, X_OK) == 0;
	while (dir && *dir) {
		int len = (int)strcspn(dir, ":");
		char path[VALUE_MAX];

		snprintf(path, sizeof(path), "%.*s/%s", len, dir, qemu);
		if (access(path, X_OK) == 0)
			return true;
		dir += len + (dir[len] == ':');
	}
	return false;
}

static void add_machine(struct builder *b)
{
	const struct config_guest *g = b->g;
	uint64_t mib = g->memory_bytes >> 20;
	char node[48] = "";

	add_format(b, "-name", "guest=%s,debug-threads=on", g->name);
	add(b, "-nodefaults");
	add(b, "-no-user-config");
	add(b, "-no-reboot");
	add_format(b, "-display", "none");
	add_format(b, "-sandbox",
		   "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	add_format(b, "-machine", "q35,smm=off,vmport=off,memory-backend=memory");
	add_format(b, "-accel", "%s", b->env->kvm ? "kvm" : "tcg");
	add_format(b, "-cpu", "%s", b->env->kvm ? "host" : TCG_CPU);
	add_format(b, "-smp", "%u", g->vcpus);
	add_format(b, "-m", "%" PRIu64 "M", mib);
	if (g->has_numa)
		snprintf(node, sizeof(node), ",host-nodes=%u,policy=preferred", g->numa);
	add_format(b, "-object", "memory-backend-%s,id=memory,size=%" PRIu64 "M,%s%s%s",
		   g->ksm ? "ram" : "memfd", mib, g->ksm ? "merge=on" : "share=on",
		   b->env->hugepages ? ",hugetlb=on,hugetlbsize=2M,prealloc=on" : "", node);
}

/* A socket of the guest's own folder, on which QEMU listens; the guest does not wait for us. */
static void add_socket(struct builder *b, const char *id, const char *file, const char *more)
{
	char path[CHANNEL_PATH_MAX], out[VALUE_MAX];

	if (!qemu_file(b->env->run_dir, b->g->name, file, path, sizeof(path))) {
		fail(b, err_set(b->e, ENAMETOOLONG,
				"guest %s: %s/guests/%s/%s is too long for a socket; choose a "
				"shorter run-dir",
				b->g->name, b->env->run_dir, b->g->name, file));
		return;
	}
	add_format(b, "-chardev", "socket,id=%s,path=%s,server=on,wait=off%s", id,
		   quoted(b, path, out), more);
}

static void add_channels(struct builder *b)
{
	char path[VALUE_MAX], out[VALUE_MAX], log[VALUE_MAX + 64];

	add_socket(b, "monitor", "qmp.sock", "");
	add_format(b, "-mon", "chardev=monitor,mode=control");
	if (!qemu_file(b->env->run_dir, b->g->name, "console.log", path, sizeof(path)))
		return;
	snprintf(log, sizeof(log), ",logfile=%s,logappend=off", quoted(b, path, out));
	add_socket(b, "console", "console.sock", log);
	add_format(b, "-serial", "chardev:console");
	add_socket(b, "agent", "agent.sock", "");
	add_format(b, "-device", "virtio-serial-pci,disable-legacy=on,max_ports=2");
	add_format(b, "-device",
		   "virtserialport,id=" QEMU_AGENT_PORT ",chardev=agent,name=" AGENT_PORT_NAME);
	add_format(b, "-device", "virtio-rng-pci,disable-legacy=on");
	if (b->g->balloon)
		add_format(b, "-device",
			   "virtio-balloon-pci,disable-legacy=on,deflate-on-oom=on,"
			   "free-page-reporting=on");
}

/* TSO is of no use without checksums, so no csum means neither. */
static const char *offload_properties(const struct config_nic *nic)
{
	if (!nic->offloads.csum)
		return ",csum=off,guest_csum=off,host_tso4=off,host_tso6=off,host_ecn=off,"
		       "host_ufo=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off";
	if (!nic->offloads.tso)
		return ",host_tso4=off,host_tso6=off,host_ecn=off,host_ufo=off,guest_tso4=off,"
		       "guest_tso6=off,guest_ecn=off,guest_ufo=off";
	return "";
}

/* QEMU keeps CTRL_GUEST_OFFLOADS requests from vhost-user backends: docs/offloads.md. */
static const char *offload_control(const struct config_nic *nic)
{
	return nic->kind == NIC_TAP ? "" : ",ctrl_guest_offloads=off";
}

static void add_virtio_nic(struct builder *b, unsigned n, const char *rings)
{
	const struct config_nic *nic = &b->g->nics[n];
	char mac[MAC_TEXT_MAX], mtu[32] = "";

	if (nic->mtu != 1500)
		snprintf(mtu, sizeof(mtu), ",host_mtu=%u", nic->mtu);
	add_format(b, "-device",
		   "virtio-net-pci,id=nic%u,netdev=net%u,mac=%s,disable-legacy=on,romfile=%s%s%s%s",
		   n, n, mac_format(&nic->mac, mac), rings, mtu, offload_properties(nic),
		   offload_control(nic));
}

static void add_emulated_nic(struct builder *b, unsigned n)
{
	const struct config_nic *nic = &b->g->nics[n];
	char mac[MAC_TEXT_MAX];

	add_format(b, "-device",
		   "%s,id=nic%u,netdev=net%u,mac=%s,romfile=", model_devices[nic->model], n, n,
		   mac_format(&nic->mac, mac));
}

/* A vector for each ring, and one each for the control queue and changes of the configuration. */
static void rings_properties(const struct config_nic *nic, bool kvm, char *text, size_t size)
{
	size_t len = (size_t)snprintf(text, size, "%s%s", VHOST_USER_RINGS,
				      nic->queues > 1 ? ",mq=on" : "");

	if (!kvm)
		snprintf(text + len, size - len, "%s", TCG_VECTORS);
	else if (nic->queues > 1)
		snprintf(text + len, size - len, ",vectors=%u", 2 * nic->queues + 2);
}

static void add_vhost_user_nic(struct builder *b, unsigned n)
{
	const struct config_nic *nic = &b->g->nics[n];
	bool listens = nic->kind == NIC_BRIDGE || nic->mode == VHOST_MODE_CLIENT;
	char path[CHANNEL_PATH_MAX], out[VALUE_MAX], queues[32], rings[128];
	const char *socket = nic->path;

	if (nic->model != NIC_MODEL_VIRTIO) {
		fail(b, err_set(b->e, EINVAL,
				"guest %s: nic %u: model %s needs a tap; use model virtio here",
				b->g->name, n, model_devices[nic->model]));
		return;
	}
	if (nic->kind == NIC_BRIDGE)
		socket = guest_nic_socket(b->env->run_dir, b->g->name, n, path, sizeof(path));
	if (!socket || strlen(socket) >= CHANNEL_PATH_MAX) {
		fail(b, err_set(b->e, ENAMETOOLONG,
				"guest %s: nic %u: its path is too long for a socket; choose a "
				"shorter run-dir or path",
				b->g->name, n));
		return;
	}
	add_format(b, "-chardev", "socket,id=chr%u,path=%s,%s", n, quoted(b, socket, out),
		   listens ? "server=on,wait=off" : "reconnect=1");
	queues[0] = '\0';
	if (nic->queues > 1)
		snprintf(queues, sizeof(queues), ",queues=%u", nic->queues);
	add_format(b, "-netdev", "vhost-user,id=net%u,chardev=chr%u%s", n, n, queues);
	rings_properties(nic, b->env->kvm, rings, sizeof(rings));
	add_virtio_nic(b, n, rings);
}

static void add_tap_nic(struct builder *b, unsigned n)
{
	const struct config_nic *nic = &b->g->nics[n];
	char out[VALUE_MAX];

	add_format(b, "-netdev", "tap,id=net%u,ifname=%s,script=no,downscript=no,vhost=off", n,
		   quoted(b, nic->tap, out));
	if (nic->model == NIC_MODEL_VIRTIO)
		add_virtio_nic(b, n, ",rx_queue_size=1024");
	else
		add_emulated_nic(b, n);
}

static void add_nics(struct builder *b)
{
	for (unsigned n = 0; n < b->g->n_nics; n++) {
		if (b->g->nics[n].kind == NIC_TAP)
			add_tap_nic(b, n);
		else
			add_vhost_user_nic(b, n);
	}
}

static void add_disks(struct builder *b)
{
	char out[VALUE_MAX];

	for (unsigned n = 0; n < b->g->n_disks; n++) {
		const struct config_disk *d = &b->g->disks[n];

		add_format(b, "-drive", "if=none,id=disk%u,file=%s,format=%s,readonly=%s", n,
			   quoted(b, d->path, out), d->format, d->readonly ? "on" : "off");
		add_format(b, "-device", "virtio-blk-pci,disable-legacy=on,drive=disk%u", n);
	}
}

static void add_kernel(struct builder *b)
{
	char line[GUEST_CMDLINE_MAX + 1];
	int ret;

	if (!b->env->kernel)
		return;
	add_format(b, "-kernel", "%s", b->env->kernel);
	if (b->env->initrd)
		add_format(b, "-initrd", "%s", b->env->initrd);
	ret = guest_cmdline(b->g, b->env->hosts, line, b->e);
	if (ret)
		fail(b, ret);
	add_format(b, "-append", "%s", line);
}

int qemu_args_init(struct qemu_args *a, const struct config_guest *g, const struct qemu_env *env,
		   struct err *e)
{
	struct builder b = {.args = a, .g = g, .env = env, .e = e};

	*a = (struct qemu_args){0};
	add(&b, env->qemu);
	add_machine(&b);
	add_nics(&b);
	add_channels(&b);
	add_disks(&b);
	add_kernel(&b);
	if (b.error)
		qemu_args_fini(a);
	return b.error;
}

void qemu_args_fini(struct qemu_args *a)
{
	for (unsigned i = 0; i < a->n; i++)
		free(a->v[i]);
	free(a->v);
	*a = (struct qemu_args){0};
}

uint64_t qemu_args_hash(const struct qemu_args *a)
{
	uint64_t h = a->n;

	for (unsigned i = 0; i < a->n; i++)
		h = h * 0x9e3779b97f4a7c15ull + hash_text(a->v[i]);
	return h;
}
