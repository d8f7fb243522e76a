/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk down the nodes with the schema beside it: each key of a mapping is looked up, its value
 * read into the object by type. Nothing here knows a key by name, save `version`, whose number
 * decides whether the rest can be understood at all.
 *
 * The walk recurses as deep as the schema nests, not as deep as the text does.
 */
#include "config/decode.h"

#include <errno.h>
#include <string.h>

#include "common/suggest.h"
#include "config/errors.h"
#include "config/symtab.h"
#include "config/utf8.h"
#include "config/value.h"

#define PATH_TEXT_MAX 192

struct decode {
	struct arena *arena, *scratch;
	struct config_errors *errs;
	int ret; /* -ENOMEM once there was no memory */
};

static void decode_object(struct decode *d, const struct schema_map *map, const struct node *node,
			  void *object);

static void no_memory(struct decode *d)
{
	if (!d->ret)
		d->ret = errors_no_memory(d->errs);
}

static void help_example(struct config_error *e, const struct schema_key *key)
{
	errors_help(e, "for example: %s: %s", key->name, key->example ?: key->fallback);
}

/* "path: expected this, found that" at the value; `text` is what a list of scalars holds. */
static void wrong_value_of(struct decode *d, const struct schema_key *key, const struct node *node,
			   const char *text)
{
	char path[PATH_TEXT_MAX], expected[128], found[64], list[64];
	struct config_error *e;

	if (text)
		snprintf(found, sizeof(found), "'%s'", utf8_excerpt(text, list, sizeof(list) - 2));
	else
		node_describe(node, found, sizeof(found));
	e = errors_add(d->errs, node->pos, "%s: expected %s, found %s",
		       node_path(node, path, sizeof(path)),
		       value_expected(key, expected, sizeof(expected)), found);
	help_example(e, key);
}

static void wrong_value(struct decode *d, const struct schema_key *key, const struct node *node)
{
	wrong_value_of(d, key, node, NULL);
}

/* Returns whether `entry` is the first one of its name, and reports it otherwise. */
static bool is_first(struct decode *d, struct symtab *seen, const char *name,
		     const struct node *entry)
{
	const struct node *first = symtab_add(seen, name, entry);
	char path[PATH_TEXT_MAX], line[ERRORS_LINE_MAX];
	struct config_error *e;

	if (!first)
		return true;
	e = errors_add(d->errs, entry->key_pos, "%s: is there already%s",
		       node_path(entry, path, sizeof(path)), errors_line(first->key_pos, line));
	errors_help(e, "merge the two, or delete one of them");
	return false;
}

static void scalar_default(struct decode *d, const struct schema_key *key, void *object)
{
	switch (key->type) {
	case SCHEMA_WORD:
	case SCHEMA_NAME:
	case SCHEMA_STRING:
	case SCHEMA_PATH:
	case SCHEMA_ADDRESSES:
	case SCHEMA_IP:
	case SCHEMA_RANGES:
	case SCHEMA_NAMES:
		*(const char **)schema_field(key, object) = "";
		break;
	default:
		break;
	}
	if (key->fallback && value_parse(key, key->fallback, object, d->arena) == -ENOMEM)
		no_memory(d);
}

static void decode_defaults(struct decode *d, const struct schema_map *map, void *object)
{
	for (unsigned i = 0; i < map->n_keys; i++) {
		const struct schema_key *key = &map->keys[i];

		if (key->type == SCHEMA_MAP)
			decode_defaults(d, key->map, schema_field(key, object));
		else if (!schema_is_container(key))
			scalar_default(d, key, object);
	}
}

int decode_defaults_of(const struct schema_map *map, void *object, struct arena *arena)
{
	struct config_errors errs = {0};
	struct decode d = {.arena = arena, .errs = &errs};

	decode_defaults(&d, map, object);
	return d.ret;
}

static void pos_set(const struct schema_key *key, void *object, struct config_pos pos)
{
	if (key->pos)
		*(struct config_pos *)((char *)object + key->pos) = pos;
}

/* How a list of scalars is written in one text. */
struct list_form {
	const char *open, *between, *close;
};

static const struct list_form *list_form(const struct schema_key *key)
{
	static const struct list_form words = {"", " ", ""}, flow = {"[", ", ", "]"};

	if (key->type == SCHEMA_ADDRESSES || key->type == SCHEMA_RANGES)
		return &words;
	return key->type == SCHEMA_VLANS || key->type == SCHEMA_NAMES ? &flow : NULL;
}

/* The entries of a list of scalars in one text; NULL when there is another thing among them. */
static const char *join_list(struct decode *d, const struct list_form *form,
			     const struct node *list)
{
	size_t size = strlen(form->open) + strlen(form->close) + 1, used = 0;
	char *text;

	for (const struct node *i = list->first; i; i = i->next) {
		if (i->kind != NODE_SCALAR || node_is_null(i))
			return NULL;
		size += strlen(i->text) + strlen(form->between);
	}
	text = arena_alloc(d->scratch, size);
	if (!text) {
		no_memory(d);
		return NULL;
	}
	used = (size_t)snprintf(text, size, "%s", form->open);
	for (const struct node *i = list->first; i; i = i->next)
		used += (size_t)snprintf(text + used, size - used, "%s%s",
					 i == list->first ? "" : form->between, i->text);
	snprintf(text + used, size - used, "%s", form->close);
	return text;
}

/* The text of a value that is a list, or one entry of it. NULL when it is neither. */
static const char *list_text(struct decode *d, const struct list_form *form,
			     const struct node *node)
{
	if (node->kind == NODE_LIST)
		return join_list(d, form, node);
	if (node->kind != NODE_SCALAR || node_is_null(node) || node->text[0] == '[')
		return node->kind == NODE_SCALAR ? node->text : NULL;
	return arena_printf(d->scratch, "%s%s%s", form->open, node->text, form->close);
}

static void decode_scalar(struct decode *d, const struct schema_key *key, const struct node *node,
			  void *object)
{
	const struct list_form *form = list_form(key);
	const char *text = NULL;
	int ret = -EINVAL;

	pos_set(key, object, node->pos);
	if (form)
		text = list_text(d, form, node);
	else if (node->kind == NODE_SCALAR && !node_is_null(node))
		text = node->text;
	if (text)
		ret = value_parse(key, text, object, d->arena);
	if (ret == -ENOMEM)
		no_memory(d);
	else if (ret)
		wrong_value_of(d, key, node, form && node->kind == NODE_LIST ? text : NULL);
}

/*
 * Makes room for the entries of `node` in the array of `key`. Returns the array, or NULL when
 * there is nothing to read: no entries, too many, no memory.
 */
static void *array_create(struct decode *d, const struct schema_key *key, const struct node *node,
			  void *object, size_t entry_size)
{
	char path[PATH_TEXT_MAX];
	struct config_error *e;
	void *array;

	if (node->n > key->max) {
		e = errors_add(d->errs, node->pos, "%s: %u entries are more than the limit of %u",
			       node_path(node, path, sizeof(path)), node->n, (unsigned)key->max);
		errors_help(e, "remove some entries");
		return NULL;
	}
	if (node->n == 0)
		return NULL;
	array = arena_array(d->arena, node->n, entry_size);
	if (!array)
		no_memory(d);
	*(void **)schema_field(key, object) = array;
	return array;
}

static void *array_entry(const struct schema_key *key, void *object, size_t entry_size)
{
	unsigned *count = (unsigned *)((char *)object + key->count);

	return *(char **)schema_field(key, object) + (*count)++ * entry_size;
}

static void decode_list(struct decode *d, const struct schema_key *key, const struct node *node,
			void *object)
{
	if (node->kind != NODE_LIST) {
		wrong_value(d, key, node);
		return;
	}
	if (!array_create(d, key, node, object, key->map->size))
		return;
	for (const struct node *entry = node->first; entry; entry = entry->next) {
		void *item = array_entry(key, object, key->map->size);

		*(struct config_pos *)item = entry->pos;
		decode_object(d, key->map, entry, item);
	}
}

static void check_name(struct decode *d, const struct schema_map *map, const struct node *entry)
{
	char path[PATH_TEXT_MAX], name[48];
	struct config_error *e;

	if (value_is_name(entry->key, CONFIG_NAME_MAX))
		return;
	e = errors_add(d->errs, entry->key_pos, "%s: '%s' cannot be the name of a %s",
		       node_path(entry->parent, path, sizeof(path)),
		       utf8_excerpt(entry->key, name, sizeof(name)), map->noun);
	errors_help(e,
		    "a name is up to %d letters, digits, '_', '.' and '-', and begins with a "
		    "letter or a digit",
		    CONFIG_NAME_MAX);
}

static void decode_named(struct decode *d, const struct schema_key *key, const struct node *node,
			 void *object)
{
	struct symtab seen;

	if (node->kind != NODE_MAP) {
		wrong_value(d, key, node);
		return;
	}
	if (!array_create(d, key, node, object, key->map->size))
		return;
	if (symtab_init(&seen, d->scratch, node->n)) {
		no_memory(d);
		return;
	}
	for (const struct node *entry = node->first; entry; entry = entry->next) {
		void *item;

		if (entry->bad || !is_first(d, &seen, entry->key, entry))
			continue;
		check_name(d, key->map, entry);
		item = array_entry(key, object, key->map->size);
		*(struct config_pos *)item = entry->key_pos;
		decode_object(d, key->map, entry, item);
		*(const char **)((char *)item + key->map->name) =
			arena_strdup(d->arena, entry->key) ?: (no_memory(d), "");
	}
}

/* Reads `MAC: PORT` by the types that a key for each of the two would have. */
static void decode_static(struct decode *d, struct symtab *seen, const struct node *entry,
			  const struct schema_key *key, void *object)
{
	static const struct schema_key mac = {
		.name = "static",
		.type = SCHEMA_MAC,
		.offset = offsetof(struct config_static, mac),
		.example = "{52:54:00:12:34:56: vm7}",
	};
	static const struct schema_key port = {
		.name = "static",
		.type = SCHEMA_NAME,
		.offset = offsetof(struct config_static, port),
		.max = CONFIG_NAME_MAX + 3,
		.example = "{52:54:00:12:34:56: vm7}",
	};
	struct config_static value = {.pos = entry->key_pos, .port = ""};
	char text[MAC_TEXT_MAX], path[PATH_TEXT_MAX], word[48], *name;
	struct config_error *e;

	if (value_parse(&mac, entry->key, &value, d->arena)) {
		e = errors_add(d->errs, entry->key_pos,
			       "%s: expected a unicast MAC address as the key, found '%s'",
			       node_path(entry->parent, path, sizeof(path)),
			       utf8_excerpt(entry->key, word, sizeof(word)));
		help_example(e, &mac);
		return;
	}
	name = arena_strdup(d->scratch, mac_format(&value.mac, text));
	if (!name) {
		no_memory(d);
		return;
	}
	if (!is_first(d, seen, name, entry))
		return;
	decode_scalar(d, &port, entry, &value);
	if (value.port[0])
		*(struct config_static *)array_entry(key, object, sizeof(value)) = value;
}

static void decode_statics(struct decode *d, const struct schema_key *key, const struct node *node,
			   void *object)
{
	struct symtab seen;

	if (node->kind != NODE_MAP) {
		wrong_value(d, key, node);
		return;
	}
	if (!array_create(d, key, node, object, sizeof(struct config_static)))
		return;
	if (symtab_init(&seen, d->scratch, node->n)) {
		no_memory(d);
		return;
	}
	for (const struct node *entry = node->first; entry; entry = entry->next)
		if (!entry->bad)
			decode_static(d, &seen, entry, key, object);
}

static void decode_value(struct decode *d, const struct schema_key *key, const struct node *node,
			 void *object)
{
	if (schema_is_container(key) && node_is_null(node))
		return;
	switch (key->type) {
	case SCHEMA_MAP:
		pos_set(key, object, node->key_pos);
		if (node->kind == NODE_MAP)
			decode_object(d, key->map, node, schema_field(key, object));
		else if (key->map->shorthand && node->kind == NODE_SCALAR)
			decode_scalar(d, schema_lookup(key->map, key->map->shorthand), node,
				      schema_field(key, object));
		else
			wrong_value(d, key, node);
		break;
	case SCHEMA_NAMED:
		decode_named(d, key, node, object);
		break;
	case SCHEMA_LIST:
		decode_list(d, key, node, object);
		break;
	case SCHEMA_STATICS:
		decode_statics(d, key, node, object);
		break;
	default:
		decode_scalar(d, key, node, object);
	}
}

static void keys_list(const struct schema_map *map, char *text, size_t size)
{
	size_t used = 0;

	for (unsigned i = 0; i < map->n_keys && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
					 map->keys[i].name);
}

static void unknown_key(struct decode *d, const struct schema_map *map, const struct node *entry)
{
	char path[PATH_TEXT_MAX], valid[128];
	struct config_error *e;
	struct suggest s;

	node_path(entry, path, sizeof(path));
	if (schema_is_later(map, entry->key)) {
		e = errors_add(d->errs, entry->key_pos,
			       "%s: is not supported by this version of weft yet", path);
		errors_help(e, "remove it; weft.yaml(5) lists what works");
		return;
	}
	e = errors_add(d->errs, entry->key_pos, "%s: unknown key", path);
	suggest_init(&s, entry->key);
	for (unsigned i = 0; i < map->n_keys; i++)
		suggest_offer(&s, map->keys[i].name);
	keys_list(map, valid, sizeof(valid));
	if (s.best)
		errors_help(e, "did you mean '%s'?", s.best);
	else
		errors_help(e, "a %s has: %s", map->noun, valid);
}

static void decode_keys(struct decode *d, const struct schema_map *map, const struct node *node,
			void *object)
{
	struct symtab seen;

	if (symtab_init(&seen, d->scratch, node->n)) {
		no_memory(d);
		return;
	}
	for (const struct node *entry = node->first; entry; entry = entry->next) {
		const struct schema_key *key;

		if (entry->bad || !is_first(d, &seen, entry->key, entry))
			continue;
		key = schema_lookup(map, entry->key);
		if (key)
			decode_value(d, key, entry, object);
		else
			unknown_key(d, map, entry);
	}
}

/* Where an object is written: its name, or its place in a list. */
static struct config_pos object_pos(const struct node *node)
{
	return node->key ? node->key_pos : node->pos;
}

static void check_required(struct decode *d, const struct schema_map *map, const struct node *node)
{
	char path[PATH_TEXT_MAX];

	for (unsigned i = 0; i < map->n_keys; i++) {
		const struct schema_key *key = &map->keys[i];
		struct config_error *e;

		if (!(key->flags & SCHEMA_REQUIRED) || node_lookup(node, key->name))
			continue;
		node_path(node, path, sizeof(path));
		e = errors_add(d->errs, object_pos(node), "%s%s%s: missing", path,
			       path[0] ? "." : "", key->name);
		errors_help(e, "add the line `%s: %s`", key->name, key->example ?: key->fallback);
	}
}

static bool has_later_key(const struct schema_map *map, const struct node *node)
{
	for (const struct node *entry = node->first; entry; entry = entry->next)
		if (entry->bad || schema_is_later(map, entry->key))
			return true;
	return false;
}

static void missing_kind(struct decode *d, const struct schema_map *map, const struct node *node)
{
	char path[PATH_TEXT_MAX], kinds[96] = "";
	struct config_error *e;
	size_t used = 0;

	for (unsigned i = 0; map->kinds[i] && used < sizeof(kinds); i++)
		used += (size_t)snprintf(kinds + used, sizeof(kinds) - used, "%s%s", i ? ", " : "",
					 map->kinds[i]);
	e = errors_add(d->errs, object_pos(node), "%s: needs one of %s",
		       node_path(node, path, sizeof(path)), kinds);
	help_example(e, schema_lookup(map, map->kinds[0]));
}

/* The number of `name` among the kinds of `map`, or -1. */
static int kind_number(const struct schema_map *map, const char *name)
{
	for (int i = 0; map->kinds[i]; i++)
		if (strcmp(map->kinds[i], name) == 0)
			return i;
	return -1;
}

/* An object whose keys exclude each other takes its kind from the one that is there. */
static void decode_kind(struct decode *d, const struct schema_map *map, const struct node *node,
			void *object)
{
	const struct node *first = NULL;
	char path[PATH_TEXT_MAX];
	struct config_error *e;

	for (const struct node *entry = node->first; entry; entry = entry->next) {
		int kind = kind_number(map, entry->key);

		if (kind < 0)
			continue;
		if (!first) {
			first = entry;
			*(unsigned *)((char *)object + map->kind) = (unsigned)kind;
		} else if (strcmp(first->key, entry->key) != 0) {
			e = errors_add(d->errs, entry->key_pos, "%s: this %s has '%s' already",
				       node_path(entry, path, sizeof(path)), map->noun, first->key);
			errors_help(e, "keep one of the two");
		}
	}
	if (!first && !map->kind_optional && !has_later_key(map, node))
		missing_kind(d, map, node);
}

static void decode_object(struct decode *d, const struct schema_map *map, const struct node *node,
			  void *object)
{
	char path[PATH_TEXT_MAX], found[64];
	struct config_error *e;

	decode_defaults(d, map, object);
	if (node->bad)
		return;
	if (node->kind != NODE_MAP && !node_is_null(node)) {
		node_path(node, path, sizeof(path));
		e = errors_add(d->errs, node->pos, "%s%sexpected a mapping of keys, found %s", path,
			       path[0] ? ": " : "", node_describe(node, found, sizeof(found)));
		errors_help(e, "write `key: value` for each thing to set");
		return;
	}
	decode_keys(d, map, node, object);
	check_required(d, map, node);
	if (map->kinds)
		decode_kind(d, map, node, object);
}

/* Returns false when the file is of another version than this program understands. */
static bool check_version(struct decode *d, const struct node *root)
{
	const struct node *version = node_lookup(root, "version");
	struct config_error *e;
	char found[64];

	if (!version || version->bad || version->kind != NODE_SCALAR ||
	    strcmp(version->text, "1") == 0)
		return true;
	e = errors_add(d->errs, version->pos, "version: this weft reads version 1, found %s",
		       node_describe(version, found, sizeof(found)));
	errors_help(e, "write `version: 1`, or install the weft that the file was written for");
	return false;
}

struct config *decode_config(const struct node *root, const char *file, struct arena *scratch,
			     struct config_errors *errs)
{
	struct arena *arena = arena_create();
	struct decode d = {.arena = arena, .scratch = scratch, .errs = errs};
	struct config *c = arena ? arena_alloc(arena, sizeof(*c)) : NULL;

	if (!c)
		goto err_memory;
	c->arena = arena;
	c->file = arena_strdup(arena, file);
	if (!c->file)
		goto err_memory;
	decode_defaults(&d, &schema_root, c);
	if (root && !node_is_null(root) && check_version(&d, root))
		decode_object(&d, &schema_root, root, c);
	if (d.ret)
		goto err_arena;
	return c;

err_memory:
	errors_no_memory(errs);
err_arena:
	arena_destroy(arena);
	return NULL;
}
