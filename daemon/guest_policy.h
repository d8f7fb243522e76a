/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_GUEST_POLICY_H
#define DAEMON_GUEST_POLICY_H

/*
 * What the end of a guest means: in words, and for its restart. No I/O, no clock.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* Why QEMU says it ended the machine (its SHUTDOWN event). */
enum guest_shutdown {
	GUEST_SHUTDOWN_NONE, /* it said nothing */
	GUEST_SHUTDOWN_GUEST,
	GUEST_SHUTDOWN_RESET, /* with -no-reboot: a reboot, or a panic with panic=-1 */
	GUEST_SHUTDOWN_PANIC,
	GUEST_SHUTDOWN_HOST,
	GUEST_SHUTDOWN_N
};
/* By the name in the event's "reason". */
enum guest_shutdown guest_shutdown_parse(const char *reason);

struct guest_end {
	bool requested; /* we stopped it */
	bool killed;	/* ... by force */
	bool status_known;
	int status; /* of waitpid */
	enum guest_shutdown shutdown;
	const char *panic;    /* the kernel's last words from the console, or "" */
	const char *last_log; /* last line of QEMU's stderr, or "" */
};

enum guest_outcome {
	GUEST_OUTCOME_STOPPED, /* as we wanted */
	GUEST_OUTCOME_OFF,     /* switched itself off */
	GUEST_OUTCOME_REBOOT,
	GUEST_OUTCOME_FAILED,
	GUEST_OUTCOME_N
};

/* Says in `text` how it ended, printable ASCII only: its sources are the guest's. */
enum guest_outcome guest_end_describe(const struct guest_end *end, char *text, size_t size);

#define GUEST_BACKOFF_FIRST_MS 1000
#define GUEST_BACKOFF_MAX_MS   30000
#define GUEST_HEALTHY_MS       60000 /* who ran so long starts from the first backoff again */

/*
 * Whether a guest that ended like that starts again, and after how long. `row` counts the ends in a
 * row and is kept by the caller, 0 at first.
 */
bool guest_restarts(enum guest_restart policy, enum guest_outcome outcome, uint64_t ran_ms,
		    unsigned *row, uint64_t *delay_ms);

#endif
