/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_ACPI_H
#define VMM_ACPI_H

/*
 * The machine's description for the guest's kernel, as "hardware-reduced" ACPI (6.4, section 4.1):
 * RSDP, XSDT, FADT, MADT, MCFG and DSDT in the BIOS area. Hardware-reduced means no PIC, no PIT, no
 * fixed events: the power button and hot-plug come through a generic event device.
 */

#include <stdint.h>

#include "vmm/memory.h"

#define ACPI_SLOTS 32 /* of bus 0; slot 0 is the host bridge */

/* Writes the tables for `cpus` CPUs into the guest's memory. Returns the address of the RSDP. */
uint64_t acpi_write(const struct memory *m, unsigned cpus);

#endif
