/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_BRIDGE_INPUT_H
#define BRIDGE_BRIDGE_INPUT_H

#include "dataplane/verdict.h"

/*
 * The bridge stage, IEEE 802.1Q 8.6-8.8: learns the senders of the open frames of the worker's
 * burst and decides where each goes, into the worker's egress masks. Worker thread.
 */
void bridge_input(struct worker *w, struct port *in, struct verdicts *v, uint64_t now_ns);

#endif
