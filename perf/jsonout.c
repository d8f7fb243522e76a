/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/jsonout.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void jsonout_init(struct jsonout *j, FILE *file)
{
	memset(j, 0, sizeof(*j));
	j->file = file;
}

static void write_text(struct jsonout *j, const char *text)
{
	fputc('"', j->file);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(j->file, "\\%c", c);
		else if (c < ' ')
			fprintf(j->file, "\\u%04x", c);
		else
			fputc(c, j->file);
	}
	fputc('"', j->file);
}

static void begin_value(struct jsonout *j, const char *key)
{
	if (j->filled[j->depth])
		fputc(',', j->file);
	j->filled[j->depth] = true;
	if (!key)
		return;
	write_text(j, key);
	fputc(':', j->file);
}

static void open_level(struct jsonout *j, const char *key, const char brackets[2])
{
	begin_value(j, key);
	fputc(brackets[0], j->file);
	j->depth++;
	j->filled[j->depth] = false;
	j->close[j->depth] = brackets[1];
}

void jsonout_object(struct jsonout *j, const char *key)
{
	open_level(j, key, "{}");
}

void jsonout_array(struct jsonout *j, const char *key)
{
	open_level(j, key, "[]");
}

void jsonout_end(struct jsonout *j)
{
	fputc(j->close[j->depth--], j->file);
	if (j->depth == 0)
		fputc('\n', j->file);
}

void jsonout_text(struct jsonout *j, const char *key, const char *value)
{
	begin_value(j, key);
	if (value)
		write_text(j, value);
	else
		fputs("null", j->file);
}

void jsonout_integer(struct jsonout *j, const char *key, uint64_t value)
{
	begin_value(j, key);
	fprintf(j->file, "%" PRIu64, value);
}

void jsonout_number(struct jsonout *j, const char *key, double value)
{
	begin_value(j, key);
	if (isfinite(value))
		fprintf(j->file, "%.15g", value);
	else
		fputs("null", j->file);
}

void jsonout_bool(struct jsonout *j, const char *key, bool value)
{
	begin_value(j, key);
	fputs(value ? "true" : "false", j->file);
}

void jsonout_null(struct jsonout *j, const char *key)
{
	jsonout_text(j, key, NULL);
}
