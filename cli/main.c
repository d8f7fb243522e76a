/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * weft: the command line of weftd. It takes words apart by the command table, asks weftd over its
 * control socket, and shows the answer; what a verb means is weftd's business alone.
 *
 *   argv -> args -> params -> rpc_call -> render -> exit status
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/capture.h"
#include "cli/complete.h"
#include "cli/console.h"
#include "cli/exec.h"
#include "cli/help.h"
#include "cli/local.h"
#include "cli/params.h"
#include "cli/render.h"
#include "common/rpc.h"
#include "common/version.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_SERVER = 2, EXIT_PARTLY = 65 };

static int complain(const struct err *e)
{
	fflush(stdout);
	fprintf(stderr, "weft: %s\n", e->text);
	return EXIT_FAILED;
}

/* The exit status for what rpc_call returned, its message printed. */
static int status_of_error(int ret, const struct err *e)
{
	complain(e);
	if (ret < 0)
		return EXIT_FAILED;
	return ret == RPC_PARTLY_APPLIED ? EXIT_PARTLY : EXIT_SERVER;
}

/* The exit status that a result stands for. */
static int status_of_result(const struct command_spec *spec, const json_t *result)
{
	if (json_array_size(json_object_get(result, "failed")))
		return EXIT_PARTLY;
	return strcmp(spec->name, "br-exists") == 0 && !json_is_true(result) ? EXIT_SERVER
									     : EXIT_DONE;
}

static void print_result(const struct command_spec *spec, const struct args *a,
			 const json_t *result)
{
	struct render r = {.heading = !a->options[OPTION_NO_HEADING], .out = stdout};

	if (a->options[OPTION_JSON])
		render_json(stdout, result);
	else
		render_text(&r, spec, result);
}

static int run_exec(struct rpc *rpc, const struct command_spec *spec, const struct args *a,
		    json_t *params /*stolen*/)
{
	struct err e;
	int status, ret;

	ret = exec_run(rpc, params, args_timeout_ms(a, spec), a->options[OPTION_JSON], &status, &e);
	return ret ? status_of_error(ret, &e) : status;
}

static int run_console(struct rpc *rpc, const struct command_spec *spec, const struct args *a,
		       json_t *params /*stolen*/)
{
	json_t *result;
	struct err e;
	int fd, ret;

	ret = rpc_call(rpc, spec->name, params, COMMAND_TIMEOUT_S * 1000, NULL, NULL, &result, &e);
	if (ret == 0 && a->options[OPTION_JSON])
		render_json(stdout, result);
	json_decref(result);
	if (ret)
		return status_of_error(ret, &e);
	if (a->options[OPTION_JSON])
		return EXIT_DONE;

	fd = rpc_recv_fd(rpc);
	if (fd < 0) {
		err_set(&e, EPROTO, "weftd sent no console of %s: is it of another version?",
			a->words[0]);
		return complain(&e);
	}
	return console_run(a->words[0], fd, args_timeout_ms(a, spec), &e) < 0 ? complain(&e)
									      : EXIT_DONE;
}

static int run_capture(struct rpc *rpc, const struct command_spec *spec, const struct args *a,
		       json_t *params /*stolen*/)
{
	struct err e;
	int ret = capture_run(rpc, a, params, args_timeout_ms(a, spec), &e);

	return ret ? status_of_error(ret, &e) : EXIT_DONE;
}

static int run_verb(struct rpc *rpc, const struct command_spec *spec, const struct args *a,
		    json_t *params /*stolen*/)
{
	json_t *result;
	struct err e;
	int ret = rpc_call(rpc, spec->name, params, args_timeout_ms(a, spec), NULL, NULL, &result,
			   &e);
	int status = ret ? 0 : status_of_result(spec, result);

	if (result)
		print_result(spec, a, result);
	json_decref(result);
	return ret ? status_of_error(ret, &e) : status;
}

/* Verbs whose answer is not just printed. */
static const struct {
	const char *verb;
	int (*run)(struct rpc *rpc, const struct command_spec *spec, const struct args *a,
		   json_t *params);
} runners[] = {
	{"guest/exec", run_exec},
	{"guest/console", run_console},
	{"capture", run_capture},
};

static int run_remote(const struct command_spec *spec, const struct args *a, struct err *e)
{
	json_t *params = params_build(spec, a, e);
	int (*run)(struct rpc *, const struct command_spec *, const struct args *, json_t *) =
		run_verb;
	struct rpc *rpc;
	int status;

	if (!params)
		return complain(e);
	rpc = rpc_connect(a->socket, e);
	if (!rpc) {
		json_decref(params);
		return complain(e);
	}
	for (size_t i = 0; i < ARRAY_SIZE(runners); i++)
		if (strcmp(runners[i].verb, spec->name) == 0)
			run = runners[i].run;
	status = run(rpc, spec, a, params);
	rpc_close(rpc);
	return status;
}

static int unknown_verb(const char *verb, struct err *e)
{
	const char *nearest = command_nearest(verb);

	if (nearest)
		err_set(e, EINVAL, "unknown verb '%s': did you mean '%s'?", verb, nearest);
	else
		err_set(e, EINVAL, "unknown verb '%s': `weft help` lists them", verb);
	return complain(e);
}

static int run(const struct args *a)
{
	const struct command_spec *spec = a->verb ? command_lookup(a->verb) : NULL;
	struct err e;
	int ret;

	if (a->options[OPTION_VERSION]) {
		printf("weft %s\n", version_text);
		return EXIT_DONE;
	}
	if (a->verb && !spec)
		return unknown_verb(a->verb, &e);
	if (!spec || a->options[OPTION_HELP]) {
		FILE *out = a->options[OPTION_HELP] ? stdout : stderr;

		if (spec)
			help_print_verb(spec, out);
		else
			help_print(out);
		return a->options[OPTION_HELP] ? EXIT_DONE : EXIT_FAILED;
	}
	if (args_check_options(a, spec, &e) < 0)
		return complain(&e);
	if (!(spec->flags & COMMAND_LOCAL))
		return run_remote(spec, a, &e);
	ret = local_run(spec, a, &e);
	return ret < 0 ? complain(&e) : ret;
}

/* What packaging and the shell ask for, none of a user's business. Returns false: none of these. */
static bool run_hidden(int argc, char **argv)
{
	const char *socket = getenv("WEFT_SOCKET");

	if (argc == 2 && strcmp(argv[1], "--print-man") == 0)
		help_print_man(stdout);
	else if (argc == 3 && strcmp(argv[1], "--print-completion") == 0 &&
		 strcmp(argv[2], "bash") == 0)
		complete_print_bash(stdout);
	else if (argc == 3 && strcmp(argv[1], "--complete") == 0)
		complete_print_names(argv[2], socket && *socket ? socket : RPC_SOCKET_DEFAULT,
				     stdout);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	int status = EXIT_DONE;
	struct args a;
	struct err e;

	if (run_hidden(argc, argv))
		return EXIT_DONE;
	status = args_parse(&a, argc, argv, &e) < 0 ? complain(&e) : run(&a);
	args_fini(&a);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		err_set(&e, EIO, "cannot write the output: %s", strerror(errno));
		status = complain(&e);
	}
	return status;
}
