/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_SANDBOX_H
#define VMM_SANDBOX_H

/*
 * What a weft-vmm that a guest took over could still do. The process gives up its capabilities, its
 * user if told to, new privileges by exec, and the opening of files by name where the kernel has
 * Landlock; then each kind of thread may make the system calls
 * that it needs and no others: the filter kills the process at the first one.
 */

#include "common/err.h"

enum sandbox_kind { SANDBOX_MAIN, SANDBOX_CPU, SANDBOX_DISK, SANDBOX_N };

/* Once, before threads other than those of disks begin. `user` may be NULL: stay who we are,
 * without capabilities. */
int sandbox_init(const char *user, struct err *e);
/*
 * Binds the calling thread from now on; a filter that cannot be had ends the process. Does nothing
 * before sandbox_init.
 */
void sandbox_enter(enum sandbox_kind kind);

#endif
