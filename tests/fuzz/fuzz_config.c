/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text goes through parser, checks and error printer. What parses must print to text that
 * parses again, without a difference and to the same print; the effective print parses too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config_errors errs;

static char *text_of(const struct config *c, bool effective, size_t *len)
{
	char *text;
	FILE *out = open_memstream(&text, len);

	config_print(c, effective, out);
	fclose(out);
	return text;
}

static void print_errors(const char *text, size_t len)
{
	char *said;
	size_t said_len;
	FILE *out = open_memstream(&said, &said_len);

	config_errors_print(&errs, "f", text, len, out);
	fclose(out);
	free(said);
}

/* Reads printed text back and compares. */
static void check_again(const struct config *c, bool effective)
{
	size_t len, again_len;
	char *text = text_of(c, effective, &len), *again_text;
	struct config *again = config_parse_checked(text, len, "f", false, &errs);
	struct config_diff d;

	if (!again)
		abort();
	if (config_diff(c, again, &d) || d.n)
		abort();
	config_diff_fini(&d);
	again_text = text_of(again, effective, &again_len);
	if (!effective && strcmp(text, again_text) != 0)
		abort();
	free(again_text);
	free(text);
	config_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = config_parse_checked((const char *)data, size, "f", false, &errs);

	print_errors((const char *)data, size);
	if (!c)
		return 0;
	check_again(c, false);
	check_again(c, true);
	config_free(c);
	return 0;
}
