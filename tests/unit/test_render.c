/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render.h"

/* What `verb` shows for the result with that JSON text, to be freed. */
static char *rendered(const char *verb, const char *json)
{
	json_t *result = json_loads(json, JSON_DECODE_ANY, NULL);
	struct render r = {.heading = true};
	char *text = NULL;
	size_t len;

	assert_non_null(result);
	r.out = open_memstream(&text, &len);
	render_text(&r, command_lookup(verb), result);
	fclose(r.out);
	json_decref(result);
	return text;
}

static void renders(const char *verb, const char *json, const char *text)
{
	char *shown = rendered(verb, json);

	assert_string_equal(shown, text);
	free(shown);
}

static void guests_say_why_they_stopped(void **state)
{
	renders("guest/list",
		"[{\"name\":\"alpha\",\"state\":\"running\",\"engine\":\"qemu\",\"accel\":\"tcg\","
		"\"accel_reason\":\"no KVM\",\"pid\":123,\"uptime_s\":3725.5,\"restarts\":0,"
		"\"exit_reason\":null,\"vcpus\":1,\"memory\":536870912,\"resident\":104857600,"
		"\"nics\":[{\"address\":"
		"\"10.0.0.1\"},{\"address\":null},{\"address\":\"10.0.1.1\"}],\"agent\":\"ready\"},"
		"{\"name\":\"b\",\"state\":\"stopped\",\"engine\":\"qemu\",\"accel\":\"kvm\","
		"\"pid\":"
		"null,\"restarts\":2,\"exit_reason\":\"killed\",\"vcpus\":2,\"memory\":\"1G\"}]",
		"NAME   STATE    ENGINE  ACCEL  PID  UPTIME  RESTARTS  VCPUS   MEMORY  RESIDENT  "
		"AGENT  "
		"ADDRESS            NOTE\n"
		"alpha  running  qemu    tcg    123   1h02m         0      1  512 MiB   100 MiB  "
		"ready  "
		"10.0.0.1,10.0.1.1  -\n"
		"b      stopped  qemu    kvm      -       -         2      2       1G         -  - "
		"     "
		"-                  killed\n"
		"tcg: no KVM\n");
}

static void guests_that_crawl_for_one_reason_say_it_once(void **state)
{
	renders("guest/list",
		"[{\"name\":\"a\",\"accel\":\"tcg\",\"accel_reason\":\"no KVM\"},"
		"{\"name\":\"b\",\"accel\":\"tcg\",\"accel_reason\":\"no KVM\"}]",
		"NAME  STATE  ENGINE  ACCEL  PID  UPTIME  RESTARTS  VCPUS  MEMORY  RESIDENT  AGENT "
		" "
		"ADDRESS  NOTE\n"
		"a     -      -       tcg      -       -         -      -       -         -  -     "
		" "
		"-        -\n"
		"b     -      -       tcg      -       -         -      -       -         -  -     "
		" "
		"-        -\n"
		"tcg: no KVM\n");
}

static void a_port_shows_what_it_negotiated(void **state)
{
	renders("port/show",
		"[{\"name\":\"p\",\"bridge\":\"lan\",\"kind\":\"vhost-user\",\"socket\":\"/s\","
		"\"mode\":\"server\",\"state\":\"up\",\"waiting_for\":null,\"error\":null,"
		"\"frontend\":{\"features\":[\"CSUM\",\"MRG_RXBUF\"],\"offloads\":{\"tso4\":true,"
		"\"tso6\":false,\"csum\":true},\"mtu\":1500},\"rings\":[{\"index\":1,\"direction\":"
		"\"from-guest\",\"size\":256,\"kind\":\"split\",\"indirect\":false,\"event_idx\":"
		"true,"
		"\"posted\":12}],\"stats\":{\"rx_packets\":3,\"rx_bytes\":180,\"tx_packets\":2,"
		"\"tx_bytes\":120,\"punted\":0,\"copies\":0,\"drops\":{\"hairpin\":1}}}]",
		"Port p\n    bridge: lan\n    kind: vhost-user\n    socket: /s\n    mode: server\n"
		"    state: up\n    features: CSUM MRG_RXBUF\n    offloads: tso4 csum\n"
		"    mtu: 1500\n    ring 1 from-guest: split, size 256, event_idx, posted 12\n"
		"    rx: 3 packets, 180 bytes\n    tx: 2 packets, 120 bytes\n"
		"    punted: 0, copies: 0\n    drops: 1 (hairpin 1)\n");
	renders("port/show",
		"[{\"name\":\"p\",\"state\":\"connecting\",\"waiting_for\":\"a frontend\","
		"\"frontend\":null}]",
		"Port p\n    state: connecting\n    waiting for: a frontend\n");
}

static void several_forwarding_tables_have_their_names_above(void **state)
{
	renders("fdb/show",
		"[{\"bridge\":\"a\",\"vlan\":0,\"mac\":\"m1\",\"port\":\"p\",\"age_s\":1},"
		"{\"bridge\":\"b\",\"vlan\":0,\"mac\":\"m2\",\"port\":\"p\",\"age_s\":2},"
		"{\"bridge\":\"a\",\"vlan\":0,\"mac\":\"m3\",\"port\":\"q\",\"static\":true}]",
		"a:\nPort  VLAN  MAC     Age\np        0  m1        1\nq        0  m3   static\n"
		"b:\nPort  VLAN  MAC  Age\np        0  m2     2\n");
	renders("fdb/show", "[]", "Port  VLAN  MAC  Age\n");
}

static void workers_show_where_cycles_went(void **state)
{
	char *shown =
		rendered("pmd-perf-show",
			 "[{\"worker\":0,\"cpu\":null,\"iterations\":1000,\"busy_iterations\":"
			 "250,\"busy_cycles\":300,\"idle_cycles\":100,\"sleep_ns\":1500000000,"
			 "\"sleeps\":4,\"wakeups\":3,\"rx_packets\":64,\"rx_bursts\":2,"
			 "\"tx_packets\":63,\"cycles_per_packet\":4.7,\"packets_per_burst\":32,"
			 "\"duty_percent\":12.5,\"tsc_hz\":2600000000}]");

	assert_non_null(strstr(shown, "worker 0, 2.60 GHz:\n"));
	assert_non_null(strstr(shown, "1000  (25.0 % busy)\n"));
	assert_non_null(strstr(shown, "300  (75.0 % of those awake)\n"));
	assert_non_null(strstr(shown, "64  (4.7 busy cycles each)\n"));
	assert_non_null(strstr(shown, "2  (32.0 packets each)\n"));
	assert_non_null(strstr(shown, "4  (1.500 s asleep, woken 3 times)\n"));
	free(shown);
}

static void what_has_no_form_of_its_own_is_still_shown(void **state)
{
	renders("fdb/flush", "{\"flushed\":3,\"bridges\":[\"lan\"]}", "flushed: 3\nbridges: lan\n");
	renders("exit", "null", "");
	renders("log/set", "true", "true\n");
	renders("show", "{\"yaml\":\"version: 1\\n\"}", "version: 1\n");
}

static void names_cannot_drive_the_terminal(void **state)
{
	renders("fdb/show",
		"[{\"bridge\":\"a\",\"vlan\":0,\"mac\":\"m\",\"port\":\"\\u001b[2J\\n\","
		"\"age_s\":1}]",
		"Port   VLAN  MAC  Age\n?[2J?     0  m      1\n");
}

static void no_result_is_too_odd_to_survive(void **state)
{
	static const char *const results[] = {
		"null",
		"[]",
		"{}",
		"[null]",
		"[{}]",
		"[[]]",
		"\"x\"",
		"7",
		"[{\"nics\":[1],\"drops\":[]}]",
		"{\"changes\":[7],\"failed\":{}}",
		"{\"bridges\":[{\"ports\":[{}]}],\"guests\":[{}]}",
		"[{\"frontend\":{\"offloads\":{\"a\":{\"b\":{}}}},\"rings\":[{},7],\"stats\":{}}]",
	};
	const struct command_spec *specs;
	size_t n;

	specs = command_specs(&n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(results); k++)
			free(rendered(specs[i].name, results[k]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guests_say_why_they_stopped),
		cmocka_unit_test(guests_that_crawl_for_one_reason_say_it_once),
		cmocka_unit_test(a_port_shows_what_it_negotiated),
		cmocka_unit_test(several_forwarding_tables_have_their_names_above),
		cmocka_unit_test(workers_show_where_cycles_went),
		cmocka_unit_test(what_has_no_form_of_its_own_is_still_shown),
		cmocka_unit_test(names_cannot_drive_the_terminal),
		cmocka_unit_test(no_result_is_too_odd_to_survive),
	};

	return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
