/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_DHCP_SERVER_H
#define DAEMON_DHCP_SERVER_H

/*
 * The dnsmasq of one bridge: its files, its process, its leases. Knows nothing of bridges and
 * ports: daemon/dhcp.c gives it an interface in its network namespace.
 *
 * dnsmasq runs in a jail (dhcp/jail.h) and dies with weftd, which loses nobody anything: its
 * interface is a tap of weftd's. One that ends for another reason is started again, after 100 ms at
 * first, then twice as long each time up to 30 s. Leases are weftd's (dhcp/lease_store.h): a new
 * dnsmasq begins with all that its predecessors gave.
 *
 * Files, in run-dir/dhcp/BRIDGE: what dhcp/conf.h makes, the lease database, the socket of lease
 * events, and an empty folder to mount the jail on. Control thread.
 */

#include <sys/queue.h>

#include "common/loop.h"
#include "daemon/process.h"
#include "dhcp/conf.h"
#include "dhcp/lease_event.h"
#include "dhcp/netns.h"

#define DHCP_PATH_MAX	   512
#define DHCP_ERROR_MAX	   256
#define DHCP_INTERFACE_MAX 16

struct dhcp_server;

/* A lease came, was renewed or changed hands (`now`), or is no more (NULL). Borrowed. */
typedef void dhcp_lease_changed(struct dhcp_server *s, const struct lease *before,
				const struct lease *now, void *arg);

struct dhcp_server {
	LIST_ENTRY(dhcp_server) link;
	struct loop *loop;
	char name[CONFIG_NAME_MAX + 1]; /* of the bridge */
	char dir[DHCP_PATH_MAX];
	char interface[DHCP_INTERFACE_MAX];
	char lease_file[DHCP_PATH_MAX]; /* a second place for the leases, or "" */
	char tftp_root[DHCP_PATH_MAX];	/* "": none */
	bool ip6;
	char *files[DHCP_FILE_N]; /* as written; NULL: not yet */
	struct netns netns;
	struct lease_store store;
	dhcp_lease_changed *changed;
	void *arg;

	struct process process; /* pid 0: none */
	struct loop_watch process_watch, event_watch, log_watch;
	struct loop_timer timer; /* the next start */
	bool start_again;	 /* the process was asked to end to be started anew */
	bool ready;		 /* it serves */
	uint64_t started_ms;
	unsigned row;		    /* ends in a row */
	unsigned restarts;	    /* after an end that nobody asked for */
	uint64_t refused;	    /* requests that found no free address */
	char error[DHCP_ERROR_MAX]; /* why it does not run, "" while it does */
	char last_log[DHCP_ERROR_MAX];
	char log[1024]; /* what was read of a line */
	unsigned log_len;
};

/*
 * Makes the server's folder and network namespace and loads its leases. Nothing runs yet. NULL with
 * errno and `e`.
 */
struct dhcp_server *dhcp_server_create(struct loop *loop, const char *run_dir, const char *name,
				       const char *lease_file, dhcp_lease_changed *changed,
				       void *arg, struct err *e);
/* Ends dnsmasq at once. With `keep` the leases in the folder stay for the next weftd. */
void dhcp_server_destroy(struct dhcp_server *s, bool keep);

/*
 * Writes the files that changed; starts dnsmasq, or has it read them again, or starts it anew,
 * whichever they need. Its interface is there already. `upstream` as in dhcp_file_text.
 * Returns 0 or -errno with `e`; when only dnsmasq cannot be started it is tried again later.
 */
int dhcp_server_apply(struct dhcp_server *s, const struct dhcp_plan *plan, const char *upstream,
		      struct err *e);

/* Starts dnsmasq anew with the leases as they are in the store. */
void dhcp_server_restart(struct dhcp_server *s);

/* Writes the leases to where they are kept; trouble is logged. */
void dhcp_server_save(const struct dhcp_server *s);

/* "starting", "running", "starts again" or "failed". */
const char *dhcp_server_state(const struct dhcp_server *s);

/* Removes what a killed weftd left in run-dir/dhcp of bridges for which `is_served` says no. */
void dhcp_server_sweep(const char *run_dir, bool (*is_served)(const char *name, void *arg),
		       void *arg);

#endif
