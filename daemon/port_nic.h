/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_PORT_NIC_H
#define DAEMON_PORT_NIC_H

/* Network devices of the host as ports of bridges and as uplinks. Control thread. */

#include "config/config.h"
#include "uplink/nic.h"

/* What the configuration says of a device, for nic_create; `name` is the port's. */
struct nic_params port_nic_params(const char *name, const struct config_host_nic *c, bool router);

#endif
