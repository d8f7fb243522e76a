/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bundle.h"
#include "cli/help.h"
#include "cli/render.h"
#include "cli/top.h"

/* Puts "NAME in the folder of this program" into `path`. Returns false when there is no such. */
static bool sibling_path(const char *name, char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return false;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash - path) + strlen(name) + 2 > PATH_MAX)
		return false;
	strcpy(slash + 1, name);
	return access(path, X_OK) == 0;
}

/* Becomes weftd. Returns only when that fails. */
static int become_weftd(const char *mode, const char *file, bool json, struct err *e)
{
	const char *argv[5] = {"weftd", mode};
	char path[PATH_MAX];
	int n = 2;

	if (file)
		argv[n++] = file;
	if (json)
		argv[n++] = "--json";
	if (sibling_path("weftd", path))
		execv(path, (char *const *)argv);
	else
		execvp("weftd", (char *const *)argv);
	return err_set(e, errno, "cannot run weftd: %s: it is looked for beside weft and in PATH",
		       strerror(errno));
}

static int run_check(const struct args *a, struct err *e)
{
	return become_weftd("--check", a->words[0], a->options[OPTION_JSON], e);
}

static int run_doctor(const struct args *a, struct err *e)
{
	return become_weftd("--doctor", NULL, a->options[OPTION_JSON], e);
}

int local_doctor_output(void)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	signal(SIGCHLD, SIG_IGN); /* nobody waits for it: its end is that of its output */
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		become_weftd("--doctor", NULL, false, NULL);
		_exit(127);
	}
	close(ends[1]);
	if (pid >= 0)
		return ends[0];
	close(ends[0]);
	return -EAGAIN;
}

static int run_help(const struct args *a, struct err *e)
{
	const struct command_spec *spec = a->n_words ? command_lookup(a->words[0]) : NULL;
	const char *nearest;

	if (!a->n_words) {
		help_print(stdout);
	} else if (spec) {
		help_print_verb(spec, stdout);
	} else {
		nearest = command_nearest(a->words[0]);
		return err_set(e, EINVAL, "no verb '%s'%s%s%s", a->words[0],
			       nearest ? ": did you mean '" : ": `weft help` lists them",
			       nearest ? nearest : "", nearest ? "'?" : "");
	}
	return 0;
}

static int run_list(const struct args *a, struct err *e)
{
	const struct command_spec *specs;
	json_t *names;
	size_t n;

	if (!a->options[OPTION_JSON]) {
		help_list(stdout);
		return 0;
	}
	names = json_array();
	specs = command_specs(&n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(names, json_string(specs[i].name));
	render_json(stdout, names);
	json_decref(names);
	return 0;
}

static const struct {
	const char *verb;
	int (*run)(const struct args *a, struct err *e);
} runners[] = {
	{"check", run_check},	     {"doctor", run_doctor},	     {"help", run_help},
	{"list-commands", run_list}, {"support-bundle", bundle_run}, {"top", top_run},
};

/* Words are few here: none, or one, that may be left out where it is optional. */
static bool words_fit(const struct command_spec *spec, const struct args *a)
{
	const struct command_arg *arg = &spec->args[0];

	if (!arg->kind)
		return a->n_words == 0;
	return a->n_words == 1 || (a->n_words == 0 && arg->flags & ARG_OPTIONAL);
}

int local_run(const struct command_spec *spec, const struct args *a, struct err *e)
{
	char usage[256];

	if (!words_fit(spec, a))
		return err_set(e, EINVAL, "usage: weft %s",
			       command_usage_format(spec, usage, sizeof(usage)));
	for (size_t i = 0; i < ARRAY_SIZE(runners); i++)
		if (strcmp(runners[i].verb, spec->name) == 0)
			return runners[i].run(a, e);
	return err_set(e, ENOSYS, "%s needs a weftd", spec->name);
}
