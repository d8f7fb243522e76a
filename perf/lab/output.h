/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_OUTPUT_H
#define PERF_LAB_OUTPUT_H

#include <stddef.h>

/* What a command left behind, wherever it ran. */
struct output {
	char *text; /* stdout, NUL-terminated; never NULL after a call that returned 0 */
	size_t len;
	char error[512]; /* the end of stderr */
	int status;	 /* exit status, or 128 + signal */
};

void output_append(struct output *out, const void *data, size_t len);
/* Keeps the newest bytes. */
void output_append_error(struct output *out, const char *data, size_t len);
void output_fini(struct output *out);

#endif
