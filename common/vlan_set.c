/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/vlan_set.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool vlan_set_is_empty(const struct vlan_set *s)
{
	for (unsigned i = 0; i < 64; i++)
		if (s->bits[i])
			return false;
	return true;
}

static const char *skip_space(const char *p)
{
	while (*p == ' ')
		p++;
	return p;
}

/* Returns what follows the number, or NULL when there is none in the range. */
static const char *parse_vid(const char *p, unsigned long *vid)
{
	char *end;

	if (!isdigit((unsigned char)*p))
		return NULL;
	*vid = strtoul(p, &end, 10);
	return *vid >= 1 && *vid <= VLAN_ID_MAX ? skip_space(end) : NULL;
}

int vlan_set_parse(const char *text, struct vlan_set *s)
{
	struct vlan_set set = {0};
	const char *p = skip_space(text);
	bool bracket = *p == '[';

	p = skip_space(p + bracket);
	for (;;) {
		unsigned long first, last;

		p = parse_vid(p, &first);
		last = first;
		if (p && *p == '-')
			p = parse_vid(skip_space(p + 1), &last);
		if (!p || last < first)
			return -EINVAL;
		for (; first <= last; first++)
			vlan_set_add(&set, (uint16_t)first);
		if (*p != ',')
			break;
		p = skip_space(p + 1);
	}
	if (bracket && *p++ != ']')
		return -EINVAL;
	if (*skip_space(p))
		return -EINVAL;
	*s = set;
	return 0;
}

static unsigned range_end(const struct vlan_set *s, unsigned vid)
{
	while (vid < VLAN_ID_MAX && vlan_set_has(s, (uint16_t)(vid + 1)))
		vid++;
	return vid;
}

char *vlan_set_format(const struct vlan_set *s, char *text, size_t size)
{
	const char *joint = "[";
	size_t used = 0;

	text[0] = '\0';
	for (unsigned vid = 1, last; vid <= VLAN_ID_MAX; vid = last + 1) {
		char range[16];
		int n;

		last = vid;
		if (!vlan_set_has(s, (uint16_t)vid))
			continue;
		last = range_end(s, vid);
		n = snprintf(range, sizeof(range), last == vid ? "%s%u" : "%s%u-%u", joint, vid,
			     last);
		if (used + (size_t)n + 2 > size)
			break;
		used += (size_t)snprintf(text + used, size - used, "%s", range);
		joint = ", ";
	}
	if (used)
		snprintf(text + used, size - used, "]");
	return text;
}
