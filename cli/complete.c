/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/complete.h"

#include <stdbool.h>
#include <string.h>

#include "common/command.h"
#include "common/jsonx.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/util.h"

#define COMPLETE_TIMEOUT_MS 1000

/* Where names come from: a verb that answers with an array, and the member that is the name. */
static const struct {
	enum command_arg_kind kind;
	const char *method;
	const char *member; /* NULL: the entries are names themselves */
} sources[] = {
	{ARG_BRIDGE, "list-br", NULL},	   {ARG_PORT, "stats/show", "port"},
	{ARG_GUEST, "guest/list", "name"}, {ARG_MAC, "fdb/show", "mac"},
	{ARG_NAME, "list-br", NULL},	   {ARG_NAME, "stats/show", "port"},
	{ARG_NAME, "guest/list", "name"},
};

static void print_answer(struct rpc *rpc, const char *method, const char *member, FILE *out)
{
	json_t *result, *entry;
	size_t i;

	if (rpc_call(rpc, method, NULL, COMPLETE_TIMEOUT_MS, NULL, NULL, &result, NULL) == 0) {
		json_array_foreach (result, i, entry) {
			const char *name = member ? jsonx_string(entry, member, NULL)
						  : json_string_value(entry);

			if (name)
				fprintf(out, "%s\n", name);
		}
	}
	json_decref(result);
}

static void print_existing(const char *kind, const char *socket, FILE *out)
{
	struct rpc *rpc = rpc_connect(socket, NULL);

	for (size_t i = 0; rpc && i < ARRAY_SIZE(sources); i++)
		if (strcmp(command_arg_kind_name(sources[i].kind), kind) == 0)
			print_answer(rpc, sources[i].method, sources[i].member, out);
	rpc_close(rpc);
}

static void print_verbs(FILE *out)
{
	const struct command_spec *specs;
	size_t n;

	specs = command_specs(&n);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s\n", specs[i].name);
}

void complete_print_names(const char *kind, const char *socket, FILE *out)
{
	if (strcmp(kind, "verb") == 0) {
		print_verbs(out);
	} else if (strcmp(kind, "kind") == 0) {
		fprintf(out, "bridge\nport\nguest\nswitch\n");
	} else if (strcmp(kind, "level") == 0) {
		for (int i = 0; i < LOG_LEVEL_N; i++)
			fprintf(out, "%s\n", log_level_name(i));
	} else if (strcmp(kind, "module") == 0) {
		fprintf(out, "any\n");
		for (int i = 0; i < LOG_MODULE_N; i++)
			fprintf(out, "%s\n", log_module_name(i));
	} else {
		print_existing(kind, socket, out);
	}
}

/* "kind kind? kind+": "?" marks one that may be left out, "+" one that takes all words left. */
static void print_verb_case(const char *name, const struct command_spec *spec, FILE *out)
{
	const char *space = "";

	fprintf(out, "\t%s)\n\t\tkinds='", name);
	for (const struct command_arg *arg = spec->args; arg->kind; arg++, space = " ")
		fprintf(out, "%s%s%s", space, command_arg_kind_name(arg->kind),
			arg->flags & ARG_MANY	    ? "+"
			: arg->flags & ARG_OPTIONAL ? "?"
						    : "");
	fprintf(out, "'\n\t\toptions='");
	space = "";
	for (int id = OPTION_MAY_EXIST; id < OPTION_N; id++) {
		if (!command_takes(spec, id))
			continue;
		fprintf(out, "%s%s", space, command_option(id)->word);
		space = " ";
	}
	fprintf(out, "'\n\t\t;;\n");
}

static void print_table(FILE *out)
{
	const struct command_alias *aliases;
	const struct command_spec *specs;
	size_t n_specs, n_aliases;

	specs = command_specs(&n_specs);
	aliases = command_aliases(&n_aliases);
	fprintf(out, "_weft_verb()\n{\n\tkinds='' options=''\n\tcase \"$1\" in\n");
	for (size_t i = 0; i < n_specs; i++)
		print_verb_case(specs[i].name, &specs[i], out);
	for (size_t i = 0; i < n_aliases; i++)
		print_verb_case(aliases[i].name, command_lookup(aliases[i].verb), out);
	fprintf(out, "\tesac\n}\n\n");
}

static void print_globals(FILE *out)
{
	fprintf(out, "_weft_globals='");
	for (int id = 0; id < OPTION_MAY_EXIST; id++)
		fprintf(out, "%s%s", id ? " " : "", command_option(id)->word);
	fprintf(out, "'\n\n");
}

static const char script[] =
	"_weft()\n"
	"{\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} cur prefix word verb='' skip='' kinds='' "
	"options='' kind=''\n"
	"\tlocal -i position=0\n"
	"\tlocal -a ask=(\"${COMP_WORDS[0]}\" --complete) words list\n"
	"\n"
	"\t# Words as weft gets them: bash would break them at : and =, too.\n"
	"\tread -ra words <<<\"$line\"\n"
	"\t[[ $line == *[[:space:]] ]] && words+=('')\n"
	"\tcur=${words[-1]}\n"
	"\tfor word in \"${words[@]:1:${#words[@]}-2}\"; do\n"
	"\t\tif [[ $skip ]]; then\n"
	"\t\t\t[[ $skip == socket ]] && ask=(env WEFT_SOCKET=\"$word\" \"${ask[@]}\")\n"
	"\t\t\tskip=''\n"
	"\t\t\tcontinue\n"
	"\t\tfi\n"
	"\t\tcase $word in\n"
	"\t\t-s | --socket) skip=socket ;;\n"
	"\t\t-t | --timeout | -f | --filter | -Q | --direction | -c | --count | --snaplen) "
	"skip=value ;;\n"
	"\t\t-w | --write | -o | --output) skip=file ;;\n"
	"\t\t-*) ;;\n"
	"\t\t*) if [[ $verb ]]; then position+=1; else verb=$word; fi ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\n"
	"\tif [[ $skip == socket || $skip == file ]]; then\n"
	"\t\tkind='file'\n"
	"\telif [[ $skip ]]; then\n"
	"\t\treturn\n"
	"\telif [[ ! $verb ]]; then\n"
	"\t\tkind='verb'\n"
	"\telse\n"
	"\t\t_weft_verb \"$verb\"\n"
	"\t\tread -ra list <<<\"$kinds\"\n"
	"\t\tkind=${list[position]:-}\n"
	"\t\t[[ $kind == *'?' ]] && kind+=\" ${list[position + 1]:-}\"\n"
	"\t\t[[ ! $kind && $kinds == *+ ]] && kind=${list[-1]}\n"
	"\tfi\n"
	"\n"
	"\tCOMPREPLY=()\n"
	"\tif [[ $cur == -* ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$options $_weft_globals\" -- \"$cur\")\n"
	"\telif [[ $kind == file* ]]; then\n"
	"\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\telif [[ $kind ]]; then\n"
	"\t\tread -ra words <<<\"${kind//[+?]/}\"\n"
	"\t\tmapfile -t list < <(for word in \"${words[@]}\"; do \"${ask[@]}\" \"$word\"; done)\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"${list[*]}\" -- \"$cur\")\n"
	"\tfi\n"
	"\tprefix=${cur%\"${cur##*[:=]}\"}\n"
	"\tCOMPREPLY=(\"${COMPREPLY[@]#\"$prefix\"}\")\n"
	"}\n"
	"complete -F _weft weft\n";

void complete_print_bash(FILE *out)
{
	fprintf(out, "# bash completion for weft, made by weft --print-completion bash\n\n");
	print_globals(out);
	print_table(out);
	fputs(script, out);
}
