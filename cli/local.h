/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_LOCAL_H
#define CLI_LOCAL_H

/*
 * Verbs that need no running weftd: help from the table, and `check` and `doctor`, which are
 * weftd's own --check and --doctor, because only it carries the config parser and DPDK.
 */

#include "cli/args.h"

/* Runs the verb. Returns the exit status, or -errno or -EINVAL with the reason in `e`. */
int local_run(const struct command_spec *spec, const struct args *a, struct err *e);

/*
 * What `weft doctor` prints, from a process of its own that ends by itself. Returns a pipe to read
 * to its end and close, or -errno.
 */
int local_doctor_output(void);

#endif
