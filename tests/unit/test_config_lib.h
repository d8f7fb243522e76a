/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_UNIT_TEST_CONFIG_LIB_H
#define TESTS_UNIT_TEST_CONFIG_LIB_H

/* What the tests of the configuration say again and again. */

#include "config/config.h"
#include "tests/lib/test.h"

/* Parses and checks `text`, which must be without errors. Free with config_free. */
struct config *config_of(const char *text);

/* What is printed about `text`, read as a file named f.yaml; "" when nothing. Free. */
char *complaints_of(const char *text);

/* Complaints about each text are exactly these. */
struct complaint_case {
	const char *text;
	const char *said;
};
void assert_complaints(const struct complaint_case *cases, size_t n);

/* The text that config_print makes. Free. */
char *text_of(const struct config *c, bool effective);

/* Both trees are the same, derived values and their marks included. */
void assert_same_config(const struct config *a, const struct config *b);

/* The whole file at `path` (from the top of the source tree), ended by a NUL. Free. */
char *file_text(const char *path);

#endif
