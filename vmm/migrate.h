/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_MIGRATE_H
#define VMM_MIGRATE_H

/*
 * Live migration, the source's end. The stream (vmm/machine_state.h) goes to the target over a Unix
 * socket; the target (vmm/incoming.h) answers on the same socket with a stream of its own:
 *
 *   source                                         target
 *   machine                                    ->
 *                                              <-  ready       it fits
 *   memory, round by round; the guest runs     ->
 *   [stops the guest, gives up its disks]
 *   what memory is left, cpu, board, devices, end ->
 *                                              <-  loaded      it could run
 *   go!                                        ->
 *   [gives the guest up]                       <-  running
 *
 * or, instead of each of the target's records, `refused` with a text. Until "go" has been sent the
 * guest is the source's: whatever fails before, it goes on there. From then on it is the target's
 * only, so there are never two. A round sends the pages that were written during the one before: by
 * the guest (KVM's log), by backends and by devices of ours (memory_log). When what is left can be
 * sent within the time for which the guest may be stopped, or after MIGRATE_ROUNDS_MAX rounds, it
 * is stopped.
 *
 * Rounds are sent by the loop in pieces of MIGRATE_PIECE pages, as fast as the target takes them;
 * in between everybody else gets his turn. This needs no thread, no second filter of system calls,
 * and nothing that two threads share. After the stop the loop waits for the target, at most
 * STATE_WAIT_MS each time.
 */

#include "vmm/machine.h"

/* The source's last word. */
#define MIGRATE_GO	    "go!"
#define MIGRATE_GO_BYTES    4
#define MIGRATE_ROUNDS_MAX  30
#define MIGRATE_PIECE	    32 /* pages */
#define MIGRATE_DOWNTIME_MS 300

struct migrate;

struct migrate_report {
	unsigned rounds;
	uint64_t bytes;	      /* sent so far */
	uint64_t left;	      /* pages to be sent in this round */
	unsigned total_ms;    /* since the beginning */
	unsigned blackout_ms; /* from the guest's stop here to its going on there, as seen here */
};

/* The end of a migration, from the loop. `why` is NULL when the guest runs at the target. */
typedef void migrate_done(const struct migrate_report *report, const char *why, void *arg);

/*
 * Begins to move the machine to the target at the other end of `fd`, a connected socket, which it
 * owns from now on. `downtime_ms`: for how long the guest may be stopped. NULL with the reason, and
 * `fd` is closed. `done` is called later, once; after a success the machine ends with
 * MACHINE_MIGRATED.
 */
struct migrate *migrate_start(struct machine *m, int fd, unsigned downtime_ms, migrate_done *done,
			      void *arg, struct err *e);
void migrate_get_report(const struct migrate *g, struct migrate_report *report);
/* Gives up, without a call of `done`; the guest stays here. Accepts NULL. */
void migrate_cancel(struct migrate *g);

#endif
