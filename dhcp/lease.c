/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dhcp/lease.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DUID_LLT = 1, DUID_LL = 3, HARDWARE_ETHERNET = 1 };

static bool is_none(const char *text)
{
	return !text[0] || strcmp(text, "*") == 0;
}

/* What a client says of itself goes into files and tables: printable, no blanks. */
static bool is_word(const char *text, size_t max)
{
	size_t len = strlen(text);

	for (const char *p = text; *p; p++)
		if (!isgraph((unsigned char)*p))
			return false;
	return len > 0 && len < max;
}

/* The MAC address in a DUID of type 1 or 3 for Ethernet: "00:01:00:01:TT:TT:TT:TT:MAC". */
static bool duid_mac(const char *duid, struct mac *mac)
{
	unsigned type, hardware;

	if (sscanf(duid, "00:%2x:00:%2x:", &type, &hardware) != 2 || hardware != HARDWARE_ETHERNET)
		return false;
	if (type == DUID_LLT && strlen(duid) == 14 * 3 - 1)
		return mac_parse(duid + 8 * 3, mac) == 0;
	return type == DUID_LL && strlen(duid) == 10 * 3 - 1 && mac_parse(duid + 4 * 3, mac) == 0;
}

int lease_init(struct lease *l, const char *address, const char *key, int64_t expiry_s,
	       const char *name, const char *id)
{
	struct ipaddr_prefix p;

	*l = (struct lease){.expiry_s = expiry_s};
	if (!is_word(key, sizeof(l->key)) || expiry_s < 0 || ipaddr_prefix_parse(address, &p) ||
	    p.len != 128 || (!is_none(name) && !is_word(name, LEASE_NAME_MAX)) ||
	    (!is_none(id) && !is_word(id, LEASE_ID_MAX)))
		return -EINVAL;
	l->address = p.addr;
	snprintf(l->key, sizeof(l->key), "%s", key);
	l->has_mac = ipaddr_is_ip4(&p.addr) ? mac_parse(key, &l->mac) == 0 : duid_mac(id, &l->mac);
	l->name = strdup(is_none(name) ? "" : name);
	l->id = strdup(is_none(id) ? "" : id);
	if (l->name && l->id)
		return 0;
	lease_fini(l);
	return -ENOMEM;
}

int lease_parse(struct lease *l, const char *line)
{
	char key[LEASE_KEY_MAX], address[IPADDR_TEXT_MAX], name[LEASE_NAME_MAX], id[LEASE_ID_MAX];
	int64_t expiry_s;
	int end = 0;

	*l = (struct lease){0};
	if (strlen(line) >= LEASE_LINE_MAX ||
	    sscanf(line, "%" SCNd64 " %47s %49s %255s %767s%n", &expiry_s, key, address, name, id,
		   &end) != 5 ||
	    line[end])
		return -EINVAL;
	return lease_init(l, address, key, expiry_s, name, id);
}

void lease_fini(struct lease *l)
{
	free(l->name);
	free(l->id);
	*l = (struct lease){0};
}

void lease_print(const struct lease *l, FILE *f)
{
	char address[IPADDR_TEXT_MAX];

	fprintf(f, "%" PRId64 " %s %s %s %s\n", l->expiry_s, l->key, lease_address(l, address),
		l->name[0] ? l->name : "*", l->id[0] ? l->id : "*");
}

bool lease_is_over(const struct lease *l, int64_t now_s)
{
	return l->expiry_s && l->expiry_s <= now_s;
}

char *lease_address(const struct lease *l, char text[IPADDR_TEXT_MAX])
{
	return ipaddr_prefix_format(&(struct ipaddr_prefix){l->address, 128}, text);
}
