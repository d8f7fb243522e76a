/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Devices that go on in another machine, without KVM. What makes no sense, or does not fit, is
 * refused.
 */

#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/statefile.h"
#include "tests/lib/vmmguest.h"
#include "vmm/cpuid.h"
#include "vmm/serial.h"
#include "vmm/virtio_state.h"
#include "vmm/virtq.h"

#define MEMORY	(16ull << 20)
#define PAGE_AT 0x300000ull

static struct err e;
static const char disk_path[] = "/tmp/weft-moved-test.disk";

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

/* --- devices of other kinds ----------------------------------------------------------------------
 */

/* What `from` is goes into `to`. */
static int pass(struct world *w, struct virtio *from, struct virtio *to)
{
	virtio_suspend(from);
	state_begin(&w->f.w, "device", 1);
	virtio_save(from, &w->f.w);
	state_end(&w->f.w);
	statefile_finish(&w->f);
	assert_int_equal(state_wait(&w->f.r, -1, &e), 1);
	return virtio_load(to, &w->f.r, "it", &e);
}

static struct virtio *make_disk(struct vmmguest *g, off_t bytes, bool locked_later)
{
	struct device_env env = vmmguest_env(g);
	const struct disk_params p = {.path = disk_path, .locked_later = locked_later};
	struct virtio *d;
	int fd = open(disk_path, O_RDWR | O_CREAT, 0600);

	assert_int_equal(ftruncate(fd, bytes), 0);
	close(fd);
	d = virtio_blk_create(&env, &p, &e);
	assert_non_null(d);
	return d;
}

static void a_disk_of_another_size_is_a_misfit(void **state)
{
	struct world *w = *state;
	struct virtio *from = make_disk(&w->a, 1 << 20, true),
		      *to = make_disk(&w->b, 2 << 20, true);

	assert_int_equal(pass(w, from, to), -ENOTSUP);
	assert_non_null(strstr(e.text, "has 1048576 bytes, this one 2097152"));
	from->ops->destroy(from);
	to->ops->destroy(to);
	unlink(disk_path);
}

static void the_lock_of_a_disk_goes_with_the_guest(void **state)
{
	struct world *w = *state;
	struct virtio *from = make_disk(&w->a, 1 << 20, false),
		      *to = make_disk(&w->b, 1 << 20, true);

	assert_int_equal(virtio_blk_lock(to, &e), -EBUSY);
	virtio_blk_unlock(from);
	assert_int_equal(virtio_blk_lock(to, &e), 0);
	assert_int_equal(virtio_blk_lock(from, &e), -EBUSY);
	from->ops->destroy(from);
	to->ops->destroy(to);
	unlink(disk_path);
}

static void a_balloon_keeps_its_size(void **state)
{
	const struct balloon_params p = {0};
	struct world *w = *state;
	struct device_env a = vmmguest_env(&w->a), b = vmmguest_env(&w->b);
	struct virtio *from = virtio_balloon_create(&a, &p, &e);
	struct virtio *to = virtio_balloon_create(&b, &p, &e);
	struct balloon_info info;

	virtio_balloon_set(from, MEMORY / 2);
	assert_int_equal(pass(w, from, to), 0);
	virtio_balloon_info(to, &info);

	assert_int_equal(info.target, MEMORY / 2);
	assert_int_equal(info.actual, MEMORY);
	from->ops->destroy(from);
	to->ops->destroy(to);
}

static void a_cpu_that_lacks_what_the_guest_has_seen_is_refused(void **state)
{
	const size_t bytes = sizeof(struct kvm_cpuid2) + sizeof(struct kvm_cpuid_entry2);
	struct kvm_cpuid2 *own = calloc(1, bytes), *theirs = calloc(1, bytes);

	own->nent = theirs->nent = 1;
	own->entries[0] = (struct kvm_cpuid_entry2){.function = 7, .ebx = 0x21, .edx = 4};
	theirs->entries[0] = (struct kvm_cpuid_entry2){.function = 7, .ebx = 0x20};
	assert_int_equal(cpuid_check(theirs, own, &e), 0);
	assert_int_equal(cpuid_check(own, theirs, &e), -ENOTSUP);
	assert_non_null(strstr(e.text, "CPUID 0x7: eax 0x0 ebx 0x1 ecx 0x0 edx 0x4"));
	free(own);
	free(theirs);
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
		TEST(a_disk_of_another_size_is_a_misfit),
		TEST(the_lock_of_a_disk_goes_with_the_guest),
		TEST(a_balloon_keeps_its_size),
		cmocka_unit_test(a_cpu_that_lacks_what_the_guest_has_seen_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
