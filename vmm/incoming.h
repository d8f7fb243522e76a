/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_INCOMING_H
#define VMM_INCOMING_H

/*
 * Live migration, the target's end (vmm/migrate.h has the whole of it): waits at a socket for one
 * source, takes over its machine's state, and runs the guest once the source has given it up. When
 * anything fails before that, the machine ends with MACHINE_REFUSED, for half of a guest is in its
 * memory. The source is not trusted.
 */

#include "vmm/machine.h"

struct incoming;

/* Listens at `path`, for its owner only. `pause` has the guest wait for resume in the end. NULL
 * with the reason. */
struct incoming *incoming_create(struct machine *m, const char *path, bool pause, struct err *e);
/* Lets a source in: the machine has started, paused. 0, or -errno with the reason. */
int incoming_begin(struct incoming *in, struct err *e);
/* Accepts NULL. */
void incoming_destroy(struct incoming *in);

#endif
