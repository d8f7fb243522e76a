/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_APPLY_H
#define DAEMON_APPLY_H

/*
 * From a configuration to running objects: the difference to what runs, executed in order.
 *
 * Applying never stops a worker and never gives up half-way: a change that fails is reported and
 * the others are made. The new configuration is what runs afterwards, so that a later apply tries
 * only what still differs; what failed is tried again when its object is changed or weftd starts
 * anew. Control thread.
 */

#include "config/diff.h"
#include "daemon/weftd.h"

#define APPLY_FAILURES_MAX 32

struct apply_result {
	struct config_diff diff; /* borrows from `old` and the running configuration */
	struct config *old;
	unsigned n_failed;
	struct {
		char name[CONFIG_NAME_MAX + 8];
		struct err err;
	} failed[APPLY_FAILURES_MAX];
};

/*
 * Makes `wanted` the running configuration; takes it over in any case. Returns 0, -EREMOTEIO when
 * some changes failed (they are in `r`), or -ENOMEM when nothing was done.
 * Call apply_result_fini afterwards.
 */
int apply_config(struct weftd *d, struct config *wanted, struct apply_result *r);
void apply_result_fini(struct apply_result *r);

#endif
