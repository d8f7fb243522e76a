/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/arena.h"
#include "config/keypath.h"
#include "config/symtab.h"
#include "config/utf8.h"

static void utf8_is_read_by_characters(void **state)
{
	const char *text = "a\u00fc\u20ac\U0001f600";

	assert_int_equal(utf8_next(&text), 'a');
	assert_int_equal(utf8_next(&text), 0xfc);
	assert_int_equal(utf8_next(&text), 0x20ac);
	assert_int_equal(utf8_next(&text), 0x1f600);
	assert_string_equal(text, "");
}

static void what_is_not_utf8_is_one_bad_byte(void **state)
{
	static const char *const bad[] = {
		"\x80",		"\xc3",		"\xc0\xaf",
		"\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xff",		"\xe2\x82",	"\xf0\x9f\x98",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *text = bad[i];

		assert_int_equal(utf8_next(&text), UTF8_BAD);
		assert_ptr_equal(text, bad[i] + 1);
		assert_false(utf8_is_clean(bad[i]));
	}
}

static void an_excerpt_is_cut_between_characters(void **state)
{
	char out[12];

	assert_string_equal(utf8_excerpt("short", out, sizeof(out)), "short");
	assert_string_equal(utf8_excerpt("longer than that", out, sizeof(out)), "longer t...");
	assert_string_equal(utf8_excerpt("1234567\u20ac9", out, sizeof(out)), "1234567...");
	assert_string_equal(utf8_excerpt("a\tb\xff\x1b[", out, sizeof(out)), "a?b??[");
}

static void a_symbol_is_entered_once(void **state)
{
	struct arena *a = arena_create();
	char names[100][8];
	struct symtab t;

	assert_int_equal(symtab_init(&t, a, ARRAY_SIZE(names)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(names[i], sizeof(names[i]), "n%zu", i);
		assert_null(symtab_add(&t, names[i], names[i]));
	}

	assert_ptr_equal(symtab_add(&t, "n7", "other"), names[7]);
	assert_ptr_equal(symtab_lookup(&t, "n99"), names[99]);
	assert_null(symtab_lookup(&t, "n100"));
	arena_destroy(a);
}

static void an_arena_gives_zeroed_memory_of_any_size(void **state)
{
	struct arena *a = arena_create();
	char *small = arena_alloc(a, 3), *large = arena_alloc(a, 100000);

	assert_int_equal(small[0] | small[2] | large[0] | large[99999], 0);
	assert_int_equal((uintptr_t)large % 16, 0);
	assert_non_null(arena_alloc(a, 0));
	assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
	assert_null(arena_array(a, SIZE_MAX / 4, 16));
	assert_int_equal(errno, ENOMEM);
	arena_destroy(a);
}

static void a_key_path_is_taken_step_by_step(void **state)
{
	const char *path = "nics[12].tap.name";
	struct keypath_step step;
	struct err e;

	assert_int_equal(keypath_next(&path, &step, &e), 1);
	assert_string_equal(step.name, "nics");
	assert_int_equal(step.index, 12);
	assert_int_equal(keypath_next(&path, &step, &e), 1);
	assert_string_equal(step.name, "tap");
	assert_int_equal(step.index, -1);
	assert_int_equal(keypath_next(&path, &step, &e), 1);
	assert_int_equal(keypath_next(&path, &step, &e), 0);
}

static void a_malformed_key_path_is_refused(void **state)
{
	static const char *const bad[] = {".a",	  "a.",	 "[0]",	  "a[",	      "a[]",
					  "a[x]", "a[0", "a[0]b", "a[00000]", "a[-1]"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *path = bad[i];
		struct keypath_step step;
		struct err e;

		assert_int_equal(keypath_next(&path, &step, &e), -EINVAL);
		assert_non_null(strstr(e.text, "write it as image.kernel or nics[0].mac"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_read_by_characters),
		cmocka_unit_test(what_is_not_utf8_is_one_bad_byte),
		cmocka_unit_test(an_excerpt_is_cut_between_characters),
		cmocka_unit_test(a_symbol_is_entered_once),
		cmocka_unit_test(an_arena_gives_zeroed_memory_of_any_size),
		cmocka_unit_test(a_key_path_is_taken_step_by_step),
		cmocka_unit_test(a_malformed_key_path_is_refused),
	};

	return cmocka_run_group_tests_name("config_text", tests, NULL, NULL);
}
