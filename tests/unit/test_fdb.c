/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <string.h>

#include "bridge/fdb.h"

#define AGEING_S 300

static const uint64_t secret[2] = {0x9e3779b97f4a7c15ull, 0x0123456789abcdefull};

static struct mac station(uint32_t n)
{
	return (struct mac){
		{0x02, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

static int setup(void **state)
{
	static struct fdb t;

	assert_int_equal(fdb_init(&t, 65536, AGEING_S, secret), 0);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	fdb_fini(*state);
	return 0;
}

static void learn(struct fdb *t, uint32_t n, uint16_t port, uint32_t now_s)
{
	struct mac mac = station(n);

	fdb_learn(t, fdb_key(t, &mac, 0), port, now_s);
}

static uint16_t lookup(struct fdb *t, uint32_t n)
{
	struct mac mac = station(n);

	return fdb_lookup(t, fdb_key(t, &mac, 0));
}

static void fdb_learns_a_station_and_finds_it(void **state)
{
	struct fdb *t = *state;

	learn(t, 1, 7, 0);

	assert_int_equal(lookup(t, 1), 7);
	assert_int_equal(lookup(t, 2), 0);
	assert_int_equal(t->entries, 1);
	assert_int_equal(t->learned, 1);
}

static void fdb_moves_a_station_to_its_new_port(void **state)
{
	struct fdb *t = *state;

	learn(t, 1, 7, 0);
	learn(t, 1, 8, 1);

	assert_int_equal(lookup(t, 1), 8);
	assert_int_equal(t->entries, 1);
	assert_int_equal(t->moved, 1);
}

static void fdb_keeps_stations_of_different_vlans_apart(void **state)
{
	struct fdb *t = *state;
	struct mac mac = station(1);

	fdb_learn(t, fdb_key(t, &mac, 10), 1, 0);
	fdb_learn(t, fdb_key(t, &mac, 20), 2, 0);

	assert_int_equal(fdb_lookup(t, fdb_key(t, &mac, 10)), 1);
	assert_int_equal(fdb_lookup(t, fdb_key(t, &mac, 20)), 2);
	assert_int_equal(fdb_lookup(t, fdb_key(t, &mac, 30)), 0);
}

static void fdb_forgets_a_silent_station_after_the_ageing_time(void **state)
{
	struct fdb *t = *state;

	learn(t, 1, 7, 0);
	learn(t, 2, 7, 0);
	learn(t, 2, 7, 200);
	fdb_tick(t, AGEING_S);
	assert_int_equal(t->entries, 2);

	fdb_tick(t, AGEING_S + 1);

	assert_int_equal(lookup(t, 1), 0);
	assert_int_equal(lookup(t, 2), 7);
	assert_int_equal(t->aged, 1);
}

static void fdb_ages_correctly_when_its_16_bit_seconds_wrap(void **state)
{
	struct fdb *t = *state;

	learn(t, 1, 7, 65500);
	fdb_tick(t, 65500 + AGEING_S);
	assert_int_equal(lookup(t, 1), 7);

	fdb_tick(t, 65500 + AGEING_S + 1);

	assert_int_equal(lookup(t, 1), 0);
}

static void fdb_never_ages_when_ageing_is_zero(void **state)
{
	struct fdb *t = *state;

	t->ageing_s = 0;
	learn(t, 1, 7, 0);
	fdb_tick(t, 40000);

	assert_int_equal(lookup(t, 1), 7);
}

static void fdb_keeps_a_static_entry_on_learn_and_ageing(void **state)
{
	struct fdb *t = *state;
	struct mac mac = station(1);

	assert_int_equal(fdb_add_static(t, &mac, 0, 7, 0), 0);
	learn(t, 1, 8, 1);
	fdb_tick(t, 10000);

	assert_int_equal(lookup(t, 1), 7);
}

static void fdb_makes_a_learned_entry_static(void **state)
{
	struct fdb *t = *state;
	struct mac mac = station(1);

	learn(t, 1, 8, 0);
	assert_int_equal(fdb_add_static(t, &mac, 0, 7, 0), 0);

	assert_int_equal(lookup(t, 1), 7);
	assert_int_equal(t->entries, 1);
}

static void fdb_flushes_one_ports_entries_and_keeps_the_others(void **state)
{
	struct fdb *t = *state;
	struct mac mac = station(3);

	learn(t, 1, 7, 0);
	learn(t, 2, 8, 0);
	fdb_add_static(t, &mac, 0, 7, 0);

	fdb_flush(t, 7, false);

	assert_int_equal(lookup(t, 1), 0);
	assert_int_equal(lookup(t, 2), 8);
	assert_int_equal(lookup(t, 3), 7);
	fdb_flush(t, 7, true);
	assert_int_equal(lookup(t, 3), 0);
}

static void fdb_learns_no_more_than_its_limit_and_counts_it(void **state)
{
	struct fdb *t = *state;

	t->limit = 10;
	for (uint32_t n = 0; n < 20; n++)
		learn(t, n, 1, 0);

	assert_int_equal(t->entries, 10);
	assert_int_equal(t->full, 10);
}

static void fdb_holds_65536_random_stations(void **state)
{
	struct fdb *t = *state;

	for (uint32_t n = 0; n < 65536; n++)
		learn(t, n * 2654435761u, (uint16_t)(n % 1000 + 1), 0);

	assert_int_equal(t->full, 0);
	assert_int_equal(t->entries, 65536);
	for (uint32_t n = 0; n < 65536; n++)
		assert_int_equal(lookup(t, n * 2654435761u), n % 1000 + 1);
}

struct found {
	unsigned n;
	struct mac mac;
	struct fdb_entry last;
};

static bool note(const struct fdb_entry *e, void *arg)
{
	struct found *f = arg;

	f->n++;
	f->last = *e;
	return true;
}

static void fdb_visit_gives_back_the_address_it_was_taught(void **state)
{
	struct fdb *t = *state;
	struct mac mac = {{0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54}};
	struct found f = {0};

	fdb_learn(t, fdb_key(t, &mac, 4094), 1023, 100);
	fdb_visit(t, 142, note, &f);

	assert_int_equal(f.n, 1);
	assert_memory_equal(&f.last.mac, &mac, sizeof(mac));
	assert_int_equal(f.last.vlan, 4094);
	assert_int_equal(f.last.port, 1023);
	assert_int_equal(f.last.age_s, 42);
	assert_false(f.last.is_static);
}

static void fdb_deletes_one_station(void **state)
{
	struct fdb *t = *state;
	struct mac mac = station(1);

	learn(t, 1, 7, 0);

	assert_true(fdb_del(t, &mac, 0));
	assert_false(fdb_del(t, &mac, 0));
	assert_int_equal(lookup(t, 1), 0);
	assert_int_equal(t->entries, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(fdb_learns_a_station_and_finds_it),
		T(fdb_moves_a_station_to_its_new_port),
		T(fdb_keeps_stations_of_different_vlans_apart),
		T(fdb_forgets_a_silent_station_after_the_ageing_time),
		T(fdb_ages_correctly_when_its_16_bit_seconds_wrap),
		T(fdb_never_ages_when_ageing_is_zero),
		T(fdb_keeps_a_static_entry_on_learn_and_ageing),
		T(fdb_makes_a_learned_entry_static),
		T(fdb_flushes_one_ports_entries_and_keeps_the_others),
		T(fdb_learns_no_more_than_its_limit_and_counts_it),
		T(fdb_holds_65536_random_stations),
		T(fdb_visit_gives_back_the_address_it_was_taught),
		T(fdb_deletes_one_station),
	};

	return cmocka_run_group_tests_name("fdb", tests, NULL, NULL);
}
