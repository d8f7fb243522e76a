/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

#include "vmm/options.h"

static struct options o;
static struct err e;

#define PARSE(...)                                                                                 \
	options_parse(&o, (int)ARRAY_SIZE(((char *[]){"weft-vmm", __VA_ARGS__})),                  \
		      (char *[]){"weft-vmm", __VA_ARGS__, NULL}, &e)

static void a_kernel_is_enough(void **state)
{
	assert_int_equal(PARSE("--kernel", "k"), OPTIONS_RUN);

	assert_int_equal(o.machine.cpus, 1);
	assert_int_equal(o.machine.memory.bytes, 512ull << 20);
	assert_string_equal(o.machine.console, "stdio");
	assert_true(o.sandbox);
}

static void a_guest_that_goes_on_needs_no_kernel(void **state)
{
	assert_int_equal(PARSE("--restore", "f"), OPTIONS_RUN);
	assert_string_equal(o.restore, "f");
	assert_int_equal(PARSE("--incoming", "s"), OPTIONS_RUN);
	assert_string_equal(o.incoming, "s");
	assert_int_equal(PARSE("--incoming", "s", "--restore", "f"), -EINVAL);
	assert_int_equal(PARSE("--restore", "f", "--no-wait"), -EINVAL);
}

static void a_nic_has_its_options(void **state)
{
	const struct nic_params *p = &o.nics[0].params;

	assert_int_equal(PARSE("--kernel", "k", "--net",
			       "vhost-user:/run/a.sock,server,mac=02:00:00:00:00:07,mtu=9000,"
			       "queues=4,notso,id=lan"),
			 OPTIONS_RUN);

	assert_string_equal(p->path, "/run/a.sock");
	assert_string_equal(p->id, "lan");
	assert_true(p->listens);
	assert_int_equal(p->mac.b[5], 7);
	assert_int_equal(p->mtu, 9000);
	assert_int_equal(p->pairs, 4);
	assert_false(p->tso);
	assert_true(p->csum);
}

static void pins_are_single_cpus_and_ranges(void **state)
{
	assert_int_equal(PARSE("--kernel", "k", "--pin", "2,3,6-7"), OPTIONS_RUN);

	assert_int_equal(o.pins[1], 3);
	assert_int_equal(o.pins[3], 7);
	assert_int_equal(o.pins[4], -1);
}

static void sizes_have_their_units(void **state)
{
	assert_int_equal(PARSE("--kernel", "k", "--memory", "2G"), OPTIONS_RUN);
	assert_int_equal(o.machine.memory.bytes, 2ull << 30);
	assert_int_equal(PARSE("--kernel", "k", "--memory", "64"), OPTIONS_RUN);
	assert_int_equal(o.machine.memory.bytes, 64ull << 20);
}

static void descriptors_stand_where_paths_do(void **state)
{
	assert_int_equal(PARSE("--kernel", "fd=3", "--initrd", "fd=4", "--disk", "fd=5,ro", "--net",
			       "tap:fd=6,mac=02:00:00:00:00:01", "--api", "fd=7"),
			 OPTIONS_RUN);
	assert_string_equal(o.disks[0].path, "fd=5");
	assert_string_equal(o.nics[0].params.tap, "fd=6");

	assert_int_equal(PARSE("--kernel", "k", "--net", "tap:fd=6"), -EINVAL);
	assert_non_null(strstr(e.text, "mac= is missing"));
}

static void huge_pages_are_not_given_back(void **state)
{
	assert_int_equal(PARSE("--kernel", "k", "--balloon"), OPTIONS_RUN);
	assert_true(o.balloon);
	assert_int_equal(PARSE("--kernel", "k", "--balloon", "--hugepages", "2M"), -EINVAL);
	assert_non_null(strstr(e.text, "cannot be given back safely"));
}

static void flags_and_texts_go_where_they_belong(void **state)
{
	assert_int_equal(PARSE("--kernel", "k", "--params", "quiet", "--user", "u", "--no-rng",
			       "--no-wait", "--no-reboot", "--no-sandbox", "--paused",
			       "--prefault"),
			 OPTIONS_RUN);

	assert_string_equal(o.machine.cmdline, "quiet");
	assert_string_equal(o.user, "u");
	assert_true(o.machine.no_reboot && o.paused && o.machine.memory.prefault);
	assert_false(o.rng || o.wait || o.sandbox || o.balloon);
	assert_int_equal(PARSE("--kernel", "k", "--help"), OPTIONS_HELP);
	assert_int_equal(PARSE("--version"), OPTIONS_VERSION);
}

static void what_is_wrong_is_refused_with_what_is_wanted(void **state)
{
	assert_int_equal(PARSE("--cpus", "2"), -EINVAL);
	assert_non_null(strstr(e.text, "--kernel FILE is missing"));
	assert_int_equal(PARSE("--kernel", "k", "--cpus", "0"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--memory", "-1"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--memory", "512k"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--memory", "65M"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--memory", "99999999999999G"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--hugepages", "4M"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--net", "bridge:x"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--net", "vhost-user:"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--net", "vhost-user:/a,queues=17"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--net", "tap:t,server"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--disk", "a,rw"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--port", "name"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--pin", "a"), -EINVAL);
	assert_int_equal(PARSE("--kernel"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "more"), -EINVAL);
}

static void merged_memory_is_of_normal_pages(void **state)
{
	assert_int_equal(PARSE("--kernel", "k", "--ksm", "--numa", "1"), OPTIONS_RUN);
	assert_true(o.machine.memory.ksm);
	assert_int_equal(o.machine.memory.node, 1);
	assert_int_equal(PARSE("--kernel", "k", "--ksm", "--hugepages", "2M"), -EINVAL);
	assert_int_equal(PARSE("--kernel", "k", "--numa", "x"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_and_texts_go_where_they_belong),
		cmocka_unit_test(merged_memory_is_of_normal_pages),
		cmocka_unit_test(a_kernel_is_enough),
		cmocka_unit_test(a_guest_that_goes_on_needs_no_kernel),
		cmocka_unit_test(a_nic_has_its_options),
		cmocka_unit_test(pins_are_single_cpus_and_ranges),
		cmocka_unit_test(sizes_have_their_units),
		cmocka_unit_test(descriptors_stand_where_paths_do),
		cmocka_unit_test(huge_pages_are_not_given_back),
		cmocka_unit_test(what_is_wrong_is_refused_with_what_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
