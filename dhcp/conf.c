/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dhcp/conf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/ipaddr.h"
#include "common/util.h"

#define FILES DHCP_JAIL_FILES "/"

static void write_boot(FILE *f, const struct config_dhcp *d)
{
	char server[IP4_TEXT_MAX];

	if (d->tftp_root[0])
		fputs("enable-tftp\n"
		      "tftp-root=" DHCP_JAIL_TFTP "\n"
		      "tftp-single-port\n"
		      "tftp-no-fail\n",
		      f);
	if (d->boot_file[0] && d->boot_server)
		fprintf(f, "dhcp-boot=%s,,%s\n", d->boot_file, ip4_format(d->boot_server, server));
	else if (d->boot_file[0])
		fprintf(f, "dhcp-boot=%s\n", d->boot_file);
}

static void write_dns(FILE *f, const struct dhcp_plan *p)
{
	if (!p->bridge->dhcp.dns) {
		fputs("port=0\n", f);
		return;
	}
	fprintf(f,
		"no-hosts\n"
		"no-resolv\n"
		"domain-needed\n"
		"bogus-priv\n"
		"expand-hosts\n"
		"local=/%s/\n"
		"addn-hosts=" FILES "names\n"
		"servers-file=" FILES "servers\n"
		"cache-size=1000\n",
		p->domain);
}

static void write_lease(FILE *f, const struct config_dhcp *d)
{
	if (d->lease_ns == UINT64_MAX)
		fputs("infinite\n", f);
	else
		fprintf(f, "%llu\n", d->lease_ns / NS_PER_S);
}

static void write_range(FILE *f, const struct config_bridge *b)
{
	char first[IP4_TEXT_MAX], last[IP4_TEXT_MAX], mask[IP4_TEXT_MAX];

	fprintf(f, "dhcp-range=%s,%s,%s,", ip4_format(b->dhcp.range.first, first),
		ip4_format(b->dhcp.range.last, last), ip4_format(ip4_mask(b->address.len), mask));
	write_lease(f, &b->dhcp);
}

/*
 * The server is no router (lifetime 0): the bridge's gateway says of itself where it is one. With a
 * range clients ask for an address (M), without one they make theirs of the prefix and ask for the
 * rest (O); the gateway says the same (nat/gateway_advert.c).
 */
static void write_ip6(FILE *f, const struct dhcp_plan *p)
{
	const struct config_dhcp *d = &p->bridge->dhcp;
	char prefix[IPADDR_TEXT_MAX], first[IPADDR_TEXT_MAX], last[IPADDR_TEXT_MAX];
	struct ipaddr_prefix from, to, net = {p->prefix6.addr, 128};

	if (!p->ip6)
		return;
	if (d->range6[0] && config_range6(d->range6, &from, &to) == 0)
		fprintf(f, "dhcp-range=%s,%s,64,", ipaddr_prefix_format(&from, first),
			ipaddr_prefix_format(&to, last));
	else
		fprintf(f, "dhcp-range=%s,ra-stateless,ra-names,64,",
			ipaddr_prefix_format(&net, prefix));
	write_lease(f, d);
	if (d->ra)
		fprintf(f, "enable-ra\nra-param=%s,0,0\n", p->interface);
}

static void write_main(FILE *f, const struct dhcp_plan *p, const char *upstream)
{
	/*
	 * dhcp-ignore-clid: a client is its MAC address, so that a guest cannot take the range by
	 * making up client identifiers, and keeps its address from PXE to its own system.
	 * no-ping: an offer does not wait, and what is in use is known by the lease database.
	 */
	fputs("# Made by weftd for one run of dnsmasq; changes here are lost.\n"
	      "keep-in-foreground\n"
	      "log-facility=-\n"
	      "pid-file=\n"
	      "user=" DHCP_JAIL_USER "\n"
	      "group=" DHCP_JAIL_USER "\n"
	      "bind-dynamic\n"
	      "except-interface=lo\n",
	      f);
	fprintf(f, "interface=%s\ndomain=%s\n", p->interface, p->domain);
	write_dns(f, p);
	fputs("dhcp-authoritative\n"
	      "dhcp-ignore-clid\n"
	      "dhcp-no-override\n"
	      "no-ping\n"
	      "leasefile-ro\n"
	      "dhcp-script=" DHCP_JAIL_LEASE "\n"
	      "dhcp-hostsfile=" FILES "hosts\n"
	      "dhcp-optsfile=" FILES "options\n",
	      f);
	fprintf(f, "dhcp-lease-max=%u\n", dhcp_plan_leases(p));
	write_range(f, p->bridge);
	write_ip6(f, p);
	write_boot(f, &p->bridge->dhcp);
}

/*
 * Everything but the services is closed. Their packets are not tracked: who floods them with made
 * up senders would fill the table of connections. What is tracked is what dnsmasq asks of its
 * upstream servers, whose answers come to ports that only it knows.
 */
static void write_rules(FILE *f, const struct dhcp_plan *p, const char *upstream)
{
	const struct config_dhcp *d = &p->bridge->dhcp;
	const char *dns = d->dns ? ", 53" : "", *tftp = d->tftp_root[0] ? ", 69" : "";
	const char *dhcp6 = p->ip6 ? ", 547" : "";

	fprintf(f,
		"flush ruleset\n"
		"table inet weft {\n"
		"	set served { type inet_service; elements = { 67%s%s%s }; }\n",
		dns, tftp, dhcp6);
	fputs("	chain untracked_in {\n"
	      "		type filter hook prerouting priority raw;\n"
	      "		udp dport @served notrack\n"
	      "		tcp dport 53 notrack\n"
	      "	}\n"
	      "	chain untracked_out {\n"
	      "		type filter hook output priority raw;\n"
	      "		udp sport @served notrack\n"
	      "		tcp sport 53 notrack\n"
	      "	}\n"
	      "	chain input {\n"
	      "		type filter hook input priority filter; policy drop;\n"
	      "		iifname lo accept\n"
	      "		ct state established,related accept\n"
	      "		udp dport @served accept\n",
	      f);
	if (d->dns)
		fputs("		tcp dport 53 accept\n", f);
	fputs("		ip protocol icmp icmp type { echo-request, destination-unreachable, "
	      "time-exceeded, parameter-problem } accept\n",
	      f);
	if (p->ip6)
		fputs("		meta l4proto ipv6-icmp accept\n", f);
	fputs("	}\n"
	      "	chain forward {\n"
	      "		type filter hook forward priority filter; policy drop;\n"
	      "	}\n"
	      "}\n",
	      f);
}

static void write_hosts(FILE *f, const struct dhcp_plan *p, const char *upstream)
{
	for (unsigned i = 0; i < p->n_hosts; i++) {
		const struct dhcp_host *h = &p->hosts[i];
		char mac[MAC_TEXT_MAX], address[IP4_TEXT_MAX];

		fprintf(f, "%s,%s,%s\n", mac_format(&h->mac, mac), ip4_format(h->address, address),
			h->name);
	}
}

static void write_names(FILE *f, const struct dhcp_plan *p, const char *upstream)
{
	for (unsigned i = 0; i < p->n_hosts; i++) {
		char address[IP4_TEXT_MAX];

		fprintf(f, "%s %s\n", ip4_format(p->hosts[i].address, address), p->hosts[i].name);
	}
}

/* ",10.1.1.2,10.1.1.3" of a list; addresses of the other family are left out. */
static void write_addresses(FILE *f, const char *list)
{
	struct ipaddr_prefix addresses[CONFIG_ADDRESSES_MAX];
	int n = ipaddr_list_parse(list, addresses, CONFIG_ADDRESSES_MAX);
	char text[IPADDR_TEXT_MAX];

	for (int i = 0; i < n; i++)
		if (ipaddr_is_ip4(&addresses[i].addr))
			fprintf(f, ",%s", ipaddr_prefix_format(&addresses[i], text));
}

/* An option with a list; `own` is what "auto" means, 0: nothing. An empty one is not sent. */
static void write_option(FILE *f, const char *name, const char *list, uint32_t own)
{
	char text[IP4_TEXT_MAX];

	fprintf(f, "option:%s", name);
	if (strcmp(list, "auto") != 0 && strcmp(list, "none") != 0)
		write_addresses(f, list);
	else if (strcmp(list, "auto") == 0 && own)
		fprintf(f, ",%s", ip4_format(own, text));
	fputc('\n', f);
}

static void write_options(FILE *f, const struct dhcp_plan *p, const char *upstream)
{
	const struct config_dhcp *d = &p->bridge->dhcp;
	char name[CONFIG_NAME_MAX + 4];
	const char *search = d->search;

	write_option(f, "router", d->router, p->bridge->address.addr);
	write_option(f, "dns-server", d->dns_server, d->dns ? d->address : 0);
	if (strcmp(d->ntp_server, "none") != 0)
		write_option(f, "ntp-server", d->ntp_server, 0);
	if (d->mtu)
		fprintf(f, "option:mtu,%u\n", d->mtu);
	if (d->search[0]) {
		fputs("option:domain-search", f);
		while (config_names_next(&search, name))
			fprintf(f, ",%s", name);
		fputc('\n', f);
	}
	for (unsigned i = 0; i < d->n_raw; i++)
		fprintf(f, "%u,%s\n", d->raw[i].code, d->raw[i].value);
}

static void write_servers(FILE *f, const struct dhcp_plan *p, const char *upstream)
{
	struct ipaddr_prefix list[CONFIG_ADDRESSES_MAX];
	int n = ipaddr_list_parse(upstream, list, CONFIG_ADDRESSES_MAX);
	char text[IPADDR_TEXT_MAX];

	for (int i = 0; i < n; i++)
		fprintf(f, "server=%s\n", ipaddr_prefix_format(&list[i], text));
}

static const struct {
	const char *name;
	bool structural;
	void (*write)(FILE *f, const struct dhcp_plan *p, const char *upstream);
} files[] = {
	[DHCP_FILE_MAIN] = {DHCP_CONF, true, write_main},
	[DHCP_FILE_RULES] = {DHCP_RULES, true, write_rules},
	[DHCP_FILE_HOSTS] = {"hosts", false, write_hosts},
	[DHCP_FILE_OPTIONS] = {"options", false, write_options},
	[DHCP_FILE_NAMES] = {"names", false, write_names},
	[DHCP_FILE_SERVERS] = {"servers", false, write_servers},
};
static_assert(ARRAY_SIZE(files) == DHCP_FILE_N, "a row for each file");

const char *dhcp_file_name(enum dhcp_file file)
{
	return files[file].name;
}

bool dhcp_file_is_structural(enum dhcp_file file)
{
	return files[file].structural;
}

char *dhcp_file_text(enum dhcp_file file, const struct dhcp_plan *p, const char *upstream)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	bool ok;

	if (!f)
		return NULL;
	files[file].write(f, p, upstream);
	ok = !ferror(f);
	if (fclose(f) == 0 && ok)
		return text;
	free(text);
	return NULL;
}
