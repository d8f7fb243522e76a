/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Ports on a network device, over a veth pair, natively, generically and by DPDK's af_packet. */

#include "tests/lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/eal.h"
#include "tests/lib/nicnet.h"
#include "tests/lib/packet.h"

#include "common/clock.h"

#define FRAMES	    6000 /* more than there are chunks */
#define PATIENCE_NS 5000000000ull

static const struct nic_params native = {.mode = NIC_XDP_NATIVE},
			       generic = {.mode = NIC_XDP_GENERIC};
static const struct nic_params af_packet = {.driver = NIC_DRIVER_AF_PACKET};

/* Each test of these is made with each way to drive a device. */
static const struct nic_params *const ways[] = {&native, &generic, &af_packet};
static const char *const way_names[] = {"native", "generic", "af_packet"};

struct world {
	struct nicnet *net;
	struct mac guest, station;
};

static void put_from_wire(struct world *w, uint32_t len)
{
	uint8_t frame[4000];

	packet_raw(frame, &w->guest, &w->station, len);
	wire_send(w->net->wire, frame, len);
}

static void put_from_guest(struct world *w, uint32_t len)
{
	uint8_t frame[4000];

	packet_raw(frame, &w->station, &w->guest, len);
	testport_put(w->net->guest, frame, len);
}

static void assert_guest_got(struct world *w, unsigned i, uint32_t len)
{
	uint8_t frame[4000];

	packet_raw(frame, &w->guest, &w->station, len);
	assert_true(w->net->guest->n_out > i);
	assert_int_equal(w->net->guest->out[i]->len, len);
	assert_memory_equal(w->net->guest->out[i]->bytes, frame, len);
}

/* --- frames ----------------------------------------------------------------------------------- */

static void frames_of_all_sizes_come_in_whole(struct world *w)
{
	static const uint32_t lengths[] = {60, 127, 128, 129, 1000, 1514};

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		put_from_wire(w, lengths[i]);
	nicnet_run(w->net, ARRAY_SIZE(lengths));
	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++)
		assert_guest_got(w, i, lengths[i]);
}

static void frames_of_all_sizes_go_out_whole(struct world *w)
{
	static const uint32_t lengths[] = {60, 127, 128, 129, 1000, 1514};
	uint8_t want[2000], got[2000];

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		put_from_guest(w, lengths[i]);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		packet_raw(want, &w->station, &w->guest, lengths[i]);
		assert_int_equal(nicnet_receive(w->net, got, sizeof(got)), lengths[i]);
		assert_memory_equal(got, want, lengths[i]);
	}
}

static void large_tcp_frame_goes_out_in_segments_with_checksums(struct world *w)
{
	uint8_t frame[FRAME_LEN_MAX], got[2000];
	struct frame_layout l;
	struct testframe *f;
	uint32_t len = packet_tcp(frame, false, 0, 40000, &l), n, payload = 0;

	f = testport_put(w->net->guest, frame, len);
	f->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				.gso_type = VNET_GSO_TCPV4,
				.gso_size = 1400,
				.csum_start = l.l4,
				.csum_offset = 16};
	for (unsigned i = 0; i < (40000 + 1399) / 1400; i++) {
		n = nicnet_receive(w->net, got, sizeof(got));
		assert_true(n > l.payload && n <= 1514);
		assert_true(packet_tcp_is_valid(got, n, &l));
		payload += n - l.payload;
	}
	assert_int_equal(payload, 40000);
}

static void checksum_that_the_other_end_left_out_is_known_to_be_missing(struct world *w)
{
	uint8_t frame[2000];
	struct frame_layout l;
	uint32_t len = packet_tcp(frame, true, 0, 700, &l);
	struct testframe *got;

	w->net->guest->takes.csum = true;
	memcpy(frame, &w->guest, sizeof(w->guest));
	wire_send(w->net->wire, frame, len);
	nicnet_run(w->net, 1);
	assert_int_equal(w->net->guest->n_out, 1);
	got = w->net->guest->out[0];
	assert_int_equal(got->vnet.flags, VNET_NEEDS_CSUM);
	assert_int_equal(got->vnet.csum_start, l.l4);

	testport_clear(w->net->guest);
	w->net->guest->takes.csum = false;
	wire_send(w->net->wire, frame, len);
	nicnet_run(w->net, 1);
	assert_int_equal(w->net->guest->n_out, 1);
	assert_true(packet_tcp_is_valid(w->net->guest->out[0]->bytes, len, &l));
}

static void vlan_tags_come_and_go(struct world *w)
{
	uint8_t frame[200], got[200];
	static const uint8_t tag[4] = {0x81, 0x00, 0x60, 0x0a};

	packet_raw(frame, &w->guest, &w->station, sizeof(frame));
	memcpy(frame + 12, tag, sizeof(tag));
	wire_send(w->net->wire, frame, sizeof(frame));
	nicnet_run(w->net, 1);
	assert_int_equal(w->net->guest->n_out, 1);
	assert_memory_equal(w->net->guest->out[0]->bytes, frame, sizeof(frame));

	packet_raw(frame, &w->station, &w->guest, sizeof(frame));
	memcpy(frame + 12, tag, sizeof(tag));
	testport_put(w->net->guest, frame, sizeof(frame));
	assert_int_equal(nicnet_receive(w->net, got, sizeof(got)), sizeof(frame) - 4);
}

/* --- buffers ---------------------------------------------------------------------------------- */

static void buffers_come_back_however_many_frames_pass(struct world *w)
{
	unsigned in = 0, out = 0;
	uint8_t got[200];

	while (in < FRAMES) {
		for (unsigned i = 0; i < 64; i++)
			put_from_wire(w, 64);
		nicnet_run(w->net, 64);
		assert_int_equal(w->net->guest->n_out, 64);
		in += w->net->guest->n_out;
		testport_clear(w->net->guest);
		w->net->guest->room = TESTPORT_FRAMES;
	}
	while (out < FRAMES) {
		for (unsigned i = 0; i < 64; i++)
			put_from_guest(w, 64);
		for (unsigned i = 0; i < 64; i++)
			assert_int_equal(nicnet_receive(w->net, got, sizeof(got)), 64);
		out += 64;
	}
}

static void frames_wait_in_their_buffers_for_a_receiver_without_room(struct world *w)
{
	w->net->guest->room = 3;
	for (uint32_t i = 0; i < 40; i++)
		put_from_wire(w, 100 + i);
	nicnet_run(w->net, 3);
	assert_int_equal(w->net->guest->n_out, 3);

	w->net->guest->room = TESTPORT_FRAMES;
	nicnet_run(w->net, 40);
	for (unsigned i = 0; i < 40; i++)
		assert_guest_got(w, i, 100 + i);
}

/* --- the other tests -------------------------------------------------------------------------- */

static void open_shared(struct world *w, enum nic_xdp_mode mode)
{
	nicnet_open(w->net, (struct nic_params){.mode = mode, .share = true});
}

static void put_to(struct world *w, struct mac dst, uint32_t len)
{
	uint8_t frame[2000];

	packet_raw(frame, &dst, &w->station, len);
	wire_send(w->net->wire, frame, len);
}

static void shared_device_gives_the_host_its_own(struct world *w, enum nic_xdp_mode mode)
{
	static const struct mac group = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	int host = wire_open(WIRE_DEV);
	uint8_t got[2000];

	open_shared(w, mode);
	put_to(w, wire_mac(WIRE_DEV), 100);
	put_to(w, w->guest, 200);
	put_to(w, group, 300);
	nicnet_run(w->net, 2);

	assert_int_equal(wire_receive(host, got, sizeof(got), 100), 100);
	assert_int_equal(wire_receive(host, got, sizeof(got), 100), 300);
	assert_int_equal(wire_receive(host, got, sizeof(got), 20), 0);
	assert_int_equal(w->net->guest->n_out, 2);
	assert_int_equal(w->net->guest->out[0]->len + w->net->guest->out[1]->len, 500);
	close(host);
}

static void shared_device_gives_the_host_its_own_and_both_the_broadcasts(void **state)
{
	shared_device_gives_the_host_its_own(*state, NIC_XDP_NATIVE);
}

static void generic_shared_device_does_so_too(void **state)
{
	shared_device_gives_the_host_its_own(*state, NIC_XDP_GENERIC);
}

static void copies_of_broadcasts_have_their_tags_and_wait_like_others(void **state)
{
	static const struct mac group = {{0x01, 0, 0x5e, 0, 0, 9}};
	static const uint8_t tag[4] = {0x81, 0x00, 0x00, 0x0a};
	struct world *w = *state;
	uint8_t frame[300];

	open_shared(w, NIC_XDP_NATIVE);
	w->net->guest->room = 0;
	for (uint32_t i = 0; i < 5; i++) {
		packet_raw(frame, &group, &w->station, 290 + i);
		memcpy(frame + 12, tag, sizeof(tag));
		wire_send(w->net->wire, frame, 290 + i);
	}
	nicnet_run(w->net, 1);
	w->net->guest->room = TESTPORT_FRAMES;
	packet_raw(frame, &group, &w->station, sizeof(frame));
	memcpy(frame + 12, tag, sizeof(tag));
	wire_send(w->net->wire, frame, sizeof(frame));
	nicnet_run(w->net, 1);

	/* Floods do not wait for room. */
	assert_int_equal(w->net->guest->n_out, 1);
	assert_memory_equal(w->net->guest->out[0]->bytes, frame, sizeof(frame));
}

static void what_cannot_be_is_refused_and_leaves_nothing_behind(void **state)
{
	struct world *w = *state;
	struct nicnet *net = w->net;

	nicnet_refuses(net, (struct nic_params){.dev = "nix7"},
		       "there is no network device 'nix7'");
	nicnet_refuses(net, (struct nic_params){.dev = "a-name-that-is-too-long"},
		       "no network device");
	nicnet_refuses(net, (struct nic_params){.queues = 4}, "has 1 receive queues, not 4");
	wire_ip("link set " WIRE_DEV " mtu 9000");
	nicnet_refuses(net, native, "the MTU of nic0 is 9000, AF_XDP takes");
	wire_ip("link set " WIRE_DEV " mtu 1500");
	wire_ip("link set " WIRE_DEV " down");
	nicnet_refuses(net, native, "nic0 is down; `ip link set nic0 up`");
	nicnet_refuses(net, af_packet, "nic0 is down; `ip link set nic0 up`");
	wire_ip("link set " WIRE_DEV " up");
	nicnet_refuses(
		net,
		(struct nic_params){.driver = NIC_DRIVER_DPDK, .dev = "", .pci = "0000:ff:1e.0"},
		"0000:ff:1e.0");
	wire_ip("link add plain0 up type bridge");
	nicnet_refuses(net, (struct nic_params){.dev = "plain0", .mode = NIC_XDP_NATIVE}, "no XDP");
	wire_ip("link del plain0");

	nicnet_open(net, native);
	struct nic_params again = {.name = "other", .dev = WIRE_DEV, .pci = ""};
	struct err e;
	assert_null(nic_create(&net->nics, &again, &e));
	assert_non_null(strstr(e.text, "has an XDP program already"));
	frames_of_all_sizes_come_in_whole(w);
}

static void frames_of_the_largest_mtu_pass_in_one_chunk(void **state)
{
	struct world *w = *state;
	uint8_t want[4000], got[4000];

	wire_ip("link set " WIRE_DEV " mtu 3818");
	wire_ip("link set wire0 mtu 3818");
	nicnet_open(w->net, generic);
	put_from_wire(w, 3818 + 14);
	put_from_guest(w, 3818 + 14);
	nicnet_run(w->net, 1);
	assert_guest_got(w, 0, 3818 + 14);
	packet_raw(want, &w->station, &w->guest, 3818 + 14);
	assert_int_equal(nicnet_receive(w->net, got, sizeof(got)), 3818 + 14);
	assert_memory_equal(got, want, 3818 + 14);
}

/* Another process has the port; it is killed, and can clean up nothing. */
static void program_and_maps_go_with_a_killed_process(void **state)
{
	struct world *w = *state;
	uint64_t end = clock_now_ns() + PATIENCE_NS;
	struct wire_bpf bpf;
	pid_t child = fork();

	if (child == 0) {
		nicnet_open(w->net, native);
		for (;;)
			pause();
	}
	while (!wire_xdp_program(WIRE_DEV) && clock_now_ns() < end)
		usleep(1000);
	bpf = wire_bpf_of(wire_xdp_program(WIRE_DEV));
	assert_int_equal(wire_bpf_count(&bpf), 6);

	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	end = clock_now_ns() + PATIENCE_NS;
	while (wire_bpf_count(&bpf) && clock_now_ns() < end)
		usleep(1000);
	assert_int_equal(wire_xdp_program(WIRE_DEV), 0);
	assert_int_equal(wire_bpf_count(&bpf), 0);
}

/* Many flows, so that each queue has some. */
static void each_queue_of_the_device_is_a_queue_of_the_port(void **state)
{
	struct world *w = *state;
	uint8_t frame[200];
	struct frame_layout l;
	uint64_t end = clock_now_ns() + PATIENCE_NS;
	unsigned n = 0;

	close(w->net->wire);
	wire_destroy();
	wire_create("numrxqueues 2 numtxqueues 2");
	wire_set_queues(WIRE_DEV, 2);
	w->net->wire = wire_open("wire0");
	nicnet_refuses(w->net, (struct nic_params){.queues = 1},
		       "has 2 receive queues, and frames");
	nicnet_open(w->net, native);
	assert_int_equal(w->net->nic->port.n_queues, 2);

	/* To the wire each queue has its flows. */
	for (unsigned i = 0; i < 64; i++) {
		uint32_t len = packet_tcp(frame, false, 0, 20, &l);

		frame[l.l4 + 1] = (uint8_t)i; /* source port */
		testport_put(w->net->guest, frame, len);
	}
	while (n < 64 && clock_now_ns() < end)
		n += nicnet_receive(w->net, frame, sizeof(frame)) > 0;
	assert_int_equal(n, 64);
	frames_of_all_sizes_come_in_whole(w);
}

static void program_goes_with_the_port(void **state)
{
	struct world *w = *state;

	nicnet_open(w->net, native);
	assert_int_not_equal(wire_xdp_program(WIRE_DEV), 0);
	bridge_del_port(w->net->bridge, &w->net->nic->port);
	nic_destroy(w->net->nic);
	w->net->nic = NULL;
	assert_int_equal(wire_xdp_program(WIRE_DEV), 0);
}

static void wait_for_state(struct world *w, bool up)
{
	uint64_t end = clock_now_ns() + PATIENCE_NS;

	while (w->net->nic->open != up && clock_now_ns() < end)
		loop_run_once(w->net->loop, 100);
	assert_int_equal(w->net->nic->open, up);
}

static void port_follows_a_device_that_goes_and_comes_back(struct world *w)
{
	struct nic_info info;

	put_from_wire(w, 100);
	close(w->net->wire);
	wire_destroy();
	wait_for_state(w, false);
	nic_info(w->net->nic, &info);
	assert_non_null(strstr(info.error, "there is no network device 'nic0'"));
	put_from_guest(w, 100);
	nicnet_run(w->net, 0);

	wire_create("");
	w->net->wire = wire_open("wire0");
	wait_for_state(w, true);
	nic_info(w->net->nic, &info);
	assert_string_equal(info.error, "");
	testport_clear(w->net->guest);
	frames_of_all_sizes_come_in_whole(w);
	frames_of_all_sizes_go_out_whole(w);

	wire_ip("link set " WIRE_DEV " down");
	wait_for_state(w, false);
	wire_ip("link set " WIRE_DEV " up");
	wait_for_state(w, true);
}

/* --- running ---------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->net = nicnet_create("");
	w->guest = station(2);
	w->station = station(1);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	nicnet_destroy(w->net);
	free(w);
	return 0;
}

/* One test of the table below, driven in one way. */
struct made {
	void (*run)(struct world *w);
	unsigned way;
	char name[120];
	void *world;
};

static void run_made(void **state)
{
	struct made *m = *state;
	struct world *w = m->world;

	nicnet_open(w->net, *ways[m->way]);
	m->run(w);
}

static int set_up_made(void **state)
{
	struct made *m = *state;

	return set_up(&m->world);
}

static int tear_down_made(void **state)
{
	struct made *m = *state;

	return tear_down(&m->world);
}

#define EACH_WAY(f)                                                                                \
	{                                                                                          \
#f, f                                                                              \
	}
static const struct {
	const char *name;
	void (*run)(struct world *w);
} each_way[] = {
	EACH_WAY(frames_of_all_sizes_come_in_whole),
	EACH_WAY(frames_of_all_sizes_go_out_whole),
	EACH_WAY(large_tcp_frame_goes_out_in_segments_with_checksums),
	EACH_WAY(checksum_that_the_other_end_left_out_is_known_to_be_missing),
	EACH_WAY(vlan_tags_come_and_go),
	EACH_WAY(buffers_come_back_however_many_frames_pass),
	EACH_WAY(frames_wait_in_their_buffers_for_a_receiver_without_room),
	EACH_WAY(port_follows_a_device_that_goes_and_comes_back),
};
#define MADE (ARRAY_SIZE(each_way) * ARRAY_SIZE(ways))

static int run_each_way(void)
{
	static struct made made[MADE];
	static struct CMUnitTest tests[MADE];

	for (unsigned i = 0; i < MADE; i++) {
		made[i].run = each_way[i / ARRAY_SIZE(ways)].run;
		made[i].way = i % ARRAY_SIZE(ways);
		snprintf(made[i].name, sizeof(made[i].name), "%s (%s)",
			 each_way[i / ARRAY_SIZE(ways)].name, way_names[made[i].way]);
		tests[i] = (struct CMUnitTest){made[i].name, run_made, set_up_made, tear_down_made,
					       &made[i]};
	}
	return _cmocka_run_group_tests("each way", tests, MADE, NULL, NULL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(shared_device_gives_the_host_its_own_and_both_the_broadcasts),
		CASE(generic_shared_device_does_so_too),
		CASE(copies_of_broadcasts_have_their_tags_and_wait_like_others),
		CASE(what_cannot_be_is_refused_and_leaves_nothing_behind),
		CASE(program_goes_with_the_port),
		CASE(frames_of_the_largest_mtu_pass_in_one_chunk),
		CASE(program_and_maps_go_with_a_killed_process),
		CASE(each_queue_of_the_device_is_a_queue_of_the_port),
	};
	struct err e;

	if (!wire_namespace()) {
		puts("network namespaces need root");
		return 77;
	}
	if (eal_init(CONFIG_OFF, &e) < 0) {
		puts(e.text);
		return 1;
	}
	return run_each_way() + cmocka_run_group_tests(tests, NULL, NULL);
}
