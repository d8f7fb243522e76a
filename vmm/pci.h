/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_PCI_H
#define VMM_PCI_H

/*
 * PCI bus 0: one configuration space, reached by the ports CF8 and CFC and by the ECAM, and the
 * window of memory in which BARs are. Slot 0 is the host bridge; other slots hold single-function
 * devices with 32-bit memory BARs and no INTx. A device answers at its BARs only while its command
 * register says so; the guest may move them.
 */

#include <linux/pci_regs.h>

#include "vmm/bus.h"
#include "vmm/state.h"

#define PCI_SLOTS	 32
#define PCI_BARS	 6
#define PCI_CONFIG_BYTES 256

struct pci_bar {
	uint32_t bytes; /* a power of two; 0: there is none */
	const struct bus_ops *ops;
};

struct pci_device {
	uint8_t config[PCI_CONFIG_BYTES];
	uint8_t writable[PCI_CONFIG_BYTES]; /* bits that the guest's writes change */
	struct pci_bar bars[PCI_BARS];
	unsigned next_cap; /* where the next capability goes */
	unsigned last_cap;
	const struct pci_ops *ops; /* may be NULL */
};

struct pci_ops {
	/* Before configuration bytes are read; after they were written. May be NULL. */
	void (*config_reading)(struct pci_device *d, unsigned offset, unsigned len);
	void (*config_written)(struct pci_device *d, unsigned offset, unsigned len);
	/* The addresses of BARs, or whether they answer, may have changed. */
	void (*bars_changed)(struct pci_device *d);
};

struct pci {
	struct pci_device *slots[PCI_SLOTS];
	struct pci_device bridge;
	uint32_t address; /* of port CF8 */
};

struct pci_identity {
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint32_t class_code; /* 24 bits: class, subclass, interface */
	uint8_t revision;
};

void pci_init(struct pci *p, struct bus *ports, struct bus *memory);

void pci_device_init(struct pci_device *d, const struct pci_identity *id,
		     const struct pci_ops *ops);
/* `bytes`: a power of two of 4096 or more. BAR ops get `d` as their device. */
void pci_add_bar(struct pci_device *d, unsigned bar, uint32_t bytes, const struct bus_ops *ops);
/* Appends a capability of `len` bytes, the two of its head included; returns where it is. */
unsigned pci_add_cap(struct pci_device *d, uint8_t id, unsigned len);
/* The address of a BAR, or 0 while it does not answer. */
uint64_t pci_bar_address(const struct pci_device *d, unsigned bar);
/* Command register and BARs as after power-on: nothing answers. */
void pci_device_reset(struct pci_device *d);

/*
 * Puts a device into a slot, its BARs at an address of that slot's (for a machine that has not
 * started; a hot-plugged one is placed by the guest). Unplugging a slot that is empty does nothing.
 */
void pci_plug(struct pci *p, unsigned slot, struct pci_device *d);
void pci_unplug(struct pci *p, unsigned slot);
/*
 * The configuration space in a machine's state. Loading it tells the device's operations nothing;
 * -ENOTSUP when it is that of another device, `name` being this one's.
 */
void pci_device_save(const struct pci_device *d, struct state_writer *w);
int pci_device_load(struct pci_device *d, struct state_reader *r, const char *name, struct err *e);
/* A slot without device, or 0 when there is none. */
unsigned pci_free_slot(const struct pci *p);

#endif
