/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_EAL_H
#define DATAPLANE_EAL_H

#include "common/err.h"
#include "config/config.h"

/*
 * Starts DPDK's environment with what weft needs of it: librte_vhost and RCU, no devices, no files.
 * Drivers are there, for devices that NIC ports probe later. With `hugepages` off or auto a few MiB
 * of ordinary memory are enough; `on` asks for 2 MiB pages and fails with a remedy when there are
 * none. Once per process, before any thread.
 */
int eal_init(enum config_auto hugepages, struct err *e);
void eal_fini(void);

#endif
