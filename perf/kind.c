/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/kind.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/util.h"

static const struct kind_traits kinds[] = {
	[KIND_TCP_STREAM] = {.name = "TCP_STREAM"},
	[KIND_TCP_MAERTS] = {.name = "TCP_MAERTS", .reverse = true},
	[KIND_TCP_RR] = {.name = "TCP_RR", .transactions = true},
	[KIND_TCP_CRR] = {.name = "TCP_CRR", .transactions = true, .connects = true},
	[KIND_UDP_STREAM] = {.name = "UDP_STREAM", .udp = true},
	[KIND_UDP_RR] = {.name = "UDP_RR", .udp = true, .transactions = true},
};
static_assert(ARRAY_SIZE(kinds) == KIND_N, "every test has its traits");

#define NAMES	  "TCP_STREAM, TCP_MAERTS, TCP_RR, TCP_CRR, UDP_STREAM, UDP_RR"
#define NAME_ROOM 16

const struct kind_traits *kind_traits(enum kind kind)
{
	return &kinds[kind];
}

bool kind_client_sends(enum kind kind)
{
	return kinds[kind].transactions || !kinds[kind].reverse;
}

bool kind_server_sends(enum kind kind)
{
	return kinds[kind].transactions || kinds[kind].reverse;
}

/* Levenshtein's distance, letters compared in upper case. Both texts are shorter than NAME_ROOM. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[NAME_ROOM + 1];
	size_t len = strlen(b);

	for (unsigned j = 0; j <= len; j++)
		row[j] = j;
	for (unsigned i = 1; *a; a++, i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			unsigned change = diagonal + (toupper((unsigned char)*a) != b[j - 1]);

			diagonal = row[j];
			row[j] = MIN_OF(change, MIN_OF(diagonal, row[j - 1]) + 1);
		}
	}
	return row[len];
}

static const char *nearest(const char *name)
{
	unsigned best = 4;
	const char *found = NULL;

	if (strlen(name) >= NAME_ROOM)
		return NULL;
	for (size_t i = 0; i < KIND_N; i++) {
		unsigned d = distance(name, kinds[i].name);

		if (d < best) {
			best = d;
			found = kinds[i].name;
		}
	}
	return found;
}

int kind_parse(const char *name, enum kind *kind, struct err *e)
{
	const char *near;

	for (size_t i = 0; i < KIND_N; i++) {
		if (strcasecmp(name, kinds[i].name) == 0) {
			*kind = (enum kind)i;
			return 0;
		}
	}
	near = nearest(name);
	if (near)
		return err_set(e, EINVAL, "unknown test '%.40s': did you mean %s?", name, near);
	return err_set(e, EINVAL, "unknown test '%.40s': choose one of " NAMES, name);
}
