/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_COMMAND_H
#define COMMON_COMMAND_H

/*
 * The verbs of weft as one table: what the CLI parses and explains, what bash completes, what the
 * man page lists, and which methods weftd has to serve. A verb is added here, in weftd's table of
 * handlers, and where its result needs a form of its own, in the CLI's renderers.
 *
 * On the wire a verb is the JSON-RPC method of the same name; each argument and option carries the
 * name of the member it becomes in the parameters.
 */

#include <stdbool.h>
#include <stddef.h>

enum command_group {
	GROUP_SWITCH,
	GROUP_CONFIG,
	GROUP_FDB,
	GROUP_NAT,
	GROUP_DHCP,
	GROUP_STATS,
	GROUP_GUEST,
	GROUP_DAEMON,
	GROUP_N
};

enum command_arg_kind {
	ARG_NONE, /* ends a list of arguments */
	ARG_BRIDGE,
	ARG_PORT,
	ARG_GUEST,
	ARG_FILE, /* becomes its name and its text */
	ARG_MAC,
	ARG_VLAN,  /* a number */
	ARG_KIND,  /* bridge, port, guest or switch */
	ARG_NAME,  /* of an object of the kind before it */
	ARG_FIELD, /* KEY=VALUE */
	ARG_MODULE,
	ARG_LEVEL,
	ARG_VERB,
	ARG_WORD,
	ARG_KIND_N
};

enum command_arg_flags {
	ARG_OPTIONAL = 1 << 0,
	ARG_MANY = 1 << 1,	 /* takes all words that are left; an array on the wire */
	ARG_RAW = 1 << 2,	 /* stands after "--": its words are no options of weft */
	ARG_NOT_SWITCH = 1 << 3, /* absent when the kind before it is "switch" */
};

struct command_arg {
	const char *key; /* its name on the wire */
	enum command_arg_kind kind;
	unsigned flags;
};

enum command_flags {
	COMMAND_PRINTS = 1 << 0,
	COMMAND_CHANGES = 1 << 1, /* the configuration; a dry run answers with the plan */
	COMMAND_ACTS = 1 << 2,	  /* on what runs; a dry run never reaches the handler */
	COMMAND_STREAMS = 1 << 3, /* no time limit unless one is given */
	COMMAND_LOCAL = 1 << 4,	  /* needs no weftd */
};

enum command_option_id {
	OPTION_SOCKET,
	OPTION_TIMEOUT,
	OPTION_JSON,
	OPTION_NO_HEADING,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_MAY_EXIST, /* the first that belongs to single verbs */
	OPTION_IF_EXISTS,
	OPTION_DRY_RUN,
	OPTION_RUNNING,
	OPTION_EFFECTIVE,
	OPTION_KEEP_GUESTS,
	OPTION_WRITE,
	OPTION_FILTER,
	OPTION_DIRECTION,
	OPTION_SNAPLEN,
	OPTION_COUNT,
	OPTION_DROPS,
	OPTION_ONCE,
	OPTION_OUTPUT,
	OPTION_N
};

struct command_option {
	const char *word;  /* "--socket" */
	char letter;	   /* 's', 0: none */
	const char *value; /* label of its value, NULL: takes none; N: a number */
	const char *key;   /* its name on the wire, NULL: it is for the CLI only */
	const char *help;
};

#define COMMAND_ARGS_MAX 4

struct command_spec {
	const char *name;
	enum command_group group;
	unsigned flags;	    /* enum command_flags */
	unsigned options;   /* bits of enum command_option_id, those of a single verb */
	unsigned timeout_s; /* default time limit, 0: COMMAND_TIMEOUT_S */
	struct command_arg args[COMMAND_ARGS_MAX + 1]; /* ends with ARG_NONE */
	const char *summary;			       /* one line, no full stop */
	const char *help;			       /* more, wrapped by whoever prints it */
};

#define COMMAND_TIMEOUT_S 10

/* A name that other tools' users type, and the verb it stands for. */
struct command_alias {
	const char *name;
	const char *verb;
};

/* The tables, in the order in which help lists them, and the number of entries in `n`. */
const struct command_spec *command_specs(size_t *n);
const struct command_alias *command_aliases(size_t *n);
const struct command_option *command_option(enum command_option_id id);

/* The verb of that name or alias, NULL when there is none. */
const struct command_spec *command_lookup(const char *name);
/* The verb or alias whose name is so near to `name` that it may be meant; NULL when none is. */
const char *command_nearest(const char *name);

/* Whether the verb takes the option; global ones and those its flags imply included. */
bool command_takes(const struct command_spec *spec, enum command_option_id id);

/* "BRIDGE", "[KEY=VALUE...]": the argument in a line of usage. Returns `text`. */
char *command_arg_format(const struct command_arg *arg, char *text, size_t size);
/* "add-port [--may-exist] [--dry-run] BRIDGE PORT [KEY=VALUE...]". Returns `text`. */
char *command_usage_format(const struct command_spec *spec, char *text, size_t size);

const char *command_group_name(enum command_group group);
const char *command_arg_kind_name(enum command_arg_kind kind);

#endif
