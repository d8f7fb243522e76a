/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schema as JSON Schema. Editors read YAML by version 1.2 or 1.1 of its rules, so that a word
 * such as `on` may reach them as a text or as a truth value, and a MAC address of digits only as a
 * number: both are allowed where a file may have either.
 */
#include "config/schema_doc.h"

#include <inttypes.h>
#include <string.h>

#include "config/schema.h"
#include "config/value.h"

#define NAME_PATTERN "^[A-Za-z0-9][A-Za-z0-9_.-]*$"
#define MAC_PATTERN  "^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$"
#define IP4_ADDRESS  "[0-9]{1,3}([.][0-9]{1,3}){3}"
#define IP4_PATTERN  "^" IP4_ADDRESS "/[0-9]{1,2}$"

static void json_map(const struct schema_map *map, FILE *out, int indent);

static void json_text(const char *text, FILE *out)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
	putc('"', out);
}

static void json_words(const struct schema_key *key, FILE *out)
{
	fputs("{\"enum\": [", out);
	for (const struct schema_word *w = key->words; w->name; w++) {
		fputs(w == key->words ? "" : ", ", out);
		json_text(w->name, out);
	}
	fputs("]}", out);
}

static bool has_word(const struct schema_key *key, const char *name)
{
	for (const struct schema_word *w = key->words; w && w->name; w++)
		if (strcmp(w->name, name) == 0)
			return true;
	return false;
}

/* The alternatives of a scalar that are no words. Returns whether there are any. */
static bool json_type(const struct schema_key *key, FILE *out)
{
	switch (key->type) {
	case SCHEMA_UINT:
		fprintf(out,
			"{\"type\": \"integer\", \"minimum\": %" PRIu64 ", \"maximum\": %" PRIu64
			"}",
			key->min, key->max);
		return true;
	case SCHEMA_SIZE:
		fputs("{\"type\": \"integer\", \"minimum\": 1}, "
		      "{\"type\": \"string\", \"pattern\": \"^[0-9]+(B|[KMGT](iB)?)?$\"}",
		      out);
		return true;
	case SCHEMA_DURATION:
		fputs("{\"type\": \"string\", \"pattern\": \"^[0-9]+(ns|us|ms|s|m|h)$\"}", out);
		return true;
	case SCHEMA_BOOL:
		fputs("{\"type\": \"boolean\"}, {\"enum\": [\"on\", \"off\", \"yes\", \"no\"]}",
		      out);
		return true;
	case SCHEMA_CHOICE:
		if (!has_word(key, "on") && !has_word(key, "no"))
			return false;
		fputs("{\"type\": \"boolean\"}", out);
		return true;
	case SCHEMA_NAME:
		fprintf(out,
			"{\"type\": \"string\", \"pattern\": \"" NAME_PATTERN
			"\", \"maxLength\": %" PRIu64 "}",
			key->max);
		return true;
	case SCHEMA_STRING:
		fprintf(out, "{\"type\": \"string\", \"maxLength\": %" PRIu64 "}", key->max);
		return true;
	case SCHEMA_PATH:
		fprintf(out,
			"{\"type\": \"string\", \"pattern\": \"^/\", \"maxLength\": %" PRIu64 "}",
			key->max);
		return true;
	case SCHEMA_MODE:
		fputs("{\"type\": \"integer\"}, "
		      "{\"type\": \"string\", \"pattern\": \"^(0o)?[0-7]{3,4}$\"}",
		      out);
		return true;
	case SCHEMA_MAC:
		fputs("{\"type\": \"integer\"}, "
		      "{\"type\": \"string\", \"pattern\": \"" MAC_PATTERN "\"}",
		      out);
		return true;
	case SCHEMA_RATE:
		fputs("{\"type\": \"string\", \"pattern\": \"^[0-9]+[KMGT]?bps$\"}", out);
		return true;
	case SCHEMA_ADDRESSES:
		fprintf(out,
			"{\"type\": \"string\"}, {\"type\": \"array\", \"maxItems\": %d, "
			"\"items\": {\"type\": \"string\"}}",
			CONFIG_ADDRESSES_MAX);
		return true;
	case SCHEMA_IP:
		fputs("{\"type\": \"string\"}", out);
		return true;
	case SCHEMA_RANGES:
		fputs("{\"type\": \"string\"}, {\"type\": \"array\", \"items\": {\"type\": "
		      "\"string\"}}",
		      out);
		return true;
	case SCHEMA_VLANS:
		fputs("{\"type\": \"integer\"}, {\"type\": \"string\"}, {\"type\": \"array\", "
		      "\"items\": {\"type\": [\"integer\", \"string\"]}}",
		      out);
		return true;
	case SCHEMA_NAMES:
		fputs("{\"type\": \"string\"}, {\"type\": \"array\", \"items\": {\"type\": "
		      "\"string\"}}",
		      out);
		return true;
	case SCHEMA_STORM_RATE:
		fputs("{\"type\": \"string\", \"pattern\": \"^[0-9]+[kMG]?(pps|bps)$\"}", out);
		return true;
	case SCHEMA_IP4_PREFIX:
		fputs("{\"type\": \"string\", \"pattern\": \"" IP4_PATTERN "\"}", out);
		return true;
	case SCHEMA_IP4:
		fputs("{\"type\": \"string\", \"pattern\": \"^" IP4_ADDRESS "$\"}", out);
		return true;
	case SCHEMA_IP4_RANGE:
		fputs("{\"type\": \"string\", \"pattern\": \"^" IP4_ADDRESS "-" IP4_ADDRESS "$\"}",
		      out);
		return true;
	default:
		return false;
	}
}

static void json_scalar(const struct schema_key *key, FILE *out)
{
	bool any;

	fputs(", \"anyOf\": [", out);
	any = json_type(key, out);
	if (key->words) {
		fputs(any ? ", " : "", out);
		json_words(key, out);
	}
	fputs("]", out);
	if (key->fallback) {
		fputs(", \"default\": ", out);
		json_text(key->fallback, out);
	}
}

static void json_key(const struct schema_key *key, FILE *out, int indent)
{
	fprintf(out, "%*s\"%s\": {\"description\": ", indent, "", key->name);
	json_text(key->help, out);
	switch (key->type) {
	case SCHEMA_MAP:
		fputs(", \"anyOf\": [{\"type\": \"null\"}, ", out);
		json_map(key->map, out, indent + 2);
		if (key->map->shorthand) {
			fputs(", ", out);
			json_type(schema_lookup(key->map, key->map->shorthand), out);
		}
		fputs("]", out);
		break;
	case SCHEMA_NAMED:
		fprintf(out,
			", \"type\": [\"object\", \"null\"], \"maxProperties\": %" PRIu64
			", \"propertyNames\": {\"pattern\": \"" NAME_PATTERN
			"\", \"maxLength\": %d}, \"additionalProperties\": "
			"{\"anyOf\": [{\"type\": \"null\"}, ",
			key->max, CONFIG_NAME_MAX);
		json_map(key->map, out, indent + 2);
		fputs("]}", out);
		break;
	case SCHEMA_LIST:
		fprintf(out,
			", \"type\": [\"array\", \"null\"], \"maxItems\": %" PRIu64 ", \"items\": ",
			key->max);
		json_map(key->map, out, indent + 2);
		break;
	case SCHEMA_STATICS:
		fputs(", \"type\": [\"object\", \"null\"], \"propertyNames\": {\"pattern\": "
		      "\"" MAC_PATTERN "\"}, \"additionalProperties\": {\"type\": \"string\"}",
		      out);
		break;
	default:
		json_scalar(key, out);
	}
	fputs("}", out);
}

static void json_required(const struct schema_map *map, FILE *out)
{
	const char *joint = ", \"required\": [";
	bool any = false;

	for (unsigned i = 0; i < map->n_keys; i++) {
		if (!(map->keys[i].flags & SCHEMA_REQUIRED))
			continue;
		fputs(any ? ", " : joint, out);
		json_text(map->keys[i].name, out);
		any = true;
	}
	fputs(any ? "]" : "", out);
}

static void json_each_kind(const struct schema_map *map, FILE *out)
{
	for (unsigned i = 0; map->kinds[i]; i++)
		fprintf(out, "%s{\"required\": [\"%s\"]}", i ? ", " : "", map->kinds[i]);
}

static void json_kinds(const struct schema_map *map, FILE *out)
{
	if (!map->kinds)
		return;
	fputs(", \"oneOf\": [", out);
	json_each_kind(map, out);
	if (map->kind_optional) {
		fputs(", {\"not\": {\"anyOf\": [", out);
		json_each_kind(map, out);
		fputs("]}}", out);
	}
	fputs("]", out);
}

static void json_map(const struct schema_map *map, FILE *out, int indent)
{
	fputs("{\"type\": \"object\", \"additionalProperties\": false", out);
	json_required(map, out);
	json_kinds(map, out);
	fputs(", \"properties\": {\n", out);
	for (unsigned i = 0; i < map->n_keys; i++) {
		json_key(&map->keys[i], out, indent + 2);
		fputs(i + 1 < map->n_keys ? ",\n" : "\n", out);
	}
	fprintf(out, "%*s}}", indent, "");
}

void schema_doc_json(FILE *out)
{
	fputs("{\"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
	      " \"$comment\": \"SPDX-License-Identifier: 0BSD\",\n"
	      " \"title\": \"weft.yaml\",\n"
	      " \"anyOf\": [{\"type\": \"null\"}, ",
	      out);
	json_map(&schema_root, out, 0);
	fputs("]}\n", out);
}
