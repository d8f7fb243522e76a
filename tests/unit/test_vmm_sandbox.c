/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a process may still do in the sandbox; each test is a process of its own. */

#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/sandbox.h"

#define SOCKET "/tmp/weft-sandbox-test.sock"

/* The status of a process that runs `act` in the sandbox. */
static int status_of(int (*act)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		struct err e;

		_exit(sandbox_init(NULL, &e) < 0 ? 100 : act());
	}
	waitpid(pid, &status, 0);
	return status;
}

static int open_a_file(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static int bind_a_socket(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || unlink(SOCKET) < 0 ? errno : 0;
}

static int open_as_a_cpu(void)
{
	sandbox_enter(SANDBOX_CPU);
	return open("/dev/null", O_RDONLY) < 0;
}

static int write_as_a_cpu(void)
{
	sandbox_enter(SANDBOX_CPU);
	syscall(SYS_exit_group, write(STDOUT_FILENO, "", 0) == 0 ? 0 : 1);
	return 1;
}

static void no_file_can_be_opened_by_name_where_there_is_landlock(void **state)
{
	int status;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1)
		skip();
	status = status_of(open_a_file);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EACCES);
}

static void the_socket_of_a_nic_can_be_made_and_removed(void **state)
{
	assert_int_equal(status_of(bind_a_socket), 0);
}

static void a_cpu_that_opens_a_file_is_killed(void **state)
{
	int status = status_of(open_as_a_cpu);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void a_cpu_can_write_to_what_is_open(void **state)
{
	assert_int_equal(status_of(write_as_a_cpu), 0);
}

static int ready[2]; /* a pipe from the process in the sandbox */

static void *disk_thread(void *arg)
{
	pthread_barrier_wait(arg);
	sandbox_enter(SANDBOX_DISK);
	(void)!write(ready[1], "", 1);
	for (;;)
		poll(NULL, 0, -1);
	return NULL;
}

/* A disk has its thread before the process gives up its rights. */
static int start_disk_first(void)
{
	pthread_barrier_t barrier;
	pthread_t thread;
	struct err e;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, disk_thread, &barrier);
	if (sandbox_init(NULL, &e) < 0)
		return 100;
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	return 0;
}

static void the_thread_of_a_disk_has_no_capabilities(void **state)
{
	char command[96], byte;
	pid_t pid;
	int status;

	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		_exit(start_disk_first());
	assert_int_equal(read(ready[0], &byte, 1), 1);
	snprintf(command, sizeof(command),
		 "! grep -h ^CapEff /proc/%d/task/*/status | grep -qv 0000000000000000", (int)pid);
	status = system(command);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);

	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_file_can_be_opened_by_name_where_there_is_landlock),
		cmocka_unit_test(the_socket_of_a_nic_can_be_made_and_removed),
		cmocka_unit_test(a_cpu_that_opens_a_file_is_killed),
		cmocka_unit_test(a_cpu_can_write_to_what_is_open),
		cmocka_unit_test(the_thread_of_a_disk_has_no_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
