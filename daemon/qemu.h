/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_QEMU_H
#define DAEMON_QEMU_H

/*
 * The command line of a guest's QEMU, as a pure function of its configuration.
 *
 * The machine is q35: PCI Express with MSI-X, power button and all NIC models; measured with the
 * guest image, microvm boots 0.2 s sooner of 3, and has no e1000. Without smm=off, QEMU 7.2's q35
 * never delivers the power button's interrupt under TCG. The kernel is started directly.
 * Bridge NICs: QEMU listens and weftd connects, so that a guest survives its switch and a switch
 * that comes back takes the port at once; QEMU waits for the first connection before it starts the
 * machine.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "config/config.h"

#define QEMU_DEFAULT	"qemu-system-x86_64"
#define QEMU_AGENT_PORT "agent-port" /* the device's id, in events too */

struct qemu_env {
	const char *qemu; /* path or name of the program */
	const char *run_dir;
	const char *kernel; /* NULL: boot from disk */
	const char *initrd; /* NULL: none */
	const char *hosts;  /* "alpha:10.0.0.1,beta:..." for the guest image, or "" */
	bool kvm;	    /* else TCG */
	bool hugepages;
};

struct qemu_args {
	char **v; /* NULL at the end */
	unsigned n;
};

/*
 * Builds the arguments. Returns 0, or -errno with `e`: EINVAL for a NIC that cannot be (its model
 * does not go with its kind), ENAMETOOLONG for a socket path, E2BIG for `append`, ENOMEM.
 * On failure `a` is empty. Free with qemu_args_fini.
 */
int qemu_args_init(struct qemu_args *a, const struct config_guest *g, const struct qemu_env *env,
		   struct err *e);
void qemu_args_fini(struct qemu_args *a);

/* The path of the program `qemu` (a path, or a name looked up in PATH) is executable. */
bool qemu_find(const char *qemu);

/* A number that differs for different arguments. */
uint64_t qemu_args_hash(const struct qemu_args *a);

/* The files of a guest below run_dir. Both write the whole path, or return NULL when too long. */
char *qemu_dir(const char *run_dir, const char *guest, char *path, size_t size);
char *qemu_file(const char *run_dir, const char *guest, const char *file, char *path, size_t size);

#endif
