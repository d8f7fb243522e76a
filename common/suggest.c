/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/suggest.h"

#include <string.h>

#include "common/util.h"

/* Row i of the edit matrix holds the distances of the first i letters of `a` to prefixes of `b`. */
static unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][SUGGEST_WORD_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *row = rows[i % 3], *up = rows[(i - 1) % 3], *up2 = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned d = up[j - 1] + (a[i - 1] != b[j - 1]);

			d = MIN_OF(d, MIN_OF(up[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d = MIN_OF(d, up2[j - 2] + 1);
			row[j] = d;
		}
	}
	return rows[a_len % 3][b_len];
}

void suggest_init(struct suggest *s, const char *word)
{
	unsigned len = (unsigned)strlen(word);

	*s = (struct suggest){.word = word, .distance = len < 2 ? 1 : MAX_OF(len / 3, 1u) + 1};
}

void suggest_offer(struct suggest *s, const char *candidate)
{
	size_t a_len = strlen(s->word), b_len = strlen(candidate);
	unsigned d;

	if (a_len > SUGGEST_WORD_MAX || b_len > SUGGEST_WORD_MAX)
		return;
	d = edit_distance(s->word, a_len, candidate, b_len);
	if (d < s->distance) {
		s->best = candidate;
		s->distance = d;
	}
}
