/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/pick.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define SKEW_MAX 10.0

static const char *const kind_names[] = {
	[PICK_RANDOM] = "random",
	[PICK_ZIPF] = "zipf",
	[PICK_ROUND_ROBIN] = "round-robin",
};
static_assert(ARRAY_SIZE(kind_names) == PICK_KIND_N, "every kind has a name");

int pick_parse(const char *text, struct pick_options *o, struct err *e)
{
	char *end;

	*o = (struct pick_options){PICK_RANDOM, 1};
	for (unsigned i = 0; i < PICK_KIND_N; i++)
		if (!strcmp(text, kind_names[i])) {
			o->kind = i;
			return 0;
		}
	if (!strncmp(text, "zipf:", 5)) {
		o->kind = PICK_ZIPF;
		o->skew = strtod(text + 5, &end);
		if (end != text + 5 && !*end && o->skew > 0 && o->skew <= SKEW_MAX)
			return 0;
	}
	return err_set(e, EINVAL,
		       "distribution '%s': give random, round-robin, zipf or zipf:SKEW "
		       "with a skew up to 10",
		       text);
}

char *pick_format(const struct pick_options *o, char *text, size_t size)
{
	if (o->kind == PICK_ZIPF)
		snprintf(text, size, "zipf:%g", o->skew);
	else
		snprintf(text, size, "%s", kind_names[o->kind]);
	return text;
}

/* Shares in units of the mean: what is below 1 is filled up by one that is above. */
static void fill_aliases(struct pick_alias *table, double *share, unsigned *order, unsigned n)
{
	unsigned n_small = 0, first_large = n;

	for (unsigned i = 0; i < n; i++)
		order[share[i] < 1 ? n_small++ : --first_large] = i;
	while (n_small && first_large < n) {
		unsigned small = order[--n_small], large = order[first_large];

		table[small] = (struct pick_alias){(uint32_t)(share[small] * 0x1p32), large};
		share[large] -= 1 - share[small];
		if (share[large] < 1) {
			first_large++;
			order[n_small++] = large;
		}
	}
	/* What rounding left over is whole. */
	for (unsigned i = 0; i < n; i++)
		if (i < n_small || i >= first_large)
			table[order[i]] = (struct pick_alias){UINT32_MAX, order[i]};
}

static struct pick_alias *zipf_table(unsigned n, double skew)
{
	struct pick_alias *table = calloc(n, sizeof(*table));
	double *share = calloc(n, sizeof(*share)), sum = 0;
	unsigned *order = calloc(n, sizeof(*order));

	if (table && share && order) {
		for (unsigned i = 0; i < n; i++)
			sum += share[i] = pow(i + 1.0, -skew);
		for (unsigned i = 0; i < n; i++)
			share[i] *= n / sum;
		fill_aliases(table, share, order, n);
	} else {
		free(table);
		table = NULL;
	}
	free(share);
	free(order);
	return table;
}

int pick_init(struct pick *p, const struct pick_options *o, const unsigned n[PICK_DIMENSIONS],
	      uint64_t seed, struct err *e)
{
	*p = (struct pick){.kind = o->kind, .random = seed ? seed : 1};
	memcpy(p->n, n, sizeof(p->n));
	for (unsigned d = 0; o->kind == PICK_ZIPF && d < PICK_DIMENSIONS; d++) {
		if (n[d] < 2)
			continue;
		p->tables[d] = zipf_table(n[d], o->skew);
		if (!p->tables[d])
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

void pick_fini(struct pick *p)
{
	for (unsigned d = 0; d < PICK_DIMENSIONS; d++)
		free(p->tables[d]);
	*p = (struct pick){0};
}
