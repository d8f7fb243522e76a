/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>

#include "common/units.h"

static void sizes_are_in_powers_of_1024(void **state)
{
	uint64_t v;

	assert_int_equal(units_parse_size("512M", &v), 0);
	assert_int_equal(v, 512ull << 20);
	assert_int_equal(units_parse_size("2GiB", &v), 0);
	assert_int_equal(v, 2ull << 30);
	assert_int_equal(units_parse_size("4096", &v), 0);
	assert_int_equal(v, 4096);
}

static void sizes_refuse_what_is_not_a_size(void **state)
{
	static const char *const bad[] = {"", "M", "-1M", "12X", "1.5G", " 1", "1 G", "0x10"};
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(units_parse_size(bad[i], &v), -EINVAL);
	assert_int_equal(units_parse_size("99999999999999999999", &v), -ERANGE);
	assert_int_equal(units_parse_size("18446744073709551615K", &v), -ERANGE);
}

static void durations_carry_a_unit(void **state)
{
	uint64_t v;

	assert_int_equal(units_parse_duration("50us", &v), 0);
	assert_int_equal(v, 50000);
	assert_int_equal(units_parse_duration("5m", &v), 0);
	assert_int_equal(v, 300000000000);
	assert_int_equal(units_parse_duration("5", &v), -EINVAL);
	assert_int_equal(units_parse_duration("5 s", &v), -EINVAL);
}

static void durations_format_to_what_parses_back(void **state)
{
	static const char *const texts[] = {"0ns", "1ns", "50us", "90s", "5m", "2h"};
	char buf[32];
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(units_parse_duration(texts[i], &v), 0);
		assert_string_equal(units_format_duration(v, buf, sizeof(buf)), texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_in_powers_of_1024),
		cmocka_unit_test(sizes_refuse_what_is_not_a_size),
		cmocka_unit_test(durations_carry_a_unit),
		cmocka_unit_test(durations_format_to_what_parses_back),
	};

	return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
