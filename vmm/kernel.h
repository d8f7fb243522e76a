/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_KERNEL_H
#define VMM_KERNEL_H

/*
 * Puts a kernel into the guest's memory: a bzImage by its 64-bit entry
 * (Documentation/arch/x86/boot, protocol 2.12 or newer), an ELF file by its PVH entry where it has
 * one, else by its own entry as a 64-bit Linux. The image is not trusted: every number in it is
 * checked against its size and the guest's memory.
 */

#include <asm/bootparam.h>

#include "vmm/memory.h"

enum kernel_entry { KERNEL_LINUX64, KERNEL_PVH };

struct kernel {
	enum kernel_entry entry;
	uint64_t start;		   /* where the first CPU begins */
	uint64_t first, end;	   /* memory that it needs while it starts */
	uint64_t initrd_max;	   /* the highest address that an initrd may have */
	struct setup_header setup; /* of a bzImage, else zeroes and what Linux needs */
};

/*
 * Loads the image in file `fd` into memory that nothing has been written to (memory_load).
 * -ENOEXEC: it is no kernel that can be started here; -ENOMEM: it does not fit into the guest's
 * memory; or why the file cannot be read.
 */
int kernel_load(struct kernel *k, int fd, const struct memory *m, struct err *e);

#endif
