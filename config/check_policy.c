/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "common/ipaddr.h"
#include "config/check.h"
#include "config/errors.h"

static bool lists_ip4(const struct config_spoof *s)
{
	struct ipaddr_prefix list[CONFIG_ADDRESSES_MAX];
	int n = ipaddr_list_parse(s->addresses, list, CONFIG_ADDRESSES_MAX);

	for (int i = 0; i < n; i++)
		if (ipaddr_is_ip4(&list[i].addr))
			return true;
	return false;
}

static void warn_no_ip4(struct check *k, const struct config_spoof *s, const char *path)
{
	errors_help(errors_warn(k->errs, s->pos,
				"%s.anti-spoof: the guest has no IPv4 address that it may use",
				path),
		    "list it: addresses: [10.10.0.7], or write ipv4: off");
}

static void check_port(struct check *k, const struct config_port *p)
{
	const struct config_spoof *s = &p->policy.spoof;
	char path[CONFIG_NAME_MAX + 16];

	if (!s->enable)
		return;
	snprintf(path, sizeof(path), "ports.%s", p->name);
	if (mac_is_zero(&s->mac))
		errors_help(
			errors_add(k->errs, s->pos,
				   "%s.anti-spoof: which MAC address the guest has is not known",
				   path),
			"write it: anti-spoof: {enable: on, mac: 52:54:00:12:34:56}");
	if (s->ipv4 && !s->leases && !lists_ip4(s))
		warn_no_ip4(k, s, path);
}

static bool has_policy(const struct config_policy *p)
{
	const struct config_rate *r = &p->rate;

	return p->trusted || p->spoof.enable || r->in_bps || r->out_bps || r->in_pps || r->out_pps;
}

static void check_nic(struct check *k, const struct config_guest *g, unsigned n)
{
	const struct config_nic *nic = &g->nics[n];
	const struct config_spoof *s = &nic->policy.spoof;
	char path[CONFIG_NAME_MAX + 32];

	snprintf(path, sizeof(path), "guests.%s.nics[%u]", g->name, n);
	if (nic->kind != NIC_BRIDGE && has_policy(&nic->policy))
		errors_help(errors_add(k->errs, nic->pos,
				       "%s: anti-spoof, rate and trusted are for NICs on a bridge",
				       path),
			    "remove them, or connect the NIC to a bridge");
	else if (s->enable && s->ipv4 && !s->leases && !nic->has_address && !lists_ip4(s))
		warn_no_ip4(k, s, path);
}

void check_policies(struct check *k)
{
	const struct config *c = k->c;

	for (unsigned i = 0; i < c->n_ports; i++)
		check_port(k, &c->ports[i]);
	for (unsigned i = 0; i < c->n_guests; i++)
		for (unsigned n = 0; n < c->guests[i].n_nics; n++)
			check_nic(k, &c->guests[i], n);
}
