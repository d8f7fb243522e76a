/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * weft-bench-nat: what translation costs, without rings, ports and the rest of the switch.
 *
 *   weft-bench-nat                             all of the below
 *   weft-bench-nat established [FLOWS]         parse, look up, translate (1 to 1M)
 *   weft-bench-nat filter6 [FLOWS]             IPv6: parse, find the session of the filter
 *   weft-bench-nat npt6                        IPv6: parse, translate the prefix (RFC 6296)
 *   weft-bench-nat new [FLOWS [ENDPOINTS]]     the same when each packet opens a session (1M)
 *   weft-bench-nat ageing [FLOWS [RUNS]]       all sessions end at once: how long each nat_tick
 * took (4128768, 3)
 *
 * One thread, bursts of 32 frames of 64 bytes, room for 8 million sessions. Flows are those of
 * ENDPOINTS inside endpoints, as many as flows unless given: hosts times 63 ports, as CSIT has
 * them, on 128 external addresses. Established flows are visited in random order. Cycles of making
 * the frames are measured apart and taken off.
 *
 * Times are those that the thread was on a processor, so that neighbours disturb less; cycles are
 * these times at the rate of the time stamp counter. A machine whose hypervisor takes the processor
 * away does not say so, and a single long tick tells nothing. The ageing test is therefore run
 * several times: a run does the same as the one before it, tick by tick, so the shortest time of a
 * tick among the runs is what it took when nobody disturbed it. Both are printed.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "common/cksum.h"
#include "common/clock.h"
#include "common/util.h"
#include "nat/filter6.h"
#include "nat/nat_control.h"
#include "nat/npt6.h"

#define HOST_PORTS 63
#define ADDRESSES  128
#define SESSIONS   8388608u
#define FLOWS_DEF  1000000u
#define AGEING_DEF 4128768u
#define RUNS_DEF   3u
#define REPEAT_NS  (NS_PER_S / 2)
#define TICKS_MAX  (1u << 24)

struct bench {
	struct nat *nat;
	struct nat_inside *lan;
	struct nat_outside *wan;
	uint64_t now_ns, random;
	double tsc_ghz;
	uint64_t refused;
	uint32_t endpoints;
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

static void begin(struct bench *b, uint32_t endpoints)
{
	struct nat_params params = {
		.n_workers = 1, .sessions_max = SESSIONS, .secret = {7, 8, 9, 10}};
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
	b->endpoints = endpoints;
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
static void make_frame(struct frame *f, uint32_t endpoint, uint32_t remote)
{
	struct ipv4_hdr ip = {.version_ihl = 0x45,
			      .total_len = htons(50),
			      .ttl = 64,
			      .proto = WIRE_PROTO_UDP,
			      .src = htonl(0x0a000001 + endpoint / HOST_PORTS),
			      .dst = htonl(0x14000001 + remote)};
	struct udp_hdr udp = {htons((uint16_t)(1024 + endpoint % HOST_PORTS)), htons(53), htons(30),
			      0};

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

		make_frame(&b->frames[i], flow % b->endpoints, flow / b->endpoints);
	}
}

static void translate_burst(struct bench *b)
{
	enum drop_reason why;
	uint64_t mask = 0;

	for (int i = 0; i < BURST_MAX; i++)
		mask |= (uint64_t)!packet_parse(&b->packets[i], &b->frames[i]) << i;
	mask = nat_lookup(b->nat, 0, b->packets, mask, b->found);
	if (mask)
		nat_expect(b->nat, b->packets, mask, b->lan, b->wan, b->now_ns);
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

	begin(b, flows);
	open_all(b, flows);
	making = repeat(b, flows, false);
	all = repeat(b, flows, true);
	printf("established %8u flows: %6.1f cycles %6.1f ns a packet (frames made: %.1f ns)\n",
	       flows, (all - making) * b->tsc_ghz, all - making, making);
	nat_destroy(b->nat);
}

/* --- IPv6 --------------------------------------------------------------------------------------
 */

struct bench6 {
	struct bench *b;
	struct filter6 *filter;
	struct filter6_view view;
	struct npt6 npt6;
	uint32_t flows;
};

static void make_frame6(struct frame *f, uint32_t flow)
{
	struct ipv6_hdr ip = {.version_class_flow = htonl(6u << 28),
			      .payload_len = htons(30),
			      .next_header = WIRE_PROTO_UDP,
			      .hop_limit = 64,
			      .src = {0xfd, 0, 0, 10},
			      .dst = {0x20, 1, 0xd, 0xb8}};
	struct udp_hdr udp = {htons((uint16_t)(1024 + flow % HOST_PORTS)), htons(53), htons(30), 1};
	uint32_t host = htonl(1 + flow / HOST_PORTS);

	memcpy(ip.src + 12, &host, sizeof(host));
	memset(f->head, 0, 84);
	f->head[12] = 0x86;
	f->head[13] = 0xdd;
	memcpy(f->head + 14, &ip, sizeof(ip));
	memcpy(f->head + 54, &udp, sizeof(udp));
	f->len = f->head_len = 84;
	f->n_segs = 0;
	f->vnet = (struct vnet){0};
}

static void make_burst6(struct bench6 *t, uint32_t *sequence)
{
	for (int i = 0; i < BURST_MAX; i++)
		make_frame6(&t->b->frames[i],
			    sequence ? (*sequence)++
				     : (uint32_t)((uint64_t)next_random(t->b) * t->flows >> 32));
}

static void filter_burst6(struct bench6 *t)
{
	const struct filter6_way way = {.from = &t->view, .from_bridge = 1, .to_bridge = 2};
	uint32_t now_s = (uint32_t)(t->b->now_ns / NS_PER_S);
	struct session6_place at[BURST_MAX];
	struct packet *p = t->b->packets;
	struct ipaddr dst;

	for (int i = 0; i < BURST_MAX; i++) {
		packet_parse(&p[i], &t->b->frames[i]);
		memcpy(&dst, p[i].frame->head + p[i].l3 + 24, sizeof(dst));
		at[i] = filter6_expect(t->filter, &p[i], &dst);
	}
	for (int i = 0; i < BURST_MAX; i++)
		session6_prefetch(filter6_sessions(t->filter), &at[i]);
	for (int i = 0; i < BURST_MAX; i++)
		if (!filter6_goes_on(t->filter, &p[i], &way, at[i], now_s))
			t->b->refused += filter6_pass(t->filter, &p[i], &way, now_s) != DROP_NONE;
}

static void translate_burst6(struct bench6 *t)
{
	for (int i = 0; i < BURST_MAX; i++) {
		struct packet *p = &t->b->packets[i];

		packet_parse(p, &t->b->frames[i]);
		t->b->refused += npt6_translate(&t->npt6, NAT_OUTBOUND, p) != DROP_NONE;
	}
}

/* Nanoseconds a packet; `work` NULL: of making the frames. */
static double repeat6(struct bench6 *t, void (*work)(struct bench6 *t))
{
	uint64_t from = cpu_ns(), packets = 0;

	do {
		for (int i = 0; i < 64; i++) {
			make_burst6(t, NULL);
			if (work)
				work(t);
			packets += BURST_MAX;
		}
	} while (cpu_ns() - from < REPEAT_NS);
	return (double)(cpu_ns() - from) / (double)packets;
}

static void print6(struct bench6 *t, const char *what, void (*work)(struct bench6 *t))
{
	double making = repeat6(t, NULL), all = repeat6(t, work);

	printf("%-11s %8u flows: %6.1f cycles %6.1f ns a packet (frames made: %.1f ns); "
	       "%lu refused\n",
	       what, t->flows, (all - making) * t->b->tsc_ghz, all - making, making, t->b->refused);
}

static void filter6(struct bench *b, uint32_t flows)
{
	const uint64_t secret[4] = {7, 8, 9, 10};
	struct bench6 t = {.b = b, .flows = flows, .view = {.timeouts = {.udp_s = 300}}};

	b->now_ns = 1000 * NS_PER_S;
	b->random = 88172645463325252ull;
	b->refused = 0;
	t.filter = filter6_create(SESSIONS, secret);
	if (!t.filter)
		die(&(struct err){"no memory"});
	for (uint32_t flow = 0; flow < flows;) {
		make_burst6(&t, &flow);
		filter_burst6(&t);
	}
	print6(&t, "filter6", filter_burst6);
	filter6_destroy(t.filter);
}

static void npt6(struct bench *b)
{
	struct bench6 t = {.b = b, .flows = 60000};
	struct ipaddr_prefix inside, outside;
	struct err e;

	b->random = 88172645463325252ull;
	b->refused = 0;
	ipaddr_prefix_parse("fd00:a::/48", &inside);
	ipaddr_prefix_parse("2001:db8:a::/48", &outside);
	if (npt6_init(&t.npt6, &inside, &outside, &e))
		die(&e);
	print6(&t, "npt6", translate_burst6);
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

/* The clock jumps to when all are due; each tick is timed. Returns their number. */
static uint32_t age_all(struct bench *b, uint32_t *ticks)
{
	uint32_t n = 0;

	b->now_ns += 302 * NS_PER_S;
	for (uint64_t next = 0; next <= b->now_ns && n < TICKS_MAX; n++) {
		uint64_t from = cpu_ns();

		next = nat_tick(b->nat, 0, b->now_ns);
		ticks[n] = (uint32_t)(cpu_ns() - from);
	}
	return n;
}

/* Sorts them. */
static void print_ticks(const char *what, uint32_t *ticks, uint32_t n)
{
	static const uint32_t limits_us[] = {5, 10, 20, 50, 100, 1000};
	uint32_t at = 0;

	qsort(ticks, n, sizeof(*ticks), by_value);
	printf("%s\n  microseconds:", what);
	for (size_t i = 0; i < ARRAY_SIZE(limits_us); i++) {
		uint32_t from = at;

		while (at < n && ticks[at] <= limits_us[i] * 1000)
			at++;
		printf(" up to %u: %u;", limits_us[i], at - from);
	}
	printf(" longer: %u\n  median %.1f, 99 %% %.1f, 99.9 %% %.1f, 99.99 %% %.1f, longest "
	       "%.1f\n",
	       n - at, ticks[n / 2] / 1e3, ticks[n - 1 - n / 100] / 1e3,
	       ticks[n - 1 - n / 1000] / 1e3, ticks[n - 1 - n / 10000] / 1e3, ticks[n - 1] / 1e3);
}

static void print_new(const struct bench *b, const struct nat_counters *c, uint64_t took_ns)
{
	printf("new         %8lu sessions of %u endpoints: %.2f M a second, %.0f cycles each; "
	       "%lu refused\n",
	       c->opened, b->endpoints, (double)c->opened / (double)took_ns * 1e3,
	       (double)took_ns * b->tsc_ghz / (double)c->opened, b->refused);
	for (int r = 0; r < DROP_N; r++)
		if (c->refused[r])
			printf("            %8lu refused: %s\n", c->refused[r],
			       drop_reason_name(r));
}

static void fill(struct bench *b, uint32_t flows, uint32_t endpoints)
{
	uint64_t before = resident_bytes(), took;
	struct nat_counters c;

	begin(b, endpoints);
	took = open_all(b, flows);
	nat_counters_get(b->nat, &c);
	print_new(b, &c, took);
	printf("memory      %8lu sessions: %.0f bytes each resident, %.0f by the counters\n",
	       c.sessions, (double)(resident_bytes() - before) / (double)c.sessions,
	       (double)c.bytes / (double)c.sessions);
}

static void opening(struct bench *b, uint32_t flows, uint32_t endpoints)
{
	fill(b, flows, endpoints);
	nat_destroy(b->nat);
}

/* Returns how many ticks there were; `shortest` has been lowered to what they took. */
static uint32_t age_once(struct bench *b, uint32_t flows, uint32_t *ticks, uint32_t *shortest)
{
	struct nat_counters c;
	uint64_t from;
	uint32_t n;

	fill(b, flows, flows);
	from = cpu_ns();
	n = age_all(b, ticks);
	nat_counters_get(b->nat, &c);
	printf("ageing      %8lu sessions ended in %.2f s by %u ticks, %lu are left\n", c.expired,
	       (double)(cpu_ns() - from) / 1e9, n, c.sessions);
	for (uint32_t i = 0; i < n; i++)
		shortest[i] = MIN_OF(shortest[i], ticks[i]);
	print_ticks("ticks of this run", ticks, n);
	nat_destroy(b->nat);
	return n;
}

static void ageing(struct bench *b, uint32_t flows, uint32_t runs)
{
	uint32_t *ticks = malloc(TICKS_MAX * sizeof(*ticks));
	uint32_t *shortest = malloc(TICKS_MAX * sizeof(*shortest));
	uint32_t n = 0, least = UINT32_MAX;

	if (!ticks || !shortest)
		die(&(struct err){"no memory"});
	memset(ticks, 0, TICKS_MAX * sizeof(*ticks));
	memset(shortest, 0xff, TICKS_MAX * sizeof(*shortest));
	for (uint32_t i = 0; i < runs; i++) {
		n = age_once(b, flows, ticks, shortest);
		least = MIN_OF(least, n);
	}
	if (least != n)
		printf("runs differ: %u and %u ticks\n", least, n);
	print_ticks("the shortest time of each tick among the runs", shortest, least);
	free(ticks);
	free(shortest);
}

static int usage(void)
{
	fputs("usage: weft-bench-nat [established [FLOWS] | filter6 [FLOWS] | npt6 |\n"
	      "                       new [FLOWS [ENDPOINTS]] | ageing [FLOWS [RUNS]]]\n",
	      stderr);
	return 64;
}

static void run_all(struct bench *b)
{
	static const uint32_t flows[] = {1, 1000, 60000, 1000000};

	for (size_t i = 0; i < ARRAY_SIZE(flows); i++)
		established(b, flows[i]);
	for (size_t i = 0; i < ARRAY_SIZE(flows); i++)
		filter6(b, flows[i]);
	npt6(b);
	opening(b, FLOWS_DEF, 62500);
	opening(b, FLOWS_DEF, FLOWS_DEF);
	ageing(b, AGEING_DEF, RUNS_DEF);
}

/* Returns false when it is no part. `numbers` are 0 where not given. */
static bool run_part(struct bench *b, const char *part, const uint32_t numbers[2])
{
	uint32_t flows = numbers[0] ?: FLOWS_DEF;

	if (strcmp(part, "established") == 0)
		established(b, flows);
	else if (strcmp(part, "filter6") == 0)
		filter6(b, flows);
	else if (strcmp(part, "npt6") == 0)
		npt6(b);
	else if (strcmp(part, "new") == 0)
		opening(b, flows, numbers[1] ?: flows);
	else if (strcmp(part, "ageing") == 0)
		ageing(b, numbers[0] ?: AGEING_DEF, numbers[1] ?: RUNS_DEF);
	else
		return false;
	return true;
}

static double measure_tsc_ghz(void)
{
	uint64_t tsc = rte_rdtsc(), ns = clock_now_ns();

	while (clock_now_ns() - ns < NS_PER_S / 5)
		;
	return (double)(rte_rdtsc() - tsc) / (double)(clock_now_ns() - ns);
}

int main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	uint32_t numbers[2] = {0};
	int ret = EXIT_SUCCESS;

	if (argc > 4 || !b)
		return usage();
	for (int i = 2; i < argc; i++) {
		numbers[i - 2] = (uint32_t)strtoul(argv[i], NULL, 10);
		if (!numbers[i - 2])
			return usage();
	}
	b->frames = aligned_alloc(64, BURST_MAX * sizeof(*b->frames));
	b->tsc_ghz = measure_tsc_ghz();
	if (argc == 1)
		run_all(b);
	else if (!run_part(b, argv[1], numbers))
		ret = usage();
	free(b->frames);
	free(b);
	return ret;
}
