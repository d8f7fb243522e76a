/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/ring.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WRAP	0x8000
#define AVAIL	(1u << VRING_PACKED_DESC_F_AVAIL)
#define USED	(1u << VRING_PACKED_DESC_F_USED)
#define N_PAGES (RING_END / DIRTY_LOG_PAGE)

/* Two heap blocks: ASan sees every step over the edge of either. */
static struct ring *alloc(void)
{
	struct ring *r = calloc(1, sizeof(*r));

	for (int i = 0; i < 2; i++) {
		r->regions[i] = calloc(1, RING_REGION);
		r->mem.regions[i] =
			(struct guest_region){.gpa = RING_GPA + (uint64_t)i * RING_REGION,
					      .size = RING_REGION,
					      .hva = r->regions[i]};
	}
	r->mem.n = 2;
	r->offer_at = r->used_at = WRAP;
	r->log = (struct dirty_log){calloc(1, N_PAGES / 8), N_PAGES / 8};
	r->call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return r;
}

static void attach(struct ring *r, unsigned flags)
{
	bool packed = flags & RING_PACKED;
	struct virtqueue_params params = {
		.desc = r->desc,
		.avail = r->avail,
		.used = r->used,
		.mem = &r->mem,
		.log = flags & RING_LOG ? &r->log : NULL,
		.size = r->size,
		.next_avail = packed ? WRAP : 0,
		.next_used = packed ? WRAP : 0,
		.packed = packed,
		.in_order = flags & RING_IN_ORDER,
		.event_idx = flags & RING_EVENT_IDX,
		.indirect = flags & RING_INDIRECT,
		.mergeable = flags & RING_MERGEABLE,
		.version_1 = !(flags & RING_LEGACY),
		.call_fd = r->call_fd,
	};

	virtqueue_attach(&r->vq, &params);
}

struct ring *ring_create(unsigned flags)
{
	struct ring *r = alloc();

	r->size = RING_SIZE;
	r->desc = (struct vring_desc *)r->regions[0];
	r->avail = (struct vring_avail *)(r->regions[0] + 0x1000);
	r->used = (struct vring_used *)(r->regions[0] + 0x1800);
	attach(r, flags);
	return r;
}

struct ring *ring_create_sized(unsigned flags, uint16_t size)
{
	struct ring *r = alloc();

	r->size = size;
	r->areas[0] = calloc(size, sizeof(*r->desc));
	r->areas[1] = calloc(size + 3u, 2);
	r->areas[2] = calloc(size + 1u, 8);
	r->desc = (struct vring_desc *)r->areas[0];
	r->avail = (struct vring_avail *)r->areas[1];
	r->used = (struct vring_used *)r->areas[2];
	attach(r, flags);
	return r;
}

void ring_destroy(struct ring *r)
{
	virtqueue_fini(&r->vq);
	for (int i = 0; i < 3; i++)
		free(r->areas[i]);
	free(r->log.bitmap);
	free(r->regions[0]);
	free(r->regions[1]);
	close(r->call_fd);
	free(r);
}

uint8_t *ring_at(struct ring *r, uint64_t gpa)
{
	uint64_t len = 1;

	return guest_memory_translate(&r->mem, gpa, &len);
}

void ring_desc(struct ring *r, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags,
	       uint16_t next)
{
	r->desc[i] = (struct vring_desc){addr, len, flags, next};
}

void ring_offer(struct ring *r, uint16_t head)
{
	r->avail->ring[r->avail->idx % r->size] = head;
	r->avail->idx++;
}

static uint16_t step(const struct ring *r, uint16_t at, uint16_t n)
{
	uint32_t pos = (at & ~WRAP) + n;

	return (uint16_t)(pos < r->size ? pos | (at & WRAP) : (pos - r->size) | (~at & WRAP));
}

void ring_packed_offer(struct ring *r, uint16_t id, uint64_t addr, uint32_t len, uint16_t flags)
{
	flags |= r->offer_at & WRAP ? AVAIL : USED;
	r->desc_packed[r->offer_at & ~WRAP] = (struct vring_packed_desc){addr, len, id, flags};
	r->offer_at = step(r, r->offer_at, 1);
}

bool ring_packed_used(struct ring *r, uint16_t n_desc, uint16_t *id, uint32_t *len)
{
	const struct vring_packed_desc *d = &r->desc_packed[r->used_at & ~WRAP];

	if ((d->flags & (AVAIL | USED)) != (r->used_at & WRAP ? AVAIL | USED : 0))
		return false;
	*id = d->id;
	*len = d->len;
	r->used_at = step(r, r->used_at, n_desc);
	return true;
}

bool ring_is_dirty(const struct ring *r, uint64_t gpa)
{
	uint64_t page = gpa / DIRTY_LOG_PAGE;

	return r->log.bitmap[page / 8] >> page % 8 & 1;
}

unsigned ring_calls(struct ring *r)
{
	eventfd_t n = 0;

	return eventfd_read(r->call_fd, &n) < 0 ? 0 : (unsigned)n;
}
