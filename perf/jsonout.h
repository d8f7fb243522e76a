/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_JSONOUT_H
#define PERF_JSONOUT_H

/*
 * A writer of JSON, for a static program that needs no more: values go out in the order of the
 * calls. Inside an object every call carries a key, inside an array it is NULL. Texts are escaped;
 * what is not ASCII goes through as it is. Numbers that are not finite become null.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSONOUT_DEPTH_MAX 16

struct jsonout {
	FILE *file;
	unsigned depth;
	bool filled[JSONOUT_DEPTH_MAX]; /* the level holds a value already */
	char close[JSONOUT_DEPTH_MAX];
};

void jsonout_init(struct jsonout *j, FILE *file);

/* Each begin needs its end; the outermost end writes a newline. */
void jsonout_object(struct jsonout *j, const char *key);
void jsonout_array(struct jsonout *j, const char *key);
void jsonout_end(struct jsonout *j);

void jsonout_text(struct jsonout *j, const char *key, const char *value); /* NULL: null */
void jsonout_integer(struct jsonout *j, const char *key, uint64_t value);
void jsonout_number(struct jsonout *j, const char *key, double value);
void jsonout_bool(struct jsonout *j, const char *key, bool value);
void jsonout_null(struct jsonout *j, const char *key);

#endif
