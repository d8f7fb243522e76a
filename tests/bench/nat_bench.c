/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * weft-bench-nat: what translation costs, without rings, ports and the rest of the switch.
 *
 *   weft-bench-nat [FLOWS-OF-THE-AGEING-TEST]      (4128768)
 *
 * One thread, bursts of 32 frames of 64 bytes, flows as CSIT has them: hosts times 63 ports, each
 * port a mapping of its own, on 128 external addresses. Flows are visited in random order.
 *
 *   established   parse, look up, translate, at 1 to 1M sessions; cycles of making the frames are
 *                 measured apart and taken off
 *   new           the same when each packet opens a session
 *   ageing        all sessions of a large table end at once: how long the longest nat_tick took
 *
 * Times are those that the thread was on a processor, so that neighbours disturb less; cycles are
 * these times at the rate of the time stamp counter.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_atomic.h>
#include <rte_cycles.h>

#include "common/cksum.h"
#include "common/clock.h"
#include "nat/nat_control.h"

#define HOST_PORTS 63
#define ADDRESSES  128
#define AGEING_DEF 4128768u
#define REPEAT_NS  (NS_PER_S / 2)
#define TICKS_MAX  (1u << 24)

struct bench {
	struct nat *nat;
	struct nat_inside *lan;
	struct nat_outside *wan;
	uint64_t now_ns, random;
	double tsc_ghz;
	uint64_t refused;
	struct frame *frames;
	struct packet packets[BURST_MAX];
	struct nat_found found[BURST_MAX];
};

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void die(const struct err *e)
{
	fprintf(stderr, "weft-bench-nat: %s\n", e->text);
	exit(EXIT_FAILURE);
}

static void begin(struct bench *b, uint32_t sessions)
{
	struct nat_params params = {
		.n_workers = 1, .sessions_max = sessions, .secret = {7, 8, 9, 10}};
	struct nat_inside_params inside = {.subnet = {0x0a000000, 15}, .timeouts = {.udp_s = 300}};
	struct nat_outside_params outside = {.n_addresses = ADDRESSES, .no_hold_down = true};
	static uint32_t addresses[ADDRESSES];
	struct err e = {"no memory"};

	for (uint32_t i = 0; i < ADDRESSES; i++)
		addresses[i] = 0xc6120000 + i;
	outside.addresses = addresses;
	b->now_ns = 1000 * NS_PER_S;
	b->random = 88172645463325252ull;
	b->refused = 0;
	b->nat = nat_create(&params, &e);
	b->lan = b->nat ? nat_inside_create(b->nat, &inside, &e) : NULL;
	b->wan = b->lan ? nat_outside_create(b->nat, &outside, &e) : NULL;
	if (!b->wan)
		die(&e);
}

static uint32_t next_random(struct bench *b)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return (uint32_t)(b->random >> 32);
}

/* A frame of a flow as it comes from a ring: its first 64 bytes are written, whole. */
static void make_frame(struct frame *f, uint32_t flow)
{
	struct ipv4_hdr ip = {.version_ihl = 0x45,
			      .total_len = htons(50),
			      .ttl = 64,
			      .proto = WIRE_PROTO_UDP,
			      .src = htonl(0x0a000001 + flow / HOST_PORTS),
			      .dst = htonl(0x14000001)};
	struct udp_hdr udp = {htons((uint16_t)(1024 + flow % HOST_PORTS)), htons(53), htons(30), 0};

	ip.csum = cksum_finish(cksum_add(0, &ip, sizeof(ip)));
	memset(f->head, 0, 64);
	f->head[12] = 8;
	memcpy(f->head + 14, &ip, sizeof(ip));
	memcpy(f->head + 34, &udp, sizeof(udp));
	f->len = f->head_len = 64;
	f->n_segs = 0;
	f->vnet = (struct vnet){0};
}

static void make_burst(struct bench *b, uint32_t flows, uint32_t *sequence)
{
	for (int i = 0; i < BURST_MAX; i++) {
		uint32_t flow = sequence ? (*sequence)++
					 : (uint32_t)((uint64_t)next_random(b) * flows >> 32);

		make_frame(&b->frames[i], flow);
	}
}

static void translate_burst(struct bench *b)
{
	enum drop_reason why;
	uint64_t mask = 0;

	for (int i = 0; i < BURST_MAX; i++)
		mask |= (uint64_t)!packet_parse(&b->packets[i], &b->frames[i]) << i;
	nat_lookup(b->nat, 0, b->packets, mask, b->found);
	for (int i = 0; i < BURST_MAX; i++) {
		struct nat_found *f = &b->found[i];

		if (!f->session) {
			f->direction = NAT_OUTBOUND;
			f->session = nat_open_out(b->nat, 0, &b->packets[i], b->lan, b->wan,
						  b->now_ns, &why);
		}
		if (f->session)
			nat_translate(b->nat, 0, f->session, f->direction, &b->packets[i],
				      b->now_ns);
		else
			b->refused++;
	}
	nat_tick(b->nat, 0, b->now_ns);
}

/* Nanoseconds a packet of a loop that runs for half a second. */
static double repeat(struct bench *b, uint32_t flows, bool translate)
{
	uint64_t from = cpu_ns(), packets = 0;

	do {
		for (int i = 0; i < 64; i++) {
			make_burst(b, flows, NULL);
			if (translate)
				translate_burst(b);
			packets += BURST_MAX;
		}
	} while (cpu_ns() - from < REPEAT_NS);
	return (double)(cpu_ns() - from) / (double)packets;
}

/* Returns the time that it took; the control thread's part is not counted. */
static uint64_t open_all(struct bench *b, uint32_t flows)
{
	uint64_t from = cpu_ns(), preparing = 0;

	for (uint32_t flow = 0; flow < flows;) {
		uint64_t prepare_from = cpu_ns();

		nat_prepare(b->nat);
		preparing += cpu_ns() - prepare_from;
		for (int i = 0; i < 256 && flow < flows; i++) {
			make_burst(b, flows, &flow);
			translate_burst(b);
		}
	}
	return cpu_ns() - from - preparing;
}

static void established(struct bench *b, uint32_t flows)
{
	double making, all;

	begin(b, flows + BURST_MAX);
	open_all(b, flows);
	making = repeat(b, flows, false);
	all = repeat(b, flows, true);
	printf("established %8u flows: %6.1f cycles %6.1f ns a packet (frames made: %.1f ns)\n",
	       flows, (all - making) * b->tsc_ghz, all - making, making);
	nat_destroy(b->nat);
}

static uint64_t resident_bytes(void)
{
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The longest of `n` pieces of work that take about as long as a tick: what the machine adds. */
static double longest_without(uint32_t n)
{
	uint64_t longest = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t from = cpu_ns(), took;

		for (int spin = 0; spin < 4000; spin++)
			rte_compiler_barrier();
		took = cpu_ns() - from;
		longest = took > longest ? took : longest;
	}
	return (double)longest / 1e3;
}

/* The clock jumps to when all are due; each tick is timed. */
static void age_all(struct bench *b)
{
	uint32_t *ticks = malloc(TICKS_MAX * sizeof(*ticks));
	uint64_t begin_ns = cpu_ns();
	struct nat_counters c;
	uint32_t n = 0;

	if (!ticks)
		die(&(struct err){"no memory"});
	b->now_ns += 302 * NS_PER_S;
	for (uint64_t next = 0; next <= b->now_ns && n < TICKS_MAX; n++) {
		uint64_t from = cpu_ns();

		next = nat_tick(b->nat, 0, b->now_ns);
		ticks[n] = (uint32_t)(cpu_ns() - from);
	}
	nat_counters_get(b->nat, &c);
	printf("ageing      %8lu ended in %.2f s by %u ticks", c.expired,
	       (double)(cpu_ns() - begin_ns) / 1e9, n);
	qsort(ticks, n, sizeof(*ticks), by_value);
	printf(": median %.1f us, 99 %% %.1f us, 99.9 %% %.1f us, longest %.1f us (spinning: %.1f "
	       "us)\n",
	       ticks[n / 2] / 1e3, ticks[n - 1 - n / 100] / 1e3, ticks[n - 1 - n / 1000] / 1e3,
	       ticks[n - 1] / 1e3, longest_without(n));
	free(ticks);
}

static void print_new(const struct bench *b, const char *what, const struct nat_counters *c,
		      uint64_t took_ns)
{
	printf("%-11s %8lu sessions: %6.2f M a second, %.0f cycles each; %lu refused; ports in "
	       "all: "
	       "preserved %lu, random %lu, shared %lu\n",
	       what, c->opened, (double)c->opened / (double)took_ns * 1e3,
	       (double)took_ns * b->tsc_ghz / (double)c->opened, b->refused, c->ports_preserved,
	       c->ports_random, c->ports_shared);
}

static void fill_and_age(struct bench *b, uint32_t flows)
{
	uint64_t before = resident_bytes(), took;
	struct nat_counters c;

	begin(b, flows + BURST_MAX);
	took = open_all(b, flows);
	nat_counters_get(b->nat, &c);
	print_new(b, "new", &c, took);
	for (int r = 0; r < DROP_N; r++)
		if (c.refused[r])
			printf("            %8lu refused: %s\n", c.refused[r], drop_reason_name(r));
	printf("memory      %8lu sessions: %.0f bytes each resident, %.0f by the counters\n",
	       c.sessions, (double)(resident_bytes() - before) / (double)c.sessions,
	       (double)c.bytes / (double)c.sessions);
	age_all(b);
	before = c.opened;
	took = open_all(b, flows);
	nat_counters_get(b->nat, &c);
	c.opened -= before;
	print_new(b, "new again", &c, took);
	nat_destroy(b->nat);
}

int main(int argc, char **argv)
{
	static const uint32_t flows[] = {1, 1000, 60000, 1000000};
	uint32_t ageing = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : AGEING_DEF;
	struct bench *b = calloc(1, sizeof(*b));
	uint64_t tsc = rte_rdtsc(), ns = clock_now_ns();

	if (argc > 2 || !ageing || !b) {
		fputs("usage: weft-bench-nat [FLOWS-OF-THE-AGEING-TEST]\n", stderr);
		return 64;
	}
	b->frames = aligned_alloc(64, BURST_MAX * sizeof(*b->frames));
	while (clock_now_ns() - ns < NS_PER_S / 5)
		;
	b->tsc_ghz = (double)(rte_rdtsc() - tsc) / (double)(clock_now_ns() - ns);
	for (size_t i = 0; i < ARRAY_SIZE(flows); i++)
		established(b, flows[i]);
	fill_and_age(b, 1000000);
	if (ageing != 1000000)
		fill_and_age(b, ageing);
	free(b->frames);
	free(b);
	return EXIT_SUCCESS;
}
