/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * weft-perf: measures the network between two machines as netperf does. A server waits on one
 * (perf/server.h), a client runs one test from the other (perf/client.h); they talk over a control
 * connection (perf/message.h) that is silent while the data flows. Reading order: setup and
 * outcome (what is agreed, what is found), run (the phases of a test), stream, udp, rr and crr
 * (the loops), trial and session (the two sides' way through a test), summary, report, record.
 *
 * Single-threaded, one process a test, no library but libc: linked statically, the program runs in
 * a guest that has nothing else.
 */

#include <stdio.h>

#include "common/version.h"
#include "perf/client.h"
#include "perf/options.h"
#include "perf/server.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

int main(int argc, char **argv)
{
	struct options o;
	struct err e = {""};
	int ret = 0;

	if (options_parse(&o, argc, argv, &e) < 0) {
		fprintf(stderr, "weft-perf: %s\n", e.text);
		return EXIT_USAGE;
	}
	switch (o.command) {
	case OPTIONS_HELP:
		options_usage(stdout);
		break;
	case OPTIONS_VERSION:
		printf("weft-perf %s\n", version_text);
		break;
	case OPTIONS_SERVER:
		ret = server_run(&o.server, &e);
		break;
	case OPTIONS_CLIENT:
		ret = client_run(&o.client, &e);
		break;
	}
	if (ret == 0)
		return EXIT_DONE;
	fprintf(stderr, "weft-perf: %s\n", e.text);
	return EXIT_FAILED;
}
