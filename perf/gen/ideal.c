/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/ideal.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "perf/gen/tsc.h"

#define BURST	   64
#define IDLE_TICKS 1000

/* Buffers that `bytes` take; the receiver reads their number in the header of the first. */
static unsigned buffers_of(const struct ideal_path *p, uint32_t bytes)
{
	return (bytes + p->rx_buf_bytes - 1) / p->rx_buf_bytes;
}

static void deliver(struct ideal_path *p, const struct vring_desc *desc)
{
	struct virtq *to = p->to;
	const uint8_t *frame = guestmem_ptr(p->from->mem, desc->addr);
	unsigned n_buffers = buffers_of(p, desc->len);
	uint32_t left = desc->len;

	for (unsigned i = 0; i < n_buffers; i++) {
		uint16_t at = p->posted++ & (to->size - 1);
		uint16_t id = to->avail->ring[at];
		uint32_t len = MIN_OF(left, p->rx_buf_bytes);
		struct virtio_net_hdr_mrg_rxbuf *hdr = guestmem_ptr(to->mem, to->desc[id].addr);

		if (p->copies)
			memcpy(hdr, frame + i * p->rx_buf_bytes, len);
		if (i == 0 && n_buffers > 1)
			hdr->num_buffers = (uint16_t)n_buffers;
		to->used->ring[at] = (struct vring_used_elem){id, len};
		left -= len;
	}
}

/* Moves up to a burst; indices are released after what they count, as any device must. */
static unsigned forward(struct ideal_path *p)
{
	struct virtq *from = p->from, *to = p->to;
	unsigned n_buffers = buffers_of(p, p->frame_bytes_max);
	uint16_t n = (uint16_t)(__atomic_load_n(&from->avail->idx, __ATOMIC_ACQUIRE) - p->sent);
	uint16_t room;

	if (!n)
		return 0;
	room = (uint16_t)(__atomic_load_n(&to->avail->idx, __ATOMIC_ACQUIRE) - p->posted);
	n = (uint16_t)MIN_OF(MIN_OF(n, BURST), room / n_buffers);
	for (unsigned i = 0; i < n; i++) {
		uint16_t at = p->sent++ & (from->size - 1);
		uint16_t id = from->avail->ring[at];

		deliver(p, &from->desc[id]);
		from->used->ring[at] = (struct vring_used_elem){id, 0};
	}
	if (n) {
		__atomic_store_n(&to->used->idx, p->posted, __ATOMIC_RELEASE);
		__atomic_store_n(&from->used->idx, p->sent, __ATOMIC_RELEASE);
	}
	return n;
}

static void *work(void *arg)
{
	struct ideal *b = arg;

	for (unsigned i = 0; i < b->n_paths; i++) {
		b->paths[i].from->used->flags = VRING_USED_F_NO_NOTIFY;
		b->paths[i].to->used->flags = VRING_USED_F_NO_NOTIFY;
	}
	while (!atomic_load_explicit(&b->stop, memory_order_relaxed)) {
		uint64_t idle_until = tsc_now() + IDLE_TICKS;
		unsigned n = 0;

		for (unsigned i = 0; i < b->n_paths; i++)
			n += forward(&b->paths[i]);
		while (!n && tsc_now() < idle_until)
			_mm_pause();
	}
	return NULL;
}

static int other_cpu(cpu_set_t *set)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	int mine = sched_getcpu();

	CPU_ZERO(set);
	for (int cpu = 0; cpu < n; cpu++)
		if (cpu != mine)
			CPU_SET(cpu, set);
	return CPU_COUNT(set) ? 0 : -ENODEV;
}

int ideal_start(struct ideal *b, struct err *e)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int ret;

	if (other_cpu(&set))
		return err_set(e, ENODEV,
			       "the ceiling needs a second processor: leave it out here");
	atomic_store(&b->stop, false);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	ret = pthread_create(&b->thread, &attr, work, b);
	pthread_attr_destroy(&attr);
	if (ret)
		return err_set(e, ret, "cannot start the ideal backend (%s)", strerror(ret));
	return 0;
}

void ideal_stop(struct ideal *b)
{
	atomic_store(&b->stop, true);
	pthread_join(b->thread, NULL);
}
