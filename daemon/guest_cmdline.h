/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_GUEST_CMDLINE_H
#define DAEMON_GUEST_CMDLINE_H

#include "common/err.h"
#include "config/config.h"

#define GUEST_CMDLINE_MAX 2047 /* the kernel's COMMAND_LINE_SIZE without the NUL */

/*
 * The kernel arguments of a guest, whatever runs it: console, what to do after a panic, and for
 * weft's own image its name, addresses and neighbours ("alpha:10.0.0.1,beta:..." or ""). Returns 0,
 * or -E2BIG when what has to be in it does not fit.
 */
int guest_cmdline(const struct config_guest *g, const char *hosts, char line[GUEST_CMDLINE_MAX + 1],
		  struct err *e);

#endif
