/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The control protocol of weft-perf against hostile bytes: a header, then the body as each message
 * that has one. What is accepted must survive being written and read again.
 */

#include <stdlib.h>
#include <string.h>

#include "perf/message.h"
#include "perf/outcome.h"
#include "perf/setup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char again[MESSAGE_BODY_MAX];

static void try_setup(const char *body, size_t len)
{
	struct setup s, t;
	size_t n = 0;

	if (setup_parse(&s, body, len, NULL) < 0)
		return;
	if (setup_format(&s, again, sizeof(again), &n) < 0 || setup_parse(&t, again, n, NULL) < 0 ||
	    memcmp(&s, &t, sizeof(s)) != 0)
		abort();
	setup_fit_interval(&t, OUTCOME_SAMPLES_MAX);
}

static void try_outcome(const char *body, size_t len)
{
	static struct outcome o, p;
	size_t n = 0;

	if (outcome_parse(&o, body, len, NULL) < 0)
		return;
	if (outcome_format(&o, again, sizeof(again), &n) < 0 ||
	    outcome_parse(&p, again, n, NULL) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char reason[MESSAGE_REASON_MAX];
	struct setup_offer offer;
	struct message_header h;
	const char *body;

	if (size < MESSAGE_HEADER_SIZE)
		return 0;
	message_header_read(&h, data, NULL);
	body = (const char *)data + MESSAGE_HEADER_SIZE;
	size -= MESSAGE_HEADER_SIZE;
	try_setup(body, size);
	try_outcome(body, size);
	setup_offer_parse(&offer, body, size, NULL);
	message_abort_parse(reason, body, size);
	return 0;
}
