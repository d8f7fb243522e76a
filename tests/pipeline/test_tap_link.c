/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The interfaces of tap ports: how they come, are configured, moved, and go. */

#include "tests/lib/test.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/eal.h"
#include "tests/lib/packet.h"
#include "tests/lib/tapnet.h"

static void expect_refused(const struct tap_port_params *params, const char *why)
{
	struct err e = {0};
	struct dataplane *dp = dataplane_create(&(struct dataplane_params){.n_workers = 1}, &e);

	assert_null(tap_port_create(dp, params, &e));
	assert_string_equal(e.text, why);
	dataplane_destroy(dp);
}

static void a_name_that_is_taken_is_refused(void **state)
{
	struct tap_port_params params = tapnet_params(TAPNET_INTERFACE);

	expect_refused(&params,
		       "port host: tap weft0: there is an interface of that name; remove it "
		       "with `ip link del weft0` or choose another name");
	params.link.name = "lo";
	expect_refused(&params, "port host: tap lo: there is an interface of that name; remove it "
				"with `ip link del lo` or choose another name");
}

static void a_name_that_is_too_long_is_refused(void **state)
{
	struct tap_port_params params = tapnet_params("sixteen-bytes-xx");

	expect_refused(&params,
		       "port host: interface name sixteen-bytes-xx is longer than 15 bytes; "
		       "choose a shorter one");
}

static void an_interface_that_cannot_be_configured_is_taken_away_again(void **state)
{
	struct tap_port_params params = tapnet_params("weft7");

	params.link.mtu = 40;
	expect_refused(&params, "port host: interface weft7: cannot set MAC address, MTU and "
				"namespace: Invalid input data or parameter");

	assert_int_equal(if_nametoindex("weft7"), 0);
}

static void the_interface_goes_with_its_port(void **state)
{
	struct tapnet *net;
	struct tap_port_params params = tapnet_params("weft7");

	net = tapnet_create(&params);
	assert_int_not_equal(if_nametoindex("weft7"), 0);
	tapnet_destroy(net);

	assert_int_equal(if_nametoindex("weft7"), 0);
}

static void set_flags(const char *interface, short flags)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {.ifr_flags = flags};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", interface);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
}

static void frames_to_an_interface_that_is_down_are_counted(void **state)
{
	struct tapnet *net = *state;
	struct mac to = station(1), from = station(2);
	uint8_t bytes[60];

	set_flags(TAPNET_INTERFACE, 0);
	packet_raw(bytes, &to, &from, sizeof(bytes));
	testport_put(net->a, bytes, sizeof(bytes));
	tapnet_switch(net);

	assert_int_equal(tapnet_stats(net).drops[DROP_PORT_DOWN], 1);
}

static void a_removed_interface_is_noticed(void **state)
{
	struct tapnet *net = *state;
	struct tap_port_info info;

	assert_int_equal(system("ip link del " TAPNET_INTERFACE), 0);
	tapnet_switch(net);

	tap_port_info(net->tap, &info);
	assert_true(info.gone);
}

static char *file_text(const char *path, char text[32])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, 31);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	close(fd);
	return text;
}

static void the_host_believes_no_router_behind_the_interface(void **state)
{
	char text[32];

	assert_string_equal(
		file_text("/proc/sys/net/ipv6/conf/" TAPNET_INTERFACE "/accept_ra", text), "0");
	assert_string_equal(
		file_text("/proc/sys/net/ipv4/conf/" TAPNET_INTERFACE "/accept_redirects", text),
		"0");
}

static void an_interface_is_made_ready_in_another_namespace(void **state)
{
	struct tap_port_params params = tapnet_params("weft7");
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	struct dataplane *dp;
	struct tap_port *tp;
	struct err e;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	params.link.netns_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	params.link.mtu = 9000;
	params.link.mac = (struct mac){{0x52, 0x54, 0, 1, 2, 3}};
	params.link.n_addresses = 1;
	ipaddr_prefix_parse("10.10.0.9/24", &params.link.addresses[0]);
	dp = dataplane_create(&(struct dataplane_params){.n_workers = 1}, &e);
	tp = tapnet_port(dp, &params);

	assert_int_equal(if_nametoindex("weft7"), 0);
	assert_int_equal(setns(params.link.netns_fd, CLONE_NEWNET), 0);
	assert_int_equal(system("ip link show up dev weft7 | grep -q 'mtu 9000'"), 0);
	assert_int_equal(system("ip link show dev weft7 | grep -q 52:54:00:01:02:03"), 0);
	assert_int_equal(system("ip -4 addr show dev weft7 | grep -q 10.10.0.9/24"), 0);
	tap_port_destroy(tp);
	assert_int_equal(if_nametoindex("weft7"), 0);

	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	dataplane_destroy(dp);
	close(params.link.netns_fd);
	close(home);
}

#define WITH_TAP(test) cmocka_unit_test_setup_teardown(test, tapnet_setup, tapnet_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TAP(a_name_that_is_taken_is_refused),
		cmocka_unit_test(a_name_that_is_too_long_is_refused),
		cmocka_unit_test(an_interface_that_cannot_be_configured_is_taken_away_again),
		cmocka_unit_test(the_interface_goes_with_its_port),
		WITH_TAP(frames_to_an_interface_that_is_down_are_counted),
		WITH_TAP(a_removed_interface_is_noticed),
		WITH_TAP(the_host_believes_no_router_behind_the_interface),
		cmocka_unit_test(an_interface_is_made_ready_in_another_namespace),
	};
	struct err e;

	hosttap_namespace();
	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
