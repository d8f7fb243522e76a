/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dhcp/lease_event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/test.h"

#define NOW 1000

static struct ipaddr address_of(const char *text)
{
	struct ipaddr_prefix p;

	assert_int_equal(ipaddr_prefix_parse(text, &p), 0);
	return p.addr;
}

static char *print(const struct lease *l)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	lease_print(l, f);
	fclose(f);
	return text;
}

/* Reads a line and writes it again. */
static void assert_round_trip(const char *line)
{
	struct lease l;
	char *text;

	assert_int_equal(lease_parse(&l, line), 0);
	text = print(&l);
	assert_int_equal(strlen(text), strlen(line) + 1);
	assert_memory_equal(text, line, strlen(line));
	free(text);
	lease_fini(&l);
}

static void leases_of_both_families_are_read_and_written(void **state)
{
	assert_round_trip("1795970191 02:00:00:00:00:01 10.10.0.101 alpha 01:02:00:00:00:00:01");
	assert_round_trip("0 02:00:00:00:00:01 10.10.0.101 * *");
	assert_round_trip(
		"1795970191 15 fd00:10::1ff beta 00:01:00:01:2c:11:22:33:02:00:00:00:00:02");
	assert_round_trip("1795970191 T15 fd00:10::1ff * 00:04:aa");
}

static void the_mac_of_a_lease_is_its_clients(void **state)
{
	static const struct {
		const char *line;
		bool has_mac;
		uint8_t last;
	} cases[] = {
		{"1 02:00:00:00:00:01 10.10.0.1 * *", true, 1},
		{"1 06-02:00:00:00:00:01 10.10.0.1 * *", false, 0},
		{"1 7 fd00::1 * 00:01:00:01:2c:11:22:33:02:00:00:00:00:02", true, 2},
		{"1 7 fd00::1 * 00:03:00:01:02:00:00:00:00:03", true, 3},
		{"1 7 fd00::1 * 00:03:00:06:02:00:00:00:00:03", false, 0},
		{"1 7 fd00::1 * 00:03:00:01:02:00:00:00:00:03:04", false, 0},
		{"1 7 fd00::1 * 00:04:00:01:02:03", false, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lease l;

		assert_int_equal(lease_parse(&l, cases[i].line), 0);
		assert_int_equal(l.has_mac, cases[i].has_mac);
		if (l.has_mac)
			assert_int_equal(l.mac.b[5], cases[i].last);
		lease_fini(&l);
	}
}

static void lines_that_are_no_leases_are_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"x",
		"1 02:00:00:00:00:01 10.10.0.1 *",
		"1 02:00:00:00:00:01 10.10.0.1 * * more",
		"1 02:00:00:00:00:01 10.10.0.0/24 * *",
		"1 02:00:00:00:00:01 10.10.0.300 * *",
		"-1 02:00:00:00:00:01 10.10.0.1 * *",
		"1 02:00:00:00:00:01 10.10.0.1 \x01 *",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct lease l;

		assert_int_equal(lease_parse(&l, lines[i]), -EINVAL);
	}
}

static int put(struct lease_store *s, const char *line)
{
	struct lease l;

	assert_int_equal(lease_parse(&l, line), 0);
	return lease_store_put(s, &l);
}

static void an_address_has_one_lease(void **state)
{
	struct lease_store s;
	struct ipaddr a = address_of("10.10.0.1");

	lease_store_init(&s);
	put(&s, "10 02:00:00:00:00:01 10.10.0.1 old *");
	put(&s, "20 02:00:00:00:00:02 10.10.0.2 * *");

	put(&s, "30 02:00:00:00:00:03 10.10.0.1 new *");

	assert_int_equal(s.n, 2);
	assert_string_equal(lease_store_lookup(&s, &a)->name, "new");
	assert_true(lease_store_del(&s, &a));
	assert_false(lease_store_del(&s, &a));
	assert_null(lease_store_lookup(&s, &a));
	assert_int_equal(s.n, 1);
	lease_store_fini(&s);
}

static void leases_are_found_by_their_mac(void **state)
{
	struct mac mac = {{2, 0, 0, 0, 0, 1}};
	const struct lease *first, *second;
	struct lease_store s;

	lease_store_init(&s);
	put(&s, "10 02:00:00:00:00:02 10.10.0.2 * *");
	put(&s, "10 02:00:00:00:00:01 10.10.0.1 * *");
	put(&s, "10 7 fd00::1 * 00:03:00:01:02:00:00:00:00:01");

	first = lease_store_lookup_mac(&s, &mac, NULL);
	second = lease_store_lookup_mac(&s, &mac, first);

	assert_true(ipaddr_is_ip4(&first->address));
	assert_false(ipaddr_is_ip4(&second->address));
	assert_null(lease_store_lookup_mac(&s, &mac, second));
	lease_store_fini(&s);
}

static void a_saved_store_is_loaded_without_what_is_over(void **state)
{
	char path[] = "/tmp/weft-leases.XXXXXX";
	struct ipaddr gone = address_of("10.10.0.1"), left = address_of("10.10.0.2");
	struct lease_store s, again;
	FILE *f;

	close(mkstemp(path));
	lease_store_init(&s);
	lease_store_init(&again);
	put(&s, "1000 02:00:00:00:00:01 10.10.0.1 * *");
	put(&s, "5 7 fd00::1 * 00:04:aa");
	put(&s, "1001 02:00:00:00:00:02 10.10.0.2 b *");
	put(&s, "0 02:00:00:00:00:03 10.10.0.3 * *");
	snprintf(s.duid, sizeof(s.duid), "00:01:02");

	assert_int_equal(lease_store_save(&s, path, getgid(), NULL), 0);
	f = fopen(path, "a");
	fputs("no lease\n", f);
	fclose(f);
	assert_int_equal(lease_store_load(&again, path, NOW, NULL), 0);

	assert_int_equal(again.n, 2);
	assert_int_equal(again.ignored, 1);
	assert_string_equal(again.duid, "00:01:02");
	assert_null(lease_store_lookup(&again, &gone));
	assert_string_equal(lease_store_lookup(&again, &left)->name, "b");
	lease_store_fini(&s);
	lease_store_fini(&again);
	unlink(path);
}

static void a_store_that_cannot_be_written_says_what_to_do(void **state)
{
	struct lease_store s;
	struct err e;

	lease_store_init(&s);
	assert_int_equal(lease_store_save(&s, "/no/such/folder/leases", 0, &e), -ENOENT);
	assert_non_null(strstr(e.text, "choose another lease-file"));
	assert_int_equal(lease_store_load(&s, "/no/such/folder/leases", NOW, &e), 0);
	lease_store_fini(&s);
}

static void set_environment(const char *expires, const char *iaid)
{
	setenv("DNSMASQ_LEASE_EXPIRES", expires, 1);
	if (iaid)
		setenv("DNSMASQ_IAID", iaid, 1);
	else
		unsetenv("DNSMASQ_IAID");
}

/* What dnsmasq says by its script arrives in the store. */
static void tell(struct lease_store *s, const char *verb, const char *client, const char *address,
		 const char *name)
{
	char *argv[] = {(char *)verb, (char *)client, (char *)address, (char *)name, NULL};
	char text[LEASE_EVENT_MAX];
	size_t len = lease_event_format(argv, text);
	struct lease_event ev;

	assert_int_not_equal(len, 0);
	text[len] = '\0';
	assert_int_equal(lease_event_parse(&ev, text, NOW), 0);
	assert_int_equal(lease_event_apply(&ev, s), 0);
	lease_event_fini(&ev);
}

static void what_the_script_says_changes_the_store(void **state)
{
	struct ipaddr a = address_of("10.10.0.101");
	struct lease_store s;

	lease_store_init(&s);
	set_environment("2000", NULL);
	tell(&s, "add", "02:00:00:00:00:01", "10.10.0.101", NULL);
	assert_int_equal(lease_store_lookup(&s, &a)->expiry_s, 2000);

	set_environment("3000", NULL);
	tell(&s, "old", "02:00:00:00:00:01", "10.10.0.101", "alpha");
	assert_int_equal(lease_store_lookup(&s, &a)->expiry_s, 3000);
	assert_string_equal(lease_store_lookup(&s, &a)->name, "alpha");

	tell(&s, "del", "02:00:00:00:00:01", "10.10.0.101", "alpha");
	assert_int_equal(s.n, 0);
	lease_store_fini(&s);
}

static void a_lease_of_ipv6_is_known_by_its_iaid_and_duid(void **state)
{
	struct ipaddr a = address_of("fd00:10::1ff");
	const struct lease *l;
	struct lease_store s;
	char *text;

	lease_store_init(&s);
	set_environment("2000", "T15");
	setenv("DNSMASQ_SERVER_DUID", "00:01:aa", 1);
	setenv("DNSMASQ_MAC", "02:00:00:00:00:07", 1);
	tell(&s, "add", "00:04:bb", "fd00:10::1ff", "beta");
	unsetenv("DNSMASQ_SERVER_DUID");
	unsetenv("DNSMASQ_MAC");

	l = lease_store_lookup(&s, &a);
	text = print(l);
	assert_string_equal(text, "2000 T15 fd00:10::1ff beta 00:04:bb\n");
	assert_true(l->has_mac);
	assert_int_equal(l->mac.b[5], 7);
	assert_string_equal(s.duid, "00:01:aa");
	free(text);
	lease_store_fini(&s);
}

static void verbs_that_weft_does_not_know_say_nothing(void **state)
{
	static const char *const verbs[] = {"tftp", "arp-add", "relay-snoop", "add2", ""};
	char text[LEASE_EVENT_MAX] = "verb=tftp\nclient=1\naddress=/file\n";
	struct lease_event ev;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		char *argv[] = {(char *)verbs[i], "1", "10.0.0.1", NULL};
		char out[LEASE_EVENT_MAX];

		assert_int_equal(lease_event_format(argv, out), 0);
	}
	assert_int_equal(lease_event_parse(&ev, text, NOW), 0);
	assert_int_equal(ev.action, LEASE_IGNORE);
}

static void events_that_lie_are_refused(void **state)
{
	static const char *const texts[] = {
		"verb=add\nclient=02:00:00:00:00:01\naddress=nowhere\n",
		"verb=add\nclient=a b\naddress=10.10.0.1\nDNSMASQ_LEASE_EXPIRES=5\n",
		"verb=add\naddress=10.10.0.1\n",
		"verb=del\n",
		"verb=add\nclient=02:00:00:00:00:01\naddress=10.10.0.1\nname=a b\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char text[LEASE_EVENT_MAX];
		struct lease_event ev;

		snprintf(text, sizeof(text), "%s", texts[i]);
		assert_int_equal(lease_event_parse(&ev, text, NOW), -EINVAL);
		lease_event_fini(&ev);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leases_of_both_families_are_read_and_written),
		cmocka_unit_test(the_mac_of_a_lease_is_its_clients),
		cmocka_unit_test(lines_that_are_no_leases_are_refused),
		cmocka_unit_test(an_address_has_one_lease),
		cmocka_unit_test(leases_are_found_by_their_mac),
		cmocka_unit_test(a_saved_store_is_loaded_without_what_is_over),
		cmocka_unit_test(a_store_that_cannot_be_written_says_what_to_do),
		cmocka_unit_test(what_the_script_says_changes_the_store),
		cmocka_unit_test(a_lease_of_ipv6_is_known_by_its_iaid_and_duid),
		cmocka_unit_test(verbs_that_weft_does_not_know_say_nothing),
		cmocka_unit_test(events_that_lie_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
