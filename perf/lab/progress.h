/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_PROGRESS_H
#define PERF_LAB_PROGRESS_H

/* What goes on, on stderr: one line that rewrites itself on a terminal, plain lines elsewhere. */

#include <stdbool.h>

#include "common/util.h"

struct progress {
	bool terminal;
	bool open;	 /* the terminal's line has text on it */
	char prefix[96]; /* "[12/40] " */
	char eta[32];	 /* "ETA 2m10s" or "" */
};

void progress_init(struct progress *p);

/* Step `k` of `n`; `left_s` seconds are left, less than 0: unknown. Shown with the next line. */
void progress_step(struct progress *p, unsigned k, unsigned n, double left_s);

/* Shows a state that the next one replaces. */
void progress_show(struct progress *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Shows a line that stays. */
void progress_keep(struct progress *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Ends the rewriting line. */
void progress_end(struct progress *p);

#endif
