/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Workers that open and use the same IPv6 sessions while the control thread ages and flushes them.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "nat/filter6.h"
#include "tests/lib/test.h"

#define WORKERS	 3
#define ROUNDS	 60000u
#define SESSIONS 256u /* fewer than there are flows */
#define FLOWS	 400u

struct world {
	struct filter6 *filter;
	struct filter6_view *view;
	_Atomic uint32_t now_s;
	_Atomic unsigned running;
	_Atomic uint64_t passed, full;
};

/* A datagram between the guest's port n and the world's, one way or the other. */
static void make_packet(struct packet *p, struct frame *f, unsigned n, bool out)
{
	struct ipv6_hdr *ip = (struct ipv6_hdr *)(f->head + sizeof(struct eth_hdr));

	*f = (struct frame){.len = 62, .head_len = 62};
	*ip = (struct ipv6_hdr){.next_header = WIRE_PROTO_UDP, .payload_len = 8 << 8};
	f->head[14] = 0x60;
	ip->src[0] = ip->dst[0] = 0xfd;
	ip->src[15] = out ? 1 : 2;
	ip->dst[15] = out ? 2 : 1;
	*p = (struct packet){.frame = f,
			     .l3 = 14,
			     .l4 = 54,
			     .len = 48,
			     .proto = WIRE_PROTO_UDP,
			     .ipv6 = true,
			     .sport = out ? (uint16_t)n : 53,
			     .dport = out ? 53 : (uint16_t)n};
}

static void *work(void *arg)
{
	struct world *w = arg;
	unsigned seed = (unsigned)(uintptr_t)&seed;
	struct packet p;
	struct frame f;

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = (unsigned)rand_r(&seed);
		bool out = n & 1;
		const struct filter6_way way = {.from = out ? w->view : NULL,
						.to = out ? NULL : w->view,
						.from_bridge = out ? 1 : 2,
						.to_bridge = out ? 2 : 1};
		enum drop_reason why;

		make_packet(&p, &f, n / 2 % FLOWS, out);
		why = filter6_pass(w->filter, &p, &way, w->now_s);
		w->passed += !why;
		w->full += why == DROP_NAT_SESSIONS;
		if (why && why != DROP_NAT_SESSIONS)
			abort();
	}
	w->running--;
	return NULL;
}

static bool is_whole(const struct session6 *s, void *count)
{
	assert_int_equal(s->proto, WIRE_PROTO_UDP);
	assert_int_equal(s->bridge, 1);
	assert_int_equal(s->remote_port, 53);
	++*(unsigned *)count;
	return true;
}

static void workers_agree_while_sessions_age_and_are_flushed(void **state)
{
	struct world w = {.now_s = 1000, .running = WORKERS};
	struct session6_table *t;
	struct filter6_counters c;
	pthread_t threads[WORKERS];
	unsigned visited = 0, n = 0;

	w.filter = filter6_create(SESSIONS, (const uint64_t[4]){1, 2, 3, 4});
	w.view = calloc(1, sizeof(*w.view));
	w.view->timeouts.udp_s = 2;
	t = filter6_sessions(w.filter);
	for (int i = 0; i < WORKERS; i++)
		pthread_create(&threads[i], NULL, work, &w);
	while (w.running) {
		session6_tick(t, ++w.now_s);
		if (++n % 64 == 0)
			session6_flush(t, 1, NULL);
		visited = 0;
		session6_visit(t, is_whole, &visited);
		assert_true(visited <= SESSIONS);
	}
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);

	assert_true(w.passed > 0);
	filter6_counters_get(w.filter, &c);
	visited = 0;
	session6_visit(t, is_whole, &visited);
	assert_int_equal(visited, c.sessions);
	session6_tick(t, w.now_s + 100);
	filter6_counters_get(w.filter, &c);
	assert_int_equal(c.sessions, 0);
	assert_int_equal(c.opened, c.expired + c.flushed);
	assert_int_equal(c.refused[DROP_NAT_SESSIONS], w.full);
	filter6_destroy(w.filter);
	free(w.view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_agree_while_sessions_age_and_are_flushed),
	};

	return cmocka_run_group_tests_name("filter6_race", tests, NULL, NULL);
}
