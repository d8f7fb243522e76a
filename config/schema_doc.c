/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/schema_doc.h"

#include <ctype.h>
#include <string.h>

#include "common/version.h"
#include "config/example.h"
#include "config/schema.h"
#include "config/value.h"

/* Text for roff: hyphens that stay hyphens, backslashes, and no request at the start of a line. */
static void roff_text(const char *text, FILE *out)
{
	bool at_start = true;

	for (; *text; text++) {
		if (at_start && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			putc(*text, out);
		at_start = *text == '\n';
	}
}

static void man_key(const struct schema_key *key, FILE *out)
{
	char expected[160];

	fputs(".TP\n.B ", out);
	roff_text(key->name, out);
	fprintf(out, "\n%c", toupper((unsigned char)key->help[0]));
	roff_text(key->help + 1, out);
	fputs(".\n", out);
	if (schema_is_container(key)) {
		fputs("For example:\n.B ", out);
		roff_text(key->example, out);
		putc('\n', out);
		return;
	}
	fputs("Takes ", out);
	roff_text(value_expected(key, expected, sizeof(expected)), out);
	if (key->flags & SCHEMA_REQUIRED)
		fputs("; must be given", out);
	else if (key->fallback)
		fprintf(out, "; default: "), roff_text(key->fallback, out);
	fputs(".\n", out);
	if (key->flags & SCHEMA_STARTUP)
		fputs("A change takes effect when weftd starts again.\n", out);
}

/* The keys of `map` under their path, then the maps within it. */
static void man_map(const struct schema_map *map, const char *path, FILE *out)
{
	char below[128];

	fputs(".SS ", out);
	roff_text(path[0] ? path : "Top level", out);
	fputs("\n", out);
	for (unsigned i = 0; i < map->n_keys; i++)
		man_key(&map->keys[i], out);
	for (unsigned i = 0; i < map->n_keys; i++) {
		const struct schema_key *key = &map->keys[i];

		if (!key->map)
			continue;
		snprintf(below, sizeof(below), "%s%s%s%s", path, path[0] ? "." : "", key->name,
			 key->type == SCHEMA_NAMED  ? ".NAME"
			 : key->type == SCHEMA_LIST ? "[N]"
						    : "");
		man_map(key->map, below, out);
	}
}

static const char man_head[] =
	".SH NAME\n"
	"weft.yaml \\- configuration of the weft switch and its guests\n"
	".SH DESCRIPTION\n"
	"One YAML file describes a host: its bridges, the ports of guests that something else\n"
	"runs, and the guests that weftd runs itself.\n"
	".B weft check\n"
	"tells all errors of a file at once,\n"
	".B weft plan\n"
	"what a file would change, and\n"
	".B weft apply\n"
	"makes it so; applying an unchanged file does nothing.\n"
	".PP\n"
	"Names are up to 32 letters, digits, '_', '.' and '\\-', and begin with a letter or a "
	"digit.\n"
	"Sizes are numbers with K, M, G or T, in powers of 1024. Durations are numbers with ns, "
	"us,\n"
	"ms, s, m or h. Switches are on or off; true, false, yes and no do as well.\n"
	"Anchors, aliases, merge keys and tags of YAML are not supported.\n"
	".SH KEYS\n";

void schema_doc_man(FILE *out)
{
	size_t len;

	fprintf(out, ".TH WEFT.YAML 5 \"\" \"weft %s\" \"File formats\"\n", version_text);
	fputs(man_head, out);
	man_map(&schema_root, "", out);
	fputs(".SH EXAMPLE\n.nf\n", out);
	roff_text(config_example(&len), out);
	fputs(".fi\n.SH SEE ALSO\n.BR weft (8),\n.BR weftd (8)\n", out);
}

static void words_map(const struct schema_map *map, const char *kind, const char *path, FILE *out)
{
	char below[128];

	for (unsigned i = 0; i < map->n_keys; i++) {
		const struct schema_key *key = &map->keys[i];

		snprintf(below, sizeof(below), "%s%s%s", path, key->name,
			 key->type == SCHEMA_MAP    ? "."
			 : key->type == SCHEMA_LIST ? "[0]."
						    : "");
		if (key->map)
			words_map(key->map, kind, below, out);
		else if (!schema_is_container(key))
			fprintf(out, "%s %s\n", kind, below);
	}
}

void schema_doc_words(FILE *out)
{
	for (unsigned i = 0; i < schema_root.n_keys; i++)
		if (schema_root.keys[i].map)
			words_map(schema_root.keys[i].map, schema_root.keys[i].map->noun, "", out);
}
