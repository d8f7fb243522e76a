/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_DECODE_H
#define CONFIG_DECODE_H

#include "config/node.h"
#include "config/schema.h"

/*
 * Fills a configuration from a tree of nodes (NULL: an empty file) by the schema, defaults
 * included, derived values not. `scratch` is for the run only; what the configuration holds lies
 * in its own arena. Wrong values are reported and leave the default in place, so that the later
 * passes can go on and report theirs. Returns NULL only when there is no memory; free with
 * config_free.
 */
struct config *decode_config(const struct node *root, const char *file, struct arena *scratch,
			     struct config_errors *errs);

/* Gives the keys of an object that is in no file their defaults. Returns 0 or -ENOMEM. */
int decode_defaults_of(const struct schema_map *map, void *object, struct arena *arena);

#endif
