/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dhcp/resolv.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ipaddr.h"
#include "common/util.h"
#include "config/config.h"

static bool is_loopback(const struct ipaddr *a)
{
	static const struct ipaddr one = {.b = {[15] = 1}};

	return ipaddr_is_ip4(a) ? a->b[12] == 127 : memcmp(a, &one, sizeof(one)) == 0;
}

/* The address of a line "nameserver ADDRESS"; false when it is another line, or no use. */
static bool parse_line(const char *line, struct ipaddr_prefix *address)
{
	char word[IPADDR_TEXT_MAX];

	if (sscanf(line, " nameserver %49[0-9a-fA-F.:]", word) != 1)
		return false;
	return ipaddr_prefix_parse(word, address) == 0 && !is_loopback(&address->addr);
}

char *resolv_parse(const char *text, char list[RESOLV_LIST_MAX])
{
	unsigned n = 0;
	size_t used = 0;

	list[0] = '\0';
	while (*text && n < CONFIG_ADDRESSES_MAX) {
		size_t len = strcspn(text, "\n");
		char line[256], address[IPADDR_TEXT_MAX];
		struct ipaddr_prefix p;

		snprintf(line, sizeof(line), "%.*s", (int)MIN_OF(len, sizeof(line) - 1), text);
		text += len + (text[len] == '\n');
		if (!parse_line(line, &p) || used + sizeof(address) + 1 > RESOLV_LIST_MAX)
			continue;
		used += (size_t)snprintf(list + used, RESOLV_LIST_MAX - used, "%s%s",
					 n++ ? " " : "", ipaddr_prefix_format(&p, address));
	}
	return list;
}

char *resolv_host(char list[RESOLV_LIST_MAX])
{
	static const char *const paths[] = {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"};

	list[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(paths) && !list[0]; i++) {
		char text[8192];
		FILE *f = fopen(paths[i], "re");
		size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

		text[n] = '\0';
		resolv_parse(text, list);
		if (f)
			fclose(f);
	}
	return list;
}
