/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_KEYPATH_H
#define CONFIG_KEYPATH_H

/*
 * Dotted keys as people write them for `set` and `get`: `image.kernel`, `nics[0].mac`. They are the
 * paths of the error messages without the name of the object.
 */

#include "common/err.h"

#define KEYPATH_NAME_MAX 64

struct keypath_step {
	char name[KEYPATH_NAME_MAX];
	int index; /* of an entry in a list; -1: none was written */
};

/*
 * Takes the next step off `*path`, which moves behind it. Returns 1, 0 at the end of the path, or
 * -EINVAL with a message when it is malformed.
 */
int keypath_next(const char **path, struct keypath_step *step, struct err *e);

#endif
