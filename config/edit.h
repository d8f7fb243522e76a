/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_EDIT_H
#define CONFIG_EDIT_H

/*
 * Edited copies of a configuration, for the CLI's mutations. Each takes an immutable tree and
 * returns a new, checked one (free with config_free), or NULL with the reason in `e`.
 * `fields` are "key=value" pairs by the names of the config file with dots for nesting, such as
 * "vhost-user.path=/run/x.sock" or "ageing=60s". Entries of lists are "nics[0].mtu=9000"; a whole
 * list or mapping is written in YAML's flow style, "nics=[{bridge: lan}]"; an empty value takes the
 * key out and brings its default back. The new tree has no positions and no file name.
 */

#include "common/err.h"
#include "config/config.h"

struct config *config_with_bridge(const struct config *c, const char *name,
				  const char *const *fields, unsigned n, struct err *e);
struct config *config_without_bridge(const struct config *c, const char *name, struct err *e);
struct config *config_with_port(const struct config *c, const char *bridge, const char *name,
				const char *const *fields, unsigned n, struct err *e);
struct config *config_without_port(const struct config *c, const char *name, struct err *e);

/*
 * A bridge with one forward more ("tcp" or "udp", "2222" or "5000-5010", "alpha:22") or less.
 */
struct config *config_with_forward(const struct config *c, const char *bridge, const char *proto,
				   const char *ports, const char *to, struct err *e);
struct config *config_without_forward(const struct config *c, const char *bridge, const char *proto,
				      const char *ports, struct err *e);

/*
 * `object` is "bridge NAME", "port NAME", "guest NAME" or "switch" split into kind and name.
 * config_set replaces values; config_get formats one ("ageing" -> "5m"), into `value`.
 */
struct config *config_set(const struct config *c, const char *kind, const char *name,
			  const char *const *fields, unsigned n, struct err *e);
int config_get(const struct config *c, const char *kind, const char *name, const char *key,
	       char *value, size_t size, struct err *e);

#endif
