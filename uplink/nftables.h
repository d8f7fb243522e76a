/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_NFTABLES_H
#define UPLINK_NFTABLES_H

/* nftables by libnftables, which speaks the language of nft(8). Control thread. */

#include <jansson.h>

#include "common/err.h"

/* Executes commands as one transaction: all of them take effect at once, or none. */
int nftables_run(const char *commands, struct err *e);

/*
 * What a list command prints: as text, to be freed, or as JSON, the array below "nftables". NULL
 * with the reason in `e`.
 */
char *nftables_list(const char *command, struct err *e);
json_t *nftables_list_json(const char *command, struct err *e);

#endif
