/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bridges with a DHCP server: its addresses against the bridge's subnet and against each other,
 * and what depends on there being a server.
 */
#include "config/check.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/ipaddr.h"
#include "config/errors.h"

/* A bridge in hand. */
struct subject {
	struct check *k;
	const struct config_bridge *b;
	const struct config_dhcp *d;
	char net[IP4_PREFIX_TEXT];
	struct symtab macs, addresses; /* of reservations, to struct config_reservation */
};

static uint32_t first_host(const struct config_bridge *b)
{
	return ip4_network(&b->address) + 1;
}

static uint32_t last_host(const struct config_bridge *b)
{
	return ip4_network(&b->address) + ~ip4_mask(b->address.len) - 1;
}

/* What is wrong with `addr` as an address beside the bridge's own, or NULL. */
static const char *place_problem(const struct config_bridge *b, uint32_t addr)
{
	if (!ip4_prefix_contains(&b->address, addr))
		return "is outside";
	if (addr < first_host(b) || addr > last_host(b))
		return "is no address for a host in";
	return NULL;
}

/* A range that leaves out what the range must not cover. */
static void help_range(const struct subject *s, struct config_error *e)
{
	uint32_t own = s->d->address_derived ? last_host(s->b) : s->d->address;
	struct ip4_range r = {first_host(s->b), last_host(s->b)};
	char text[IP4_RANGE_TEXT];

	if (s->b->address.addr - r.first < r.last - s->b->address.addr)
		r.first = s->b->address.addr + 1;
	else
		r.last = s->b->address.addr - 1;
	if (ip4_range_contains(&r, own)) {
		if (own - r.first < r.last - own)
			r.first = own + 1;
		else
			r.last = own - 1;
	}
	if (r.first <= r.last)
		errors_help(e, "write a range such as %s", ip4_range_format(&r, text));
	else
		errors_help(e, "give the bridge a larger subnet");
}

static void check_range(struct subject *s)
{
	const struct ip4_range *r = &s->d->range;
	char range[IP4_RANGE_TEXT], addr[IP4_TEXT_MAX];
	struct config_error *e;

	ip4_range_format(r, range);
	if (place_problem(s->b, r->first) || place_problem(s->b, r->last))
		e = errors_add(s->k->errs, s->d->range_pos,
			       "bridges.%s.dhcp.range: %s is not among the hosts of %s", s->b->name,
			       range, s->net);
	else if (ip4_range_contains(r, s->b->address.addr))
		e = errors_add(s->k->errs, s->d->range_pos,
			       "bridges.%s.dhcp.range: %s covers the bridge's own address %s",
			       s->b->name, range, ip4_format(s->b->address.addr, addr));
	else if (ip4_range_contains(r, s->d->address))
		e = errors_add(s->k->errs, s->d->range_pos,
			       "bridges.%s.dhcp.range: %s covers %s, which is the server's own",
			       s->b->name, range, ip4_format(s->d->address, addr));
	else
		return;
	help_range(s, e);
}

/* Writes which tap or NIC on the bridge has or was given `addr`; false when none has. */
static bool owner_of(const struct subject *s, uint32_t addr, char *path, size_t size)
{
	const struct config *c = s->k->c;

	for (unsigned i = 0; i < c->n_ports; i++) {
		const struct config_port *p = &c->ports[i];

		if (p->kind != PORT_TAP || !p->tap.has_address || p->tap.address.addr != addr ||
		    strcmp(p->bridge, s->b->name) != 0)
			continue;
		snprintf(path, size, "ports.%s.tap", p->name);
		return true;
	}
	for (unsigned i = 0; i < c->n_guests; i++) {
		for (unsigned n = 0; n < c->guests[i].n_nics; n++) {
			const struct config_nic *nic = &c->guests[i].nics[n];

			if (nic->kind != NIC_BRIDGE || !nic->has_address ||
			    nic->address.addr != addr || strcmp(nic->bridge, s->b->name) != 0)
				continue;
			snprintf(path, size, "guests.%s.nics[%u]", c->guests[i].name, n);
			return true;
		}
	}
	return false;
}

/* Reports an address of the server or a reservation that cannot be; true when it can. */
static bool check_place(struct subject *s, uint32_t addr, struct config_pos pos, const char *path)
{
	const char *problem = place_problem(s->b, addr);
	char text[IP4_TEXT_MAX], owner[CONFIG_NAME_MAX + 32];
	struct config_error *e;

	ip4_format(addr, text);
	if (problem)
		e = errors_add(s->k->errs, pos, "%s: %s %s %s of bridge %s", path, text, problem,
			       s->net, s->b->name);
	else if (addr == s->b->address.addr)
		e = errors_add(s->k->errs, pos, "%s: %s is the address of bridge %s itself", path,
			       text, s->b->name);
	else if (owner_of(s, addr, owner, sizeof(owner)))
		e = errors_add(s->k->errs, pos, "%s: %s is the address of %s", path, text, owner);
	else
		return true;
	errors_help(e, "choose another address of %s", s->net);
	return false;
}

static void check_own_address(struct subject *s)
{
	char path[CONFIG_NAME_MAX + 32];

	snprintf(path, sizeof(path), "bridges.%s.dhcp.address", s->b->name);
	check_place(s, s->d->address, s->d->address_pos, path);
}

static bool has_nic(const struct config_guest *g, const struct config_bridge *b)
{
	for (unsigned n = 0; n < g->n_nics; n++)
		if (g->nics[n].kind == NIC_BRIDGE && strcmp(g->nics[n].bridge, b->name) == 0)
			return true;
	return false;
}

/* The NIC of a guest on the bridge that has `mac`; NULL when none has. */
static const struct config_nic *nic_with_mac(const struct subject *s, const struct mac *mac,
					     const struct config_guest **guest)
{
	for (unsigned i = 0; i < s->k->c->n_guests; i++) {
		const struct config_guest *g = *guest = &s->k->c->guests[i];

		for (unsigned n = 0; n < g->n_nics; n++)
			if (g->nics[n].kind == NIC_BRIDGE && mac_eq(&g->nics[n].mac, mac) &&
			    strcmp(g->nics[n].bridge, s->b->name) == 0)
				return &g->nics[n];
	}
	return NULL;
}

static void check_reserved_mac(struct subject *s, const struct config_reservation *r,
			       const char *path)
{
	const struct config_reservation *first;
	const struct config_guest *guest;
	const struct config_nic *nic;
	char mac[MAC_TEXT_MAX], line[ERRORS_LINE_MAX];
	const char *key = arena_strdup(s->k->scratch, mac_format(&r->mac, mac));

	if (!key)
		s->k->ret = -ENOMEM;
	if (mac_is_zero(&r->mac) || !key)
		return;
	first = symtab_add(&s->macs, key, r);
	nic = nic_with_mac(s, &r->mac, &guest);
	if (first)
		errors_help(errors_add(s->k->errs, r->mac_pos,
				       "%s.mac: %s is used already by reservation '%s'%s", path,
				       mac, first->name, errors_line(first->mac_pos, line)),
			    "a client has one address on a bridge: keep one of the two");
	else if (nic)
		errors_help(
			errors_add(s->k->errs, r->mac_pos,
				   "%s.mac: %s is used already by guests.%s.nics[%u]%s", path, mac,
				   guest->name, (unsigned)(nic - guest->nics),
				   errors_line(nic->mac_pos, line)),
			"a guest's address is reserved by itself: write it at the NIC, address: "
			"A.B.C.D/N");
}

static void check_reservation(struct subject *s, const struct config_reservation *r)
{
	const struct config_guest *g = config_guest_lookup(s->k->c, r->name);
	char path[2 * CONFIG_NAME_MAX + 48], where[sizeof(path) + 8], line[ERRORS_LINE_MAX];
	char text[IP4_TEXT_MAX];
	const struct config_reservation *first;
	const char *key;

	snprintf(path, sizeof(path), "bridges.%s.dhcp.reservations.%s", s->b->name, r->name);
	check_reserved_mac(s, r, path);
	if (g && has_nic(g, s->b))
		errors_help(errors_add(s->k->errs, r->pos, "%s: the name belongs to a guest%s",
				       path, errors_line(g->pos, line)),
			    "give the reservation another name; a guest's address is reserved by "
			    "itself");
	snprintf(where, sizeof(where), "%s.address", path);
	if (!r->address || !check_place(s, r->address, r->address_pos, where))
		return;
	key = arena_strdup(s->k->scratch, ip4_format(r->address, text));
	if (!key) {
		s->k->ret = -ENOMEM;
		return;
	}
	first = symtab_add(&s->addresses, key, r);
	if (r->address == s->d->address)
		errors_help(errors_add(s->k->errs, r->address_pos,
				       "%s: %s is the address of the server itself", where, text),
			    "reserve another address, or move the server: dhcp: {address: ...}");
	else if (first)
		errors_help(errors_add(s->k->errs, r->address_pos,
				       "%s: %s is used already by reservation '%s'%s", where, text,
				       first->name, errors_line(first->address_pos, line)),
			    "give each client an address of its own");
}

static void check_option(struct subject *s, const struct config_dhcp_option *o)
{
	/* RFC 2132: what the exchange itself is made of, and what has a key of its own here. */
	static const struct {
		uint8_t code;
		const char *help;
	} taken[] = {
		{1, "the netmask is that of the bridge's address"},
		{3, "write options.router"},
		{6, "write options.dns-server"},
		{12, "host names come from reservations and guests"},
		{15, "write dhcp.domain"},
		{26, "write options.mtu"},
		{42, "write options.ntp-server"},
		{50, "the server sets it"},
		{51, "write dhcp.lease"},
		{52, "the server sets it"},
		{53, "the server sets it"},
		{54, "the server sets it"},
		{55, "the server sets it"},
		{57, "the server sets it"},
		{58, "the server sets it"},
		{59, "the server sets it"},
		{61, "the client sets it"},
		{82, "a relay sets it"},
		{119, "write options.search"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		if (o->code == taken[i].code)
			errors_help(errors_add(s->k->errs, o->code_pos,
					       "bridges.%s.dhcp.options.raw: option %u cannot be "
					       "given by its number",
					       s->b->name, o->code),
				    "%s", taken[i].help);
}

static void check_boot(struct subject *s, bool look_at_files)
{
	const struct config_dhcp *d = s->d;
	struct stat st;

	if (strpbrk(d->boot_file, ", \""))
		errors_help(errors_add(s->k->errs, d->boot_pos,
				       "bridges.%s.dhcp.boot.file: a comma, a blank or a quote in "
				       "the name",
				       s->b->name),
			    "rename the file");
	if (d->boot_file[0] && !d->boot_server && !d->tftp_root[0])
		errors_help(errors_add(s->k->errs, d->boot_pos,
				       "bridges.%s.dhcp.boot.file: nobody serves it", s->b->name),
			    "add tftp-root: DIRECTORY, or server: ADDRESS of a TFTP server");
	if (look_at_files && d->tftp_root[0] && (stat(d->tftp_root, &st) || !S_ISDIR(st.st_mode)))
		errors_help(errors_add(s->k->errs, d->tftp_pos,
				       "bridges.%s.dhcp.boot.tftp-root: %s is no directory",
				       s->b->name, d->tftp_root),
			    "create it, or correct the path");
}

/* IPv6 works by SLAAC's 64 bits (RFC 4862, 5.5.3), in the range too. */
static void check_ip6(struct subject *s)
{
	struct ipaddr_prefix own, first, last;
	struct config_error *e;

	if (s->b->address6[0] && ipaddr_prefix_parse(s->b->address6, &own) == 0 && own.len != 64)
		errors_help(errors_warn(s->k->errs, s->b->address6_pos,
					"bridges.%s.address6: without IPv6 from the server, which "
					"needs a prefix of 64 bits",
					s->b->name),
			    "write /64");
	if (!s->d->range6[0])
		return;
	if (!s->b->address6[0])
		e = errors_add(s->k->errs, s->d->range6_pos,
			       "bridges.%s.dhcp.range6: the bridge has no address6", s->b->name);
	else if (config_range6(s->d->range6, &first, &last) < 0)
		e = errors_add(s->k->errs, s->d->range6_pos,
			       "bridges.%s.dhcp.range6: expected two IPv6 addresses with a dash "
			       "between them",
			       s->b->name);
	else if (!ipaddr_prefix_contains(&own, &first.addr) ||
		 !ipaddr_prefix_contains(&own, &last.addr) ||
		 memcmp(&first.addr, &last.addr, sizeof(first.addr)) > 0)
		e = errors_add(s->k->errs, s->d->range6_pos,
			       "bridges.%s.dhcp.range6: is no range in %s", s->b->name,
			       s->b->address6);
	else
		return;
	errors_help(e, "for example: address6: fd00:10::1/64 and range6: "
		       "fd00:10::100-fd00:10::1ff");
}

static void check_server(struct check *k, const struct config_bridge *b, bool look_at_files)
{
	struct subject s = {.k = k, .b = b, .d = &b->dhcp};

	if (!b->has_address) {
		errors_help(errors_add(k->errs, b->dhcp.pos,
				       "bridges.%s.dhcp: the bridge has no address", b->name),
			    "add one to the bridge: address: 10.10.0.1/24");
		return;
	}
	if (symtab_init(&s.macs, k->scratch, b->dhcp.n_reservations) ||
	    symtab_init(&s.addresses, k->scratch, b->dhcp.n_reservations)) {
		k->ret = -ENOMEM;
		return;
	}
	ip4_prefix_format(&b->address, s.net);
	check_range(&s);
	check_own_address(&s);
	for (unsigned i = 0; i < b->dhcp.n_reservations; i++)
		check_reservation(&s, &b->dhcp.reservations[i]);
	for (unsigned i = 0; i < b->dhcp.n_raw; i++)
		check_option(&s, &b->dhcp.raw[i]);
	check_boot(&s, look_at_files);
	check_ip6(&s);
	if (b->dhcp.lease_file[0])
		check_claim(k, &k->files, b->dhcp.lease_file,
			    arena_printf(k->scratch, "bridges.%s.dhcp.lease-file", b->name),
			    b->dhcp.lease_file_pos, "give each bridge a file of its own");
}

/* Whether a port binds to leases on a bridge that gives none. */
static bool lacks_leases(struct check *k, const struct config_spoof *s, const char *bridge)
{
	const struct config_bridge *b = symtab_lookup(&k->bridges, bridge);

	return s->enable && s->leases && b && !config_has_dhcp(b);
}

static void report_leases(struct check *k, const struct config_spoof *s, const char *bridge,
			  const char *path)
{
	errors_help(errors_add(k->errs, s->pos, "%s.anti-spoof.leases: bridge '%s' has no dhcp",
			       path, bridge),
		    "add dhcp: {range: ...} to the bridge, or list what the guest may use in "
		    "addresses");
}

void check_dhcp(struct check *k, bool look_at_files)
{
	const struct config *c = k->c;
	char path[CONFIG_NAME_MAX + 32];

	for (unsigned i = 0; i < c->n_bridges; i++)
		if (config_has_dhcp(&c->bridges[i]))
			check_server(k, &c->bridges[i], look_at_files);
	for (unsigned i = 0; i < c->n_ports; i++) {
		const struct config_port *p = &c->ports[i];

		snprintf(path, sizeof(path), "ports.%s", p->name);
		if (lacks_leases(k, &p->policy.spoof, p->bridge))
			report_leases(k, &p->policy.spoof, p->bridge, path);
	}
	for (unsigned i = 0; i < c->n_guests; i++) {
		for (unsigned n = 0; n < c->guests[i].n_nics; n++) {
			const struct config_nic *nic = &c->guests[i].nics[n];

			snprintf(path, sizeof(path), "guests.%s.nics[%u]", c->guests[i].name, n);
			if (lacks_leases(k, &nic->policy.spoof, nic->bridge))
				report_leases(k, &nic->policy.spoof, nic->bridge, path);
		}
	}
}
