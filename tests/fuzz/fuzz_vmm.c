/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a guest, a vhost-user backend and a kernel image can do to weft-vmm, without KVM. The first
 * byte chooses:
 *
 *   accesses   to configuration space, BAR and ports of a device, between writes to its rings and
 *              turns of the loop; the device is one of five, with or without a driver in place
 *   replies    of a backend to the messages of a session
 *   an image   for the kernel loader
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/vmm_input.h"
#include "tests/lib/vmmguest.h"
#include "vmm/acpi.h"
#include "vmm/kernel.h"
#include "vmm/layout.h"
#include "vmm/power.h"
#include "vmm/serial.h"
#include "vmm/vhost_user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY	    (16ull << 20)
#define STEPS_MAX   256
#define RINGS_BYTES 0x80000

/* --- accesses
 * --------------------------------------------------------------------------------------- */

struct machine {
	struct vmmguest g;
	struct virtio *d;
	struct serial serial;
	struct power power;
};

static void ignore(void *arg)
{
}

static void ignore_slots(void *arg, uint32_t slots)
{
}

static const struct power_ops power_ops = {ignore, ignore, ignore_slots};

static struct virtio *make_device(struct machine *m, uint32_t kind)
{
	struct device_env env = vmmguest_env(&m->g);
	struct disk_params disk = {.path = disk_path(), .readonly = kind & 8};
	const struct balloon_params balloon = {.reporting = true};
	const struct nic_params nic = {
		.id = "nic", .path = "/nonexistent", .pairs = 2, .tso = true, .csum = true};

	if (kind & 16)
		return virtio_balloon_create(&env, &balloon, NULL);
	switch (kind % 4) {
	case 0:
		return virtio_rng_create(&env, NULL);
	case 1:
		return virtio_blk_create(&env, &disk, NULL);
	case 2:
		return virtio_console_create(&env, "port", "none", NULL);
	default:
		return virtio_net_create(&env, &nic, NULL);
	}
}

/* Small addresses in rings, so that they often mean something. */
static void poke(struct machine *m, struct input *in)
{
	uint32_t at = take(in, 3) % RINGS_BYTES, value = take(in, 4);
	unsigned len = 1u << take(in, 1) % 3;

	memcpy((uint8_t *)memory_at(&m->g.mem, GUEST_RING_AT, RINGS_BYTES + 8) + at, &value, len);
}

static void access_port(struct machine *m, struct input *in)
{
	static const uint16_t ports[] = {PORT_COM1,	PORT_I8042,	 PORT_RESET,
					 PORT_SLEEP,	PORT_EVENTS,	 PORT_HOTPLUG,
					 PORT_PCI_DATA, PORT_PCI_ADDRESS};
	uint32_t how = take(in, 1), value = take(in, 4);
	uint64_t port = ports[how % 8] + take(in, 1) % 12u;

	if (how & 8)
		bus_read(&m->g.ports, port, &value, 1u << (how >> 4) % 3);
	else
		bus_write(&m->g.ports, port, &value, 1u << (how >> 4) % 3);
}

static void access_bar(struct machine *m, struct input *in)
{
	uint32_t how = take(in, 1), at = take(in, 2);
	uint64_t value = take(in, 4);

	/* The first page is where most of it is. */
	at = how & 8 ? at % 0x40 : at % 0x8000;
	if (how & 1)
		bus_read(&m->g.memory_bus, m->g.bar + at, &value, 1u << (how >> 1) % 4);
	else
		bus_write(&m->g.memory_bus, m->g.bar + at, &value, 1u << (how >> 1) % 4);
}

static void step(struct machine *m, struct input *in)
{
	uint32_t a, b;

	switch (take(in, 1) % 8) {
	case 0:
	case 1:
		access_bar(m, in);
		break;
	case 2:
		a = take(in, 2);
		b = take(in, 4);
		vmmguest_config_write(&m->g, 1, a % 256, b, 1u << (a >> 8) % 3);
		break;
	case 3:
		a = take(in, 2);
		vmmguest_config_read(&m->g, 1, a % 4096, 1u << (a >> 12) % 3);
		break;
	case 4:
		access_port(m, in);
		break;
	case 5:
		poke(m, in);
		break;
	case 6:
		vmmguest_offer(&m->g, take(in, 1) % m->d->n_queues, (uint16_t)take(in, 2));
		break;
	default:
		vmmguest_kick(&m->g, take(in, 1) % 8u);
		loop_run_once(m->g.loop, 0);
	}
}

static void fuzz_accesses(struct input *in)
{
	static struct machine m;
	uint32_t kind = take(in, 1);

	vmmguest_init(&m.g, MEMORY);
	m.d = make_device(&m, kind);
	if (!m.d)
		abort();
	power_init(&m.power, &m.g.ports, &power_ops, NULL, -1);
	serial_init(&m.serial, NULL, -1);
	bus_add(&m.g.ports, PORT_COM1, 8, &serial_ops, &m.serial);
	vmmguest_plug(&m.g, m.d);
	if (kind & 32)
		m.d->offered |= VIRTIO_BIT(VIRTIO_F_RING_PACKED);
	if (kind & 4)
		vmmguest_drive(&m.g, m.d->offered, m.d->n_queues);
	for (unsigned i = 0; i < STEPS_MAX && in->left; i++)
		step(&m, in);
	loop_run_once(m.g.loop, 0);
	vmmguest_fini(&m.g);
}

/* --- replies
 * ---------------------------------------------------------------------------------------- */

static void fuzz_replies(struct input *in)
{
	struct vhost_user vu = {.path = "fuzz"};
	static uint8_t ram[4096];
	struct memory mem = {.fd = 0, .base = ram, .n_regions = 1};
	struct vhost_user_ring ring = {.size = 16, .kick_fd = -1, .call_fd = -1};
	uint32_t base;
	struct err e;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	(void)!send(fds[1], in->p, MIN_OF(in->left, 4096u), MSG_NOSIGNAL);
	shutdown(fds[1], SHUT_WR);
	vu.fd = fds[0];
	if (vhost_user_handshake(&vu, &e) == 0 && vhost_user_set_features(&vu, ~0ull, &e) == 0 &&
	    vhost_user_set_memory(&vu, &mem, &e) == 0 && vhost_user_set_mtu(&vu, 1500, &e) == 0 &&
	    vhost_user_ring_start(&vu, 0, &ring, &e) == 0 &&
	    vhost_user_ring_enable(&vu, 0, true, &e) == 0)
		vhost_user_ring_stop(&vu, 0, &base, &e);
	if (vu.pairs_max < 1 || vu.pairs_max > 16)
		abort();
	close(fds[0]);
	close(fds[1]);
}

/* --- an image
 * --------------------------------------------------------------------------------------- */

static void fuzz_image(struct input *in)
{
	const struct memory_params p = {.bytes = 32ull << 20};
	struct memory mem;
	struct kernel k;
	int fd = memfd_create("image", MFD_CLOEXEC);

	if (write(fd, in->p, in->left) != (ssize_t)in->left || memory_init(&mem, &p, NULL) < 0)
		abort();
	if (kernel_load(&k, fd, &mem, NULL) == 0 && k.end > p.bytes)
		abort();
	close(fd);
	memory_fini(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	switch (take(&in, 1) % 8) {
	case 0:
		fuzz_replies(&in);
		break;
	case 1:
		fuzz_image(&in);
		break;
	default:
		fuzz_accesses(&in);
	}
	return 0;
}
