/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DHCP_JAIL_H
#define DHCP_JAIL_H

/*
 * Where dnsmasq runs: weft-jail, a program between weftd and dnsmasq, takes everything away that
 * dnsmasq does not need, then becomes dnsmasq.
 *
 *   network     the namespace that weftd made (dhcp/netns.h); one interface, nft rules of ours
 *   files       an empty root with /usr (and /lib, /bin, ...) read only, the server's folder, the
 *               script, a TFTP root: nothing of /etc, /home, /run or /proc
 *   user        that of `dnsmasq`, else `nobody`; no supplementary groups
 *   privileges  CAP_NET_ADMIN (ARP entries for clients without an address) and
 *               CAP_NET_BIND_SERVICE, with DHCPv6 CAP_NET_RAW; nothing can add to them
 *   system      calls that make namespaces, mounts, traces or load code are refused by seccomp
 *   life        killed when weftd ends, however it ends
 *
 * The folders that the root is made of need not be open to the user: what is mounted is reached
 * without the path above it.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "dhcp/conf.h"

#define DHCP_LEASES "leases"	  /* the lease database, in the server's folder */
#define DHCP_EVENTS "events.sock" /* where weft-lease tells weftd of leases */
#define DHCP_ROOT   "root"	  /* a folder to mount the jail's root on */

struct jail {
	const char *netns;   /* a file that is the network namespace */
	const char *dir;     /* the server's folder */
	const char *lease;   /* weft-lease */
	const char *tftp;    /* a folder, or NULL */
	const char *program; /* dnsmasq, below /usr */
	uid_t uid;
	gid_t gid;
	pid_t parent; /* weftd */
	bool ip6;
};

/*
 * Enters it. What fails is written to standard error with a remedy where there is one, and the
 * process ends. Then `argv` may be executed.
 */
void jail_enter(const struct jail *j);

#endif
