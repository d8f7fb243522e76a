/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_MEMBER_H
#define DAEMON_MEMBER_H

/* What the configuration says of bridges and their members, in the terms of the bridge. */

#include <jansson.h>

#include "bridge/bridge.h"
#include "config/config.h"

struct bridge_params member_bridge_params(const struct config_bridge *c);
struct bridge_port_params member_params(const struct config_member *c);

/* For show and port/show: VLANs if the bridge filters them, and what differs from the defaults. */
json_t *member_json(const struct bridge *b, const struct port *p);

#endif
