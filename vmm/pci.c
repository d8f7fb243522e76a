/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/pci.h"

#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "vmm/layout.h"

#define ADDRESS_ENABLE	 (1u << 31)
#define FIRST_CAP	 0x40
#define SLOT_WINDOW	 0x100000ull /* of BARs, a slot */
#define COMMAND_WRITABLE (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE)

static void put16(uint8_t *to, uint16_t v)
{
	memcpy(to, &v, sizeof(v));
}

static void put32(uint8_t *to, uint32_t v)
{
	memcpy(to, &v, sizeof(v));
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t v;

	memcpy(&v, from, sizeof(v));
	return v;
}

void pci_device_init(struct pci_device *d, const struct pci_identity *id, const struct pci_ops *ops)
{
	*d = (struct pci_device){.ops = ops, .next_cap = FIRST_CAP};
	put16(d->config + PCI_VENDOR_ID, id->vendor);
	put16(d->config + PCI_DEVICE_ID, id->device);
	put16(d->config + PCI_SUBSYSTEM_VENDOR_ID, id->subsystem_vendor);
	put16(d->config + PCI_SUBSYSTEM_ID, id->subsystem);
	put32(d->config + PCI_CLASS_REVISION, id->class_code << 8 | id->revision);
	put16(d->writable + PCI_COMMAND, COMMAND_WRITABLE);
	d->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	d->writable[PCI_INTERRUPT_LINE] = 0xff;
}

void pci_add_bar(struct pci_device *d, unsigned bar, uint32_t bytes, const struct bus_ops *ops)
{
	d->bars[bar] = (struct pci_bar){bytes, ops};
	put32(d->writable + PCI_BASE_ADDRESS_0 + 4 * bar, ~(bytes - 1));
}

unsigned pci_add_cap(struct pci_device *d, uint8_t id, unsigned len)
{
	unsigned at = d->next_cap;

	d->config[at] = id;
	d->config[d->last_cap ? d->last_cap + 1 : PCI_CAPABILITY_LIST] = (uint8_t)at;
	d->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	d->last_cap = at;
	d->next_cap = (at + len + 3) & ~3u;
	return at;
}

uint64_t pci_bar_address(const struct pci_device *d, unsigned bar)
{
	if (!(d->config[PCI_COMMAND] & PCI_COMMAND_MEMORY))
		return 0;
	return get32(d->config + PCI_BASE_ADDRESS_0 + 4 * bar) & PCI_BASE_ADDRESS_MEM_MASK;
}

static void bars_changed(struct pci_device *d)
{
	if (d->ops && d->ops->bars_changed)
		d->ops->bars_changed(d);
}

void pci_device_reset(struct pci_device *d)
{
	put16(d->config + PCI_COMMAND, 0);
	bars_changed(d);
	for (unsigned bar = 0; bar < PCI_BARS; bar++)
		put32(d->config + PCI_BASE_ADDRESS_0 + 4 * bar, 0);
}

/* --- configuration space ---------------------------------------------------------------------- */

static bool overlaps(unsigned offset, unsigned len, unsigned first, unsigned last)
{
	return offset <= last && offset + len > first;
}

static void config_read(struct pci_device *d, unsigned offset, uint8_t *data, unsigned len)
{
	if (offset + len > PCI_CONFIG_BYTES) {
		memset(data, 0, len); /* no extended capabilities */
		return;
	}
	if (d->ops && d->ops->config_reading)
		d->ops->config_reading(d, offset, len);
	memcpy(data, d->config + offset, len);
}

static void config_write(struct pci_device *d, unsigned offset, const uint8_t *data, unsigned len)
{
	bool moves = overlaps(offset, len, PCI_COMMAND, PCI_COMMAND) ||
		     overlaps(offset, len, PCI_BASE_ADDRESS_0, PCI_BASE_ADDRESS_5 + 3);

	if (offset + len > PCI_CONFIG_BYTES)
		return;
	for (unsigned i = offset; i < offset + len; i++)
		d->config[i] = (uint8_t)((d->config[i] & ~d->writable[i]) |
					 (data[i - offset] & d->writable[i]));
	if (moves)
		bars_changed(d);
	if (d->ops && d->ops->config_written)
		d->ops->config_written(d, offset, len);
}

/* Bus 0, function 0 of its slots; NULL: nobody is there. */
static struct pci_device *device_at(struct pci *p, unsigned bus, unsigned devfn)
{
	return bus == 0 && devfn % 8 == 0 && devfn / 8 < PCI_SLOTS ? p->slots[devfn / 8] : NULL;
}

static void ecam_read(void *device, uint64_t offset, void *data, unsigned len)
{
	struct pci_device *d = device_at(device, (unsigned)(offset >> 20), offset >> 12 & 0xff);

	if (d && len <= 4)
		config_read(d, offset & 0xfff, data, len);
}

static void ecam_write(void *device, uint64_t offset, const void *data, unsigned len)
{
	struct pci_device *d = device_at(device, (unsigned)(offset >> 20), offset >> 12 & 0xff);

	if (d && len <= 4)
		config_write(d, offset & 0xfff, data, len);
}

static const struct bus_ops ecam_ops = {ecam_read, ecam_write};

static void address_read(void *device, uint64_t offset, void *data, unsigned len)
{
	struct pci *p = device;

	memcpy(data, (uint8_t *)&p->address + offset, len);
}

static void address_write(void *device, uint64_t offset, const void *data, unsigned len)
{
	struct pci *p = device;

	if (len == 4)
		memcpy(&p->address, data, len);
}

static const struct bus_ops address_ops = {address_read, address_write};

static struct pci_device *device_addressed(struct pci *p)
{
	if (!(p->address & ADDRESS_ENABLE))
		return NULL;
	return device_at(p, p->address >> 16 & 0xff, p->address >> 8 & 0xff);
}

static void data_read(void *device, uint64_t offset, void *data, unsigned len)
{
	struct pci *p = device;
	struct pci_device *d = device_addressed(p);

	if (d)
		config_read(d, (p->address & 0xfc) + (unsigned)offset, data, len);
}

static void data_write(void *device, uint64_t offset, const void *data, unsigned len)
{
	struct pci *p = device;
	struct pci_device *d = device_addressed(p);

	if (d)
		config_write(d, (p->address & 0xfc) + (unsigned)offset, data, len);
}

static const struct bus_ops data_ops = {data_read, data_write};

/* --- the window of BARs ------------------------------------------------------------------------
 */

/* The BAR that answers at an address of memory, and in `offset` the place inside it. */
static const struct pci_bar *bar_at(struct pci *p, uint64_t address, unsigned len,
				    struct pci_device **device, uint64_t *offset)
{
	for (unsigned slot = 1; slot < PCI_SLOTS; slot++) {
		struct pci_device *d = p->slots[slot];

		for (unsigned bar = 0; d && bar < PCI_BARS && d->bars[bar].bytes; bar++) {
			uint64_t start = pci_bar_address(d, bar);

			if (!start || address < start || address + len > start + d->bars[bar].bytes)
				continue;
			*device = d;
			*offset = address - start;
			return &d->bars[bar];
		}
	}
	return NULL;
}

static void window_read(void *device, uint64_t offset, void *data, unsigned len)
{
	struct pci_device *d;
	uint64_t inside;
	const struct pci_bar *bar = bar_at(device, BAR_WINDOW_START + offset, len, &d, &inside);

	if (bar)
		bar->ops->read(d, inside, data, len);
}

static void window_write(void *device, uint64_t offset, const void *data, unsigned len)
{
	struct pci_device *d;
	uint64_t inside;
	const struct pci_bar *bar = bar_at(device, BAR_WINDOW_START + offset, len, &d, &inside);

	if (bar)
		bar->ops->write(d, inside, data, len);
}

static const struct bus_ops window_ops = {window_read, window_write};

/* --- the bus ------------------------------------------------------------------------------------
 */

void pci_init(struct pci *p, struct bus *ports, struct bus *memory)
{
	static const struct pci_identity bridge = {
		.vendor = 0x8086, .device = 0x0d57, .class_code = 0x060000};

	*p = (struct pci){0};
	pci_device_init(&p->bridge, &bridge, NULL);
	p->slots[0] = &p->bridge;
	bus_add(ports, PORT_PCI_ADDRESS, 4, &address_ops, p);
	bus_add(ports, PORT_PCI_DATA, 4, &data_ops, p);
	bus_add(memory, ECAM_START, ECAM_BYTES, &ecam_ops, p);
	bus_add(memory, BAR_WINDOW_START, BAR_WINDOW_END - BAR_WINDOW_START, &window_ops, p);
}

void pci_plug(struct pci *p, unsigned slot, struct pci_device *d)
{
	uint64_t at = BAR_WINDOW_START + slot * SLOT_WINDOW;

	for (unsigned bar = 0; bar < PCI_BARS && d->bars[bar].bytes; bar++) {
		put32(d->config + PCI_BASE_ADDRESS_0 + 4 * bar, (uint32_t)at);
		at += d->bars[bar].bytes;
	}
	p->slots[slot] = d;
}

void pci_unplug(struct pci *p, unsigned slot)
{
	p->slots[slot] = NULL;
}

unsigned pci_free_slot(const struct pci *p)
{
	for (unsigned slot = 1; slot < PCI_SLOTS; slot++)
		if (!p->slots[slot])
			return slot;
	return 0;
}

/* --- in a machine's state ------------------------------------------------------------------------
 */

void pci_device_save(const struct pci_device *d, struct state_writer *w)
{
	state_put_bytes(w, d->config, sizeof(d->config));
}

/* What the guest cannot write is the same in both, or they are not the same. */
int pci_device_load(struct pci_device *d, struct state_reader *r, const char *name, struct err *e)
{
	uint8_t config[PCI_CONFIG_BYTES];

	state_get_bytes(r, config, sizeof(config));
	for (unsigned i = 0; i < PCI_CONFIG_BYTES && !r->bad; i++)
		if ((config[i] ^ d->config[i]) & ~d->writable[i])
			return err_set(e, ENOTSUP,
				       "%s: the guest knows another device in its place; give this "
				       "weft-vmm the same options",
				       name);
	memcpy(d->config, config, sizeof(config));
	return 0;
}
