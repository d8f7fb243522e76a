/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mac.h"

#define VLAN_MAX 4094

/* A word list that is being used up. */
struct words {
	const char *const *next;
	int left;
};

static int usage_error(const struct command_spec *spec, struct err *e, const char *what,
		       const char *word)
{
	char usage[256];

	return err_set(e, EINVAL, "%s%s%s; usage: weft %s", what, word ? " " : "", word ? word : "",
		       command_usage_format(spec, usage, sizeof(usage)));
}

static int add_string(json_t *params, const char *key, const char *word, struct err *e)
{
	if (json_object_set_new(params, key, json_string(word)) == 0)
		return 0;
	return err_set(e, EINVAL, "'%s' is not UTF-8 text", word);
}

/* Returns the text of the file, to be freed, or NULL with the reason in `e`. */
static char *read_file(const char *name, struct err *e)
{
	FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
	char *text = NULL;
	size_t len;

	if (!f) {
		err_set(e, errno, "cannot read %s: %s", name, strerror(errno));
		return NULL;
	}
	text = malloc(PARAMS_FILE_MAX + 2);
	len = text ? fread(text, 1, PARAMS_FILE_MAX + 1, f) : 0;
	if (!text || ferror(f)) {
		err_set(e, errno, "cannot read %s: %s", name, strerror(errno));
		goto err_free;
	}
	if (len > PARAMS_FILE_MAX) {
		err_set(e, EFBIG, "%s is larger than %u KiB: is it a config file?", name,
			PARAMS_FILE_MAX >> 10);
		goto err_free;
	}
	text[len] = '\0';
	if (strlen(text) != len) {
		err_set(e, EINVAL, "%s holds a NUL byte: is it a config file?", name);
		goto err_free;
	}
	if (f != stdin)
		fclose(f);
	return text;

err_free:
	free(text);
	if (f != stdin)
		fclose(f);
	return NULL;
}

static int add_file(json_t *params, const char *name, struct err *e)
{
	char *text = read_file(name, e);
	int ret;

	if (!text)
		return -EINVAL;
	ret = add_string(params, "file", strcmp(name, "-") == 0 ? "<stdin>" : name, e);
	if (ret == 0 && json_object_set_new(params, "text", json_string(text)) < 0)
		ret = err_set(e, EINVAL, "%s is not UTF-8 text", name);
	free(text);
	return ret;
}

static int add_vlan(json_t *params, const char *key, const char *word, struct err *e)
{
	char *end;
	long vlan = strtol(word, &end, 10);

	if (end == word || *end || vlan < 0 || vlan > VLAN_MAX)
		return err_set(e, EINVAL, "'%s' is no VLAN: give a number from 0 to %d", word,
			       VLAN_MAX);
	return json_object_set_new(params, key, json_integer(vlan));
}

static int add_mac(json_t *params, const char *key, const char *word, struct err *e)
{
	struct mac mac;

	if (mac_parse(word, &mac) < 0)
		return err_set(e, EINVAL, "'%s' is no MAC address: write aa:bb:cc:dd:ee:ff", word);
	return add_string(params, key, word, e);
}

static int add_kind(json_t *params, const char *key, const char *word, struct err *e)
{
	static const char *const kinds[] = {"bridge", "uplink", "port", "guest", "switch"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i], word) == 0)
			return add_string(params, key, word, e);
	return err_set(e, EINVAL,
		       "'%s' is no kind of object: say bridge, uplink, port, guest or switch",
		       word);
}

/* All words that are left, as an array. */
static int add_many(json_t *params, const struct command_arg *arg, struct words *w, struct err *e)
{
	json_t *array = json_array();
	int ret = 0;

	for (; w->left && ret == 0; w->next++, w->left--) {
		if (arg->kind == ARG_FIELD && !strchr(*w->next, '='))
			ret = err_set(e, EINVAL, "'%s' is no field: write KEY=VALUE", *w->next);
		else if (json_array_append_new(array, json_string(*w->next)) < 0)
			ret = err_set(e, EINVAL, "'%s' is not UTF-8 text", *w->next);
	}
	if (ret < 0)
		json_decref(array);
	else
		json_object_set_new(params, arg->key, array);
	return ret;
}

static int add_one(json_t *params, const struct command_arg *arg, struct words *w, struct err *e)
{
	const char *word = *w->next++;

	w->left--;
	switch (arg->kind) {
	case ARG_FILE:
		return add_file(params, word, e);
	case ARG_VLAN:
		return add_vlan(params, arg->key, word, e);
	case ARG_MAC:
		return add_mac(params, arg->key, word, e);
	case ARG_KIND:
		return add_kind(params, arg->key, word, e);
	default:
		return add_string(params, arg->key, word, e);
	}
}

static bool is_about_switch(const json_t *params)
{
	const char *kind = json_string_value(json_object_get(params, "kind"));

	return kind && strcmp(kind, "switch") == 0;
}

/* Words that the arguments from `arg` on cannot do without. */
static int n_required(const struct command_arg *arg)
{
	int n = 0;

	for (; arg->kind; arg++)
		n += !(arg->flags & ARG_OPTIONAL);
	return n;
}

static int add_words(json_t *params, const struct command_spec *spec, struct words *w,
		     struct err *e)
{
	char label[40];
	int ret = 0;

	for (const struct command_arg *arg = spec->args; arg->kind && ret == 0; arg++) {
		if (arg->flags & ARG_NOT_SWITCH && is_about_switch(params))
			continue;
		if (arg->flags & ARG_OPTIONAL && w->left <= n_required(arg + 1))
			continue;
		if (!w->left)
			return usage_error(spec, e, "missing",
					   command_arg_format(arg, label, sizeof(label)));
		ret = arg->flags & ARG_MANY ? add_many(params, arg, w, e)
					    : add_one(params, arg, w, e);
	}
	return ret == 0 && w->left ? usage_error(spec, e, "too many words, from", *w->next) : ret;
}

static int add_number(json_t *params, const struct command_option *option, const char *word,
		      struct err *e)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(word, &end, 10);
	if (end == word || *end || n < 1 || errno)
		return err_set(e, EINVAL, "%s '%s': give a whole number from 1 on", option->word,
			       word);
	return json_object_set_new(params, option->key, json_integer(n));
}

static int add_option(json_t *params, const struct command_option *option, const char *value,
		      struct err *e)
{
	if (!value)
		return json_object_set_new(params, option->key, json_true());
	if (strcmp(option->value, "N") == 0)
		return add_number(params, option, value, e);
	return add_string(params, option->key, value, e);
}

static int add_options(json_t *params, const struct args *a, struct err *e)
{
	int ret = 0;

	for (int id = 0; id < OPTION_N && ret == 0; id++)
		if (a->options[id] && command_option(id)->key)
			ret = add_option(params, command_option(id), a->values[id], e);
	if (a->options[OPTION_EFFECTIVE])
		json_object_set_new(params, command_option(OPTION_RUNNING)->key, json_true());
	return ret;
}

/* OVS writes the module and its level as one word. */
static bool is_module_level(const struct command_spec *spec, const struct args *a)
{
	return spec->args[0].kind == ARG_MODULE && a->n_words == 1 && strchr(a->words[0], ':');
}

json_t *params_build(const struct command_spec *spec, const struct args *a, struct err *e)
{
	const char *split[2];
	struct words w = {a->words, a->n_words};
	json_t *params = json_object();
	char *module = NULL;
	int ret;

	if (is_module_level(spec, a)) {
		split[1] = strchr(a->words[0], ':') + 1;
		split[0] = module = strndup(a->words[0], (size_t)(split[1] - a->words[0] - 1));
		w = (struct words){split, 2};
	}
	ret = add_options(params, a, e);
	if (ret == 0)
		ret = add_words(params, spec, &w, e);
	free(module);
	if (ret == 0)
		return params;
	json_decref(params);
	return NULL;
}
