/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_DIFF_H
#define CONFIG_DIFF_H

/*
 * What has to change to get from one configuration to another: the list that `plan` prints and
 * daemon/apply executes, already in the order of execution (guests stopped before their ports go,
 * ports removed before their bridges, bridges added before ports, guests last). Bridges are
 * removed after everything else, when what was on them has moved elsewhere.
 * Equal configurations give an empty list.
 */

#include "config/config.h"

enum change_op { CHANGE_ADD, CHANGE_REMOVE, CHANGE_UPDATE, CHANGE_OP_N };
enum change_object {
	OBJECT_SWITCH,
	OBJECT_BRIDGE,
	OBJECT_UPLINK,
	OBJECT_PORT,
	OBJECT_GUEST,
	OBJECT_N
};

struct change {
	enum change_op op;
	enum change_object object;
	const char *name;      /* "" for the switch; borrowed from either tree */
	const void *old, *new; /* the config_* struct on each side, NULL on add or remove */
	char detail[256];   /* "ageing 5m -> 1m, address ..." for updates; short facts for adds */
	bool disruptive;    /* traffic or a running guest is disturbed */
	char disrupts[96];  /* what: "restarts guest alpha"; "" when not disruptive */
	bool live;	    /* of updates: every key that differs is changed in place */
	bool needs_restart; /* takes effect only when weftd starts again (run-dir, workers) */
};

struct config_diff {
	struct change *changes;
	unsigned n;
};

/*
 * `old` may be NULL: everything is added. The result borrows from both trees and is valid as long
 * as they are. Returns 0 or -ENOMEM. Free with config_diff_fini.
 */
int config_diff(const struct config *old, const struct config *new, struct config_diff *d);
void config_diff_fini(struct config_diff *d);

const char *change_op_name(enum change_op op);		/* "add", "remove", "update" */
const char *change_object_name(enum change_object obj); /* "switch", "bridge", ... */

#endif
