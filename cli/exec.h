/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_EXEC_H
#define CLI_EXEC_H

/*
 * A command in a guest, as if it ran here: standard input goes up until its end, standard output
 * and error come down as they are written, and the command's status is ours.
 *
 *   -> request "guest/exec"        {"guest": s, "argv": [s, ...]}
 *   -> notify  "guest/exec/input"  {"data": base64, "eof": bool}
 *   <- notify  "guest/exec/output" {"stream": "stdout" | "stderr", "data": base64}
 *   <- result                      {"exit_status": n} or {"signal": n}
 */

#include <jansson.h>
#include <stdbool.h>

#include "common/rpc.h"

#define EXEC_SIGNAL_BASE 128 /* added to the signal that ended the command, as shells do */

/*
 * Runs the command of `params` (stolen) over `rpc`. With `json`, output is collected and printed
 * as one object with stdout, stderr (base64 under another name where they are no text) and the
 * result's members, and the exit status is still the command's.
 *
 * Returns 0 and the status for exit(3) in `status`; -errno or a positive code as rpc_call, with the
 * reason in `e`.
 */
int exec_run(struct rpc *rpc, json_t *params /*stolen*/, int timeout_ms, bool json, int *status,
	     struct err *e);

#endif
