/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Ports of the host that are held for forwards, in a network namespace of the test's own. */

#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "uplink/host_ports.h"

static int bound(int type, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool is_free(int type, uint16_t port)
{
	int fd = bound(type, port);

	close(fd);
	return fd >= 0;
}

static int setup(void **state)
{
	*state = host_ports_create();
	return 0;
}

static int teardown(void **state)
{
	host_ports_destroy(*state);
	return 0;
}

static void held_ports_are_had_by_nobody_else(void **state)
{
	const struct host_forward forwards[] = {{false, 2222, 2222}, {true, 5000, 5010}};

	assert_int_equal(host_ports_hold(*state, forwards, 2, NULL), 0);

	assert_false(is_free(SOCK_STREAM, 2222));
	assert_false(is_free(SOCK_DGRAM, 5000));
	assert_false(is_free(SOCK_DGRAM, 5010));
	assert_true(is_free(SOCK_DGRAM, 2222));
	assert_true(is_free(SOCK_DGRAM, 5011));
}

static void ports_that_are_not_forwarded_any_more_are_free(void **state)
{
	const struct host_forward before[] = {{false, 80, 81}}, after[] = {{false, 81, 82}};

	host_ports_hold(*state, before, 1, NULL);
	assert_int_equal(host_ports_hold(*state, after, 1, NULL), 0);

	assert_true(is_free(SOCK_STREAM, 80));
	assert_false(is_free(SOCK_STREAM, 81));
	assert_false(is_free(SOCK_STREAM, 82));
	host_ports_hold(*state, NULL, 0, NULL);
	assert_true(is_free(SOCK_STREAM, 81));
}

static void a_port_in_use_is_told_with_its_program(void **state)
{
	const struct host_forward forwards[] = {{false, 90, 92}};
	int fd = bound(SOCK_STREAM, 91);
	char wanted[160];
	struct err e = {0};

	listen(fd, 1);
	snprintf(wanted, sizeof(wanted),
		 "TCP port 91 of the host is in use by test_host_ports (pid %d); stop that, or "
		 "forward another port",
		 getpid());

	assert_int_equal(host_ports_hold(*state, forwards, 1, &e), -EADDRINUSE);
	/* The kernel cuts names at 15 bytes. */
	assert_string_equal(e.text, wanted);
	close(fd);
}

static void a_refusal_leaves_everything_as_it_was(void **state)
{
	const struct host_forward before[] = {{true, 70, 70}}, after[] = {{true, 71, 73}};
	int fd = bound(SOCK_DGRAM, 73);

	host_ports_hold(*state, before, 1, NULL);
	assert_int_equal(host_ports_hold(*state, after, 1, NULL), -EADDRINUSE);

	assert_false(is_free(SOCK_DGRAM, 70));
	assert_true(is_free(SOCK_DGRAM, 71));
	close(fd);
}

static void trying_holds_nothing(void **state)
{
	const struct host_forward f = {false, 60, 61};
	int fd;

	assert_int_equal(host_ports_try(*state, &f, NULL), 0);
	assert_true(is_free(SOCK_STREAM, 60));

	fd = bound(SOCK_STREAM, 61);
	listen(fd, 1);
	assert_int_equal(host_ports_try(*state, &f, NULL), -EADDRINUSE);
	close(fd);
}

static void ports_that_are_held_can_be_tried(void **state)
{
	const struct host_forward f = {false, 60, 60};

	host_ports_hold(*state, &f, 1, NULL);

	assert_int_equal(host_ports_try(*state, &f, NULL), 0);
	assert_false(is_free(SOCK_STREAM, 60));
}

static void large_ranges_are_tried_and_held_in_part(void **state)
{
	const struct host_forward f = {false, 10000, 20000};

	assert_int_equal(host_ports_hold(*state, &f, 1, NULL), 0);

	assert_false(is_free(SOCK_STREAM, 10000));
	assert_false(is_free(SOCK_STREAM, 10000 + HOST_PORTS_HELD_MAX - 1));
	assert_true(is_free(SOCK_STREAM, 20000));
}

#define WITH_PORTS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PORTS(held_ports_are_had_by_nobody_else),
		WITH_PORTS(ports_that_are_not_forwarded_any_more_are_free),
		WITH_PORTS(a_port_in_use_is_told_with_its_program),
		WITH_PORTS(a_refusal_leaves_everything_as_it_was),
		WITH_PORTS(trying_holds_nothing),
		WITH_PORTS(ports_that_are_held_can_be_tried),
		WITH_PORTS(large_ranges_are_tried_and_held_in_part),
	};

	if (unshare(CLONE_NEWNET) < 0) {
		perror("unshare: run tests as root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
