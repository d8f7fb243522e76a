/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_INTERRUPT_H
#define PERF_LAB_INTERRUPT_H

/*
 * SIGINT and SIGTERM ask for an orderly end: the run in hand is given up, everything is taken
 * down, and the report so far is written. A second signal does not hurry it: taking down is bounded
 * in time anyway.
 */

#include <stdbool.h>

/* Installs the handlers, without SA_RESTART: waits return with EINTR. */
void interrupt_install(void);

/* True once a signal came. */
bool interrupt_pending(void);

#endif
