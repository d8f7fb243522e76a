/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_SCHEMA_H
#define PERF_LAB_SCHEMA_H

/*
 * Reading a YAML document by tables: a mapping is described by its keys, each with the function
 * that reads its value and the place in a struct where the value goes. Whatever is wrong is
 * reported at its place and reading goes on, so that one run shows all errors.
 *
 * Strings are borrowed from the document. YAML leaves scalars untyped here: the reader of a key
 * decides what it is, so that `on`, `12:30` and `1e3` mean what the table says.
 */

#include <stdbool.h>
#include <yaml.h>

#include "perf/lab/diag.h"

#define SCHEMA_COUNT_MAX 30
#define SCHEMA_KEYS_MAX	 32 /* bits of a word that says which were seen */

struct schema {
	yaml_document_t *document;
	struct diag *diag;
	void *arg; /* the readers' own */
};

/* Reads `node`, called `path` in messages, to `out`; a complaint leaves `out` as it is. */
typedef void schema_read(struct schema *r, yaml_node_t *node, const char *path, void *out);

struct schema_key {
	const char *key;
	schema_read *read;
	size_t offset; /* of `out` in the struct that stands for the mapping */
	bool required;
};

/* A node's line and column, from 1, as diag_add takes them. */
#define SCHEMA_POS(n) (int)(n)->start_mark.line + 1, (int)(n)->start_mark.column + 1

/* Parses text into `doc`, the caller's to delete. 0, or -errno with a complaint: aliases too. */
int schema_load(const char *text, size_t len, yaml_document_t *doc, struct diag *d);

/* Reads the mapping `node` into `out` by its `n` keys, at most SCHEMA_KEYS_MAX. */
void schema_read_map(struct schema *r, yaml_node_t *node, const char *path,
		     const struct schema_key *keys, size_t n, void *out);

/* Number of items of the list `node`, 1 to `max`; 0 after a complaint. */
unsigned schema_list(struct schema *r, yaml_node_t *node, const char *path, unsigned max);
yaml_node_t *schema_item(struct schema *r, yaml_node_t *node, unsigned i);

/* The text of a scalar, or NULL after the complaint that `what` is expected. */
const char *schema_text(struct schema *r, yaml_node_t *node, const char *path, const char *what);

/* Readers; `out` is a const char *, the same, an unsigned of 1 to SCHEMA_COUNT_MAX, a double. */
schema_read schema_read_text, schema_read_name, schema_read_count;
schema_read schema_read_seconds; /* "500ms", up to 1h */
schema_read schema_read_percent; /* between 0 and 100 */

#endif
