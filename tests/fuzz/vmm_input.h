/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_VMM_INPUT_H
#define TESTS_FUZZ_VMM_INPUT_H

/* What the fuzz targets of weft-vmm share: how an input is used up, and a disk. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/util.h"

#define DISK_BYTES 65536

struct input {
	const uint8_t *p;
	size_t left;
};

/* The next 1 to 4 bytes as a number; what is not there any more is zero. */
static inline uint32_t take(struct input *in, unsigned bytes)
{
	uint32_t v = 0;

	bytes = (unsigned)MIN_OF((size_t)bytes, in->left);
	memcpy(&v, in->p, bytes);
	in->p += bytes;
	in->left -= bytes;
	return v;
}

/* A disk of DISK_BYTES in memory, the same one for all inputs. */
static inline const char *disk_path(void)
{
	static char path[32];

	if (!path[0]) {
		int fd = memfd_create("disk", MFD_CLOEXEC);

		if (fd < 0 || ftruncate(fd, DISK_BYTES) < 0)
			abort();
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	return path;
}

#endif
