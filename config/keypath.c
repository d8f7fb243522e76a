/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/keypath.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int malformed(const char *path, struct err *e)
{
	return err_set(e, EINVAL, "'%.64s' is no key; write it as image.kernel or nics[0].mac",
		       path);
}

int keypath_next(const char **path, struct keypath_step *step, struct err *e)
{
	const char *p = *path;
	size_t len = strcspn(p, ".[");

	if (!*p)
		return 0;
	if (len == 0 || len >= sizeof(step->name))
		return malformed(*path, e);
	memcpy(step->name, p, len);
	step->name[len] = '\0';
	step->index = -1;
	p += len;
	if (*p == '[') {
		size_t digits = strspn(p + 1, "0123456789");

		if (digits == 0 || digits > 4 || p[digits + 1] != ']')
			return malformed(*path, e);
		step->index = atoi(p + 1);
		p += digits + 2;
	}
	if (*p && (*p != '.' || !p[1]))
		return malformed(*path, e);
	*path = *p ? p + 1 : p;
	return 1;
}
