/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/virtio_state.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define STATUS_STEPS                                                                               \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |      \
	 VIRTIO_CONFIG_S_DRIVER_OK)

void virtio_suspend(struct virtio *d)
{
	if (d->started && d->ops->suspend)
		d->ops->suspend(d);
}

static void wake(int fd)
{
	const uint64_t one = 1;

	if (fd >= 0)
		(void)!write(fd, &one, sizeof(one));
}

void virtio_resume(struct virtio *d)
{
	if (!d->started)
		return;
	if (d->ops->resume)
		d->ops->resume(d);
	for (unsigned q = 0; q < d->n_queues; q++) {
		if (!d->queues[q].enabled)
			continue;
		wake(d->queues[q].kick_fd);
		wake(virtio_call_fd(d, q));
	}
}

/* --- writing -------------------------------------------------------------------------------------
 */

static void save_queue(const struct virtio_queue *q, struct state_writer *w)
{
	state_put_u16(w, q->size);
	state_put_u8(w, q->enabled);
	state_put_u64(w, q->desc);
	state_put_u64(w, q->avail);
	state_put_u64(w, q->used);
	state_put_u16(w, q->vector);
}

void virtio_save(const struct virtio *d, struct state_writer *w)
{
	pci_device_save(&d->pci, w);
	state_put_u64(w, d->features);
	state_put_u8(w, d->status);
	state_put_u8(w, d->generation);
	state_put_u8(w, d->started);
	state_put_u8(w, atomic_load(&d->isr));
	state_put_u32(w, d->device_select);
	state_put_u32(w, d->driver_select);
	state_put_u16(w, d->queue_select);
	state_put_u16(w, d->config_vector);
	for (unsigned q = 0; q < d->n_queues; q++)
		save_queue(&d->queues[q], w);
	msix_save(&d->msix, w);
	if (d->ops->save)
		d->ops->save(d, w);
}

/* --- reading -------------------------------------------------------------------------------------
 */

static bool is_vector(const struct virtio *d, uint16_t v)
{
	return v == MSIX_NONE || v < d->msix.n;
}

static int load_queue(struct virtio *d, struct virtio_queue *q, struct state_reader *r,
		      struct err *e)
{
	uint16_t size = state_get_u16(r);

	q->enabled = state_get_u8(r) == 1;
	q->desc = state_get_u64(r);
	q->avail = state_get_u64(r);
	q->used = state_get_u64(r);
	q->vector = state_get_u16(r);
	if (!size || size > q->size_max || size & (size - 1) || !is_vector(d, q->vector))
		return state_refuse(r, e, "a queue that the device cannot have");
	q->size = size;
	return 0;
}

static int load_status(struct virtio *d, struct state_reader *r, struct err *e)
{
	bool started;

	d->features = state_get_u64(r);
	d->status = state_get_u8(r);
	d->generation = state_get_u8(r);
	started = state_get_u8(r) == 1;
	atomic_store(&d->isr, state_get_u8(r));
	d->device_select = state_get_u32(r);
	d->driver_select = state_get_u32(r);
	d->queue_select = state_get_u16(r);
	d->config_vector = state_get_u16(r);
	if (!is_vector(d, d->config_vector) ||
	    (started && (d->status & STATUS_STEPS) != STATUS_STEPS))
		return state_refuse(r, e, "a status that the device cannot have");
	for (unsigned q = 0; q < d->n_queues; q++)
		if (load_queue(d, &d->queues[q], r, e) < 0)
			return -EPROTO;
	/* After the queues: whoever destroys the device stops it by them. */
	d->started = started;
	return 0;
}

static int check_features(const struct virtio *d, const char *name, struct err *e)
{
	uint64_t lacks = d->features & ~d->offered;

	if (!(d->status & VIRTIO_CONFIG_S_FEATURES_OK) || !lacks)
		return 0;
	return err_set(e, ENOTSUP,
		       "%s: the guest uses features that are not offered here (0x%llx); give the "
		       "device the same options, and its backend the same features",
		       name, (unsigned long long)lacks);
}

static void connect_vectors(struct virtio *d)
{
	uint16_t flags;

	memcpy(&flags, d->pci.config + d->msix_cap_at + PCI_MSIX_FLAGS, sizeof(flags));
	msix_control(&d->msix, flags & PCI_MSIX_FLAGS_ENABLE, flags & PCI_MSIX_FLAGS_MASKALL);
}

int virtio_load(struct virtio *d, struct state_reader *r, const char *name, struct err *e)
{
	int ret = pci_device_load(&d->pci, r, name, e);

	ret = ret ?: load_status(d, r, e) ?: check_features(d, name, e) ?: msix_load(&d->msix, r, e);
	if (!ret && d->ops->load)
		ret = d->ops->load(d, r, e);
	ret = ret ?: state_done(r, e);
	if (ret)
		return ret;
	connect_vectors(d);
	d->pci.ops->bars_changed(&d->pci);
	return 0;
}
