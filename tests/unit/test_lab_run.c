/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lab against a weftd that is none: this program, started again by the bench with --run-dir,
 * answers the few methods that the lab calls. FAKE tells it how to misbehave, JOURNAL names a file
 * to which everybody who takes part appends a line.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/jsonx.h"
#include "common/kvm_probe.h"
#include "perf/lab/bench.h"
#include "perf/lab/interrupt.h"
#include "perf/lab/results.h"
#include "perf/lab/runner.h"

static char self[PATH_MAX], home[64], journal[96], log_dir[96];

static void note(const char *path, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (write(fd, line, (size_t)n) < 0)
		abort();
	close(fd);
}

static const char *read_journal(void)
{
	static char text[8192];
	FILE *f = fopen(getenv("JOURNAL"), "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

static void wait_for_journal(const char *word)
{
	uint64_t deadline = clock_now_ms() + 10000;

	while (!strstr(read_journal(), word)) {
		assert_true(clock_now_ms() < deadline);
		poll(NULL, 0, 20);
	}
}

/* --- the weftd that is none --- */

static bool fake_is(const char *fault)
{
	return strcmp(getenv("FAKE"), fault) == 0;
}

static void fake_send(int fd, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);

	dprintf(fd, "%s\n", text);
	free(text);
	json_decref(message);
}

static json_t *fake_guest(const char *name, const char *address)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:[{s:s}]}", "name", name, "state", "running",
			 "agent", fake_is("never-ready") ? "waiting" : "ready", "accel", "TCG",
			 "accel_reason", "no kvm", "nics", "address", address);
}

static void fake_output(int fd, const char *stream, const char *text)
{
	fake_send(fd, json_pack("{s:s, s:{s:s, s:s, s:o}}", "method", "guest/exec/output", "params",
				"guest", "alpha", "stream", stream, "data",
				jsonx_base64(text, strlen(text))));
}

static json_t *fake_exec(int fd, const json_t *params)
{
	const json_t *argv = json_object_get(params, "argv");
	const char *test = json_string_value(json_array_get(argv, 3));

	if (strcmp(json_string_value(json_array_get(argv, 0)), "sh") == 0)
		note(getenv("JOURNAL"), "%s-%s\n", json_string_value(json_array_get(argv, 2)),
		     jsonx_string(params, "guest", ""));
	if (!test)
		return json_pack("{s:i}", "exit_status", 0);
	if (fake_is("awaits-outside"))
		wait_for_journal("outside-server");
	if (strcmp(json_string_value(json_array_get(argv, 5)), "1") != 0)
		note(getenv("JOURNAL"), "%s\n", test);
	if (fake_is("hangs") && strcmp(test, "TCP_STREAM") == 0)
		return NULL;
	if (fake_is("fails-udp") && strcmp(test, "UDP_RR") == 0) {
		fake_output(fd, "stderr", "weft-perf: no route\n");
		return json_pack("{s:i}", "exit_status", 1);
	}
	fake_output(fd, "stdout", "{\"throughput\": 123.5, ");
	fake_output(fd, "stdout", "\"units\": \"Mb/s\"}\n");
	return json_pack("{s:i}", "exit_status", 0);
}

static void fake_answer(int fd, const char *line)
{
	json_t *request = json_loads(line, 0, NULL), *result;
	const char *method = jsonx_string(request, "method", "");
	bool leave = strcmp(method, "exit") == 0;

	if (strcmp(method, "guest/list") == 0)
		result = json_pack("[o, o]", fake_guest("alpha", "10.10.0.5/24"),
				   fake_guest("beta", "10.10.0.6/24"));
	else if (strcmp(method, "guest/exec") == 0)
		result = fake_exec(fd, json_object_get(request, "params"));
	else
		result = json_true();
	if (result)
		fake_send(fd, json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id",
					json_object_get(request, "id"), "result", result));
	json_decref(request);
	if (leave)
		exit(0);
}

/* A guest outlives its weftd unless that stops it; here nobody does. */
static void fake_start_guest(void)
{
	if (fork() != 0)
		return;
	setsid();
	note(getenv("JOURNAL"), "guest %d\n", getpid());
	for (;;)
		pause();
}

static void fake_console(const char *run_dir)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/guests", run_dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/guests/alpha", run_dir);
	mkdir(path, 0755);
	note(strcat(path, "/console.log"), "booting\nKernel panic: no init\n");
}

static int fake_weftd(const char *run_dir)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	char line[4096];
	FILE *in;

	note(getenv("JOURNAL"), "run-dir %s\n", run_dir);
	if (fake_is("dies")) {
		fputs("weftd: no memory for DPDK\n", stderr);
		return 3;
	}
	fake_console(run_dir);
	if (fake_is("leaks"))
		fake_start_guest();
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.90s/weftd.sock", run_dir);
	bind(listener, (struct sockaddr *)&sa, sizeof(sa));
	listen(listener, 4);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		in = fdopen(fd, "r");
		while (fgets(line, sizeof(line), in))
			fake_answer(fd, line);
		fclose(in);
	}
	return 0;
}

/* --- the tests --- */

static struct lab *lab_of(const char *text)
{
	struct diag d = {.n = 0};
	char file[128];
	struct lab *lab;

	snprintf(file, sizeof(file), "%s/lab.yaml", home);
	lab = lab_parse(text, strlen(text), file, &d);
	diag_print(&d, file, text, strlen(text), stderr);
	assert_non_null(lab);
	return lab;
}

/* Runs the lab `text` with a weftd of the given fault. Returns the results, the caller's. */
static json_t *run(const char *text, const char *fault, int *ret)
{
	struct progress progress = {.terminal = false};
	struct bench_options options = {.weftd = self, .log_dir = log_dir, .progress = &progress};
	struct lab *lab = lab_of(text);
	json_t *results = results_create(lab, "lab.yaml", text, "weft-lab run lab.yaml");

	setenv("FAKE", fault, 1);
	*ret = runner_run(lab, &options, results);
	lab_free(lab);
	return results;
}

/* The journal without the lines that name a directory. */
static const char *read_order(void)
{
	static char order[4096];
	char *copy = strdup(read_journal()), *save = NULL;

	order[0] = '\0';
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, "run-dir", 7) != 0)
			strcat(strcat(order, line), " ");
	free(copy);
	return order;
}

/* Nothing of what the journal names may be left. */
static void assert_nothing_left(void)
{
	const char *p = read_journal();
	char dir[128];
	int pid;

	assert_non_null(strstr(p, "run-dir"));
	for (; p && *p; p = strchr(p, '\n'), p += p != NULL) {
		if (sscanf(p, "run-dir %127s", dir) == 1)
			assert_int_not_equal(access(dir, F_OK), 0);
		if (sscanf(p, "guest %d", &pid) == 1)
			assert_int_not_equal(kill(pid, 0), 0);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static bool has_warning(const json_t *results, const char *part)
{
	json_t *warning;
	size_t i;

	json_array_foreach (json_object_get(results, "warnings"), i, warning)
		if (strstr(json_string_value(warning), part))
			return true;
	return false;
}

#define SETUP(name, more)                                                                          \
	"  - {name: " name ", config: lab.yaml, client: alpha, server: beta" more "}\n"
#define TIMES "duration: 100ms\nwarmup: 0s\n"
#define NOTING(name)                                                                               \
	", up: \"echo up-" name " >>$JOURNAL\", down: \"echo down-" name " >>$JOURNAL\""

static void setups_are_up_one_at_a_time_and_interleaved(void **state)
{
	int ret;
	json_t *results = run(
		"version: 1\nsetups:\n" SETUP("A", NOTING("A"))
			SETUP("B", NOTING("B")) "tests: [TCP_STREAM, UDP_RR]\nrepeats: 2\n" TIMES,
		"", &ret);

	assert_int_equal(ret, 0);
	assert_string_equal(read_order(),
			    "up-A TCP_STREAM UDP_RR down-A up-B TCP_STREAM UDP_RR down-B "
			    "up-A TCP_STREAM UDP_RR down-A up-B TCP_STREAM UDP_RR down-B ");
	assert_int_equal(json_array_size(json_object_get(results, "runs")), 8);
	assert_true(jsonx_number(results_cell(results, "B", "UDP_RR"), "median", 0) == 123.5);
	assert_string_equal(jsonx_string(results_setup(results, "A"), "engine", ""), "TCG");
	assert_nothing_left();
	json_decref(results);
}

static void engines_are_an_axis_and_weft_needs_kvm(void **state)
{
	struct kvm_probe kvm;
	const json_t *qemu, *weft;
	json_t *results;
	int ret;

	kvm_probe_run(NULL, &kvm);
	results = run("version: 1\nengine: [qemu, weft]\nsetups:\n" SETUP(
			      "A", "") "tests: [TCP_STREAM]\nrepeats: 1\n" TIMES,
		      "", &ret);

	assert_int_equal(ret, 0);
	qemu = results_setup(results, "A-qemu");
	weft = results_setup(results, "A-weft");
	assert_non_null(strstr(
		json_string_value(json_array_get(json_object_get(qemu, "commands"), 0)) ?: "",
		" --engine qemu"));
	if (kvm.usable)
		assert_null(json_object_get(weft, "left_out"));
	else
		assert_non_null(
			strstr(jsonx_string(weft, "left_out", ""), "engine weft needs KVM: "));
	json_decref(results);
}

static void a_setup_whose_weftd_dies_is_given_up_and_the_other_goes_on(void **state)
{
	int ret;
	json_t *results = run("version: 1\nsetups:\n" SETUP(
				      "A", NOTING("A")) "tests: [TCP_STREAM]\nrepeats: 2\n" TIMES,
			      "dies", &ret);
	const char *error = jsonx_string(results_setup(results, "A"), "error", "");

	assert_int_equal(ret, -EIO);
	assert_string_equal(read_order(), "up-A down-A up-A down-A ");
	assert_non_null(strstr(error, "weftd exited with status 3"));
	assert_non_null(strstr(error, "no memory for DPDK"));
	assert_nothing_left();
	json_decref(results);
}

static void a_guest_that_does_not_boot_is_shown_with_its_console(void **state)
{
	int ret;
	json_t *results =
		run("version: 1\nsetups:\n" SETUP(
			    "A", "") "tests: [TCP_STREAM]\nrepeats: 1\nboot: 300ms\n" TIMES,
		    "never-ready", &ret);
	const char *error = jsonx_string(results_setup(results, "A"), "error", "");

	assert_int_equal(ret, -EIO);
	assert_non_null(strstr(error, "guest alpha (running, TCG) is not ready after 0.3 s"));
	assert_non_null(strstr(error, "Kernel panic: no init"));
	assert_nothing_left();
	json_decref(results);
}

static void a_peer_that_the_machine_lacks_is_left_out_without_failing(void **state)
{
	int ret;
	json_t *results = run("version: 1\nsetups:\n" SETUP("A", "")
				      SETUP("P", ", check: \"echo install peer-package; exit "
						 "77\"") "tests: [TCP_STREAM]\nrepeats: "
							 "1\n" TIMES,
			      "", &ret);

	assert_int_equal(ret, 0);
	assert_string_equal(jsonx_string(results_setup(results, "P"), "left_out", ""),
			    "install peer-package");
	assert_true(has_warning(results, "P is left out: install peer-package"));
	assert_non_null(results_cell(results, "A", "TCP_STREAM"));
	assert_nothing_left();
	json_decref(results);
}

static void an_up_command_that_fails_is_quoted_and_its_down_runs(void **state)
{
	int ret;
	json_t *results = run(
		"version: 1\nsetups:\n" SETUP(
			"A",
			", up: \"echo run-dir $RUN_DIR >>$JOURNAL; echo no bridge; "
			"exit 4\", down: \"echo down >>$JOURNAL\"") "tests: [TCP_STREAM]\nrepeats: "
								    "1\n" TIMES,
		"", &ret);
	const char *error = jsonx_string(results_setup(results, "A"), "error", "");

	assert_int_equal(ret, -EIO);
	assert_non_null(strstr(error, "exited with status 4: no bridge"));
	assert_string_equal(read_order(), "down down ");
	assert_nothing_left();
	json_decref(results);
}

static void a_test_that_fails_is_recorded_and_the_others_count(void **state)
{
	int ret;
	json_t *results = run("version: 1\nsetups:\n" SETUP(
				      "A", "") "tests: [TCP_STREAM, UDP_RR]\nrepeats: 1\n" TIMES,
			      "fails-udp", &ret);

	assert_int_equal(ret, -EIO);
	assert_non_null(results_cell(results, "A", "TCP_STREAM"));
	assert_null(results_cell(results, "A", "UDP_RR"));
	assert_true(has_warning(results, "A UDP_RR: every run failed"));
	assert_non_null(strstr(
		jsonx_string(json_array_get(json_object_get(results, "runs"), 1), "error", ""),
		"no route"));
	assert_nothing_left();
	json_decref(results);
}

static void a_guest_that_outlives_its_weftd_is_ended_and_said(void **state)
{
	int ret;
	json_t *results = run(
		"version: 1\nsetups:\n" SETUP("A", "") "tests: [TCP_STREAM]\nrepeats: 1\n" TIMES,
		"leaks", &ret);

	assert_int_equal(ret, 0);
	assert_non_null(strstr(read_journal(), "guest "));
	assert_true(
		has_warning(results, "A: while stopping: 1 left-over processes had to be killed"));
	assert_nothing_left();
	json_decref(results);
}

/* Makes a place outside, whose weft-perf is this script. */
static void make_outside(char *path, size_t size)
{
	snprintf(path, size, "%s/outside.sh", home);
	note(path, "#!/bin/sh\n"
		   "echo \"outside-$2\" >>$JOURNAL\n"
		   "[ \"$2\" = client ] || exec sleep 100\n"
		   "echo \"$*\" >>$JOURNAL.words\n"
		   "echo '{\"throughput\": 42.0, \"units\": \"Mb/s\"}'\n");
	chmod(path, 0755);
}

static void ends_outside_run_where_their_command_says(void **state)
{
	char text[1024], words[256] = "", path[128], script[128];
	json_t *results;
	FILE *f;
	int ret;

	make_outside(script, sizeof(script));
	snprintf(text, sizeof(text),
		 "version: 1\nsetups:\n"
		 "  - {name: out, config: lab.yaml, client: alpha, server: outside, outside: %s, "
		 "address: 203.0.113.2, prepare: route, host: env}\n"
		 "  - {name: in, config: lab.yaml, client: outside, server: alpha, outside: %s, "
		 "address: 203.0.113.1, args: [-P, '0,5']}\n"
		 "tests: [UDP_RR]\nrepeats: 1\n" TIMES,
		 script, script);

	results = run(text, "awaits-outside", &ret);

	assert_int_equal(ret, 0);
	assert_string_equal(read_order(),
			    "route-alpha outside-server UDP_RR outside-client outside-client ");
	assert_true(jsonx_number(results_cell(results, "out", "UDP_RR"), "median", 0) == 123.5);
	assert_true(jsonx_number(results_cell(results, "in", "UDP_RR"), "median", 0) == 42);
	assert_string_equal(jsonx_string(results_setup(results, "in"), "engine", ""), "TCG");
	snprintf(path, sizeof(path), "%s.words", journal);
	f = fopen(path, "r");
	while (fgets(words, sizeof(words), f))
		;
	fclose(f);
	assert_non_null(strstr(words, "weft-perf client 203.0.113.1 UDP_RR -l 100ms"));
	assert_non_null(strstr(words, "-P 0,5"));
	assert_nothing_left();
	json_decref(results);
}

/* The child's part: interrupted, it must end with a partial result and with nothing left. */
static int run_to_be_interrupted(void)
{
	json_t *results;
	int ret;

	child_adopt_orphans(NULL);
	interrupt_install();
	results = run("version: 1\nsetups:\n" SETUP(
			      "A", NOTING("A")) "tests: [UDP_RR, TCP_STREAM]\nrepeats: 2\n" TIMES,
		      "hangs", &ret);
	if (ret != -EINTR || !jsonx_bool(results, "partial") ||
	    !results_cell(results, "A", "UDP_RR") || !has_warning(results, "partial"))
		return 1;
	json_decref(results);
	return 0;
}

static void an_interrupt_ends_the_run_with_a_partial_result(void **state)
{
	uint64_t begin_ms;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(run_to_be_interrupted());
	wait_for_journal("TCP_STREAM");
	begin_ms = clock_now_ms();
	kill(pid, SIGINT);
	assert_int_equal(waitpid(pid, &status, 0), pid);

	assert_true(clock_now_ms() - begin_ms < 10000);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_string_equal(read_order(), "up-A UDP_RR TCP_STREAM down-A ");
	assert_nothing_left();
}

static int make_home(void **state)
{
	char config[96];

	strcpy(home, "/tmp/test-lab.XXXXXX");
	if (!mkdtemp(home))
		return -1;
	snprintf(journal, sizeof(journal), "%s/journal", home);
	snprintf(log_dir, sizeof(log_dir), "%s/log", home);
	mkdir(log_dir, 0755);
	setenv("JOURNAL", journal, 1);
	snprintf(config, sizeof(config), "%s/lab.yaml", home);
	note(config, "version: 1\n");
	return 0;
}

static int remove_home(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", home);
	return system(command);
}

#define RUN_TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN_TEST(engines_are_an_axis_and_weft_needs_kvm),
		RUN_TEST(setups_are_up_one_at_a_time_and_interleaved),
		RUN_TEST(a_setup_whose_weftd_dies_is_given_up_and_the_other_goes_on),
		RUN_TEST(a_guest_that_does_not_boot_is_shown_with_its_console),
		RUN_TEST(a_peer_that_the_machine_lacks_is_left_out_without_failing),
		RUN_TEST(an_up_command_that_fails_is_quoted_and_its_down_runs),
		RUN_TEST(a_test_that_fails_is_recorded_and_the_others_count),
		RUN_TEST(ends_outside_run_where_their_command_says),
		RUN_TEST(a_guest_that_outlives_its_weftd_is_ended_and_said),
		RUN_TEST(an_interrupt_ends_the_run_with_a_partial_result),
	};

	if (argc > 2 && strcmp(argv[1], "--run-dir") == 0)
		return fake_weftd(argv[2]);
	if (!realpath("/proc/self/exe", self) || child_adopt_orphans(NULL))
		return EXIT_FAILURE;
	return cmocka_run_group_tests_name("lab run", tests, NULL, NULL);
}
