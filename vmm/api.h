/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_API_H
#define VMM_API_H

/*
 * Commands to a running weft-vmm: JSON-RPC 2.0 over a Unix socket, one object a line, as weftd's
 * control socket (common/rpc.h). The methods are in the table of api.c. Who can open the socket
 * commands the machine; it is made with mode 0600.
 */

#include "vmm/machine.h"
#include "vmm/options.h"

#define API_CLIENTS_MAX 8
#define API_LINE_MAX	65536

struct api;

/* Listens at `path`. NULL with the reason. */
struct api *api_create(struct machine *m, const char *path, struct err *e);
/* Accepts NULL. */
void api_destroy(struct api *a);

/* Tells all clients why the machine ends: the notification "ended" with a reason in QEMU's words.
 */
void api_tell_end(struct api *a, const char *reason);

/* Tells all clients how much memory the guest has now: the notification "balloon". */
void api_tell_balloon(struct api *a, const struct virtio *d);

/* Puts a NIC into the machine, as the command line and the method nic-add do. */
int api_add_nic(struct machine *m, const struct options_nic *n, struct err *e);

#endif
