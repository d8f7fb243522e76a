/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/kvm_probe.h"

static struct kvm_probe decide(struct kvm_sample s)
{
	struct kvm_probe p;

	kvm_probe_decide(&s, &p);
	return p;
}

static void a_loop_at_hardware_speed_makes_kvm_usable(void **state)
{
	struct kvm_probe p = decide((struct kvm_sample){KVM_STEP_DONE, 0, 200000, 50000, false});

	assert_true(p.usable);
	assert_string_equal(p.reason,
			    "kernel code runs at hardware speed (4000 million instructions/s)");
}

static void an_emulated_loop_makes_kvm_unusable(void **state)
{
	struct kvm_probe p =
		decide((struct kvm_sample){KVM_STEP_DONE, 0, 200000, 140 * NS_PER_MS, false});

	assert_false(p.usable);
	assert_non_null(strstr(p.reason, "emulated at 1.4 million instructions/s"));
}

static void a_loop_that_does_not_end_makes_kvm_unusable(void **state)
{
	struct kvm_probe p =
		decide((struct kvm_sample){KVM_STEP_RUN, 0, 200000, 250 * NS_PER_MS, true});

	assert_false(p.usable);
	assert_non_null(strstr(p.reason, "less than 0.8 million"));
}

static void a_missing_device_says_what_to_load(void **state)
{
	struct kvm_probe p = decide((struct kvm_sample){.step = KVM_STEP_OPEN, .error = ENOENT});

	assert_false(p.usable);
	assert_non_null(strstr(p.reason, "load kvm_intel or kvm_amd"));
}

static void an_unexpected_exit_makes_kvm_unusable(void **state)
{
	struct kvm_probe p = decide((struct kvm_sample){.step = KVM_STEP_RUN, .error = 17});

	assert_false(p.usable);
	assert_non_null(strstr(p.reason, "exit reason 17"));
}

static void the_probe_of_this_host_ends_in_time_with_a_reason(void **state)
{
	struct kvm_probe p;
	uint64_t start_ms = clock_now_ms();

	kvm_probe_run(NULL, &p);

	assert_true(clock_now_ms() - start_ms < 4000);
	assert_true(strlen(p.reason) > 0);
}

static void the_probe_of_a_device_that_is_no_kvm_is_a_no(void **state)
{
	struct kvm_probe p;

	kvm_probe_run("/dev/null", &p);

	assert_false(p.usable);
	assert_non_null(strstr(p.reason, "refuses"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loop_at_hardware_speed_makes_kvm_usable),
		cmocka_unit_test(an_emulated_loop_makes_kvm_unusable),
		cmocka_unit_test(a_loop_that_does_not_end_makes_kvm_unusable),
		cmocka_unit_test(a_missing_device_says_what_to_load),
		cmocka_unit_test(an_unexpected_exit_makes_kvm_unusable),
		cmocka_unit_test(the_probe_of_this_host_ends_in_time_with_a_reason),
		cmocka_unit_test(the_probe_of_a_device_that_is_no_kvm_is_a_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
