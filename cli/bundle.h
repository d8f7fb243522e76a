/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_BUNDLE_H
#define CLI_BUNDLE_H

/*
 * `weft support-bundle`: one tar with what somebody needs who helps with a problem from afar: the
 * configuration, what weftd says of itself by each verb that only looks, the end of its log, and
 * the machine. What cannot be had, as most of it when weftd is down, is named in README.txt with
 * the reason; the rest is there.
 *
 * It holds names, addresses and paths of the configuration, MAC addresses, and kernel command
 * lines, but no packets, no environment variables, and no files but those named.
 */

#include "cli/args.h"

/* Returns the exit status, or -errno with the reason in `e`. */
int bundle_run(const struct args *a, struct err *e);

#endif
