/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/outcome.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/util.h"
#include "perf/field.h"

/* Sums and differences of values this large still fit 64 bits, whatever a peer claims. */
#define COUNT_MAX	    (UINT64_MAX >> 8)
#define TIME_MAX	    (1000000 * NS_PER_S)

#define NUMBER(name, limit) FIELD_NUMBER(struct outcome, name, limit)
#define COUNT(name)	    NUMBER(name, COUNT_MAX)
#define TIME(name)	    NUMBER(name, TIME_MAX)

static const struct field fields[] = {
	NUMBER(complete, 1),
	NUMBER(started_ns, INT64_MAX),
	TIME(window_ns),
	COUNT(units),
	COUNT(units_total),
	COUNT(messages),
	COUNT(marked),
	COUNT(reordered),
	COUNT(corrupt),
	COUNT(resent),
	COUNT(failed),
	COUNT(sndbuf),
	COUNT(rcvbuf),
	COUNT(sent_bytes_total),
	NUMBER(sent_digest, UINT64_MAX),
	COUNT(received_bytes_total),
	NUMBER(received_digest, UINT64_MAX),
	COUNT(cpu.cores),
	TIME(cpu.user_ns),
	TIME(cpu.system_ns),
	TIME(cpu.irq_ns),
	TIME(cpu.softirq_ns),
	TIME(cpu.steal_ns),
	TIME(cpu.idle_ns),
	NUMBER(cpu.peak_permille, 1000),
	COUNT(cpu.peak_core),
	TIME(cpu.process_user_ns),
	TIME(cpu.process_system_ns),
	COUNT(cpu.voluntary_switches),
	COUNT(cpu.involuntary_switches),
	NUMBER(tcp.valid, 1),
	COUNT(tcp.retransmits),
	COUNT(tcp.rtt_us),
	COUNT(tcp.rttvar_us),
	COUNT(tcp.cwnd),
	COUNT(tcp.mss),
	FIELD_TEXT(struct outcome, tcp.congestion),
};

int outcome_format(const struct outcome *o, char *body, size_t size, size_t *len)
{
	size_t at = *len;

	if (field_format(fields, ARRAY_SIZE(fields), o, body, size, &at) < 0)
		return -ENOSPC;
	for (unsigned i = 0; i < o->n_samples; i++) {
		int wrote = snprintf(body + at, size - at, "sample=%" PRIu64 ",%" PRIu64 "\n",
				     o->samples[i].units, o->samples[i].length_ns);

		if (wrote < 0 || (size_t)wrote >= size - at)
			return -ENOSPC;
		at += (size_t)wrote;
	}
	*len = at;
	return 0;
}

static int add_sample(struct outcome *o, const struct field_line *line)
{
	const char *comma = memchr(line->value, ',', line->value_len);
	struct outcome_sample *s = &o->samples[o->n_samples];
	size_t head;

	if (!comma || o->n_samples == OUTCOME_SAMPLES_MAX)
		return -EPROTO;
	head = (size_t)(comma - line->value);
	if (field_number(line->value, head, COUNT_MAX, &s->units) < 0 ||
	    field_number(comma + 1, line->value_len - head - 1, TIME_MAX, &s->length_ns) < 0)
		return -EPROTO;
	o->n_samples++;
	return 0;
}

int outcome_parse(struct outcome *o, const char *body, size_t len, struct err *e)
{
	struct field_line line;
	int ret;

	memset(o, 0, sizeof(*o));
	while ((ret = field_next(&body, &len, &line)) > 0) {
		if (line.key_len == 6 && memcmp(line.key, "sample", 6) == 0)
			ret = add_sample(o, &line);
		else
			ret = field_store(fields, ARRAY_SIZE(fields), &line, o, NULL);
		if (ret < 0)
			break;
	}
	if (ret < 0)
		return err_set(e, EPROTO, "the server sent a result that cannot be read");
	return 0;
}
