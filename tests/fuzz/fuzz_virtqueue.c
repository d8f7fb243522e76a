/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A hostile guest in both directions. The input becomes the guest's memory around the rings; a
 * second thread goes on changing it while the switch reads, which is what finds double fetches.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/gso.h"
#include "tests/lib/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct mutator {
	struct ring *ring;
	const uint8_t *data;
	size_t size;
	atomic_bool stop;
};

/* Writes bytes of the input over the rings and the first buffers, again and again. */
static void *mutate(void *arg)
{
	struct mutator *m = arg;
	size_t i = 0;

	while (!atomic_load_explicit(&m->stop, memory_order_relaxed) && i < 4096) {
		size_t at = (m->data[i % m->size] * 37u + i * 11u) % 0x2400;

		__atomic_store_n(&m->ring->regions[0][at], m->data[(i * 7) % m->size],
				 __ATOMIC_RELAXED);
		i++;
	}
	return NULL;
}

static void drive(struct ring *r)
{
	static struct burst burst;
	uint8_t hdr[FRAME_HEAD_MAX];

	for (unsigned round = 0; round < 8; round++) {
		unsigned n;

		burst.n = burst.n_segs = 0;
		n = virtqueue_peek(&r->vq, &burst, BURST_MAX);
		for (unsigned i = 0; i < n; i++) {
			struct frame *f = &burst.frames[i];
			struct gso_plan plan;
			struct slice s;

			if (f->bad || frame_check_offload(f) ||
			    gso_plan(&plan, f, (struct offloads){0}))
				continue;
			for (unsigned k = 0; k < plan.n_slices && k < 100; k++) {
				gso_slice(&plan, k, hdr, &s);
				/* The ring is both directions here: that is the guest's problem. */
				virtqueue_put(&r->vq, &s);
			}
			break;
		}
		virtqueue_flush(&r->vq);
		burst.n = burst.n_segs = 0;
		n = virtqueue_peek(&r->vq, &burst, BURST_MAX);
		virtqueue_release(&r->vq, n);
		virtqueue_arm(&r->vq);
		virtqueue_disarm(&r->vq);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mutator m = {.data = data, .size = size};
	pthread_t thread;
	bool threaded;

	if (size < 2)
		return 0;
	m.ring = ring_create(data[0]);
	memcpy(m.ring->regions[0], data + 1, size - 1 < 0x4000 ? size - 1 : 0x4000);
	threaded = (data[0] & 0x80) && pthread_create(&thread, NULL, mutate, &m) == 0;
	drive(m.ring);
	if (threaded) {
		atomic_store(&m.stop, true);
		pthread_join(thread, NULL);
	}
	ring_destroy(m.ring);
	return 0;
}
