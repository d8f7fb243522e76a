/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_WAKE_H
#define PERF_WAKE_H

/*
 * What interrupts a data loop: a mark in time, and news on the control connection. Both are
 * signals that raise one flag and make a blocking call return EINTR, so that a loop pays one load
 * per message and no clock, poll or timeout at all. A signal that falls between the look at the
 * flag and the call is repeated after WAKE_REPEAT_MS, so nothing waits for longer than that.
 *
 * Signals are per process, hence the only global state here; one test a process at a time.
 */

#include <signal.h>
#include <stdint.h>

#define WAKE_REPEAT_MS 100

/* Set by the handler and by loops whose call was interrupted; cleared by whoever handles it. */
extern volatile sig_atomic_t wake_pending;

/* Catches the signals, and asks for one at news on `control_fd`. Returns 0 or -errno. */
int wake_init(int control_fd);
/* Stops the timer and ignores the signals again. */
void wake_fini(int control_fd);

/* Raises the flag in `delay_ns` or a little later, then every WAKE_REPEAT_MS until called again. */
void wake_in(uint64_t delay_ns);

#endif
