/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_VMM_ENGINE_H
#define DAEMON_VMM_ENGINE_H

/*
 * The command line of a guest's weft-vmm (`engine: weft`), as a pure function of its configuration,
 * like that of a QEMU. It listens on the same sockets of the guest's folder, its API where QEMU has
 * its monitor (daemon/qmp.h speaks both).
 */

#include "daemon/qemu.h"

/*
 * Builds the arguments; `env->qemu` is weft-vmm's path. Returns 0, or -errno with `e`: EINVAL for
 * what needs engine: qemu, else as qemu_args_init. Free with qemu_args_fini.
 */
int vmm_args_init(struct qemu_args *a, const struct config_guest *g, const struct qemu_env *env,
		  struct err *e);

/* Where weft-vmm is: beside this program, else whatever PATH has. */
void vmm_find(char *path, size_t size);

/*
 * Whether weft-vmm runs a guest whose configuration wants `wanted`: with auto where there is KVM
 * and it lacks nothing (`lacks` NULL, else what). The reason, for people, is static or `lacks`.
 */
bool vmm_decide(enum guest_engine wanted, bool kvm, const char *lacks, const char **reason);

#endif
