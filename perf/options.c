/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/units.h"
#include "common/util.h"
#include "perf/outcome.h"

#define DEFAULT_MESSAGE (128u << 10)

enum { LONG_INTERVAL = 256, LONG_JSON, LONG_VERIFY, LONG_LINES, LONG_NO_HEADER };

static const struct option client_long[] = {
	{"help", no_argument, NULL, 'h'},
	{"interval", required_argument, NULL, LONG_INTERVAL},
	{"json", no_argument, NULL, LONG_JSON},
	{"verify", no_argument, NULL, LONG_VERIFY},
	{"interval-lines", no_argument, NULL, LONG_LINES},
	{"no-header", no_argument, NULL, LONG_NO_HEADER},
	{NULL, 0, NULL, 0},
};

static const struct option server_long[] = {
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

void options_usage(FILE *f)
{
	fputs("usage: weft-perf server [-p PORT] [-L ADDRESS] [-d]\n"
	      "       weft-perf client HOST TEST [options]\n"
	      "\n"
	      "tests: TCP_STREAM TCP_MAERTS TCP_RR TCP_CRR UDP_STREAM UDP_RR\n"
	      "\n"
	      "  -p PORT           control port, 12867 (server: 0 takes a free one)\n"
	      "  -L ADDRESS        server: listen on this address only\n"
	      "  -d                server: go to the background once the port is open\n"
	      "  -l DURATION       measured time, 10s (10s, 500ms, a bare number is seconds)\n"
	      "  -w DURATION       warm-up before, not measured, 1s\n"
	      "  -m SIZE, -M SIZE  bytes per send, per receive (128K; UDP 65507)\n"
	      "  -r REQ,RESP       request and response size of RR tests, 1,1\n"
	      "  -s SND[,RCV]      socket buffers of the client; -S of the server\n"
	      "  -D                TCP_NODELAY on both ends\n"
	      "  -P LOCAL,REMOTE   fixed data ports (0: any)\n"
	      "  -F FILL           payload: pattern or random\n"
	      "  -I LEVEL,WIDTH    repeat until LEVEL (95, 99) % sure of the mean within WIDTH %\n"
	      "  -i MAX,MIN        runs with -I, 10,3\n"
	      "  -i DURATION, --interval DURATION   time between samples, 500ms\n"
	      "  --interval-lines  print each sample as it is taken\n"
	      "  --verify          prove that no byte changed on the way\n"
	      "  --json            one JSON object; --no-header leaves the header line out\n"
	      "\n"
	      "Exit codes: 0 measured, 1 failed, 2 usage. Units: 10^6 bits/s, transactions/s.\n",
	      f);
}

static int parse_duration(const char *text, uint64_t *ns, struct err *e)
{
	char seconds[32];

	if (strlen(text) + 2 <= sizeof(seconds) && *text &&
	    isdigit((unsigned char)text[strlen(text) - 1])) {
		snprintf(seconds, sizeof(seconds), "%ss", text);
		text = seconds;
	}
	if (units_parse_duration(text, ns) < 0)
		return err_set(e, EINVAL, "'%.40s' is no duration: write 10s, 500ms or 10", text);
	return 0;
}

static int parse_size(const char *text, uint64_t *bytes, struct err *e)
{
	if (units_parse_size(text, bytes) < 0)
		return err_set(e, EINVAL, "'%.40s' is no size: write 65507, 128K or 4M", text);
	return 0;
}

static int parse_message(const char *text, uint64_t *bytes, struct err *e)
{
	int ret = parse_size(text, bytes, e);

	if (ret == 0 && *bytes == 0)
		return err_set(e, EINVAL, "a message size of 0 moves nothing: give at least 1");
	return ret;
}

static int parse_count(const char *text, uint64_t max, uint64_t *v, struct err *e)
{
	char *end;

	errno = 0;
	*v = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || *v > max)
		return err_set(e, EINVAL, "'%.40s' is not a number from 0 to %llu", text,
			       (unsigned long long)max);
	return 0;
}

/* "A,B" split by the comma; without one `second` is the same as `first`. */
struct pair {
	char text[64];
	const char *first, *second;
};

static bool split(struct pair *p, const char *text)
{
	char *comma;

	snprintf(p->text, sizeof(p->text), "%s", text);
	p->first = p->second = p->text;
	comma = strchr(p->text, ',');
	if (!comma)
		return false;
	*comma = '\0';
	p->second = comma + 1;
	return true;
}

static int parse_sizes(const char *text, uint64_t *a, uint64_t *b, struct err *e)
{
	struct pair p;
	int ret;

	split(&p, text);
	ret = parse_size(p.first, a, e);
	return ret < 0 ? ret : parse_size(p.second, b, e);
}

static int parse_counts(const char *text, uint64_t max, uint64_t *a, uint64_t *b, struct err *e)
{
	struct pair p;
	int ret;

	if (!split(&p, text))
		return err_set(e, EINVAL, "'%.40s' lacks its second number: write A,B", text);
	ret = parse_count(p.first, max, a, e);
	return ret < 0 ? ret : parse_count(p.second, max, b, e);
}

static int parse_confidence(struct client_options *c, const char *text, struct err *e)
{
	uint64_t level, width;

	if (parse_counts(text, 100, &level, &width, e) < 0)
		return -EINVAL;
	if ((level != 95 && level != 99) || width == 0)
		return err_set(e, EINVAL, "-I %s: the level is 95 or 99, the width 1 or more",
			       text);
	c->confidence = (double)level / 100;
	c->interval = (double)width / 100;
	return 0;
}

static int parse_runs(struct client_options *c, const char *text, struct err *e)
{
	uint64_t a, b;

	if (!strchr(text, ','))
		return parse_duration(text, &c->setup.interval_ns, e);
	if (parse_counts(text, 1000, &a, &b, e) < 0)
		return -EINVAL;
	c->runs_max = (unsigned)MIN_OF(MAX_OF(a, b), (uint64_t)OPTIONS_RUNS_MAX);
	c->runs_min = (unsigned)MAX_OF(MIN_OF(a, b), (uint64_t)OPTIONS_RUNS_MIN);
	c->runs_max = MAX_OF(c->runs_max, c->runs_min);
	c->runs_min = MIN_OF(c->runs_min, c->runs_max);
	return 0;
}

static int parse_fill(struct client_options *c, const char *text, struct err *e)
{
	c->setup.random_fill = strcmp(text, "random") == 0;
	if (!c->setup.random_fill && strcmp(text, "pattern") != 0)
		return err_set(e, EINVAL, "-F %.40s: choose pattern or random", text);
	return 0;
}

static int parse_port(const char *text, uint16_t *port, struct err *e)
{
	uint64_t v;
	int ret = parse_count(text, UINT16_MAX, &v, e);

	*port = ret == 0 ? (uint16_t)v : 0;
	return ret;
}

static int bad_option(char **argv, int opt, struct err *e)
{
	const char *hint = "see weft-perf --help";

	if (opt == ':' && optopt < 256)
		return err_set(e, EINVAL, "-%c needs a value: %s", optopt, hint);
	if (opt == ':')
		return err_set(e, EINVAL, "%.60s needs a value: %s", argv[optind - 1], hint);
	if (optopt)
		return err_set(e, EINVAL, "unknown option -%c: %s", optopt, hint);
	return err_set(e, EINVAL, "unknown option %.60s: %s", argv[optind - 1], hint);
}

static int client_option(struct client_options *c, int opt, const char *arg, struct err *e)
{
	struct setup *s = &c->setup;

	switch (opt) {
	case 'p':
		return parse_port(arg, &c->port, e);
	case 'l':
		return parse_duration(arg, &s->window_ns, e);
	case 'w':
		return parse_duration(arg, &s->warmup_ns, e);
	case 'm':
		return parse_message(arg, &s->send_size, e);
	case 'M':
		return parse_message(arg, &s->recv_size, e);
	case 'r':
		return parse_sizes(arg, &s->request_size, &s->response_size, e);
	case 's':
		return parse_sizes(arg, &s->client_sndbuf, &s->client_rcvbuf, e);
	case 'S':
		return parse_sizes(arg, &s->server_sndbuf, &s->server_rcvbuf, e);
	case 'P':
		return parse_counts(arg, UINT16_MAX, &s->client_port, &s->server_port, e);
	case 'F':
		return parse_fill(c, arg, e);
	case 'I':
		return parse_confidence(c, arg, e);
	case 'i':
		return parse_runs(c, arg, e);
	case LONG_INTERVAL:
		return parse_duration(arg, &s->interval_ns, e);
	case 'D':
		s->nodelay = 1;
		break;
	case LONG_VERIFY:
		s->verify = 1;
		break;
	case LONG_JSON:
		c->json = true;
		break;
	case LONG_LINES:
		c->interval_lines = true;
		break;
	case LONG_NO_HEADER:
		c->no_header = true;
		break;
	}
	return 0;
}

/* What was not given, and what follows from the test. */
static int complete(struct client_options *c, struct err *e)
{
	struct setup *s = &c->setup;
	bool udp = kind_traits(c->kind)->udp;

	s->kind = c->kind;
	if (!s->send_size)
		s->send_size = udp ? SETUP_DATAGRAM_MAX : DEFAULT_MESSAGE;
	if (!s->recv_size)
		s->recv_size = udp ? SETUP_DATAGRAM_MAX : DEFAULT_MESSAGE;
	if (s->window_ns == 0)
		return err_set(e, EINVAL, "a test of no time measures nothing: give -l 10s");
	if (s->window_ns > SETUP_DURATION_MAX_NS)
		return err_set(e, EINVAL, "a test lasts up to 24h: give a shorter -l");
	setup_fit_interval(s, OUTCOME_SAMPLES_MAX);
	if (MAX_OF(MAX_OF(s->client_sndbuf, s->client_rcvbuf),
		   MAX_OF(s->server_sndbuf, s->server_rcvbuf)) > SETUP_SOCKBUF_MAX)
		return err_set(e, EINVAL, "a socket buffer holds up to 1G: give less with -s, -S");
	return setup_check(s, e);
}

static int parse_client(struct client_options *c, int argc, char **argv, struct err *e)
{
	static const char letters[] = ":hp:l:w:m:M:r:s:S:DP:F:I:i:";
	int opt;

	*c = (struct client_options){
		.port = OPTIONS_PORT,
		.runs_min = OPTIONS_RUNS_MIN,
		.runs_max = 10,
		.setup = {.window_ns = 10 * NS_PER_S,
			  .warmup_ns = NS_PER_S,
			  .interval_ns = 500 * NS_PER_MS,
			  .request_size = 1,
			  .response_size = 1},
	};
	while ((opt = getopt_long(argc, argv, letters, client_long, NULL)) != -1) {
		if (opt == 'h')
			return 1;
		if (opt == '?' || opt == ':')
			return bad_option(argv, opt, e);
		if (client_option(c, opt, optarg, e) < 0)
			return -EINVAL;
	}
	if (argc - optind != 2)
		return err_set(e, EINVAL, "client takes HOST and TEST: see weft-perf --help");
	c->host = argv[optind];
	if (kind_parse(argv[optind + 1], &c->kind, e) < 0)
		return -EINVAL;
	return complete(c, e);
}

static int parse_server(struct server_options *s, int argc, char **argv, struct err *e)
{
	int opt;

	*s = (struct server_options){.port = OPTIONS_PORT};
	while ((opt = getopt_long(argc, argv, ":hp:L:d", server_long, NULL)) != -1) {
		if (opt == 'h')
			return 1;
		if (opt == '?' || opt == ':')
			return bad_option(argv, opt, e);
		if (opt == 'p' && parse_port(optarg, &s->port, e) < 0)
			return -EINVAL;
		if (opt == 'L')
			s->address = optarg;
		s->daemonise |= opt == 'd';
	}
	if (optind != argc)
		return err_set(e, EINVAL, "server takes no '%.40s': see weft-perf --help",
			       argv[optind]);
	return 0;
}

static int drop_dashes(int argc, char **argv)
{
	int kept = 0;

	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--") != 0)
			argv[kept++] = argv[i];
	argv[kept] = NULL;
	return kept;
}

int options_parse(struct options *o, int argc, char **argv, struct err *e)
{
	const char *word = argc > 1 ? argv[1] : "";
	int ret = 1;

	memset(o, 0, sizeof(*o));
	optind = 0;
	opterr = 0;
	argc = drop_dashes(argc, argv);
	if (strcmp(word, "server") == 0) {
		o->command = OPTIONS_SERVER;
		ret = parse_server(&o->server, argc - 1, argv + 1, e);
	} else if (strcmp(word, "client") == 0) {
		o->command = OPTIONS_CLIENT;
		ret = parse_client(&o->client, argc - 1, argv + 1, e);
	} else if (strcmp(word, "--version") == 0) {
		o->command = OPTIONS_VERSION;
	} else if (strcmp(word, "--help") != 0 && strcmp(word, "-h") != 0) {
		return err_set(e, EINVAL, "say 'weft-perf server' or 'weft-perf client HOST TEST'");
	} else {
		o->command = OPTIONS_HELP;
	}
	if (ret > 0 && o->command != OPTIONS_VERSION)
		o->command = OPTIONS_HELP;
	return ret < 0 ? ret : 0;
}
