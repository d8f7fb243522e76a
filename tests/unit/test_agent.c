/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The host's client and the real weft-agent, joined by a Unix socket as QEMU would:
 *
 *   agent_client --- socket in a temporary folder --- accept --- weft-agent - (a child process)
 */

#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/agent_proto.h"
#include "common/clock.h"
#include "common/loop.h"
#include "daemon/agent_client.h"

#define WAIT_MS 10000

static struct loop *loop;
static struct agent_client *client;
static struct loop_watch listener;
static char folder[] = "/tmp/weft-agent-XXXXXX";
static char socket_path[64], program[512];
static pid_t agent_pid;

/* What a command did. */
static struct command {
	struct agent_exec *exec;
	bool ended, writable;
	enum agent_end end;
	int value;
	size_t out_len, err_len;
	char out[4096], err[4096];
} cmd;

static void on_output(struct agent_exec *x, int fd, const void *data, size_t len, void *arg)
{
	struct command *c = arg;
	char *text = fd == 1 ? c->out : c->err;
	size_t *used = fd == 1 ? &c->out_len : &c->err_len;

	if (*used < sizeof(c->out) - 1)
		memcpy(text + *used, data, MIN_OF(len, sizeof(c->out) - 1 - *used));
	*used += len;
}

static void on_ended(struct agent_exec *x, enum agent_end end, int value, void *arg)
{
	struct command *c = arg;

	c->ended = true;
	c->end = end;
	c->value = value;
}

static void on_writable(struct agent_exec *x, void *arg)
{
	((struct command *)arg)->writable = true;
}

static const struct agent_exec_ops ops = {on_output, on_ended, on_writable};

static void on_accept(struct loop_watch *w, uint32_t events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);

	agent_pid = fork();
	if (agent_pid == 0) {
		dup2(fd, 0);
		execl(program, program, "-", NULL);
		_exit(127);
	}
	close(fd);
}

static void run_until(const bool *flag)
{
	uint64_t end_ms = clock_now_ms() + WAIT_MS;

	while (!*flag && clock_now_ms() < end_ms)
		loop_run_once(loop, 50);
	assert_true(*flag);
}

static void run_until_ready(void)
{
	uint64_t end_ms = clock_now_ms() + WAIT_MS;

	while (!agent_client_ready(client) && clock_now_ms() < end_ms)
		loop_run_once(loop, 50);
	assert_true(agent_client_ready(client));
}

static struct agent_exec *start(const char *script, unsigned flags)
{
	const char *argv[] = {"sh", "-c", script};

	memset(&cmd, 0, sizeof(cmd));
	cmd.exec = agent_exec(client, argv, 3, flags, &ops, &cmd, NULL);
	assert_non_null(cmd.exec);
	return cmd.exec;
}

static void run(const char *script)
{
	start(script, 0);
	agent_exec_eof(cmd.exec);
	run_until(&cmd.ended);
}

static int setup(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 32);
	char *slash;

	program[MAX_OF(n, 0)] = '\0';
	slash = strstr(program, "/test/test_agent");
	if (!slash || !mkdtemp(folder))
		return -1;
	strcpy(slash, "/bin/weft-agent");
	snprintf(socket_path, sizeof(socket_path), "%s/agent.sock", folder);
	strcpy(addr.sun_path, socket_path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 4) < 0)
		return -1;
	loop = loop_create();
	listener.ready = on_accept;
	loop_watch_add(loop, &listener, fd, EPOLLIN);
	client = agent_client_create(loop, socket_path, NULL, NULL);
	run_until_ready();
	return 0;
}

static int teardown(void **state)
{
	int fd = listener.fd;

	agent_client_destroy(client);
	loop_watch_del(&listener);
	close(fd);
	loop_destroy(loop);
	unlink(socket_path);
	rmdir(folder);
	while (waitpid(-1, NULL, 0) > 0)
		;
	return 0;
}

static void a_command_gives_its_output_and_its_status(void **state)
{
	run("echo out; echo err >&2; exit 7");

	assert_int_equal(cmd.end, AGENT_END_EXITED);
	assert_int_equal(cmd.value, 7);
	assert_string_equal(cmd.out, "out\n");
	assert_string_equal(cmd.err, "err\n");
}

static void a_command_that_is_not_there_says_why(void **state)
{
	const char *argv[] = {"no-such-program"};

	memset(&cmd, 0, sizeof(cmd));
	assert_non_null(agent_exec(client, argv, 1, 0, &ops, &cmd, NULL));
	run_until(&cmd.ended);

	assert_int_equal(cmd.end, AGENT_END_FAILED);
	assert_int_equal(cmd.value, ENOENT);
}

static void a_signal_reaches_the_whole_group(void **state)
{
	start("sleep 100 & echo ready; wait", 0);
	while (cmd.out_len == 0)
		loop_run_once(loop, 50);
	agent_exec_kill(cmd.exec, SIGTERM);
	run_until(&cmd.ended);

	assert_int_equal(cmd.end, AGENT_END_SIGNALED);
	assert_int_equal(cmd.value, SIGTERM);
}

static void a_megabyte_passes_through_stdin_and_back(void **state)
{
	static uint8_t data[1 << 20];
	size_t sent = 0;

	start("cat", 0);
	while (sent < sizeof(data)) {
		ssize_t n = agent_exec_write(cmd.exec, data + sent, sizeof(data) - sent);

		assert_true(n >= 0);
		sent += (size_t)n;
		cmd.writable = sent == sizeof(data);
		run_until(&cmd.writable);
	}
	agent_exec_eof(cmd.exec);
	run_until(&cmd.ended);

	assert_int_equal(cmd.out_len, sizeof(data));
	assert_int_equal(cmd.value, 0);
}

static void a_paused_command_stops_after_its_window_and_goes_on(void **state)
{
	struct command slow;
	struct agent_exec *x = start("dd if=/dev/zero bs=4096 count=256 2>/dev/null", 0);
	const char *argv[] = {"true"};

	agent_exec_pause(x, true);
	while (cmd.out_len < AGENT_WINDOW_BYTES)
		loop_run_once(loop, 50);
	slow = (struct command){0};
	assert_non_null(agent_exec(client, argv, 1, 0, &ops, &slow, NULL));
	run_until(&slow.ended);
	assert_int_equal(cmd.out_len, AGENT_WINDOW_BYTES);

	agent_exec_pause(x, false);
	run_until(&cmd.ended);
	assert_int_equal(cmd.out_len, 256 * 4096);
}

static void a_dropped_command_dies_though_it_writes_without_end(void **state)
{
	agent_exec_drop(start("exec yes", 0));

	run("echo next");

	assert_string_equal(cmd.out, "next\n");
}

static void a_child_left_behind_does_not_hold_the_end_up(void **state)
{
	uint64_t start_ms = clock_now_ms();

	run("sleep 5 & exit 3");

	assert_int_equal(cmd.value, 3);
	assert_true(clock_now_ms() - start_ms < 4000);
}

static void more_commands_than_fit_are_refused_with_a_reason(void **state)
{
	struct command many[AGENT_COMMANDS_MAX] = {0};
	const char *argv[] = {"cat"};
	struct err e;

	for (int i = 0; i < AGENT_COMMANDS_MAX; i++) {
		many[i].exec = agent_exec(client, argv, 1, 0, &ops, &many[i], &e);
		assert_non_null(many[i].exec);
	}
	assert_null(agent_exec(client, argv, 1, 0, &ops, &cmd, &e));
	assert_int_equal(errno, EAGAIN);

	for (int i = 0; i < AGENT_COMMANDS_MAX; i++)
		agent_exec_eof(many[i].exec);
	for (int i = 0; i < AGENT_COMMANDS_MAX; i++) {
		run_until(&many[i].ended);
		assert_int_equal(many[i].value, 0);
	}
}

static pid_t pid_in(const char *file)
{
	char path[128];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	f = fopen(path, "r");
	if (f) {
		(void)!fscanf(f, "%d", &pid);
		fclose(f);
	}
	unlink(path);
	return pid;
}

/* A zombie is dead; who has to bury it is not our business. */
static bool alive(pid_t pid)
{
	char path[64], state = 'X';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (f) {
		(void)!fscanf(f, "%*d %*s %c", &state);
		fclose(f);
	}
	return state != 'X' && state != 'Z';
}

/* The shell becomes the sleep, so that the pid it wrote is the one that lives or dies. */
static struct agent_exec *start_sleeper(const char *file, unsigned flags, struct command *c)
{
	static char script[256];
	const char *argv[] = {"sh", "-c", script};

	snprintf(script, sizeof(script), "echo $$ >%s/%s; echo up; exec sleep 30", folder, file);
	return agent_exec(client, argv, 3, flags, &ops, c, NULL);
}

static void a_new_session_kills_the_old_ones_commands_but_not_detached_ones(void **state)
{
	struct command session = {0}, detached = {0};
	uint64_t end_ms;
	pid_t lost, stays;

	start_sleeper("detached", AGENT_EXEC_DETACHED, &detached);
	run_until(&detached.ended);
	assert_int_equal(detached.value, 0);
	start_sleeper("session", 0, &session);
	while (session.out_len == 0)
		loop_run_once(loop, 50);
	lost = pid_in("session");

	agent_client_destroy(client);
	waitpid(agent_pid, NULL, 0);
	client = agent_client_create(loop, socket_path, NULL, NULL);
	run_until_ready();
	stays = pid_in("detached");
	end_ms = clock_now_ms() + WAIT_MS;

	assert_int_equal(session.end, AGENT_END_LOST);
	while (alive(lost) && clock_now_ms() < end_ms)
		loop_run_once(loop, 10);
	assert_false(alive(lost));
	assert_true(alive(stays));
	kill(stays, SIGKILL);
}

static void poweroff_ends_an_agent_outside_an_image_and_nothing_else(void **state)
{
	pid_t first = agent_pid;

	if (access("/etc/weft-image", F_OK) == 0)
		skip();
	assert_int_equal(agent_client_poweroff(client), 0);
	while (agent_client_ready(client))
		loop_run_once(loop, 50);
	assert_int_equal(waitpid(first, NULL, 0), first);

	run_until_ready();
	run("echo again");
	assert_string_equal(cmd.out, "again\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_gives_its_output_and_its_status),
		cmocka_unit_test(a_command_that_is_not_there_says_why),
		cmocka_unit_test(a_signal_reaches_the_whole_group),
		cmocka_unit_test(a_megabyte_passes_through_stdin_and_back),
		cmocka_unit_test(a_paused_command_stops_after_its_window_and_goes_on),
		cmocka_unit_test(a_dropped_command_dies_though_it_writes_without_end),
		cmocka_unit_test(a_child_left_behind_does_not_hold_the_end_up),
		cmocka_unit_test(more_commands_than_fit_are_refused_with_a_reason),
		cmocka_unit_test(a_new_session_kills_the_old_ones_commands_but_not_detached_ones),
		cmocka_unit_test(poweroff_ends_an_agent_outside_an_image_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
