/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_QMP_H
#define DAEMON_QMP_H

/*
 * A client of a guest's monitor, QEMU's or weft-vmm's: connects to its socket, negotiates, reports
 * events, sends commands. Answers to commands are not waited for; an error in one is logged.
 * Reconnects by itself. Everything happens in the loop's thread.
 */

#include <jansson.h>
#include <stdbool.h>

#include "common/loop.h"

struct qmp;

/* Whose monitor: QEMU's, or weft-vmm's API, which has commands of the same meaning. */
enum qmp_dialect { QMP_QEMU, QMP_WEFT };

struct qmp_ops {
	/* QEMU has answered: it has set up the machine. Called again after each reconnection. */
	void (*ready)(struct qmp *q, void *arg);
	/* `data` is borrowed and may be NULL. */
	void (*event)(struct qmp *q, const char *name, const json_t *data, void *arg);
};

/* NULL with errno when memory is short or `path` too long for a socket. */
struct qmp *qmp_create(struct loop *loop, const char *path, enum qmp_dialect dialect,
		       const struct qmp_ops *ops, void *arg);
/* Accepts NULL. Not from a callback of the same monitor. */
void qmp_destroy(struct qmp *q);

bool qmp_is_ready(const struct qmp *q);
/* Sends a command without arguments, "quit" or "system_powerdown". 0, or -ENOTCONN before `ready`.
 */
int qmp_execute(struct qmp *q, const char *command);
/*
 * Asks for the guest to be left with `bytes` of memory. Each change comes as the event
 * BALLOON_CHANGE, whose `actual` is what the guest has in bytes (`target`, from weft-vmm only, what
 * it shall have), and so does the answer to the command "query-balloon". Returns as qmp_execute.
 */
int qmp_balloon(struct qmp *q, uint64_t bytes);
/* Delivers the events that have arrived already: QEMU sends its last ones just before it exits. */
void qmp_drain(struct qmp *q);

#endif
