/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The stream that a machine's state is, and memory in it. What is no state, or not all, is refused.
 */

#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/statefile.h"
#include "vmm/pages.h"
#include "vmm/state.h"

#define MEMORY	   (16ull << 20)
#define HEAD_BYTES 24
#define MAGIC	   8

static struct err e;

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
	struct statefile f;

	statefile_begin(&f);
	write_two_records(&f.w);
	statefile_finish(&f);

	assert_int_equal(read_two_records(&f.r), 0);
	assert_true(f.r.ended);
	statefile_end(&f);
}

static void a_stream_that_ends_anywhere_before_its_end_is_truncated(void **state)
{
	struct statefile f;

	statefile_begin(&f);
	write_two_records(&f.w);
	statefile_finish(&f);
	for (uint64_t len = f.w.bytes; len-- > 0;) {
		assert_int_equal(ftruncate(f.fd, (off_t)len), 0);
		statefile_again(&f);
		assert_int_equal(read_two_records(&f.r), -EPROTO);
		assert_non_null(strstr(e.text, "truncated"));
	}
	statefile_end(&f);
}

static void a_byte_that_changed_is_found(void **state)
{
	struct statefile f;

	statefile_begin(&f);
	write_two_records(&f.w);
	statefile_finish(&f);
	for (uint64_t at = 0; at < f.w.bytes; at++) {
		uint8_t byte;

		assert_int_equal(pread(f.fd, &byte, 1, (off_t)at), 1);
		byte ^= 0x10;
		assert_int_equal(pwrite(f.fd, &byte, 1, (off_t)at), 1);
		statefile_again(&f);
		assert_true(read_two_records(&f.r) < 0);
		byte ^= 0x10;
		assert_int_equal(pwrite(f.fd, &byte, 1, (off_t)at), 1);
	}
	statefile_again(&f);
	assert_int_equal(read_two_records(&f.r), 0);
	statefile_end(&f);
}

static void another_file_is_no_state(void **state)
{
	struct statefile f;

	statefile_begin(&f);
	assert_int_equal(pwrite(f.fd, "#!/bin/sh\n", 10, 0), 10);

	assert_int_equal(state_wait(&f.r, -1, &e), -EPROTO);
	assert_non_null(strstr(e.text, "no state of a weft-vmm"));
	statefile_end(&f);
}

static void a_payload_beyond_the_bound_is_refused_before_it_comes(void **state)
{
	const uint32_t huge = STATE_PAYLOAD_MAX + 1;
	struct statefile f;

	statefile_begin(&f);
	write_two_records(&f.w);
	statefile_finish(&f);
	assert_int_equal(pwrite(f.fd, &huge, 4, MAGIC + HEAD_BYTES - 4), 4);

	assert_int_equal(state_wait(&f.r, -1, &e), -EPROTO);
	assert_non_null(strstr(e.text, "makes no sense"));
	statefile_end(&f);
}

static void a_record_has_to_be_read_exactly(void **state)
{
	char text[4];
	struct statefile f;

	statefile_begin(&f);
	write_two_records(&f.w);
	statefile_finish(&f);
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
	statefile_end(&f);
}

static void a_payload_that_is_too_long_cannot_be_written(void **state)
{
	static uint8_t much[STATE_PAYLOAD_MAX];
	struct statefile f;

	statefile_begin(&f);
	state_begin(&f.w, "much", 1);
	state_put_bytes(&f.w, much, sizeof(much));
	assert_int_equal(f.w.error, 0);
	state_put_u8(&f.w, 1);
	assert_int_equal(f.w.error, -EOVERFLOW);
	statefile_end(&f);
}

/* --- memory --------------------------------------------------------------------------------------
 */

struct two {
	struct memory from, to;
	struct pages p;
	struct statefile f;
};

static void begin_two(struct two *t)
{
	const struct memory_params params = {.bytes = MEMORY};

	assert_int_equal(memory_init(&t->from, &params, &e), 0);
	assert_int_equal(memory_init(&t->to, &params, &e), 0);
	assert_int_equal(pages_init(&t->p, &t->from), 0);
	statefile_begin(&t->f);
}

static void end_two(struct two *t)
{
	statefile_end(&t->f);
	pages_fini(&t->p);
	memory_fini(&t->from);
	memory_fini(&t->to);
}

static void send_round(struct two *t)
{
	while (pages_send(&t->p, &t->f.w, 7))
		;
	statefile_turn(&t->f);
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
	statefile_finish(&t.f);
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(wrong); i++) {
		assert_int_equal(state_wait(&t.f.r, -1, &e), 1);
		assert_int_equal(pages_load(&t.to, &t.f.r, &e), -EPROTO);
	}
	end_two(&t);
}

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
