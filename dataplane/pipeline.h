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

/* What the stages have to do between bursts. Once a round, before the queues. */
void pipeline_round(struct worker *w, uint64_t now_ns);

struct verdicts;

/*
 * The stages alone, over the burst that the caller put into `w`, as pipeline_run runs them: fills
 * `v` and the egress masks of `w` and sends nothing. `after` is called behind each stage. For a
 * worker of the caller's own with `dry_run` set; by who may read what workers read.
 */
void pipeline_decide(struct worker *w, struct port *in, struct verdicts *v, uint64_t now_ns,
		     void (*after)(const char *stage, void *arg), void *arg);

#endif
