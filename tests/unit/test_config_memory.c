/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every allocation of this program's own code fails once, in turn, by the linker's --wrap. What
 * must come out is an error and, under ASan, no leak.
 */
#include "tests/unit/test_config_lib.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/diff.h"
#include "config/edit.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static unsigned fail_at, n_allocations;

static bool fails(void)
{
	errno = ENOMEM;
	return ++n_allocations == fail_at;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

static void fail_allocation(unsigned n)
{
	fail_at = n;
	n_allocations = 0;
}

static bool has_failed(void)
{
	bool failed = fail_at && n_allocations >= fail_at;

	fail_at = 0;
	return failed;
}

/* A text whose tree needs several blocks of the arenas, in each of the passes. */
static char *large_text(void)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs("version: 1\nbridges:\n  lan:\n    address: 10.0.0.1/16\n    static:\n", out);
	for (int i = 0; i < 100; i++)
		fprintf(out, "      52:54:00:00:00:%02x: p%d\n", i, i);
	fputs("ports:\n", out);
	for (int i = 0; i < 100; i++)
		fprintf(out, "  p%d: {bridge: lan}\n", i);
	fputs("guests:\n", out);
	for (int i = 0; i < 30; i++)
		fprintf(out, "  g%d: {disks: [{path: /d%d}], nics: [{bridge: lan}]}\n", i, i);
	fclose(out);
	return text;
}

static void parsing_survives_every_failed_allocation(void **state)
{
	char *text = large_text();
	static struct config_errors errs;
	unsigned n = 0;
	bool failed;

	do {
		struct config *c;

		fail_allocation(++n);
		c = config_parse_checked(text, strlen(text), "f", false, &errs);
		failed = has_failed();
		assert_int_equal(c == NULL, failed);
		if (failed)
			assert_string_equal(errs.list[0].text, "out of memory");
		config_free(c);
	} while (failed);

	assert_true(n > 20);
	free(text);
}

static void comparing_survives_every_failed_allocation(void **state)
{
	char *text = large_text();
	struct config *c = config_of(text);
	struct config_diff d;
	unsigned n = 0;
	bool failed;

	do {
		int ret;

		fail_allocation(++n);
		ret = config_diff(NULL, c, &d);
		failed = has_failed();
		assert_int_equal(ret, failed ? -ENOMEM : 0);
		config_diff_fini(&d);
	} while (failed);

	assert_true(n > 5);
	config_free(c);
	free(text);
}

static void editing_survives_every_failed_allocation(void **state)
{
	static const char *const fields[] = {"vcpus=2", "nics[1].tap.name=t", "disks=[{path: /x}]"};
	char *text = large_text();
	struct config *c = config_of(text);
	unsigned n = 0;
	bool failed;

	do {
		struct err e = {""};
		struct config *edited;

		fail_allocation(++n);
		edited = config_set(c, "guest", "g7", fields, ARRAY_SIZE(fields), &e);
		failed = has_failed();
		assert_int_equal(edited == NULL, failed);
		if (failed)
			assert_non_null(strstr(e.text, "out of memory; free some memory"));
		config_free(edited);
	} while (failed);

	assert_true(n > 20);
	config_free(c);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing_survives_every_failed_allocation),
		cmocka_unit_test(comparing_survives_every_failed_allocation),
		cmocka_unit_test(editing_survives_every_failed_allocation),
	};

	return cmocka_run_group_tests_name("config_memory", tests, NULL, NULL);
}
