/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A configuration as YAML, by the schema. What is written is what differs from the defaults;
 * everything else follows when the text is read again. With `effective` the defaults and the
 * derived values are written too, each marked by a comment.
 */
#include "config/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "config/schema.h"
#include "config/utf8.h"
#include "config/value.h"

#define COMMENT_COLUMN 48

struct print {
	FILE *out;
	bool effective;
	bool dash; /* the next line begins an entry of a list */
};

static void print_map(struct print *p, const struct schema_map *map, const void *object,
		      unsigned indent);

/*
 * Whether `text` stands for itself without quotes, in YAML of any version: 1.1 takes digits with
 * colons, such as some MAC addresses, for a number in base 60.
 */
static bool is_plain(const char *text)
{
	static const char extra[] = "_./:+@-";

	if (!isalnum((unsigned char)text[0]) && text[0] != '/')
		return false;
	if (strchr(text, ':') && !text[strspn(text, "0123456789:")])
		return false;
	if (strcasecmp(text, "null") == 0 || text[strlen(text) - 1] == ':')
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(extra, *text))
			return false;
	return true;
}

/* Whether YAML takes the character as it is between double quotes. */
static bool is_printable(uint32_t c)
{
	return (c >= 0x20 && c < 0x7f) ||
	       (c >= 0xa0 && c <= 0xfffd && (c & ~1u) != 0x2028 && c != 0xfeff) ||
	       (c > 0xffff && c != UTF8_BAD);
}

static int print_text(struct print *p, const char *text)
{
	int width = 2;

	if (is_plain(text))
		return fprintf(p->out, "%s", text);
	putc('"', p->out);
	while (*text) {
		const char *from = text;
		uint32_t c = utf8_next(&text);

		if (c == '"' || c == '\\')
			width += fprintf(p->out, "\\%c", (char)c);
		else if (is_printable(c))
			width += fprintf(p->out, "%.*s", (int)(text - from), from);
		else
			width += fprintf(p->out, "\\U%08" PRIx32, c);
	}
	putc('"', p->out);
	return width;
}

/* Indentation and key; returns the column behind it. */
static int print_key(struct print *p, const char *key, unsigned indent)
{
	int width = fprintf(p->out, "%*s%s", (int)(p->dash ? indent - 2 : indent), "",
			    p->dash ? "- " : "");

	p->dash = false;
	width += print_text(p, key);
	putc(':', p->out);
	return width + 1;
}

static void print_scalar(struct print *p, const struct schema_key *key, const void *object,
			 unsigned indent)
{
	char text[VALUE_TEXT_MAX];
	const char *why = schema_flag(object, key->derived, false) ? "derived"
			  : key->flags & SCHEMA_ALWAYS		   ? NULL
			  : value_is_default(key, object)	   ? "default"
								   : NULL;
	int width = print_key(p, key->name, indent);

	putc(' ', p->out);
	value_format(key, object, text);
	if (key->type == SCHEMA_VLANS || key->type == SCHEMA_NAMES)
		width += 1 + fprintf(p->out, "%s", text);
	else
		width += 1 + print_text(p, text);
	if (why)
		fprintf(p->out, "%*s# %s", width < COMMENT_COLUMN ? COMMENT_COLUMN - width : 1, "",
			why);
	putc('\n', p->out);
}

static bool is_shown(const struct print *p, const struct schema_key *key, const void *object);

/* A group of keys is shown when one of them is, and when what it cannot be without is there. */
static bool is_map_shown(const struct print *p, const struct schema_key *key, const void *object)
{
	const void *group = schema_field(key, object);
	struct print as_given = {.out = p->out};
	bool shown = false;

	if (key->flags & SCHEMA_IF_USED)
		p = &as_given;

	for (unsigned i = 0; i < key->map->n_keys; i++) {
		const struct schema_key *sub = &key->map->keys[i];

		if (sub->flags & SCHEMA_REQUIRED && !value_is_set(sub, group))
			return false;
		shown |= is_shown(p, sub, group);
	}
	return shown;
}

/* What nobody wrote comes back by itself. */
static bool is_left_out(const struct print *p, const struct schema_map *map, const void *entry)
{
	return map->builtin && !p->effective && *(const bool *)((const char *)entry + map->builtin);
}

static unsigned count_shown(const struct print *p, const struct schema_key *key, const void *object)
{
	unsigned n = schema_count(key, object), left_out = 0;

	for (unsigned i = 0; key->type == SCHEMA_NAMED && i < n; i++)
		left_out += is_left_out(p, key->map, schema_entry(key, object, i));
	return n - left_out;
}

/* Of keys that exclude each other, the one that makes the object's kind and those that do not. */
static bool is_other_kind(const struct schema_map *map, const struct schema_key *key,
			  const void *object, bool *own)
{
	*own = false;
	for (unsigned i = 0; map->kinds && map->kinds[i]; i++)
		if (strcmp(map->kinds[i], key->name) == 0) {
			*own = i == *(const unsigned *)((const char *)object + map->kind);
			return !*own;
		}
	return false;
}

static bool is_shown_of(const struct print *p, const struct schema_map *map,
			const struct schema_key *key, const void *object)
{
	bool own;

	if (is_other_kind(map, key, object, &own))
		return false;
	return (own && key->type == SCHEMA_MAP) || is_shown(p, key, object);
}

static bool is_shown(const struct print *p, const struct schema_key *key, const void *object)
{
	if (key->type == SCHEMA_MAP)
		return is_map_shown(p, key, object);
	if (schema_is_container(key))
		return count_shown(p, key, object) > 0;
	if (!value_is_set(key, object))
		return false;
	return p->effective || key->flags & SCHEMA_ALWAYS ||
	       (!value_is_default(key, object) && !schema_flag(object, key->derived, false));
}

static bool is_any_shown(const struct print *p, const struct schema_map *map, const void *object)
{
	for (unsigned i = 0; i < map->n_keys; i++)
		if (is_shown_of(p, map, &map->keys[i], object))
			return true;
	return false;
}

static void print_named(struct print *p, const struct schema_key *key, const void *object,
			unsigned indent)
{
	for (unsigned i = 0; i < schema_count(key, object); i++) {
		const void *entry = schema_entry(key, object, i);
		bool any = is_any_shown(p, key->map, entry);

		if (is_left_out(p, key->map, entry))
			continue;
		print_key(p, schema_name(key->map, entry), indent);
		fputs(any ? "\n" : " {}\n", p->out);
		print_map(p, key->map, entry, indent + 2);
	}
}

static void print_list(struct print *p, const struct schema_key *key, const void *object,
		       unsigned indent)
{
	for (unsigned i = 0; i < schema_count(key, object); i++) {
		p->dash = true;
		print_map(p, key->map, schema_entry(key, object, i), indent + 2);
	}
}

static void print_statics(struct print *p, const struct schema_key *key, const void *object,
			  unsigned indent)
{
	const struct config_static *statics =
		*(struct config_static *const *)schema_field(key, object);
	char mac[MAC_TEXT_MAX];

	for (unsigned i = 0; i < schema_count(key, object); i++) {
		print_key(p, mac_format(&statics[i].mac, mac), indent);
		fprintf(p->out, " %s\n", statics[i].port);
	}
}

static void print_map(struct print *p, const struct schema_map *map, const void *object,
		      unsigned indent)
{
	for (unsigned i = 0; i < map->n_keys; i++) {
		const struct schema_key *key = &map->keys[i];

		if (!is_shown_of(p, map, key, object))
			continue;
		if (!schema_is_container(key)) {
			print_scalar(p, key, object, indent);
			continue;
		}
		print_key(p, key->name, indent);
		if (key->type == SCHEMA_MAP &&
		    !is_any_shown(p, key->map, schema_field(key, object))) {
			fputs(" {}\n", p->out);
			continue;
		}
		putc('\n', p->out);
		if (key->type == SCHEMA_MAP)
			print_map(p, key->map, schema_field(key, object), indent + 2);
		else if (key->type == SCHEMA_NAMED)
			print_named(p, key, object, indent + 2);
		else if (key->type == SCHEMA_LIST)
			print_list(p, key, object, indent + 2);
		else
			print_statics(p, key, object, indent + 2);
	}
}

void config_print(const struct config *c, bool effective, FILE *out)
{
	struct print p = {.out = out, .effective = effective};

	if (effective)
		fputs("# Values marked `default` or `derived` are not in the file.\n", out);
	print_map(&p, &schema_root, c, 0);
}
