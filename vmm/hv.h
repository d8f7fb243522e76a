/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_HV_H
#define VMM_HV_H

/*
 * What the device model asks of the hypervisor: eventfds that become interrupts, and doorbells that
 * become eventfds. KVM implements it (vm.c); tests do without.
 */

#include <stdbool.h>
#include <stdint.h>

struct hv;

struct hv_ops {
	/* From now on (`on`) a write to eventfd `fd` raises `gsi`; what was written before counts.
	 */
	int (*irqfd)(struct hv *hv, unsigned gsi, int fd, bool on);
	/* What `gsi`, of GSI_MSI_FIRST or more, means: an MSI. */
	int (*route)(struct hv *hv, unsigned gsi, uint64_t address, uint32_t data);
	/* The guest's writes of any length to `address` of memory are written to eventfd `fd`. */
	int (*ioeventfd)(struct hv *hv, uint64_t address, int fd, bool on);
	/* Interrupt numbers, from GSI_MSI_FIRST on; -ENOSPC when there are no more. */
	int (*gsi_get)(struct hv *hv);
	void (*gsi_put)(struct hv *hv, unsigned gsi);
};

struct hv {
	const struct hv_ops *ops;
};

#endif
