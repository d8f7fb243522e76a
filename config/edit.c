/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An edit is made on nodes, not on structs: the configuration is printed, read into nodes, the
 * nodes are changed, and the ordinary passes make a new configuration of them. So an edit can say
 * all that a file can say, is checked as a file is, and derived values follow by themselves.
 * Positions of the printed text mean nothing to anybody and are forgotten.
 */
#include "config/edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/suggest.h"
#include "config/decode.h"
#include "config/derive.h"
#include "config/errors.h"
#include "config/keypath.h"
#include "config/reader.h"
#include "config/value.h"

struct edit_kind {
	const char *name;
	const char *section;
	bool has_names;
};

static const struct edit_kind kinds[] = {
	{"switch", "switch", false}, {"bridge", "bridges", true}, {"uplink", "uplinks", true},
	{"port", "ports", true},     {"guest", "guests", true},
};

struct edit {
	struct arena *arena;
	struct node *root;
	struct config_errors errs;
	struct err *e;
};

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory; free some memory and try again");
}

static const struct edit_kind *kind_lookup(const char *name, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	err_set(e, EINVAL, "there is no kind '%.32s'; write switch, bridge, uplink, port or guest",
		name);
	return NULL;
}

static const struct schema_key *kind_key(const struct edit_kind *kind)
{
	return schema_lookup(&schema_root, kind->section);
}

/* The object `name` of `kind` in `c`; NULL with a message when there is none. */
static const void *object_lookup(const struct config *c, const struct edit_kind *kind,
				 const char *name, struct err *e)
{
	const struct schema_key *key = kind_key(kind);
	struct suggest s;

	if (!kind->has_names)
		return schema_field(key, c);
	suggest_init(&s, name);
	for (unsigned i = 0; i < schema_count(key, c); i++) {
		const void *object = schema_entry(key, c, i);

		if (strcmp(schema_name(key->map, object), name) == 0)
			return object;
		suggest_offer(&s, schema_name(key->map, object));
	}
	if (s.best)
		err_set(e, ENOENT, "there is no %s '%.64s'; did you mean '%s'?", kind->name, name,
			s.best);
	else
		err_set(e, ENOENT, "there is no %s '%.64s'; `weft show` lists what there is",
			kind->name, name);
	return NULL;
}

static int edit_begin(struct edit *ed, const struct config *c, struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int ret = -ENOMEM;

	*ed = (struct edit){.e = e, .arena = out ? arena_create() : NULL};
	if (out) {
		config_print(c, false, out);
		if (fclose(out) == 0 && ed->arena)
			ret = reader_read(text, len, ed->arena, &ed->errs, &ed->root);
	}
	free(text);
	if (!ret)
		return 0;
	arena_destroy(ed->arena);
	return no_memory(e);
}

static void positions_forget(struct node *n)
{
	n->pos = n->key_pos = (struct config_pos){0};
	for (struct node *i = n->first; i; i = i->next)
		positions_forget(i);
}

/* The ordinary passes over the edited nodes; ends the edit. */
static struct config *edit_finish(struct edit *ed)
{
	struct config *c;

	positions_forget(ed->root);
	c = decode_config(ed->root, "", ed->arena, &ed->errs);
	if (c && !derive_config(c, ed->arena, &ed->errs))
		config_check(c, false, &ed->errs);
	if (ed->errs.n_errors) {
		errors_to_err(&ed->errs, ed->e);
		config_free(c);
		c = NULL;
	}
	arena_destroy(ed->arena);
	return c;
}

static struct config *edit_abort(struct edit *ed)
{
	arena_destroy(ed->arena);
	return NULL;
}

/* The entry `key` of `parent`, which becomes a map if it is none; made if need be. */
static struct node *map_entry(struct edit *ed, struct node *parent, const char *key)
{
	struct node *n;

	if (parent->kind != NODE_MAP)
		node_clear(parent, NODE_MAP);
	n = node_lookup(parent, key);
	key = n ? key : arena_strdup(ed->arena, key);
	if (!n && key)
		n = node_create(ed->arena, parent, NODE_MAP, key, NULL);
	if (!n)
		no_memory(ed->e);
	return n;
}

/* Entry `index` of the list `n`, which becomes one if it is none; the one behind the last is made.
 */
static struct node *list_entry(struct edit *ed, struct node *n, unsigned index)
{
	struct node *entry;

	if (n->kind != NODE_LIST)
		node_clear(n, NODE_LIST);
	if (index > n->n) {
		err_set(ed->e, EINVAL, "%s: there is no entry %u; the next one is %s[%u]", n->key,
			index, n->key, n->n);
		return NULL;
	}
	for (entry = n->first; entry && entry->index != index; entry = entry->next)
		continue;
	if (!entry)
		entry = node_create(ed->arena, n, NODE_MAP, NULL, NULL);
	if (!entry)
		no_memory(ed->e);
	return entry;
}

/* Makes the nodes that `path` leads through. Returns the last one, or NULL with a message. */
static struct node *path_walk(struct edit *ed, struct node *n, const char *path)
{
	const char *whole = path;
	struct keypath_step step;
	unsigned depth = 0;
	int more;

	while ((more = keypath_next(&path, &step, ed->e)) > 0) {
		if (++depth > NODE_DEPTH_MAX / 2) {
			err_set(ed->e, EINVAL, "'%.64s' nests too deep; no key does", whole);
			return NULL;
		}
		n = map_entry(ed, n, step.name);
		if (n && step.index >= 0)
			n = list_entry(ed, n, (unsigned)step.index);
		if (!n)
			return NULL;
	}
	return more < 0 ? NULL : n;
}

/* Puts a list or mapping in YAML's flow style, such as [{bridge: lan}], in place of `n`. */
static int value_graft(struct edit *ed, struct node *n, const char *key, const char *value)
{
	struct config_errors errs = {0};
	struct node *root;

	if (reader_read(value, strlen(value), ed->arena, &errs, &root) || errs.n_errors || !root) {
		errors_to_err(&errs, ed->e);
		return err_prefix(ed->e, -EINVAL, "%s", key);
	}
	node_clear(n, root->kind);
	n->text = root->text;
	n->n = root->n;
	n->first = root->first;
	n->last = root->last;
	for (struct node *i = n->first; i; i = i->next)
		i->parent = n;
	return 0;
}

/* Takes a key out, and the groups of keys that are empty then; entries of a list stay. */
static void value_del(struct node *n, const struct node *object)
{
	struct node *parent;

	do {
		parent = n->parent;
		node_del(n);
		n = parent;
	} while (n != object && n->kind == NODE_MAP && n->n == 0 && n->key);
}

/* Applies one "key=value"; an empty value takes the key out. */
static int field_set(struct edit *ed, struct node *object, const char *field)
{
	const char *eq = strchr(field, '=');
	const char *key = eq ? arena_strndup(ed->arena, field, (size_t)(eq - field)) : NULL;
	const char *value = eq ? arena_strdup(ed->arena, eq + 1) : NULL;
	struct node *n;

	if (!eq || eq == field)
		return err_set(ed->e, EINVAL, "'%.64s': write KEY=VALUE, such as ageing=60s",
			       field);
	if (!key || !value)
		return no_memory(ed->e);
	n = path_walk(ed, object, key);
	if (!n)
		return -EINVAL;
	if (value[0] == '[' || value[0] == '{')
		return value_graft(ed, n, key, value);
	if (value[0]) {
		node_clear(n, NODE_SCALAR);
		n->text = value;
	} else {
		value_del(n, object);
	}
	return 0;
}

static struct config *edit_fields(struct edit *ed, struct node *object, const char *const *fields,
				  unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (field_set(ed, object, fields[i]))
			return edit_abort(ed);
	return edit_finish(ed);
}

/* The node of the object `name` (made if need be) in the section of `kind`. */
static struct node *object_node(struct edit *ed, const struct edit_kind *kind, const char *name)
{
	struct node *section = map_entry(ed, ed->root, kind->section);
	struct node *n = section;

	if (section && kind->has_names)
		n = map_entry(ed, section, name);
	return n;
}

static struct config *edit_object(const struct config *c, const struct edit_kind *kind,
				  const char *name, const char *bridge, const char *const *fields,
				  unsigned n, struct err *e)
{
	struct node *object, *on;
	struct edit ed;

	if (edit_begin(&ed, c, e))
		return NULL;
	object = object_node(&ed, kind, name);
	if (!object)
		return edit_abort(&ed);
	if (bridge) {
		on = map_entry(&ed, object, "bridge");
		if (!on)
			return edit_abort(&ed);
		node_clear(on, NODE_SCALAR);
		on->text = bridge;
	}
	return edit_fields(&ed, object, fields, n);
}

static struct config *edit_del(const struct config *c, const struct edit_kind *kind,
			       const char *name, struct err *e)
{
	struct edit ed;

	if (edit_begin(&ed, c, e))
		return NULL;
	node_del(node_lookup(node_lookup(ed.root, kind->section), name));
	return edit_finish(&ed);
}

struct config *config_with_bridge(const struct config *c, const char *name,
				  const char *const *fields, unsigned n, struct err *e)
{
	if (config_bridge_lookup(c, name)) {
		err_set(e, EEXIST,
			"there is a bridge '%s' already; use another name, or --may-exist", name);
		return NULL;
	}
	return edit_object(c, kind_lookup("bridge", e), name, NULL, fields, n, e);
}

struct config *config_with_port(const struct config *c, const char *bridge, const char *name,
				const char *const *fields, unsigned n, struct err *e)
{
	if (config_port_lookup(c, name)) {
		err_set(e, EEXIST, "there is a port '%s' already; use another name, or --may-exist",
			name);
		return NULL;
	}
	return edit_object(c, kind_lookup("port", e), name, bridge, fields, n, e);
}

/* Says who is on bridge `name`; returns whether anybody is. */
static bool is_bridge_used(const struct config *c, const char *name, struct err *e)
{
	for (unsigned i = 0; i < c->n_ports; i++) {
		if (strcmp(c->ports[i].bridge, name) != 0)
			continue;
		err_set(e, EBUSY,
			"bridge '%s' has the port '%s'; delete that first: weft del-port %s", name,
			c->ports[i].name, c->ports[i].name);
		return true;
	}
	for (unsigned i = 0; i < c->n_guests; i++) {
		const struct config_guest *g = &c->guests[i];

		for (unsigned n = 0; n < g->n_nics; n++) {
			if (strcmp(g->nics[n].bridge, name) != 0)
				continue;
			err_set(e, EBUSY,
				"bridge '%s' has NIC %u of guest '%s'; connect that elsewhere "
				"first: weft set guest %s 'nics[%u].bridge=OTHER'",
				name, n, g->name, g->name, n);
			return true;
		}
	}
	return false;
}

struct config *config_without_bridge(const struct config *c, const char *name, struct err *e)
{
	const struct edit_kind *kind = kind_lookup("bridge", e);

	if (!object_lookup(c, kind, name, e) || is_bridge_used(c, name, e))
		return NULL;
	return edit_del(c, kind, name, e);
}

/* Whether `name` is GUEST.N; says so. */
static bool is_guest_port(const struct config *c, const char *name, struct err *e)
{
	for (unsigned i = 0; i < c->n_guests; i++) {
		const char *guest = c->guests[i].name;
		size_t len = strlen(guest);

		if (strncmp(name, guest, len) != 0 || name[len] != '.' ||
		    strtoul(name + len + 1, NULL, 10) >= c->guests[i].n_nics)
			continue;
		err_set(e, EBUSY,
			"port '%.64s' belongs to guest '%s'; change the guest's nics "
			"in the config file",
			name, guest);
		return true;
	}
	return false;
}

struct config *config_without_port(const struct config *c, const char *name, struct err *e)
{
	const struct edit_kind *kind = kind_lookup("port", e);

	if (!config_port_lookup(c, name) && is_guest_port(c, name, e))
		return NULL;
	if (!object_lookup(c, kind, name, e))
		return NULL;
	return edit_del(c, kind, name, e);
}

struct config *config_set(const struct config *c, const char *kind, const char *name,
			  const char *const *fields, unsigned n, struct err *e)
{
	const struct edit_kind *k = kind_lookup(kind, e);

	if (!k || !object_lookup(c, k, name, e))
		return NULL;
	return edit_object(c, k, name, NULL, fields, n, e);
}

static int unknown_key(const struct schema_map *map, const char *name, struct err *e)
{
	struct suggest s;

	suggest_init(&s, name);
	for (unsigned i = 0; i < map->n_keys; i++)
		suggest_offer(&s, map->keys[i].name);
	if (s.best)
		return err_set(e, ENOENT, "a %s has no '%s'; did you mean '%s'?", map->noun, name,
			       s.best);
	return err_set(e, ENOENT, "a %s has no '%s'; weft.yaml(5) lists the keys", map->noun, name);
}

int config_get(const struct config *c, const char *kind, const char *name, const char *key,
	       char *value, size_t size, struct err *e)
{
	const struct edit_kind *k = kind_lookup(kind, e);
	const void *object = k ? object_lookup(c, k, name, e) : NULL;
	const struct schema_map *map = object ? kind_key(k)->map : NULL;
	char text[VALUE_TEXT_MAX];
	const char *path = key;
	struct keypath_step step;
	int more;

	if (!object)
		return -ENOENT;
	while ((more = keypath_next(&path, &step, e)) > 0) {
		const struct schema_key *at = schema_lookup(map, step.name);

		if (!at)
			return unknown_key(map, step.name, e);
		if (!schema_is_container(at) && step.index < 0 && !*path) {
			snprintf(value, size, "%s", value_format(at, object, text));
			return 0;
		}
		if (at->type == SCHEMA_MAP && step.index < 0)
			object = schema_field(at, object);
		else if (at->type == SCHEMA_LIST && step.index >= 0 &&
			 (unsigned)step.index < schema_count(at, object))
			object = schema_entry(at, object, (unsigned)step.index);
		else
			break;
		map = at->map;
	}
	if (more < 0)
		return -EINVAL;
	return err_set(e, EINVAL,
		       "'%.64s' is not one value; ask for one as image.kernel or "
		       "nics[0].mac",
		       key);
}
