/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_LINK_WATCH_H
#define UPLINK_LINK_WATCH_H

/*
 * Tells when a network device of this namespace came, went or changed: rtnetlink(7)'s group of
 * links. What exactly happened is not told; whoever is interested looks. Control thread.
 */

#include "common/loop.h"

struct link_watch {
	struct loop_watch watch;
	void (*changed)(struct link_watch *w);
};

/* `changed` is set by the caller. Returns 0 or -errno with the reason in `e`. */
int link_watch_init(struct link_watch *w, struct loop *loop, struct err *e);
void link_watch_fini(struct link_watch *w);

#endif
