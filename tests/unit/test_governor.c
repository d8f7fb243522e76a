/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "daemon/governor.h"

#define TICK_NS (GOVERNOR_TICK_MS * NS_PER_MS)

/* A tick in which this part of one processor was idle. */
static bool tick(struct governor *g, double idle, bool worked)
{
	struct governor_sample s = {
		.wall_ns = TICK_NS, .idle_ns = (uint64_t)(idle * TICK_NS), .worked = worked};

	return governor_tick(g, &s);
}

/* Ticks that pass until the governor looks again, from a tick that makes it spin. */
static unsigned spins(struct governor *g, double idle)
{
	unsigned n = 0;

	while (tick(g, idle, true) && n < 1000)
		n++;
	return n;
}

static void workers_poll_long_where_a_processor_is_idle(void **state)
{
	struct governor g = {0};

	assert_true(tick(&g, 0.8, true));
}

static void workers_sleep_soon_where_guests_need_the_processors(void **state)
{
	struct governor g = {0};

	for (unsigned i = 0; i < 50; i++)
		assert_false(tick(&g, 0.2, true));
}

static void a_silent_network_is_not_polled(void **state)
{
	struct governor g = {0};

	assert_true(tick(&g, 1.9, true));
	assert_false(tick(&g, 1.9, false));
}

static void a_steady_load_is_looked_at_ever_more_seldom(void **state)
{
	struct governor g = {0};

	assert_int_equal(spins(&g, 0.8), 1);
	assert_int_equal(spins(&g, 0.8), 4);
	assert_int_equal(spins(&g, 0.8), 16);
	for (unsigned i = 0; i < 10; i++)
		spins(&g, 0.8);
	assert_int_equal(spins(&g, 0.8), 32);
}

static void guests_that_begin_to_compute_get_the_processor_at_the_next_look(void **state)
{
	struct governor g = {0};

	for (unsigned i = 0; i < 10; i++)
		spins(&g, 0.8);
	while (tick(&g, 0.0, true))
		;

	assert_false(tick(&g, 0.1, true));
	assert_false(tick(&g, 0.1, true));
	assert_int_equal(spins(&g, 0.8), 1);
}

static void idle_time_is_read_from_proc_stat(void **state)
{
	char path[] = "/tmp/weft-stat.XXXXXX";
	int fd = mkstemp(path);
	uint64_t idle_ns = 0;

	unlink(path);
	assert_true(dprintf(fd, "cpu  1 2 3 400 50 6 7 8 0 0\ncpu0 1 2 3 400 50 6 7 8 0 0\n") > 0);

	assert_int_equal(governor_read_idle(fd, &idle_ns), 0);

	assert_int_equal(idle_ns, 450 * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK)));
	close(fd);
}

static void a_file_that_is_not_proc_stat_is_refused(void **state)
{
	int fd = open("/dev/null", O_RDONLY);
	uint64_t idle_ns;

	assert_true(governor_read_idle(fd, &idle_ns) < 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_poll_long_where_a_processor_is_idle),
		cmocka_unit_test(workers_sleep_soon_where_guests_need_the_processors),
		cmocka_unit_test(a_silent_network_is_not_polled),
		cmocka_unit_test(a_steady_load_is_looked_at_ever_more_seldom),
		cmocka_unit_test(guests_that_begin_to_compute_get_the_processor_at_the_next_look),
		cmocka_unit_test(idle_time_is_read_from_proc_stat),
		cmocka_unit_test(a_file_that_is_not_proc_stat_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
