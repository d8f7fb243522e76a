/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Two workers and the control thread at the same sessions. The workers open flows of the same guest
 * at once, let them age within seconds of a clock of their own, and check every translation; the
 * control thread flushes, looks on and changes forwards. RCU is the real one.
 */

#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_rcu_qsbr.h>

#include "nat/nat_control.h"

#define WORKERS	 2
#define ROUNDS	 60000
#define BATCH	 16
#define SECOND	 1000000000ull
#define ROUND_NS (SECOND / 200)
#define GUEST	 0x0a0a0007u
#define EXTERNAL 0xc0000201u
#define REMOTE	 0xc6336400u

struct race {
	struct nat *nat;
	struct nat_inside *lan;
	struct nat_outside *wan;
	struct rte_rcu_qsbr *rcu;
	atomic_uint running;
};

struct worker {
	struct race *race;
	unsigned id;
	uint64_t now_ns;
	unsigned passed, refused, wrong;
	pthread_t thread;
};

static void put_udp(struct frame *f, uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport)
{
	struct ipv4_hdr ip = {.version_ihl = 0x45,
			      .total_len = htons(36),
			      .ttl = 64,
			      .proto = WIRE_PROTO_UDP,
			      .src = htonl(src),
			      .dst = htonl(dst)};
	struct udp_hdr udp = {htons(sport), htons(dport), htons(16), 0};
	const uint8_t *p = (const uint8_t *)&ip;
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	ip.csum = htons((uint16_t) ~((sum & 0xffff) + (sum >> 16)));
	memset(f->head, 0, 64);
	f->head[12] = 8;
	memcpy(f->head + 14, &ip, 20);
	memcpy(f->head + 34, &udp, 8);
	f->len = f->head_len = 50;
	f->n_segs = 0;
	f->vnet = (struct vnet){0};
}

static const struct ipv4_hdr *ip_of(const struct frame *f)
{
	return (const void *)(f->head + 14);
}

static const struct udp_hdr *udp_of(const struct frame *f)
{
	return (const void *)(f->head + 34);
}

/* One packet out, and its answer in: that must find the guest's port again. */
static void exchange(struct worker *w, struct frame *f, uint16_t port, uint32_t remote)
{
	struct race *r = w->race;
	struct nat_found found;
	struct packet p;
	enum drop_reason why;
	uint16_t external;

	put_udp(f, GUEST, remote, port, 53);
	assert_int_equal(packet_parse(&p, f), DROP_NONE);
	nat_lookup(r->nat, w->id, &p, 1, &found);
	if (!found.session) {
		found.direction = NAT_OUTBOUND;
		found.session = nat_open_out(r->nat, w->id, &p, r->lan, r->wan, w->now_ns, &why);
	}
	if (!found.session ||
	    nat_translate(r->nat, w->id, found.session, found.direction, &p, w->now_ns)) {
		w->refused++;
		return;
	}
	w->wrong += ip_of(f)->src != htonl(EXTERNAL) || ip_of(f)->dst != htonl(remote);
	external = ntohs(udp_of(f)->src_port);

	put_udp(f, remote, EXTERNAL, 53, external);
	assert_int_equal(packet_parse(&p, f), DROP_NONE);
	nat_lookup(r->nat, w->id, &p, 1, &found);
	if (!found.session) { /* the control thread has flushed it meanwhile */
		w->refused++;
		return;
	}
	nat_translate(r->nat, w->id, found.session, found.direction, &p, w->now_ns);
	w->wrong += ip_of(f)->dst != htonl(GUEST) || ntohs(udp_of(f)->dst_port) != port;
	w->passed++;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct race *r = w->race;
	struct frame *f = aligned_alloc(64, sizeof(*f));

	rte_rcu_qsbr_thread_online(r->rcu, w->id);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < BATCH; i++)
			exchange(w, f, (uint16_t)(2000 + (round * 7 + i) % 3000),
				 REMOTE + (round + i + w->id) % 3);
		w->now_ns += ROUND_NS;
		nat_tick(r->nat, w->id, w->now_ns);
		rte_rcu_qsbr_quiescent(r->rcu, w->id);
	}
	rte_rcu_qsbr_thread_offline(r->rcu, w->id);
	r->running--;
	free(f);
	return NULL;
}

static bool count(const struct nat_session_info *i, void *arg)
{
	++*(unsigned *)arg;
	return i->guest == GUEST || i->guest == GUEST + 1;
}

/* Flushes, forwards and looks on until the workers are done. */
static void meddle(struct race *r)
{
	const struct nat_flush of_port = {.remote = REMOTE + 1};
	struct nat_forward f = {
		.class = NAT_UDP, .first = 2100, .last = 2199, .to = GUEST + 1, .to_port = 1};

	while (r->running) {
		unsigned n = 0;

		nat_flush(r->nat, &of_port);
		nat_visit_sessions(r->nat, 1000 * SECOND, count, &n);
		assert_int_equal(nat_forward_add(r->nat, r->wan, &f, NULL), 0);
		assert_int_equal(nat_forward_del(r->nat, r->wan, &f, NULL), 0);
		usleep(2000);
	}
}

static void start(struct race *r, struct worker *workers)
{
	static const uint32_t address = EXTERNAL;
	struct nat_params params = {
		.n_workers = WORKERS, .sessions_max = 20000, .secret = {1, 2, 3}};
	struct nat_inside_params inside = {.subnet = {GUEST, 24}, .timeouts = {.udp_s = 3}};
	struct nat_outside_params outside = {
		.addresses = &address, .n_addresses = 1, .hold_down_s = 2};

	r->rcu = aligned_alloc(64, rte_rcu_qsbr_get_memsize(WORKERS));
	rte_rcu_qsbr_init(r->rcu, WORKERS);
	params.rcu = r->rcu;
	r->nat = nat_create(&params, NULL);
	r->lan = nat_inside_create(r->nat, &inside, NULL);
	r->wan = nat_outside_create(r->nat, &outside, NULL);
	r->running = WORKERS;
	for (unsigned i = 0; i < WORKERS; i++) {
		rte_rcu_qsbr_thread_register(r->rcu, i);
		workers[i] = (struct worker){.race = r, .id = i, .now_ns = 1000 * SECOND};
	}
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
}

/* Time goes on until everything has aged. */
static void drain(struct race *r, uint64_t now_ns)
{
	for (int s = 0; s < 400; s++) {
		now_ns += SECOND / 10;
		for (unsigned i = 0; i < WORKERS; i++) {
			for (int n = 0; n < 1000 && nat_tick(r->nat, i, now_ns) <= now_ns; n++)
				;
		}
	}
}

static void workers_agree_while_control_meddles(void **state)
{
	struct worker workers[WORKERS];
	struct race r = {0};
	struct nat_counters c;
	struct nat_outside_counters o;

	start(&r, workers);
	meddle(&r);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);

	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(workers[i].wrong, 0);
		assert_true(workers[i].passed > ROUNDS * BATCH / 2);
	}
	drain(&r, workers[0].now_ns);
	nat_counters_get(r.nat, &c);
	nat_outside_counters_get(r.wan, &o);
	assert_int_equal(c.sessions, 0);
	assert_int_equal(c.mappings, 0);
	assert_int_equal(o.ports_used[NAT_UDP], 0);
	assert_int_equal(c.opened, c.expired + c.flushed);
	nat_destroy(r.nat);
	free(r.rcu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_agree_while_control_meddles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
