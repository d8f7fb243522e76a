/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * weft-lab: `run` and `demo` take a lab file through the bench and leave results.json and
 * reports; `compare` judges two results; `list` shows what a lab file asks for. A demo is a run
 * of the lab that is embedded here.
 *
 * Exit codes: 0 done; 1 failed, interrupted, or usage; 2 compare found a regression.
 */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/version.h"
#include "perf/lab/bench.h"
#include "perf/lab/compare.h"
#include "perf/lab/environment.h"
#include "perf/lab/interrupt.h"
#include "perf/lab/page.h"
#include "perf/lab/report.h"
#include "perf/lab/results.h"
#include "perf/lab/runner.h"

#define LAB_FILE_MAX (256u << 10)

static const char demo_text[] =
	"# What `weft-lab demo` runs: two guests on a bridge, and one of them through NAT to a "
	"machine outside,\n"
	"# from the config that is embedded in weftd. A network namespace plays the host, another "
	"the machine\n"
	"# beyond it, so that this machine's own network is left alone.\n"
	"version: 1\n"
	"setups:\n"
	"  - name: bridge\n"
	"    config: builtin\n"
	"    client: alpha\n"
	"    server: beta\n"
	"    host: ip netns exec weft-demo-host\n"
	"    up: ip netns add weft-demo-host\n"
	"    down: ip netns delete weft-demo-host\n"
	"  - name: nat\n"
	"    config: builtin\n"
	"    client: alpha\n"
	"    server: outside\n"
	"    address: 203.0.113.2\n"
	"    host: ip netns exec weft-demo-host\n"
	"    outside: ip netns exec weft-demo-outside\n"
	"    up: >-\n"
	"      ip netns add weft-demo-host && ip netns add weft-demo-outside &&\n"
	"      ip -n weft-demo-host link add up0 type veth peer name eth0 netns weft-demo-outside "
	"&&\n"
	"      ip -n weft-demo-host address add 203.0.113.1/24 dev up0 &&\n"
	"      ip -n weft-demo-outside address add 203.0.113.2/24 dev eth0 &&\n"
	"      ip -n weft-demo-host link set up0 up && ip -n weft-demo-outside link set eth0 up\n"
	"    down: ip netns delete weft-demo-host; ip netns delete weft-demo-outside\n"
	"tests: [TCP_STREAM, TCP_MAERTS, TCP_RR, TCP_CRR, UDP_STREAM, UDP_RR]\n"
	"repeats: 3\n"
	"duration: 1500ms\n"
	"warmup: 500ms\n";

static const char usage_text[] =
	"usage: weft-lab run FILE [-o DIR] [--only SETUP,...] [--tests TEST,...] [--weftd PATH]\n"
	"       weft-lab demo [-o DIR] [--tests TEST,...] [--weftd PATH]\n"
	"       weft-lab compare OLD/results.json NEW/results.json\n"
	"       weft-lab list FILE\n"
	"\n"
	"run      brings up each setup of the lab file in turn, measures, writes "
	"DIR/results.json,\n"
	"         report.md and report.html (DIR: lab-DATE-TIME), prints the table\n"
	"demo     the same with two guests on weft's bridge, in under three minutes\n"
	"compare  says what got better or worse from OLD to NEW beyond noise and 3 %\n"
	"list     shows setups, tests and how long a run takes\n";

struct options {
	const char *out_dir, *only, *tests, *weftd;
};

static int usage(FILE *out)
{
	fputs(usage_text, out);
	return out == stdout ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int fail(const struct err *e)
{
	fprintf(stderr, "weft-lab: %s\n", e->text);
	return EXIT_FAILURE;
}

/* The file's text, the caller's, or NULL with `e`. */
static char *read_file(const char *path, struct err *e)
{
	char *text = malloc(LAB_FILE_MAX + 1);
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f || !text) {
		err_set(e, errno, "cannot read %s: %s", path, strerror(errno));
		goto err_free;
	}
	n = fread(text, 1, LAB_FILE_MAX + 1, f);
	if (ferror(f) || n > LAB_FILE_MAX) {
		err_set(e, EINVAL, "cannot read %s: %s", path,
			n > LAB_FILE_MAX ? "too large for a lab file" : "is it a file?");
		goto err_free;
	}
	text[n] = '\0';
	fclose(f);
	return text;

err_free:
	if (f)
		fclose(f);
	free(text);
	return NULL;
}

/* Parses a lab file and complains on stderr. */
static struct lab *parse(const char *text, const char *file)
{
	struct diag *d = calloc(1, sizeof(*d));
	struct lab *lab = d ? lab_parse(text, strlen(text), file, d) : NULL;

	if (d && !lab)
		diag_print(d, file, text, strlen(text), stderr);
	free(d);
	return lab;
}

/* weftd lies beside this program unless an option says otherwise. */
static int find_weftd(const struct options *o, char *path, size_t size, struct err *e)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (o->weftd || n < 0) {
		snprintf(path, size, "%s", o->weftd ? o->weftd : "weftd");
	} else {
		self[n] = '\0';
		snprintf(path, size, "%s/weftd", dirname(self));
	}
	if (access(path, X_OK) < 0)
		return err_set(e, errno,
			       "cannot run %s: %s; build it, or name it with --weftd PATH", path,
			       strerror(errno));
	return 0;
}

static int make_out_dir(const struct options *o, char *dir, size_t size, struct err *e)
{
	time_t now = time(NULL);
	char name[64], logs[PATH_MAX];
	struct tm tm;

	strftime(name, sizeof(name), "lab-%Y%m%d-%H%M%S", localtime_r(&now, &tm));
	snprintf(dir, size, "%s", o->out_dir ? o->out_dir : name);
	snprintf(logs, sizeof(logs), "%s/log", dir);
	if ((mkdir(dir, 0755) < 0 && errno != EEXIST) || (mkdir(logs, 0755) < 0 && errno != EEXIST))
		return err_set(e, errno, "cannot make the folder %s: %s", dir, strerror(errno));
	return 0;
}

static int save(const json_t *results, const char *dir, struct err *e)
{
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%s/results.json", dir);
	ret = results_save(results, path, e);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/report.md", dir);
	ret = report_save(results, path);
	if (ret)
		return err_set(e, -ret, "cannot write %s: %s", path, strerror(-ret));
	snprintf(path, sizeof(path), "%s/report.html", dir);
	ret = page_save(results, path);
	if (ret)
		return err_set(e, -ret, "cannot write %s: %s", path, strerror(-ret));
	fprintf(stderr, "weft-lab: results.json, report.md and report.html written to %s\n", dir);
	return 0;
}

/* Runs a parsed lab, leaves its files and prints its table. */
static int run_lab(const struct lab *lab, const char *name, const char *text, const char *command,
		   const struct options *o)
{
	char weftd[PATH_MAX], dir[PATH_MAX - 32], logs[PATH_MAX];
	struct progress progress;
	struct bench_options options = {.weftd = weftd, .log_dir = logs, .progress = &progress};
	json_t *results;
	struct err e;
	int ret;

	if (geteuid() != 0) {
		err_set(&e, EPERM, "guests and switches need root: run it with sudo");
		return fail(&e);
	}
	if (find_weftd(o, weftd, sizeof(weftd), &e) || make_out_dir(o, dir, sizeof(dir), &e) ||
	    child_adopt_orphans(&e))
		return fail(&e);
	snprintf(logs, sizeof(logs), "%s/log", dir);
	progress_init(&progress);
	interrupt_install();
	results = results_create(lab, name, text, command);
	json_object_set_new(results, "environment", environment_read());
	ret = runner_run(lab, &options, results);
	report_print(results, stdout);
	if (save(results, dir, &e))
		ret = fail(&e);
	json_decref(results);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}

static char *join(int argc, char **argv)
{
	size_t size = 1, used = 0;
	char *text;

	for (int i = 0; i < argc; i++)
		size += strlen(argv[i]) + 1;
	text = calloc(1, size);
	for (int i = 0; text && i < argc; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "", argv[i]);
	return text;
}

static int restrict_lab(struct lab *lab, const struct options *o, struct err *e)
{
	if (o->only && lab_only_setups(lab, o->only, e))
		return -EINVAL;
	if (o->tests && lab_only_tests(lab, o->tests, e))
		return -EINVAL;
	return 0;
}

static int run_text(const char *file, const char *text, const char *command,
		    const struct options *o)
{
	struct lab *lab = parse(text, file);
	const char *slash = strrchr(file, '/');
	struct err e;
	int ret;

	if (!lab)
		return EXIT_FAILURE;
	if (restrict_lab(lab, o, &e))
		ret = fail(&e);
	else
		ret = run_lab(lab, slash ? slash + 1 : file, text, command, o);
	lab_free(lab);
	return ret;
}

static int command_run(const char *file, const char *command, const struct options *o)
{
	struct err e;
	char *text = read_file(file, &e);
	int ret = text ? run_text(file, text, command, o) : fail(&e);

	free(text);
	return ret;
}

static void list_lab(const struct lab *lab)
{
	const struct lab_confidence *c = &lab->confidence;
	unsigned runs = lab->n_setups * lab->n_tests * lab->repeats;
	struct err e;

	for (unsigned i = 0; i < lab->n_setups; i++) {
		const struct lab_setup *s = &lab->setups[i];

		printf("setup %s: config %s, %s -> %s%s%s%s\n", s->name, s->config, s->client,
		       s->server, s->engine[0] ? ", engine " : "", s->engine,
		       i == lab->baseline ? ", the baseline" : "");
		if (bench_check(lab, s, &e))
			printf("  not on this machine: %s\n", e.text);
	}
	for (unsigned i = 0; i < lab->n_tests; i++)
		printf("test %s\n", lab->tests[i].label);
	printf("%u runs of %g s after %g s of warm-up: about %.0f min and the guests' boots\n",
	       runs, lab->duration_s, lab->warmup_s, runs * (lab->duration_s + lab->warmup_s) / 60);
	if (c->wanted)
		printf("up to %u runs each until +-%g %% at %g %% confidence\n", c->max,
		       c->interval / 2, c->level);
}

static int command_list(const char *file)
{
	struct lab *lab;
	struct err e;
	char *text = read_file(file, &e);

	if (!text)
		return fail(&e);
	lab = parse(text, file);
	if (lab)
		list_lab(lab);
	free(text);
	lab_free(lab);
	return lab ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int command_compare(const char *old_path, const char *new_path)
{
	struct err e;
	json_t *old = results_load(old_path, &e);
	json_t *new = old ? results_load(new_path, &e) : NULL;
	int ret = new ? EXIT_SUCCESS : fail(&e);

	if (new &&compare_print(old, new, stdout))
		ret = 2;
	json_decref(old);
	json_decref(new);
	return ret;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"output", required_argument, NULL, 'o'},
		{"only", required_argument, NULL, 's'},
		{"tests", required_argument, NULL, 't'},
		{"weftd", required_argument, NULL, 'w'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:h", longs, NULL)) >= 0) {
		if (c == 'h')
			exit(usage(stdout));
		if (c == '?')
			return -EINVAL;
		if (c == 'V') {
			printf("weft-lab %s\n", version_text);
			exit(EXIT_SUCCESS);
		}
		*(c == 'o'   ? &o->out_dir
		  : c == 's' ? &o->only
		  : c == 't' ? &o->tests
			     : &o->weftd) = optarg;
	}
	return 0;
}

static int dispatch(int n, char **words, const char *command, const struct options *o)
{
	if (n == 2 && strcmp(words[0], "run") == 0)
		return command_run(words[1], command, o);
	if (n == 1 && strcmp(words[0], "demo") == 0)
		return run_text("demo", demo_text, command, o);
	if (n == 3 && strcmp(words[0], "compare") == 0)
		return command_compare(words[1], words[2]);
	if (n == 2 && strcmp(words[0], "list") == 0)
		return command_list(words[1]);
	return usage(stderr);
}

int main(int argc, char **argv)
{
	char *command = join(argc, argv);
	struct options o = {.out_dir = NULL};
	int ret;

	if (!command || parse_options(argc, argv, &o))
		ret = usage(stderr);
	else
		ret = dispatch(argc - optind, argv + optind, command, &o);
	free(command);
	return ret;
}
