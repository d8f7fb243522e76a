/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_PIPELINE_H
#define DATAPLANE_PIPELINE_H

#include "dataplane/worker.h"

/*
 * Takes what waits at the queue through the switch: rx -> bridge_input -> emit -> release.
 * Runs in the worker's thread, inside its RCU read side. Returns the number of frames that ended
 * here: sent, punted or dropped; frames held back for a full receiver are not among them.
 */
unsigned pipeline_run(struct worker *w, struct port_queue *in, uint64_t now_ns);

#endif
