/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_SUGGEST_H
#define COMMON_SUGGEST_H

/*
 * "Did you mean": the candidate nearest to a mistyped word, by the number of letters inserted,
 * deleted, replaced or swapped with their neighbour, if it is near enough to be a typing error.
 */

#define SUGGEST_WORD_MAX 64 /* longer words get no suggestion */

struct suggest {
	const char *word;
	const char *best; /* borrowed from the candidates; NULL: nothing is near */
	unsigned distance;
};

/* Begins a search; `word` is borrowed until its end. */
void suggest_init(struct suggest *s, const char *word);
void suggest_offer(struct suggest *s, const char *candidate);

#endif
