/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/rpc.h"
#include "common/suggest.h"

#define TIMEOUT_MAX_S 1e6

/* The option that `word` names, and the value behind its '=' or its letter; -1: there is none. */
static int option_lookup(const char *word, const char **value)
{
	*value = NULL;
	for (int id = 0; id < OPTION_N; id++) {
		const struct command_option *option = command_option(id);
		size_t len = strlen(option->word);

		if (strncmp(word, option->word, len) == 0 && (!word[len] || word[len] == '=')) {
			*value = word[len] ? word + len + 1 : NULL;
			return id;
		}
		if (option->letter && word[1] == option->letter &&
		    (!word[2] || (option->value && word[1] != '-'))) {
			*value = word[2] ? word + 2 : NULL;
			return id;
		}
	}
	return -1;
}

static int unknown_option(const char *word, struct err *e)
{
	struct suggest s;

	suggest_init(&s, word);
	for (int id = 0; id < OPTION_N; id++)
		suggest_offer(&s, command_option(id)->word);
	if (s.best)
		return err_set(e, EINVAL, "unknown option '%s': did you mean '%s'?", word, s.best);
	return err_set(e, EINVAL,
		       "unknown option '%s': `weft help` lists them, and words of a guest's "
		       "command go after --",
		       word);
}

static int timeout_parse(struct args *a, const char *value, struct err *e)
{
	char *end;

	a->timeout_s = strtod(value, &end);
	if (end == value || *end || !(a->timeout_s > 0 && a->timeout_s <= TIMEOUT_MAX_S))
		return err_set(e, EINVAL, "--timeout '%s': give a number of seconds above 0",
			       value);
	return 0;
}

/* Takes the option in argv[*i], and the word after it where that is its value. */
static int option_parse(struct args *a, int argc, char **argv, int *i, struct err *e)
{
	const char *word = argv[*i], *value;
	int id = option_lookup(word, &value);
	const struct command_option *option;

	if (id < 0)
		return unknown_option(word, e);
	option = command_option(id);
	a->options[id] = true;
	if (!option->value)
		return value ? err_set(e, EINVAL, "%s takes no value", option->word) : 0;

	if (!value && *i + 1 >= argc)
		return err_set(e, EINVAL, "%s needs a value: %s %s", option->word, option->word,
			       option->value);
	if (!value)
		value = argv[++*i];
	if (id == OPTION_TIMEOUT)
		return timeout_parse(a, value, e);
	a->values[id] = value;
	if (id == OPTION_SOCKET)
		a->socket = value;
	return 0;
}

int args_parse(struct args *a, int argc, char **argv, struct err *e)
{
	const char *socket = getenv("WEFT_SOCKET");
	bool raw = false;
	int ret;

	*a = (struct args){0};
	a->socket = socket && *socket ? socket : RPC_SOCKET_DEFAULT;
	a->words = calloc((size_t)argc + 1, sizeof(*a->words));
	if (!a->words)
		return err_set(e, ENOMEM, "out of memory");

	for (int i = 1; i < argc; i++) {
		if (!raw && strcmp(argv[i], "--") == 0) {
			raw = true;
		} else if (!raw && argv[i][0] == '-' && argv[i][1]) {
			ret = option_parse(a, argc, argv, &i, e);
			if (ret < 0)
				return ret;
		} else if (!a->verb && !raw) {
			a->verb = argv[i];
		} else {
			a->words[a->n_words++] = argv[i];
		}
	}
	return 0;
}

void args_fini(struct args *a)
{
	free(a->words);
}

int args_check_options(const struct args *a, const struct command_spec *spec, struct err *e)
{
	for (int id = 0; id < OPTION_N; id++)
		if (a->options[id] && !command_takes(spec, id))
			return err_set(e, EINVAL,
				       "%s takes no %s: `weft help %s` lists its options",
				       spec->name, command_option(id)->word, spec->name);
	return 0;
}

int args_timeout_ms(const struct args *a, const struct command_spec *spec)
{
	if (a->timeout_s > 0)
		return (int)(a->timeout_s * 1e3 + 0.5);
	if (spec->flags & COMMAND_STREAMS)
		return -1;
	return (int)(spec->timeout_s ? spec->timeout_s : COMMAND_TIMEOUT_S) * 1000;
}
