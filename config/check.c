/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What no single object can know: names, addresses and files that two of them claim, and names
 * that nobody has. Each thing that may be used once has a table of claims; the second claim is the
 * error, and it names the first one with its line.
 */
#include "config/check.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/suggest.h"
#include "config/errors.h"

#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static struct check_claim *claim_create(struct check *k, const char *path, struct config_pos pos,
					const char *bridge)
{
	struct check_claim *claim = arena_alloc(k->scratch, sizeof(*claim));

	if (!claim)
		return NULL;
	*claim = (struct check_claim){.path = path, .pos = pos, .bridge = bridge};
	return claim;
}

void check_claim(struct check *k, struct symtab *t, const char *value, const char *path,
		 struct config_pos pos, const char *help)
{
	const struct check_claim *claim = claim_create(k, path, pos, NULL), *first;
	char line[ERRORS_LINE_MAX];

	if (!claim || !value || !path) {
		k->ret = -ENOMEM;
		return;
	}
	first = symtab_add(t, value, claim);
	if (!first)
		return;
	errors_help(errors_add(k->errs, pos, "%s: %s is used already by %s%s", path, value,
			       first->path, errors_line(first->pos, line)),
		    "%s", help);
}

/* The port `name` and the bridge it is on, for static entries. */
static void add_port(struct check *k, const char *name, const char *path, struct config_pos pos,
		     const char *bridge, const struct config_member *member)
{
	struct check_claim *claim = claim_create(k, path, pos, bridge);
	const struct check_claim *first;
	char line[ERRORS_LINE_MAX];

	if (!claim || !name || !path) {
		k->ret = -ENOMEM;
		return;
	}
	claim->member = member;
	first = symtab_add(&k->ports, name, claim);
	if (first)
		errors_help(errors_add(k->errs, pos, "%s: the name belongs to %s%s", path,
				       first->path, errors_line(first->pos, line)),
			    "give the port another name");
}

static void collect_ports(struct check *k)
{
	const struct config *c = k->c;

	for (unsigned i = 0; i < c->n_guests; i++) {
		const struct config_guest *g = &c->guests[i];

		for (unsigned n = 0; n < g->n_nics; n++)
			if (g->nics[n].kind == NIC_BRIDGE)
				add_port(k, arena_printf(k->scratch, "%s.%u", g->name, n),
					 check_nic_path(k, g, n, ""), g->nics[n].pos,
					 g->nics[n].bridge, &g->nics[n].member);
	}
	for (unsigned i = 0; i < c->n_bridges; i++)
		if (config_has_dhcp(&c->bridges[i]))
			add_port(k, arena_printf(k->scratch, "%s.dhcp", c->bridges[i].name),
				 arena_printf(k->scratch, "bridges.%s.dhcp", c->bridges[i].name),
				 c->bridges[i].dhcp.pos, c->bridges[i].name, NULL);
	for (unsigned i = 0; i < c->n_ports; i++)
		add_port(k, c->ports[i].name,
			 arena_printf(k->scratch, "ports.%s", c->ports[i].name), c->ports[i].pos,
			 c->ports[i].bridge, &c->ports[i].member);
}

static void check_bridge_name(struct check *k, const char *bridge, struct config_pos pos,
			      const char *path)
{
	struct config_error *e;
	struct suggest s;

	if (!bridge[0] || symtab_lookup(&k->bridges, bridge))
		return;
	e = errors_add(k->errs, pos, "%s: there is no bridge '%s'", path, bridge);
	suggest_init(&s, bridge);
	for (unsigned i = 0; i < k->c->n_bridges; i++)
		suggest_offer(&s, k->c->bridges[i].name);
	if (s.best)
		errors_help(e, "did you mean '%s'?", s.best);
	else
		errors_help(e, "add it: bridges: {%s: {}}", bridge);
}

static void check_bridge_names(struct check *k)
{
	const struct config *c = k->c;
	char path[CONFIG_NAME_MAX + 32];

	for (unsigned i = 0; i < c->n_ports; i++) {
		snprintf(path, sizeof(path), "ports.%s.bridge", c->ports[i].name);
		check_bridge_name(k, c->ports[i].bridge, c->ports[i].bridge_pos, path);
	}
	for (unsigned i = 0; i < c->n_guests; i++) {
		const struct config_guest *g = &c->guests[i];

		for (unsigned n = 0; n < g->n_nics; n++) {
			snprintf(path, sizeof(path), "guests.%s.nics[%u].bridge", g->name, n);
			check_bridge_name(k, g->nics[n].bridge, g->nics[n].bridge_pos, path);
		}
	}
}

static void check_static(struct check *k, const struct config_bridge *b,
			 const struct config_static *s)
{
	const struct check_claim *port = symtab_lookup(&k->ports, s->port);
	char mac[MAC_TEXT_MAX];
	struct config_error *e;

	mac_format(&s->mac, mac);
	if (!port) {
		e = errors_add(k->errs, s->pos, "bridges.%s.static.%s: there is no port '%s'",
			       b->name, mac, s->port);
		errors_help(e, "name a port, or GUEST.N for NIC N of a guest");
	} else if (strcmp(port->bridge, b->name) != 0) {
		e = errors_add(k->errs, s->pos, "bridges.%s.static.%s: port '%s' is on bridge '%s'",
			       b->name, mac, s->port, port->bridge);
		errors_help(e, "write the entry in the bridge that the port is on");
	}
}

static void check_statics(struct check *k)
{
	for (unsigned i = 0; i < k->c->n_bridges; i++)
		for (unsigned n = 0; n < k->c->bridges[i].n_statics; n++)
			check_static(k, &k->c->bridges[i], &k->c->bridges[i].statics[n]);
}

static void check_socket(struct check *k, const char *socket, const char *path,
			 struct config_pos pos)
{
	if (socket && strlen(socket) > SOCKET_PATH_MAX)
		errors_help(errors_add(k->errs, pos,
				       "%s: the socket path has %zu bytes, a socket takes %zu",
				       path, strlen(socket), SOCKET_PATH_MAX),
			    "use a shorter path or a shorter run-dir");
	check_claim(k, &k->sockets, socket, path, pos, "each socket serves one port; use another");
}

static void check_nic_socket(struct check *k, const struct config_guest *g, unsigned n)
{
	const struct config_nic *nic = &g->nics[n];

	if (nic->kind == NIC_BRIDGE)
		check_socket(
			k, arena_printf(k->scratch, "%s/%s.%u.sock", k->c->sw.run_dir, g->name, n),
			check_nic_path(k, g, n, ""), nic->pos);
	else if (nic->kind == NIC_VHOST_USER && nic->path[0])
		check_socket(k, nic->path, check_nic_path(k, g, n, ".vhost-user.path"),
			     nic->path_pos);
	else if (nic->kind == NIC_TAP && nic->tap[0])
		check_claim(k, &k->taps, nic->tap, check_nic_path(k, g, n, ".tap.name"),
			    nic->tap_pos, "each tap serves one NIC; use another");
}

/* A port whose name was refused shares its derived socket with the name's owner: told already. */
static bool owns_name(const struct check *k, const struct config_port *p)
{
	const struct check_claim *owner = symtab_lookup(&k->ports, p->name);

	return owner && owner->bridge == p->bridge;
}

static void check_sockets(struct check *k)
{
	const struct config *c = k->c;

	check_socket(k, arena_printf(k->scratch, "%s/weftd.sock", c->sw.run_dir),
		     "weftd's control socket", c->sw.pos);
	for (unsigned i = 0; i < c->n_guests; i++)
		for (unsigned n = 0; n < c->guests[i].n_nics; n++)
			check_nic_socket(k, &c->guests[i], n);
	for (unsigned i = 0; i < c->n_ports; i++)
		if (c->ports[i].kind == PORT_VHOST_USER &&
		    (!c->ports[i].vhost.path_derived || owns_name(k, &c->ports[i])))
			check_socket(k, c->ports[i].vhost.path,
				     arena_printf(k->scratch, "ports.%s.vhost-user.path",
						  c->ports[i].name),
				     c->ports[i].vhost.path_pos);
}

static void check_model(struct check *k, const struct config_guest *g, unsigned n)
{
	const struct config_nic *nic = &g->nics[n];

	if (nic->model != NIC_MODEL_VIRTIO && nic->kind != NIC_TAP)
		errors_help(errors_add(k->errs, nic->model_pos,
				       "guests.%s.nics[%u].model: only a tap serves this model",
				       g->name, n),
			    "use `model: virtio`, or connect the NIC to a tap: {name: TAP}");
}

static void check_ksm(struct check *k, const struct config_guest *g, unsigned n)
{
	if (g->ksm && g->nics[n].kind != NIC_TAP)
		errors_help(errors_add(k->errs, g->ksm_pos,
				       "guests.%s.ksm: nics[%u] shares the guest's memory with a "
				       "switch, and KSM merges private memory only",
				       g->name, n),
			    "connect its NICs to taps, or remove ksm");
}

static void check_queues(struct check *k, const struct config_guest *g, unsigned n)
{
	const struct config_nic *nic = &g->nics[n];

	if (nic->queues > 1 && nic->kind == NIC_TAP)
		errors_help(errors_add(k->errs, nic->queues_pos,
				       "guests.%s.nics[%u].queues: a tap has one queue pair",
				       g->name, n),
			    "leave queues out, or connect the NIC to a bridge");
}

static void warn_offloads(struct check *k, const struct config_offloads *o, struct config_pos pos,
			  const char *path)
{
	if (o->tso && !o->csum)
		errors_help(errors_warn(k->errs, pos, "%s.offloads: tso needs csum, and is off too",
					path),
			    "turn csum on, or tso off");
}

static void check_nics(struct check *k)
{
	const struct config *c = k->c;
	char path[CONFIG_NAME_MAX + 32];

	for (unsigned i = 0; i < c->n_guests; i++) {
		for (unsigned n = 0; n < c->guests[i].n_nics; n++) {
			check_model(k, &c->guests[i], n);
			check_ksm(k, &c->guests[i], n);
			check_queues(k, &c->guests[i], n);
			snprintf(path, sizeof(path), "guests.%s.nics[%u]", c->guests[i].name, n);
			warn_offloads(k, &c->guests[i].nics[n].offloads, c->guests[i].nics[n].pos,
				      path);
		}
	}
	for (unsigned i = 0; i < c->n_ports; i++) {
		snprintf(path, sizeof(path), "ports.%s", c->ports[i].name);
		warn_offloads(k, &c->ports[i].offloads, c->ports[i].pos, path);
	}
}

/* A disk that one guest writes to belongs to that guest alone. */
static void check_disks(struct check *k, const struct config_guest *g, bool readonly)
{
	for (unsigned i = 0; i < g->n_disks; i++) {
		const struct config_disk *disk = &g->disks[i];
		const struct check_claim *writer = symtab_lookup(&k->disks, disk->path);

		if (disk->readonly != readonly || !disk->path[0])
			continue;
		if (!readonly || writer)
			check_claim(k, &k->disks, disk->path,
				    arena_printf(k->scratch, "guests.%s.disks[%u]", g->name, i),
				    disk->pos, "copy the image, or make it readonly everywhere");
	}
}

static void check_boot(struct check *k, const struct config_guest *g)
{
	if (strcmp(g->kernel, "none") != 0)
		return;
	if (g->n_disks == 0)
		errors_help(errors_add(k->errs, g->kernel_pos,
				       "guests.%s.image.kernel: none, and there is no disk to "
				       "boot from",
				       g->name),
			    "add a disk: disks: [{path: /var/lib/weft/root.img}]");
	if (g->append[0])
		errors_help(errors_warn(k->errs, g->kernel_pos,
					"guests.%s.image.append: is not used without a kernel",
					g->name),
			    "remove it, or name a kernel");
}

/* Why `file` cannot be used, or NULL when it can. */
static const char *file_problem(const char *file, int access_mode)
{
	struct stat st;

	if (stat(file, &st) || access(file, access_mode))
		return strerror(errno);
	if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		return NULL;
	return "is no file or block device";
}

static void check_file(struct check *k, const char *file, int access_mode, struct config_pos pos,
		       const char *guest, const char *key)
{
	const char *problem = file[0] == '/' ? file_problem(file, access_mode) : NULL;

	if (problem)
		errors_help(
			errors_add(k->errs, pos, "guests.%s.%s: %s: %s", guest, key, file, problem),
			"check the path and its permissions");
}

static void check_files(struct check *k, const struct config_guest *g)
{
	check_file(k, g->kernel, R_OK, g->kernel_pos, g->name, "image.kernel");
	check_file(k, g->initrd, R_OK, g->initrd_pos, g->name, "image.initrd");
	for (unsigned i = 0; i < g->n_disks; i++) {
		char key[32];

		snprintf(key, sizeof(key), "disks[%u].path", i);
		check_file(k, g->disks[i].path, g->disks[i].readonly ? R_OK : R_OK | W_OK,
			   g->disks[i].pos, g->name, key);
	}
}

static void check_guests(struct check *k, bool look_at_files)
{
	const struct config *c = k->c;

	for (unsigned i = 0; i < c->n_guests; i++) {
		check_boot(k, &c->guests[i]);
		check_disks(k, &c->guests[i], false);
		if (look_at_files)
			check_files(k, &c->guests[i]);
	}
	for (unsigned i = 0; i < c->n_guests; i++)
		check_disks(k, &c->guests[i], true);
}

const char *check_nic_path(struct check *k, const struct config_guest *g, unsigned n,
			   const char *key)
{
	return arena_printf(k->scratch, "guests.%s.nics[%u]%s", g->name, n, key);
}

static int tables_init(struct check *k)
{
	const struct config *c = k->c;
	unsigned n_nics = 0, n_disks = 0;

	for (unsigned i = 0; i < c->n_guests; i++) {
		n_nics += c->guests[i].n_nics;
		n_disks += c->guests[i].n_disks;
	}
	if (symtab_init(&k->bridges, k->scratch, c->n_bridges) ||
	    symtab_init(&k->ports, k->scratch, c->n_ports + n_nics + c->n_bridges) ||
	    symtab_init(&k->sockets, k->scratch, c->n_ports + n_nics + c->n_uplinks + 1) ||
	    symtab_init(&k->taps, k->scratch, n_nics + c->n_ports) ||
	    symtab_init(&k->macs, k->scratch, n_nics + c->n_ports) ||
	    symtab_init(&k->addresses, k->scratch, n_nics + c->n_ports) ||
	    symtab_init(&k->devices, k->scratch, c->n_ports + c->n_uplinks) ||
	    symtab_init(&k->disks, k->scratch, n_disks) ||
	    symtab_init(&k->files, k->scratch, c->n_bridges))
		return -ENOMEM;
	for (unsigned i = 0; i < c->n_bridges; i++)
		symtab_add(&k->bridges, c->bridges[i].name, &c->bridges[i]);
	return 0;
}

int config_check(const struct config *c, bool look_at_files, struct config_errors *errs)
{
	struct check k = {.c = c, .errs = errs, .scratch = arena_create()};
	unsigned before = errs->n_errors;

	if (!k.scratch || tables_init(&k)) {
		k.ret = -ENOMEM;
	} else {
		collect_ports(&k);
		check_bridge_names(&k);
		check_statics(&k);
		check_sockets(&k);
		check_nics(&k);
		check_guests(&k, look_at_files);
		check_addresses(&k);
		check_taps(&k);
		check_host_nics(&k);
		check_policies(&k);
		check_members(&k);
		check_uplinks(&k);
		check_nat(&k);
		check_dhcp(&k, look_at_files);
	}
	if (k.ret)
		errors_no_memory(errs);
	arena_destroy(k.scratch);
	return errs->n_errors > before ? -EINVAL : 0;
}
