/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/ring.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct ring *ring_create(unsigned flags)
{
	struct ring *r = calloc(1, sizeof(*r));
	struct virtqueue_params params = {.size = RING_SIZE};

	/* Two heap blocks: ASan sees every step over the edge of either. */
	for (int i = 0; i < 2; i++) {
		r->regions[i] = calloc(1, RING_REGION);
		r->mem.regions[i] =
			(struct guest_region){.gpa = RING_GPA + (uint64_t)i * RING_REGION,
					      .size = RING_REGION,
					      .hva = r->regions[i]};
	}
	r->mem.n = 2;
	r->desc = (struct vring_desc *)r->regions[0];
	r->avail = (struct vring_avail *)(r->regions[0] + 0x1000);
	r->used = (struct vring_used *)(r->regions[0] + 0x1800);
	r->call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	params.desc = r->desc;
	params.avail = r->avail;
	params.used = r->used;
	params.mem = &r->mem;
	params.event_idx = flags & RING_EVENT_IDX;
	params.indirect = flags & RING_INDIRECT;
	params.mergeable = flags & RING_MERGEABLE;
	params.version_1 = !(flags & RING_LEGACY);
	params.call_fd = r->call_fd;
	virtqueue_attach(&r->vq, &params);
	return r;
}

void ring_destroy(struct ring *r)
{
	virtqueue_fini(&r->vq);
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
	r->avail->ring[r->avail->idx % RING_SIZE] = head;
	r->avail->idx++;
}

unsigned ring_calls(struct ring *r)
{
	eventfd_t n = 0;

	return eventfd_read(r->call_fd, &n) < 0 ? 0 : (unsigned)n;
}
