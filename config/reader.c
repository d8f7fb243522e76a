/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree is built from libyaml's events by a machine without recursion: `at` is the open map or
 * list, `key` the key that waits for its value. A syntax error ends the run, since libyaml cannot
 * go on behind one; everything else is reported and built around.
 */
#include "config/reader.h"

#include <errno.h>
#include <string.h>

#include <yaml.h>

#include "config/errors.h"

struct reader {
	yaml_parser_t yaml;
	struct arena *arena;
	struct config_errors *errs;
	struct node *root, *at;
	const char *key;
	struct config_pos key_pos;
	unsigned depth;
};

static struct config_pos pos_of(yaml_mark_t mark)
{
	return (struct config_pos){(int)mark.line + 1, (int)mark.column + 1};
}

static const struct {
	const char *problem;
	const char *help;
} syntax_help[] = {
	{"mapping values are not allowed", "put a value that holds ': ' in quotes, or indent it"},
	{"expected ',' or '}'", "separate entries with ',' and close the mapping with '}'"},
	{"expected ',' or ']'", "separate entries with ',' and close the list with ']'"},
	{"unexpected end of stream", "close the quote or bracket that is still open"},
	{"could not find expected ':'", "write `key: value`, with a space behind the colon"},
	{"cannot start any token", "put the value in quotes"},
	{"expected <block end>", "give all keys of one mapping the same indentation"},
	{"expected key", "give all keys of one mapping the same indentation"},
	{"expected '-' indicator", "give all entries of one list the same indentation"},
};

static const char *syntax_help_for(const char *problem)
{
	for (size_t i = 0; i < ARRAY_SIZE(syntax_help); i++)
		if (strstr(problem, syntax_help[i].problem))
			return syntax_help[i].help;
	return "check the punctuation and the indentation here and on the line above";
}

/* Where the byte at `offset` stands. */
static struct config_pos pos_at(const char *text, size_t offset)
{
	struct config_pos pos = {1, 1};

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n')
			pos = (struct config_pos){pos.line + 1, 1};
		else
			pos.col += ((unsigned char)text[i] & 0xc0) != 0x80;
	}
	return pos;
}

/* The first tab in the indentation of the line that `mark` is on; false when there is none. */
static bool find_tab(const char *text, size_t len, yaml_mark_t mark, struct config_pos *pos)
{
	size_t line = 0, i = 0;

	while (i < len && line < mark.line)
		line += text[i++] == '\n';
	for (int col = 1; i < len && (text[i] == ' ' || text[i] == '\t'); i++, col++) {
		if (text[i] != '\t')
			continue;
		*pos = (struct config_pos){(int)mark.line + 1, col};
		return true;
	}
	return false;
}

/*
 * libyaml's own words. What is missing at the end of the text is reported where it should have
 * been closed from: at the beginning of what is still open.
 */
static void report_problem(struct reader *r, const char *text, size_t len)
{
	const yaml_parser_t *y = &r->yaml;
	struct config_pos pos = pos_of(y->problem_mark), end = pos_at(text, len);
	bool at_end = pos.line > end.line || (pos.line == end.line && pos.col >= end.col);
	char began[128] = "";
	struct config_error *e;

	if (y->context && at_end)
		pos = pos_of(y->context_mark);
	else if (y->context && y->problem_mark.line != y->context_mark.line)
		snprintf(began, sizeof(began), " %s that began on line %zu", y->context,
			 y->context_mark.line + 1);
	e = errors_add(r->errs, pos, "YAML syntax: %s%s", y->problem, began);
	errors_help(e, "%s", syntax_help_for(y->problem));
}

static int report_syntax(struct reader *r, const char *text, size_t len)
{
	const yaml_parser_t *y = &r->yaml;
	struct config_error *e;
	struct config_pos pos;

	if (y->error == YAML_MEMORY_ERROR)
		return errors_no_memory(r->errs);
	if (y->error == YAML_READER_ERROR) {
		pos = pos_at(text, MIN_OF(y->problem_offset, len));
		e = errors_add(r->errs, pos, "YAML syntax: the text is not clean UTF-8 (%s)",
			       y->problem);
		errors_help(e, "save the file as UTF-8 without control characters");
	} else if (find_tab(text, len, y->problem_mark, &pos)) {
		e = errors_add(r->errs, pos, "YAML syntax: a tab in the indentation");
		errors_help(e, "indent with spaces");
	} else {
		report_problem(r, text, len);
	}
	return -EINVAL;
}

static int refuse(struct reader *r, yaml_mark_t mark, const char *what, const char *help)
{
	errors_help(errors_add(r->errs, pos_of(mark), "%s", what), "%s", help);
	return -EINVAL;
}

/* Puts a new node where the parser is: under the waiting key, at the end of a list, or on top. */
static struct node *place(struct reader *r, enum node_kind kind, const char *text, yaml_mark_t mark)
{
	struct node *n = node_create(r->arena, r->at, kind, r->key, text);

	if (!n)
		return NULL;
	n->pos = pos_of(mark);
	n->key_pos = r->key_pos;
	n->bad = r->key && strcmp(r->key, "<<") == 0;
	if (!r->at)
		r->root = n;
	r->key = NULL;
	return n;
}

static bool wants_key(const struct reader *r)
{
	return r->at && r->at->kind == NODE_MAP && !r->key;
}

static void refuse_properties(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag,
			      yaml_mark_t mark)
{
	if (anchor)
		refuse(r, mark, "anchors (&name) are not supported",
		       "remove the anchor, and write the value out where it is used");
	if (tag)
		refuse(r, mark, "tags (!name) are not supported", "remove the tag");
}

static int on_scalar(struct reader *r, const yaml_event_t *ev)
{
	const char *value = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	struct node *n;
	char *text;

	refuse_properties(r, ev->data.scalar.anchor, ev->data.scalar.tag, ev->start_mark);
	if (memchr(value, '\0', len))
		return refuse(r, ev->start_mark, "a NUL character in a text",
			      "remove the \\0 from it");
	text = arena_strndup(r->arena, value, len);
	if (!text)
		return errors_no_memory(r->errs);
	if (wants_key(r)) {
		r->key = text;
		r->key_pos = pos_of(ev->start_mark);
		if (strcmp(text, "<<") == 0)
			refuse(r, ev->start_mark, "merge keys (<<) are not supported",
			       "write the keys out");
		return 0;
	}
	n = place(r, NODE_SCALAR, text, ev->start_mark);
	if (!n)
		return errors_no_memory(r->errs);
	n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return 0;
}

static int on_start(struct reader *r, enum node_kind kind, const yaml_event_t *ev)
{
	struct node *n;

	if (wants_key(r))
		return refuse(r, ev->start_mark, "a mapping or a list where a key is expected",
			      "use a plain word as the key");
	if (++r->depth > NODE_DEPTH_MAX)
		return refuse(r, ev->start_mark, "the nesting is too deep",
			      "nothing in a config file nests that deep: check the brackets");
	n = place(r, kind, NULL, ev->start_mark);
	if (!n)
		return errors_no_memory(r->errs);
	r->at = n;
	return 0;
}

static int on_end(struct reader *r)
{
	r->at = r->at->parent;
	r->depth--;
	return 0;
}

static int on_alias(struct reader *r, const yaml_event_t *ev)
{
	bool is_key = wants_key(r);
	struct node *n;

	refuse(r, ev->start_mark, "aliases (*name) are not supported", "write the value out");
	if (is_key)
		return -EINVAL;
	n = place(r, NODE_SCALAR, "", ev->start_mark);
	if (!n)
		return errors_no_memory(r->errs);
	n->bad = true;
	return 0;
}

static int on_event(struct reader *r, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->root)
			return refuse(r, ev->start_mark, "a second document begins here",
				      "keep one document in a file; remove the '---'");
		return 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(r, ev);
	case YAML_MAPPING_START_EVENT:
		refuse_properties(r, ev->data.mapping_start.anchor, ev->data.mapping_start.tag,
				  ev->start_mark);
		return on_start(r, NODE_MAP, ev);
	case YAML_SEQUENCE_START_EVENT:
		refuse_properties(r, ev->data.sequence_start.anchor, ev->data.sequence_start.tag,
				  ev->start_mark);
		return on_start(r, NODE_LIST, ev);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return on_end(r);
	case YAML_ALIAS_EVENT:
		return on_alias(r, ev);
	default:
		return 0;
	}
}

int reader_read(const char *text, size_t len, struct arena *a, struct config_errors *errs,
		struct node **root)
{
	struct reader r = {.arena = a, .errs = errs};
	bool done = false;
	yaml_event_t ev;
	int ret = 0;

	*root = NULL;
	if (len > READER_TEXT_MAX) {
		errors_help(errors_add(errs, (struct config_pos){0}, "the text is over 1 MiB"),
			    "name the right file: no config is that large");
		return -EFBIG;
	}
	if (!yaml_parser_initialize(&r.yaml))
		return errors_no_memory(errs);
	yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.yaml, (const unsigned char *)text, len);
	while (!ret && !done) {
		if (!yaml_parser_parse(&r.yaml, &ev)) {
			ret = report_syntax(&r, text, len);
			break;
		}
		ret = on_event(&r, &ev);
		done = ev.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&r.yaml);
	*root = r.root;
	return ret;
}
