/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The host uplink's table of nftables and settings, in a network namespace of the test's own. */

#include "tests/lib/test.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "uplink/host_rules.h"
#include "uplink/nftables.h"
#include "uplink/sysctls.h"

#define RUN_DIR "/run/weft-test"

static struct host_rules rules_of(const char *run_dir, const char *uplink)
{
	struct host_rules r = {
		.run_dir = run_dir,
		.uplink = uplink,
		.interface = "weft-0",
		.weft = 0x64400002, /* 100.64.0.2 */
	};

	host_rules_name(run_dir, uplink, r.table);
	return r;
}

static void install(const struct host_rules *r)
{
	struct err e = {0};

	if (host_rules_install(r, &e) < 0)
		fail_msg("%s", e.text);
}

static bool ruleset_has(const char *text)
{
	char *all = nftables_list("list ruleset", NULL);
	bool has = all && strstr(all, text);

	free(all);
	return has;
}

static int flush(void **state)
{
	return nftables_run("flush ruleset", NULL);
}

static void tables_are_named_by_run_dir_and_uplink(void **state)
{
	char a[HOST_RULES_NAME_MAX], b[HOST_RULES_NAME_MAX], c[HOST_RULES_NAME_MAX];

	host_rules_name("/run/weft", "host", a);
	host_rules_name("/run/weft", "other", b);
	host_rules_name("/run/weft2", "host", c);

	assert_int_equal(strlen(a), strlen("weft_12345678_12345678"));
	assert_memory_equal(a, b, strlen("weft_12345678"));
	assert_string_not_equal(a, b);
	assert_memory_not_equal(a, c, strlen("weft_12345678"));
}

static void the_kernel_takes_every_rule_there_is(void **state)
{
	struct host_forward forwards[] = {
		{false, 22, 22}, {false, 8000, 8100}, {false, 8050, 8060}, {true, 53, 53}};
	struct host_prefix prefixes[] = {{.masquerade = true}, {.masquerade = false}};
	struct host_rules r = rules_of(RUN_DIR, "host");

	ipaddr_prefix_parse("fd00:10::/64", &prefixes[0].prefix);
	ipaddr_prefix_parse("10.10.0.0/24", &prefixes[1].prefix);
	r.forwards = forwards;
	r.n_forwards = ARRAY_SIZE(forwards);
	r.prefixes = prefixes;
	r.n_prefixes = ARRAY_SIZE(prefixes);
	install(&r);

	assert_true(ruleset_has("elements = { 22, 8000-8100 }"));
	assert_true(ruleset_has("ip6 saddr fd00:10::/64 masquerade"));
	assert_true(ruleset_has("ip daddr 10.10.0.0/24 accept"));
	assert_true(ruleset_has("ip saddr != { 10.10.0.0/24, 100.64.0.2 } drop"));
}

static void new_rules_replace_the_old_ones(void **state)
{
	struct host_forward forward = {false, 22, 22};
	struct host_rules r = rules_of(RUN_DIR, "host");

	r.forwards = &forward;
	r.n_forwards = 1;
	install(&r);
	assert_true(ruleset_has("elements = { 22 }"));

	forward.first = forward.last = 80;
	install(&r);
	assert_true(ruleset_has("elements = { 80 }"));
	assert_false(ruleset_has("{ 22 }"));

	r.n_forwards = 0;
	install(&r);
	assert_false(ruleset_has("dnat ip to"));
}

/* A run-dir is the user's: what it holds must not become rules. */
static void a_strange_run_dir_stays_a_comment(void **state)
{
	struct host_rules r = rules_of("/tmp/\"; } table inet evil { } #\n", "host");

	install(&r);

	assert_true(ruleset_has("comment \"weftd, run-dir /tmp/"));
	assert_null(nftables_list("list table inet evil", NULL));
}

static void a_run_dirs_tables_are_swept_and_no_others(void **state)
{
	struct host_rules a = rules_of(RUN_DIR, "host"), b = rules_of(RUN_DIR, "second"),
			  other = rules_of("/run/other", "host");

	nftables_run("table inet mine { }", NULL);
	install(&a);
	install(&b);
	install(&other);

	assert_int_equal(host_rules_sweep(RUN_DIR, NULL), 2);
	assert_int_equal(host_rules_sweep(RUN_DIR, NULL), 0);

	assert_true(ruleset_has("table inet mine"));
	assert_true(ruleset_has(other.table));
	assert_false(ruleset_has(a.table));
}

static void note_run_dir(const char *table, const char *run_dir, void *arg)
{
	strcat(arg, run_dir);
	strcat(arg, " ");
}

static void tables_tell_whose_they_are(void **state)
{
	struct host_rules r = rules_of(RUN_DIR, "host");
	char run_dirs[256] = "";

	install(&r);
	nftables_run("table inet weft_not_ours { }", NULL);

	assert_int_equal(host_rules_visit(note_run_dir, run_dirs, NULL), 0);
	assert_string_equal(run_dirs, RUN_DIR " ");
}

static void a_chain_that_drops_is_found(void **state)
{
	struct host_rules r = rules_of(RUN_DIR, "host");
	char chain[128];

	install(&r);
	assert_int_equal(host_rules_blocker(chain, sizeof(chain), NULL), 0);
	assert_string_equal(chain, "");

	nftables_run(
		"table ip fw {\nchain f { type filter hook forward priority 0; policy drop; }\n}",
		NULL);
	host_rules_blocker(chain, sizeof(chain), NULL);
	assert_string_equal(chain, "ip fw f");
}

static void others_that_forward_are_seen(void **state)
{
	assert_false(host_rules_others());
	nftables_run("table ip n {\nchain p { type nat hook postrouting priority 100; }\n}", NULL);
	assert_true(host_rules_others());
}

static void a_table_that_somebody_removed_is_noticed(void **state)
{
	struct host_rules r = rules_of(RUN_DIR, "host");
	int watch = nftables_watch(NULL);

	install(&r);
	assert_true(host_rules_installed(r.table));
	nftables_table_went(watch);
	assert_false(nftables_table_went(watch));

	nftables_run("flush ruleset", NULL);

	assert_true(nftables_table_went(watch));
	assert_false(host_rules_installed(r.table));
	close(watch);
}

static void bad_rules_change_nothing_and_are_explained(void **state)
{
	struct err e = {0};

	assert_int_equal(nftables_run("table inet a { }\nnonsense", &e), -EIO);

	assert_non_null(strstr(e.text, "nftables: "));
	assert_false(ruleset_has("table inet a"));
}

/* --- settings --------------------------------------------------------------------------------- */

#define FORWARD "net/ipv4/ip_forward"

static char settings[64];

static const char *forward_is(void)
{
	static char value[8];

	sysctls_get(FORWARD, value, sizeof(value));
	return value;
}

static int no_forwarding(void **state)
{
	snprintf(settings, sizeof(settings), "/tmp/weft-settings.%d", getpid());
	unlink(settings);
	return sysctls_set_ours(FORWARD, "0", NULL);
}

static void a_setting_is_restored(void **state)
{
	assert_int_equal(sysctls_set(settings, FORWARD, "1", NULL), 0);
	assert_string_equal(forward_is(), "1");

	assert_int_equal(sysctls_restore(settings), 1);
	assert_string_equal(forward_is(), "0");
	assert_int_equal(access(settings, F_OK), -1);
}

static void a_setting_that_was_so_is_not_ours(void **state)
{
	sysctls_set_ours(FORWARD, "1", NULL);

	assert_int_equal(sysctls_set(settings, FORWARD, "1", NULL), 0);
	assert_int_equal(sysctls_restore(settings), 0);
	assert_string_equal(forward_is(), "1");
}

static void a_setting_that_somebody_changed_since_is_left_alone(void **state)
{
	char value[8];

	sysctls_set(settings, "net/ipv4/conf/all/rp_filter", "2", NULL);
	sysctls_set_ours("net/ipv4/conf/all/rp_filter", "1", NULL);

	assert_int_equal(sysctls_restore(settings), 0);
	sysctls_get("net/ipv4/conf/all/rp_filter", value, sizeof(value));
	assert_string_equal(value, "1");
}

static void a_file_cannot_name_other_settings(void **state)
{
	FILE *f = fopen(settings, "we");

	fputs("kernel/panic 7 0\nnet/../kernel/panic 7 0\n", f);
	fclose(f);

	assert_int_equal(sysctls_restore(settings), 0);
}

static void a_setting_that_is_not_there_is_explained(void **state)
{
	struct err e = {0};

	assert_int_equal(sysctls_set(settings, "net/ipv9/forwarding", "1", &e), -ENOENT);
	assert_string_equal(e.text,
			    "there is no /proc/sys/net/ipv9/forwarding; mount /proc, or use "
			    "a kernel with that protocol");
}

#define IN_NAMESPACE(test)  cmocka_unit_test_setup(test, flush)
#define WITH_SETTINGS(test) cmocka_unit_test_setup(test, no_forwarding)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_named_by_run_dir_and_uplink),
		IN_NAMESPACE(the_kernel_takes_every_rule_there_is),
		IN_NAMESPACE(new_rules_replace_the_old_ones),
		IN_NAMESPACE(a_strange_run_dir_stays_a_comment),
		IN_NAMESPACE(a_run_dirs_tables_are_swept_and_no_others),
		IN_NAMESPACE(tables_tell_whose_they_are),
		IN_NAMESPACE(a_chain_that_drops_is_found),
		IN_NAMESPACE(others_that_forward_are_seen),
		IN_NAMESPACE(a_table_that_somebody_removed_is_noticed),
		IN_NAMESPACE(bad_rules_change_nothing_and_are_explained),
		WITH_SETTINGS(a_setting_is_restored),
		WITH_SETTINGS(a_setting_that_was_so_is_not_ours),
		WITH_SETTINGS(a_setting_that_somebody_changed_since_is_left_alone),
		WITH_SETTINGS(a_file_cannot_name_other_settings),
		WITH_SETTINGS(a_setting_that_is_not_there_is_explained),
	};

	if (unshare(CLONE_NEWNET) < 0) {
		perror("unshare: run tests as root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
