/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Supervision, with shell scripts in QEMU's place: they are started, watched, described, started
 * again, stopped and adopted like it, but boot nothing. Everything lies in a temporary run-dir.
 */

#include "tests/lib/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "daemon/guest.h"
#include "daemon/guest_record.h"

#define WAIT_MS 8000

static char run_dir[] = "/tmp/weft-guest-XXXXXX";
static char qemu[64];
static struct loop *loop;
static struct guests *set;
static struct config_guest config;
static struct err e;
static pid_t left_behind;

static void write_qemu(const char *script)
{
	FILE *f = fopen(qemu, "w");

	fprintf(f, "#!/bin/sh\n%s\n", script);
	fclose(f);
	chmod(qemu, 0755);
}

static void make_set(void)
{
	struct guests_env env = {
		.loop = loop, .run_dir = run_dir, .image_dir = "/nonexistent", .qemu = qemu};

	set = guests_create(&env, &e);
	assert_non_null(set);
}

static struct guest *add(void)
{
	struct guest *g = guest_add(set, &config, &e);

	assert_non_null(g);
	return g;
}

static int setup(void **state)
{
	config = (struct config_guest){
		.name = "alpha",
		.kernel = "none",
		.initrd = "none",
		.append = "",
		.vcpus = 1,
		.memory_bytes = 64 << 20,
		.restart = RESTART_NO,
	};
	strcpy(run_dir + sizeof(run_dir) - 7, "XXXXXX");
	if (!mkdtemp(run_dir))
		return -1;
	snprintf(qemu, sizeof(qemu), "%s/qemu", run_dir);
	loop = loop_create();
	make_set();
	return 0;
}

static void set_flag(void *arg)
{
	*(bool *)arg = true;
}

static void set_flag_of(struct guest *g, void *arg)
{
	*(bool *)arg = true;
}

static bool run_until(const bool *flag)
{
	uint64_t end_ms = clock_now_ms() + WAIT_MS;

	while (!*flag && clock_now_ms() < end_ms)
		loop_run_once(loop, 50);
	return *flag;
}

static void run_until_state(struct guest *g, enum guest_state state)
{
	uint64_t end_ms = clock_now_ms() + WAIT_MS;

	while (guest_state(g) != state && clock_now_ms() < end_ms)
		loop_run_once(loop, 50);
	assert_string_equal(guest_state_name(guest_state(g)), guest_state_name(state));
}

static int teardown(void **state)
{
	char command[128];
	bool stopped = false;

	guests_stop_all(set, set_flag, &stopped);
	run_until(&stopped);
	guests_destroy(set);
	loop_destroy(loop);
	snprintf(command, sizeof(command), "rm -rf %s", run_dir);
	return stopped && system(command) == 0 ? 0 : -1;
}

static const char *text_of(struct guest *g, const char *key)
{
	static char text[512];
	json_t *json = guest_json(g);

	snprintf(text, sizeof(text), "%s", json_string_value(json_object_get(json, key)) ?: "");
	json_decref(json);
	return text;
}

static pid_t pid_of(struct guest *g)
{
	json_t *json = guest_json(g);
	pid_t pid = (pid_t)json_integer_value(json_object_get(json, "pid"));

	json_decref(json);
	return pid;
}

static bool exists(const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/guests/alpha%s", run_dir, file);
	return access(path, F_OK) == 0;
}

static void a_qemu_that_fails_leaves_the_guest_failed_with_its_words(void **state)
{
	struct guest *g = add();

	write_qemu("echo first >&2; echo no such device >&2; exit 3");
	assert_int_equal(guest_start(g, &e), 0);
	run_until_state(g, GUEST_FAILED);

	assert_string_equal(text_of(g, "exit_reason"), "QEMU exited with status 3: no such device");
	assert_true(exists("/qemu.log"));
	assert_false(exists("/state.json"));
}

static void a_failing_guest_is_started_again_after_a_backoff(void **state)
{
	struct guest *g;
	uint64_t start_ms = clock_now_ms();

	config.restart = RESTART_ON_FAILURE;
	g = add();
	write_qemu("test -e $0.once && exec sleep 60; touch $0.once; exit 1");
	assert_int_equal(guest_start(g, &e), 0);
	run_until_state(g, GUEST_BACKOFF);
	run_until_state(g, GUEST_STARTING);

	assert_true(clock_now_ms() - start_ms >= 900);
	assert_true(pid_of(g) > 1);
}

static void stopping_ends_a_backoff(void **state)
{
	struct guest *g;
	bool stopped = false;

	config.restart = RESTART_ALWAYS;
	g = add();
	write_qemu("exit 1");
	guest_start(g, &e);
	run_until_state(g, GUEST_BACKOFF);

	guest_stop(g, set_flag_of, &stopped);

	assert_true(stopped);
	assert_int_equal(guest_state(g), GUEST_STOPPED);
	assert_false(exists(""));
}

static void a_guest_that_answers_nobody_is_killed_in_time(void **state)
{
	struct guest *g = add();
	bool stopped = false;
	uint64_t start_ms;

	write_qemu("trap '' TERM INT HUP; while :; do sleep 1; done");
	guest_start(g, &e);
	assert_true(exists("/state.json"));
	start_ms = clock_now_ms();
	guest_stop(g, set_flag_of, &stopped);
	assert_int_equal(guest_state(g), GUEST_STOPPING);

	assert_true(run_until(&stopped));
	assert_true(clock_now_ms() - start_ms < 3000);
	assert_string_equal(text_of(g, "exit_reason"), "stopped by force, it did not answer");
	assert_false(exists(""));
}

static void a_start_during_a_stop_happens_after_it(void **state)
{
	struct guest *g = add();
	pid_t first;

	write_qemu("exec sleep 60");
	guest_start(g, &e);
	first = pid_of(g);
	guest_stop(g, NULL, NULL);
	assert_int_equal(guest_start(g, &e), 0);

	run_until_state(g, GUEST_STARTING);
	assert_true(pid_of(g) != first);
}

static void a_deleted_guest_is_gone_at_once_and_its_heir_waits(void **state)
{
	struct guest *g = add(), *heir;
	bool deleted = false;
	pid_t first;

	write_qemu("exec sleep 60");
	guest_start(g, &e);
	first = pid_of(g);
	guest_del(g, set_flag, &deleted);
	assert_null(guest_lookup(set, "alpha"));
	heir = add();
	assert_int_equal(guest_start(heir, &e), 0);
	assert_int_equal(pid_of(heir), 0);

	assert_true(run_until(&deleted));
	run_until_state(heir, GUEST_STARTING);
	assert_true(pid_of(heir) > 1 && pid_of(heir) != first);
}

static void what_is_missing_is_said_with_its_remedy(void **state)
{
	bool deleted = false;
	struct guest *g;

	unlink(qemu);
	g = add();
	assert_int_equal(guest_start(g, &e), -ENOENT);
	assert_non_null(strstr(e.text, "apt-get install qemu-system-x86"));
	assert_int_equal(guest_state(g), GUEST_FAILED);
	guest_del(g, set_flag, &deleted);
	assert_true(run_until(&deleted));

	write_qemu("exit 0");
	config.kernel = config.initrd = "auto";
	g = add();
	assert_int_equal(guest_start(g, &e), -ENOENT);
	assert_string_equal(text_of(g, "exit_reason"), "guest alpha: no guest image in "
						       "/nonexistent; build it with make "
						       "guest-image");
}

/* As a killed weftd does: its process goes on, its object does not. */
static void lose_weftd(struct guest *g)
{
	left_behind = pid_of(g);
	guests_destroy(set);
	make_set();
}

static void a_restarted_weftd_takes_its_guest_back(void **state)
{
	struct guest *g = add();

	write_qemu("exec sleep 60");
	guest_start(g, &e);
	lose_weftd(g);
	g = add();

	assert_int_equal(guests_adopt(set), 1);
	assert_int_equal(guest_start(g, &e), 0);
	assert_int_equal(pid_of(g), left_behind);

	kill(left_behind, SIGKILL);
	run_until_state(g, GUEST_FAILED);
}

static void a_guest_whose_configuration_changed_is_not_adopted(void **state)
{
	struct guest *g = add();

	write_qemu("exec sleep 60");
	guest_start(g, &e);
	lose_weftd(g);
	config.vcpus = 2;
	g = add();

	assert_int_equal(guests_adopt(set), 0);
	assert_int_equal(guest_start(g, &e), 0);
	run_until_state(g, GUEST_STARTING);
	assert_true(pid_of(g) != left_behind);
}

static void a_guest_that_is_not_configured_any_more_is_stopped(void **state)
{
	struct guest *g = add();
	bool stopped = false;

	write_qemu("exec sleep 60");
	guest_start(g, &e);
	lose_weftd(g);

	assert_int_equal(guests_adopt(set), 0);
	guests_stop_all(set, set_flag, &stopped);
	assert_false(stopped);
	assert_true(run_until(&stopped));
	assert_false(exists(""));
}

static void a_recycled_pid_is_not_taken_for_the_guest(void **state)
{
	struct guest_record r = {.pid = getpid(), .start_ticks = 1};
	struct guest *g = add();
	char path[128];

	snprintf(path, sizeof(path), "%s/guests/alpha", run_dir);
	mkdir(path, 0700);
	assert_int_equal(guest_record_write(&r, run_dir, "alpha"), 0);

	assert_int_equal(guests_adopt(set), 0);
	assert_int_equal(guest_state(g), GUEST_STOPPED);
	assert_false(exists(""));
}

static void a_damaged_record_is_cleaned_away(void **state)
{
	struct guest *g = add();
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/guests/alpha", run_dir);
	mkdir(path, 0700);
	strcat(path, "/state.json");
	f = fopen(path, "w");
	fputs("{\"pid\": \"many", f);
	fclose(f);

	assert_int_equal(guests_adopt(set), 0);
	assert_int_equal(guest_state(g), GUEST_STOPPED);
	assert_false(exists(""));
}

static void two_guests_of_one_name_are_refused(void **state)
{
	add();

	assert_null(guest_add(set, &config, &e));
	assert_int_equal(errno, EEXIST);
}

static void a_command_in_a_stopped_guest_is_refused_with_a_remedy(void **state)
{
	const char *argv[] = {"true"};

	assert_null(guest_exec(add(), argv, 1, 0, NULL, NULL, &e));
	assert_int_equal(errno, ENOTCONN);
	assert_string_equal(e.text, "guest alpha is stopped; start it with weft guest/start alpha");
}

#define guest_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		guest_test(a_qemu_that_fails_leaves_the_guest_failed_with_its_words),
		guest_test(a_failing_guest_is_started_again_after_a_backoff),
		guest_test(stopping_ends_a_backoff),
		guest_test(a_guest_that_answers_nobody_is_killed_in_time),
		guest_test(a_start_during_a_stop_happens_after_it),
		guest_test(a_deleted_guest_is_gone_at_once_and_its_heir_waits),
		guest_test(what_is_missing_is_said_with_its_remedy),
		guest_test(a_restarted_weftd_takes_its_guest_back),
		guest_test(a_guest_whose_configuration_changed_is_not_adopted),
		guest_test(a_guest_that_is_not_configured_any_more_is_stopped),
		guest_test(a_recycled_pid_is_not_taken_for_the_guest),
		guest_test(a_damaged_record_is_cleaned_away),
		guest_test(two_guests_of_one_name_are_refused),
		guest_test(a_command_in_a_stopped_guest_is_refused_with_a_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
