/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_PROCESS_H
#define DAEMON_PROCESS_H

/*
 * Processes that outlive weftd: started in their own session with nothing of ours but three
 * descriptors, told from a later process with the same pid by the time they started.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct process {
	pid_t pid;
	int pidfd;	      /* CLOEXEC, readable when it has ended */
	uint64_t start_ticks; /* /proc/PID/stat field 22: clock ticks since boot */
};

/*
 * Starts `argv` (argv[0] looked up in PATH) with stdin from /dev/null, stdout and stderr into
 * `log_path`, which is emptied. Returns 0, or -errno with `e`; ENOENT when there is no such
 * program.
 */
int process_start(struct process *p, char *const *argv, const char *log_path, struct err *e);

/* The same with stdout and stderr into `out_fd`, which stays the caller's. */
int process_start_into(struct process *p, char *const *argv, int out_fd, struct err *e);

/*
 * Opens the process `pid` if it is still the one that started at `start_ticks`.
 * Returns 0, or -ESRCH.
 */
int process_open(struct process *p, pid_t pid, uint64_t start_ticks);

/* Sends a signal to the process itself; one that has ended is left alone. */
void process_signal(const struct process *p, int signal);

/*
 * After the pidfd became readable: collects the status and closes the pidfd. Returns true with the
 * status as of waitpid, or false when it was no child of ours.
 */
bool process_collect(struct process *p, int *status);

/* Forgets a process that goes on. */
void process_close(struct process *p);

/* Milliseconds since it started. */
uint64_t process_age_ms(const struct process *p);

/* Its resident memory in bytes, shared memory that it touched included; 0 when it has ended. */
uint64_t process_resident(const struct process *p);

#endif
