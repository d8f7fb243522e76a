/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dhcp/lease_event.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

/* The fields of an event, each in the place of its name. */
enum field {
	FIELD_VERB,
	FIELD_CLIENT, /* MAC; IPv6: DUID */
	FIELD_ADDRESS,
	FIELD_NAME,
	FIELD_CLIENT_ID,
	FIELD_EXPIRES, /* seconds since 1970 */
	FIELD_IAID,    /* IPv6 */
	FIELD_MAC,     /* IPv6, where dnsmasq knows it */
	FIELD_SERVER_DUID,
	FIELD_N
};

static const char *const field_names[] = {
	"verb",
	"client",
	"address",
	"name",
	"DNSMASQ_CLIENT_ID",
	"DNSMASQ_LEASE_EXPIRES",
	"DNSMASQ_IAID",
	"DNSMASQ_MAC",
	"DNSMASQ_SERVER_DUID",
};
static_assert(ARRAY_SIZE(field_names) == FIELD_N, "a name for each field");

static enum lease_action action_of(const char *verb)
{
	if (strcmp(verb, "add") == 0)
		return LEASE_ADD;
	if (strcmp(verb, "old") == 0)
		return LEASE_OLD;
	return strcmp(verb, "del") == 0 ? LEASE_DEL : LEASE_IGNORE;
}

size_t lease_event_format(char *const argv[], char text[LEASE_EVENT_MAX])
{
	size_t used = 0;

	if (!argv[0] || action_of(argv[0]) == LEASE_IGNORE || !argv[1] || !argv[2])
		return 0;
	for (unsigned i = 0; i < FIELD_N; i++) {
		const char *value = i > FIELD_NAME ? getenv(field_names[i]) : argv[i];
		int len;

		if (!value)
			continue;
		if (strchr(value, '\n'))
			return 0;
		len = snprintf(text + used, LEASE_EVENT_MAX - used, "%s=%s\n", field_names[i],
			       value);
		if (len < 0 || (size_t)len >= LEASE_EVENT_MAX - used)
			return 0;
		used += (size_t)len;
	}
	return used;
}

/* Cuts the text into its fields; those that are not there are "". */
static void split(char *text, const char *fields[FIELD_N])
{
	char *line, *rest = NULL;

	for (unsigned i = 0; i < FIELD_N; i++)
		fields[i] = "";
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = '\0';
		for (unsigned i = 0; i < FIELD_N; i++)
			if (strcmp(line, field_names[i]) == 0)
				fields[i] = value;
	}
}

/* Without a time the lease has just ended: dnsmasq always gives one. */
static int64_t expiry_of(const char *text, int64_t now_s)
{
	char *end;
	long long v = strtoll(text, &end, 10);

	return text[0] && !*end && v >= 0 ? v : now_s;
}

int lease_event_parse(struct lease_event *ev, char *text, int64_t now_s)
{
	const char *fields[FIELD_N], *key, *id;
	struct ipaddr_prefix address;
	int ret;

	*ev = (struct lease_event){0};
	split(text, fields);
	ev->action = action_of(fields[FIELD_VERB]);
	if (ev->action == LEASE_IGNORE)
		return 0;
	if (ipaddr_prefix_parse(fields[FIELD_ADDRESS], &address) || address.len != 128)
		return -EINVAL;
	ev->lease.address = address.addr;
	snprintf(ev->duid, sizeof(ev->duid), "%s", fields[FIELD_SERVER_DUID]);
	if (ev->action == LEASE_DEL)
		return 0;
	key = ipaddr_is_ip4(&address.addr) ? fields[FIELD_CLIENT] : fields[FIELD_IAID];
	id = ipaddr_is_ip4(&address.addr) ? fields[FIELD_CLIENT_ID] : fields[FIELD_CLIENT];
	ret = lease_init(&ev->lease, fields[FIELD_ADDRESS], key,
			 expiry_of(fields[FIELD_EXPIRES], now_s), fields[FIELD_NAME], id);
	if (ret == 0 && mac_parse(fields[FIELD_MAC], &ev->lease.mac) == 0)
		ev->lease.has_mac = true;
	return ret;
}

void lease_event_fini(struct lease_event *ev)
{
	lease_fini(&ev->lease);
}

int lease_event_apply(struct lease_event *ev, struct lease_store *s)
{
	struct lease l = ev->lease;

	if (ev->action == LEASE_IGNORE)
		return 0;
	if (ev->duid[0])
		snprintf(s->duid, sizeof(s->duid), "%s", ev->duid);
	if (ev->action == LEASE_DEL) {
		lease_store_del(s, &l.address);
		return 0;
	}
	ev->lease = (struct lease){0};
	return lease_store_put(s, &l);
}
