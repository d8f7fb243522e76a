/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/vmmguest.h"

#include <linux/virtio_pci.h>
#include <string.h>

#include "common/clock.h"
#include "tests/lib/test.h"
#include "vmm/layout.h"

#define SLOT	   1
#define NOTIFY_AT  0x3000
#define TABLE_AT   0x4000
#define WAIT_MS	   5000
#define AVAIL_STEP 0x1000
#define USED_STEP  0x2000

static struct vmmguest *guest_of(struct hv *hv)
{
	return container_of(hv, struct vmmguest, hv);
}

static int irqfd(struct hv *hv, unsigned gsi, int fd, bool on)
{
	guest_of(hv)->irqfds[gsi % GUEST_GSIS] = on ? fd : -1;
	return 0;
}

static int route(struct hv *hv, unsigned gsi, uint64_t address, uint32_t data)
{
	guest_of(hv)->routes_set++;
	return 0;
}

static int ioeventfd(struct hv *hv, uint64_t address, int fd, bool on)
{
	guest_of(hv)->doorbells += on ? 1 : -1u;
	return 0;
}

static int gsi_get(struct hv *hv)
{
	return (int)guest_of(hv)->next_gsi++;
}

static void gsi_put(struct hv *hv, unsigned gsi)
{
}

static const struct hv_ops hv_ops = {irqfd, route, ioeventfd, gsi_get, gsi_put};

void vmmguest_init(struct vmmguest *g, uint64_t memory_bytes)
{
	struct memory_params p = {.bytes = memory_bytes};

	memset(g, 0, sizeof(*g));
	g->hv.ops = &hv_ops;
	g->next_gsi = GSI_MSI_FIRST;
	for (unsigned i = 0; i < GUEST_GSIS; i++)
		g->irqfds[i] = -1;
	g->loop = loop_create();
	if (!g->loop || memory_init(&g->mem, &p, NULL) < 0)
		__builtin_trap();
	pci_init(&g->pci, &g->ports, &g->memory_bus);
}

void vmmguest_fini(struct vmmguest *g)
{
	struct pci_device *d = g->pci.slots[SLOT];

	if (d) {
		struct virtio *v = container_of(d, struct virtio, pci);

		v->ops->destroy(v);
	}
	loop_destroy(g->loop);
	memory_fini(&g->mem);
}

struct device_env vmmguest_env(struct vmmguest *g)
{
	return (struct device_env){.hv = &g->hv, .mem = &g->mem, .loop = g->loop};
}

uint32_t vmmguest_config_read(struct vmmguest *g, unsigned slot, unsigned offset, unsigned len)
{
	uint32_t v = 0;

	bus_read(&g->memory_bus, ECAM_START + (slot << 15) + offset, &v, len);
	return v;
}

void vmmguest_config_write(struct vmmguest *g, unsigned slot, unsigned offset, uint32_t value,
			   unsigned len)
{
	bus_write(&g->memory_bus, ECAM_START + (slot << 15) + offset, &value, len);
}

static unsigned find_cap(struct vmmguest *g, uint8_t id)
{
	unsigned at = vmmguest_config_read(g, SLOT, PCI_CAPABILITY_LIST, 1);

	while (at && vmmguest_config_read(g, SLOT, at, 1) != id)
		at = vmmguest_config_read(g, SLOT, at + 1, 1);
	return at;
}

void vmmguest_plug(struct vmmguest *g, struct virtio *d)
{
	unsigned cap;

	pci_plug(&g->pci, SLOT, &d->pci);
	g->bar = vmmguest_config_read(g, SLOT, PCI_BASE_ADDRESS_0, 4) & PCI_BASE_ADDRESS_MEM_MASK;
	vmmguest_config_write(g, SLOT, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	cap = find_cap(g, PCI_CAP_ID_MSIX);
	vmmguest_config_write(g, SLOT, cap + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE, 2);
	for (unsigned v = 0; v < d->msix.n; v++) {
		uint32_t entry[] = {LAPIC_AT, 0, 0x30 + v, 0};

		for (unsigned i = 0; i < ARRAY_SIZE(entry); i++)
			bus_write(&g->memory_bus, g->bar + TABLE_AT + v * MSIX_ENTRY + 4 * i,
				  &entry[i], 4);
	}
}

uint32_t vmmguest_common_read(struct vmmguest *g, unsigned offset, unsigned len)
{
	uint32_t v = 0;

	bus_read(&g->memory_bus, g->bar + offset, &v, len);
	return v;
}

void vmmguest_common_write(struct vmmguest *g, unsigned offset, uint32_t value, unsigned len)
{
	bus_write(&g->memory_bus, g->bar + offset, &value, len);
}

void vmmguest_status(struct vmmguest *g, uint8_t status)
{
	vmmguest_common_write(g, VIRTIO_PCI_COMMON_STATUS, status, 1);
}

void vmmguest_negotiate(struct vmmguest *g, uint64_t features)
{
	const uint8_t steps = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	features |= VIRTIO_BIT(VIRTIO_F_VERSION_1);
	vmmguest_status(g, 0);
	vmmguest_status(g, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vmmguest_status(g, steps);
	for (unsigned half = 0; half < 2; half++) {
		vmmguest_common_write(g, VIRTIO_PCI_COMMON_GFSELECT, half, 4);
		vmmguest_common_write(g, VIRTIO_PCI_COMMON_GF, (uint32_t)(features >> 32 * half),
				      4);
	}
	vmmguest_status(g, steps | VIRTIO_CONFIG_S_FEATURES_OK);
}

static uint64_t ring_at(unsigned queue)
{
	return GUEST_RING_AT + queue * GUEST_RING_STEP;
}

static void write_address(struct vmmguest *g, unsigned offset, uint64_t value)
{
	vmmguest_common_write(g, offset, (uint32_t)value, 4);
	vmmguest_common_write(g, offset + 4, (uint32_t)(value >> 32), 4);
}

void vmmguest_queue(struct vmmguest *g, unsigned queue)
{
	uint64_t at = ring_at(queue);

	memset(memory_at(&g->mem, at, GUEST_RING_STEP), 0, GUEST_RING_STEP);
	g->avail[queue] = 0;
	vmmguest_common_write(g, VIRTIO_PCI_COMMON_Q_SELECT, queue, 2);
	vmmguest_common_write(g, VIRTIO_PCI_COMMON_Q_SIZE, GUEST_RING, 2);
	vmmguest_common_write(g, VIRTIO_PCI_COMMON_Q_MSIX, queue + 1, 2);
	write_address(g, VIRTIO_PCI_COMMON_Q_DESCLO, at);
	write_address(g, VIRTIO_PCI_COMMON_Q_AVAILLO, at + AVAIL_STEP);
	write_address(g, VIRTIO_PCI_COMMON_Q_USEDLO, at + USED_STEP);
	vmmguest_common_write(g, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
}

void vmmguest_driver_ok(struct vmmguest *g)
{
	vmmguest_status(g, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
				   VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
}

void vmmguest_drive(struct vmmguest *g, uint64_t features, unsigned n_queues)
{
	vmmguest_negotiate(g, features);
	for (unsigned q = 0; q < n_queues; q++)
		vmmguest_queue(g, q);
	vmmguest_driver_ok(g);
}

void vmmguest_desc(struct vmmguest *g, unsigned queue, unsigned i, uint64_t at, uint32_t len,
		   uint16_t flags, uint16_t next)
{
	struct vring_desc *table = memory_at(&g->mem, ring_at(queue), AVAIL_STEP);

	table[i] = (struct vring_desc){at, len, flags, next};
}

void vmmguest_offer(struct vmmguest *g, unsigned queue, uint16_t head)
{
	struct vring_avail *a = memory_at(&g->mem, ring_at(queue) + AVAIL_STEP, AVAIL_STEP);

	a->ring[g->avail[queue]++ % GUEST_RING] = head;
	__atomic_store_n(&a->idx, g->avail[queue], __ATOMIC_RELEASE);
}

void vmmguest_kick(struct vmmguest *g, unsigned queue)
{
	uint16_t q = (uint16_t)queue;

	bus_write(&g->memory_bus, g->bar + NOTIFY_AT + 4 * queue, &q, sizeof(q));
}

static struct vring_used *used_ring(struct vmmguest *g, unsigned queue)
{
	return memory_at(&g->mem, ring_at(queue) + USED_STEP, AVAIL_STEP);
}

uint16_t vmmguest_used(struct vmmguest *g, unsigned queue)
{
	return __atomic_load_n(&used_ring(g, queue)->idx, __ATOMIC_ACQUIRE);
}

uint32_t vmmguest_used_len(struct vmmguest *g, unsigned queue, unsigned i)
{
	return used_ring(g, queue)->ring[i % GUEST_RING].len;
}

void vmmguest_wait_used(struct vmmguest *g, unsigned queue, uint16_t idx)
{
	uint64_t end_ms = clock_now_ms() + WAIT_MS;

	while (vmmguest_used(g, queue) != idx) {
		if (clock_now_ms() > end_ms)
			fail_msg("queue %u: used index %u instead of %u", queue,
				 vmmguest_used(g, queue), idx);
		loop_run_once(g->loop, 1);
	}
}

void *vmmguest_data(struct vmmguest *g, uint64_t offset)
{
	return memory_at(&g->mem, GUEST_DATA_AT + offset, 0x10000);
}
