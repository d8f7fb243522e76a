/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_TAR_H
#define CLI_TAR_H

/* An archive of plain files in the ustar format (IEEE 1003.1, pax), written as it comes. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TAR_NAME_MAX 99

/* Adds a file, mode 0600, of `len` bytes. Returns 0 or -errno: ENAMETOOLONG, or of the writing. */
int tar_add(FILE *out, const char *name, const void *data, size_t len, int64_t mtime_s);
/* Writes the end of the archive. Returns 0 or -errno. */
int tar_finish(FILE *out);

#endif
