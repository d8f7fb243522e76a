/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_DOCTOR_H
#define DAEMON_DOCTOR_H

/*
 * What weftd needs from its host, each with PASS, WARN (works, but slower or less) or FAIL (does
 * not work) and a line that says what to do. Looks only, and leaves nothing behind.
 */

#include <stdbool.h>
#include <stdio.h>

/*
 * Prints the list on `out`, as lines or as a JSON object {"ok", "checks": [{"name", "result",
 * "text", "fix"}]}. Returns 0, or 1 when something is FAIL. Blocks for up to a second.
 * Looks for the guest image where weftd does.
 */
int doctor_run(FILE *out, bool json);

#endif
