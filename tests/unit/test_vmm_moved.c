/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Devices that go on in another machine, without KVM. What makes no sense, or does not fit, is
 * refused.
 */

#include "tests/lib/test.h"

#include <errno.h>
#include <linux/virtio_pci.h>
#include <string.h>

#include "tests/lib/statefile.h"
#include "tests/lib/vmmguest.h"
#include "vmm/serial.h"
#include "vmm/virtio_state.h"
#include "vmm/virtq.h"

#define MEMORY	(16ull << 20)
#define PAGE_AT 0x300000ull

static struct err e;

/* --- devices -------------------------------------------------------------------------------------
 */

/* Two guests, the second of which takes over what the first one's device was. */
struct world {
	struct vmmguest a, b;
	struct virtio *da, *db;
	struct statefile f;
};

static struct virtio *make(struct vmmguest *g)
{
	struct device_env env;
	struct virtio *d;

	vmmguest_init(g, MEMORY);
	env = vmmguest_env(g);
	d = virtio_rng_create(&env, &e);
	assert_non_null(d);
	return d;
}

static int setup(void **state)
{
	static struct world w;

	w.da = make(&w.a);
	vmmguest_plug(&w.a, w.da);
	w.db = make(&w.b);
	pci_plug(&w.b.pci, 1, &w.db->pci);
	statefile_begin(&w.f);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	statefile_end(&w->f);
	vmmguest_fini(&w->a);
	vmmguest_fini(&w->b);
	return 0;
}

static void ask(struct vmmguest *g, uint16_t i)
{
	vmmguest_desc(g, 0, i, GUEST_DATA_AT, 64, VRING_DESC_F_WRITE, 0);
	vmmguest_offer(g, 0, i);
	vmmguest_kick(g, 0);
}

static void save(struct world *w)
{
	virtio_suspend(w->da);
	state_begin(&w->f.w, "device", 1);
	virtio_save(w->da, &w->f.w);
	state_end(&w->f.w);
	statefile_finish(&w->f);
}

static int load(struct world *w)
{
	assert_int_equal(state_wait(&w->f.r, -1, &e), 1);
	return virtio_load(w->db, &w->f.r, "rng", &e);
}

/* The driver of the first guest works with the second one's device. */
static void move_driver(struct world *w)
{
	memcpy(w->b.mem.base, w->a.mem.base, MEMORY);
	memcpy(w->b.avail, w->a.avail, sizeof(w->b.avail));
	w->b.bar = w->a.bar;
}

static void a_device_goes_on_in_another_machine(void **state)
{
	struct world *w = *state;

	vmmguest_drive(&w->a, VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX), 1);
	ask(&w->a, 0);
	vmmguest_wait_used(&w->a, 0, 1);
	/* Rung, and not served yet. */
	ask(&w->a, 1);
	save(w);
	move_driver(w);
	assert_int_equal(load(w), 0);
	assert_int_equal(w->b.doorbells, 1);
	assert_int_equal(vmmguest_used(&w->b, 0), 1);
	virtio_resume(w->db);

	vmmguest_wait_used(&w->b, 0, 2);
	ask(&w->b, 2);
	vmmguest_wait_used(&w->b, 0, 3);
	assert_int_equal(vmmguest_common_read(&w->b, VIRTIO_PCI_COMMON_STATUS, 1), 15);
	assert_int_equal(w->b.irqfds[w->db->msix.vectors[1].gsi], msix_fd(&w->db->msix, 1));
}

static void a_device_that_no_driver_has_yet_can_still_be_driven(void **state)
{
	struct world *w = *state;

	save(w);
	move_driver(w);
	assert_int_equal(load(w), 0);
	virtio_resume(w->db);

	vmmguest_drive(&w->b, 0, 1);
	ask(&w->b, 0);
	vmmguest_wait_used(&w->b, 0, 1);
}

static void an_interrupt_that_waits_behind_a_mask_comes_along(void **state)
{
	const uint32_t masked = 1, open = 0;
	uint64_t control;
	uint32_t pending = 0;
	struct world *w = *state;

	vmmguest_drive(&w->a, 0, 1);
	control = w->a.bar + 0x4000 + MSIX_ENTRY + 12;
	bus_write(&w->a.memory_bus, control, &masked, 4);
	ask(&w->a, 0);
	vmmguest_wait_used(&w->a, 0, 1);
	save(w);
	move_driver(w);
	assert_int_equal(load(w), 0);

	bus_read(&w->b.memory_bus, w->b.bar + 0x5000, &pending, 4);
	assert_int_equal(pending, 2);
	bus_write(&w->b.memory_bus, control, &open, 4);
	assert_int_equal(w->b.irqfds[w->db->msix.vectors[1].gsi], msix_fd(&w->db->msix, 1));
}

/* One wrong field each. */
static void spoil(struct virtio *d, unsigned how)
{
	struct virtio_queue *q = &d->queues[0];

	switch (how) {
	case 0:
		q->size = 3;
		break;
	case 1:
		q->size = 2048;
		break;
	case 2:
		q->vector = 40;
		break;
	case 3:
		q->used = MEMORY - 8;
		break;
	case 4:
		d->config_vector = 2;
		break;
	case 5:
		d->status = VIRTIO_CONFIG_S_DRIVER_OK;
		break;
	case 6:
		d->msix.n = 1;
		break;
	}
}

static void every_field_that_makes_no_sense_is_refused(void **state)
{
	struct world *w = *state;

	vmmguest_drive(&w->a, 0, 1);
	ask(&w->a, 0);
	vmmguest_wait_used(&w->a, 0, 1);
	for (unsigned how = 0; how < 7; how++) {
		struct virtio before = *w->da;

		statefile_end(&w->f);
		statefile_begin(&w->f);
		spoil(w->da, how);
		save(w);
		memcpy(w->da, &before, sizeof(before));
		assert_int_equal(load(w), -EPROTO);
	}
}

static void another_device_or_less_features_are_a_misfit(void **state)
{
	struct world *w = *state;

	vmmguest_drive(&w->a, VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX), 1);
	save(w);
	w->db->offered &= ~VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX);
	assert_int_equal(load(w), -ENOTSUP);
	assert_non_null(strstr(e.text, "not offered here (0x20000000)"));

	statefile_again(&w->f);
	w->db->pci.config[PCI_DEVICE_ID]++;
	assert_int_equal(load(w), -ENOTSUP);
	assert_non_null(strstr(e.text, "another device"));
}

static void a_place_beyond_a_packed_ring_is_refused(void **state)
{
	struct world *w = *state;
	struct virtq vq = {.packed = true, .next_avail = 16 | 0x8000};
	struct virtio d = {
		.mem = &w->a.mem, .started = true, .features = VIRTIO_BIT(VIRTIO_F_RING_PACKED)};

	d.queues[0] = (struct virtio_queue){.size = 16, .enabled = true, .desc = 0x1000};
	d.queues[0].avail = d.queues[0].used = 0x2000;
	state_begin(&w->f.w, "queue", 1);
	virtq_save(&vq, &d, 0, &w->f.w);
	state_end(&w->f.w);
	statefile_finish(&w->f);

	assert_int_equal(state_wait(&w->f.r, -1, &e), 1);
	assert_int_equal(virtq_load(&vq, &d, 0, &w->f.r, &e), -EPROTO);
}

static void what_a_device_writes_is_in_the_log(void **state)
{
	struct world *w = *state;
	uint64_t bits[MEMORY / MEMORY_PAGE / 64] = {0};
	uint64_t data = GUEST_DATA_AT / MEMORY_PAGE, used = (GUEST_RING_AT + 0x2000) / MEMORY_PAGE;

	vmmguest_drive(&w->a, 0, 1);
	ask(&w->a, 0);
	vmmguest_wait_used(&w->a, 0, 1);
	assert_int_equal(memory_log_start(&w->a.mem, &e), 0);
	memory_log_take(&w->a.mem, 0, bits);
	for (unsigned i = 0; i < ARRAY_SIZE(bits); i++)
		assert_int_equal(bits[i], 0);
	ask(&w->a, 1);
	vmmguest_wait_used(&w->a, 0, 2);
	memory_log_take(&w->a.mem, 0, bits);

	assert_int_equal(bits[data / 64], 1ull << data % 64);
	assert_int_equal(bits[used / 64], 1ull << used % 64);
	memory_release(&w->a.mem, memory_at(&w->a.mem, PAGE_AT, 8192), 8192);
	memory_log_take(&w->a.mem, 0, bits);
	assert_int_equal(bits[PAGE_AT / MEMORY_PAGE / 64], 3ull << PAGE_AT / MEMORY_PAGE % 64);
	memory_log_stop(&w->a.mem);
}

static void a_serial_line_keeps_what_was_not_read(void **state)
{
	struct world *w = *state;
	struct serial a, b;
	uint8_t byte;

	serial_init(&a, NULL, -1);
	serial_init(&b, NULL, -1);
	serial_stream_ops.input(&a, (const uint8_t *)"xyz", 3);
	serial_ops.read(&a, 0, &byte, 1);
	byte = 0x5a;
	serial_ops.write(&a, 7, &byte, 1);
	state_begin(&w->f.w, "serial", 1);
	serial_save(&a, &w->f.w);
	state_end(&w->f.w);
	statefile_finish(&w->f);
	assert_int_equal(state_wait(&w->f.r, -1, &e), 1);
	assert_int_equal(serial_load(&b, &w->f.r, &e), 0);
	assert_int_equal(state_done(&w->f.r, &e), 0);

	serial_ops.read(&b, 7, &byte, 1);
	assert_int_equal(byte, 0x5a);
	serial_ops.read(&b, 0, &byte, 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(b.len, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_goes_on_in_another_machine),
		TEST(a_device_that_no_driver_has_yet_can_still_be_driven),
		TEST(an_interrupt_that_waits_behind_a_mask_comes_along),
		TEST(every_field_that_makes_no_sense_is_refused),
		TEST(another_device_or_less_features_are_a_misfit),
		TEST(a_place_beyond_a_packed_ring_is_refused),
		TEST(what_a_device_writes_is_in_the_log),
		TEST(a_serial_line_keeps_what_was_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
