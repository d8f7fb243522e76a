/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top.h"
#include "common/jsonx.h"

/* A sample of a port `name`, with a ring to the guest of 256 of which `posted` are free. */
static json_t *port(const char *name, int rx, int drops, int posted)
{
	return json_pack("{s:s, s:s, s:[{s:s, s:i, s:i}], s:{s:i, s:i, s:i, s:i, s:{s:i}}}", "name",
			 name, "state", "up", "rings", "direction", "to_guest", "size", 256,
			 "posted", posted, "stats", "rx_packets", rx, "rx_bytes", rx * 100,
			 "tx_packets", 0, "tx_bytes", 0, "drops", "ring_full", drops);
}

static json_t *sample(json_t *first, json_t *second, double busy)
{
	return json_pack("{s:[o, o*], s:[{s:i, s:f, s:f, s:f, s:i}]}", "ports", first, second,
			 "workers", "worker", 0, "busy_cycles", busy, "idle_cycles", 0.0, "tsc_hz",
			 1000.0, "rx_packets", (int)busy / 10);
}

static const json_t *entry(const json_t *rates, const char *list, size_t i)
{
	return json_array_get(json_object_get(rates, list), i);
}

static void rates_are_differences_by_time(void **state)
{
	json_t *before = sample(port("a", 1000, 5, 0), NULL, 100);
	json_t *after = sample(port("a", 3000, 9, 64), NULL, 600);
	json_t *rates = top_rates(before, after, 2);
	const json_t *a = entry(rates, "ports", 0), *w = entry(rates, "workers", 0);

	assert_true(jsonx_number(a, "rx_pps", 0) == 1000);
	assert_true(jsonx_number(a, "rx_bps", 0) == 800000);
	assert_true(jsonx_number(a, "drops_ps", 0) == 2);
	assert_true(jsonx_number(a, "to_guest_percent", 0) == 25);
	assert_true(json_is_null(json_object_get(a, "from_guest_percent")));
	assert_true(jsonx_number(w, "busy_percent", 0) == 25);
	assert_true(jsonx_number(w, "cycles_per_packet", 0) == 10);
	json_decref(before);
	json_decref(after);
	json_decref(rates);
}

static void the_busiest_port_is_first_and_a_new_one_has_no_rate(void **state)
{
	json_t *before = sample(port("idle", 10, 0, 0), port("busy", 0, 0, 0), 0);
	json_t *after = sample(port("idle", 10, 0, 0), port("busy", 50, 0, 0), 0);
	json_t *rates = top_rates(before, after, 1), *fresh;

	assert_string_equal(jsonx_string(entry(rates, "ports", 0), "port", ""), "busy");
	json_decref(before);
	before = sample(port("idle", 10, 0, 0), NULL, 0);
	fresh = top_rates(before, after, 1);
	assert_true(jsonx_number(entry(fresh, "ports", 0), "rx_pps", 1) == 0);
	json_decref(before);
	json_decref(after);
	json_decref(rates);
	json_decref(fresh);
}

static void counters_that_were_cleared_give_no_negative_rates(void **state)
{
	json_t *before = sample(port("a", 1000, 9, 0), NULL, 100);
	json_t *after = sample(port("a", 10, 0, 0), NULL, 0);
	json_t *rates = top_rates(before, after, 1);

	assert_true(jsonx_number(entry(rates, "ports", 0), "rx_pps", 1) == 0);
	assert_true(jsonx_number(entry(rates, "ports", 0), "drops_ps", 1) == 0);
	assert_true(jsonx_number(entry(rates, "workers", 0), "busy_percent", 1) == 0);
	json_decref(before);
	json_decref(after);
	json_decref(rates);
}

static void the_table_has_80_columns_at_most(void **state)
{
	json_t *before = sample(port("a", 0, 0, 0), NULL, 0);
	json_t *after = sample(port("a", 20000000, 1999999999, 256), NULL, 1000);
	json_t *rates = top_rates(before, after, 1);
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	top_print(rates, f);
	fclose(f);

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_in_range(strlen(line), 1, 80);
	free(text);
	json_decref(before);
	json_decref(after);
	json_decref(rates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_differences_by_time),
		cmocka_unit_test(the_busiest_port_is_first_and_a_new_one_has_no_rate),
		cmocka_unit_test(counters_that_were_cleared_give_no_negative_rates),
		cmocka_unit_test(the_table_has_80_columns_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
