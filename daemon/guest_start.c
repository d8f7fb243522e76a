/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/guest_private.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ip.h"
#include "daemon/hugepages.h"
#include "daemon/qemu.h"
#include "daemon/vmm_engine.h"

/*
 * What has to be there before QEMU is started. QEMU would find most of it missing too, but not say
 * what to do about it.
 */

#define HOSTS_MAX 4096

/* Fills `path` when the configured name is "auto". NULL: "none". */
static const char *boot_file(const struct guest *g, const char *name, const char *image_file,
			     char path[PATH_MAX])
{
	if (strcmp(name, "none") == 0)
		return NULL;
	if (strcmp(name, "auto") != 0)
		return name;
	snprintf(path, PATH_MAX, "%s/%s", g->set->image_dir, image_file);
	return path;
}

static int check_boot_file(const struct guest *g, const char *what, const char *name,
			   const char *path, struct err *e)
{
	if (!path || access(path, R_OK) == 0)
		return 0;
	if (strcmp(name, "auto") == 0)
		return err_set(e, ENOENT,
			       "guest %s: no guest image in %s; build it with make guest-image",
			       g->config->name, g->set->image_dir);
	return err_set(e, errno, "guest %s: %s %s: %s; correct the path or use auto",
		       g->config->name, what, path, strerror(errno));
}

static int check_disks(const struct guest *g, struct err *e)
{
	for (unsigned i = 0; i < g->config->n_disks; i++) {
		const struct config_disk *d = &g->config->disks[i];

		if (access(d->path, d->readonly ? R_OK : R_OK | W_OK) < 0)
			return err_set(e, errno,
				       "guest %s: disk %s: %s; correct the path or set "
				       "readonly: on",
				       g->config->name, d->path, strerror(errno));
	}
	return 0;
}

static int check_taps(const struct guest *g, struct err *e)
{
	for (unsigned n = 0; n < g->config->n_nics; n++) {
		const struct config_nic *nic = &g->config->nics[n];
		char path[PATH_MAX];

		if (nic->kind != NIC_TAP)
			continue;
		snprintf(path, sizeof(path), "/sys/class/net/%s/tun_flags", nic->tap);
		if (access(path, F_OK) < 0)
			return err_set(e, ENODEV,
				       "guest %s: nic %u: there is no tap %s; create it with "
				       "ip tuntap add %s mode tap",
				       g->config->name, n, nic->tap, nic->tap);
	}
	return 0;
}

static int check_numa(const struct guest *g, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", g->config->numa);
	if (!g->config->has_numa || access(path, F_OK) == 0)
		return 0;
	return err_set(e, ENODEV,
		       "guest %s: the host has no NUMA node %u; lscpu shows its nodes, or remove "
		       "numa",
		       g->config->name, g->config->numa);
}

static int check_qemu(const struct guests *gs, struct err *e)
{
	if (qemu_find(gs->qemu))
		return 0;
	return err_set(e, ENOENT, "%s is not installed; apt-get install qemu-system-x86", gs->qemu);
}

static int decide_hugepages(struct guest *g, struct err *e)
{
	struct hugepages h;
	uint64_t need = (g->config->memory_bytes + HUGEPAGE_BYTES - 1) / HUGEPAGE_BYTES;
	bool plain = g->config->balloon || g->config->ksm;

	hugepages_read(&h);
	/*
	 * A huge page that a guest gave back may be gone when it wants it again, which is a SIGBUS;
	 * KSM merges no huge pages.
	 */
	if (plain && g->set->hugepages == CONFIG_ON)
		return err_set(e, EINVAL,
			       "guest %s: balloon and ksm need normal pages; set hugepages: auto, "
			       "or turn them off",
			       g->config->name);
	g->hugepages = g->set->hugepages != CONFIG_OFF && !plain && h.free >= need &&
		       g->config->memory_bytes % HUGEPAGE_BYTES == 0;
	if (g->hugepages || g->set->hugepages != CONFIG_ON)
		return 0;
	return err_set(e, ENOMEM,
		       "guest %s: needs %" PRIu64 " huge pages of 2 MiB, %" PRIu64
		       " are free; reserve more (sysctl vm.nr_hugepages=%" PRIu64
		       ") or set hugepages: auto",
		       g->config->name, need, h.free, h.total + need - MIN_OF(need, h.free));
}

/* "alpha:10.0.0.1,beta:..." of all guests: the first address of each. */
static void format_hosts(const struct guests *gs, char text[HOSTS_MAX])
{
	const struct guest *g;
	size_t used = 0;

	text[0] = '\0';
	TAILQ_FOREACH (g, &gs->guests, link) {
		char address[IP4_TEXT_MAX];
		unsigned n = 0;

		while (n < g->config->n_nics && !g->config->nics[n].has_address)
			n++;
		if (n == g->config->n_nics || used + CONFIG_NAME_MAX + IP4_TEXT_MAX + 3 > HOSTS_MAX)
			continue;
		used += (size_t)snprintf(text + used, HOSTS_MAX - used, "%s%s:%s", used ? "," : "",
					 g->config->name,
					 ip4_format(g->config->nics[n].address.addr, address));
	}
}

static int check_engine(const struct guest *g, struct err *e)
{
	const struct kvm_probe *kvm = guests_kvm(g->set);

	if (!g->weft)
		return check_qemu(g->set, e);
	if (kvm->usable)
		return 0;
	return err_set(e, ENODEV, "guest %s: engine weft needs KVM: %s; or use engine: qemu",
		       g->config->name, kvm->reason);
}

static int build_args(const struct guest *g, bool weft, bool kvm, bool hugepages, const char *hosts,
		      struct qemu_args *args, struct err *e)
{
	char kernel[PATH_MAX], initrd[PATH_MAX], vmm[PATH_MAX];
	struct qemu_env env = {
		.qemu = g->set->qemu,
		.run_dir = g->set->run_dir,
		.kernel = boot_file(g, g->config->kernel, "vmlinux", kernel),
		.initrd = boot_file(g, g->config->initrd, "initrd.img", initrd),
		.hosts = hosts,
		.kvm = kvm,
		.hugepages = hugepages,
	};
	int ret = check_boot_file(g, "kernel", g->config->kernel, env.kernel, e);

	ret = ret ?: check_boot_file(g, "initrd", g->config->initrd, env.initrd, e);
	if (ret || !weft)
		return ret ?: qemu_args_init(args, g->config, &env, e);
	vmm_find(vmm, sizeof(vmm));
	env.qemu = vmm;
	return vmm_args_init(args, g->config, &env, e);
}

/* What weft-vmm lacks for the guest, as a text, or NULL. */
static const char *lacks(const struct guest *g, struct err *e)
{
	struct qemu_args args;
	char vmm[PATH_MAX];

	vmm_find(vmm, sizeof(vmm));
	if (!qemu_find(vmm))
		return "weft-vmm is not installed";
	if (build_args(g, true, true, g->hugepages, "", &args, e) < 0)
		return e->text;
	qemu_args_fini(&args);
	return NULL;
}

static void decide_engine(struct guest *g)
{
	const char *reason;
	struct err e;

	g->weft = vmm_decide(g->config->engine, guests_kvm(g->set)->usable, lacks(g, &e), &reason);
	snprintf(g->engine_reason, sizeof(g->engine_reason), "%.*s", GUEST_REASON_MAX - 1, reason);
}

int guest_start_prepare(struct guest *g, struct qemu_args *args, struct err *e)
{
	char hosts[HOSTS_MAX];
	int ret = check_disks(g, e) ?: check_taps(g, e) ?: check_numa(g, e) ?: decide_hugepages(g, e);

	if (ret < 0)
		return ret;
	decide_engine(g);
	ret = check_engine(g, e);
	if (ret < 0)
		return ret;
	g->kvm = guests_kvm(g->set)->usable;
	format_hosts(g->set, hosts);
	return build_args(g, g->weft, g->kvm, g->hugepages, hosts, args, e);
}

/* The neighbours' names are left out: a guest that comes must not restart the others. */
uint64_t guest_start_hash(const struct guest *g, bool kvm, bool hugepages)
{
	enum guest_engine engine = g->config->engine;
	bool weft = engine == ENGINE_WEFT || (engine == ENGINE_AUTO && g->weft);
	struct qemu_args args;
	uint64_t hash;

	if (build_args(g, weft, kvm, hugepages, "", &args, NULL) < 0)
		return 0;
	hash = qemu_args_hash(&args);
	qemu_args_fini(&args);
	return hash ?: 1;
}
