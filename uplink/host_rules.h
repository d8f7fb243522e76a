/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_HOST_RULES_H
#define UPLINK_HOST_RULES_H

/*
 * The nftables table of a host uplink: how packets get from the tap to the world and back.
 *
 *   guests -- weft (translates to .2) -- tap .1 -- host -- world
 *
 *   guard        what comes from the tap is from weft's own address, or from a prefix that is
 *                routed to weft, and not for 127.0.0.0/8: route_localnet, which forwards from the
 *                host itself need, would let it in (CVE-2020-8558)
 *   prerouting,  connections to forwarded ports of the host's own addresses go to weft, with the
 *   output       client's address as source
 *   postrouting  weft's address becomes that of the interface where a packet leaves, ports below
 *                1024 never so that no guest looks like a privileged program of the host. What
 *                comes from the tap and goes back there (a guest that uses the host's address), or
 *                comes from 127.0.0.1, has the host's address of the link, so that answers come
 *                by the host
 *   forward      what comes from the tap may pass; to it, what belongs to it or was forwarded
 *
 * The table is weft's alone, its name made from run-dir and uplink; no other is touched. So an
 * accept of ours does not override a drop in another table: every forward chain of every table has
 * to let a packet pass. host_rules_blocker finds the one that does not.
 *
 * Changes replace the table as a whole in one transaction. Connections live on through it, because
 * the kernel asks the rules for new ones only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/ip.h"
#include "common/ipaddr.h"

#define HOST_RULES_NAME_MAX 40
#define HOST_PREFIXES_MAX   64

struct host_forward {
	bool udp; /* else TCP */
	uint16_t first, last;
};

/* A prefix behind weft that is not translated by it. */
struct host_prefix {
	struct ipaddr_prefix prefix;
	bool masquerade; /* the host translates it */
};

struct host_rules {
	char table[HOST_RULES_NAME_MAX];
	const char *run_dir, *uplink;
	const char *interface; /* the tap */
	uint32_t weft;	       /* weft's address of the link, host byte order */
	bool has_weft6;
	struct ipaddr weft6;
	const struct host_prefix *prefixes;
	unsigned n_prefixes;
	const struct host_forward *forwards;
	unsigned n_forwards;
};

/* The table's name for an uplink of the weftd in `run_dir`. */
void host_rules_name(const char *run_dir, const char *uplink, char name[HOST_RULES_NAME_MAX]);

/* The commands that put the table in place of what it was. To be freed; NULL without memory. */
char *host_rules_text(const struct host_rules *r);

int host_rules_install(const struct host_rules *r, struct err *e);
int host_rules_remove(const char *table, struct err *e);

/* Whether the table is there. */
bool host_rules_installed(const char *table);

/* Removes all tables of that run-dir. Returns their number, or -errno. */
int host_rules_sweep(const char *run_dir, struct err *e);

/* Calls `visit` for each table that a weftd made, with the run-dir of that. */
int host_rules_visit(void (*visit)(const char *table, const char *run_dir, void *arg), void *arg,
		     struct err *e);

/*
 * A chain that drops what weft forwards: writes "inet filter forward" to `chain`, or "". Only
 * policies are looked at. Returns 0 or -errno.
 */
int host_rules_blocker(char *chain, size_t size, struct err *e);

/* Whether a table that is no weftd's, or another weftd's, translates addresses or filters what is
 * forwarded, so that somebody else needs forwarding. */
bool host_rules_others(void);

#endif
