/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_OUTCOME_H
#define PERF_OUTCOME_H

/*
 * What one end saw of a test. Both ends fill the same struct; the server's travels to the client
 * as the body of the result message. "Units" are bytes in STREAM tests, transactions in RR tests.
 * All counts are of the measured window unless the name says total.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "perf/cpu.h"
#include "perf/tcpinfo.h"

#define OUTCOME_SAMPLES_MAX 4096u

struct outcome_sample {
	uint64_t units, length_ns;
};

struct outcome {
	uint64_t complete;   /* the window was measured to its end */
	uint64_t started_ns; /* CLOCK_REALTIME at the barrier, for the record only */
	uint64_t window_ns;  /* as measured on this end's clock */
	uint64_t units, units_total;
	uint64_t messages;	   /* datagrams sent or received */
	uint64_t marked;	   /* total; datagrams that the sender sent within its window */
	uint64_t reordered;	   /* total; duplicates included */
	uint64_t corrupt;	   /* total; datagrams with a wrong digest */
	uint64_t resent;	   /* UDP_RR requests, total */
	uint64_t failed;	   /* connections or sends that failed, total */
	uint64_t sndbuf, rcvbuf;   /* as the kernel granted them, bytes */
	uint64_t sent_bytes_total; /* with the digest over them; TCP with verify only */
	uint64_t sent_digest;
	uint64_t received_bytes_total;
	uint64_t received_digest;
	struct cpu_use cpu;
	struct tcpinfo tcp;
	unsigned n_samples;
	struct outcome_sample samples[OUTCOME_SAMPLES_MAX];
};

/* As field_format and field_parse. An outcome of the maximum size fits MESSAGE_BODY_MAX. */
int outcome_format(const struct outcome *o, char *body, size_t size, size_t *len);
int outcome_parse(struct outcome *o, const char *body, size_t len, struct err *e);

#endif
