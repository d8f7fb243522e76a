/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_CALL_H
#define VMM_CALL_H

#include "common/err.h"

/*
 * `weft-vmm call SOCKET METHOD [KEY=VALUE]...`: one command to a running weft-vmm. Prints the
 * result and returns 0, or -errno with the reason.
 */
int call_main(int argc, char **argv, struct err *e);

#endif
