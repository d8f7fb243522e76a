/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The XDP program's verdicts, from the kernel's own test run of it (BPF_PROG_TEST_RUN). */

#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/steer_model.h"

#define RANDOM_FRAMES 20000

static const struct mac host_mac = {{0x02, 0, 0, 0, 0, 0x11}}, our_mac = {{0x02, 0, 0, 0, 0, 0x22}};
static const struct mac other_mac = {{0x02, 0, 0, 0, 0, 0x33}};
static const struct mac broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
static const struct mac solicited_group = {{0x33, 0x33, 0xff, 0, 0, 7}};

struct world {
	struct steer *steer;
	struct steer_model model;
	int socket;
	struct mac macs[2];
	uint32_t ipv4[2];
	struct in6_addr ipv6[1];
	uint8_t frame[128];
	uint32_t len;
};

/* --- frames ----------------------------------------------------------------------------------- */

static void put(struct world *w, const void *bytes, size_t len)
{
	memcpy(w->frame + w->len, bytes, len);
	w->len += (uint32_t)len;
}

static void put16(struct world *w, unsigned value)
{
	put(w, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void begin(struct world *w, const struct mac *dst, unsigned type)
{
	w->len = 0;
	put(w, dst, 6);
	put(w, &other_mac, 6);
	put16(w, type);
}

static void begin_tagged(struct world *w, const struct mac *dst, unsigned tci, unsigned type)
{
	begin(w, dst, 0x8100);
	put16(w, tci);
	put16(w, type);
}

static void put_ipv4(struct world *w, const char *dst)
{
	uint8_t ip[20] = {0x45, [3] = 28, [8] = 64, [9] = 17, [12] = 10, 0, 0, 1};
	static const uint8_t udp[8] = {0, 7, 0, 7, 0, 8};

	inet_pton(AF_INET, dst, ip + 16);
	put(w, ip, sizeof(ip));
	put(w, udp, sizeof(udp));
}

static void put_arp(struct world *w, const char *target)
{
	uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1};

	inet_pton(AF_INET, target, arp + 24);
	put(w, arp, sizeof(arp));
}

static void put_nd(struct world *w, unsigned type, const char *dst, const char *target)
{
	uint8_t p[72] = {0x60, [5] = 32, [6] = 58, [7] = 255, [40] = (uint8_t)type};

	inet_pton(AF_INET6, dst, p + 24);
	inet_pton(AF_INET6, target, p + 48);
	put(w, p, sizeof(p));
}

/* --- verdicts --------------------------------------------------------------------------------- */

static bool takes(struct world *w)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = w->frame, .data_size_in = w->len,
		    .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(steer_program_fd(w->steer), &run), 0);
	assert_true(run.retval == XDP_PASS || run.retval == XDP_REDIRECT);
	return run.retval == XDP_REDIRECT;
}

static void take(struct world *w, enum steer_take what)
{
	w->model.take = what;
	assert_int_equal(steer_set_take(w->steer, what, &host_mac, NULL), 0);
}

static void assert_ours(struct world *w, bool ours)
{
	assert_int_equal(takes(w), ours);
	assert_int_equal(steer_model_takes(&w->model, w->frame, w->len), ours);
}

static void what_is_sent_to_our_mac_is_ours_whatever_it_is(void **state)
{
	struct world *w = *state;

	begin(w, &our_mac, 0x88b5);
	put(w, "payload", 7);
	assert_ours(w, true);
	begin_tagged(w, &our_mac, 0x600a, 0x0800);
	put_ipv4(w, "10.0.0.99");
	assert_ours(w, true);
	begin(w, &host_mac, 0x88b5);
	put(w, "payload", 7);
	assert_ours(w, false);
	begin(w, &other_mac, 0x88b5);
	assert_ours(w, false);
}

static void packets_to_our_addresses_are_ours_and_the_hosts_are_not(void **state)
{
	struct world *w = *state;

	begin(w, &host_mac, 0x0800);
	put_ipv4(w, "192.0.2.3");
	assert_ours(w, true);
	begin(w, &host_mac, 0x0800);
	put_ipv4(w, "192.0.2.1");
	assert_ours(w, false);
	begin(w, &host_mac, 0x86dd);
	put_nd(w, 128, "fd00::7", "::");
	assert_ours(w, true);
	begin(w, &host_mac, 0x86dd);
	put_nd(w, 128, "fd00::8", "fd00::7");
	assert_ours(w, false);
	begin(w, &other_mac, 0x0800);
	put_ipv4(w, "192.0.2.3");
	assert_ours(w, false);
}

static void arp_about_our_addresses_is_ours(void **state)
{
	struct world *w = *state;

	begin(w, &broadcast, 0x0806);
	put_arp(w, "192.0.2.4");
	assert_ours(w, true);
	begin(w, &broadcast, 0x0806);
	put_arp(w, "192.0.2.1");
	assert_ours(w, false);
	begin(w, &host_mac, 0x0806);
	put_arp(w, "192.0.2.4");
	assert_ours(w, true);
	w->frame[14 + 4] = 8; /* hardware addresses of another length */
	assert_ours(w, false);
}

static void neighbour_discovery_about_our_addresses_is_ours(void **state)
{
	struct world *w = *state;

	for (unsigned type = 133; type <= 137; type++) {
		begin(w, &solicited_group, 0x86dd);
		put_nd(w, type, "ff02::1:ff00:7", "fd00::7");
		assert_ours(w, type == 135 || type == 136);
		begin(w, &solicited_group, 0x86dd);
		put_nd(w, type, "ff02::1:ff00:7", "fd00::107");
		assert_ours(w, false);
	}
}

static void tagged_packets_are_of_another_network_unless_only_prioritised(void **state)
{
	struct world *w = *state;

	begin_tagged(w, &host_mac, 0xe000, 0x0800);
	put_ipv4(w, "192.0.2.3");
	assert_ours(w, true);
	begin_tagged(w, &host_mac, 0xe00a, 0x0800);
	put_ipv4(w, "192.0.2.3");
	assert_ours(w, false);
	begin_tagged(w, &host_mac, 0, 0x8100);
	put_ipv4(w, "192.0.2.3");
	assert_ours(w, false);
}

static void truncated_frames_are_the_hosts(void **state)
{
	struct world *w = *state;
	uint32_t whole;

	begin(w, &solicited_group, 0x86dd);
	put_nd(w, 135, "ff02::1:ff00:7", "fd00::7");
	whole = w->len;
	for (w->len = 14; w->len < whole; w->len++)
		assert_ours(w, w->len >= 14 + 64);
	begin(w, &host_mac, 0x0800);
	put_ipv4(w, "192.0.2.3");
	whole = w->len;
	for (w->len = 14; w->len < whole; w->len++)
		assert_ours(w, w->len >= 14 + 20);
	begin(w, &broadcast, 0x0806);
	put_arp(w, "192.0.2.4");
	whole = w->len;
	for (w->len = 14; w->len < whole; w->len++)
		assert_ours(w, false);
}

static void bridge_on_a_shared_device_takes_what_is_not_the_hosts(void **state)
{
	struct world *w = *state;

	take(w, STEER_FOREIGN);
	begin(w, &other_mac, 0x88b5);
	assert_ours(w, true);
	begin(w, &host_mac, 0x88b5);
	assert_ours(w, false);
	begin(w, &broadcast, 0x88b5);
	assert_ours(w, false);
}

static void device_of_our_own_gives_everything(void **state)
{
	struct world *w = *state;

	take(w, STEER_ALL);
	begin(w, &host_mac, 0x88b5);
	assert_ours(w, true);
	begin(w, &broadcast, 0x88b5);
	assert_ours(w, true);
}

static void queue_without_a_socket_is_the_hosts(void **state)
{
	struct steer *bare = steer_create(0, NULL);
	struct world *w = *state, other = *w;

	assert_int_equal(steer_set_take(bare, STEER_ALL, &host_mac, NULL), 0);
	other.steer = bare;
	begin(&other, &broadcast, 0x88b5);
	assert_false(takes(&other));
	steer_destroy(bare);
}

static void addresses_change_while_the_program_runs(void **state)
{
	struct world *w = *state;
	uint32_t other;

	inet_pton(AF_INET, "192.0.2.50", &other);
	w->model.ours.ipv4 = (uint32_t[]){w->ipv4[0], other};
	assert_int_equal(steer_set_addresses(w->steer, &w->model.ours, NULL), 0);
	begin(w, &host_mac, 0x0800);
	put_ipv4(w, "192.0.2.50");
	assert_ours(w, true);
	begin(w, &host_mac, 0x0800);
	put_ipv4(w, "192.0.2.3");
	assert_ours(w, true);
	begin(w, &host_mac, 0x0800);
	put_ipv4(w, "192.0.2.4");
	assert_ours(w, false);

	w->model.ours = (struct steer_addresses){0};
	assert_int_equal(steer_set_addresses(w->steer, &w->model.ours, NULL), 0);
	begin(w, &our_mac, 0x88b5);
	assert_ours(w, false);
}

/* Any frame that begins well, with some bytes changed or cut. */
static void random_frame(struct world *w)
{
	static const struct mac *const macs[] = {&host_mac, &our_mac, &other_mac, &broadcast,
						 &solicited_group};
	static const char *const v4[] = {"192.0.2.3", "192.0.2.4", "192.0.2.1"};
	static const char *const v6[] = {"fd00::7", "fd00::8", "ff02::1:ff00:7"};
	const struct mac *dst = macs[rand() % 5];
	static const unsigned types[] = {0x0800, 0x0806, 0x86dd, 0x8100, 0x88b5};
	unsigned type = types[rand() % 5];

	if (rand() % 3)
		begin(w, dst, type);
	else
		begin_tagged(w, dst, rand() % 2 ? 0xe000 : 0x000a, type);
	if (type == 0x0806)
		put_arp(w, v4[rand() % 3]);
	else if (type == 0x86dd)
		put_nd(w, 133 + (unsigned)rand() % 5, v6[rand() % 3], v6[rand() % 3]);
	else
		put_ipv4(w, v4[rand() % 3]);
	if (rand() % 4 == 0)
		w->frame[rand() % w->len] = (uint8_t)rand();
	if (rand() % 4 == 0)
		w->len = 14 + (uint32_t)rand() % (w->len - 13);
}

static void program_agrees_with_its_model_on_random_frames(void **state)
{
	struct world *w = *state;

	srand(1);
	for (unsigned i = 0; i < RANDOM_FRAMES; i++) {
		if (i % (RANDOM_FRAMES / 4) == 0)
			take(w, i % (RANDOM_FRAMES / 2) ? STEER_FOREIGN : STEER_OWN);
		random_frame(w);
		assert_int_equal(takes(w), steer_model_takes(&w->model, w->frame, w->len));
	}
}

/* --- the world -------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->steer = steer_create(0, NULL);
	w->socket = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	*state = w;
	if (!w->steer || w->socket < 0)
		return 0;
	w->macs[0] = our_mac;
	w->macs[1] = (struct mac){{0x02, 0, 0, 0, 0, 0x44}};
	inet_pton(AF_INET, "192.0.2.3", &w->ipv4[0]);
	inet_pton(AF_INET, "192.0.2.4", &w->ipv4[1]);
	inet_pton(AF_INET6, "fd00::7", &w->ipv6[0]);
	w->model.host = host_mac;
	w->model.ours = (struct steer_addresses){w->macs, 2, w->ipv4, 2, w->ipv6, 1};
	steer_set_socket(w->steer, 0, w->socket, NULL);
	steer_set_addresses(w->steer, &w->model.ours, NULL);
	take(w, STEER_OWN);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	steer_destroy(w->steer);
	if (w->socket >= 0)
		close(w->socket);
	free(w);
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_sent_to_our_mac_is_ours_whatever_it_is),
		CASE(packets_to_our_addresses_are_ours_and_the_hosts_are_not),
		CASE(arp_about_our_addresses_is_ours),
		CASE(neighbour_discovery_about_our_addresses_is_ours),
		CASE(tagged_packets_are_of_another_network_unless_only_prioritised),
		CASE(truncated_frames_are_the_hosts),
		CASE(bridge_on_a_shared_device_takes_what_is_not_the_hosts),
		CASE(device_of_our_own_gives_everything),
		CASE(queue_without_a_socket_is_the_hosts),
		CASE(addresses_change_while_the_program_runs),
		CASE(program_agrees_with_its_model_on_random_frames),
	};

	if (geteuid() != 0) {
		puts("loading an XDP program needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
