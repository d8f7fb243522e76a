/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What there is to tell of the bridges' DHCP servers: to people, to programs, to Prometheus. */

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "daemon/dhcp.h"
#include "daemon/dhcp_server.h"

/* Leased addresses of the range; reserved ones beside it are not counted. */
static unsigned range_used(const struct dhcp_server *s, const struct ip4_range *range)
{
	unsigned used = 0;

	for (unsigned i = 0; i < s->store.n; i++) {
		const struct ipaddr *a = &s->store.leases[i].address;
		uint32_t addr;

		memcpy(&addr, a->b + 12, sizeof(addr));
		used += ipaddr_is_ip4(a) && ip4_range_contains(range, ntohl(addr));
	}
	return used;
}

static json_t *server_json(struct weftd *d, const struct dhcp_server *s)
{
	const struct config_bridge *b = config_bridge_lookup(d->config, s->name);
	char range[IP4_RANGE_TEXT], address[IP4_TEXT_MAX], name[PORT_NAME_MAX];

	if (!b)
		return NULL;
	snprintf(name, sizeof(name), "%s.dhcp", s->name);
	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:I, s:i, s:s, "
			 "s:i}",
			 "bridge", s->name, "state", dhcp_server_state(s), "error", s->error, "pid",
			 (int)s->process.pid, "port", name, "address",
			 ip4_format(b->dhcp.address, address), "domain",
			 b->dhcp.domain[0] ? b->dhcp.domain : b->name, "range",
			 ip4_range_format(&b->dhcp.range, range), "range_size",
			 (json_int_t)ip4_range_count(&b->dhcp.range), "range_used",
			 (int)range_used(s, &b->dhcp.range), "leases", (int)s->store.n, "refused",
			 (json_int_t)s->refused, "restarts", (int)s->restarts, "dns",
			 b->dhcp.dns ? "on" : "off", "reservations", (int)b->dhcp.n_reservations);
}

json_t *dhcp_show_json(struct weftd *d, const char *bridge)
{
	json_t *list = json_array();
	struct dhcp_server *s;

	LIST_FOREACH (s, &d->dhcp, link)
		if (!bridge || strcmp(bridge, s->name) == 0)
			json_array_append_new(list, server_json(d, s));
	return list;
}

/* {"bridge", "address", "mac", "name", "client", "expires_s"}; expires_s: null for never. */
static json_t *lease_json(const struct dhcp_server *s, const struct lease *l)
{
	char address[IPADDR_TEXT_MAX], mac[MAC_TEXT_MAX] = "";
	int64_t left_s = l->expiry_s - (int64_t)time(NULL);

	if (l->has_mac)
		mac_format(&l->mac, mac);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "bridge", s->name, "address",
			 lease_address(l, address), "mac", mac, "name", l->name, "client", l->id,
			 "expires_s",
			 l->expiry_s ? json_integer(MAX_OF(left_s, (int64_t)0)) : json_null());
}

json_t *dhcp_leases_json(struct weftd *d, const char *bridge)
{
	json_t *list = json_array();
	struct dhcp_server *s;

	LIST_FOREACH (s, &d->dhcp, link)
		for (unsigned i = 0; i < s->store.n; i++)
			if (!bridge || strcmp(bridge, s->name) == 0)
				json_array_append_new(list, lease_json(s, &s->store.leases[i]));
	return list;
}

static uint64_t value_leases(const struct dhcp_server *s, const struct config_bridge *b)
{
	return s->store.n;
}

static uint64_t value_range(const struct dhcp_server *s, const struct config_bridge *b)
{
	return ip4_range_count(&b->dhcp.range);
}

static uint64_t value_used(const struct dhcp_server *s, const struct config_bridge *b)
{
	return range_used(s, &b->dhcp.range);
}

static uint64_t value_refused(const struct dhcp_server *s, const struct config_bridge *b)
{
	return s->refused;
}

static uint64_t value_restarts(const struct dhcp_server *s, const struct config_bridge *b)
{
	return s->restarts;
}

static uint64_t value_up(const struct dhcp_server *s, const struct config_bridge *b)
{
	return s->process.pid && s->ready;
}

static const struct {
	const char *name, *type, *help;
	uint64_t (*value)(const struct dhcp_server *s, const struct config_bridge *b);
} values[] = {
	{"weft_dhcp_up", "gauge", "Whether the bridge's server serves.", value_up},
	{"weft_dhcp_leases", "gauge", "Leases, of both families.", value_leases},
	{"weft_dhcp_range_addresses", "gauge", "Addresses in the range.", value_range},
	{"weft_dhcp_range_used", "gauge", "Those of them that are leased.", value_used},
	{"weft_dhcp_refused_total", "counter", "Requests that found no free address.",
	 value_refused},
	{"weft_dhcp_restarts_total", "counter", "Times that dnsmasq ended by itself.",
	 value_restarts},
};

void dhcp_metrics(struct weftd *d, FILE *f)
{
	struct dhcp_server *s;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", values[i].name, values[i].help,
			values[i].name, values[i].type);
		LIST_FOREACH (s, &d->dhcp, link) {
			const struct config_bridge *b = config_bridge_lookup(d->config, s->name);

			if (b)
				fprintf(f, "%s{bridge=\"%s\"} %" PRIu64 "\n", values[i].name,
					s->name, values[i].value(s, b));
		}
	}
}
