/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/traffic.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "perf/lab/endpoint.h"
#include "perf/lab/guest.h"
#include "perf/lab/interrupt.h"

#define SERVER_TIMEOUT_MS 10000
#define REACH_TIMEOUT_MS  15000
#define OVERHEAD_MS	  20000 /* that a test may take beyond its time */

/* The words of a client's command line. */
struct client {
	const char *argv[ENDPOINT_ARGS_MAX];
	unsigned n;
};

static void client_add(struct client *c, const char *word)
{
	if (c->n < ENDPOINT_ARGS_MAX - 1)
		c->argv[c->n++] = word;
}

static struct client client_begin(const struct bench *b, const char *test, const char *duration,
				  const char *warmup)
{
	const char *const words[] = {"weft-perf", "client", b->server_address, test, "-l", duration,
				     "-w",	  warmup,   "--json"};
	struct client c = {.n = 0};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		client_add(&c, words[i]);
	for (unsigned i = 0; i < b->setup->n_args; i++)
		client_add(&c, b->setup->args[i]);
	return c;
}

static int find_address(struct bench *b, struct err *e)
{
	const char *name = b->setup->server;

	if (b->setup->address[0]) {
		snprintf(b->server_address, sizeof(b->server_address), "%s", b->setup->address);
		return 0;
	}
	if (guest_address(guest_entry(b->guests, name), b->server_address,
			  sizeof(b->server_address)) == 0)
		return 0;
	return err_set(e, ENOENT,
		       "guest %s has no address to measure to; give its NIC one: "
		       "`address: 10.10.0.2/24`, or the setup an `address`",
		       name);
}

static int start_outside(struct bench *b, struct err *e)
{
	const char *const argv[] = {"weft-perf", "server", NULL};
	char path[512];

	snprintf(path, sizeof(path), "%s/%s.log", b->options->log_dir, b->setup->name);
	return endpoint_start_outside(b, &b->server, argv, path, e);
}

int traffic_start_server(struct bench *b, struct err *e)
{
	const char *const argv[] = {"weft-perf", "server", "-d", NULL};
	const char *name = b->setup->server;
	struct output out;
	int ret = find_address(b, e);

	if (ret)
		return ret;
	if (endpoint_is_outside(name))
		return start_outside(b, e);
	ret = endpoint_run(b, name, argv, SERVER_TIMEOUT_MS, &out, e);
	if (ret)
		return ret;
	if (out.status)
		ret = err_set(e, EIO, "weft-perf server in guest %s exited with status %d: %.300s",
			      name, out.status, out.error);
	output_fini(&out);
	return ret;
}

int traffic_reach_server(struct bench *b, struct err *e)
{
	struct client c = client_begin(b, "TCP_RR", "1", "0");
	uint64_t deadline = clock_now_ms() + REACH_TIMEOUT_MS;
	struct output out;
	int ret;

	progress_show(b->options->progress, "%s: first transaction", b->setup->name);
	do {
		ret = endpoint_run(b, b->setup->client, c.argv, REACH_TIMEOUT_MS, &out, e);
		if (ret)
			return ret;
		if (out.status)
			ret = err_set(e, EHOSTUNREACH, "%s does not reach %s at %s: %.300s",
				      b->setup->client, b->setup->server, b->server_address,
				      out.error);
		output_fini(&out);
		if (!ret)
			return 0;
	} while (clock_now_ms() < deadline && bench_pause(b, NULL) == 0);
	return interrupt_pending() ? -EINTR : ret;
}

static int parse_perf(const struct output *out, json_t **perf, struct err *e)
{
	json_error_t error;

	*perf = json_loads(out->text, JSON_DISABLE_EOF_CHECK, &error);
	if (!*perf)
		return err_set(e, EPROTO, "weft-perf printed no JSON: %s", error.text);
	if (!json_is_number(json_object_get(*perf, "throughput"))) {
		json_decref(*perf);
		*perf = NULL;
		return err_set(e, EPROTO, "weft-perf's JSON has no throughput");
	}
	return 0;
}

int traffic_measure(struct bench *b, const struct lab_test *test, json_t **perf, struct err *e)
{
	unsigned timeout_ms =
		(unsigned)((b->lab->duration_s + b->lab->warmup_s) * 1000) + OVERHEAD_MS;
	char duration[32], warmup[32];
	struct output out;
	struct client c;
	int ret;

	snprintf(duration, sizeof(duration), "%.0fms", b->lab->duration_s * 1000);
	snprintf(warmup, sizeof(warmup), "%.0fms", b->lab->warmup_s * 1000);
	c = client_begin(b, test->test, duration, warmup);
	for (unsigned i = 0; i < test->n_args; i++)
		client_add(&c, test->args[i]);

	*perf = NULL;
	ret = endpoint_run(b, b->setup->client, c.argv, timeout_ms, &out, e);
	if (ret)
		return ret;
	if (out.status)
		ret = err_set(e, EIO, "weft-perf exited with status %d: %.400s", out.status,
			      out.error[0] ? out.error : out.text);
	else
		ret = parse_perf(&out, perf, e);
	output_fini(&out);
	return ret;
}
