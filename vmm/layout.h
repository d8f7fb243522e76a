/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_LAYOUT_H
#define VMM_LAYOUT_H

/*
 * Where things are in the guest's physical address space and its ports.
 *
 *   0                RAM: boot structures below 1 MiB, the kernel above
 *   0xc0000000       window of the 32-bit BARs, ends at the ECAM
 *   0xe0000000       ECAM of bus 0
 *   0xfec00000       I/O APIC, local APICs
 *   0xfffbc000       what KVM on Intel needs: identity map page, three pages of TSS
 *   0x100000000      the rest of RAM
 */

#define RAM_HOLE_START	 0xc0000000ull
#define RAM_HOLE_END	 0x100000000ull
#define BAR_WINDOW_START 0xc0000000ull
#define BAR_WINDOW_END	 0xe0000000ull
#define ECAM_START	 0xe0000000ull
#define ECAM_BYTES	 0x100000ull
#define IOAPIC_AT	 0xfec00000ull
#define LAPIC_AT	 0xfee00000ull
#define KVM_IDENTITY_AT	 0xfffbc000ull
#define KVM_TSS_AT	 0xfffbd000ull

/* Below 1 MiB, as the boot protocols want it. */
#define BOOT_GDT_AT	   0x500ull
#define BOOT_START_INFO_AT 0x6000ull /* PVH */
#define BOOT_PARAMS_AT	   0x7000ull /* Linux's zero page */
#define BOOT_STACK_AT	   0x8ff0ull
#define BOOT_PAGES_AT	   0x9000ull /* PML4, PDPT, four directories */
#define BOOT_CMDLINE_AT	   0x20000ull
#define BOOT_CMDLINE_MAX   2047
#define LOW_RAM_END	   0x9fc00ull
#define ACPI_AT		   0xe0000ull
#define ACPI_BYTES	   0x20000ull
#define HIGH_RAM_START	   0x100000ull

/* Ports. */
#define PORT_COM1	 0x3f8
#define PORT_I8042	 0x64
#define PORT_RESET	 0x600
#define PORT_SLEEP	 0x601
#define PORT_EVENTS	 0x604 /* what the GED is to look at; cleared by reading */
#define PORT_HOTPLUG	 0x608 /* three dwords: slots that came, that shall go, ejected */
#define PORT_PCI_ADDRESS 0xcf8
#define PORT_PCI_DATA	 0xcfc

/* Interrupts of the I/O APIC; MSI routes begin behind them. */
#define GSI_COM1      4
#define GSI_EVENTS    5
#define GSI_MSI_FIRST 24

#define SLEEP_TYPE_S5 5
#define RESET_VALUE   6

#endif
