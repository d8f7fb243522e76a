/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/mac.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/hash.h"

int mac_parse(const char *text, struct mac *m)
{
	struct mac out;

	for (int i = 0; i < 6; i++) {
		char pair[3] = {0};

		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
			return -EINVAL;
		memcpy(pair, text, 2);
		out.b[i] = (uint8_t)strtoul(pair, NULL, 16);
		text += 2;
		if (i < 5 && *text != ':' && *text != '-')
			return -EINVAL;
		if (i < 5)
			text++;
	}
	if (*text)
		return -EINVAL;
	*m = out;
	return 0;
}

char *mac_format(const struct mac *m, char text[MAC_TEXT_MAX])
{
	snprintf(text, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2],
		 m->b[3], m->b[4], m->b[5]);
	return text;
}

struct mac mac_derive(const char *guest, unsigned nic)
{
	char name[256];
	uint64_t h;

	snprintf(name, sizeof(name), "%s/%u", guest, nic);
	h = hash_text(name);
	return (struct mac){{0x52, 0x57, (uint8_t)(h >> 24), (uint8_t)(h >> 16), (uint8_t)(h >> 8),
			     (uint8_t)h}};
}
