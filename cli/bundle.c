/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/local.h"
#include "cli/render.h"
#include "cli/tar.h"
#include "common/jsonx.h"
#include "common/rpc.h"
#include "common/version.h"

#define FILE_MAX (4u << 20)

struct bundle {
	FILE *tar, *readme;
	char *readme_text;
	size_t readme_len;
	char top[64]; /* the folder that all files are in */
	int64_t now_s;
	struct rpc *rpc;
	const char *config_path;
	int ret;
};

static void add(struct bundle *b, const char *name, const void *data, size_t len)
{
	char path[2 * TAR_NAME_MAX];

	snprintf(path, sizeof(path), "%s/%s", b->top, name);
	if (b->ret == 0)
		b->ret = tar_add(b->tar, path, data, len, b->now_s);
}

static void note(struct bundle *b, const char *name, const char *what)
{
	fprintf(b->readme, "%-20s %s\n", name, what);
}

static void miss(struct bundle *b, const char *name, const char *why)
{
	fprintf(b->readme, "%-20s MISSING: %s\n", name, why);
}

/* --- from weftd --------------------------------------------------------------------------------
 */

/* `option` is a flag of the verb, NULL: none. */
static const struct {
	const char *verb, *option, *file, *what;
} questions[] = {
	{"version", NULL, "version", "the weftd that runs"},
	{"show", NULL, "show", "bridges, ports and guests"},
	{"show", "running", "running", "the running configuration"},
	{"show", "effective", "effective", "the same with defaults and derived values"},
	{"port/show", NULL, "ports", "ports in detail"},
	{"stats/show", NULL, "stats", "counters of ports"},
	{"ring/show", NULL, "rings", "how full rings were"},
	{"fdb/show", NULL, "fdb", "the forwarding tables"},
	{"fdb/stats-show", NULL, "fdb-stats", "how they are used"},
	{"pmd-perf-show", NULL, "workers", "what the workers did"},
	{"guest/list", NULL, "guests", "guests and their state"},
	{"log/list", NULL, "log-levels", "levels of the log"},
	{"log/tail", NULL, "log", "the end of weftd's log"},
};

/* What a person would see, and what a program would. */
static void add_result(struct bundle *b, const struct command_spec *spec, const char *file,
		       const json_t *result)
{
	struct render r = {.heading = true};
	char *text = NULL, *json = json_dumps(result, JSON_INDENT(2) | JSON_ENCODE_ANY);
	const char *yaml = jsonx_string(result, "yaml", NULL);
	char name[TAR_NAME_MAX + 1];
	size_t len = 0;

	if (yaml) {
		snprintf(name, sizeof(name), "%s.yaml", file);
		add(b, name, yaml, strlen(yaml));
		free(json);
		return;
	}
	r.out = open_memstream(&text, &len);
	if (r.out) {
		render_text(&r, spec, result);
		fclose(r.out);
		snprintf(name, sizeof(name), "%s.txt", file);
		add(b, name, text, len);
	}
	snprintf(name, sizeof(name), "%s.json", file);
	if (json)
		add(b, name, json, strlen(json));
	free(json);
	free(text);
}

static void ask(struct bundle *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		const struct command_spec *spec = command_lookup(questions[i].verb);
		json_t *params = json_object(), *result = NULL;
		struct err e = {0};

		if (questions[i].option)
			json_object_set_new(params, questions[i].option, json_true());
		if (rpc_call(b->rpc, spec->name, params, COMMAND_TIMEOUT_S * 1000, NULL, NULL,
			     &result, &e) == 0) {
			add_result(b, spec, questions[i].file, result);
			note(b, questions[i].file, questions[i].what);
			if (strcmp(questions[i].file, "show") == 0 && !b->config_path)
				b->config_path = strdup(jsonx_string(result, "config", ""));
		} else {
			miss(b, questions[i].file, e.text);
		}
		json_decref(result);
	}
}

/* --- from the machine --------------------------------------------------------------------------
 */

static void add_stream(struct bundle *b, const char *name, const char *what, int fd)
{
	char *data = malloc(FILE_MAX);
	size_t len = 0;
	ssize_t n = 1;

	while (data && len < FILE_MAX && n > 0) {
		n = read(fd, data + len, FILE_MAX - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (data && n >= 0) {
		add(b, name, data, len);
		note(b, name, what);
	} else {
		miss(b, name, strerror(errno));
	}
	free(data);
}

static void add_file(struct bundle *b, const char *name, const char *what, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		miss(b, name, fd < 0 ? strerror(errno) : "is no file");
	else
		add_stream(b, name, what, fd);
	if (fd >= 0)
		close(fd);
}

static const char *const machine_files[][3] = {
	{"os-release", "the distribution", "/etc/os-release"},
	{"kernel", "the kernel", "/proc/version"},
	{"cmdline", "its arguments", "/proc/cmdline"},
	{"cpuinfo", "processors", "/proc/cpuinfo"},
	{"meminfo", "memory and hugepages", "/proc/meminfo"},
	{"loadavg", "load", "/proc/loadavg"},
	{"mounts", "mounts, for hugetlbfs", "/proc/self/mounts"},
};

static void add_doctor(struct bundle *b)
{
	int fd = local_doctor_output();

	if (fd < 0) {
		miss(b, "doctor.txt", strerror(-fd));
		return;
	}
	add_stream(b, "doctor.txt", "what weft doctor says", fd);
	close(fd);
}

static void add_machine(struct bundle *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(machine_files); i++) {
		char name[40];

		snprintf(name, sizeof(name), "machine/%s", machine_files[i][0]);
		add_file(b, name, machine_files[i][1], machine_files[i][2]);
	}
	add_doctor(b);
}

/* --- all of it ---------------------------------------------------------------------------------
 */

static void begin_readme(struct bundle *b)
{
	fprintf(b->readme,
		"Support bundle of weft %s, made at %lld s after 1970.\n\n"
		"It holds the configuration with its names, addresses and paths, MAC addresses "
		"and\n"
		"counters, the end of weftd's log, and facts of the machine. It holds no packets "
		"and\n"
		"no environment variables. Look through it before you give it away.\n\n",
		version_text, (long long)b->now_s);
}

static void collect(struct bundle *b, const struct args *a)
{
	struct err e = {0};

	b->rpc = rpc_connect(a->socket, &e);
	if (b->rpc)
		ask(b);
	else
		miss(b, "all of weftd", e.text);
	rpc_close(b->rpc);
	add_file(b, "config.yaml", "the config file",
		 b->config_path && *b->config_path ? b->config_path : "/etc/weft/weft.yaml");
	add_machine(b);
}

/* The output, created for its owner alone. NULL and errno. */
static FILE *create(const char *name)
{
	int fd;

	if (strcmp(name, "-") == 0)
		return stdout;
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd < 0 ? NULL : fdopen(fd, "w");
}

int bundle_run(const struct args *a, struct err *e)
{
	struct bundle b = {.now_s = (int64_t)time(NULL)};
	const char *name = a->values[OPTION_OUTPUT];
	time_t now = (time_t)b.now_s;
	char given[96];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(b.top, sizeof(b.top), "weft-support-%Y%m%dT%H%M%SZ", &tm);
	snprintf(given, sizeof(given), "%s.tar", b.top);
	if (!name)
		name = given;
	if (strcmp(name, "-") == 0 && isatty(STDOUT_FILENO))
		return err_set(e, EINVAL, "a tar is not for terminals: give a file, or a pipe");
	b.tar = create(name);
	b.readme = b.tar ? open_memstream(&b.readme_text, &b.readme_len) : NULL;
	if (!b.readme)
		return err_set(e, errno, "cannot write %s: %s", name, strerror(errno));

	begin_readme(&b);
	collect(&b, a);
	if (fclose(b.readme) == 0)
		add(&b, "README.txt", b.readme_text, b.readme_len);
	if (b.ret == 0)
		b.ret = tar_finish(b.tar);
	if (b.tar != stdout && fclose(b.tar) != 0 && b.ret == 0)
		b.ret = -errno;
	if (b.ret == 0 && b.tar != stdout)
		printf("%s\n", name);
	free(b.readme_text);
	free((char *)b.config_path);
	return b.ret ? err_set(e, -b.ret, "cannot write %s: %s", name, strerror(-b.ret)) : 0;
}
