/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/host_uplink.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/log.h"
#include "uplink/host_ports.h"
#include "uplink/nftables.h"
#include "uplink/sysctls.h"

#define LINK_BITS      30
#define LINK_TRIES     64
#define SETTINGS_BEGIN "host-"
#define SETTINGS_END   ".sysctl"

struct host_uplink {
	struct tap_port *tap;
	struct host_link link;
	struct host_ports *ports;
	int watch; /* of nftables */
	char run_dir[PATH_MAX];
	char name[PORT_NAME_MAX];
	char interface[LINK_NAME_MAX + 1];
	char table[HOST_RULES_NAME_MAX];
	char settings[PATH_MAX + PORT_NAME_MAX + 16]; /* file of what was changed */
	struct host_prefix prefixes[HOST_PREFIXES_MAX];
	unsigned n_prefixes;
	struct host_forward *forwards;
	unsigned n_forwards;
};

/* --- addresses -------------------------------------------------------------------------------- */

static uint32_t seed_of(const struct host_uplink_params *p)
{
	char text[PATH_MAX + PORT_NAME_MAX + 2];

	snprintf(text, sizeof(text), "%s/%s", p->run_dir, p->name);
	return (uint32_t)hash_text(text);
}

/* The first /30 of the range, from the seed's place on, that no route of the host has a part of. */
static int choose_link(const struct host_uplink_params *p, uint32_t seed, struct ip4_prefix *link,
		       struct err *e)
{
	uint32_t n = 1u << (LINK_BITS - p->range.len);
	char route[64], range[IP4_PREFIX_TEXT];

	for (uint32_t i = 0; i < n && i < LINK_TRIES; i++) {
		int ret;

		*link = (struct ip4_prefix){ip4_network(&p->range) + (seed + i) % n * 4, LINK_BITS};
		ret = link_find_route(link, route, sizeof(route), e);
		if (ret < 0 || !route[0])
			return ret;
	}
	return err_set(e, EADDRINUSE,
		       "uplink %s: %s overlaps with a route of the host, %s; set host.range of the "
		       "uplink to a network that the host does not use",
		       p->name, ip4_prefix_format(&p->range, range), route);
}

static bool has_ip6(void)
{
	char value[8];

	sysctls_get("net/ipv6/conf/default/disable_ipv6", value, sizeof(value));
	return strcmp(value, "0") == 0;
}

/* fdXX:XXXX:XXXX:e000::/126 of RFC 4193, ::1 and ::2; the seed twice is random enough. */
static void choose_link6(struct host_link *l, uint32_t seed)
{
	struct ipaddr a = {{0xfd, (uint8_t)(seed >> 24), (uint8_t)(seed >> 16),
			    (uint8_t)(seed >> 8), (uint8_t)seed, 0x77, 0xe0}};

	l->has_ip6 = has_ip6();
	a.b[15] = 1;
	l->host6 = a;
	a.b[15] = 2;
	l->weft6 = (struct ipaddr_prefix){a, 126};
}

static int choose_addresses(struct host_uplink *h, const struct host_uplink_params *p,
			    struct err *e)
{
	struct ip4_prefix link;
	int ret = choose_link(p, seed_of(p), &link, e);

	if (ret < 0)
		return ret;
	h->link.host = link.addr + 1;
	h->link.weft = (struct ip4_prefix){link.addr + 2, LINK_BITS};
	choose_link6(&h->link, seed_of(p));
	return 0;
}

/* --- the tap ---------------------------------------------------------------------------------- */

static void set_interface(const struct host_uplink *h, const char *family, const char *key,
			  const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), "net/%s/conf/%s/%s", family, h->interface, key);
	sysctls_set_ours(path, value, NULL);
}

static int make_tap(struct host_uplink *h, struct dataplane *dp, const struct host_uplink_params *p,
		    struct err *e)
{
	struct tap_port_params tap = {
		.name = p->name,
		.user = h,
		.link = {.name = h->interface,
			 .mac = mac_derive(h->interface, 0),
			 .mtu = p->mtu,
			 .netns_fd = -1},
		.queues = p->queues,
		.csum = true,
		.tso = true,
		.uso = true,
	};
	const struct ip4_prefix host = {h->link.host, LINK_BITS};
	struct link_setup *link = &tap.link;

	link->addresses[link->n_addresses++] = link_address4(&host);
	if (h->link.has_ip6)
		link->addresses[link->n_addresses++] =
			(struct ipaddr_prefix){h->link.host6, h->link.weft6.len};
	h->tap = tap_port_create(dp, &tap, e);
	if (!h->tap)
		return -errno;
	/* A packet that goes back where it came from is a hairpin, and nobody is to be told. */
	set_interface(h, "ipv4", "send_redirects", "0");
	return 0;
}

/* --- settings and rules ----------------------------------------------------------------------- */

static int install_rules(struct host_uplink *h, const struct host_forward *forwards,
			 unsigned n_forwards, const struct host_prefix *prefixes,
			 unsigned n_prefixes, struct err *e)
{
	struct host_rules rules = {
		.run_dir = h->run_dir,
		.uplink = h->name,
		.interface = h->interface,
		.weft = h->link.weft.addr,
		.has_weft6 = h->link.has_ip6,
		.weft6 = h->link.weft6.addr,
		.prefixes = prefixes,
		.n_prefixes = n_prefixes,
		.forwards = forwards,
		.n_forwards = n_forwards,
	};

	snprintf(rules.table, sizeof(rules.table), "%s", h->table);
	return host_rules_install(&rules, e);
}

/* Has interfaces that live on router advertisements go on doing so while the host is a router. */
static int keep_advertised_routes(struct host_uplink *h, struct err *e)
{
	struct if_nameindex *list = if_nameindex();
	char key[96], value[8];
	int ret = 0;

	for (struct if_nameindex *i = list; i && i->if_index && ret == 0; i++) {
		snprintf(key, sizeof(key), "net/ipv6/conf/%s/accept_ra", i->if_name);
		sysctls_get(key, value, sizeof(value));
		if (strcmp(i->if_name, "lo") != 0 && strcmp(value, "1") == 0)
			ret = sysctls_set(h->settings, key, "2", e);
	}
	if (list)
		if_freenameindex(list);
	return ret;
}

static int forward_ip6(struct host_uplink *h, struct err *e)
{
	char now[8];
	int ret;

	sysctls_get("net/ipv6/conf/all/forwarding", now, sizeof(now));
	if (strcmp(now, "1") == 0)
		return 0;
	ret = keep_advertised_routes(h, e);
	return ret < 0 ? ret : sysctls_set(h->settings, "net/ipv6/conf/all/forwarding", "1", e);
}

static void restore_settings(const char *file)
{
	if (host_rules_others()) {
		log_info(LOG_MAIN, "forwarding stays on: other tables of nftables need it");
		sysctls_forget(file);
	} else {
		sysctls_restore(file);
	}
}

static void warn_of_blocker(const struct host_uplink *h)
{
	char chain[128];

	if (host_rules_blocker(chain, sizeof(chain), NULL) == 0 && chain[0])
		log_warn(LOG_MAIN,
			 "uplink %s: chain %s drops what the host forwards unless a rule there "
			 "accepts "
			 "it; `weft doctor` has the remedy",
			 h->name, chain);
}

/* --- life ------------------------------------------------------------------------------------- */

/* One name for a folder, however it is written: tables and interface are named after it. */
static const char *canonical(const char *run_dir, char path[PATH_MAX])
{
	return realpath(run_dir, path) ? path : run_dir;
}

static struct host_uplink *alloc(const struct host_uplink_params *p)
{
	struct host_uplink *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	snprintf(h->run_dir, sizeof(h->run_dir), "%s", p->run_dir);
	snprintf(h->name, sizeof(h->name), "%s", p->name);
	snprintf(h->interface, sizeof(h->interface), "weft-%08" PRIx32, seed_of(p));
	snprintf(h->settings, sizeof(h->settings), "%s/" SETTINGS_BEGIN "%s" SETTINGS_END,
		 p->run_dir, p->name);
	host_rules_name(p->run_dir, p->name, h->table);
	h->watch = -1;
	h->ports = host_ports_create();
	if (h->ports)
		return h;
	free(h);
	return NULL;
}

struct host_uplink *host_uplink_create(struct dataplane *dp,
				       const struct host_uplink_params *params, struct err *e)
{
	struct host_uplink_params in = *params, *p = &in;
	char run_dir[PATH_MAX];
	struct host_uplink *h;
	int ret;

	in.run_dir = canonical(params->run_dir, run_dir);
	h = alloc(p);
	ret = h ? 0 : err_set(e, ENOMEM, "uplink %s: out of memory", p->name);

	if (ret == 0)
		ret = choose_addresses(h, p, e);
	if (ret == 0)
		ret = make_tap(h, dp, p, e);
	if (ret == 0)
		ret = h->watch = nftables_watch(e);
	if (ret >= 0)
		ret = install_rules(h, NULL, 0, NULL, 0, e);
	if (ret == 0)
		ret = sysctls_set(h->settings, "net/ipv4/ip_forward", "1", e);
	if (ret == 0) {
		warn_of_blocker(h);
		return h;
	}
	host_uplink_destroy(h);
	errno = -ret;
	return NULL;
}

void host_uplink_destroy(struct host_uplink *h)
{
	struct err e = {0};

	if (!h)
		return;
	if (h->tap && host_rules_remove(h->table, &e) < 0)
		log_error(LOG_MAIN, "uplink %s: %s", h->name, e.text);
	if (h->tap)
		restore_settings(h->settings);
	tap_port_destroy(h->tap);
	host_ports_destroy(h->ports);
	if (h->watch >= 0)
		close(h->watch);
	free(h->forwards);
	free(h);
}

const struct host_link *host_uplink_link(const struct host_uplink *h)
{
	return &h->link;
}

const char *host_uplink_table(const struct host_uplink *h)
{
	return h->table;
}

struct port *host_uplink_port(struct host_uplink *h)
{
	return tap_port_port(h->tap);
}

struct host_uplink *host_uplink_of(struct port *p)
{
	return tap_port_user(tap_port_of(p));
}

/* --- changes ---------------------------------------------------------------------------------- */

int host_uplink_try_forward(struct host_uplink *h, const struct host_forward *f, struct err *e)
{
	int ret = host_ports_try(h->ports, f, e);

	return ret < 0 ? err_prefix(e, ret, "uplink %s", h->name) : 0;
}

int host_uplink_set_forwards(struct host_uplink *h, const struct host_forward *f, unsigned n,
			     struct err *e)
{
	struct host_forward *copy = calloc(n + 1, sizeof(*copy));
	int ret = copy ? 0 : err_set(e, ENOMEM, "out of memory");

	if (ret < 0)
		return ret;
	memcpy(copy, f, n * sizeof(*f));
	ret = host_ports_hold(h->ports, f, n, e);
	if (ret < 0)
		goto err_free;
	/* From the host itself by 127.0.0.1; the guard keeps others from using it. */
	set_interface(h, "ipv4", "route_localnet", n ? "1" : "0");
	ret = install_rules(h, f, n, h->prefixes, h->n_prefixes, e);
	if (ret < 0)
		goto err_ports;
	free(h->forwards);
	h->forwards = copy;
	h->n_forwards = n;
	return 0;

err_ports:
	host_ports_hold(h->ports, h->forwards, h->n_forwards, NULL);
err_free:
	free(copy);
	return err_prefix(e, ret, "uplink %s", h->name);
}

static bool has_prefix(const struct host_prefix *list, unsigned n, const struct ipaddr_prefix *p)
{
	for (unsigned i = 0; i < n; i++)
		if (memcmp(&list[i].prefix, p, sizeof(*p)) == 0)
			return true;
	return false;
}

static int add_routes(struct host_uplink *h, const struct host_prefix *p, unsigned n, struct err *e)
{
	uint32_t wire = htonl(h->link.weft.addr);
	struct ipaddr weft = ipaddr_from_ip4(&wire);
	int ret = 0;

	for (unsigned i = 0; i < n && ret == 0; i++) {
		bool ip4 = ipaddr_is_ip4(&p[i].prefix.addr);

		if (!ip4 && !h->link.has_ip6)
			ret = err_set(e, EAFNOSUPPORT,
				      "IPv6 is disabled on the host; enable it, "
				      "or give the bridge no address6");
		else if (!has_prefix(h->prefixes, h->n_prefixes, &p[i].prefix))
			ret = link_add_route(h->interface, &p[i].prefix,
					     ip4 ? &weft : &h->link.weft6.addr, e);
		if (ret == 0 && !ip4)
			ret = forward_ip6(h, e);
	}
	return ret;
}

/* Removes the routes of `list` that `keep` has no prefix for. */
static void del_routes(struct host_uplink *h, const struct host_prefix *list, unsigned n,
		       const struct host_prefix *keep, unsigned n_keep)
{
	for (unsigned i = 0; i < n; i++)
		if (!has_prefix(keep, n_keep, &list[i].prefix))
			link_del_route(h->interface, &list[i].prefix, NULL);
}

int host_uplink_set_prefixes(struct host_uplink *h, const struct host_prefix *p, unsigned n,
			     struct err *e)
{
	bool same = n == h->n_prefixes && memcmp(p, h->prefixes, n * sizeof(*p)) == 0;
	int ret = n <= HOST_PREFIXES_MAX
			  ? 0
			  : err_set(e, E2BIG, "more than %d prefixes are routed to it",
				    HOST_PREFIXES_MAX);

	if (same)
		return 0;
	if (ret == 0)
		ret = add_routes(h, p, n, e);
	if (ret == 0)
		ret = install_rules(h, h->forwards, h->n_forwards, p, n, e);
	if (ret < 0) {
		if (n <= HOST_PREFIXES_MAX)
			del_routes(h, p, n, h->prefixes, h->n_prefixes);
		return err_prefix(e, ret, "uplink %s", h->name);
	}
	del_routes(h, h->prefixes, h->n_prefixes, p, n);
	memcpy(h->prefixes, p, n * sizeof(*p));
	h->n_prefixes = n;
	return 0;
}

void host_uplink_tick(struct host_uplink *h)
{
	struct err e = {0};

	if (!nftables_table_went(h->watch) || host_rules_installed(h->table))
		return;
	if (install_rules(h, h->forwards, h->n_forwards, h->prefixes, h->n_prefixes, &e) < 0)
		log_error(LOG_MAIN, "uplink %s: %s", h->name, e.text);
	else
		log_warn(LOG_MAIN, "uplink %s: somebody removed table %s; it is back", h->name,
			 h->table);
}

/* --- what a killed weftd left ----------------------------------------------------------------- */

static bool is_settings_file(const char *name)
{
	size_t len = strlen(name), end = strlen(SETTINGS_END);

	return strncmp(name, SETTINGS_BEGIN, strlen(SETTINGS_BEGIN)) == 0 && len > end &&
	       strcmp(name + len - end, SETTINGS_END) == 0;
}

int host_uplink_sweep(const char *run_dir, struct err *e)
{
	char path[PATH_MAX + NAME_MAX + 2];
	char real[PATH_MAX];
	struct dirent *entry;
	int found = host_rules_sweep(canonical(run_dir, real), e);
	DIR *dir = opendir(run_dir);

	while (dir && (entry = readdir(dir))) {
		if (!is_settings_file(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", run_dir, entry->d_name);
		restore_settings(path);
		found += found >= 0;
	}
	if (dir)
		closedir(dir);
	return found;
}
