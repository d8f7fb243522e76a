/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

/*
 * A virtio 1.x device on PCI (VIRTIO 1.2, 4.1), modern only. A device embeds `struct virtio`, fills
 * in its operations and calls virtio_init; the transport in virtio.c serves the guest's driver.
 *
 * The status is a state machine (3.1.1): features can be chosen only between DRIVER and
 * FEATURES_OK, queues can be set up only between FEATURES_OK and DRIVER_OK, everything else is
 * ignored; a driver that skips a step gets NEEDS_RESET. What the device is started with are copies
 * that no write of the guest changes any more.
 *
 * Doorbells are eventfds (`kick_fd`), of KVM's ioeventfd while the device runs; a write that
 * reaches virtio.c does the same. Interrupts are the eventfds of MSI-X vectors (virtio_call_fd). So
 * a queue is complete with two descriptors, wherever its other end is.
 *
 * All functions want the machine's lock.
 */

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#include "vmm/memory.h"
#include "vmm/msix.h"
#include "vmm/pci.h"

#define VIRTIO_QUEUES_MAX     33
#define VIRTIO_QUEUE_SIZE_MAX 1024
#define VIRTIO_BIT(n)	      (1ull << (n))
#define VIRTIO_FEATURES_OF_RINGS                                                                   \
	(VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))

struct virtio_queue {
	uint16_t size_max, size; /* as offered; as the driver chose it */
	bool enabled;
	uint64_t desc, avail, used; /* guest-physical: descriptor, driver and device area */
	uint16_t vector;
	int kick_fd;
};

struct state_reader;
struct state_writer;
struct virtio;
struct virtio_ops {
	/*
	 * The driver is ready: d->queues and d->features are final until `stop`. Not 0: the device
	 * cannot work with them and asks for a reset.
	 */
	int (*start)(struct virtio *d);
	/* Returns when nobody touches the rings any more. Called only after a successful start. */
	void (*stop)(struct virtio *d);
	/* The driver writes its device configuration. Bounds are the device's to check. May be
	 * NULL. */
	void (*config_write)(struct virtio *d, uint64_t offset, const void *data, unsigned len);
	/* The driver gave a running queue another vector. May be NULL. */
	void (*vector_changed)(struct virtio *d, unsigned queue);
	/* Frees the device, which is stopped. */
	void (*destroy)(struct virtio *d);

	/*
	 * When a machine is moved (vmm/virtio_state.h). For a started device: `suspend` returns
	 * when nobody touches the rings and the guest's memory on its behalf any more; `resume`
	 * goes on where that was, or where `load` has put it. Each may be NULL.
	 */
	void (*suspend)(struct virtio *d);
	void (*resume)(struct virtio *d);
	/*
	 * What is the device's own; of rings only those of a started one. `load` takes nothing on
	 * trust, and leaves the device suspended. 0, or -errno with the reason.
	 */
	void (*save)(const struct virtio *d, struct state_writer *w);
	int (*load)(struct virtio *d, struct state_reader *r, struct err *e);
};

struct virtio {
	struct pci_device pci; /* first */
	const struct virtio_ops *ops;
	struct hv *hv;
	const struct memory *mem;
	size_t config_at, config_bytes; /* as in virtio_params */
	struct msix msix;
	unsigned pci_cap_at, msix_cap_at;

	uint64_t offered, features;
	unsigned n_queues;
	struct virtio_queue queues[VIRTIO_QUEUES_MAX];
	uint8_t status, generation;
	uint32_t device_select, driver_select;
	uint16_t queue_select, config_vector;
	bool started;
	_Atomic uint8_t isr;
	uint64_t doorbells_at; /* where ioeventfds are, 0: nowhere */
};

struct virtio_params {
	unsigned type; /* VIRTIO_ID_NET, ... */
	uint32_t class_code;
	uint64_t features; /* VERSION_1 is added */
	unsigned n_queues;
	uint16_t queue_size;
	/* Where in the device the configuration is that its driver reads; behind it are zeroes. */
	size_t config_at, config_bytes;
};

int virtio_init(struct virtio *d, const struct virtio_params *p, const struct virtio_ops *ops,
		struct hv *hv, const struct memory *mem, struct err *e);
/* Stops the device. */
void virtio_fini(struct virtio *d);
/* As the guest's write of 0 to the status register. */
void virtio_reset(struct virtio *d);
/* Also what of PCI is reset with the machine. */
void virtio_power_on(struct virtio *d);

/* The eventfd that interrupts the guest for a queue, -1: none. */
int virtio_call_fd(const struct virtio *d, unsigned queue);
bool virtio_has(const struct virtio *d, unsigned feature);
/* The device's configuration changed: tells the driver. */
void virtio_config_changed(struct virtio *d);
/* The device cannot go on; the driver should reset it. */
void virtio_needs_reset(struct virtio *d);

#endif
