/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * weft-fairness: what is left to two well-behaved guests while a third one attacks.
 *
 * Guests a and b send to each other at a given rate, and each eighth frame to c; what counts is
 * what they get from each other. c attacks in one way after the other, each compared with a round
 * in which it behaves. One thread plays all three; only the guest that vanishes again and again is
 * a process of its own, because its handshakes would stop the other two.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/wire.h"
#include "perf/gen/driver.h"

#define FRAME_LEN  64
#define TO_C_EVERY 8
#define BURST	   32
#define SLOW_NS	   3000000ull /* c takes a frame */
#define LEARN_NS   200000000ull
#define ROUNDS_MAX 32

enum { A, B, C, GUESTS };

enum attack { NONE, BROADCAST, UNKNOWN, STALL, SLOW, VANISH, ATTACK_N };

static const char *const attack_names[] = {
	"none", "broadcast", "unknown", "stall", "slow", "vanish",
};
static_assert(ARRAY_SIZE(attack_names) == ATTACK_N, "a name for each attack");

struct guest {
	struct driver d;
	uint64_t sent;
	uint64_t from_peer; /* frames that the other well-behaved one sent */
};

struct bench {
	const char *path[GUESTS];
	double rate_pps; /* of a and of b; 0: all they can */
	double seconds;
	struct guest guests[GUESTS];
};

static void die(const struct err *e)
{
	fprintf(stderr, "weft-fairness: %s\n", e->text);
	exit(1);
}

static uint8_t station_of(int guest)
{
	return (uint8_t)(guest + 1);
}

static void frame_to(uint8_t *frame, uint8_t last_byte_of_dst, int from)
{
	struct eth_hdr eth = {.dst = {{2, 0, 0, 0, 0, last_byte_of_dst}},
			      .src = {{2, 0, 0, 0, 0, station_of(from)}},
			      .type = 0xb588};

	memset(frame, 0, FRAME_LEN);
	if (last_byte_of_dst == 0xff)
		memset(&eth.dst, 0xff, sizeof(eth.dst));
	memcpy(frame, &eth, sizeof(eth));
}

static void attach(struct guest *g, const char *path)
{
	struct driver_options o;
	struct err e = {0};

	driver_options_init(&o);
	o.ring_size = 1024;
	if (driver_init(&g->d, &o, &e) < 0 || driver_connect(&g->d, path, 5000, &e) < 0 ||
	    driver_start(&g->d, &e) < 0)
		die(&e);
	g->sent = g->from_peer = 0;
}

static void detach(struct guest *g)
{
	driver_disconnect(&g->d);
	driver_fini(&g->d);
}

static void receive(struct guest *g, int peer, unsigned max)
{
	struct driver_frame f;

	while (max-- && driver_rx(&g->d, 0, &f) == 1) {
		const struct eth_hdr *eth = f.iov[0].iov_base;

		g->from_peer += eth->src.b[5] == station_of(peer);
		driver_rx_release(&g->d, 0, &f);
	}
}

static void send_one(struct guest *g, int from, uint8_t dst)
{
	uint8_t frame[FRAME_LEN];

	frame_to(frame, dst, from);
	g->sent += driver_tx(&g->d, 0, NULL, frame, FRAME_LEN, NULL) == 0;
}

static void behave(struct bench *b, int self, uint64_t passed_ns)
{
	struct guest *g = &b->guests[self];
	uint64_t due =
		b->rate_pps > 0 ? (uint64_t)(b->rate_pps * (double)passed_ns / 1e9) : UINT64_MAX;

	for (unsigned i = 0; i < BURST && g->sent < due; i++)
		send_one(g, self, station_of(g->sent % TO_C_EVERY ? !self : C));
	driver_tx_kick(&g->d, 0);
	receive(g, !self, UINT32_MAX);
}

static void attack(struct bench *b, enum attack how, uint64_t now_ns, uint64_t *took_ns)
{
	struct guest *c = &b->guests[C];

	if (how == VANISH || how == STALL)
		return;
	if (how == SLOW && now_ns - *took_ns < SLOW_NS)
		return;
	*took_ns = now_ns;
	receive(c, C, how == SLOW ? 1 : UINT32_MAX);
	if (how != BROADCAST && how != UNKNOWN)
		return;
	for (unsigned i = 0; i < BURST; i++)
		send_one(c, C, how == BROADCAST ? 0xff : 0x77);
	driver_tx_kick(&c->d, 0);
}

/* Connects, sends what its ring takes, and is gone in the middle of it. */
static pid_t start_vanishing(struct bench *b)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		attach(&b->guests[C], b->path[C]);
		for (unsigned i = 0; i < 1024; i++)
			send_one(&b->guests[C], C, station_of((int)(i % 2)));
		driver_tx_kick(&b->guests[C].d, 0);
		detach(&b->guests[C]);
		usleep(2000);
	}
}

static void introduce(struct bench *b)
{
	uint64_t end = clock_now_ns() + LEARN_NS;

	for (int i = 0; i < GUESTS; i++) {
		send_one(&b->guests[i], i, 0xff);
		driver_tx_kick(&b->guests[i].d, 0);
	}
	while (clock_now_ns() < end)
		for (int i = 0; i < GUESTS; i++)
			receive(&b->guests[i], C, UINT32_MAX);
	for (int i = 0; i < GUESTS; i++)
		b->guests[i].sent = b->guests[i].from_peer = 0;
}

/* Frames a second that a and b got from each other. */
static double measure(struct bench *b, enum attack how)
{
	uint64_t start, now, took_ns = 0, total;
	pid_t child = 0;

	for (int i = 0; i < GUESTS; i++)
		attach(&b->guests[i], b->path[i]);
	introduce(b);
	if (how == VANISH) {
		detach(&b->guests[C]);
		child = start_vanishing(b);
	}
	start = now = clock_now_ns();
	while (now - start < (uint64_t)(b->seconds * 1e9)) {
		behave(b, A, now - start);
		behave(b, B, now - start);
		attack(b, how, now, &took_ns);
		now = clock_now_ns();
	}
	total = b->guests[A].from_peer + b->guests[B].from_peer;
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	for (int i = 0; i < (how == VANISH ? C : GUESTS); i++)
		detach(&b->guests[i]);
	return (double)total / ((double)(now - start) / 1e9);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static double samples[ATTACK_N][ROUNDS_MAX];
	struct bench b = {0};
	unsigned rounds;

	if (argc != 7) {
		fprintf(stderr, "usage: weft-fairness A.SOCK B.SOCK C.SOCK PPS SECONDS ROUNDS\n"
				"perf/bench/fairness.sh starts it beside a weftd\n");
		return 2;
	}
	for (int i = 0; i < GUESTS; i++)
		b.path[i] = argv[1 + i];
	b.rate_pps = atof(argv[4]);
	b.seconds = atof(argv[5]);
	rounds = (unsigned)atoi(argv[6]);
	rounds = rounds < 1 ? 1 : MIN_OF(rounds, ROUNDS_MAX);

	for (unsigned r = 0; r < rounds; r++)
		for (enum attack how = NONE; how < ATTACK_N; how++)
			samples[how][r] = measure(&b, how);
	for (enum attack how = NONE; how < ATTACK_N; how++) {
		qsort(samples[how], rounds, sizeof(samples[how][0]), by_value);
		printf("%-10s %9.0f pps  %5.1f %%\n", attack_names[how], samples[how][rounds / 2],
		       100 * samples[how][rounds / 2] / samples[NONE][rounds / 2]);
	}
	return 0;
}
