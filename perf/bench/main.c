/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * weft-bench: the parts of the benchmark that are not scripts.
 *
 *   weft-bench report DIR        DIR/samples.tsv and DIR/environment.json to DIR/results.json; a
 *                                table to standard output
 *   weft-bench compare OLD NEW   two results.json; exit code 2 when weft became slower
 *   weft-bench memcpy BLOCK PIECE BLOCKS PIECES [SECONDS] [huge]
 *                                the copy rate of this processor in Gb/s
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/bench/compare.h"
#include "perf/bench/copyrate.h"
#include "perf/bench/report.h"

#define EXIT_REGRESSION 2
#define EXIT_USAGE	64

static const char usage[] =
	"usage: weft-bench report DIR | compare OLD.json NEW.json |\n"
	"       weft-bench memcpy BLOCK-BYTES PIECE-BYTES BLOCKS PIECES [SECONDS] [huge]\n"
	"exit codes: 0, 1 failed, 2 compare found a regression, 64 usage\n";

static int load(struct series_set *set, const char *path, struct err *e)
{
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error);
	int ret;

	if (!json)
		return err_set(e, EINVAL, "%s: %s: name a results.json of make bench", path,
			       error.text);
	ret = series_from_json(set, json, e);
	json_decref(json);
	return ret;
}

static int command_compare(const char *old_path, const char *new_path, struct err *e)
{
	static struct series_set old, new;
	int ret = load(&old, old_path, e);

	if (!ret)
		ret = load(&new, new_path, e);
	if (ret)
		return EXIT_FAILURE;
	return compare_print(&old, &new, stdout) ? EXIT_REGRESSION : EXIT_SUCCESS;
}

static int write_results(const struct series_set *set, const char *dir, struct err *e)
{
	char path[4096];
	json_t *environment, *results;
	int ret;

	snprintf(path, sizeof(path), "%s/environment.json", dir);
	environment = json_load_file(path, 0, NULL);
	results = series_to_json(set, environment);
	snprintf(path, sizeof(path), "%s/results.json", dir);
	ret = json_dump_file(results, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	json_decref(environment);
	json_decref(results);
	return ret ? err_set(e, EIO, "cannot write %s: is there room?", path) : 0;
}

static int command_report(const char *dir, struct err *e)
{
	static struct series_set set;
	char path[4096];
	FILE *in;
	int ret;

	snprintf(path, sizeof(path), "%s/samples.tsv", dir);
	in = fopen(path, "r");
	if (!in) {
		err_set(e, errno, "cannot read %s (%s): name the folder of a benchmark", path,
			strerror(errno));
		return EXIT_FAILURE;
	}
	ret = series_read(&set, in, e);
	fclose(in);
	if (!ret)
		ret = write_results(&set, dir, e);
	if (!ret)
		report_print(&set, stdout);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int command_memcpy(int argc, char **argv, struct err *e)
{
	struct copyrate c = {
		.block_bytes = strtoul(argv[0], NULL, 10),
		.piece_bytes = strtoul(argv[1], NULL, 10),
		.n_blocks = (unsigned)strtoul(argv[2], NULL, 10),
		.n_pieces = (unsigned)strtoul(argv[3], NULL, 10),
		.seconds = argc > 4 ? strtod(argv[4], NULL) : 1,
		.huge = argc > 5 && !strcmp(argv[5], "huge"),
	};
	double rate;

	if (!c.block_bytes || !c.piece_bytes || !c.n_blocks || !c.n_pieces) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	rate = copyrate_measure(&c, e);
	if (rate < 0)
		return EXIT_FAILURE;
	printf("%.3f\n", rate * 8 / 1e9);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct err e = {0};
	int status = EXIT_USAGE;

	if (argc == 3 && !strcmp(argv[1], "report"))
		status = command_report(argv[2], &e);
	else if (argc == 4 && !strcmp(argv[1], "compare"))
		status = command_compare(argv[2], argv[3], &e);
	else if (argc >= 6 && !strcmp(argv[1], "memcpy"))
		status = command_memcpy(argc - 2, argv + 2, &e);
	else
		fputs(usage, stderr);
	if (status == EXIT_FAILURE)
		fprintf(stderr, "weft-bench: %s\n", e.text);
	return status;
}
