/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/labfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/suggest.h"
#include "perf/kind.h"

static const char *const engine_words[LAB_ENGINES] = {"weft", "qemu"};

struct document {
	yaml_document_t yaml;
	char folder[512];
};

/* What a file asks for until its setups are multiplied by it; of the file, and of each setup. */
struct engines {
	const char *list[LAB_ENGINES];
	unsigned n;
};

/* What lab_parse needs beside the lab. */
struct reading {
	struct lab *lab;
	struct engines engines[LAB_SETUPS_MAX];
};

static struct lab *lab_of(const struct schema *r)
{
	return ((struct reading *)r->arg)->lab;
}

static void read_version(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	const char *text = schema_text(r, node, path, "a version");

	if (text && strcmp(text, "1") != 0)
		diag_help(diag_add(r->diag, SCHEMA_POS(node), "%s: \"%s\" is not known here", path,
				   text),
			  "this weft-lab reads version 1");
}

static void read_level(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	const char *text = schema_text(r, node, path, "a percentage");

	if (!text)
		return;
	if (strcmp(text, "95") != 0 && strcmp(text, "99") != 0)
		diag_add(r->diag, SCHEMA_POS(node), "%s: \"%s\" is neither 95 nor 99", path, text);
	else
		*(double *)out = atof(text);
}

static unsigned read_words(struct schema *r, yaml_node_t *node, const char *path, const char **out)
{
	unsigned n = schema_list(r, node, path, LAB_ARGS_MAX);

	for (unsigned i = 0; i < n; i++) {
		const char *text = schema_text(r, schema_item(r, node, i), path, "an argument");

		out[i] = text ? text : "";
	}
	return n;
}

static void read_setup_args(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	struct lab_setup *s = container_of(out, struct lab_setup, args);

	s->n_args = read_words(r, node, path, s->args);
}

static void add_engine(struct schema *r, yaml_node_t *node, const char *path, struct engines *e)
{
	const char *text = schema_text(r, node, path, "weft or qemu");

	for (unsigned i = 0; text && i < e->n; i++)
		if (strcmp(e->list[i], text) == 0) {
			diag_add(r->diag, SCHEMA_POS(node), "%s: \"%s\" is in the list already",
				 path, text);
			return;
		}
	for (unsigned i = 0; text && i < LAB_ENGINES; i++)
		if (strcmp(engine_words[i], text) == 0) {
			e->list[e->n++] = engine_words[i];
			return;
		}
	if (text)
		diag_help(
			diag_add(r->diag, SCHEMA_POS(node), "%s: \"%s\" is no engine", path, text),
			"weft and qemu are; [weft, qemu] measures both");
}

/* One word, or a list of them. */
static void read_engines(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	unsigned n = node->type == YAML_SEQUENCE_NODE ? schema_list(r, node, path, LAB_ENGINES) : 0;

	if (node->type != YAML_SEQUENCE_NODE)
		add_engine(r, node, path, out);
	for (unsigned i = 0; i < n; i++)
		add_engine(r, schema_item(r, node, i), path, out);
}

/* Of a setup: kept beside it. */
static void read_setup_engines(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	struct reading *reading = r->arg;
	struct lab_setup *s = container_of(out, struct lab_setup, engine);

	read_engines(r, node, path, &reading->engines[s - reading->lab->setups]);
}

static void read_setups(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	static const struct schema_key members[] = {
		{"name", schema_read_name, offsetof(struct lab_setup, name), true},
		{"config", schema_read_text, offsetof(struct lab_setup, config), true},
		{"client", schema_read_name, offsetof(struct lab_setup, client), true},
		{"server", schema_read_name, offsetof(struct lab_setup, server), true},
		{"up", schema_read_text, offsetof(struct lab_setup, up), false},
		{"down", schema_read_text, offsetof(struct lab_setup, down), false},
		{"check", schema_read_text, offsetof(struct lab_setup, check), false},
		{"address", schema_read_text, offsetof(struct lab_setup, address), false},
		{"args", read_setup_args, offsetof(struct lab_setup, args), false},
		{"host", schema_read_text, offsetof(struct lab_setup, host), false},
		{"outside", schema_read_text, offsetof(struct lab_setup, outside), false},
		{"prepare", schema_read_text, offsetof(struct lab_setup, prepare), false},
		{"engine", read_setup_engines, offsetof(struct lab_setup, engine), false},
	};
	struct lab *lab = lab_of(r);
	char inner[64];

	lab->n_setups = schema_list(r, node, path, LAB_SETUPS_MAX);
	for (unsigned i = 0; i < lab->n_setups; i++) {
		struct lab_setup *s = &lab->setups[i];
		yaml_node_t *item = schema_item(r, node, i);

		*s = (struct lab_setup){SCHEMA_POS(item), .name = "", .config = "",  .client = "",
					.server = "",	  .up = "",   .down = "",    .check = "",
					.address = "",	  .host = "", .outside = "", .prepare = "",
					.engine = ""};
		snprintf(inner, sizeof(inner), "%s[%u]", path, i);
		schema_read_map(r, item, inner, members, ARRAY_SIZE(members), s);
	}
}

static void read_test_name(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	const char *text = schema_text(r, node, path, "a test");
	enum kind kind;
	struct err e;

	if (!text)
		return;
	if (kind_parse(text, &kind, &e))
		diag_add(r->diag, SCHEMA_POS(node), "%s: %.200s", path, e.text);
	else
		*(const char **)out = kind_traits(kind)->name;
}

static void read_args(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	struct lab_test *t = container_of(out, struct lab_test, args);

	t->n_args = read_words(r, node, path, t->args);
}

static void label_test(struct lab_test *t)
{
	size_t used = (size_t)snprintf(t->label, sizeof(t->label), "%s", t->test);

	for (unsigned i = 0; i < t->n_args && used < sizeof(t->label); i++)
		used += (size_t)snprintf(t->label + used, sizeof(t->label) - used, " %s",
					 t->args[i]);
}

static void read_tests(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	static const struct schema_key members[] = {
		{"test", read_test_name, offsetof(struct lab_test, test), true},
		{"args", read_args, offsetof(struct lab_test, args), false},
	};
	struct lab *lab = lab_of(r);
	char inner[64];

	lab->n_tests = schema_list(r, node, path, LAB_TESTS_MAX);
	for (unsigned i = 0; i < lab->n_tests; i++) {
		struct lab_test *t = &lab->tests[i];
		yaml_node_t *item = schema_item(r, node, i);

		*t = (struct lab_test){.test = ""};
		snprintf(inner, sizeof(inner), "%s[%u]", path, i);
		if (item->type == YAML_MAPPING_NODE)
			schema_read_map(r, item, inner, members, ARRAY_SIZE(members), t);
		else
			read_test_name(r, item, inner, &t->test);
		label_test(t);
		for (unsigned j = 0; j < i; j++)
			if (strcmp(lab->tests[j].label, t->label) == 0)
				diag_add(r->diag, SCHEMA_POS(item),
					 "%s: \"%s\" is in the list already", inner, t->label);
	}
}

static void read_baseline(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	*(yaml_node_t **)out = node;
}

static void read_confidence(struct schema *r, yaml_node_t *node, const char *path, void *out)
{
	static const struct schema_key members[] = {
		{"level", read_level, offsetof(struct lab_confidence, level), false},
		{"interval", schema_read_percent, offsetof(struct lab_confidence, interval), false},
		{"min", schema_read_count, offsetof(struct lab_confidence, min), false},
		{"max", schema_read_count, offsetof(struct lab_confidence, max), false},
	};
	struct lab_confidence *c = out;

	*c = (struct lab_confidence){
		.wanted = true, .level = 99, .interval = 5, .min = 3, .max = 10};
	schema_read_map(r, node, path, members, ARRAY_SIZE(members), c);
	if (c->min < 2)
		diag_help(
			diag_add(r->diag, SCHEMA_POS(node), "%s.min: one run has no spread", path),
			"netperf's floor is 3");
	if (c->max < c->min)
		diag_add(r->diag, SCHEMA_POS(node), "%s: max %u is below min %u", path, c->max,
			 c->min);
}

/* The file's top level, but for what readers put into the lab by themselves: they need no place. */
struct top {
	yaml_node_t *baseline;
	struct engines engines;
	struct lab_confidence confidence;
	unsigned repeats;
	double duration_s, warmup_s, boot_s;
};

static void check_ends(struct schema *r, const struct lab_setup *s, unsigned i)
{
	bool outside = strcmp(s->client, "outside") == 0 || strcmp(s->server, "outside") == 0;

	if (s->client[0] && strcmp(s->client, s->server) == 0)
		diag_help(diag_add(r->diag, s->line, s->col,
				   "setups[%u]: client and server are both \"%s\"", i, s->client),
			  "name two guests of its config");
	if (outside && !s->outside[0])
		diag_help(diag_add(r->diag, s->line, s->col,
				   "setups[%u]: nothing says where outside is", i),
			  "add outside: the command that runs programs there, such as "
			  "\"ip netns exec NAME\"");
	if (outside && !s->address[0])
		diag_help(diag_add(r->diag, s->line, s->col,
				   "setups[%u]: an end outside needs an address", i),
			  "add address: where the client finds the server");
}

static void check_setups(struct schema *r)
{
	struct lab *lab = lab_of(r);

	for (unsigned i = 0; i < lab->n_setups; i++) {
		const struct lab_setup *s = &lab->setups[i];

		check_ends(r, s, i);
		for (unsigned j = 0; j < i; j++)
			if (s->name[0] && strcmp(lab->setups[j].name, s->name) == 0)
				diag_add(r->diag, s->line, s->col,
					 "setups[%u]: the name \"%s\" is taken by setups[%u]", i,
					 s->name, j);
	}
}

/* Appends what `s` stands for, with one engine or several, to the lab's setups. */
static void multiply_setup(struct schema *r, const struct lab_setup *s, const struct engines *e)
{
	struct lab *lab = lab_of(r);

	for (unsigned i = 0; i < MAX_OF(e->n, 1u); i++) {
		struct lab_setup *to = &lab->setups[lab->n_setups];

		if (lab->n_setups == LAB_SETUPS_MAX) {
			diag_add(r->diag, s->line, s->col,
				 "engine: more than %d setups and engines together",
				 LAB_SETUPS_MAX);
			return;
		}
		*to = *s;
		to->engine = e->n ? e->list[i] : "";
		if (e->n > 1) {
			char *name = lab->names[lab->n_setups];

			snprintf(name, sizeof(lab->names[0]), "%s-%s", s->name, to->engine);
			to->name = name;
		}
		lab->n_setups++;
	}
}

/* A setup has the engines that it names, else those of the file, else what its config says. */
static void multiply_setups(struct schema *r, const struct engines *of_file)
{
	const struct reading *reading = r->arg;
	struct lab *lab = lab_of(r);
	struct lab_setup setups[LAB_SETUPS_MAX];
	unsigned n = lab->n_setups;

	memcpy(setups, lab->setups, sizeof(setups));
	lab->n_setups = 0;
	for (unsigned i = 0; i < n; i++)
		multiply_setup(r, &setups[i],
			       reading->engines[i].n ? &reading->engines[i] : of_file);
}

static void resolve_baseline(struct schema *r, yaml_node_t *node)
{
	struct lab *lab = lab_of(r);
	struct diag_entry *entry;
	struct suggest s;
	const char *text;

	text = node ? schema_text(r, node, "baseline", "a setup's name") : NULL;
	if (!text)
		return;
	suggest_init(&s, text);
	for (unsigned i = 0; i < lab->n_setups; i++) {
		if (strcmp(lab->setups[i].name, text) == 0) {
			lab->baseline = i;
			return;
		}
		suggest_offer(&s, lab->setups[i].name);
	}
	entry = diag_add(r->diag, SCHEMA_POS(node), "baseline: no setup is called \"%s\"", text);
	if (s.best)
		diag_help(entry, "did you mean \"%s\"?", s.best);
}

/* The floor is the larger of `repeats` and the confidence rule's minimum. */
static void set_repeats(struct lab *lab, unsigned repeats)
{
	struct lab_confidence *c = &lab->confidence;

	lab->repeats = repeats ? repeats : c->wanted ? c->min : 5;
	if (!c->wanted)
		return;
	lab->repeats = MAX_OF(lab->repeats, c->min);
	c->max = MAX_OF(c->max, lab->repeats);
}

static void read_lab(struct schema *r, yaml_node_t *root)
{
	static const struct schema_key members[] = {
		{"version", read_version, 0, true},
		{"setups", read_setups, 0, true},
		{"baseline", read_baseline, offsetof(struct top, baseline), false},
		{"tests", read_tests, 0, true},
		{"repeats", schema_read_count, offsetof(struct top, repeats), false},
		{"duration", schema_read_seconds, offsetof(struct top, duration_s), false},
		{"warmup", schema_read_seconds, offsetof(struct top, warmup_s), false},
		{"boot", schema_read_seconds, offsetof(struct top, boot_s), false},
		{"confidence", read_confidence, offsetof(struct top, confidence), false},
		{"engine", read_engines, offsetof(struct top, engines), false},
	};
	struct top top = {.repeats = 0, .duration_s = 5, .warmup_s = 1, .boot_s = 60};
	struct lab *lab = lab_of(r);

	schema_read_map(r, root, "", members, ARRAY_SIZE(members), &top);
	multiply_setups(r, &top.engines);
	check_setups(r);
	resolve_baseline(r, top.baseline);
	if (top.duration_s < 0.1)
		diag_add(r->diag, SCHEMA_POS(root), "duration: less than 100ms measures nothing");
	lab->confidence = top.confidence;
	lab->duration_s = top.duration_s;
	lab->warmup_s = top.warmup_s;
	lab->boot_s = top.boot_s;
	set_repeats(lab, top.repeats);
}

static void set_folder(struct document *doc, const char *file)
{
	const char *slash = strrchr(file, '/');

	if (slash)
		snprintf(doc->folder, sizeof(doc->folder), "%.*s", (int)MAX_OF(slash - file, 1),
			 file);
	else
		strcpy(doc->folder, ".");
}

struct lab *lab_parse(const char *text, size_t len, const char *file, struct diag *d)
{
	struct document *doc = calloc(1, sizeof(*doc));
	struct lab *lab = calloc(1, sizeof(*lab));
	struct reading reading = {.lab = lab};
	struct schema r = {.diag = d, .arg = &reading};
	yaml_node_t *root;

	if (!doc || !lab || schema_load(text, len, &doc->yaml, d))
		goto err_free;
	lab->document = doc;
	set_folder(doc, file);
	lab->folder = doc->folder;
	r.document = &doc->yaml;

	root = yaml_document_get_root_node(&doc->yaml);
	if (!root)
		diag_help(diag_add(d, 0, 0, "the file is empty"), "see examples/lab-demo.yaml");
	else
		read_lab(&r, root);
	if (d->total == 0)
		return lab;
	lab_free(lab);
	return NULL;

err_free:
	free(doc);
	free(lab);
	return NULL;
}

void lab_free(struct lab *lab)
{
	struct document *doc;

	if (!lab)
		return;
	doc = lab->document;
	yaml_document_delete(&doc->yaml);
	free(doc);
	free(lab);
}

static bool in_list(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = names; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncasecmp(p, name, len) == 0 && (p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return false;
}

static bool is_setup(const struct lab *lab, const char *name, size_t len)
{
	for (unsigned i = 0; i < lab->n_setups; i++)
		if (strncasecmp(lab->setups[i].name, name, len) == 0 && !lab->setups[i].name[len])
			return true;
	return false;
}

int lab_only_setups(struct lab *lab, const char *names, struct err *e)
{
	unsigned kept = 0, baseline = 0;

	for (const char *p = names;; p += strcspn(p, ",") + 1) {
		int len = (int)strcspn(p, ",");

		if (!is_setup(lab, p, (size_t)len))
			return err_set(
				e, EINVAL,
				"no setup is called \"%.*s\"; `weft-lab list FILE` shows them", len,
				p);
		if (!p[len])
			break;
	}
	for (unsigned i = 0; i < lab->n_setups; i++) {
		if (!in_list(names, lab->setups[i].name))
			continue;
		if (i == lab->baseline)
			baseline = kept;
		lab->setups[kept++] = lab->setups[i];
	}
	lab->n_setups = kept;
	lab->baseline = baseline;
	return 0;
}

int lab_only_tests(struct lab *lab, const char *names, struct err *e)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < lab->n_tests; i++)
		if (in_list(names, lab->tests[i].test) || in_list(names, lab->tests[i].label))
			lab->tests[kept++] = lab->tests[i];
	if (!kept)
		return err_set(e, EINVAL,
			       "none of the tests \"%s\" is in the lab file; "
			       "`weft-lab list FILE` shows them",
			       names);
	lab->n_tests = kept;
	return 0;
}

char *lab_path(const struct lab *lab, const char *path, char *buf, size_t size)
{
	if (path[0] == '/')
		snprintf(buf, size, "%s", path);
	else
		snprintf(buf, size, "%s/%s", lab->folder, path);
	return buf;
}
