/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The parts that sessions are made of: flow table, indices, timing wheel, ports. */

#include "tests/lib/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "nat/arena.h"
#include "nat/flow_table.h"
#include "nat/pool.h"
#include "nat/wheel.h"

#define ENTRIES 200000u

static uint64_t hash_of(uint32_t value)
{
	uint64_t h = value * 0x9e3779b97f4a7c15ull;

	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ull;
	return h ^ h >> 32;
}

static bool is_it(const void *arg, uint32_t value)
{
	return *(const uint32_t *)arg == value;
}

static uint32_t find(const struct flow_table *t, uint32_t value)
{
	return flow_table_find(t, hash_of(value), is_it, &value);
}

static void a_table_finds_what_was_added_and_nothing_else(void **state)
{
	struct flow_table t;

	assert_int_equal(flow_table_init(&t, ENTRIES, 0), 0);
	for (uint32_t v = 1; v <= ENTRIES; v++)
		assert_true(flow_table_add(&t, hash_of(v), v));
	for (uint32_t v = 1; v <= ENTRIES; v++)
		assert_int_equal(find(&t, v), v);
	assert_int_equal(find(&t, ENTRIES + 1), 0);
	for (uint32_t v = 1; v <= ENTRIES; v += 2)
		assert_true(flow_table_del(&t, hash_of(v), v));
	for (uint32_t v = 1; v <= ENTRIES; v++)
		assert_int_equal(find(&t, v), v & 1 ? 0 : v);
	assert_false(flow_table_del(&t, hash_of(1), 1));
	flow_table_fini(&t);
}

/* Entries that are counted as not in their first bucket. */
static uint64_t spilled(const struct flow_table *t)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i <= flow_table_mask(t); i++)
		sum += t->buckets[i].spilled;
	return sum;
}

/* As full as planned, for a long time: each addition finds room. */
static void a_table_never_refuses_at_its_planned_load(void **state)
{
	struct flow_table t;

	assert_int_equal(flow_table_init(&t, 65536, 0), 0);
	for (uint32_t v = 1; v < 3000000; v++) {
		if (v > 65536)
			assert_true(flow_table_del(&t, hash_of(v - 65536), v - 65536));
		assert_true(flow_table_add(&t, hash_of(v), v));
	}
	assert_in_range(spilled(&t), 1, 65536 / 8);
	for (uint32_t v = 3000000 - 65536; v < 3000000; v++)
		assert_true(flow_table_del(&t, hash_of(v), v));
	assert_int_equal(spilled(&t), 0);
	flow_table_fini(&t);
}

/* What flow_table_extend wants to be told when nobody holds an old size is nobody's here. */
static bool grow(struct flow_table *t, uint32_t used, uint32_t step)
{
	uint32_t budget = step;
	bool extended = flow_table_extend(t, used, &budget);

	flow_table_move(t, extended ? 0 : step);
	return extended;
}

/* Additions, removals and searches go on at each step of it. */
static void a_table_grows_while_it_is_used(void **state)
{
	uint32_t last = 0, gone = 0, extended = 0;
	struct flow_table t;

	assert_int_equal(flow_table_init(&t, ENTRIES, 1000), 0);
	while (last < ENTRIES) {
		for (int i = 0; i < 64 && last < ENTRIES; i++) {
			last++;
			assert_true(flow_table_add(&t, hash_of(last), last));
		}
		extended += grow(&t, last - gone, 100);
		for (int i = 0; i < 8; i++) {
			gone++;
			assert_true(flow_table_del(&t, hash_of(gone), gone));
			assert_int_equal(find(&t, gone), 0);
		}
		for (uint32_t v = gone + 1; v <= last; v += 1 + last / 200)
			assert_int_equal(find(&t, v), v);
	}
	assert_int_equal(extended, 8);
	assert_int_equal(flow_table_mask(&t), 65536 - 1);
	for (int i = 0; i < 1000; i++)
		grow(&t, last - gone, 100);
	assert_int_equal(t.shape, flow_table_mask(&t));
	for (uint32_t v = 1; v <= last; v++)
		assert_int_equal(find(&t, v), v > gone ? v : 0);
	flow_table_fini(&t);
}

struct reader {
	struct flow_table table;
	atomic_bool stop;
	_Atomic uint64_t rounds; /* after each it holds nothing that it read before */
	uint32_t missed;
};

#define STABLE 500u
#define OWN    1000000u /* what the reader adds and removes itself */

static void *read_on(void *arg)
{
	struct reader *r = arg;

	for (uint32_t own = OWN; !r->stop; own += STABLE) {
		for (uint32_t v = own; v < own + STABLE; v++)
			r->missed += !flow_table_add(&r->table, hash_of(v), v);
		for (uint32_t v = 1; v <= STABLE; v++)
			r->missed += find(&r->table, v) != v;
		for (uint32_t v = own; v < own + STABLE; v++) {
			r->missed += find(&r->table, v) != v;
			r->missed += !flow_table_del(&r->table, hash_of(v), v);
		}
		r->rounds++;
	}
	return NULL;
}

/* Two rounds later the reader holds no size that it saw before. */
static void wait_for_reader(struct reader *r)
{
	uint64_t from = r->rounds;

	while (r->rounds < from + 2)
		sched_yield();
}

static void threads_miss_nothing_while_a_table_grows(void **state)
{
	for (int run = 0; run < 20; run++) {
		struct reader r = {.stop = false};
		pthread_t thread;

		assert_int_equal(flow_table_init(&r.table, ENTRIES, 2000), 0);
		for (uint32_t v = 1; v <= STABLE; v++)
			assert_true(flow_table_add(&r.table, hash_of(v), v));
		assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
		for (uint32_t v = STABLE + 1; v <= 30000; v++) {
			assert_true(flow_table_add(&r.table, hash_of(v), v));
			if (grow(&r.table, v + STABLE, 64))
				wait_for_reader(&r);
		}
		r.stop = true;
		pthread_join(thread, NULL);
		assert_int_equal(r.missed, 0);
		assert_true(flow_table_mask(&r.table) >= 8192 - 1);
		flow_table_fini(&r.table);
	}
}

static void indices_are_given_out_once(void **state)
{
	struct index_pool p;
	struct index_cache a = {0}, b = {0};
	bool seen[1001] = {false};

	assert_int_equal(index_pool_init(&p, 1000, 2), 0);
	for (int i = 0; i < 1000; i++) {
		uint32_t index = index_get(&p, i & 1 ? &a : &b);

		assert_in_range(index, 1, 1000);
		assert_false(seen[index]);
		seen[index] = true;
	}
	assert_int_equal(index_get(&p, &a), 0);
	index_pool_fini(&p);
}

/* What one thread gives back, another gets, but for two magazines. */
static void indices_travel_between_threads(void **state)
{
	struct index_pool p;
	struct index_cache a = {0}, b = {0};
	unsigned got = 0;

	assert_int_equal(index_pool_init(&p, 1000, 2), 0);
	for (int i = 0; i < 1000; i++)
		index_get(&p, &a);
	for (uint32_t i = 1; i <= 1000; i++)
		index_put(&p, &a, i);
	while (index_get(&p, &b))
		got++;
	assert_in_range(got, 1000 - 2 * p.magazine, 1000);
	index_pool_fini(&p);
}

static void nothing_is_touched_before_it_is_needed(void **state)
{
	struct index_pool p;
	struct index_cache a = {0};

	assert_int_equal(index_pool_init(&p, 1u << 26, 2), 0);
	for (int i = 0; i < 100; i++)
		index_put(&p, &a, index_get(&p, &a));
	assert_int_equal(index_pool_touched(&p), 1);
	index_pool_fini(&p);
}

struct timers {
	struct wheel wheel;
	struct wheel_node nodes[2001];
	uint32_t due[2001];
};

static void wheel_hands_each_out_at_its_second(void **state)
{
	struct timers *t = calloc(1, sizeof(*t));
	unsigned out = 0;

	wheel_init(&t->wheel, t->nodes, sizeof(*t->nodes));
	for (uint32_t i = 1; i <= 2000; i++) {
		t->due[i] = 5000 + i * 17 % 9000;
		wheel_add(&t->wheel, i, 5000, t->due[i]);
	}
	for (uint32_t now = 5000; now < 14100; now++) {
		unsigned steps = 10;
		uint32_t i;

		while ((i = wheel_pop(&t->wheel, now, &steps))) {
			if (now < t->due[i]) { /* from a coarse slot: queued again, by its owner */
				wheel_add(&t->wheel, i, now, t->due[i]);
				continue;
			}
			assert_in_range(now, t->due[i], t->due[i] + 1);
			out++;
		}
	}
	assert_int_equal(out, 2000);
	assert_int_equal(t->wheel.queued, 0);
	free(t);
}

static void wheel_forgets_what_is_taken_out(void **state)
{
	struct timers *t = calloc(1, sizeof(*t));

	wheel_init(&t->wheel, t->nodes, sizeof(*t->nodes));
	for (uint32_t i = 1; i <= 1000; i++)
		wheel_add(&t->wheel, i, 10, 10 + i);
	for (uint32_t i = 1; i <= 1000; i++) {
		if (i != 500)
			wheel_del(&t->wheel, i);
	}
	wheel_del(&t->wheel, 1);
	for (uint32_t now = 10; now < 1100; now++) {
		unsigned steps = 10;
		uint32_t i = wheel_pop(&t->wheel, now, &steps);

		if (i && now < 510)
			wheel_add(&t->wheel, i, now, 510);
		else if (i)
			assert_int_equal(i, 500);
	}
	assert_int_equal(t->wheel.queued, 0);
	free(t);
}

static void wheel_catches_up_in_bounded_steps(void **state)
{
	struct timers *t = calloc(1, sizeof(*t));
	unsigned steps = 64, calls = 1;

	wheel_init(&t->wheel, t->nodes, sizeof(*t->nodes));
	wheel_add(&t->wheel, 1, 10, 200);
	while (!wheel_pop(&t->wheel, 100000, &steps)) {
		assert_int_equal(steps, 0);
		steps = 64;
		calls++;
	}
	assert_in_range(calls, 2, 4);
	free(t);
}

static void every_port_of_a_range_is_found(void **state)
{
	struct nat_pool *p = pool_create(1);
	struct port_space *s = &p->spaces[NAT_UDP];
	static bool seen[65536];

	for (unsigned i = 0; i < 1000; i++) {
		struct port_wish wish = {1500, 2499, (uint16_t)(1500 + i * 37 % 1000), 0};
		uint16_t port = port_claim_any(s, &wish);

		assert_in_range(port, 1500, 2499);
		assert_false(seen[port]);
		seen[port] = true;
	}
	assert_int_equal(port_claim_any(s, &(struct port_wish){1500, 2499, 2000, 0}), 0);
	port_release(s, 1500);
	assert_int_equal(port_claim_any(s, &(struct port_wish){1500, 2499, 2000, 0}), 1500);
	pool_destroy(p);
}

static void the_last_free_port_of_an_address_is_found(void **state)
{
	struct nat_pool *p = pool_create(1);
	struct port_space *s = &p->spaces[NAT_TCP];

	for (unsigned port = 0; port < 65536; port++)
		assert_true(port_claim(s, (uint16_t)port));
	assert_false(port_claim(s, 777));
	port_release(s, 54321);
	assert_int_equal(port_claim_any(s, &(struct port_wish){1, 65535, 60000, 0}), 54321);
	assert_int_equal(s->used, 65536);
	pool_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_finds_what_was_added_and_nothing_else),
		cmocka_unit_test(a_table_never_refuses_at_its_planned_load),
		cmocka_unit_test(a_table_grows_while_it_is_used),
		cmocka_unit_test(threads_miss_nothing_while_a_table_grows),
		cmocka_unit_test(indices_are_given_out_once),
		cmocka_unit_test(indices_travel_between_threads),
		cmocka_unit_test(nothing_is_touched_before_it_is_needed),
		cmocka_unit_test(wheel_hands_each_out_at_its_second),
		cmocka_unit_test(wheel_forgets_what_is_taken_out),
		cmocka_unit_test(wheel_catches_up_in_bounded_steps),
		cmocka_unit_test(every_port_of_a_range_is_found),
		cmocka_unit_test(the_last_free_port_of_an_address_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
