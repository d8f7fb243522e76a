/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_CAPTURE_H
#define CLI_CAPTURE_H

/*
 * The client's side of `weft capture`: compiles the filter, asks weftd for the stream, which is a
 * pcapng file as it comes into being, and passes it on block by block, or prints a line a frame.
 *
 * The capture ends by a signal, by its time limit or count, or when the output takes no more; what
 * weftd has captured by then still arrives, and then how much there was and was missed.
 */

#include "cli/args.h"
#include "common/rpc.h"

/*
 * Runs the capture of `params` (stolen) with the options of `a` for `timeout_ms` (-1: no limit).
 * Returns 0; -errno or a positive code as rpc_call, with the reason in `e`.
 */
int capture_run(struct rpc *rpc, const struct args *a, json_t *params /*stolen*/, int timeout_ms,
		struct err *e);

#endif
