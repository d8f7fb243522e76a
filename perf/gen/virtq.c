/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/virtq.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "perf/gen/virtq_packed.h"

#define NO_DESC UINT16_MAX

static uint16_t *avail_used_event(const struct virtq *vq)
{
	return &vq->avail->ring[vq->size];
}

static const uint16_t *used_avail_event(const struct virtq *vq)
{
	return (const void *)&vq->used->ring[vq->size];
}

static int alloc_rings(struct virtq *vq, struct err *e)
{
	size_t size = vq->size;

	vq->desc = guestmem_alloc(vq->mem, size * sizeof(*vq->desc), 4096);
	vq->avail = guestmem_alloc(vq->mem, sizeof(*vq->avail) + (size + 1) * 2, 4096);
	vq->used = guestmem_alloc(vq->mem, sizeof(*vq->used) + size * 8 + 2, 4096);
	vq->heads = calloc(size, sizeof(*vq->heads));
	if (!vq->desc || !vq->avail || !vq->used || !vq->heads)
		return err_set(e, ENOMEM, "no room for a ring of %zu entries in guest memory",
			       size);
	return 0;
}

int virtq_init(struct virtq *vq, struct guestmem *mem, uint16_t size, struct err *e)
{
	int ret;

	*vq = (struct virtq){.mem = mem, .size = size, .kick_fd = -1, .call_fd = -1};
	if (!size || size > 32768)
		return err_set(e, EINVAL, "ring size %u: up to 32768 is possible", size);
	ret = alloc_rings(vq, e);
	if (ret)
		goto err_fini;
	vq->kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	vq->call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (vq->kick_fd < 0 || vq->call_fd < 0) {
		ret = err_set(e, errno, "cannot make an eventfd (%s)", strerror(errno));
		goto err_fini;
	}
	virtq_reset(vq);
	return 0;

err_fini:
	virtq_fini(vq);
	return ret;
}

void virtq_fini(struct virtq *vq)
{
	if (vq->kick_fd >= 0)
		close(vq->kick_fd);
	if (vq->call_fd >= 0)
		close(vq->call_fd);
	free(vq->heads);
	*vq = (struct virtq){.kick_fd = -1, .call_fd = -1};
}

static void reset_split(struct virtq *vq)
{
	memset(vq->avail, 0, sizeof(*vq->avail) + ((size_t)vq->size + 1) * 2);
	memset(vq->used, 0, sizeof(*vq->used) + (size_t)vq->size * 8 + 2);
	for (unsigned i = 0; i < vq->size; i++)
		vq->desc[i] = (struct vring_desc){.next = i + 1u < vq->size ? (uint16_t)(i + 1)
									    : NO_DESC};
	vq->avail_idx = vq->kicked_idx = vq->used_idx = 0;
}

void virtq_reset(struct virtq *vq)
{
	memset(vq->heads, 0, vq->size * sizeof(*vq->heads));
	vq->free_head = 0;
	vq->n_free = vq->size;
	vq->in_batch = false;
	if (vq->packed)
		virtq_packed_reset(vq);
	else
		reset_split(vq);
}

static struct vring_desc desc_of(const struct virtq *vq, const struct virtq_buf *b)
{
	return (struct vring_desc){
		.addr = guestmem_gpa(vq->mem, b->at),
		.len = b->len,
		.flags = b->writable ? VRING_DESC_F_WRITE : 0,
	};
}

static void fill_indirect(struct virtq *vq, struct vring_desc *table, const struct virtq_buf *bufs,
			  unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		table[i] = desc_of(vq, &bufs[i]);
		if (i + 1 == n)
			break;
		table[i].flags |= VRING_DESC_F_NEXT;
		table[i].next = (uint16_t)(i + 1);
	}
}

/* Fills `n` free descriptors from the head of the free list, which their `next` already links. */
static void fill_direct(struct virtq *vq, const struct virtq_buf *bufs, unsigned n)
{
	uint16_t at = vq->free_head;

	for (unsigned i = 0; i < n; i++) {
		uint16_t next = vq->desc[at].next;

		vq->desc[at] = desc_of(vq, &bufs[i]);
		vq->desc[at].next = next;
		if (i + 1 < n)
			vq->desc[at].flags |= VRING_DESC_F_NEXT;
		at = next;
	}
	vq->free_head = at;
	vq->n_free = (uint16_t)(vq->n_free - n);
}

int virtq_add(struct virtq *vq, const struct virtq_buf *bufs, unsigned n,
	      struct vring_desc *indirect, void *cookie)
{
	unsigned n_desc = indirect ? 1 : n;
	uint16_t head = vq->free_head;
	struct virtq_buf table = {indirect, (uint32_t)(n * sizeof(*indirect)), false};

	if (vq->packed)
		return virtq_packed_add(vq, bufs, n, indirect, cookie);
	if (!n || n_desc > vq->n_free)
		return -ENOSPC;
	if (indirect) {
		fill_indirect(vq, indirect, bufs, n);
		fill_direct(vq, &table, 1);
		vq->desc[head].flags = VRING_DESC_F_INDIRECT;
	} else {
		fill_direct(vq, bufs, n);
	}
	vq->heads[head] = (struct virtq_head){.cookie = cookie, .n_desc = (uint16_t)n_desc};
	virtq_add_raw(vq, head);
	return 0;
}

void virtq_add_raw(struct virtq *vq, uint16_t head)
{
	vq->avail->ring[vq->avail_idx & (vq->size - 1)] = head;
	vq->avail_idx++;
}

void virtq_publish(struct virtq *vq)
{
	if (vq->packed)
		virtq_packed_publish(vq);
	else
		__atomic_store_n(&vq->avail->idx, vq->avail_idx, __ATOMIC_RELEASE);
}

static bool split_wants_kick(struct virtq *vq)
{
	uint16_t from = vq->kicked_idx;

	vq->kicked_idx = vq->avail_idx;
	if (from == vq->avail_idx)
		return false;
	if (vq->event_idx)
		return vring_need_event(__atomic_load_n(used_avail_event(vq), __ATOMIC_RELAXED),
					vq->avail_idx, from);
	return !(__atomic_load_n(&vq->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY);
}

bool virtq_kick(struct virtq *vq)
{
	const uint64_t one = 1;

	virtq_publish(vq);
	atomic_thread_fence(memory_order_seq_cst);
	if (!(vq->packed ? virtq_packed_wants_kick(vq) : split_wants_kick(vq)))
		return false;
	vq->n_kicks++;
	return write(vq->kick_fd, &one, sizeof(one)) == sizeof(one);
}

uint16_t virtq_n_used(const struct virtq *vq)
{
	if (vq->packed)
		return virtq_packed_n_used(vq);
	return (uint16_t)(__atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE) - vq->used_idx);
}

static void free_chain(struct virtq *vq, uint16_t head)
{
	uint16_t last = head;

	for (unsigned i = 1; i < vq->heads[head].n_desc; i++)
		last = vq->desc[last].next;
	vq->desc[last].next = vq->free_head;
	vq->free_head = head;
	vq->n_free = (uint16_t)(vq->n_free + vq->heads[head].n_desc);
	vq->heads[head].n_desc = 0;
}

/* The used entry of the chain that is next in order: of a batch only the first is written. */
static struct vring_used_elem next_in_order(struct virtq *vq, struct vring_used_elem el)
{
	uint16_t id = vq->avail->ring[vq->used_idx & (vq->size - 1)];

	if (vq->in_batch)
		el.len = 0;
	else
		vq->batch_id = (uint16_t)el.id;
	vq->in_batch = id != vq->batch_id;
	return (struct vring_used_elem){id, vq->in_batch ? 0 : el.len};
}

int virtq_get(struct virtq *vq, void **cookie, uint32_t *len)
{
	struct vring_used_elem el;

	if (vq->packed)
		return virtq_packed_get(vq, cookie, len);
	if (!virtq_n_used(vq))
		return 0;
	el = vq->used->ring[vq->used_idx & (vq->size - 1)];
	if (vq->in_order)
		el = next_in_order(vq, el);
	if (el.id >= vq->size || !vq->heads[el.id].n_desc)
		return -EPROTO;
	*cookie = vq->heads[el.id].cookie;
	*len = el.len;
	free_chain(vq, (uint16_t)el.id);
	vq->used_idx++;
	return 1;
}

void virtq_callbacks_off(struct virtq *vq)
{
	if (vq->packed)
		virtq_packed_callbacks(vq, false);
	else if (vq->event_idx)
		__atomic_store_n(avail_used_event(vq), (uint16_t)(vq->used_idx - 1),
				 __ATOMIC_RELAXED);
	else
		__atomic_store_n(&vq->avail->flags, VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
}

bool virtq_callbacks_on(struct virtq *vq)
{
	if (vq->packed)
		virtq_packed_callbacks(vq, true);
	else if (vq->event_idx)
		__atomic_store_n(avail_used_event(vq), vq->used_idx, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&vq->avail->flags, 0, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_seq_cst);
	return !virtq_n_used(vq);
}

static int wait_for_call(struct virtq *vq, int timeout_ms)
{
	struct pollfd p = {.fd = vq->call_fd, .events = POLLIN};
	uint64_t end_ms = clock_now_ms() + (uint64_t)timeout_ms;
	uint64_t now_ms, count;

	while (virtq_callbacks_on(vq)) {
		now_ms = clock_now_ms();
		if (now_ms >= end_ms)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)(end_ms - now_ms)) < 0 && errno != EINTR)
			return -errno;
		if (read(vq->call_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
			return -errno;
	}
	return 0;
}

int virtq_wait(struct virtq *vq, int timeout_ms)
{
	int ret = wait_for_call(vq, timeout_ms);

	virtq_callbacks_off(vq);
	return ret;
}
