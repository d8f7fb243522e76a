/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_NFTABLES_H
#define UPLINK_NFTABLES_H

/* nftables by libnftables, which speaks the language of nft(8). Control thread. */

#include <jansson.h>
#include <stdbool.h>

#include "common/err.h"

/* Executes commands as one transaction: all of them take effect at once, or none. */
int nftables_run(const char *commands, struct err *e);

/*
 * What a list command prints: as text, to be freed, or as JSON, the array below "nftables". NULL
 * with the reason in `e`.
 */
char *nftables_list(const char *command, struct err *e);
json_t *nftables_list_json(const char *command, struct err *e);

/*
 * A socket on which the kernel tells of changes of the rules, by anybody; for the next function.
 * -errno with the reason in `e`.
 */
int nftables_watch(struct err *e);
/* Whether a table was removed since the last call. Does not wait. */
bool nftables_table_went(int watch);

#endif
