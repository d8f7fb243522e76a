/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * weft-pktgen: frames through a vhost-user switch, without guests.
 *
 * It plays the guests behind two or more ports: the handshake of a VMM and a minimal virtio-net
 * driver (perf/gen/driver.h), a fast path whose buffers go round (perf/gen/stream.h), and a loop
 * that drives all ports from one thread (perf/gen/run.h). Before it measures a switch it measures
 * itself under the same options, since a switch cannot be seen to be faster than its generator.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/gen/result.h"
#include "perf/gen/run.h"

#define CEILING_WARMUP_S  0.2
#define CEILING_MEASURE_S 0.5
#define EXIT_USAGE	  2

static volatile int interrupted;

struct command {
	struct run_options run;
	bool json, self_test, no_ceiling;
};

static const char usage[] =
	"usage: weft-pktgen --port ROLE=PATH[,FLAG...] --port ROLE=PATH[,FLAG...] ... [options]\n"
	"       weft-pktgen --self-test [options]\n"
	"\n"
	"  -p, --port ROLE=PATH[,FLAG...]  ROLE is tx, rx, both or idle (attached, but silent); "
	"flags:\n"
	"                         server (listen there, so that the switch connects; otherwise it\n"
	"                         listens), no-tso (receives no large frames), no-csum (nor "
	"partial\n"
	"                         checksums)\n"
	"  -s, --size SIZE        64..1514, imix, tso, tso:BYTES (64)\n"
	"  -m, --macs N[xM]       stations behind ports with even and odd numbers (1x1)\n"
	"  -f, --flows N          source ports of each sending queue (1)\n"
	"  -d, --distribution D   of stations and flows: random, round-robin, zipf[:SKEW] "
	"(random)\n"
	"      --route gateway=MAC,inside=A,outside=A[,addresses=N][,endpoints=N][,new]\n"
	"                         to a router instead: --flows flows from N endpoints, or all "
	"new;\n"
	"                         IPv6 addresses need a --size of 84 or more\n"
	"      --touch            write the addresses into every frame, as with many stations\n"
	"  -r, --rate RATE        limit of each sending queue: 1Mpps, 250k, 1000 (none)\n"
	"  -t, --time SECONDS     measured time (5)\n"
	"  -w, --warmup SECONDS   traffic before it (1)\n"
	"      --verify[=N]       check order, and each byte of every N-th frame (1)\n"
	"      --latency[=N]      time every N-th frame (10000)\n"
	"      --rounds           hand over full rings and sleep until the switch has taken them\n"
	"      --ring N           entries of each virtqueue (1024)\n"
	"      --packed           packed virtqueues\n"
	"      --batch N          frames handed over at once (64)\n"
	"      --queues N         queue pairs a port (1)\n"
	"      --huge             guest memory on 2 MiB pages where some are free\n"
	"      --wait SECONDS     for each backend to appear (10)\n"
	"      --no-ceiling       do not measure the generator's own limit first\n"
	"      --self-test        measure only that, with an ideal backend on another processor\n"
	"      --json             one JSON object instead of one line\n"
	"  -h, --help\n"
	"\n"
	"Rates count frames; sizes and bits count from the Ethernet header on, without the FCS.\n"
	"The generator polls: give it a processor of its own, with taskset -c N weft-pktgen ...\n"
	"Exit codes: 0 measured, 1 failed (a --verify that found damage included), 2 usage.\n";

enum {
	OPT_TOUCH = 256,
	OPT_ROUTE,
	OPT_VERIFY,
	OPT_LATENCY,
	OPT_RING,
	OPT_PACKED,
	OPT_BATCH,
	OPT_QUEUES,
	OPT_HUGE,
	OPT_WAIT,
	OPT_ROUNDS,
	OPT_NO_CEILING,
	OPT_SELF_TEST,
	OPT_JSON,
};

static const struct option long_options[] = {
	{"port", required_argument, NULL, 'p'},
	{"size", required_argument, NULL, 's'},
	{"macs", required_argument, NULL, 'm'},
	{"flows", required_argument, NULL, 'f'},
	{"distribution", required_argument, NULL, 'd'},
	{"touch", no_argument, NULL, OPT_TOUCH},
	{"route", required_argument, NULL, OPT_ROUTE},
	{"rate", required_argument, NULL, 'r'},
	{"time", required_argument, NULL, 't'},
	{"warmup", required_argument, NULL, 'w'},
	{"verify", optional_argument, NULL, OPT_VERIFY},
	{"latency", optional_argument, NULL, OPT_LATENCY},
	{"ring", required_argument, NULL, OPT_RING},
	{"packed", no_argument, NULL, OPT_PACKED},
	{"batch", required_argument, NULL, OPT_BATCH},
	{"queues", required_argument, NULL, OPT_QUEUES},
	{"huge", no_argument, NULL, OPT_HUGE},
	{"wait", required_argument, NULL, OPT_WAIT},
	{"rounds", no_argument, NULL, OPT_ROUNDS},
	{"no-ceiling", no_argument, NULL, OPT_NO_CEILING},
	{"self-test", no_argument, NULL, OPT_SELF_TEST},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int parse_count(const char *what, const char *text, unsigned long min, unsigned long max,
		       unsigned *value, struct err *e)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *end || v < min || v > max)
		return err_set(e, EINVAL, "--%s %s: give a number from %lu to %lu", what, text, min,
			       max);
	*value = (unsigned)v;
	return 0;
}

static int parse_seconds(const char *what, const char *text, double *value, struct err *e)
{
	char *end;

	*value = strtod(text, &end);
	if (end == text || *end || !(*value >= 0 && *value <= 3600))
		return err_set(e, EINVAL, "--%s %s: give seconds from 0 to 3600", what, text);
	return 0;
}

static int parse_rate(const char *text, double *pps, struct err *e)
{
	char *end;

	*pps = strtod(text, &end);
	if (*end == 'k' || *end == 'M')
		*pps *= *end++ == 'k' ? 1e3 : 1e6;
	if (!strcmp(end, "pps"))
		end += 3;
	if (end == text || *end || !(*pps > 0 && *pps <= 1e9))
		return err_set(e, EINVAL,
			       "--rate %s: give frames a second, such as 250k or 1.5Mpps", text);
	return 0;
}

static int parse_macs(const char *text, unsigned n[2], struct err *e)
{
	char *end;
	unsigned long a = strtoul(text, &end, 10), b = a;

	if (*end == 'x')
		b = strtoul(end + 1, &end, 10);
	if (*end || !a || !b || a > FRAME_STATIONS_MAX || b > FRAME_STATIONS_MAX)
		return err_set(e, EINVAL, "--macs %s: give N or NxM, each from 1 to %d", text,
			       FRAME_STATIONS_MAX);
	n[0] = (unsigned)a;
	n[1] = (unsigned)b;
	return 0;
}

static int parse_role(const char *role, struct run_port_options *p, struct err *e)
{
	p->sends = !strcmp(role, "tx") || !strcmp(role, "both");
	p->receives = !strcmp(role, "rx") || !strcmp(role, "both");
	if (!p->sends && !p->receives && strcmp(role, "idle") != 0)
		return err_set(e, EINVAL, "--port %s=...: the role is tx, rx, both or idle", role);
	return 0;
}

static int parse_port_flag(const char *flag, struct run_port_options *p, struct err *e)
{
	if (!strcmp(flag, "server"))
		p->server = true;
	else if (!strcmp(flag, "no-tso"))
		p->no_tso = true;
	else if (!strcmp(flag, "no-csum"))
		p->no_csum = true;
	else
		return err_set(e, EINVAL,
			       "--port: '%s': what may follow the path is server, no-tso, no-csum",
			       flag);
	return 0;
}

/* Cuts `text` (from argv) at its commas. */
static int parse_port(char *text, struct run_options *o, struct err *e)
{
	struct run_port_options *p = &o->ports[o->n_ports];
	char *path = strchr(text, '='), *flag, *rest;
	int ret;

	if (o->n_ports == RUN_PORTS_MAX)
		return err_set(e, EINVAL, "--port: at most %d ports are possible", RUN_PORTS_MAX);
	if (!path || !path[1])
		return err_set(e, EINVAL, "--port %s: give ROLE=PATH, ROLE is tx, rx, both or idle",
			       text);
	*path++ = '\0';
	ret = parse_role(text, p, e);
	p->path = strtok_r(path, ",", &rest);
	while (!ret && (flag = strtok_r(NULL, ",", &rest)))
		ret = parse_port_flag(flag, p, e);
	o->n_ports++;
	return ret;
}

static int parse_ring(const char *text, struct run_options *o, struct err *e)
{
	unsigned n = 0;
	int ret = parse_count("ring", text, 16, 32768, &n, e);

	if (!ret && (n & (n - 1)))
		return err_set(e, EINVAL, "--ring %u: give a power of two", n);
	o->ring_size = (uint16_t)n;
	return ret;
}

static int parse_option(int opt, char *arg, struct command *c, struct err *e)
{
	struct run_options *o = &c->run;
	unsigned n = 0;
	double wait_s = 0;
	int ret;

	switch (opt) {
	case 'p':
		return parse_port(arg, o, e);
	case 's':
		return frame_size_parse(arg, &o->frame, e);
	case 'm':
		return parse_macs(arg, o->n_stations, e);
	case 'f':
		return parse_count("flows", arg, 1, 1u << 30, &o->n_flows, e);
	case 'd':
		return pick_parse(arg, &o->pick, e);
	case 'r':
		return parse_rate(arg, &o->rate_pps, e);
	case 't':
		return parse_seconds("time", arg, &o->measure_s, e);
	case 'w':
		return parse_seconds("warmup", arg, &o->warmup_s, e);
	case OPT_ROUTE:
		return frame_route_parse(arg, &o->route, e);
	case OPT_TOUCH:
		o->touch = true;
		return 0;
	case OPT_VERIFY:
		return parse_count("verify", arg ? arg : "1", 1, 1u << 30, &o->verify_every, e);
	case OPT_LATENCY:
		return parse_count("latency", arg ? arg : "10000", 1, 1u << 30, &o->latency_every,
				   e);
	case OPT_RING:
		return parse_ring(arg, o, e);
	case OPT_PACKED:
		o->features |= DRIVER_F(VIRTIO_F_RING_PACKED);
		return 0;
	case OPT_BATCH:
		ret = parse_count("batch", arg, 1, 8192, &n, e);
		o->batch = (uint16_t)n;
		return ret;
	case OPT_QUEUES:
		return parse_count("queues", arg, 1, DRIVER_PAIRS_MAX, &o->n_pairs, e);
	case OPT_HUGE:
		o->huge = true;
		return 0;
	case OPT_WAIT:
		ret = parse_seconds("wait", arg, &wait_s, e);
		o->wait_ms = (int)(wait_s * 1000);
		return ret;
	case OPT_ROUNDS:
		o->rounds = true;
		return 0;
	case OPT_NO_CEILING:
		c->no_ceiling = true;
		return 0;
	case OPT_SELF_TEST:
		c->self_test = true;
		return 0;
	case OPT_JSON:
		c->json = true;
		return 0;
	}
	return err_set(e, EINVAL, "see weft-pktgen --help");
}

/* A self-test without ports has a sender and a receiver. */
static int check_ports(struct command *c, struct err *e)
{
	struct run_options *o = &c->run;
	bool sends = false, receives = false;

	if (c->self_test && !o->n_ports) {
		o->ports[o->n_ports++] = (struct run_port_options){.sends = true};
		o->ports[o->n_ports++] = (struct run_port_options){.receives = true};
	}
	for (unsigned i = 0; i < o->n_ports; i++) {
		sends |= o->ports[i].sends;
		receives |= o->ports[i].receives;
	}
	if (o->n_ports < 2 || !sends || !receives)
		return err_set(e, EINVAL,
			       "give a port that sends and another that receives: "
			       "--port tx=PATH --port rx=PATH");
	if (c->self_test && (o->features & DRIVER_F(VIRTIO_F_RING_PACKED)))
		return err_set(e, EINVAL,
			       "--packed: the ideal backend of --self-test has split rings only, "
			       "leave --packed out");
	o->frame.ipv6 = o->route.on && o->route.ipv6;
	if (o->frame.ipv6 && (o->frame.mix != FRAME_FIXED || o->frame.bytes < FRAME_BYTES_MIN6))
		return err_set(e, EINVAL, "--route of IPv6: give a --size from %d to %d",
			       FRAME_BYTES_MIN6, FRAME_BYTES_MAX);
	if (!o->route.on && o->n_flows > FRAME_FLOWS_MAX)
		return err_set(e, EINVAL, "--flows %u: give a number from 1 to %d, or a --route",
			       o->n_flows, FRAME_FLOWS_MAX);
	if (o->n_ports * o->n_pairs > STREAM_SENDERS_MAX)
		return err_set(e, EINVAL, "at most %d queue pairs in all are possible",
			       STREAM_SENDERS_MAX);
	return 0;
}

static int parse_command(int argc, char **argv, struct command *c, struct err *e)
{
	int opt, ret;

	run_options_init(&c->run);
	while ((opt = getopt_long(argc, argv, "p:s:m:f:d:r:t:w:h", long_options, NULL)) >= 0) {
		if (opt == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		ret = parse_option(opt, optarg, c, e);
		if (ret)
			return ret;
	}
	if (optind < argc)
		return err_set(e, EINVAL, "'%s' is no option: see weft-pktgen --help",
			       argv[optind]);
	return check_ports(c, e);
}

/* What the generator could do if the backend cost nothing. */
static int measure_ceiling(const struct run_options *options, struct run_result *res, struct err *e)
{
	struct run_options o = *options;
	struct run r;
	int ret;

	o.warmup_s = MIN_OF(o.warmup_s, CEILING_WARMUP_S);
	o.measure_s = MIN_OF(o.measure_s, CEILING_MEASURE_S);
	for (unsigned i = 0; i < o.n_ports; i++)
		o.ports[i].no_tso = o.ports[i].no_csum = false;
	ret = run_init(&r, &o, e);
	if (!ret)
		ret = run_attach_ideal(&r, e);
	if (!ret)
		ret = run_measure(&r, &interrupted, res, e);
	run_fini(&r);
	return ret;
}

/* Not where a rate is asked for: the limit is known to be higher then. */
static bool wants_ceiling(const struct command *c)
{
	/* The ideal backend has split rings only. */
	return !(c->run.features & DRIVER_F(VIRTIO_F_RING_PACKED)) && !c->no_ceiling &&
	       !c->self_test && c->run.rate_pps == 0 && !c->run.rounds &&
	       sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

static int measure(const struct command *c, struct err *e)
{
	struct run_result res, ceiling = {0};
	struct run r;
	int ret = 0;

	if (wants_ceiling(c))
		ret = measure_ceiling(&c->run, &ceiling, e);
	if (ret)
		return ret;
	ret = run_init(&r, &c->run, e);
	if (!ret)
		ret = c->self_test ? run_attach_ideal(&r, e) : run_attach(&r, e);
	if (!ret)
		ret = run_measure(&r, &interrupted, &res, e);
	if (!ret)
		(c->json ? result_print_json : result_print)(&r, &res, &ceiling, stdout);
	if (!ret && res.corrupt)
		ret = err_set(e, EBADMSG,
			      "%lu frames arrived damaged: the switch, or memory, is "
			      "at fault",
			      res.corrupt);
	run_fini(&r);
	return ret;
}

static void interrupt(int sig)
{
	interrupted = 1;
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = interrupt};
	struct command c = {0};
	struct err e = {0};
	int ret;

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	ret = parse_command(argc, argv, &c, &e);
	if (ret) {
		fprintf(stderr, "weft-pktgen: %s\n", e.text);
		return EXIT_USAGE;
	}
	ret = measure(&c, &e);
	if (ret)
		fprintf(stderr, "weft-pktgen: %s\n", e.text);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
