/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/image.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

static bool holds_image(const char *dir)
{
	char probe[PATH_MAX + 32];

	snprintf(probe, sizeof(probe), "%s/vmlinuz", dir);
	return access(probe, R_OK) == 0;
}

void image_find_dir(char *dir, size_t size)
{
	static const char *const places[] = {"../../image", "../lib/weft"};
	const char *env = getenv("WEFT_IMAGE_DIR");
	char exe[PATH_MAX] = "";

	if (env) {
		snprintf(dir, size, "%s", env);
		return;
	}
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0 && strrchr(exe, '/'))
		*strrchr(exe, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(dir, size, "%.*s/%s", (int)size - 32, exe, places[i]);
		if (holds_image(dir))
			return;
	}
}
