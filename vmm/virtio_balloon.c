/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * virtio-balloon (VIRTIO 1.2, 5.5): the guest gives pages back to the host, those that we ask it
 * for (the balloon) and, by free-page reporting, those that it does not use at the moment. It takes
 * them back by touching them, when it has told us (deflating) or not (DEFLATE_ON_OOM, reporting).
 *
 * What a chain names is a wish of the guest's: only whole pages of its RAM are given back, and a
 * chain or a round is bounded, so that a guest which names the same pages for ever holds up nobody.
 *
 * The specification numbers the reporting queue 4; Linux gives it the first number that is free,
 * 2. So 2 to 4 exist, and whichever of them the driver sets up is the one.
 */

#include <errno.h>
#include <linux/virtio_balloon.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/device.h"
#include "vmm/virtq.h"

#define CLASS_MEMORY 0x058000
#define QUEUE_SIZE   128
#define PFNS_MAX     4096 /* of one chain; Linux sends 256 */
#define CHAINS_MAX   16	  /* then others get their turn */
#define TELL_MS	     200

enum { INFLATE, DEFLATE, REPORT, QUEUES = REPORT + 3 };

struct virtio_balloon {
	struct virtio d; /* first */
	struct {
		uint32_t target, actual; /* pages in the balloon: wished for; as the guest says */
	} config;
	uint32_t told; /* of `actual` */
	struct balloon_params params;
	struct virtq rings[QUEUES];
	struct device_queue queues[QUEUES];
	struct loop *loop;
	struct loop_timer tell;
};

static struct virtio_balloon *balloon_of(struct virtio *d)
{
	return container_of(d, struct virtio_balloon, d);
}

/* --- pages that the guest gives back -------------------------------------------------------------
 */

static void release_run(struct virtio_balloon *b, uint64_t first, uint64_t n)
{
	uint64_t bytes = n << VIRTIO_BALLOON_PFN_SHIFT;
	void *at = memory_at(b->d.mem, first << VIRTIO_BALLOON_PFN_SHIFT, bytes);

	if (n && at)
		memory_release(b->d.mem, at, bytes);
}

/* Neighbours in the list, up or down, become one call. */
static void inflate(struct virtio_balloon *b, const struct virtq_chain *c)
{
	uint32_t pfns[PFNS_MAX];
	size_t n = virtq_read(c, 0, pfns, sizeof(pfns)) / sizeof(pfns[0]);
	uint64_t first = 0, len = 0;

	for (size_t i = 0; i < n; i++) {
		if (len && pfns[i] == first + len) {
			len++;
		} else if (len && pfns[i] + 1ull == first) {
			first--;
			len++;
		} else {
			release_run(b, first, len);
			first = pfns[i];
			len = 1;
		}
	}
	release_run(b, first, len);
}

/* The buffers are the pages. */
static void report(struct virtio_balloon *b, const struct virtq_chain *c)
{
	for (unsigned i = 0; i < c->n_in; i++)
		if (c->iov[c->n_out + i].iov_len)
			memory_release(b->d.mem, c->iov[c->n_out + i].iov_base,
				       c->iov[c->n_out + i].iov_len);
}

static void take(struct virtio_balloon *b, unsigned queue, const struct virtq_chain *c)
{
	if (queue == INFLATE)
		inflate(b, c);
	else if (queue >= REPORT && virtio_has(&b->d, VIRTIO_BALLOON_F_REPORTING))
		report(b, c);
}

static void serve(struct virtio_balloon *b, unsigned queue)
{
	struct virtq *vq = &b->rings[queue];
	struct virtq_chain c;
	unsigned n = 0;

	do {
		while (virtq_pop(vq, &c) > 0) {
			if (n++ == CHAINS_MAX) {
				virtq_unpop(vq);
				device_queue_again(&b->queues[queue]);
				return;
			}
			take(b, queue, &c);
			virtq_push(vq, &c, 0);
		}
	} while (virtq_arm(vq));
}

/* However often the guest changes its mind, who listens is told every TELL_MS at most. */
static void on_tell(struct loop_timer *t, uint64_t now_ms)
{
	struct virtio_balloon *b = container_of(t, struct virtio_balloon, tell);

	if (b->config.actual == b->told)
		return;
	b->told = b->config.actual;
	if (b->params.changed)
		b->params.changed(&b->d, b->params.arg);
}

/* --- the device ----------------------------------------------------------------------------------
 */

static void on_kick(struct virtio *d, unsigned queue)
{
	struct virtio_balloon *b = balloon_of(d);

	if (d->queues[queue].enabled)
		serve(b, queue);
	if (b->rings[queue].broken && !(d->status & VIRTIO_CONFIG_S_NEEDS_RESET))
		virtio_needs_reset(d);
	if (b->config.actual != b->told && !b->tell.armed)
		loop_timer_start(b->loop, &b->tell, TELL_MS, 0);
}

static int start(struct virtio *d)
{
	struct virtio_balloon *b = balloon_of(d);

	for (unsigned q = 0; q < QUEUES; q++) {
		bool needed = q < REPORT;

		if (!d->queues[q].enabled && needed)
			return -EINVAL;
		if (d->queues[q].enabled && virtq_start(&b->rings[q], d, q) < 0)
			return -EFAULT;
		device_queue_again(&b->queues[q]);
	}
	return 0;
}

/* 5.5.6.1: a device that was reset has an empty balloon. */
static void stop(struct virtio *d)
{
	struct virtio_balloon *b = balloon_of(d);

	b->config.actual = 0;
	memset(b->rings, 0, sizeof(b->rings));
}

/* From a CPU's thread: whoever listens is told by the loop. */
static void config_write(struct virtio *d, uint64_t offset, const void *data, unsigned len)
{
	struct virtio_balloon *b = balloon_of(d);

	if (offset != offsetof(struct virtio_balloon_config, actual) ||
	    len != sizeof(b->config.actual))
		return;
	memcpy(&b->config.actual, data, len);
	b->config.actual =
		MIN_OF(b->config.actual, (uint32_t)(d->mem->bytes >> VIRTIO_BALLOON_PFN_SHIFT));
	device_queue_again(&b->queues[INFLATE]);
}

static void save(const struct virtio *d, struct state_writer *w)
{
	const struct virtio_balloon *b = container_of(d, const struct virtio_balloon, d);

	state_put_u32(w, b->config.target);
	state_put_u32(w, b->config.actual);
	for (unsigned q = 0; q < QUEUES; q++)
		virtq_save(&b->rings[q], d, q, w);
}

static int load(struct virtio *d, struct state_reader *r, struct err *e)
{
	struct virtio_balloon *b = balloon_of(d);
	uint32_t most = (uint32_t)(d->mem->bytes >> VIRTIO_BALLOON_PFN_SHIFT);
	int ret = 0;

	b->config.target = state_get_u32(r);
	b->config.actual = state_get_u32(r);
	if (b->config.target > most || b->config.actual > most)
		return state_refuse(r, e, "a balloon larger than the guest");
	for (unsigned q = 0; q < QUEUES && ret == 0; q++)
		ret = virtq_load(&b->rings[q], d, q, r, e);
	return ret;
}

static void destroy(struct virtio *d)
{
	struct virtio_balloon *b = balloon_of(d);

	virtio_fini(d);
	loop_timer_stop(b->loop, &b->tell);
	for (unsigned q = 0; q < QUEUES; q++)
		device_queue_fini(&b->queues[q]);
	free(b);
}

static const struct virtio_ops balloon_ops = {
	.start = start,
	.stop = stop,
	.config_write = config_write,
	.destroy = destroy,
	.save = save,
	.load = load,
};

void virtio_balloon_set(struct virtio *d, uint64_t bytes)
{
	struct virtio_balloon *b = balloon_of(d);

	b->config.target = (uint32_t)((d->mem->bytes - bytes) >> VIRTIO_BALLOON_PFN_SHIFT);
	virtio_config_changed(d);
}

void virtio_balloon_info(const struct virtio *d, struct balloon_info *info)
{
	const struct virtio_balloon *b = container_of(d, const struct virtio_balloon, d);

	info->target = d->mem->bytes - ((uint64_t)b->config.target << VIRTIO_BALLOON_PFN_SHIFT);
	info->actual = d->mem->bytes - ((uint64_t)b->config.actual << VIRTIO_BALLOON_PFN_SHIFT);
}

struct virtio *virtio_balloon_create(const struct device_env *env, const struct balloon_params *p,
				     struct err *e)
{
	struct virtio_balloon *b = calloc(1, sizeof(*b));
	const struct virtio_params params = {
		.type = VIRTIO_ID_BALLOON,
		.class_code = CLASS_MEMORY,
		.features = VIRTIO_FEATURES_OF_RINGS | VIRTIO_BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) |
			    (p->reporting ? VIRTIO_BIT(VIRTIO_BALLOON_F_REPORTING) : 0),
		.config_at = offsetof(struct virtio_balloon, config),
		.config_bytes = sizeof(b->config),
		.n_queues = QUEUES,
		.queue_size = QUEUE_SIZE,
	};
	int ret;

	if (!b) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	b->params = *p;
	b->loop = env->loop;
	b->tell.expired = on_tell;
	ret = virtio_init(&b->d, &params, &balloon_ops, env->hv, env->mem, e);
	for (unsigned q = 0; q < QUEUES && ret == 0; q++)
		ret = device_queue_init(&b->queues[q], env->loop, &b->d, q, on_kick, e);
	if (ret == 0)
		return &b->d;
	destroy(&b->d);
	return NULL;
}
