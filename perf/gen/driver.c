/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

#define HDR_BYTES_LEGACY     sizeof(struct virtio_net_hdr)
#define HDR_BYTES	     sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define RING_BYTES_MAX(size) ((size_t)(size)*32 + 3 * 4096)

void driver_options_init(struct driver_options *o)
{
	*o = (struct driver_options){
		.features = DRIVER_FEATURES_BASIC,
		.ring_size = 256,
		.n_pairs = 1,
		.n_regions = 1,
		.tx_slot_bytes = 2048,
		.rx_buf_bytes = 2048,
		.rx_buf_descs = 1,
	};
}

static size_t tables_bytes(const struct driver_options *o)
{
	if (o->direct_only)
		return 0;
	return (size_t)o->ring_size * DRIVER_DESCS_MAX * sizeof(struct vring_desc);
}

static size_t memory_bytes(const struct driver_options *o)
{
	size_t slots = ((size_t)o->tx_slot_bytes + o->rx_buf_bytes) * o->ring_size;
	size_t pair = slots + tables_bytes(o) + 2 * RING_BYTES_MAX(o->ring_size) + 3 * 4096;

	return pair * o->n_pairs + o->extra_bytes;
}

static int queue_init(struct driver_queue *q, struct driver *d, bool tx, struct err *e)
{
	const struct driver_options *o = &d->o;
	int ret = virtq_init(&q->vq, &d->mem, o->ring_size, e);

	if (ret)
		return ret;
	q->slot_bytes = tx ? o->tx_slot_bytes : o->rx_buf_bytes;
	q->slots = guestmem_alloc(&d->mem, (size_t)q->slot_bytes * o->ring_size, 4096);
	if (tx) {
		q->tables = guestmem_alloc(&d->mem, tables_bytes(o), 4096);
		q->free_slots = calloc(o->ring_size, sizeof(*q->free_slots));
	}
	if (!q->slots || (tx && (!q->tables || !q->free_slots)))
		return err_set(e, ENOMEM, "no room for the buffers of %u ring entries",
			       o->ring_size);
	return 0;
}

static int check_options(const struct driver_options *o, struct err *e)
{
	if (!o->n_pairs || o->n_pairs > DRIVER_PAIRS_MAX)
		return err_set(e, EINVAL, "1 to %d queue pairs are possible", DRIVER_PAIRS_MAX);
	if (!o->rx_buf_descs || o->rx_buf_descs > DRIVER_DESCS_MAX ||
	    o->rx_buf_bytes / o->rx_buf_descs < HDR_BYTES || o->rx_buf_descs > o->ring_size)
		return err_set(e, EINVAL,
			       "a receive buffer of %u bytes cannot be cut into %u pieces",
			       o->rx_buf_bytes, o->rx_buf_descs);
	if (!(o->features & DRIVER_F(VIRTIO_F_RING_PACKED)) && (o->ring_size & (o->ring_size - 1)))
		return err_set(e, EINVAL,
			       "ring size %u: only packed rings can do without a power "
			       "of two",
			       o->ring_size);
	return 0;
}

int driver_init(struct driver *d, const struct driver_options *o, struct err *e)
{
	int ret = check_options(o, e);

	*d = (struct driver){.o = *o, .n_queues = 2 * o->n_pairs};
	frontend_init(&d->frontend);
	if (ret)
		return ret;
	ret = guestmem_init(&d->mem, memory_bytes(o), o->n_regions, o->huge, e);
	if (ret)
		return ret;
	d->queues = calloc(d->n_queues, sizeof(*d->queues));
	if (!d->queues) {
		ret = err_set(e, ENOMEM, "out of memory");
		goto err_fini;
	}
	for (unsigned i = 0; i < d->n_queues; i++)
		d->queues[i].vq.kick_fd = d->queues[i].vq.call_fd = -1;
	for (unsigned i = 0; i < d->n_queues; i++) {
		ret = queue_init(&d->queues[i], d, i & 1, e);
		if (ret)
			goto err_fini;
	}
	return 0;

err_fini:
	driver_fini(d);
	return ret;
}

void driver_fini(struct driver *d)
{
	frontend_close(&d->frontend);
	for (unsigned i = 0; d->queues && i < d->n_queues; i++) {
		virtq_fini(&d->queues[i].vq);
		free(d->queues[i].free_slots);
	}
	free(d->queues);
	d->queues = NULL;
	guestmem_fini(&d->mem);
}

int driver_connect(struct driver *d, const char *path, int wait_ms, struct err *e)
{
	return frontend_connect(&d->frontend, path, wait_ms, e);
}

int driver_accept(struct driver *d, const char *path, int wait_ms, struct err *e)
{
	int ret;

	if (d->frontend.listen_fd < 0) {
		ret = frontend_listen(&d->frontend, path, e);
		if (ret)
			return ret;
	}
	return frontend_accept(&d->frontend, wait_ms, e);
}

static void post_rx_slot(struct driver *d, struct driver_queue *q, uint16_t slot)
{
	struct virtq_buf bufs[DRIVER_DESCS_MAX];
	unsigned n = d->o.rx_buf_descs;
	uint32_t piece = q->slot_bytes / n;
	uint8_t *at = q->slots + (size_t)slot * q->slot_bytes;

	for (unsigned i = 0; i < n; i++)
		bufs[i] = (struct virtq_buf){at + i * piece,
					     i + 1 < n ? piece : q->slot_bytes - i * piece, true};
	virtq_add(&q->vq, bufs, n, NULL, (void *)(uintptr_t)slot);
}

static void queue_reset(struct driver *d, unsigned index)
{
	struct driver_queue *q = &d->queues[index];
	unsigned n = d->o.ring_size / d->o.rx_buf_descs;

	q->vq.event_idx = driver_has(d, VIRTIO_RING_F_EVENT_IDX);
	q->vq.packed = driver_has(d, VIRTIO_F_RING_PACKED);
	q->vq.in_order = driver_has(d, VIRTIO_F_IN_ORDER);
	virtq_reset(&q->vq);
	virtq_callbacks_off(&q->vq);
	if (index & 1) {
		q->n_free_slots = d->o.ring_size;
		for (unsigned i = 0; i < d->o.ring_size; i++)
			q->free_slots[i] = (uint16_t)(d->o.ring_size - 1 - i);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		post_rx_slot(d, q, (uint16_t)i);
	virtq_publish(&q->vq);
}

static int queue_start(struct driver *d, unsigned index, struct err *e)
{
	struct virtq *vq = &d->queues[index].vq;
	struct frontend_queue q = {
		.size = vq->size,
		.base = driver_has(d, VIRTIO_F_RING_PACKED) ? FRONTEND_BASE_PACKED : 0,
		.desc = vq->desc,
		.avail = vq->avail,
		.used = vq->used,
		.kick_fd = vq->kick_fd,
		.call_fd = vq->call_fd,
	};

	queue_reset(d, index);
	return frontend_queue_start(&d->frontend, index, &q, e);
}

/* virtio 1.2, section 5.1.6.1: only a legacy device without merging lacks num_buffers. */
static uint32_t hdr_bytes(const struct driver *d)
{
	if (driver_has(d, VIRTIO_F_VERSION_1) || driver_has(d, VIRTIO_NET_F_MRG_RXBUF))
		return HDR_BYTES;
	return HDR_BYTES_LEGACY;
}

int driver_start(struct driver *d, struct err *e)
{
	struct frontend *f = &d->frontend;
	uint64_t mq = d->o.n_pairs > 1 ? DRIVER_F(VIRTIO_NET_F_MQ) : 0;
	unsigned n;
	int ret = frontend_negotiate(f, d->o.features | mq, e);

	if (ret)
		return ret;
	d->n_pairs_started = MIN_OF(d->o.n_pairs, f->n_pairs_max);
	n = 2 * d->n_pairs_started;
	d->hdr_bytes = hdr_bytes(d);
	ret = frontend_set_mem(f, &d->mem, e);
	for (unsigned i = 0; !ret && i < n; i++)
		ret = queue_start(d, i, e);
	for (unsigned i = 0; !ret && i < n; i++)
		ret = frontend_queue_enable(f, i, true, e);
	for (unsigned i = 0; !ret && i < n; i += 2)
		virtq_kick(&d->queues[i].vq);
	return ret;
}

void driver_start_alone(struct driver *d)
{
	d->frontend.features = d->o.features;
	d->n_pairs_started = d->o.n_pairs;
	d->hdr_bytes = hdr_bytes(d);
	for (unsigned i = 0; i < d->n_queues; i++)
		queue_reset(d, i);
}

int driver_stop(struct driver *d, struct err *e)
{
	unsigned n = 2 * d->n_pairs_started;
	int ret = 0;

	for (unsigned i = 0; !ret && i < n; i++)
		ret = frontend_queue_enable(&d->frontend, i, false, e);
	for (unsigned i = 0; !ret && i < n; i++)
		ret = frontend_queue_stop(&d->frontend, i, NULL, e);
	d->n_pairs_started = 0;
	return ret;
}

void driver_disconnect(struct driver *d)
{
	frontend_disconnect(&d->frontend);
	d->n_pairs_started = 0;
}

/* Cuts `len` bytes at `at` into pieces; returns how many, 0 when there would be too many. */
static unsigned cut(struct virtq_buf *bufs, unsigned room, uint8_t *at, uint32_t len,
		    uint32_t piece_bytes)
{
	unsigned n = 0;

	while (len) {
		uint32_t piece = piece_bytes ? MIN_OF(piece_bytes, len) : len;

		if (n == room)
			return 0;
		bufs[n++] = (struct virtq_buf){at, piece, false};
		at += piece;
		len -= piece;
	}
	return n;
}

int driver_tx(struct driver *d, unsigned pair, const struct virtio_net_hdr_mrg_rxbuf *hdr,
	      const void *frame, uint32_t len, const struct driver_shape *shape)
{
	static const struct virtio_net_hdr_mrg_rxbuf plain_hdr;
	static const struct driver_shape plain_shape;
	struct driver_queue *q = driver_tx_queue(d, pair);
	struct virtq_buf bufs[DRIVER_DESCS_MAX];
	struct vring_desc *table = NULL;
	unsigned n = 0, n_rest;
	uint16_t slot;
	uint8_t *at;

	shape = shape ? shape : &plain_shape;
	if (len > q->slot_bytes - d->hdr_bytes)
		return -EMSGSIZE;
	if (driver_tx_reclaim(d, pair) < 0)
		return -EPROTO;
	if (!q->n_free_slots)
		return -ENOSPC;
	slot = q->free_slots[q->n_free_slots - 1];
	at = q->slots + (size_t)slot * q->slot_bytes;
	memcpy(at, hdr ? hdr : &plain_hdr, d->hdr_bytes);
	memcpy(at + d->hdr_bytes, frame, len);

	if (shape->header_apart)
		bufs[n++] = (struct virtq_buf){at, d->hdr_bytes, false};
	n_rest = cut(bufs + n, DRIVER_DESCS_MAX - n, at + (n ? d->hdr_bytes : 0),
		     len + (n ? 0 : d->hdr_bytes), shape->piece_bytes);
	if (!n_rest)
		return -EMSGSIZE;
	if (shape->indirect)
		table = q->tables + (size_t)slot * DRIVER_DESCS_MAX;
	if (virtq_add(&q->vq, bufs, n + n_rest, table, (void *)(uintptr_t)slot))
		return -ENOSPC;
	q->n_free_slots--;
	return 0;
}

void driver_tx_kick(struct driver *d, unsigned pair)
{
	virtq_kick(&driver_tx_queue(d, pair)->vq);
}

int driver_tx_reclaim(struct driver *d, unsigned pair)
{
	struct driver_queue *q = driver_tx_queue(d, pair);
	void *cookie;
	uint32_t len;
	int n = 0, ret;

	while ((ret = virtq_get(&q->vq, &cookie, &len)) == 1) {
		q->free_slots[q->n_free_slots++] = (uint16_t)(uintptr_t)cookie;
		n++;
	}
	return ret < 0 ? ret : n;
}

int driver_tx_drain(struct driver *d, unsigned pair, int timeout_ms)
{
	struct driver_queue *q = driver_tx_queue(d, pair);
	uint64_t end_ms = clock_now_ms() + (uint64_t)timeout_ms;
	int ret;

	for (;;) {
		uint64_t now_ms = clock_now_ms();

		ret = driver_tx_reclaim(d, pair);
		if (ret < 0 || q->n_free_slots == d->o.ring_size)
			return ret < 0 ? ret : 0;
		if (now_ms >= end_ms)
			return -ETIMEDOUT;
		ret = virtq_wait(&q->vq, (int)(end_ms - now_ms));
		if (ret)
			return ret;
	}
}

/* Adds the used bytes of one buffer to the frame; the first `skip` bytes are the header. */
static int frame_append(struct driver *d, struct driver_queue *q, struct driver_frame *f,
			uint16_t slot, uint32_t len, uint32_t skip)
{
	uint8_t *at = q->slots + (size_t)slot * q->slot_bytes;

	if (len > q->slot_bytes || len < skip || f->n_iov == DRIVER_DESCS_MAX)
		return -EPROTO;
	f->iov[f->n_iov++] = (struct iovec){at + skip, len - skip};
	f->slots[f->n_slots++] = slot;
	f->len += len - skip;
	return 0;
}

int driver_rx(struct driver *d, unsigned pair, struct driver_frame *f)
{
	struct driver_queue *q = driver_rx_queue(d, pair);
	bool mergeable = driver_has(d, VIRTIO_NET_F_MRG_RXBUF);
	void *cookie;
	uint32_t len;
	unsigned n;
	int ret = virtq_get(&q->vq, &cookie, &len);

	if (ret <= 0)
		return ret;
	f->n_iov = f->n_slots = f->len = 0;
	memset(&f->hdr, 0, sizeof(f->hdr));
	memcpy(&f->hdr, q->slots + (size_t)(uintptr_t)cookie * q->slot_bytes, d->hdr_bytes);
	n = mergeable ? f->hdr.num_buffers : 1;
	if (!n || frame_append(d, q, f, (uint16_t)(uintptr_t)cookie, len, d->hdr_bytes))
		return -EPROTO;
	for (unsigned i = 1; i < n; i++) {
		ret = virtq_get(&q->vq, &cookie, &len);
		if (ret != 1 || frame_append(d, q, f, (uint16_t)(uintptr_t)cookie, len, 0))
			return -EPROTO;
	}
	return 1;
}

void driver_rx_release(struct driver *d, unsigned pair, const struct driver_frame *f)
{
	struct driver_queue *q = driver_rx_queue(d, pair);

	for (unsigned i = 0; i < f->n_slots; i++)
		post_rx_slot(d, q, f->slots[i]);
	virtq_kick(&q->vq);
}

int driver_rx_wait(struct driver *d, unsigned pair, struct driver_frame *f, int timeout_ms)
{
	int ret = driver_rx(d, pair, f);

	if (ret)
		return ret;
	ret = virtq_wait(&driver_rx_queue(d, pair)->vq, timeout_ms);
	return ret ? ret : driver_rx(d, pair, f);
}

uint32_t driver_frame_copy(const struct driver_frame *f, void *to, uint32_t size)
{
	uint32_t done = 0;

	for (unsigned i = 0; i < f->n_iov && done < size; i++) {
		uint32_t n = MIN_OF((uint32_t)f->iov[i].iov_len, size - done);

		memcpy((uint8_t *)to + done, f->iov[i].iov_base, n);
		done += n;
	}
	return done;
}
