/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Every pairing of what a sender may send and a receiver takes, over real vhost-user sessions:
 *
 *	sender --- port 0 ---+            +--- port 1 --- receiver, no offload
 *	                     +--- bridge -+--- ...
 *	                                  +--- port 33 -- receiver, all of them
 *
 * A sender has no offload at all, or checksums and any set of TSO4, TSO6, ECN and USO: 17. A
 * receiver has none, or checksums and any set of TSO4, TSO6, ECN, USO4 and USO6: 33; each of them
 * with mergeable buffers, large ones or small ones, and an MTU of 1500 or 9000. Each pairing gets
 * large, half-checksummed and plain frames of random shape and size. What has to arrive is built
 * anew from the description of the frame, and compared byte by byte.
 *
 * The test is the worker, so that nothing happens at the same time: sessions come and go while it
 * waits, frames move while it polls.
 */

#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/bridge.h"
#include "common/clock.h"
#include "common/virtio_net.h"
#include "dataplane/eal.h"
#include "perf/gen/driver.h"
#include "tests/lib/packet.h"
#include "tests/lib/segment.h"
#include "vhost/vhost_port.h"

#define WAIT_MS	  5000
#define RECEIVERS 33
#define SENDERS	  17
#define RING	  128
#define LARGE_BUF 70000
#define SMALL_BUF 2048

#ifdef __SANITIZE_ADDRESS__
#define SENDER_STEP 4
#else
#define SENDER_STEP 1
#endif

/* Receive buffers and MTU of a round of the test. */
struct round {
	bool mergeable;
	uint32_t buf_bytes;
	uint16_t mtu;
};

struct receiver {
	struct driver driver;
	struct vhost_port *port;
	struct offloads takes;
	const struct round *round;
	struct mac mac;
};

struct net {
	char dir[64];
	struct dataplane *dp;
	struct vhost *vhost;
	struct bridge *bridge;
	struct receiver ends[1 + RECEIVERS]; /* 0 sends */
	uint64_t random, now_ns;
	uint8_t payload[65536];
	unsigned frames, segments;
};

static uint32_t random_below(struct net *net, uint32_t n)
{
	net->random = net->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((net->random >> 33) % n);
}

/* --- the net ------------------------------------------------------------------------------------
 */

static void path_of(const struct net *net, unsigned i, char *path)
{
	snprintf(path, VHOST_PATH_MAX, "%s/%u.sock", net->dir, i);
}

static void add_port(struct net *net, unsigned i)
{
	char path[VHOST_PATH_MAX], name[16];
	struct vhost_port_params p = {.name = name,
				      .path = path,
				      .mode = VHOST_MODE_SERVER,
				      .owner = "",
				      .group = "",
				      .tso = true,
				      .uso = true,
				      .csum = true};
	struct err e = {0};

	path_of(net, i, path);
	snprintf(name, sizeof(name), "p%u", i);
	net->ends[i].port = vhost_port_create(net->vhost, &p, &e);
	if (!net->ends[i].port)
		fail_msg("%s", e.text);
	bridge_add_port(net->bridge, &net->ends[i].port->port);
	net->ends[i].mac = (struct mac){{2, 0, 0, 0, 1, (uint8_t)i}};
}

static int setup(void **state)
{
	struct dataplane_params params = {.n_workers = 1};
	struct bridge_params bridge = {.name = "br", .fdb_entries = 1000, .ageing_s = 300};
	struct net *net = calloc(1, sizeof(*net));
	struct err e;

	snprintf(net->dir, sizeof(net->dir), "/tmp/weft-offload.XXXXXX");
	assert_non_null(mkdtemp(net->dir));
	net->dp = dataplane_create(&params, &e);
	net->vhost = vhost_create(net->dp);
	net->bridge = bridge_create(net->dp, &bridge, &e);
	net->random = 42;
	net->now_ns = 1000000000;
	for (unsigned i = 0; i <= RECEIVERS; i++)
		add_port(net, i);
	for (size_t i = 0; i < sizeof(net->payload); i++)
		net->payload[i] = (uint8_t)random_below(net, 256);
	*state = net;
	return 0;
}

static int teardown(void **state)
{
	struct net *net = *state;

	for (unsigned i = 0; i <= RECEIVERS; i++) {
		bridge_del_port(net->bridge, &net->ends[i].port->port);
		vhost_port_destroy(net->ends[i].port);
	}
	bridge_destroy(net->bridge);
	vhost_destroy(net->vhost);
	dataplane_destroy(net->dp);
	assert_int_equal(rmdir(net->dir), 0);
	free(net);
	return 0;
}

static void wait_step(struct net *net, unsigned i, enum vhost_step step)
{
	uint64_t deadline = clock_now_ms() + WAIT_MS;
	struct vhost_port_info info;

	for (;;) {
		vhost_port_info(net->ends[i].port, &info);
		if (info.step == step)
			return;
		if (clock_now_ms() > deadline)
			fail_msg("port %u is at step %d, not %d: %s", i, info.step, step,
				 info.waiting_for);
		usleep(200);
	}
}

/* As QEMU does before it starts the rings of a device with host_mtu. */
static void tell_mtu(struct driver *d, uint16_t mtu)
{
	struct frontend_msg m = {
		.request = FRONTEND_NET_SET_MTU, .flags = FRONTEND_VERSION, .size = sizeof(m.u64)};
	struct err e = {0};

	m.u64 = mtu;
	assert_int_equal(frontend_send(&d->frontend, &m, NULL, 0, &e), 0);
}

static void plug(struct net *net, unsigned i, const struct driver_options *o, uint16_t mtu)
{
	struct driver *d = &net->ends[i].driver;
	char path[VHOST_PATH_MAX];
	struct err e = {0};

	path_of(net, i, path);
	if (driver_init(d, o, &e) < 0 || driver_connect(d, path, WAIT_MS, &e) < 0)
		fail_msg("%s", e.text);
	if (mtu)
		tell_mtu(d, mtu);
	if (driver_start(d, &e) < 0)
		fail_msg("%s", e.text);
	wait_step(net, i, VHOST_STEP_UP);
	assert_int_equal(net->ends[i].port->takes.mtu, mtu);
	assert_int_equal(d->frontend.features & ~FRONTEND_F_PROTOCOL_FEATURES, o->features);
}

static void unplug(struct net *net, unsigned i)
{
	driver_disconnect(&net->ends[i].driver);
	driver_fini(&net->ends[i].driver);
	wait_step(net, i, VHOST_STEP_CONNECT);
}

static void poll_switch(struct net *net)
{
	net->now_ns += 1000;
	worker_poll(net->dp->workers[0], net->now_ns);
}

/* Everybody hears it; the bridge learns where `i` is. */
static void introduce(struct net *net, unsigned i)
{
	static const struct mac nobody = {{2, 0, 0, 0, 9, 9}};
	uint8_t buf[64];
	struct driver_frame f;

	packet_raw(buf, &nobody, &net->ends[i].mac, sizeof(buf));
	assert_int_equal(driver_tx(&net->ends[i].driver, 0, NULL, buf, sizeof(buf), NULL), 0);
	driver_tx_kick(&net->ends[i].driver, 0);
	poll_switch(net);
	for (unsigned k = 1; k <= RECEIVERS; k++)
		while (driver_rx(&net->ends[k].driver, 0, &f) == 1)
			driver_rx_release(&net->ends[k].driver, 0, &f);
}

/* --- who there is -------------------------------------------------------------------------------
 */

#define BIT_IF(on, name) ((on) ? DRIVER_F(name) : 0)

static struct driver_options base_options(unsigned n)
{
	struct driver_options o;

	driver_options_init(&o);
	o.ring_size = RING;
	o.tx_slot_bytes = LARGE_BUF;
	o.features =
		BIT_IF(n & 1, VIRTIO_RING_F_EVENT_IDX) | BIT_IF(n & 2, VIRTIO_RING_F_INDIRECT_DESC);
	return o;
}

/* The n-th sender: 0 has no offload, the others a bit for each. */
static void plug_sender(struct net *net, unsigned n)
{
	struct driver_options o = base_options(n);
	unsigned bits = n - 1;

	o.features |= DRIVER_F(VIRTIO_F_VERSION_1) | DRIVER_F(VIRTIO_NET_F_MRG_RXBUF);
	if (n)
		o.features |= DRIVER_F(VIRTIO_NET_F_CSUM) |
			      BIT_IF(bits & 1, VIRTIO_NET_F_HOST_TSO4) |
			      BIT_IF(bits & 2, VIRTIO_NET_F_HOST_TSO6) |
			      BIT_IF(bits & 4, VIRTIO_NET_F_HOST_ECN) |
			      BIT_IF(bits & 8, VIRTIO_NET_F_HOST_USO);
	plug(net, 0, &o, 0);
}

static struct offloads takes_of(unsigned n, const struct round *round)
{
	unsigned bits = n - 1;

	if (n == 0)
		return (struct offloads){.mtu = round->mtu};
	return (struct offloads){.csum = true,
				 .tso4 = bits & 1,
				 .tso6 = bits & 2,
				 .ecn = bits & 4,
				 .uso4 = bits & 8,
				 .uso6 = bits & 16,
				 .mtu = round->mtu};
}

/* The n-th receiver; every fourth is a legacy guest. */
static void plug_receiver(struct net *net, unsigned n, const struct round *round)
{
	struct receiver *r = &net->ends[1 + n];
	struct driver_options o = base_options(n);

	r->takes = takes_of(n, round);
	r->round = round;
	o.rx_buf_bytes = round->buf_bytes;
	o.features |= DRIVER_F(VIRTIO_NET_F_MTU) | BIT_IF(n % 4, VIRTIO_F_VERSION_1) |
		      BIT_IF(round->mergeable, VIRTIO_NET_F_MRG_RXBUF) |
		      BIT_IF(r->takes.csum, VIRTIO_NET_F_GUEST_CSUM) |
		      BIT_IF(r->takes.tso4, VIRTIO_NET_F_GUEST_TSO4) |
		      BIT_IF(r->takes.tso6, VIRTIO_NET_F_GUEST_TSO6) |
		      BIT_IF(r->takes.ecn, VIRTIO_NET_F_GUEST_ECN) |
		      BIT_IF(r->takes.uso4, VIRTIO_NET_F_GUEST_USO4) |
		      BIT_IF(r->takes.uso6, VIRTIO_NET_F_GUEST_USO6);
	plug(net, 1 + n, &o, round->mtu);
}

/* --- frames -------------------------------------------------------------------------------------
 */

enum kind { GSO, GSO_ECN, PARTIAL, PLAIN, KINDS };

struct letter {
	enum kind kind;
	struct segment s;
	uint32_t mss; /* 0: not to be cut */
};

/* A random shape whose headers still lie within FRAME_HEAD_MAX. */
static struct segment random_shape(struct net *net, const struct receiver *r, bool udp, bool ipv6)
{
	struct segment s = {
		.udp = udp,
		.ipv6 = ipv6,
		.routed = ipv6 && random_below(net, 4) == 0,
		.tags = random_below(net, 3),
		.options = random_below(net, 3) * 8,
		.tcp_options = udp ? 0 : random_below(net, 2) * 12,
		.id = (uint16_t)random_below(net, 65536),
		.seq = 0xffff0000u + random_below(net, 65536),
		.tcp_flags = (uint8_t)(0x10 | random_below(net, 2) * TCP_FIN |
				       random_below(net, 2) * TCP_PSH),
		.dst = r->mac,
		.src = net->ends[0].mac,
		.payload = net->payload + random_below(net, 256),
	};

	if (s.routed)
		s.options = MIN_OF(s.options, 8u);
	return s;
}

static struct letter random_letter(struct net *net, const struct receiver *r, enum kind kind,
				   bool udp, bool ipv6)
{
	struct letter letter = {.kind = kind, .s = random_shape(net, r, udp, ipv6)};
	uint32_t room = r->round->mtu - 40u - 32u - (letter.s.routed ? 24u : 0) - letter.s.options;

	/* Now and then a packet is, or its segments are, larger than what the receiver takes. */
	if (random_below(net, 16) == 0)
		room = r->round->mtu + 10u;
	if (kind == PARTIAL || kind == PLAIN) {
		letter.s.len = random_below(net, MIN_OF(room, r->round->buf_bytes));
		return letter;
	}
	if (kind == GSO_ECN)
		letter.s.tcp_flags |= TCP_CWR;
	letter.s.len = 1 + random_below(net, 65000);
	letter.mss = random_below(net, 4) ? room : 1 + random_below(net, room);
	letter.mss = MAX_OF(letter.mss, letter.s.len / 100 + 1);
	return letter;
}

/* Whether the guest at port 0 negotiated what the letter asks for. */
static bool may_send(const struct net *net, const struct letter *letter)
{
	const struct driver *d = &net->ends[0].driver;
	unsigned tso = letter->s.ipv6 ? VIRTIO_NET_F_HOST_TSO6 : VIRTIO_NET_F_HOST_TSO4;

	if (letter->kind == PLAIN)
		return true;
	if (!driver_has(d, VIRTIO_NET_F_CSUM))
		return false;
	if (letter->kind == PARTIAL)
		return true;
	return driver_has(d, letter->s.udp ? VIRTIO_NET_F_HOST_USO : tso) &&
	       (letter->kind != GSO_ECN || driver_has(d, VIRTIO_NET_F_HOST_ECN));
}

static uint32_t send_letter(struct net *net, const struct letter *letter, struct frame_layout *l)
{
	static const struct driver_shape shapes[] = {
		{0}, {.header_apart = true}, {.piece_bytes = 2000}};
	struct virtio_net_hdr_mrg_rxbuf hdr = {0};
	struct driver *d = &net->ends[0].driver;
	static uint8_t buf[FRAME_LEN_MAX];
	uint32_t len = segment_build(buf, &letter->s, letter->kind != PLAIN, l);
	struct vnet v = segment_vnet(&letter->s, l, letter->mss);

	if (letter->kind == GSO_ECN)
		v.gso_type |= VNET_GSO_ECN;
	v.hdr_len = (uint16_t)random_below(net, 65536); /* a hint at best */
	memcpy(&hdr, &v, sizeof(v));
	assert_int_equal(driver_tx(d, 0, letter->kind == PLAIN ? NULL : &hdr, buf, len,
				   &shapes[random_below(net, ARRAY_SIZE(shapes))]),
			 0);
	driver_tx_kick(d, 0);
	poll_switch(net);
	assert_int_equal(driver_tx_reclaim(d, 0), 1);
	return len;
}

/* --- what has to arrive -------------------------------------------------------------------------
 */

static bool goes_whole(const struct receiver *r, const struct letter *letter, uint32_t len)
{
	const struct offloads *t = &r->takes;
	bool tso = letter->s.ipv6 ? t->tso6 : t->tso4, uso = letter->s.ipv6 ? t->uso6 : t->uso4;

	if (letter->mss == 0)
		return true;
	if (!(letter->s.udp ? uso : tso) || (letter->kind == GSO_ECN && !t->ecn))
		return false;
	return r->round->mergeable || len + r->driver.hdr_bytes <= r->round->buf_bytes;
}

static struct vnet expected_vnet(const struct receiver *r, const struct letter *letter,
				 const struct segment *part, bool whole,
				 const struct frame_layout *l)
{
	struct vnet v;

	if (letter->kind == PLAIN || !r->takes.csum)
		return (struct vnet){0};
	v = segment_vnet(part, l, whole ? letter->mss : 0);
	if (whole && letter->kind == GSO_ECN)
		v.gso_type |= VNET_GSO_ECN;
	return v;
}

static void assert_part_arrives(struct net *net, struct receiver *r, const struct letter *letter,
				const struct segment *part, bool whole)
{
	static uint8_t want[FRAME_LEN_MAX], got[FRAME_LEN_MAX];
	bool partial = letter->kind != PLAIN && r->takes.csum;
	struct driver_frame f;
	struct frame_layout l;
	struct vnet v;
	uint32_t len = segment_build(want, part, partial, &l);

	v = expected_vnet(r, letter, part, whole, &l);
	assert_int_equal(driver_rx(&r->driver, 0, &f), 1);
	assert_int_equal(f.len, len);
	assert_int_equal(driver_frame_copy(&f, got, sizeof(got)), len);
	assert_memory_equal(got, want, len);
	assert_memory_equal(&f.hdr, &v, sizeof(v));
	driver_rx_release(&r->driver, 0, &f);
	net->segments++;
}

static uint64_t drops(const struct receiver *r, enum drop_reason reason)
{
	return r->port->port.stats[0].drops[reason];
}

/* Sends the letter and checks all that comes of it, at the receiver and in the counters. */
static void deliver(struct net *net, struct receiver *r, const struct letter *letter)
{
	uint64_t too_long = drops(r, DROP_MTU), refused = drops(&net->ends[0], DROP_NOT_NEGOTIATED);
	struct frame_layout l;
	uint32_t len = send_letter(net, letter, &l), packet = len - l.l3;
	unsigned n = 0;
	struct driver_frame f;
	bool whole = goes_whole(r, letter, len);

	if (letter->mss && letter->mss < letter->s.len)
		packet = (uint32_t)(l.payload - l.l3) + letter->mss;
	if (!may_send(net, letter))
		refused++;
	else if (packet > r->round->mtu)
		too_long++;
	else
		n = whole ? 1 : segment_parts(&letter->s, letter->mss);

	for (unsigned i = 0; i < n; i++) {
		struct segment part = whole ? letter->s : segment_part(&letter->s, i, letter->mss);

		assert_part_arrives(net, r, letter, &part, whole);
	}
	assert_int_equal(driver_rx(&r->driver, 0, &f), 0);
	assert_int_equal(drops(r, DROP_MTU), too_long);
	assert_int_equal(drops(&net->ends[0], DROP_NOT_NEGOTIATED), refused);
	net->frames++;
}

static void pairing(struct net *net, struct receiver *r)
{
	for (unsigned bits = 0; bits < 4 * KINDS; bits++) {
		enum kind kind = (enum kind)(bits / 4);
		struct letter letter;

		if (kind == GSO_ECN && (bits & 1))
			continue;
		letter = random_letter(net, r, kind, bits & 1, bits & 2);
		deliver(net, r, &letter);
	}
}

static void matrix(struct net *net, const struct round *round)
{
	for (unsigned n = 0; n < SENDERS; n += SENDER_STEP) {
		for (unsigned k = 0; n == 0 && k < RECEIVERS; k++)
			plug_receiver(net, k, round);
		plug_sender(net, n);
		for (unsigned k = 0; n == 0 && k <= RECEIVERS; k++)
			introduce(net, k);
		for (unsigned k = 1; k <= RECEIVERS; k++)
			pairing(net, &net->ends[k]);
		unplug(net, 0);
	}
	for (unsigned k = 1; k <= RECEIVERS; k++)
		unplug(net, k);
	print_message("%u frames became %u\n", net->frames, net->segments);
}

#define ROUND(test, is_mergeable, bytes, mtu_bytes)                                                \
	static void test(void **state)                                                             \
	{                                                                                          \
		static const struct round round = {is_mergeable, bytes, mtu_bytes};                \
                                                                                                   \
		matrix(*state, &round);                                                            \
	}

ROUND(every_pairing_is_right_with_mergeable_buffers, true, SMALL_BUF, 1500)
ROUND(every_pairing_is_right_with_mergeable_buffers_and_jumbo_frames, true, SMALL_BUF, 9000)
ROUND(every_pairing_is_right_with_large_buffers, false, LARGE_BUF, 1500)
ROUND(every_pairing_is_right_with_large_buffers_and_jumbo_frames, false, LARGE_BUF, 9000)
/* GSO frames that were negotiated and fit no buffer are cut. */
ROUND(every_pairing_is_right_with_small_buffers, false, SMALL_BUF, 1500)

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_pairing_is_right_with_mergeable_buffers),
		T(every_pairing_is_right_with_mergeable_buffers_and_jumbo_frames),
		T(every_pairing_is_right_with_large_buffers),
		T(every_pairing_is_right_with_large_buffers_and_jumbo_frames),
		T(every_pairing_is_right_with_small_buffers),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("offload matrix", tests, NULL, NULL);
}
