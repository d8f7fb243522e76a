/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/virtio.h"

#include <errno.h>
#include <linux/virtio_pci.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/util.h"

/* BAR 0, a page for each structure. */
enum {
	BAR = 0,
	AT_COMMON = 0x0000,
	AT_ISR = 0x1000,
	AT_DEVICE = 0x2000,
	AT_NOTIFY = 0x3000,
	AT_TABLE = 0x4000,
	AT_PENDING = 0x5000,
	BAR_BYTES = 0x8000,
	PAGE = 0x1000,
	NOTIFY_MULTIPLIER = 4,
};

enum { ISR_CONFIG = 2 };
enum { MSIX_CAP_BYTES = 12, PCI_VENDOR_VIRTIO = 0x1af4, PCI_DEVICE_MODERN = 0x1040 };

#define STATUS_NEEDS_RESET VIRTIO_CONFIG_S_NEEDS_RESET

static struct virtio *virtio_of(struct pci_device *pci)
{
	return container_of(pci, struct virtio, pci);
}

int virtio_call_fd(const struct virtio *d, unsigned queue)
{
	return msix_fd(&d->msix, d->queues[queue].vector);
}

bool virtio_has(const struct virtio *d, unsigned feature)
{
	return d->features >> feature & 1;
}

static void raise(int fd)
{
	const uint64_t one = 1;

	if (fd >= 0)
		(void)!write(fd, &one, sizeof(one));
}

void virtio_config_changed(struct virtio *d)
{
	d->generation++;
	atomic_fetch_or(&d->isr, ISR_CONFIG);
	if (d->status & VIRTIO_CONFIG_S_DRIVER_OK)
		raise(msix_fd(&d->msix, d->config_vector));
}

void virtio_needs_reset(struct virtio *d)
{
	d->status |= STATUS_NEEDS_RESET;
	virtio_config_changed(d);
}

/* --- doorbells ---------------------------------------------------------------------------------
 */

static void set_doorbells(struct virtio *d, uint64_t at, bool on)
{
	for (unsigned q = 0; q < d->n_queues; q++)
		if (d->queues[q].enabled)
			d->hv->ops->ioeventfd(d->hv, at + AT_NOTIFY + q * NOTIFY_MULTIPLIER,
					      d->queues[q].kick_fd, on);
}

/* Keeps the ioeventfds where the BAR is; there are none while it does not answer. */
static void place_doorbells(struct virtio *d)
{
	uint64_t at = d->started ? pci_bar_address(&d->pci, BAR) : 0;

	if (at == d->doorbells_at)
		return;
	if (d->doorbells_at)
		set_doorbells(d, d->doorbells_at, false);
	if (at)
		set_doorbells(d, at, true);
	d->doorbells_at = at;
}

static void bars_changed(struct pci_device *pci)
{
	place_doorbells(virtio_of(pci));
}

/* --- status ------------------------------------------------------------------------------------
 */

static void reset_queue(struct virtio_queue *q)
{
	uint64_t count;

	q->size = q->size_max;
	q->enabled = false;
	q->desc = q->avail = q->used = 0;
	q->vector = MSIX_NONE;
	(void)!read(q->kick_fd, &count, sizeof(count));
}

static void stop(struct virtio *d)
{
	if (!d->started)
		return;
	d->started = false;
	place_doorbells(d);
	d->ops->stop(d);
}

void virtio_reset(struct virtio *d)
{
	stop(d);
	for (unsigned q = 0; q < d->n_queues; q++)
		reset_queue(&d->queues[q]);
	d->status = 0;
	d->features = 0;
	d->device_select = d->driver_select = 0;
	d->queue_select = 0;
	d->config_vector = MSIX_NONE;
	atomic_store(&d->isr, 0);
}

void virtio_power_on(struct virtio *d)
{
	virtio_reset(d);
	msix_reset(&d->msix);
	d->pci.config[d->msix_cap_at + PCI_MSIX_FLAGS + 1] &=
		(uint8_t) ~((PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8);
}

static void start(struct virtio *d)
{
	if (d->ops->start(d) < 0) {
		virtio_needs_reset(d);
		return;
	}
	d->started = true;
	place_doorbells(d);
}

static bool features_ok(const struct virtio *d)
{
	return (d->features & ~d->offered) == 0 && virtio_has(d, VIRTIO_F_VERSION_1);
}

/* Steps come one after the other, each once; 2.1.1: the driver must not clear bits. */
static void write_status(struct virtio *d, uint8_t wanted)
{
	uint8_t added = wanted & ~d->status;

	if (wanted == 0) {
		virtio_reset(d);
		return;
	}
	if (d->status & STATUS_NEEDS_RESET || d->status & VIRTIO_CONFIG_S_FAILED)
		return;
	if ((d->status & ~wanted) != 0) {
		virtio_needs_reset(d);
		return;
	}
	if (added & VIRTIO_CONFIG_S_FEATURES_OK &&
	    (!(wanted & VIRTIO_CONFIG_S_DRIVER) || !features_ok(d)))
		added &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	if (added & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !((d->status | added) & VIRTIO_CONFIG_S_FEATURES_OK)) {
		virtio_needs_reset(d);
		return;
	}
	d->status |= added;
	if (added & VIRTIO_CONFIG_S_DRIVER_OK)
		start(d);
}

/* --- common configuration ----------------------------------------------------------------------
 */

static bool may_choose_features(const struct virtio *d)
{
	return d->status & VIRTIO_CONFIG_S_DRIVER && !(d->status & VIRTIO_CONFIG_S_FEATURES_OK);
}

static bool may_set_queues(const struct virtio *d)
{
	return d->status & VIRTIO_CONFIG_S_FEATURES_OK && !(d->status & VIRTIO_CONFIG_S_DRIVER_OK);
}

static struct virtio_queue *selected(struct virtio *d)
{
	return d->queue_select < d->n_queues ? &d->queues[d->queue_select] : NULL;
}

static uint32_t half(uint64_t v, uint32_t select)
{
	return select > 1 ? 0 : (uint32_t)(v >> 32 * select);
}

static void set_half(uint64_t *v, uint32_t select, uint32_t value)
{
	uint64_t mask = 0xffffffffull << 32 * select;

	*v = (*v & ~mask) | (uint64_t)value << 32 * select;
}

static uint64_t read_queue(struct virtio *d, uint64_t offset)
{
	const struct virtio_queue *q = selected(d);

	if (!q)
		return offset == VIRTIO_PCI_COMMON_Q_MSIX ? MSIX_NONE : 0;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return q->size;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return q->vector;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return q->enabled;
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return d->queue_select;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		return half(q->desc, offset == VIRTIO_PCI_COMMON_Q_DESCHI);
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		return half(q->avail, offset == VIRTIO_PCI_COMMON_Q_AVAILHI);
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return half(q->used, offset == VIRTIO_PCI_COMMON_Q_USEDHI);
	default:
		return 0;
	}
}

static uint64_t read_common(struct virtio *d, uint64_t offset)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return d->device_select;
	case VIRTIO_PCI_COMMON_DF:
		return half(d->offered, d->device_select);
	case VIRTIO_PCI_COMMON_GFSELECT:
		return d->driver_select;
	case VIRTIO_PCI_COMMON_GF:
		return half(d->features, d->driver_select);
	case VIRTIO_PCI_COMMON_MSIX:
		return d->config_vector;
	case VIRTIO_PCI_COMMON_NUMQ:
		return d->n_queues;
	case VIRTIO_PCI_COMMON_STATUS:
		return d->status;
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return d->generation;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return d->queue_select;
	default:
		return read_queue(d, offset);
	}
}

static uint16_t valid_vector(const struct virtio *d, uint32_t v)
{
	return v < d->msix.n ? (uint16_t)v : MSIX_NONE;
}

static void enable_queue(struct virtio *d, struct virtio_queue *q, uint32_t value)
{
	if (value == 1 && q->size)
		q->enabled = true;
}

static bool is_ring_size(uint32_t v, uint32_t max)
{
	return v && v <= max && (v & (v - 1)) == 0;
}

static void write_ring(struct virtio_queue *q, uint64_t offset, uint32_t v)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		if (is_ring_size(v, q->size_max))
			q->size = (uint16_t)v;
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		set_half(&q->desc, offset == VIRTIO_PCI_COMMON_Q_DESCHI, v);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		set_half(&q->avail, offset == VIRTIO_PCI_COMMON_Q_AVAILHI, v);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		set_half(&q->used, offset == VIRTIO_PCI_COMMON_Q_USEDHI, v);
		break;
	}
}

static void write_vector(struct virtio *d, struct virtio_queue *q, uint32_t v)
{
	q->vector = valid_vector(d, v);
	if (d->started && q->enabled && d->ops->vector_changed)
		d->ops->vector_changed(d, d->queue_select);
}

static void write_queue(struct virtio *d, uint64_t offset, uint32_t v)
{
	struct virtio_queue *q = selected(d);

	if (!q)
		return;
	if (offset == VIRTIO_PCI_COMMON_Q_MSIX)
		write_vector(d, q, v);
	else if (!may_set_queues(d) || q->enabled)
		return;
	else if (offset == VIRTIO_PCI_COMMON_Q_ENABLE)
		enable_queue(d, q, v);
	else
		write_ring(q, offset, v);
}

static void write_common(struct virtio *d, uint64_t offset, uint32_t v)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		d->device_select = v;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		d->driver_select = v;
		break;
	case VIRTIO_PCI_COMMON_GF:
		if (may_choose_features(d) && d->driver_select <= 1)
			set_half(&d->features, d->driver_select, v);
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		d->config_vector = valid_vector(d, v);
		break;
	case VIRTIO_PCI_COMMON_STATUS:
		write_status(d, (uint8_t)v);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		d->queue_select = (uint16_t)v;
		break;
	default:
		write_queue(d, offset, v);
	}
}

/* --- BAR 0 --------------------------------------------------------------------------------------
 */

static void bar_read(void *device, uint64_t offset, void *data, unsigned len)
{
	struct virtio *d = virtio_of(device);
	uint64_t inside = offset % PAGE, value = 0;

	memset(data, 0, len);
	switch (offset - inside) {
	case AT_COMMON:
		value = read_common(d, inside);
		memcpy(data, &value, len);
		break;
	case AT_ISR:
		value = inside == 0 ? atomic_exchange(&d->isr, 0) : 0;
		memcpy(data, &value, len);
		break;
	case AT_DEVICE:
		if (inside < d->config_bytes)
			memcpy(data, (const uint8_t *)d + d->config_at + inside,
			       MIN_OF(len, d->config_bytes - inside));
		break;
	case AT_TABLE:
		msix_table_read(&d->msix, inside, data, len);
		break;
	case AT_PENDING:
		msix_pending_read(&d->msix, inside, data, len);
		break;
	}
}

static void ring_doorbell(struct virtio *d, uint64_t offset)
{
	uint64_t q = offset / NOTIFY_MULTIPLIER;

	if (d->started && q < d->n_queues && d->queues[q].enabled)
		raise(d->queues[q].kick_fd);
}

static void bar_write(void *device, uint64_t offset, const void *data, unsigned len)
{
	struct virtio *d = virtio_of(device);
	uint64_t inside = offset % PAGE;
	uint32_t value = 0;

	memcpy(&value, data, MIN_OF(len, sizeof(value)));
	switch (offset - inside) {
	case AT_COMMON:
		if (len <= sizeof(value))
			write_common(d, inside, value);
		break;
	case AT_DEVICE:
		if (d->ops->config_write)
			d->ops->config_write(d, inside, data, len);
		break;
	case AT_NOTIFY:
		ring_doorbell(d, inside);
		break;
	case AT_TABLE:
		msix_table_write(&d->msix, inside, data, len);
		break;
	}
}

static const struct bus_ops bar_ops = {bar_read, bar_write};

/* --- PCI configuration -------------------------------------------------------------------------
 */

/* The window of VIRTIO_PCI_CAP_PCI_CFG (4.1.4.9) that configuration accesses reach the BAR by. */
static bool window_target(struct virtio *d, uint32_t *offset, uint32_t *len)
{
	const uint8_t *cap = d->pci.config + d->pci_cap_at;

	memcpy(offset, cap + VIRTIO_PCI_CAP_OFFSET, sizeof(*offset));
	memcpy(len, cap + VIRTIO_PCI_CAP_LENGTH, sizeof(*len));
	return cap[VIRTIO_PCI_CAP_BAR] == BAR && (*len == 1 || *len == 2 || *len == 4) &&
	       *offset % *len == 0 && *offset < BAR_BYTES;
}

static bool is_window(const struct virtio *d, unsigned offset, unsigned len)
{
	unsigned at = d->pci_cap_at + sizeof(struct virtio_pci_cap);

	return offset < at + 4 && offset + len > at;
}

static void config_reading(struct pci_device *pci, unsigned offset, unsigned len)
{
	struct virtio *d = virtio_of(pci);
	uint32_t at, bytes;

	if (is_window(d, offset, len) && window_target(d, &at, &bytes))
		bar_read(pci, at, pci->config + d->pci_cap_at + sizeof(struct virtio_pci_cap),
			 bytes);
}

static void config_written(struct pci_device *pci, unsigned offset, unsigned len)
{
	struct virtio *d = virtio_of(pci);
	uint32_t at, bytes;
	uint16_t flags;

	memcpy(&flags, pci->config + d->msix_cap_at + PCI_MSIX_FLAGS, sizeof(flags));
	if (offset < d->msix_cap_at + PCI_MSIX_TABLE && offset + len > d->msix_cap_at)
		msix_control(&d->msix, flags & PCI_MSIX_FLAGS_ENABLE,
			     flags & PCI_MSIX_FLAGS_MASKALL);
	if (is_window(d, offset, len) && window_target(d, &at, &bytes))
		bar_write(pci, at, pci->config + d->pci_cap_at + sizeof(struct virtio_pci_cap),
			  bytes);
}

static const struct pci_ops pci_ops = {config_reading, config_written, bars_changed};

static unsigned add_structure(struct virtio *d, uint8_t type, uint32_t at, uint32_t bytes,
			      unsigned extra)
{
	unsigned len = sizeof(struct virtio_pci_cap) + extra;
	unsigned cap = pci_add_cap(&d->pci, PCI_CAP_ID_VNDR, len);
	struct virtio_pci_cap *c = (struct virtio_pci_cap *)(d->pci.config + cap);

	c->cap_len = (uint8_t)len;
	c->cfg_type = type;
	c->bar = BAR;
	c->offset = at;
	c->length = bytes;
	return cap;
}

static void add_structures(struct virtio *d)
{
	const uint32_t multiplier = NOTIFY_MULTIPLIER;
	unsigned cap;

	add_structure(d, VIRTIO_PCI_CAP_COMMON_CFG, AT_COMMON, VIRTIO_PCI_COMMON_Q_USEDHI + 4, 0);
	add_structure(d, VIRTIO_PCI_CAP_ISR_CFG, AT_ISR, 4, 0);
	add_structure(d, VIRTIO_PCI_CAP_DEVICE_CFG, AT_DEVICE, PAGE, 0);
	cap = add_structure(d, VIRTIO_PCI_CAP_NOTIFY_CFG, AT_NOTIFY, PAGE, sizeof(multiplier));
	memcpy(d->pci.config + cap + sizeof(struct virtio_pci_cap), &multiplier,
	       sizeof(multiplier));
	cap = add_structure(d, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 4);
	d->pci.writable[cap + VIRTIO_PCI_CAP_BAR] = 0xff;
	memset(d->pci.writable + cap + VIRTIO_PCI_CAP_OFFSET, 0xff, 12);
	d->pci_cap_at = cap;
}

static void add_msix(struct virtio *d)
{
	unsigned cap = pci_add_cap(&d->pci, PCI_CAP_ID_MSIX, MSIX_CAP_BYTES);
	uint32_t table = AT_TABLE | BAR, pending = AT_PENDING | BAR;
	uint16_t flags = (uint16_t)(d->msix.n - 1);

	memcpy(d->pci.config + cap + PCI_MSIX_FLAGS, &flags, sizeof(flags));
	memcpy(d->pci.config + cap + PCI_MSIX_TABLE, &table, sizeof(table));
	memcpy(d->pci.config + cap + PCI_MSIX_PBA, &pending, sizeof(pending));
	d->pci.writable[cap + PCI_MSIX_FLAGS + 1] =
		(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8;
	d->msix_cap_at = cap;
}

static int init_queues(struct virtio *d, const struct virtio_params *p, struct err *e)
{
	for (unsigned q = 0; q < p->n_queues; q++) {
		d->queues[q].size_max = p->queue_size;
		d->queues[q].kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (d->queues[q].kick_fd < 0)
			return err_set(e, errno, "no descriptors are left; raise ulimit -n");
		d->n_queues++;
	}
	return 0;
}

int virtio_init(struct virtio *d, const struct virtio_params *p, const struct virtio_ops *ops,
		struct hv *hv, const struct memory *mem, struct err *e)
{
	const struct pci_identity id = {
		.vendor = PCI_VENDOR_VIRTIO,
		.device = (uint16_t)(PCI_DEVICE_MODERN + p->type),
		.subsystem_vendor = PCI_VENDOR_VIRTIO,
		.subsystem = (uint16_t)(PCI_DEVICE_MODERN + p->type),
		.class_code = p->class_code,
		.revision = 1,
	};
	int ret;

	pci_device_init(&d->pci, &id, &pci_ops);
	d->ops = ops;
	d->hv = hv;
	d->mem = mem;
	d->config_at = p->config_at;
	d->config_bytes = p->config_bytes;
	d->n_queues = 0;
	d->started = false;
	d->doorbells_at = 0;
	d->offered = p->features | VIRTIO_BIT(VIRTIO_F_VERSION_1);
	ret = msix_init(&d->msix, hv, p->n_queues + 1, e);
	ret = ret ?: init_queues(d, p, e);
	if (ret) {
		virtio_fini(d);
		return ret;
	}
	pci_add_bar(&d->pci, BAR, BAR_BYTES, &bar_ops);
	add_structures(d);
	add_msix(d);
	virtio_reset(d);
	return 0;
}

void virtio_fini(struct virtio *d)
{
	stop(d);
	msix_fini(&d->msix);
	for (unsigned q = 0; q < d->n_queues; q++)
		if (d->queues[q].kick_fd >= 0)
			close(d->queues[q].kick_fd);
	d->n_queues = 0;
}
