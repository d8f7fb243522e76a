/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_NODE_H
#define CONFIG_NODE_H

/*
 * A YAML document as a tree of untyped nodes with positions. The schema, not YAML, decides what a
 * plain word means, so `no` can be a word and 10:20 is never a number in base 60.
 */

#include <stdbool.h>
#include <stddef.h>

#include "config/arena.h"
#include "config/config.h"

#define NODE_DEPTH_MAX 16 /* maps and lists within each other */

enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST };

struct node {
	enum node_kind kind;
	bool plain; /* a scalar without quotes */
	bool bad;   /* reported already: to be skipped silently */
	struct config_pos pos;
	struct config_pos key_pos;
	const char *key;  /* entry of a map, else NULL */
	const char *text; /* scalar, else NULL */
	unsigned index;	  /* entry of a list */
	unsigned n;	  /* entries of a map or list */
	struct node *parent, *first, *last, *next;
};

/* Makes a node of `kind` at the end of `parent` (NULL: a root). NULL when there is no memory. */
struct node *node_create(struct arena *a, struct node *parent, enum node_kind kind, const char *key,
			 const char *text);

/* Makes `n` an empty node of `kind`, without entries or text; it keeps its key and its place. */
void node_clear(struct node *n, enum node_kind kind);

/* Takes `n` out of its parent; it stays in the arena. */
void node_del(struct node *n);

/* The entry of map `n` named `key`, or NULL; also NULL when `n` is no map. */
struct node *node_lookup(const struct node *n, const char *key);

/* Nothing written: an empty plain scalar, `~` or `null`. */
bool node_is_null(const struct node *n);

/* "guests.alpha.nics[0].mac", for messages; of the root "". */
char *node_path(const struct node *n, char *path, size_t size);

/* "'word'", "a list", "a mapping" or "nothing": what was found, for messages. */
char *node_describe(const struct node *n, char *text, size_t size);

#endif
