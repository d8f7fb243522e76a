/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_RUNNING_H
#define DAEMON_RUNNING_H

/*
 * run-dir/running.yaml: the running configuration, written after each change and removed by an
 * orderly end. A weftd that finds it was preceded by one that died; if the config file is still
 * the same, it goes on with what was running, edits made by the CLI included.
 */

#include "daemon/weftd.h"

/*
 * Notes that the config file as it is now is what runs, edits aside. With a `text`, only if that is
 * what the file holds.
 */
void running_mark(struct weftd *d, const char *text);

/* Writes it anew, atomically. Failure is logged: it costs only the edits, and only on a crash. */
void running_save(const struct weftd *d);
void running_remove(const struct weftd *d);

/*
 * The configuration to begin with: of `file`, or what a dead predecessor was running when that
 * came from the same text. `run_dir` NULL: the one that the file names. NULL with `errs` filled
 * when the file is not valid.
 */
struct config *running_load(const char *file, const char *run_dir, struct config_errors *errs);

/* Removes the sockets that a dead predecessor left in the run-dir, whose lock must be ours. */
void running_sweep(const struct weftd *d);

#endif
