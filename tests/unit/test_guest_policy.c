/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <signal.h>

#include "daemon/guest_policy.h"

static char text[256];

static struct guest_end ended(enum guest_shutdown shutdown, int status)
{
	return (struct guest_end){.shutdown = shutdown,
				  .status_known = true,
				  .status = status,
				  .panic = "",
				  .last_log = ""};
}

static enum guest_outcome describe(const struct guest_end *end)
{
	return guest_end_describe(end, text, sizeof(text));
}

static void a_guest_that_powers_off_has_not_failed(void **state)
{
	struct guest_end end = ended(guest_shutdown_parse("guest-shutdown"), 0);

	assert_int_equal(describe(&end), GUEST_OUTCOME_OFF);
	assert_string_equal(text, "guest switched itself off");
}

static void a_reset_without_a_panic_is_a_reboot(void **state)
{
	struct guest_end end = ended(guest_shutdown_parse("guest-reset"), 0);

	assert_int_equal(describe(&end), GUEST_OUTCOME_REBOOT);
	assert_string_equal(text, "guest rebooted");
}

static void a_reset_after_a_panic_tells_the_panic(void **state)
{
	struct guest_end end = ended(guest_shutdown_parse("guest-reset"), 0);

	end.panic = "not syncing: VFS: Unable to mount root\x1b[0m";

	assert_int_equal(describe(&end), GUEST_OUTCOME_FAILED);
	assert_string_equal(text, "guest panicked: not syncing: VFS: Unable to mount root?[0m");
}

static void a_qemu_that_fails_is_quoted(void **state)
{
	struct guest_end end = ended(GUEST_SHUTDOWN_NONE, 1 << 8);

	end.last_log = "qemu: could not load kernel";

	assert_int_equal(describe(&end), GUEST_OUTCOME_FAILED);
	assert_string_equal(text, "QEMU exited with status 1: qemu: could not load kernel");
}

static void a_killed_qemu_names_the_signal(void **state)
{
	struct guest_end end = ended(GUEST_SHUTDOWN_NONE, SIGKILL);

	assert_int_equal(describe(&end), GUEST_OUTCOME_FAILED);
	assert_string_equal(text, "QEMU was killed by SIGKILL");
}

static void what_we_stop_is_stopped_whatever_its_status(void **state)
{
	struct guest_end end = ended(GUEST_SHUTDOWN_NONE, SIGKILL);

	end.requested = end.killed = true;

	assert_int_equal(describe(&end), GUEST_OUTCOME_STOPPED);
	assert_string_equal(text, "stopped by force, it did not answer");
}

static void an_adopted_process_may_end_without_a_status(void **state)
{
	struct guest_end end = ended(GUEST_SHUTDOWN_NONE, 0);

	end.status_known = false;

	assert_int_equal(describe(&end), GUEST_OUTCOME_FAILED);
}

static void restarts_follow_the_policy(void **state)
{
	static const bool wanted[RESTART_N][GUEST_OUTCOME_N] = {
		[RESTART_ON_FAILURE] =
			{[GUEST_OUTCOME_REBOOT] = true, [GUEST_OUTCOME_FAILED] = true},
		[RESTART_ALWAYS] = {[GUEST_OUTCOME_OFF] = true,
				    [GUEST_OUTCOME_REBOOT] = true,
				    [GUEST_OUTCOME_FAILED] = true},
	};

	for (int policy = 0; policy < RESTART_N; policy++) {
		for (int outcome = 0; outcome < GUEST_OUTCOME_N; outcome++) {
			uint64_t delay_ms;
			unsigned row = 0;

			assert_int_equal(guest_restarts(policy, outcome, 0, &row, &delay_ms),
					 wanted[policy][outcome]);
		}
	}
}

static void backoff_doubles_to_its_limit_and_health_resets_it(void **state)
{
	static const uint64_t expected_ms[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
	uint64_t delay_ms;
	unsigned row = 0;

	for (size_t i = 0; i < ARRAY_SIZE(expected_ms); i++) {
		assert_true(
			guest_restarts(RESTART_ALWAYS, GUEST_OUTCOME_FAILED, 100, &row, &delay_ms));
		assert_int_equal(delay_ms, expected_ms[i]);
	}

	guest_restarts(RESTART_ALWAYS, GUEST_OUTCOME_FAILED, GUEST_HEALTHY_MS, &row, &delay_ms);
	assert_int_equal(delay_ms, GUEST_BACKOFF_FIRST_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_that_powers_off_has_not_failed),
		cmocka_unit_test(a_reset_without_a_panic_is_a_reboot),
		cmocka_unit_test(a_reset_after_a_panic_tells_the_panic),
		cmocka_unit_test(a_qemu_that_fails_is_quoted),
		cmocka_unit_test(a_killed_qemu_names_the_signal),
		cmocka_unit_test(what_we_stop_is_stopped_whatever_its_status),
		cmocka_unit_test(an_adopted_process_may_end_without_a_status),
		cmocka_unit_test(restarts_follow_the_policy),
		cmocka_unit_test(backoff_doubles_to_its_limit_and_health_resets_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
