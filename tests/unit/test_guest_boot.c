/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The guest image in a real QEMU, without a switch:
 *
 *   weftd's guest object --- QMP, agent, console sockets --- QEMU: kernel, init, agent
 *
 * Needs the image (make guest-image; WEFT_IMAGE_DIR names its folder); skipped (77) without it.
 */

#include "tests/lib/test.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "daemon/guest.h"

#define BOOT_MS 60000
#define EXEC_MS 20000

static char run_dir[] = "/tmp/weft-boot-XXXXXX";
static const char *image_dir;
static struct loop *loop;
static struct guests *set;
static struct guest *guest;
static struct err e;

static struct config_guest config = {
	.name = "alpha",
	.kernel = "auto",
	.initrd = "auto",
	.append = "",
	.vcpus = 1,
	.memory_bytes = 256 << 20,
	.restart = RESTART_NO,
};

static struct command {
	bool ended;
	enum agent_end end;
	int value;
	size_t len;
	char text[2048];
} cmd;

static void on_output(struct agent_exec *x, int fd, const void *data, size_t len, void *arg)
{
	len = MIN_OF(len, sizeof(cmd.text) - 1 - cmd.len);
	memcpy(cmd.text + cmd.len, data, len);
	cmd.len += len;
}

static void on_ended(struct agent_exec *x, enum agent_end end, int value, void *arg)
{
	cmd.ended = true;
	cmd.end = end;
	cmd.value = value;
}

static const struct agent_exec_ops ops = {.output = on_output, .ended = on_ended};

static void run(const char *script)
{
	const char *argv[] = {"sh", "-c", script};
	uint64_t end_ms = clock_now_ms() + EXEC_MS;

	memset(&cmd, 0, sizeof(cmd));
	assert_non_null(guest_exec(guest, argv, 3, 0, &ops, NULL, &e));
	while (!cmd.ended && clock_now_ms() < end_ms)
		loop_run_once(loop, 50);
	assert_true(cmd.ended);
}

static void make_set(void)
{
	struct guests_env env = {.loop = loop, .run_dir = run_dir, .image_dir = image_dir};

	set = guests_create(&env, &e);
	assert_non_null(set);
	guest = guest_add(set, &config, &e);
	assert_non_null(guest);
}

static void run_until_ready(void)
{
	uint64_t start_ms = clock_now_ms();

	while (!guest_agent_ready(guest) && clock_now_ms() - start_ms < BOOT_MS)
		loop_run_once(loop, 50);
	assert_true(guest_agent_ready(guest));
	print_message("agent ready after %llu ms\n",
		      (unsigned long long)(clock_now_ms() - start_ms));
}

static int boot(void **state)
{
	if (guest_start(guest, &e) < 0) {
		print_message("%s\n", e.text);
		return -1;
	}
	run_until_ready();
	return 0;
}

static void set_flag(void *arg)
{
	*(bool *)arg = true;
}

static int halt(void **state)
{
	uint64_t end_ms = clock_now_ms() + 8000;
	bool stopped = false;

	guests_stop_all(set, set_flag, &stopped);
	while (!stopped && clock_now_ms() < end_ms)
		loop_run_once(loop, 50);
	return stopped ? 0 : -1;
}

static void run_until_state(enum guest_state state)
{
	uint64_t end_ms = clock_now_ms() + EXEC_MS;

	while (guest_state(guest) != state && clock_now_ms() < end_ms)
		loop_run_once(loop, 50);
	assert_string_equal(guest_state_name(guest_state(guest)), guest_state_name(state));
}

static const char *exit_reason(void)
{
	static char text[512];
	json_t *json = guest_json(guest);

	snprintf(text, sizeof(text), "%s", json_string_value(json_object_get(json, "exit_reason")));
	json_decref(json);
	return text;
}

static void the_guest_runs_commands_and_powers_off_when_stopped(void **state)
{
	run("hostname; cat /proc/sys/kernel/panic; ip link show lo; exit 5");
	assert_int_equal(cmd.value, 5);
	assert_non_null(strstr(cmd.text, "alpha\n-1\n"));
	assert_non_null(strstr(cmd.text, "LOOPBACK,UP"));

	halt(state);
	assert_int_equal(guest_state(guest), GUEST_STOPPED);
	assert_string_equal(exit_reason(), "stopped");
}

static void a_restarted_weftd_adopts_the_guest_and_its_agent(void **state)
{
	run("echo kept >/tmp/mark");

	guests_destroy(set);
	make_set();
	assert_int_equal(guests_adopt(set), 1);
	run_until_ready();

	run("cat /tmp/mark");
	assert_string_equal(cmd.text, "kept\n");
	run_until_state(GUEST_RUNNING);
}

static void a_panic_is_told_in_the_kernels_words(void **state)
{
	const char *argv[] = {"sh", "-c", "echo c >/proc/sysrq-trigger"};

	guest_exec(guest, argv, 3, AGENT_EXEC_DETACHED, &ops, NULL, &e);
	run_until_state(GUEST_FAILED);

	assert_string_equal(exit_reason(), "guest panicked: not syncing: sysrq triggered crash");
}

static void a_guest_that_powers_itself_off_is_stopped(void **state)
{
	const char *argv[] = {"poweroff", "-f"};

	guest_exec(guest, argv, 2, AGENT_EXEC_DETACHED, &ops, NULL, &e);
	run_until_state(GUEST_STOPPED);

	assert_string_equal(exit_reason(), "guest switched itself off");
}

static void the_power_button_stops_a_guest_without_an_agent(void **state)
{
	const char *argv[] = {"sh", "-c", "rm /bin/weft-agent; kill $(pidof weft-agent)"};
	uint64_t start_ms;

	guest_exec(guest, argv, 3, AGENT_EXEC_DETACHED, &ops, NULL, &e);
	while (guest_agent_ready(guest))
		loop_run_once(loop, 50);
	start_ms = clock_now_ms();
	halt(state);

	assert_true(clock_now_ms() - start_ms < 1500);
	assert_string_equal(exit_reason(), "stopped");
}

static void the_console_is_a_shell(void **state)
{
	int fd = guest_console_open(guest, &e);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t end_ms = clock_now_ms() + EXEC_MS;
	char text[4096] = "";
	size_t len = 0;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "echo $((6*7))x\n", 15), 15);
	while (!strstr(text, "42x") && clock_now_ms() < end_ms && len < sizeof(text) - 1) {
		ssize_t n = poll(&p, 1, 100) > 0 ? read(fd, text + len, sizeof(text) - 1 - len) : 0;

		len += (size_t)MAX_OF(n, 0);
		text[len] = '\0';
	}
	close(fd);
	assert_non_null(strstr(text, "42x"));
}

#define boot_test(f) cmocka_unit_test_setup_teardown(f, boot, halt)

int main(void)
{
	const struct CMUnitTest tests[] = {
		boot_test(the_guest_runs_commands_and_powers_off_when_stopped),
		boot_test(a_restarted_weftd_adopts_the_guest_and_its_agent),
		boot_test(a_panic_is_told_in_the_kernels_words),
		boot_test(a_guest_that_powers_itself_off_is_stopped),
		boot_test(the_power_button_stops_a_guest_without_an_agent),
		boot_test(the_console_is_a_shell),
	};
	char path[512];
	int failed;

	image_dir = getenv("WEFT_IMAGE_DIR") ?: "build/image";
	snprintf(path, sizeof(path), "%s/initrd.img", image_dir);
	if (access(path, R_OK) < 0) {
		fprintf(stderr, "skipped: no %s; run make guest-image\n", path);
		return 77;
	}
	if (!mkdtemp(run_dir))
		return 1;
	loop = loop_create();
	make_set();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	guests_destroy(set);
	loop_destroy(loop);
	snprintf(path, sizeof(path), "rm -rf %s", run_dir);
	return system(path) || failed;
}
