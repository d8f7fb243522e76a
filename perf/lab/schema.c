/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/schema.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suggest.h"
#include "common/units.h"

static const char *scalar(yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

const char *schema_text(struct schema *r, yaml_node_t *node, const char *path, const char *what)
{
	const char *text = scalar(node);

	if (!text || !text[0]) {
		diag_add(r->diag, SCHEMA_POS(node), "%s: %s is expected here", path, what);
		return NULL;
	}
	return text;
}

void schema_read_text(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	const char *text = schema_text(r, node, path, "a text");

	if (text)
		*(const char **)out = text;
}

void schema_read_name(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";
	const char *text = schema_text(r, node, path, "a name");

	if (!text)
		return;
	if (strspn(text, allowed) != strlen(text) || text[0] == '.' || strlen(text) > 32) {
		diag_help(
			diag_add(r->diag, SCHEMA_POS(node), "%s: \"%s\" is not a name", path, text),
			"use up to 32 letters, digits, '-', '_' and '.'");
		return;
	}
	*(const char **)out = text;
}

void schema_read_count(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	const char *text = schema_text(r, node, path, "a number");
	char *end;
	long v;

	if (!text)
		return;
	v = strtol(text, &end, 10);
	if (*end || v < 1 || v > SCHEMA_COUNT_MAX) {
		diag_add(r->diag, SCHEMA_POS(node), "%s: \"%s\" is not a number from 1 to %d", path,
			 text, SCHEMA_COUNT_MAX);
		return;
	}
	*(unsigned *)out = (unsigned)v;
}

void schema_read_seconds(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	const char *text = schema_text(r, node, path, "a duration");
	uint64_t ns;

	if (!text)
		return;
	if (units_parse_duration(text, &ns) || ns > 3600000000000ull) {
		diag_help(diag_add(r->diag, SCHEMA_POS(node),
				   "%s: \"%s\" is not a duration of up to 1h", path, text),
			  "write a number with a unit, such as 5s, 500ms or 2m");
		return;
	}
	*(double *)out = (double)ns / 1e9;
}

void schema_read_percent(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	const char *text = schema_text(r, node, path, "a percentage");
	char *end;
	double v;

	if (!text)
		return;
	v = strtod(text, &end);
	if (*end || !(v > 0 && v < 100)) {
		diag_add(r->diag, SCHEMA_POS(node),
			 "%s: \"%s\" is not a percentage between 0 and 100", path, text);
		return;
	}
	*(double *)out = v;
}

static const struct schema_key *lookup_key(struct schema *r, yaml_node_t *key, const char *path,
					   const struct schema_key *keys, size_t n)
{
	const char *name = scalar(key);
	struct diag_entry *entry;
	struct suggest s;

	suggest_init(&s, name ? name : "");
	for (size_t i = 0; i < n; i++) {
		if (name && strcmp(keys[i].key, name) == 0)
			return &keys[i];
		suggest_offer(&s, keys[i].key);
	}
	entry = diag_add(r->diag, SCHEMA_POS(key), "%s%sunknown key \"%s\"", path,
			 path[0] ? ": " : "", name ? name : "?");
	if (s.best)
		diag_help(entry, "did you mean \"%s\"?", s.best);
	return NULL;
}

void schema_read_map(struct schema *r, yaml_node_t *node, const char *path,
		     const struct schema_key *keys, size_t n, void *out)
{
	const struct schema_key *k;
	unsigned seen = 0;
	char inner[128];

	assert(n <= SCHEMA_KEYS_MAX);
	if (node->type != YAML_MAPPING_NODE) {
		diag_add(r->diag, SCHEMA_POS(node), "%s: a mapping (key: value) is expected here",
			 path[0] ? path : "lab file");
		return;
	}
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(r->document, pair->key);

		k = lookup_key(r, name, path, keys, n);
		if (!k)
			continue;
		snprintf(inner, sizeof(inner), "%s%s%s", path, path[0] ? "." : "", k->key);
		if (seen & (1u << (k - keys))) {
			diag_add(r->diag, SCHEMA_POS(name), "%s: given twice", inner);
			continue;
		}
		seen |= 1u << (k - keys);
		k->read(r, yaml_document_get_node(r->document, pair->value), inner,
			(char *)out + k->offset);
	}
	for (size_t i = 0; i < n; i++)
		if (keys[i].required && !(seen & (1u << i)))
			diag_add(r->diag, SCHEMA_POS(node), "%s%skey \"%s\" is missing", path,
				 path[0] ? ": " : "", keys[i].key);
}

unsigned schema_list(struct schema *r, yaml_node_t *node, const char *path, unsigned max)
{
	long n;

	if (node->type != YAML_SEQUENCE_NODE) {
		diag_add(r->diag, SCHEMA_POS(node), "%s: a list is expected here", path);
		return 0;
	}
	n = node->data.sequence.items.top - node->data.sequence.items.start;
	if (n < 1 || n > (long)max) {
		diag_add(r->diag, SCHEMA_POS(node), "%s: %ld entries, 1 to %u are possible", path,
			 n, max);
		return 0;
	}
	return (unsigned)n;
}

yaml_node_t *schema_item(struct schema *r, yaml_node_t *node, unsigned i)
{
	return yaml_document_get_node(r->document, node->data.sequence.items.start[i]);
}

static void complain_about_yaml(struct diag *d, const yaml_parser_t *p)
{
	const yaml_mark_t *m = p->problem_mark.line || p->problem_mark.column ? &p->problem_mark
									      : &p->context_mark;

	diag_help(diag_add(d, (int)m->line + 1, (int)m->column + 1, "not YAML: %s",
			   p->problem ? p->problem : "unreadable"),
		  "indent with spaces, and close what is opened");
}

/* An alias makes a node reachable twice, or a cycle: then there are more edges than a tree has. */
static bool has_alias(yaml_document_t *doc)
{
	size_t nodes = (size_t)(doc->nodes.top - doc->nodes.start), edges = 0;

	for (yaml_node_t *n = doc->nodes.start; n < doc->nodes.top; n++) {
		if (n->type == YAML_SEQUENCE_NODE)
			edges +=
				(size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
		else if (n->type == YAML_MAPPING_NODE)
			edges += 2 *
				 (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
	}
	return nodes && edges != nodes - 1;
}

int schema_load(const char *text, size_t len, yaml_document_t *doc, struct diag *d)
{
	yaml_parser_t parser;
	int ok;

	if (!yaml_parser_initialize(&parser)) {
		diag_add(d, 0, 0, "out of memory");
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	ok = yaml_parser_load(&parser, doc);
	if (!ok)
		complain_about_yaml(d, &parser);
	yaml_parser_delete(&parser);
	if (!ok)
		return -EINVAL;
	if (has_alias(doc)) {
		diag_help(diag_add(d, 0, 0, "aliases (*name) are not supported"), "write it out");
		yaml_document_delete(doc);
		return -EINVAL;
	}
	return 0;
}
