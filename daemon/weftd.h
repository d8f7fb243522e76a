/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_WEFTD_H
#define DAEMON_WEFTD_H

/* What the daemon is made of. One object, built by main in this order and taken down in reverse. */

#include "common/loop.h"
#include "config/config.h"
#include "daemon/control.h"
#include "daemon/guest.h"
#include "daemon/vswitch.h"

struct gateways;

struct weftd {
	struct loop *loop;
	struct config *config;	     /* what runs; replaced by apply */
	const struct config *wanted; /* while it is applied: what shall run */
	const char *config_file;     /* "" when it came from nowhere */
	uint64_t file_hash;	     /* of its text when that became what runs, edits aside */
	const char *run_dir;
	int lock_fd;
	bool made_run_dir; /* it goes with us */
	struct vswitch *vswitch;
	struct guests *guests;
	enum guest_engine engine;  /* of --engine, or ENGINE_AUTO */
	struct gateways *gateways; /* NULL: nothing is routed */
	struct control *control;
	LIST_HEAD(, session) captures;
	LIST_HEAD(, dhcp_server) dhcp; /* daemon/dhcp.h */
	struct http_server *metrics;   /* NULL: not served */
	uint64_t started_ms;
	bool leave_guests; /* on exit */
	bool exiting;
	struct call *exit_call; /* answered when the guests have stopped */
};

/* The verbs that the control socket serves, and their number. */
const struct control_verb *command_table(size_t *n);

/* Begins the orderly end: stops the guests unless they are to stay, then leaves the loop. */
void weftd_exit(struct weftd *d, bool leave_guests);

#endif
