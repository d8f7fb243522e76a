/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_CHILD_H
#define PERF_LAB_CHILD_H

/*
 * Child processes, and whatever they leave behind.
 *
 * weft-lab is the reaper of all its descendants: a daemon that a script detaches, or a guest whose
 * weftd died, becomes its child instead of init's. So the end of a setup can see what is left and
 * end it, and the CPU time of all that belongs to a run can be told from that of strangers.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "perf/lab/output.h"

struct child {
	pid_t pid; /* 0: not running */
};

/* Makes this process the reaper of its descendants. Call once, before anything is started. */
int child_adopt_orphans(struct err *e);

/*
 * Starts `argv` in its own process group, its output appended to `log_path`. It gets SIGTERM when
 * this process dies. Returns 0 or -errno.
 */
int child_start(struct child *c, const char *const *argv, const char *log_path, struct err *e);

/* True while it runs; once it has ended, `how` says so ("exited with status 1"). */
bool child_running(struct child *c, char *how, size_t size);

/* Asks with SIGTERM, after `patience_ms` ends it with SIGKILL. Not cut short by an interrupt. */
void child_stop(struct child *c, unsigned patience_ms);

/* Waits up to `timeout_ms` for its end. Returns true when it has ended. */
bool child_wait(struct child *c, unsigned timeout_ms);

/*
 * Runs a shell command in `folder` with RUN_DIR set to `run_dir`, to its end or `timeout_ms`.
 * Returns its exit status (0-255), or -errno: -ETIMEDOUT, -EINTR when interrupted and
 * `interruptible`. The last line of its output goes to `last_line`.
 */
int child_shell(const char *command, const char *folder, const char *run_dir, unsigned timeout_ms,
		bool interruptible, char *last_line, size_t size);

/*
 * Runs `argv` to its end, `timeout_ms` or an interrupt. Returns 0 when it ran, whatever its status;
 * the output is the caller's to give to output_fini. -ETIMEDOUT, -EINTR, ... with `e` otherwise.
 */
int child_run(const char *const *argv, unsigned timeout_ms, struct output *out, struct err *e);

/*
 * Ends all descendants with SIGKILL. Returns their number; the name of one goes to `name`.
 */
unsigned child_kill_descendants(char *name, size_t size);

/* CPU time of all living descendants and of the reaped ones, in clock ticks. */
uint64_t child_cpu_ticks(void);

#endif
