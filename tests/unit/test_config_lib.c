/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

#include <stdlib.h>
#include <string.h>

static struct config_errors errs;

struct config *config_of(const char *text)
{
	struct config *c = config_parse_checked(text, strlen(text), "f.yaml", false, &errs);

	if (!c)
		config_errors_print(&errs, "f.yaml", text, strlen(text), stderr);
	assert_non_null(c);
	return c;
}

char *complaints_of(const char *text)
{
	struct config *c = config_parse_checked(text, strlen(text), "f.yaml", true, &errs);
	char *said;
	size_t len;
	FILE *out = open_memstream(&said, &len);

	assert_int_equal(c == NULL, errs.n_errors > 0);
	config_errors_print(&errs, "f.yaml", text, strlen(text), out);
	fclose(out);
	config_free(c);
	return said;
}

void assert_complaints(const struct complaint_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *said = complaints_of(cases[i].text);

		assert_string_equal(said, cases[i].said);
		free(said);
	}
}

char *text_of(const struct config *c, bool effective)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	config_print(c, effective, out);
	fclose(out);
	return text;
}

void assert_same_config(const struct config *a, const struct config *b)
{
	char *ta = text_of(a, true), *tb = text_of(b, true);

	assert_string_equal(ta, tb);
	free(ta);
	free(tb);
}

char *file_text(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = calloc(1, 1 << 20);

	assert_non_null(in);
	assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
	fclose(in);
	return text;
}
