/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/lab/page.h"
#include "perf/lab/report.h"
#include "perf/lab/results.h"

static const char text[] = "version: 1\n"
			   "setups:\n"
			   "  - {name: weft, config: w.yaml, client: a, server: b}\n"
			   "  - {name: br, config: b.yaml, client: a, server: b}\n"
			   "  - {name: ovs, config: o.yaml, client: a, server: b}\n"
			   "baseline: br\n"
			   "tests: [TCP_STREAM, UDP_RR]\n"
			   "confidence: {min: 3, max: 3}\n";

/* clang-format off */
static const char golden_table[] =
	"median [q1-q3] ratio                 weft (TCG)                  br (TCG)  ovs (not run)\n"
	"TCP_STREAM, 10^6 bits/s  2000 [1999-2001] 2.00x    1000 [1000-1000] 1.00x              -\n"
	"UDP_RR, transactions/s   3000 [3000-3000] 2.00x  1500 [1250-1750] 1.00x !              -\n"
	"ratios are to br\n"
	"ovs is left out: install ovs\n"
	"!!! br UDP_RR: confidence not reached: +-191.0 % instead of +-2.5 % at 99 % after 3 runs\n"
	"1 of 12 runs were noisy: others used the machine meanwhile\n";

static const char golden_report[] =
	"# weft-lab: lab.yaml (partial)\n"
	"\n"
	"Started 2025-01-02T03:04:05Z, took 62 s. Each run: 5 s after 1 s of warm-up. The runs "
	"of the setups are interleaved; numbers are medians with quartiles, ratios are to br.\n"
	"\n"
	"## Warnings\n"
	"\n"
	"- ovs is left out: install ovs\n"
	"- !!! br UDP_RR: confidence not reached: +-191.0 % instead of +-2.5 % at 99 % after 3 runs\n"
	"- 1 of 12 runs were noisy: others used the machine meanwhile\n"
	"- !!! partial: the run was interrupted\n"
	"\n"
	"## Results\n"
	"\n"
	"| median [q1-q3] ratio | weft (TCG) | br (TCG) | ovs (not run) |\n"
	"| --- | ---: | ---: | ---: |\n"
	"| TCP_STREAM, 10^6 bits/s | 2000 [1999-2001] 2.00x | 1000 [1000-1000] 1.00x | - |\n"
	"| UDP_RR, transactions/s | 3000 [3000-3000] 2.00x | 1500 [1250-1750] 1.00x ! | - |\n"
	"\n"
	"## Confidence\n"
	"\n"
	"Wanted: +-2.5 % at 99 % confidence, 3 to 3 runs; `!` marks what did not get there.\n"
	"\n"
	"| interval of the mean | weft (TCG) | br (TCG) | ovs (not run) |\n"
	"| --- | ---: | ---: | ---: |\n"
	"| TCP_STREAM | +-0.6 %, n=3 | +-0.6 %, n=3 | - |\n"
	"| UDP_RR | +-0.0 %, n=3 | +-191.0 %, n=3 ! | - |\n"
	"\n"
	"## CPU and service demand\n"
	"\n"
	"Medians over the runs, as the guests count them.\n"
	"\n"
	"| CPU %, client / server | weft (TCG) | br (TCG) | ovs (not run) |\n"
	"| --- | ---: | ---: | ---: |\n"
	"| TCP_STREAM | 61.0 / 99.5 | 61.0 / 99.5 | - / - |\n"
	"\n"
	"| us per KB or transaction, client / server | weft (TCG) | br (TCG) | ovs (not run) |\n"
	"| --- | ---: | ---: | ---: |\n"
	"| TCP_STREAM | 1.50 / 2.00 | 1.50 / 2.00 | - / - |\n"
	"\n"
	"## Latency\n"
	"\n"
	"Closed loop: the next request waits for the answer. Each number is the median over "
	"the runs of that percentile.\n"
	"\n"
	"| latency, us | p50 | p90 | p99 | p99.9 | p99.99 | max |\n"
	"| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
	"| UDP_RR, weft | 400 | 500 | 900 | 1200 | 1300 | 9999 |\n"
	"| UDP_RR, br | 400 | 500 | 900 | 1200 | 1300 | 9999 |\n"
	"| UDP_RR, ovs | - | - | - | - | - | - |\n"
	"\n"
	"## Retransmits and losses\n"
	"\n"
	"TCP: segments sent again, both ends. UDP_STREAM: what was sent in 10^6 bits/s, and "
	"the share that got lost.\n"
	"\n"
	"| TCP retransmits | weft (TCG) | br (TCG) | ovs (not run) |\n"
	"| --- | ---: | ---: | ---: |\n"
	"| TCP_STREAM | 7.00 | 7.00 | - |\n"
	"\n"
	"## Setups\n"
	"\n"
	"- **weft**: config `w.yaml`, client a, server b, engine TCG (no kvm)\n"
	"- **br**: config `b.yaml`, client a, server b, engine TCG\n"
	"- **ovs**: config `o.yaml`, client a, server b, engine none; left out: install ovs\n"
	"\n"
	"## Reproduce\n"
	"\n"
	"```\n"
	"weft-lab run lab.yaml\n"
	"```\n"
	"\n"
	"## Environment\n"
	"\n"
	"| what | value |\n"
	"| --- | --- |\n"
	"| kernel | Linux 6.1 |\n"
	"| cpu | a cpu |\n"
	"\n"
	"## Lab file\n"
	"\n"
	"```yaml\n"
	"version: 1\n"
	"setups:\n"
	"  - {name: weft, config: w.yaml, client: a, server: b}\n"
	"  - {name: br, config: b.yaml, client: a, server: b}\n"
	"  - {name: ovs, config: o.yaml, client: a, server: b}\n"
	"baseline: br\n"
	"tests: [TCP_STREAM, UDP_RR]\n"
	"confidence: {min: 3, max: 3}\n"
	"```\n";
/* clang-format on */

static void add_run(json_t *results, const char *setup, const char *test, unsigned run, double v,
		    const char *units, const char *perf)
{
	json_t *o = results_add_run(results, setup, test, run, run);

	json_object_set_new(o, "throughput", json_real(v));
	json_object_set_new(o, "units", json_string(units));
	json_object_set_new(o, "noisy", json_boolean(v == 999));
	json_object_set_new(o, "perf", json_loads(perf, 0, NULL));
}

/* Results of three runs a cell: weft is twice as fast as br, and br's UDP_RR swings. */
static json_t *canned(bool partial)
{
	static const char tcp[] = "{\"sd_local\": 1.5, \"sd_remote\": 2, \"retransmits\": 7,"
				  " \"local\": {\"cpu\": {\"busy_percent\": 61}},"
				  " \"remote\": {\"cpu\": {\"busy_percent\": 99.5}}}";
	static const char rr[] =
		"{\"latency\": {\"p50_us\": 400, \"p90_us\": 500.4, \"p99_us\": 900,"
		" \"p99_9_us\": 1200, \"p99_99_us\": 1300, \"max_us\": 9999}}";
	static const double swing[] = {1000, 1500, 2000};
	struct diag d = {.n = 0};
	struct lab *lab = lab_parse(text, strlen(text), "lab.yaml", &d);
	struct plan plan;
	json_t *r = results_create(lab, "lab.yaml", text, "weft-lab run lab.yaml");

	plan_init(&plan, lab);
	json_object_set_new(r, "started", json_string("2025-01-02T03:04:05Z"));
	json_object_set_new(r, "environment",
			    json_pack("{s:s, s:s}", "kernel", "Linux 6.1", "cpu", "a cpu"));
	for (unsigned i = 0; i < 3; i++) {
		add_run(r, "weft", "TCP_STREAM", i, 1998 + i * 2, "10^6 bits/s", tcp);
		add_run(r, "br", "TCP_STREAM", i, 999 + i, "10^6 bits/s", tcp);
		add_run(r, "weft", "UDP_RR", i, 3000, "transactions/s", rr);
		add_run(r, "br", "UDP_RR", i, swing[i], "transactions/s", rr);
	}
	json_object_set_new(results_setup(r, "weft"), "engine", json_string("TCG"));
	json_object_set_new(results_setup(r, "weft"), "engine_reason", json_string("no kvm"));
	json_object_set_new(results_setup(r, "br"), "engine", json_string("TCG"));
	json_object_set_new(results_setup(r, "ovs"), "left_out", json_string("install ovs"));
	results_warn(r, "ovs is left out: install ovs");
	results_finish(r, &plan, partial, 61.5);
	lab_free(lab);
	return r;
}

static char *printed(const json_t *results, void (*print)(const json_t *, FILE *))
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	print(results, f);
	fclose(f);
	return out;
}

static void the_table_has_medians_quartiles_ratios_and_units(void **state)
{
	json_t *results = canned(false);
	char *out = printed(results, report_print);

	assert_string_equal(out, golden_table);
	free(out);
	json_decref(results);
}

static void the_report_is_the_golden_one(void **state)
{
	json_t *results = canned(true);
	char *out = printed(results, report_markdown);

	assert_string_equal(out, golden_report);
	free(out);
	json_decref(results);
}

static unsigned count(const char *page, const char *word)
{
	unsigned n = 0;

	for (const char *p = page; (p = strstr(p, word)); p++)
		n++;
	return n;
}

static void the_page_shows_every_run_and_every_latency(void **state)
{
	json_t *results = canned(false);
	char *out = printed(results, page_write);

	assert_int_equal(count(out, "<circle"), 12); /* two setups, two tests, three runs */
	assert_int_equal(count(out, "<rect"), 4);
	assert_int_equal(count(out, "no result"), 2); /* ovs */
	assert_int_equal(count(out, "latency by percentile"), 1);
	assert_non_null(strstr(out, "<td>2000 [1999-2001] 2.00x</td>"));
	assert_int_equal(count(out, "http"), 0);
	free(out);
	json_decref(results);
}

static void texts_of_the_results_cannot_become_markup(void **state)
{
	json_t *results = canned(false);
	char *out;

	results_warn(results, "<script>&\"</script>");
	out = printed(results, page_write);

	assert_null(strstr(out, "<script"));
	assert_non_null(strstr(out, "&lt;script&gt;&amp;&quot;&lt;/script&gt;"));
	free(out);
	json_decref(results);
}

static void assert_same_report(const json_t *a, const json_t *b)
{
	char *first = printed(a, report_markdown), *second = printed(b, report_markdown);

	assert_string_equal(first, second);
	free(first);
	free(second);
}

static void results_survive_a_file(void **state)
{
	char path[] = "/tmp/test-lab-results.XXXXXX";
	json_t *results = canned(false), *loaded;
	struct err e;

	int ret;

	close(mkstemp(path));
	ret = results_save(results, path, &e);
	loaded = results_load(path, &e);
	unlink(path);

	assert_int_equal(ret, 0);
	assert_non_null(loaded);
	assert_same_report(results, loaded);
	json_decref(loaded);
	json_decref(results);
}

static void files_of_another_schema_are_refused(void **state)
{
	char path[] = "/tmp/test-lab-results.XXXXXX", other[] = "{\"schema\": \"other\"}\n";
	int fd = mkstemp(path);
	ssize_t written = write(fd, other, strlen(other));
	struct err e;
	json_t *loaded = results_load(path, &e);

	close(fd);
	unlink(path);

	assert_int_equal(written, strlen(other));
	assert_null(loaded);
	assert_non_null(strstr(e.text, "schema \"weft-lab-results\" version 1 is expected"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_has_medians_quartiles_ratios_and_units),
		cmocka_unit_test(the_report_is_the_golden_one),
		cmocka_unit_test(the_page_shows_every_run_and_every_latency),
		cmocka_unit_test(texts_of_the_results_cannot_become_markup),
		cmocka_unit_test(results_survive_a_file),
		cmocka_unit_test(files_of_another_schema_are_refused),
	};

	return cmocka_run_group_tests_name("lab report", tests, NULL, NULL);
}
