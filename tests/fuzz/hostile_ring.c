/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/hostile_ring.h"

#include <pthread.h>
#include <string.h>

#include "dataplane/gso.h"
#include "tests/lib/ring.h"

#define MUTATE	      0x80
#define MUTATIONS_MAX 8192
#define MEMORY_BYTES  0x4000
#define DESCS_BYTES   (RING_SIZE * sizeof(struct vring_desc))
#define MUTABLE_BYTES 0x2400 /* the rings and the first buffers */
#define SLICES_MAX    100
#define ROUNDS	      8

struct mutator {
	struct ring *ring;
	const uint8_t *data;
	size_t size;
	atomic_bool stop;
};

/* Writes bytes of the input over the rings and the first buffers, every other over descriptors. */
static void *mutate(void *arg)
{
	struct mutator *m = arg;

	for (size_t i = 0; i < MUTATIONS_MAX; i++) {
		size_t range = i & 1 ? DESCS_BYTES : MUTABLE_BYTES;
		size_t at = (m->data[i % m->size] * 37u + i * 11u) % range;

		if (atomic_load_explicit(&m->stop, memory_order_relaxed))
			break;
		__atomic_store_n(&m->ring->regions[0][at], m->data[(i * 7) % m->size],
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

/* The ring is both directions here: that is the guest's problem. */
static void put_all(struct ring *r, struct frame *f)
{
	struct virtqueue_mark mark = virtqueue_mark(&r->vq);
	uint8_t hdr[FRAME_HEAD_MAX];
	struct gso_plan plan;
	struct slice s;

	if (f->bad || frame_check_offload(f) || gso_plan(&plan, f, (struct offloads){0}))
		return;
	for (unsigned k = 0; k < plan.n_slices && k < SLICES_MAX; k++) {
		gso_slice(&plan, k, hdr, &s);
		if (virtqueue_put(&r->vq, &s) != VIRTQUEUE_PUT_DONE) {
			virtqueue_rewind(&r->vq, mark);
			return;
		}
	}
}

/* The short way, for the first of the `n` frames that may take it. */
static uint64_t put_plain(struct ring *r, unsigned n)
{
	const struct offloads takes = {0};
	uint64_t mask = 0;

	for (unsigned i = 0; i < n; i++)
		if (!r->burst.frames[i].bad)
			mask |= 1ull << i;
	return virtqueue_put_plain(&r->vq, &r->burst, mask, &takes);
}

static void drive(struct ring *r)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t put;
		unsigned n;

		r->burst.n = r->burst.n_segs = 0;
		n = virtqueue_peek(&r->vq, &r->burst, BURST_MAX);
		virtqueue_prefetch(&r->vq, n);
		put = put_plain(r, n);
		for (unsigned i = 0; i < n; i++)
			if (!(put >> i & 1))
				put_all(r, &r->burst.frames[i]);
		virtqueue_flush(&r->vq);
		r->burst.n = r->burst.n_segs = 0;
		n = virtqueue_peek(&r->vq, &r->burst, BURST_MAX);
		virtqueue_release(&r->vq, n);
		virtqueue_arm(&r->vq);
		virtqueue_disarm(&r->vq);
		virtqueue_posted(&r->vq);
	}
}

int hostile_ring_run(const uint8_t *data, size_t size, unsigned forced, unsigned allowed)
{
	struct mutator m = {.data = data, .size = size};
	pthread_t thread;
	bool threaded;

	if (size < 2)
		return 0;
	m.ring = ring_create(forced | (data[0] & allowed));
	memcpy(m.ring->regions[0], data + 1, size - 1 < MEMORY_BYTES ? size - 1 : MEMORY_BYTES);
	threaded = (data[0] & MUTATE) && pthread_create(&thread, NULL, mutate, &m) == 0;
	drive(m.ring);
	if (threaded) {
		atomic_store(&m.stop, true);
		pthread_join(thread, NULL);
	}
	ring_destroy(m.ring);
	return 0;
}
