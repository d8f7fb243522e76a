/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_VMMGUEST_H
#define TESTS_LIB_VMMGUEST_H

/*
 * A guest without KVM: weft-vmm's buses, PCI and RAM, a hypervisor that only remembers, and a
 * driver of virtio devices that goes through ports and memory as a kernel would.
 */

#include "vmm/device.h"

#define GUEST_GSIS	128
#define GUEST_RING	16	   /* entries of the rings it makes */
#define GUEST_RING_AT	0x10000ull /* of queue 0; the next ones follow */
#define GUEST_RING_STEP 0x10000ull
#define GUEST_DATA_AT	0x800000ull

struct vmmguest {
	struct hv hv;
	struct memory mem;
	struct loop *loop;
	struct bus ports, memory_bus;
	struct pci pci;

	/* what the hypervisor was asked for */
	unsigned routes_set, next_gsi;
	int irqfds[GUEST_GSIS]; /* by interrupt: the eventfd that is connected, or -1 */
	unsigned doorbells;

	uint64_t bar; /* of the device under test */
	uint16_t avail[VIRTIO_QUEUES_MAX];
};

void vmmguest_init(struct vmmguest *g, uint64_t memory_bytes);
void vmmguest_fini(struct vmmguest *g);
struct device_env vmmguest_env(struct vmmguest *g);

/* Puts the device into slot 1, turns its memory on and its vectors, all unmasked. */
void vmmguest_plug(struct vmmguest *g, struct virtio *d);
uint32_t vmmguest_config_read(struct vmmguest *g, unsigned slot, unsigned offset, unsigned len);
void vmmguest_config_write(struct vmmguest *g, unsigned slot, unsigned offset, uint32_t value,
			   unsigned len);

/* The device's common configuration, by the offsets of linux/virtio_pci.h. */
uint32_t vmmguest_common_read(struct vmmguest *g, unsigned offset, unsigned len);
void vmmguest_common_write(struct vmmguest *g, unsigned offset, uint32_t value, unsigned len);
void vmmguest_status(struct vmmguest *g, uint8_t status);

/* The steps of a driver: to FEATURES_OK; a queue of GUEST_RING entries; to DRIVER_OK. */
void vmmguest_negotiate(struct vmmguest *g, uint64_t features);
void vmmguest_queue(struct vmmguest *g, unsigned queue);
void vmmguest_driver_ok(struct vmmguest *g);
/* All of them, for the first `n_queues` queues. */
void vmmguest_drive(struct vmmguest *g, uint64_t features, unsigned n_queues);

/* A descriptor of a queue, and a chain that begins at one made available. */
void vmmguest_desc(struct vmmguest *g, unsigned queue, unsigned i, uint64_t at, uint32_t len,
		   uint16_t flags, uint16_t next);
void vmmguest_offer(struct vmmguest *g, unsigned queue, uint16_t head);
void vmmguest_kick(struct vmmguest *g, unsigned queue);
/* Runs the loop until the queue's used index is `idx`; fails the test after 5 s. */
void vmmguest_wait_used(struct vmmguest *g, unsigned queue, uint16_t idx);
uint16_t vmmguest_used(struct vmmguest *g, unsigned queue);
uint32_t vmmguest_used_len(struct vmmguest *g, unsigned queue, unsigned i);
void *vmmguest_data(struct vmmguest *g, uint64_t offset);

#endif
