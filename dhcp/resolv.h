/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DHCP_RESOLV_H
#define DHCP_RESOLV_H

#include <stddef.h>

#define RESOLV_LIST_MAX 512

/*
 * The name servers that `text` (resolv.conf(5)) lists, as a list for ipaddr_list_parse; those on a
 * loopback address are left out, nobody else can reach them. Returns `list`, "" when there is none.
 */
char *resolv_parse(const char *text, char list[RESOLV_LIST_MAX]);

/*
 * The host's name servers: of /etc/resolv.conf, or where that names only a stub of this host, of
 * what systemd-resolved was given. Returns `list`.
 */
char *resolv_host(char list[RESOLV_LIST_MAX]);

#endif
