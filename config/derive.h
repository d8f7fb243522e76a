/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_DERIVE_H
#define CONFIG_DERIVE_H

#include "config/arena.h"
#include "config/config.h"

/*
 * Fills in what a decoded configuration did not say but what follows from it: socket paths, MAC
 * addresses, guests' IPv4 addresses. The same text gives the same values everywhere and always;
 * `scratch` is for the run only. Returns 0 or -ENOMEM; a full subnet is an error in `errs`.
 */
int derive_config(struct config *c, struct arena *scratch, struct config_errors *errs);

#endif
