/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_DHCP_FILES_H
#define DAEMON_DHCP_FILES_H

/* The folder of a bridge's dnsmasq, run-dir/dhcp/BRIDGE, and what is in it. */

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

/* Makes the folder and those above it. Returns 0, or -errno with `e`. */
int dhcp_files_make_dir(const char *run_dir, const char *dir, struct err *e);
/* Removes it with what weftd puts there, run-dir/dhcp too when it is empty; with `keep` the leases
 * stay. */
void dhcp_files_remove_dir(const char *dir, bool keep);

/* Writes a file anew, by rename. Returns 0, or -errno with `e`. */
int dhcp_files_write(const char *dir, const char *name, const char *text, struct err *e);

/* The socket of lease events, for `uid` to send to. Returns its descriptor, or -errno with `e`. */
int dhcp_files_listen(const char *dir, uid_t uid, struct err *e);

#endif
