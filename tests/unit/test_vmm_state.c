/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The state of a machine without KVM: the stream, memory, and devices that go on in another
 * machine. What is no state, or not all of it, is refused.
 */

#include "tests/lib/test.h"

#include <errno.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/vmmguest.h"
#include "vmm/pages.h"
#include "vmm/serial.h"
#include "vmm/state.h"
#include "vmm/virtio_state.h"
#include "vmm/virtq.h"

#define MEMORY	   (16ull << 20)
#define HEAD_BYTES 24
#define MAGIC	   8
#define PAGE_AT	   0x300000ull

static struct err e;

/* A file with a stream in it. */
struct file {
	int fd;
	struct state_writer w;
	struct state_reader r;
};

static void begin(struct file *f)
{
	f->fd = memfd_create("state", MFD_CLOEXEC);
	assert_int_equal(state_writer_init(&f->w, f->fd), 0);
	assert_int_equal(state_reader_init(&f->r, f->fd), 0);
}

/* What was written is to be read from now on. */
static void turn(struct file *f)
{
	assert_int_equal(state_flush(&f->w, 0), 0);
	lseek(f->fd, 0, SEEK_SET);
}

static void finish(struct file *f)
{
	state_finish(&f->w);
	turn(f);
}

static void end(struct file *f)
{
	state_writer_fini(&f->w);
	state_reader_fini(&f->r);
	close(f->fd);
}

static void again(struct file *f)
{
	state_reader_fini(&f->r);
	state_reader_init(&f->r, f->fd);
	lseek(f->fd, 0, SEEK_SET);
}

/* --- the stream ----------------------------------------------------------------------------------
 */

static void write_two_records(struct state_writer *w)
{
	state_begin(w, "one", 1);
	state_put_u8(w, 8);
	state_put_u16(w, 1616);
	state_put_u32(w, 32323232);
	state_put_u64(w, 6464646464646464ull);
	state_put_text(w, "text");
	state_end(w);
	state_begin(w, "two", 7);
	state_end(w);
}

/* 0 when all of it is right. */
static int read_two_records(struct state_reader *r)
{
	char text[8];
	int ret = state_wait(r, -1, &e);

	if (ret < 0)
		return ret;
	if (!state_is(r, "one") || r->version != 1 || state_get_u8(r) != 8 ||
	    state_get_u16(r) != 1616 || state_get_u32(r) != 32323232 ||
	    state_get_u64(r) != 6464646464646464ull)
		return -EBADMSG;
	state_get_text(r, text, sizeof(text));
	if (strcmp(text, "text") != 0 || state_done(r, &e) < 0)
		return -EBADMSG;
	ret = state_wait(r, -1, &e);
	if (ret < 0)
		return ret;
	if (!state_is(r, "two") || r->version != 7 || state_done(r, &e) < 0)
		return -EBADMSG;
	ret = state_wait(r, -1, &e);
	return ret > 0 ? -EBADMSG : ret;
}

static void what_was_written_is_read(void **state)
{
	struct file f;

	begin(&f);
	write_two_records(&f.w);
	finish(&f);

	assert_int_equal(read_two_records(&f.r), 0);
	assert_true(f.r.ended);
	assert_int_equal(f.r.bytes, f.w.bytes);
	end(&f);
}

static void a_stream_that_ends_anywhere_before_its_end_is_truncated(void **state)
{
	struct file f;

	begin(&f);
	write_two_records(&f.w);
	finish(&f);
	for (uint64_t len = f.w.bytes; len-- > 0;) {
		assert_int_equal(ftruncate(f.fd, (off_t)len), 0);
		again(&f);
		assert_int_equal(read_two_records(&f.r), -EPROTO);
		assert_non_null(strstr(e.text, "truncated"));
	}
	end(&f);
}

static void a_byte_that_changed_is_found(void **state)
{
	struct file f;

	begin(&f);
	write_two_records(&f.w);
	finish(&f);
	for (uint64_t at = 0; at < f.w.bytes; at++) {
		uint8_t byte;

		assert_int_equal(pread(f.fd, &byte, 1, (off_t)at), 1);
		byte ^= 0x10;
		assert_int_equal(pwrite(f.fd, &byte, 1, (off_t)at), 1);
		again(&f);
		assert_true(read_two_records(&f.r) < 0);
		byte ^= 0x10;
		assert_int_equal(pwrite(f.fd, &byte, 1, (off_t)at), 1);
	}
	again(&f);
	assert_int_equal(read_two_records(&f.r), 0);
	end(&f);
}

static void another_file_is_no_state(void **state)
{
	struct file f;

	begin(&f);
	assert_int_equal(pwrite(f.fd, "#!/bin/sh\n", 10, 0), 10);

	assert_int_equal(state_wait(&f.r, -1, &e), -EPROTO);
	assert_non_null(strstr(e.text, "no state of a weft-vmm"));
	end(&f);
}

static void a_payload_beyond_the_bound_is_refused_before_it_comes(void **state)
{
	const uint32_t huge = STATE_PAYLOAD_MAX + 1;
	struct file f;

	begin(&f);
	write_two_records(&f.w);
	finish(&f);
	assert_int_equal(pwrite(f.fd, &huge, 4, MAGIC + HEAD_BYTES - 4), 4);

	assert_int_equal(state_wait(&f.r, -1, &e), -EPROTO);
	assert_non_null(strstr(e.text, "makes no sense"));
	end(&f);
}

static void a_record_has_to_be_read_exactly(void **state)
{
	char text[4];
	struct file f;

	begin(&f);
	write_two_records(&f.w);
	finish(&f);
	assert_int_equal(state_wait(&f.r, -1, &e), 1);
	assert_int_equal(state_done(&f.r, &e), -EPROTO);
	assert_non_null(strstr(e.text, "record one: it is too long"));
	state_get_u64(&f.r);
	state_get_u32(&f.r);
	state_get_u16(&f.r);
	state_get_u8(&f.r);
	/* A text that does not fit. */
	state_get_text(&f.r, text, sizeof(text));
	assert_string_equal(text, "");
	assert_true(f.r.bad);

	assert_int_equal(state_wait(&f.r, -1, &e), 1);
	assert_int_equal(state_get_u32(&f.r), 0);
	assert_int_equal(state_done(&f.r, &e), -EPROTO);
	assert_non_null(strstr(e.text, "too short"));
	end(&f);
}

static void a_payload_that_is_too_long_cannot_be_written(void **state)
{
	static uint8_t much[STATE_PAYLOAD_MAX];
	struct file f;

	begin(&f);
	state_begin(&f.w, "much", 1);
	state_put_bytes(&f.w, much, sizeof(much));
	assert_int_equal(f.w.error, 0);
	state_put_u8(&f.w, 1);
	assert_int_equal(f.w.error, -EOVERFLOW);
	end(&f);
}

/* --- memory --------------------------------------------------------------------------------------
 */

struct two {
	struct memory from, to;
	struct pages p;
	struct file f;
};

static void begin_two(struct two *t)
{
	const struct memory_params params = {.bytes = MEMORY};

	assert_int_equal(memory_init(&t->from, &params, &e), 0);
	assert_int_equal(memory_init(&t->to, &params, &e), 0);
	assert_int_equal(pages_init(&t->p, &t->from), 0);
	begin(&t->f);
}

static void end_two(struct two *t)
{
	end(&t->f);
	pages_fini(&t->p);
	memory_fini(&t->from);
	memory_fini(&t->to);
}

static void send_round(struct two *t)
{
	while (pages_send(&t->p, &t->f.w, 7))
		;
	turn(&t->f);
	while (state_fill(&t->f.r) > 0)
		while (state_next(&t->f.r, &e) > 0)
			assert_int_equal(pages_load(&t->to, &t->f.r, &e), 0);
	assert_int_equal(ftruncate(t->f.fd, 0), 0);
	lseek(t->f.fd, 0, SEEK_SET);
}

static void assert_same(struct two *t)
{
	assert_memory_equal(t->from.base, t->to.base, MEMORY);
}

static void pages_go_over_and_those_without_content_cost_nothing(void **state)
{
	struct two t;

	begin_two(&t);
	for (unsigned page = 5; page < 60; page++)
		memset(t.from.base + page * MEMORY_PAGE, (int)page, MEMORY_PAGE);
	memset(t.from.base + 70 * MEMORY_PAGE, 0, 100 * MEMORY_PAGE); /* exist, and are zero */
	t.from.base[MEMORY - 1] = 1;
	send_round(&t);

	assert_in_range(t.f.w.bytes, 56 * MEMORY_PAGE, 57 * MEMORY_PAGE);
	assert_int_equal(memory_resident(&t.to), 56 * MEMORY_PAGE);
	assert_in_range(memory_resident(&t.from), 156 * MEMORY_PAGE, 157 * MEMORY_PAGE);
	assert_same(&t);
	end_two(&t);
}

static void a_page_that_became_zero_is_zero_there_too(void **state)
{
	struct two t;

	begin_two(&t);
	memset(t.from.base, 0xaa, 64 * MEMORY_PAGE);
	send_round(&t);
	memset(t.from.base + 3 * MEMORY_PAGE, 0, 2 * MEMORY_PAGE);
	memory_release(&t.from, t.from.base + 8 * MEMORY_PAGE, 8 * MEMORY_PAGE);
	t.from.base[20 * MEMORY_PAGE] = 1;
	t.p.todo[0] = 0xff18 | 1u << 20;
	pages_again(&t.p);
	assert_int_equal(pages_left(&t.p), 11);
	send_round(&t);

	assert_int_equal(pages_left(&t.p), 0);
	assert_int_equal(memory_resident(&t.to), 54 * MEMORY_PAGE);
	assert_same(&t);
	end_two(&t);
}

static void pages_that_the_guest_does_not_have_are_refused(void **state)
{
	static const uint64_t wrong[] = {MEMORY, MEMORY - MEMORY_PAGE, 1, ~0ull, ~0xfffull};
	static const uint8_t page[2 * MEMORY_PAGE];
	struct two t;

	begin_two(&t);
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		state_begin(&t.f.w, "memory", 1);
		state_put_u64(&t.f.w, wrong[i]);
		state_put_bytes(&t.f.w, page, sizeof(page));
		state_end(&t.f.w);
		state_begin(&t.f.w, "zeroes", 1);
		state_put_u64(&t.f.w, wrong[i]);
		state_put_u64(&t.f.w, sizeof(page));
		state_end(&t.f.w);
	}
	finish(&t.f);
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(wrong); i++) {
		assert_int_equal(state_wait(&t.f.r, -1, &e), 1);
		assert_int_equal(pages_load(&t.to, &t.f.r, &e), -EPROTO);
	}
	end_two(&t);
}

/* --- devices -------------------------------------------------------------------------------------
 */

/* Two guests, the second of which takes over what the first one's device was. */
struct world {
	struct vmmguest a, b;
	struct virtio *da, *db;
	struct file f;
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
	begin(&w.f);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	end(&w->f);
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
	finish(&w->f);
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

		end(&w->f);
		begin(&w->f);
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

	again(&w->f);
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
	finish(&w->f);

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
	finish(&w->f);
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
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(a_stream_that_ends_anywhere_before_its_end_is_truncated),
		cmocka_unit_test(a_byte_that_changed_is_found),
		cmocka_unit_test(another_file_is_no_state),
		cmocka_unit_test(a_payload_beyond_the_bound_is_refused_before_it_comes),
		cmocka_unit_test(a_record_has_to_be_read_exactly),
		cmocka_unit_test(a_payload_that_is_too_long_cannot_be_written),
		cmocka_unit_test(pages_go_over_and_those_without_content_cost_nothing),
		cmocka_unit_test(a_page_that_became_zero_is_zero_there_too),
		cmocka_unit_test(pages_that_the_guest_does_not_have_are_refused),
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
