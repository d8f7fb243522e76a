/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * weft-pktgen: frames through a vhost-user switch, without guests.
 *
 * It plays the guests behind two or more ports: the handshake of a VMM and a minimal virtio-net
 * driver (perf/gen/driver.h), a fast path whose buffers go round (perf/gen/stream.h), and a loop
 * that drives all ports from one thread (perf/gen/run.h). Whatever it measures, it can also measure
 * itself (--self-test, --ceiling), since a switch cannot be seen to be faster than its generator.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/gen/result.h"
#include "perf/gen/run.h"

#define CEILING_WARMUP_S  0.3
#define CEILING_MEASURE_S 1.0

static volatile int interrupted;

struct command {
	struct run_options run;
	bool json, self_test, ceiling;
};

static const char usage[] =
	"usage: weft-pktgen --port ROLE=PATH[,server] --port ROLE=PATH[,server] ... [options]\n"
	"       weft-pktgen --self-test [options]\n"
	"\n"
	"  -p, --port ROLE=PATH[,server]  ROLE is tx, rx or both; server: listen there, so that "
	"the\n"
	"                         switch connects; otherwise the switch listens\n"
	"  -s, --size SIZE        64..1514, imix, tso, tso:BYTES (64)\n"
	"  -m, --macs N[xM]       stations behind ports with even and odd numbers (1x1); random "
	"pairs\n"
	"      --touch            write the addresses into every frame, as with many stations\n"
	"  -r, --rate PPS         limit of each sending queue, with k or M (none)\n"
	"  -t, --time SECONDS     measured time (5)\n"
	"  -w, --warmup SECONDS   traffic before it (1)\n"
	"      --verify[=N]       check order, and the checksum of every N-th frame (1)\n"
	"      --latency[=N]      time every N-th frame (1000)\n"
	"      --ring N           entries of each virtqueue (1024)\n"
	"      --packed           packed virtqueues\n"
	"      --batch N          frames handed over at once (64)\n"
	"      --queues N         queue pairs a port (1)\n"
	"      --huge             guest memory on 2 MiB pages where some are free\n"
	"      --wait SECONDS     for each backend to appear (10)\n"
	"      --ceiling          measure the generator's own limit first and print it beside\n"
	"      --self-test        measure only that, with an ideal backend on another processor\n"
	"      --json             one JSON object instead of one line\n"
	"  -h, --help\n"
	"\n"
	"Rates count frames; sizes and bits count from the Ethernet header on, without the FCS.\n"
	"The generator polls: give it a processor of its own, with taskset -c N weft-pktgen ...\n";

enum {
	OPT_TOUCH = 256,
	OPT_VERIFY,
	OPT_LATENCY,
	OPT_RING,
	OPT_PACKED,
	OPT_BATCH,
	OPT_QUEUES,
	OPT_HUGE,
	OPT_WAIT,
	OPT_CEILING,
	OPT_SELF_TEST,
	OPT_JSON,
};

static const struct option long_options[] = {
	{"port", required_argument, NULL, 'p'},
	{"size", required_argument, NULL, 's'},
	{"macs", required_argument, NULL, 'm'},
	{"touch", no_argument, NULL, OPT_TOUCH},
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
	{"ceiling", no_argument, NULL, OPT_CEILING},
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
	if (end == text || *end || !(*pps > 0 && *pps <= 1e9))
		return err_set(e, EINVAL, "--rate %s: give frames a second, such as 250k or 1.5M",
			       text);
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

/* Cuts `text` (from argv) at its comma. */
static int parse_port(char *text, struct run_options *o, struct err *e)
{
	struct run_port_options *p = &o->ports[o->n_ports];
	char *path = strchr(text, '='), *comma;

	if (o->n_ports == RUN_PORTS_MAX)
		return err_set(e, EINVAL, "--port: at most %d ports are possible", RUN_PORTS_MAX);
	if (!path || !path[1])
		return err_set(e, EINVAL, "--port %s: give ROLE=PATH, ROLE is tx, rx or both",
			       text);
	*path++ = '\0';
	p->sends = !strcmp(text, "tx") || !strcmp(text, "both");
	p->receives = !strcmp(text, "rx") || !strcmp(text, "both");
	if (!p->sends && !p->receives)
		return err_set(e, EINVAL, "--port %s=%s: the role is tx, rx or both", text, path);
	comma = strchr(path, ',');
	if (comma && strcmp(comma, ",server"))
		return err_set(e, EINVAL, "--port %s: only ',server' may follow the path", path);
	p->server = comma;
	if (comma)
		*comma = '\0';
	p->path = path;
	o->n_ports++;
	return 0;
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
	case 'r':
		return parse_rate(arg, &o->rate_pps, e);
	case 't':
		return parse_seconds("time", arg, &o->measure_s, e);
	case 'w':
		return parse_seconds("warmup", arg, &o->warmup_s, e);
	case OPT_TOUCH:
		o->touch = true;
		return 0;
	case OPT_VERIFY:
		return parse_count("verify", arg ? arg : "1", 1, 1u << 30, &o->verify_every, e);
	case OPT_LATENCY:
		return parse_count("latency", arg ? arg : "1000", 1, 1u << 30, &o->latency_every,
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
	case OPT_CEILING:
		c->ceiling = true;
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
	if ((c->self_test || c->ceiling) && (o->features & DRIVER_F(VIRTIO_F_RING_PACKED)))
		return err_set(e, EINVAL,
			       "--packed: the ideal backend of --self-test and "
			       "--ceiling has split rings only, leave --packed out");
	if (o->n_ports * o->n_pairs > STREAM_SENDERS_MAX)
		return err_set(e, EINVAL, "at most %d queue pairs in all are possible",
			       STREAM_SENDERS_MAX);
	return 0;
}

static int parse_command(int argc, char **argv, struct command *c, struct err *e)
{
	int opt, ret;

	run_options_init(&c->run);
	while ((opt = getopt_long(argc, argv, "p:s:m:r:t:w:h", long_options, NULL)) >= 0) {
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
static int measure_ceiling(const struct run_options *options, double *pps, struct err *e)
{
	struct run_options o = *options;
	struct run_result res;
	struct run r;
	int ret;

	o.warmup_s = MIN_OF(o.warmup_s, CEILING_WARMUP_S);
	o.measure_s = MIN_OF(o.measure_s, CEILING_MEASURE_S);
	o.rate_pps = 0;
	ret = run_init(&r, &o, e);
	if (!ret)
		ret = run_attach_ideal(&r, e);
	if (!ret)
		ret = run_measure(&r, &interrupted, &res, e);
	if (!ret)
		*pps = res.rx_pps;
	run_fini(&r);
	return ret;
}

static int measure(const struct command *c, struct err *e)
{
	struct run_result res;
	double ceiling_pps = 0;
	struct run r;
	int ret = 0;

	if (c->ceiling && !c->self_test)
		ret = measure_ceiling(&c->run, &ceiling_pps, e);
	if (ret)
		return ret;
	ret = run_init(&r, &c->run, e);
	if (!ret)
		ret = c->self_test ? run_attach_ideal(&r, e) : run_attach(&r, e);
	if (!ret)
		ret = run_measure(&r, &interrupted, &res, e);
	if (!ret)
		(c->json ? result_print_json : result_print)(&r, &res, ceiling_pps, stdout);
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
	if (!ret)
		ret = measure(&c, &e);
	if (ret)
		fprintf(stderr, "weft-pktgen: %s\n", e.text);
	return ret ? 1 : 0;
}
