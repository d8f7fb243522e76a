/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_LABFILE_H
#define PERF_LAB_LABFILE_H

/*
 * A lab file as data: which setups are compared, by which tests, how often, how sure.
 *
 * An engine is what runs guests, weft-vmm or QEMU. A setup for which several are named stands for
 * as many setups, each called NAME-ENGINE.
 *
 * A setup is one way to join two guests, or a guest and the world outside: a weftd config that
 * names them, and two commands that bring up and take down whatever else it needs (another switch).
 * Relative paths mean the lab file's folder, which is also where the commands run.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "perf/lab/schema.h"

#define LAB_SETUPS_MAX 16
#define LAB_TESTS_MAX  32
#define LAB_ARGS_MAX   16
#define LAB_ENGINES    2
#define LAB_RUNS_MAX   SCHEMA_COUNT_MAX /* 30, as netperf's -i */

/* `config: builtin`: the example that is embedded in weftd. */
#define LAB_CONFIG_BUILTIN "builtin"

struct lab_setup {
	int line, col;
	const char *name;
	const char *engine; /* what runs the guests: "weft", "qemu", or "": as its config says */
	const char *config; /* path, or LAB_CONFIG_BUILTIN */
	const char *client; /* guest in which weft-perf's client runs, or "outside" */
	const char *server;
	const char *address; /* where the client finds the server; "": at its guest's address */
	const char *args[LAB_ARGS_MAX]; /* of every client, before those of the test */
	unsigned n_args;
	const char *host;      /* command that weftd runs under, as in "ip netns exec h"; "" */
	const char *outside;   /* the same for an end that is no guest; "" */
	const char *prepare;   /* shell command in each guest, once it is up; "" */
	const char *up, *down; /* shell commands, "" for none */
	const char *check;     /* shell command; exit 77: this machine lacks something; "" */
};

struct lab_test {
	const char *test; /* netperf's name, as in TCP_STREAM */
	const char *args[LAB_ARGS_MAX];
	unsigned n_args;
	char label[96]; /* test and arguments: what tables and results call it */
};

struct lab_confidence {
	bool wanted;
	double level;	 /* percent: 95 or 99 */
	double interval; /* percent of the mean, the whole width: 5 is +-2.5 % */
	unsigned min, max;
};

struct lab {
	void *document;	    /* owns all strings */
	const char *folder; /* of the lab file */
	struct lab_setup setups[LAB_SETUPS_MAX];
	unsigned n_setups;
	char names[LAB_SETUPS_MAX][48]; /* of setups that became several, one an engine */
	unsigned baseline;		/* index of the setup that ratios refer to */
	struct lab_test tests[LAB_TESTS_MAX];
	unsigned n_tests;
	unsigned repeats; /* runs that a cell gets in any case */
	double duration_s, warmup_s;
	double boot_s; /* how long guests may take until their agents are ready */
	struct lab_confidence confidence;
};

/*
 * Parses `len` bytes of YAML; `file` gives the folder for relative paths. All complaints are
 * collected in `d`. Returns the lab, or NULL when there is a complaint. Free with lab_free.
 */
struct lab *lab_parse(const char *text, size_t len, const char *file, struct diag *d);
void lab_free(struct lab *lab);

/*
 * Keeps only the setups, or tests, whose names are in the comma-separated `names`. The first setup
 * that is left becomes the baseline if the file's own is not. Return 0 or -EINVAL with what exists
 * in `e`.
 */
int lab_only_setups(struct lab *lab, const char *names, struct err *e);
int lab_only_tests(struct lab *lab, const char *names, struct err *e);

/* `path` as seen from the lab file's folder, into `buf`. Returns `buf`. */
char *lab_path(const struct lab *lab, const char *path, char *buf, size_t size);

#endif
