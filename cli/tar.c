/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tar.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BLOCK 512

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], csum[8];
	char type, link[100], magic[6], version[2], user[32], group[32], major[8], minor[8];
	char prefix[155], pad[12];
};
static_assert(sizeof(struct header) == BLOCK, "one block");

static int put(FILE *out, const void *data, size_t len)
{
	static const uint8_t zeros[BLOCK];
	size_t pad = (BLOCK - len % BLOCK) % BLOCK;

	if (fwrite(data, 1, len, out) != len || fwrite(zeros, 1, pad, out) != pad)
		return errno ? -errno : -EIO;
	return 0;
}

/* The sum of the header's bytes, its own field taken as spaces. */
static unsigned sum_of(struct header *h)
{
	const uint8_t *p = (const uint8_t *)h;
	unsigned sum = 0;

	memset(h->csum, ' ', sizeof(h->csum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += p[i];
	return sum;
}

int tar_add(FILE *out, const char *name, const void *data, size_t len, int64_t mtime_s)
{
	struct header h = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
	int ret;

	if (strlen(name) > TAR_NAME_MAX)
		return -ENAMETOOLONG;
	strcpy(h.name, name);
	strcpy(h.mode, "0000600");
	strcpy(h.uid, "0000000");
	strcpy(h.gid, "0000000");
	strcpy(h.user, "root");
	strcpy(h.group, "root");
	snprintf(h.size, sizeof(h.size), "%011zo", len & 077777777777);
	snprintf(h.mtime, sizeof(h.mtime), "%011" PRIo64, (uint64_t)mtime_s & 077777777777);
	snprintf(h.csum, 7, "%06o", sum_of(&h) & 0777777);
	h.csum[7] = ' ';
	ret = put(out, &h, sizeof(h));
	return ret ? ret : put(out, data, len);
}

int tar_finish(FILE *out)
{
	static const uint8_t zeros[2 * BLOCK];
	int ret = put(out, zeros, sizeof(zeros));

	return ret ? ret : fflush(out) ? -errno : 0;
}
