/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <string.h>

#include "common/suggest.h"

static const char *best_for(const char *word)
{
	static const char *const candidates[] = {"bridge", "vhost-user", "mac", "mtu", "nics"};
	struct suggest s;

	suggest_init(&s, word);
	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++)
		suggest_offer(&s, candidates[i]);
	return s.best;
}

static void a_typing_error_finds_its_word(void **state)
{
	assert_string_equal(best_for("brdige"), "bridge");
	assert_string_equal(best_for("bridges"), "bridge");
	assert_string_equal(best_for("brigde"), "bridge");
	assert_string_equal(best_for("vhostuser"), "vhost-user");
	assert_string_equal(best_for("mca"), "mac");
	assert_string_equal(best_for("nic"), "nics");
}

static void another_word_finds_nothing(void **state)
{
	char endless[200];

	memset(endless, 'b', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';

	assert_null(best_for("colour"));
	assert_null(best_for("x"));
	assert_null(best_for(""));
	assert_null(best_for(endless));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_typing_error_finds_its_word),
		cmocka_unit_test(another_word_finds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
