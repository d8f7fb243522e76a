/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which worker polls a queue, and which queue a flow goes to. */

#include "tests/lib/test.h"

#include <string.h>

#include "dataplane/balance.h"
#include "dataplane/flow.h"
#include "dataplane/port.h"
#include "tests/lib/packet.h"

static uint64_t load_of(const struct balance_item *items, unsigned n, unsigned worker)
{
	uint64_t load = 0;

	for (unsigned i = 0; i < n; i++)
		load += items[i].worker == worker ? items[i].load : 0;
	return load;
}

static void busy_queues_are_taken_apart(void **state)
{
	struct balance_item items[] = {{1000, 0}, {900, 0}, {10, 1}, {20, 1}};

	assert_true(balance_plan(items, ARRAY_SIZE(items), 2) > 0);

	assert_int_not_equal(items[0].worker, items[1].worker);
	assert_true(load_of(items, ARRAY_SIZE(items), 0) <= 1000);
	assert_true(load_of(items, ARRAY_SIZE(items), 1) <= 1000);
}

static void one_busy_queue_gets_a_worker_of_its_own(void **state)
{
	struct balance_item items[] = {{1000, 0}, {100, 0}, {100, 0}, {100, 0}};

	assert_int_equal(balance_plan(items, ARRAY_SIZE(items), 2), 3);

	for (unsigned i = 1; i < ARRAY_SIZE(items); i++)
		assert_int_not_equal(items[i].worker, items[0].worker);
}

static void what_gains_little_stays_where_it_is(void **state)
{
	struct balance_item items[] = {{100, 0}, {5, 0}, {100, 1}};

	assert_int_equal(balance_plan(items, ARRAY_SIZE(items), 2), 0);

	assert_int_equal(items[1].worker, 0);
}

static void idle_queues_are_spread_by_number(void **state)
{
	struct balance_item items[] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};

	assert_int_equal(balance_plan(items, ARRAY_SIZE(items), 2), 2);
	assert_int_equal(balance_plan(items, ARRAY_SIZE(items), 2), 0);
}

static void one_worker_or_no_queue_has_nothing_to_move(void **state)
{
	struct balance_item items[] = {{5, 0}, {7, 0}};

	assert_int_equal(balance_plan(items, ARRAY_SIZE(items), 1), 0);
	assert_int_equal(balance_plan(items, 0, 4), 0);
}

/* A UDP frame over IPv4 or IPv6 from host a, port pa, to host b, port pb. */
static struct frame udp(bool ipv6, unsigned tags, uint8_t a, uint16_t pa, uint8_t b, uint16_t pb)
{
	struct frame f = {.len = 128, .head_len = 128};
	uint8_t *p = f.head + 12;

	for (unsigned i = 0; i < tags; i++, p += 4)
		p[0] = 0x81;
	memcpy(p, ipv6 ? "\x86\xdd" : "\x08\x00", 2);
	p += 2;
	p[0] = ipv6 ? 0x60 : 0x45;
	p[ipv6 ? 6 : 9] = 17;
	p[ipv6 ? 23 : 15] = a;
	p[ipv6 ? 39 : 19] = b;
	p += ipv6 ? 40 : 20;
	memcpy(p, &pa, 2);
	memcpy(p + 2, &pb, 2);
	return f;
}

static void both_directions_of_a_flow_hash_alike(void **state)
{
	for (unsigned tags = 0; tags <= 2; tags++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			struct frame to = udp(ipv6, tags, 1, 1000, 2, 80);
			struct frame from = udp(ipv6, tags, 2, 80, 1, 1000);
			struct frame other = udp(ipv6, tags, 1, 1001, 2, 80);

			assert_int_equal(flow_hash(&to), flow_hash(&from));
			assert_int_not_equal(flow_hash(&to), flow_hash(&other));
		}
}

/* Only the first fragment has ports, and all must go the same way. */
static void fragments_of_a_packet_hash_alike(void **state)
{
	struct frame first = udp(false, 0, 1, 1000, 2, 80), second = udp(false, 0, 1, 7, 2, 9);

	first.head[14 + 6] = 0x20;
	second.head[14 + 7] = 185;

	assert_int_equal(flow_hash(&first), flow_hash(&second));
}

static void a_frame_that_ends_early_is_hashed_by_what_there_is(void **state)
{
	struct frame f = udp(true, 2, 1, 1000, 2, 80);

	for (f.head_len = 14; f.head_len < 128; f.head_len++) {
		struct frame other = f;

		memset(other.head + f.head_len, 0x5a, 128u - f.head_len);
		assert_int_equal(flow_hash(&f), flow_hash(&other));
	}
}

static void flows_use_all_enabled_queues_and_no_other(void **state)
{
	unsigned enabled = 1u << 1 | 1u << 4 | 1u << 15, seen = 0;

	for (uint16_t port = 0; port < 200; port++) {
		struct frame f = udp(false, 0, 1, port, 2, 80);

		seen |= 1u << flow_queue(flow_hash(&f), enabled);
	}

	assert_int_equal(seen, enabled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(busy_queues_are_taken_apart),
		cmocka_unit_test(one_busy_queue_gets_a_worker_of_its_own),
		cmocka_unit_test(what_gains_little_stays_where_it_is),
		cmocka_unit_test(idle_queues_are_spread_by_number),
		cmocka_unit_test(one_worker_or_no_queue_has_nothing_to_move),
		cmocka_unit_test(both_directions_of_a_flow_hash_alike),
		cmocka_unit_test(fragments_of_a_packet_hash_alike),
		cmocka_unit_test(a_frame_that_ends_early_is_hashed_by_what_there_is),
		cmocka_unit_test(flows_use_all_enabled_queues_and_no_other),
	};

	return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
