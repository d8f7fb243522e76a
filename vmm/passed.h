/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_PASSED_H
#define VMM_PASSED_H

/*
 * Descriptors that whoever starts us has opened already: "fd=N" where a path could stand. So a
 * weft-vmm can be started with no right to open anything, as jailers and launchers do it.
 */

#include <stdbool.h>

#include "common/err.h"

/* Whether `path` is "fd=" and something. */
bool passed_is(const char *path);
/*
 * Takes over the descriptor that `path` names, once: it is ours to close from now on. `mode`:
 * O_RDONLY, or O_RDWR when it has to be open for writing, too. Returns it, or -EINVAL, or -EBADF
 * when it is not open, not inherited, or taken already, with the reason.
 */
int passed_take(const char *path, int mode, struct err *e);

#endif
