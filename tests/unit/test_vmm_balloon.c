/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The balloon as its driver uses it, and what of the memory is left afterwards. */

#include "tests/lib/test.h"

#include <errno.h>
#include <linux/virtio_balloon.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/lib/vmmguest.h"
#include "vmm/layout.h"

#define MEMORY	(16ull << 20)
#define PAGE	4096ull
#define PAGES	0xa00000ull /* pages that tests give back */
#define LIST	0	    /* of page numbers, in the guest's data */
#define TARGET	0x2000	    /* of device configuration, in BAR 0 */
#define ACTUAL	0x2004
#define INFLATE 0
#define DEFLATE 1

struct world {
	struct vmmguest g;
	struct virtio *d;
	unsigned told;
};

static void on_changed(struct virtio *d, void *arg)
{
	((struct world *)arg)->told++;
}

static int setup(void **state)
{
	static struct world w;
	const struct balloon_params p = {.reporting = true, .changed = on_changed, .arg = &w};
	struct device_env env;

	vmmguest_init(&w.g, MEMORY);
	env = vmmguest_env(&w.g);
	w.told = 0;
	w.d = virtio_balloon_create(&env, &p, NULL);
	if (!w.d)
		return -1;
	vmmguest_plug(&w.g, w.d);
	memset(memory_at(&w.g.mem, PAGES, 8 * PAGE), 0x5a, 8 * PAGE);
	memset(vmmguest_data(&w.g, LIST), 0x5a, PAGE);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	vmmguest_fini(&((struct world *)*state)->g);
	return 0;
}

static void drive(struct world *w, unsigned n_queues)
{
	vmmguest_drive(&w->g,
		       VIRTIO_BIT(VIRTIO_BALLOON_F_REPORTING) |
			       VIRTIO_BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM),
		       n_queues);
}

static void send_pfns(struct world *w, unsigned queue, const uint32_t *pfns, unsigned n)
{
	memcpy(vmmguest_data(&w->g, LIST), pfns, n * sizeof(*pfns));
	vmmguest_desc(&w->g, queue, 0, GUEST_DATA_AT + LIST, n * sizeof(*pfns), 0, 0);
	vmmguest_offer(&w->g, queue, 0);
	vmmguest_kick(&w->g, queue);
	vmmguest_wait_used(&w->g, queue, w->g.avail[queue]);
}

static void report(struct world *w, unsigned queue, uint64_t at, uint32_t len)
{
	vmmguest_desc(&w->g, queue, 0, at, len, VRING_DESC_F_WRITE, 0);
	vmmguest_offer(&w->g, queue, 0);
	vmmguest_kick(&w->g, queue);
	vmmguest_wait_used(&w->g, queue, w->g.avail[queue]);
}

static uint8_t byte(struct world *w, unsigned page)
{
	return *(uint8_t *)memory_at(&w->g.mem, PAGES + page * PAGE + 7, 1);
}

static void pages_in_the_balloon_are_the_hosts_and_their_neighbours_stay(void **state)
{
	struct world *w = *state;
	const uint32_t first = PAGES / PAGE;
	const uint32_t up_and_down[] = {first + 1, first + 2, first + 6, first + 5};
	uint64_t before;

	drive(w, 2);
	before = memory_resident(&w->g.mem);
	send_pfns(w, INFLATE, up_and_down, ARRAY_SIZE(up_and_down));

	assert_int_equal(before - memory_resident(&w->g.mem), 4 * PAGE);
	for (unsigned page = 0; page < 8; page++)
		assert_int_equal(byte(w, page),
				 page == 1 || page == 2 || page == 5 || page == 6 ? 0 : 0x5a);
}

static void a_page_that_is_touched_again_is_the_same_for_a_backend(void **state)
{
	struct world *w = *state;
	const uint32_t pfn = PAGES / PAGE;
	uint8_t *backend = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, w->g.mem.fd, 0);

	assert_ptr_not_equal(backend, MAP_FAILED);
	assert_int_equal(backend[PAGES], 0x5a);
	drive(w, 2);
	send_pfns(w, INFLATE, &pfn, 1);
	assert_int_equal(backend[PAGES], 0);
	send_pfns(w, DEFLATE, &pfn, 1);
	*(uint8_t *)memory_at(&w->g.mem, PAGES, 1) = 0x77;

	assert_int_equal(backend[PAGES], 0x77);
	munmap(backend, MEMORY);
}

static void page_numbers_that_are_no_ram_are_passed_over(void **state)
{
	struct world *w = *state;
	const uint32_t pfns[] = {MEMORY / PAGE,		  UINT32_MAX,	     0xfee00,
				 BAR_WINDOW_START / PAGE, PAGES / PAGE + 3u, 0x100000};
	uint64_t before;

	drive(w, 2);
	before = memory_resident(&w->g.mem);
	send_pfns(w, INFLATE, pfns, ARRAY_SIZE(pfns));

	assert_int_equal(before - memory_resident(&w->g.mem), PAGE);
	assert_int_equal(byte(w, 3), 0);
	assert_int_equal(w->d->status & VIRTIO_CONFIG_S_NEEDS_RESET, 0);
}

/* Linux numbers the reporting queue 2, the specification 4. */
static void a_reported_block_is_given_back_on_either_queue(void **state)
{
	struct world *w = *state;

	drive(w, 3);
	report(w, 2, PAGES, 2 * PAGE);
	assert_int_equal(byte(w, 0), 0);
	assert_int_equal(byte(w, 1), 0);
	assert_int_equal(byte(w, 2), 0x5a);

	drive(w, 5);
	report(w, 4, PAGES + 2 * PAGE, PAGE);
	assert_int_equal(byte(w, 2), 0);
}

static void parts_of_pages_stay(void **state)
{
	struct world *w = *state;

	drive(w, 3);
	report(w, 2, PAGES + 1, 2 * PAGE);
	assert_int_equal(byte(w, 0), 0x5a);
	assert_int_equal(byte(w, 1), 0);
	assert_int_equal(byte(w, 2), 0x5a);

	w->g.mem.page_bytes = 2ull << 20;
	report(w, 2, PAGES, (2u << 20) - PAGE);
	assert_int_equal(byte(w, 0), 0x5a);
	report(w, 2, PAGES, 2u << 20);
	assert_int_equal(byte(w, 0), 0);
}

static void without_the_feature_nothing_is_reported(void **state)
{
	struct world *w = *state;

	vmmguest_drive(&w->g, 0, 3);
	report(w, 2, PAGES, PAGE);
	assert_int_equal(byte(w, 0), 0x5a);
}

static void a_report_outside_of_ram_breaks_the_queue(void **state)
{
	struct world *w = *state;

	drive(w, 3);
	vmmguest_desc(&w->g, 2, 0, MEMORY - PAGE, 2 * PAGE, VRING_DESC_F_WRITE, 0);
	vmmguest_offer(&w->g, 2, 0);
	vmmguest_kick(&w->g, 2);
	loop_run_once(w->g.loop, 100);

	assert_true(w->d->status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

static void the_guest_is_asked_and_its_steps_are_told_together(void **state)
{
	struct world *w = *state;
	struct balloon_info info;

	drive(w, 2);
	virtio_balloon_set(w->d, MEMORY - 3 * PAGE);
	assert_int_equal(vmmguest_common_read(&w->g, TARGET, 4), 3);
	for (unsigned pages = 0; pages <= 3; pages++) {
		vmmguest_common_write(&w->g, ACTUAL, pages, 4);
		loop_run_once(w->g.loop, 0);
	}
	assert_int_equal(w->told, 0);
	for (unsigned i = 0; i < 20 && !w->told; i++)
		loop_run_once(w->g.loop, 50);

	virtio_balloon_info(w->d, &info);
	assert_int_equal(w->told, 1);
	assert_int_equal(info.target, MEMORY - 3 * PAGE);
	assert_int_equal(info.actual, MEMORY - 3 * PAGE);
}

static void a_guest_that_lies_has_no_more_than_all_in_its_balloon(void **state)
{
	struct world *w = *state;
	struct balloon_info info;

	drive(w, 2);
	vmmguest_common_write(&w->g, ACTUAL, UINT32_MAX, 4);
	virtio_balloon_info(w->d, &info);
	assert_int_equal(info.actual, 0);

	vmmguest_status(&w->g, 0);
	virtio_balloon_info(w->d, &info);
	assert_int_equal(info.actual, MEMORY);
}

static void private_memory_is_counted_and_given_back_too(void **state)
{
	const struct memory_params p = {.bytes = MEMORY, .ksm = true};
	struct memory m;
	uint8_t *page;

	assert_int_equal(memory_init(&m, &p, NULL), 0);
	assert_int_equal(m.fd, -1);
	assert_int_equal(memory_resident(&m), 0);
	page = memory_at(&m, PAGES, 2 * PAGE);
	memset(page, 0x5a, 2 * PAGE);
	assert_int_equal(memory_resident(&m), 2 * PAGE);
	memory_release(&m, page, PAGE);

	assert_int_equal(page[0], 0);
	assert_int_equal(page[PAGE], 0x5a);
	memory_clear(&m);
	assert_int_equal(page[PAGE], 0);
	memory_fini(&m);
}

static void no_backend_gets_private_memory(void **state)
{
	struct world *w = *state;
	struct memory private = w->g.mem;
	struct device_env env = vmmguest_env(&w->g);
	const struct nic_params p = {.id = "nic0", .path = "/nowhere", .pairs = 1};
	struct err e;

	private.fd = -1;
	env.mem = &private;
	assert_null(virtio_net_create(&env, &p, &e));
	assert_non_null(strstr(e.text, "leave out --ksm"));
}

static void a_node_has_to_be_there(void **state)
{
	struct memory_params p = {.bytes = MEMORY, .on_node = true, .node = 1022};
	struct memory m;
	struct err e;

	assert_int_equal(memory_init(&m, &p, &e), -EINVAL);
	assert_non_null(strstr(e.text, "no such node"));
	p.node = 0;
	if (memory_init(&m, &p, &e) < 0) { /* a kernel or a container that has no policies */
		print_message("%s\n", e.text);
		skip();
	}
	memory_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_backend_gets_private_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(a_node_has_to_be_there, setup, teardown),
		cmocka_unit_test_setup_teardown(private_memory_is_counted_and_given_back_too, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			pages_in_the_balloon_are_the_hosts_and_their_neighbours_stay, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_page_that_is_touched_again_is_the_same_for_a_backend, setup, teardown),
		cmocka_unit_test_setup_teardown(page_numbers_that_are_no_ram_are_passed_over, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_reported_block_is_given_back_on_either_queue,
						setup, teardown),
		cmocka_unit_test_setup_teardown(parts_of_pages_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(without_the_feature_nothing_is_reported, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_report_outside_of_ram_breaks_the_queue, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_guest_is_asked_and_its_steps_are_told_together,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_guest_that_lies_has_no_more_than_all_in_its_balloon, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
