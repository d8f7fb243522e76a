/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_RENDER_H
#define CLI_RENDER_H

/*
 * Results as text for people: trees and tables in the manner of the ovs tools. What a renderer does
 * not know it leaves out, so that a newer weftd may say more; what is missing it shows as "-".
 * Programs read the JSON instead, which is the result as it came.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/command.h"

struct render {
	bool heading;
	FILE *out;
};

/* Prints the result of a verb as text. `result` is borrowed. */
void render_text(const struct render *r, const struct command_spec *spec, const json_t *result);

/* Prints any JSON value, indented, members in the order in which they came. */
void render_json(FILE *out, const json_t *result);

/* Changes and, when there are any, failures; what a dry run, a plan and a change answer with. */
void render_changes(const struct render *r, const json_t *result);

/* Renderers of single verbs. */
void render_show(const struct render *r, const json_t *result);
void render_fdb(const struct render *r, const json_t *result);
void render_mdb(const struct render *r, const json_t *result);
void render_fdb_stats(const struct render *r, const json_t *result);
void render_vlans(const struct render *r, const json_t *result);
void render_ports(const struct render *r, const json_t *result);
void render_stats(const struct render *r, const json_t *result);
void render_rings(const struct render *r, const json_t *result);
void render_trace(const struct render *r, const json_t *result);
void render_workers(const struct render *r, const json_t *result);
void render_dhcp(const struct render *r, const json_t *result);
void render_leases(const struct render *r, const json_t *result);
void render_nat(const struct render *r, const json_t *result);
void render_sessions(const struct render *r, const json_t *result);
void render_forwards(const struct render *r, const json_t *result);
void render_neighbours(const struct render *r, const json_t *result);
void render_routes(const struct render *r, const json_t *result);
void render_guests(const struct render *r, const json_t *result);

/* Helpers that the renderers share. */

/* "1h02m", "3m05s", "42s" into `text`, which is returned. */
char *render_uptime(double seconds, char *text, size_t size);
/* A member as text: strings as they are, numbers in full, null and what is missing as "". */
const char *render_member(const json_t *object, const char *key, char *text, size_t size);
/* "reason 12, other 3" of an object of counters, zero ones left out; returns their sum. */
int64_t render_counters(const json_t *counters, char *text, size_t size);

#endif
