/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_GUEST_H
#define PERF_LAB_GUEST_H

/* weftd's guests as the lab sees them: what guest/list says, and commands run inside. */

#include <jansson.h>

#include "common/rpc.h"
#include "perf/lab/output.h"

/*
 * Runs `argv` (ended by NULL) in `guest`, until `timeout_ms` or an interrupt.
 * Returns 0 when it ran, whatever its status; the output is the caller's to give to
 * output_fini. -ETIMEDOUT, -EINTR, ... with `e` otherwise.
 */
int guest_run(struct rpc *rpc, const char *guest, const char *const *argv, unsigned timeout_ms,
	      struct output *out, struct err *e);

/* The entry of guest/list (an array) for `name`, borrowed; NULL when there is none. */
const json_t *guest_entry(const json_t *list, const char *name);

/* The guest's first address without its prefix length, into `buf`. Returns 0 or -ENOENT. */
int guest_address(const json_t *entry, char *buf, size_t size);

#endif
