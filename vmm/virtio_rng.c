/* SPDX-License-Identifier: GPL-2.0-or-later */

/* virtio-rng (VIRTIO 1.2, 5.4): the host's random numbers, at most a page for each request. */

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "vmm/device.h"
#include "vmm/virtq.h"

#define CLASS_OTHER 0xff0000
#define QUEUE_SIZE  64
#define BYTES_MAX   4096

struct virtio_rng {
	struct virtio d; /* first */
	struct virtq vq;
	struct device_queue queue;
};

static struct virtio_rng *rng_of(struct virtio *d)
{
	return container_of(d, struct virtio_rng, d);
}

static uint32_t fill(const struct virtq_chain *c)
{
	uint8_t bytes[BYTES_MAX];
	ssize_t n = getrandom(bytes, MIN_OF(c->in_bytes, sizeof(bytes)), 0);

	return n < 0 ? 0 : (uint32_t)virtq_write(c, 0, bytes, (size_t)n);
}

static void on_kick(struct virtio *d, unsigned queue)
{
	struct virtio_rng *r = rng_of(d);
	struct virtq_chain c;

	do {
		while (virtq_pop(&r->vq, &c) > 0)
			virtq_push(&r->vq, &c, fill(&c));
	} while (virtq_arm(&r->vq));
	if (r->vq.broken)
		virtio_needs_reset(d);
}

static int start(struct virtio *d)
{
	struct virtio_rng *r = rng_of(d);
	int ret = d->queues[0].enabled ? virtq_start(&r->vq, d, 0) : -EINVAL;

	if (!ret)
		device_queue_again(&r->queue);
	return ret;
}

static void stop(struct virtio *d)
{
}

static void save(const struct virtio *d, struct state_writer *w)
{
	const struct virtio_rng *r = container_of(d, const struct virtio_rng, d);

	virtq_save(&r->vq, d, 0, w);
}

static int load(struct virtio *d, struct state_reader *r, struct err *e)
{
	return virtq_load(&rng_of(d)->vq, d, 0, r, e);
}

static void destroy(struct virtio *d)
{
	struct virtio_rng *r = rng_of(d);

	virtio_fini(d);
	device_queue_fini(&r->queue);
	free(r);
}

static const struct virtio_ops rng_ops = {
	.start = start, .stop = stop, .destroy = destroy, .save = save, .load = load};

struct virtio *virtio_rng_create(const struct device_env *env, struct err *e)
{
	struct virtio_rng *r = calloc(1, sizeof(*r));
	const struct virtio_params params = {
		.type = VIRTIO_ID_RNG,
		.class_code = CLASS_OTHER,
		.features = VIRTIO_FEATURES_OF_RINGS,
		.n_queues = 1,
		.queue_size = QUEUE_SIZE,
	};

	if (!r) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	if (virtio_init(&r->d, &params, &rng_ops, env->hv, env->mem, e) == 0 &&
	    device_queue_init(&r->queue, env->loop, &r->d, 0, on_kick, e) == 0)
		return &r->d;
	destroy(&r->d);
	return NULL;
}
