/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects are matched by name, values compared by the schema, whose flags say what a change of a
 * key costs. The list is made in the order of execution. Bridges are removed last: a port or a
 * guest that moves to another bridge has left the old one by then.
 */
#include "config/diff.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/units.h"
#include "config/arena.h"
#include "config/schema.h"
#include "config/symtab.h"
#include "config/utf8.h"
#include "config/value.h"

static const char *const op_names[] = {"add", "remove", "update"};
static_assert(ARRAY_SIZE(op_names) == CHANGE_OP_N, "a name for each operation");

static const char *const object_names[] = {"switch", "bridge", "uplink", "port", "guest"};
static_assert(ARRAY_SIZE(object_names) == OBJECT_N, "a name for each kind of object");

/* The sections of the file that hold objects by name. */
static const char *const sections[OBJECT_N] = {
	[OBJECT_BRIDGE] = "bridges",
	[OBJECT_UPLINK] = "uplinks",
	[OBJECT_PORT] = "ports",
	[OBJECT_GUEST] = "guests",
};

struct diff {
	struct config_diff *result;
	unsigned room;
	const struct config *old, *new;
	struct arena *scratch;
	struct symtab names[OBJECT_N][2]; /* name -> object, on the old and the new side */
};

/* The differences of one object. */
struct diff_update {
	const struct diff *d;
	struct arena *scratch;
	char detail[2048];
	size_t used;
	unsigned flags; /* of all keys that differ */
	bool live;	/* all of them are SCHEMA_LIVE */
	bool differs;
	int ret;
};

const char *change_op_name(enum change_op op)
{
	return NAME_OF(op_names, op);
}

const char *change_object_name(enum change_object obj)
{
	return NAME_OF(object_names, obj);
}

static void note(struct diff_update *u, unsigned flags, const char *path, const char *old,
		 const char *new)
{
	size_t room = sizeof(u->detail) - u->used;
	int len = snprintf(u->detail + u->used, room, "%s%s %s -> %s", u->differs ? ", " : "", path,
			   old[0] ? old : "none", new[0] ? new : "none");

	u->used += MIN_OF((size_t)len, room - 1);
	u->flags |= flags;
	u->live &= (flags & SCHEMA_LIVE) != 0;
	u->differs = true;
}

/* A socket in the run-dir moves with it when weftd starts again: that is a change of run-dir. */
static bool follows_run_dir(const struct diff_update *u, const struct schema_key *key,
			    const void *old, const void *new)
{
	return key->type == SCHEMA_PATH && schema_flag(old, key->derived, false) &&
	       schema_flag(new, key->derived, false) &&
	       strcmp(u->d->old->sw.run_dir, u->d->new->sw.run_dir) != 0;
}

static void compare_scalar(struct diff_update *u, const struct schema_key *key, const void *old,
			   const void *new, const char *path, unsigned flags)
{
	char told[VALUE_TEXT_MAX], tnew[VALUE_TEXT_MAX];

	value_format(key, old, told);
	value_format(key, new, tnew);
	if (strcmp(told, tnew) != 0 && !follows_run_dir(u, key, old, new))
		note(u, flags, path, told, tnew);
}

/* Static entries are a set: their order means nothing. */
static void compare_statics(struct diff_update *u, const struct config_bridge *old,
			    const struct config_bridge *new, const char *path)
{
	char text[MAC_TEXT_MAX], told[32], tnew[32];
	bool same = old->n_statics == new->n_statics;
	struct symtab ports;

	if (symtab_init(&ports, u->scratch, old->n_statics)) {
		u->ret = -ENOMEM;
		return;
	}
	for (unsigned i = 0; i < old->n_statics; i++) {
		const char *mac = arena_strdup(u->scratch, mac_format(&old->statics[i].mac, text));

		if (mac)
			symtab_add(&ports, mac, old->statics[i].port);
		else
			u->ret = -ENOMEM;
	}
	for (unsigned i = 0; i < new->n_statics &&same; i++) {
		const char *port = symtab_lookup(&ports, mac_format(&new->statics[i].mac, text));

		same = port && strcmp(port, new->statics[i].port) == 0;
	}
	snprintf(told, sizeof(told), "%u entries", old->n_statics);
	snprintf(tnew, sizeof(tnew), "%u entries", new->n_statics);
	if (!same)
		note(u, 0, path, told, old->n_statics == new->n_statics ? "others" : tnew);
}

static void compare_map(struct diff_update *u, const struct schema_map *map, const void *old,
			const void *new, const char *prefix, unsigned flags);

static void compare_list(struct diff_update *u, const struct schema_key *key, const void *old,
			 const void *new, const char *path, unsigned flags)
{
	unsigned n_old = schema_count(key, old), n_new = schema_count(key, new);
	char told[16], tnew[16], item[128];

	snprintf(told, sizeof(told), "%u", n_old);
	snprintf(tnew, sizeof(tnew), "%u", n_new);
	if (n_old != n_new)
		note(u, flags, path, told, tnew);
	for (unsigned i = 0; i < MIN_OF(n_old, n_new); i++) {
		snprintf(item, sizeof(item), "%s[%u].", path, i);
		compare_map(u, key->map, schema_entry(key, old, i), schema_entry(key, new, i), item,
			    flags);
	}
}

/* Objects by name within an object; other names are told as a number. */
static void compare_named(struct diff_update *u, const struct schema_key *key, const void *old,
			  const void *new, const char *path, unsigned flags)
{
	unsigned n_old = schema_count(key, old), n_new = schema_count(key, new);
	char told[16], tnew[16], item[128];
	bool same = n_old == n_new;

	for (unsigned i = 0; i < n_old && same; i++)
		same = strcmp(schema_name(key->map, schema_entry(key, old, i)),
			      schema_name(key->map, schema_entry(key, new, i))) == 0;
	snprintf(told, sizeof(told), "%u", n_old);
	snprintf(tnew, sizeof(tnew), "%u", n_new);
	if (!same)
		note(u, flags, path, told, n_old == n_new ? "others" : tnew);
	for (unsigned i = 0; i < n_old && same; i++) {
		const void *entry = schema_entry(key, new, i);

		snprintf(item, sizeof(item), "%s.%s.", path, schema_name(key->map, entry));
		compare_map(u, key->map, schema_entry(key, old, i), entry, item, flags);
	}
}

/* `prefix` is the path to the keys of `map`, with its dot; `flags` those of the keys above. */
static void compare_map(struct diff_update *u, const struct schema_map *map, const void *old,
			const void *new, const char *prefix, unsigned flags)
{
	for (unsigned i = 0; i < map->n_keys; i++) {
		const struct schema_key *key = &map->keys[i];
		unsigned all = key->flags & SCHEMA_LIVE ? SCHEMA_LIVE : flags | key->flags;
		char path[96];

		snprintf(path, sizeof(path), "%s%s%s", prefix, key->name,
			 key->type == SCHEMA_MAP ? "." : "");
		if (key->type == SCHEMA_MAP)
			compare_map(u, key->map, schema_field(key, old), schema_field(key, new),
				    path, all);
		else if (key->type == SCHEMA_LIST)
			compare_list(u, key, old, new, path, all);
		else if (key->type == SCHEMA_NAMED)
			compare_named(u, key, old, new, path, all);
		else if (key->type == SCHEMA_STATICS)
			compare_statics(u, old, new, path);
		else
			compare_scalar(u, key, old, new, path, all);
	}
}

/* Appends a change; NULL when there is no memory. */
static struct change *change_add(struct diff *d, enum change_op op, enum change_object object,
				 const char *name)
{
	struct config_diff *r = d->result;

	if (r->n == d->room) {
		unsigned room = d->room ? d->room * 2 : 16;
		struct change *more = realloc(r->changes, room * sizeof(*more));

		if (!more)
			return NULL;
		r->changes = more;
		d->room = room;
	}
	r->changes[r->n] = (struct change){.op = op, .object = object, .name = name};
	return &r->changes[r->n++];
}

static void disrupts(struct change *c, const char *what)
{
	c->disruptive = true;
	snprintf(c->disrupts, sizeof(c->disrupts), "%s %s %s", what, change_object_name(c->object),
		 c->name);
}

static void describe_guest(const struct config_guest *g, char *text, size_t size)
{
	char memory[32];

	snprintf(text, size, "%u vCPU%s, %s, %u NIC%s", g->vcpus, g->vcpus == 1 ? "" : "s",
		 units_format_size(g->memory_bytes, memory, sizeof(memory)), g->n_nics,
		 g->n_nics == 1 ? "" : "s");
}

static void describe_port(const struct config_port *p, char *text, size_t size)
{
	char path[128];

	if (p->kind == PORT_NIC) {
		snprintf(text, size, "on %s, NIC %s%s", p->bridge, p->nic.dev, p->nic.pci);
		return;
	}
	if (p->kind == PORT_TAP) {
		snprintf(text, size, "on %s, tap %s", p->bridge, p->tap.name);
		return;
	}
	snprintf(text, size, "on %s, %s of %s", p->bridge,
		 p->vhost.mode == VHOST_MODE_SERVER ? "server" : "client",
		 utf8_excerpt(p->vhost.path, path, sizeof(path)));
}

static void describe_uplink(const struct config_uplink *u, char *text, size_t size)
{
	static const char *const kinds[] = {"host", "nic", "vhost-user"};
	char address[IP4_PREFIX_TEXT];

	static_assert(ARRAY_SIZE(kinds) == UPLINK_KIND_N, "a name for each kind");
	snprintf(text, size, "%s%s%s", kinds[u->kind], u->has_address ? ", address " : "",
		 u->has_address ? ip4_prefix_format(&u->address, address) : "");
}

/* What is worth knowing of an object that comes. */
static void describe(struct change *c)
{
	const struct config_bridge *b = c->new;
	char address[IP4_PREFIX_TEXT];

	switch (c->object) {
	case OBJECT_BRIDGE:
		if (b->has_address)
			snprintf(c->detail, sizeof(c->detail), "address %s",
				 ip4_prefix_format(&b->address, address));
		break;
	case OBJECT_UPLINK:
		describe_uplink(c->new, c->detail, sizeof(c->detail));
		break;
	case OBJECT_PORT:
		describe_port(c->new, c->detail, sizeof(c->detail));
		break;
	case OBJECT_GUEST:
		describe_guest(c->new, c->detail, sizeof(c->detail));
		break;
	default:
		break;
	}
}

static int diff_update(struct diff *d, enum change_object object, const struct schema_map *map,
		       const char *name, const void *old, const void *new)
{
	struct diff_update u = {.d = d, .scratch = d->scratch, .live = true};
	struct change *c;

	compare_map(&u, map, old, new, "", 0);
	if (u.ret || !u.differs)
		return u.ret;
	c = change_add(d, CHANGE_UPDATE, object, name);
	if (!c)
		return -ENOMEM;
	c->old = old;
	c->new = new;
	utf8_excerpt(u.detail, c->detail, sizeof(c->detail));
	c->live = u.live;
	c->needs_restart = u.flags & SCHEMA_STARTUP;
	if (u.flags & SCHEMA_DISRUPTIVE)
		disrupts(c, object == OBJECT_GUEST ? "restarts" : "re-creates");
	return 0;
}

static int diff_switch(struct diff *d)
{
	const struct schema_key *key = schema_lookup(&schema_root, "switch");
	struct change *c;

	if (d->old)
		return diff_update(d, OBJECT_SWITCH, key->map, "", &d->old->sw, &d->new->sw);
	c = change_add(d, CHANGE_ADD, OBJECT_SWITCH, "");
	if (!c)
		return -ENOMEM;
	c->new = &d->new->sw;
	return 0;
}

static unsigned section_count(const struct schema_key *key, const struct config *c)
{
	return c ? schema_count(key, c) : 0;
}

/* One kind of change of one kind of object. Returns 0 or -ENOMEM. */
static int diff_objects(struct diff *d, enum change_op op, enum change_object object)
{
	const struct schema_key *key = schema_lookup(&schema_root, sections[object]);
	const struct config *from = op == CHANGE_REMOVE ? d->old : d->new;
	const struct symtab *others = &d->names[object][op == CHANGE_REMOVE];

	for (unsigned i = 0; i < section_count(key, from); i++) {
		const void *entry = schema_entry(key, from, i);
		const char *name = schema_name(key->map, entry);
		const void *other = symtab_lookup(others, name);
		struct change *c;

		if (op == CHANGE_UPDATE && other &&
		    diff_update(d, object, key->map, name, other, entry))
			return -ENOMEM;
		if (op == CHANGE_UPDATE || other)
			continue;
		c = change_add(d, op, object, name);
		if (!c)
			return -ENOMEM;
		*(op == CHANGE_REMOVE ? &c->old : &c->new) = entry;
		if (op == CHANGE_ADD)
			describe(c);
		else if (object != OBJECT_BRIDGE)
			disrupts(c, object == OBJECT_GUEST ? "stops" : "disconnects");
	}
	return 0;
}

static int names_init(struct symtab *t, struct arena *a, const struct schema_key *key,
		      const struct config *c)
{
	if (symtab_init(t, a, section_count(key, c)))
		return -ENOMEM;
	for (unsigned i = 0; i < section_count(key, c); i++) {
		const void *entry = schema_entry(key, c, i);

		symtab_add(t, schema_name(key->map, entry), entry);
	}
	return 0;
}

static int diff_all(struct diff *d)
{
	static const struct {
		enum change_op op;
		enum change_object object;
	} steps[] = {
		{CHANGE_REMOVE, OBJECT_GUEST},	{CHANGE_REMOVE, OBJECT_PORT},
		{CHANGE_UPDATE, OBJECT_UPLINK}, {CHANGE_ADD, OBJECT_UPLINK},
		{CHANGE_ADD, OBJECT_BRIDGE},	{CHANGE_UPDATE, OBJECT_BRIDGE},
		{CHANGE_UPDATE, OBJECT_PORT},	{CHANGE_ADD, OBJECT_PORT},
		{CHANGE_UPDATE, OBJECT_GUEST},	{CHANGE_ADD, OBJECT_GUEST},
		{CHANGE_REMOVE, OBJECT_BRIDGE}, {CHANGE_REMOVE, OBJECT_UPLINK},
	};
	int ret = 0;

	for (enum change_object o = OBJECT_BRIDGE; o < OBJECT_N && !ret; o++) {
		const struct schema_key *key = schema_lookup(&schema_root, sections[o]);

		ret = names_init(&d->names[o][0], d->scratch, key, d->old);
		if (!ret)
			ret = names_init(&d->names[o][1], d->scratch, key, d->new);
	}
	if (!ret)
		ret = diff_switch(d);
	for (size_t i = 0; i < ARRAY_SIZE(steps) && !ret; i++)
		ret = diff_objects(d, steps[i].op, steps[i].object);
	return ret;
}

int config_diff(const struct config *old, const struct config *new, struct config_diff *result)
{
	struct diff d = {.result = result, .old = old, .new = new, .scratch = arena_create()};
	int ret;

	*result = (struct config_diff){0};
	ret = d.scratch ? diff_all(&d) : -ENOMEM;
	arena_destroy(d.scratch);
	if (ret)
		config_diff_fini(result);
	return ret;
}

void config_diff_fini(struct config_diff *d)
{
	free(d->changes);
	*d = (struct config_diff){0};
}
