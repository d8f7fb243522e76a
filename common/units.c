/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{"", 1},	   {"B", 1},
	{"K", 1ull << 10}, {"KiB", 1ull << 10},
	{"M", 1ull << 20}, {"MiB", 1ull << 20},
	{"G", 1ull << 30}, {"GiB", 1ull << 30},
	{"T", 1ull << 40}, {"TiB", 1ull << 40},
};

static const struct unit duration_units[] = {
	{"ns", 1},	   {"us", 1000},       {"ms", 1000000},
	{"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000},
};

static const struct unit rate_units[] = {
	{"bps", 1},	      {"Kbps", 1000},	       {"Mbps", 1000000},
	{"Gbps", 1000000000}, {"Tbps", 1000000000000},
};

static int parse(const char *text, const struct unit *units, size_t n, uint64_t *out)
{
	unsigned long long v;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		return __builtin_mul_overflow(v, units[i].factor, out) ? -ERANGE : 0;
	}
	return -EINVAL;
}

int units_parse_size(const char *text, uint64_t *bytes)
{
	return parse(text, size_units, ARRAY_SIZE(size_units), bytes);
}

int units_parse_duration(const char *text, uint64_t *ns)
{
	return parse(text, duration_units, ARRAY_SIZE(duration_units), ns);
}

int units_parse_rate(const char *text, uint64_t *bits_ps)
{
	return parse(text, rate_units, ARRAY_SIZE(rate_units), bits_ps);
}

char *units_format_rate(uint64_t bits_ps, char *text, size_t size)
{
	size_t i = ARRAY_SIZE(rate_units) - 1;

	while (i > 0 && (bits_ps == 0 || bits_ps % rate_units[i].factor != 0))
		i--;
	snprintf(text, size, "%" PRIu64 "%s", bits_ps / rate_units[i].factor, rate_units[i].name);
	return text;
}

char *units_format_size(uint64_t bytes, char *text, size_t size)
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned i = 0;
	double v = (double)bytes;

	while (v >= 1024 && i + 1 < ARRAY_SIZE(names)) {
		v /= 1024;
		i++;
	}
	if (v == (double)(uint64_t)v)
		snprintf(text, size, "%" PRIu64 " %s", (uint64_t)v, names[i]);
	else
		snprintf(text, size, "%.1f %s", v, names[i]);
	return text;
}

char *units_format_duration(uint64_t ns, char *text, size_t size)
{
	size_t i = ARRAY_SIZE(duration_units) - 1;

	while (i > 0 && (ns == 0 || ns % duration_units[i].factor != 0))
		i--;
	snprintf(text, size, "%" PRIu64 "%s", ns / duration_units[i].factor,
		 duration_units[i].name);
	return text;
}
