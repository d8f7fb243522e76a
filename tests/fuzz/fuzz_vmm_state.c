/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a hostile state can do to weft-vmm, without KVM. The first byte chooses:
 *
 *   a stream   of records, behind a right magic, memory among them
 *   a device   of one of five kinds, whose saved state has bytes changed, then runs
 *   the board  serial line and power
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/vmm_input.h"
#include "tests/lib/vmmguest.h"
#include "vmm/pages.h"
#include "vmm/power.h"
#include "vmm/serial.h"
#include "vmm/virtio_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY	   (16ull << 20)
#define HEAD_BYTES 24
#define MAGIC	   8

/* --- a stream ------------------------------------------------------------------------------------
 */

static void fuzz_stream(struct input *in)
{
	const struct memory_params params = {.bytes = MEMORY};
	int fd = memfd_create("state", MFD_CLOEXEC);
	struct state_writer w;
	struct state_reader r;
	struct memory mem;
	struct err e;
	int ret;

	if (fd < 0 || memory_init(&mem, &params, NULL) < 0 || state_writer_init(&w, fd) < 0 ||
	    state_reader_init(&r, fd) < 0)
		abort();
	state_flush(&w, 0);
	if (write(fd, in->p, in->left) != (ssize_t)in->left)
		abort();
	lseek(fd, 0, SEEK_SET);
	while ((ret = state_wait(&r, -1, &e)) > 0)
		if (state_is(&r, "memory") || state_is(&r, "zeroes"))
			pages_load(&mem, &r, &e);
	if (ret == 0 && !r.ended)
		abort();
	state_writer_fini(&w);
	state_reader_fini(&r);
	memory_fini(&mem);
	close(fd);
}

/* --- a device ------------------------------------------------------------------------------------
 */

static struct virtio *make_device(struct vmmguest *g, uint32_t kind)
{
	struct device_env env;
	const struct disk_params disk = {.path = disk_path(), .readonly = true};
	const struct balloon_params balloon = {.reporting = true};
	const struct nic_params nic = {
		.id = "nic", .path = "/nonexistent", .pairs = 2, .tso = true, .csum = true};

	vmmguest_init(g, MEMORY);
	env = vmmguest_env(g);
	switch (kind % 5) {
	case 0:
		return virtio_rng_create(&env, NULL);
	case 1:
		return virtio_blk_create(&env, &disk, NULL);
	case 2:
		return virtio_console_create(&env, "port", "none", NULL);
	case 3:
		return virtio_balloon_create(&env, &balloon, NULL);
	default:
		return virtio_net_create(&env, &nic, NULL);
	}
}

/* The payload of what a working device saves; bits of `kind`: with a driver, with packed rings. */
static size_t saved(uint32_t kind, struct state_writer *w)
{
	static struct vmmguest g;
	struct virtio *d = make_device(&g, kind);

	if (!d || state_writer_init(w, -1) < 0)
		abort();
	vmmguest_plug(&g, d);
	if (kind & 32)
		d->offered |= VIRTIO_BIT(VIRTIO_F_RING_PACKED);
	if (kind & 64)
		vmmguest_drive(&g, d->offered, d->n_queues);
	virtio_suspend(d);
	state_begin(w, "device", 1);
	virtio_save(d, w);
	state_end(w);
	virtio_resume(d);
	vmmguest_fini(&g);
	return w->len - MAGIC - HEAD_BYTES;
}

static void fuzz_device(struct input *in)
{
	static struct vmmguest g;
	uint32_t kind = take(in, 1);
	struct state_writer w;
	size_t len = saved(kind, &w);
	uint8_t *payload = w.buffer + MAGIC + HEAD_BYTES;
	struct state_reader r = {.name = "device", .version = 1, .payload = payload, .left = len};
	struct virtio *d = make_device(&g, kind);
	bool as_it_was;
	struct err e;
	int ret;

	if (!d)
		abort();
	pci_plug(&g.pci, 1, &d->pci);
	if (kind & 32)
		d->offered |= VIRTIO_BIT(VIRTIO_F_RING_PACKED);
	as_it_was = in->left < 3;
	while (in->left > 2) {
		uint32_t at = take(in, 2);

		payload[at % len] ^= (uint8_t)take(in, 1);
	}
	ret = virtio_load(d, &r, "device", &e);
	if (ret < 0 && as_it_was)
		abort();
	if (ret == 0) {
		virtio_resume(d);
		for (unsigned q = 0; q < d->n_queues && q < 8; q++)
			vmmguest_kick(&g, q);
		loop_run_once(g.loop, 0);
		virtio_suspend(d);
		virtio_save(d, &w);
		virtio_resume(d);
	}
	vmmguest_fini(&g);
	state_writer_fini(&w);
}

/* --- the board -----------------------------------------------------------------------------------
 */

static void ignore(void *arg)
{
}

static void ignore_slots(void *arg, uint32_t slots)
{
}

static void fuzz_board(struct input *in)
{
	static const struct power_ops ops = {ignore, ignore, ignore_slots};
	struct state_reader r = {.name = "board", .version = 1, .payload = in->p, .left = in->left};
	struct bus ports = {0};
	struct serial s;
	struct power p;
	uint8_t byte;

	serial_init(&s, NULL, -1);
	power_init(&p, &ports, &ops, NULL, -1);
	if (serial_load(&s, &r, NULL) == 0)
		for (unsigned i = 0; i < 2 * SERIAL_FIFO; i++)
			serial_ops.read(&s, i % 8, &byte, 1);
	power_load(&p, &r);
	state_done(&r, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	switch (take(&in, 1) % 8) {
	case 0:
		fuzz_stream(&in);
		break;
	case 1:
		fuzz_board(&in);
		break;
	default:
		fuzz_device(&in);
	}
	return 0;
}
