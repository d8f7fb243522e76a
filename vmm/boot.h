/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_BOOT_H
#define VMM_BOOT_H

/*
 * What a kernel finds in memory when it starts: its command line, the initrd, the map of memory, a
 * flat GDT and page tables that map the first 4 GiB to themselves.
 */

#include "vmm/kernel.h"

struct boot_params_source {
	const char *kernel_name, *initrd_name; /* for messages */
	int kernel, initrd;		       /* open files; initrd -1: none */
	const char *cmdline;
	uint64_t acpi_rsdp;
};

/* Opens a kernel or an initrd. Returns a descriptor or -errno. */
int boot_open(const char *path, struct err *e);
/* Loads all of it and fills in `k`. Messages name the file. */
int boot_load(struct kernel *k, const struct memory *m, const struct boot_params_source *s,
	      struct err *e);

#endif
