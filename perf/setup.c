/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/setup.h"

#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "perf/field.h"
#include "perf/outcome.h"

#define NUMBER(name, limit) FIELD_NUMBER(struct setup, name, limit)

static const struct field setup_fields[] = {
	NUMBER(kind, KIND_N - 1),
	NUMBER(warmup_ns, SETUP_WARMUP_MAX_NS),
	NUMBER(window_ns, SETUP_DURATION_MAX_NS),
	NUMBER(interval_ns, SETUP_DURATION_MAX_NS),
	NUMBER(send_size, SETUP_MESSAGE_MAX),
	NUMBER(recv_size, SETUP_MESSAGE_MAX),
	NUMBER(request_size, SETUP_MESSAGE_MAX),
	NUMBER(response_size, SETUP_MESSAGE_MAX),
	NUMBER(client_sndbuf, SETUP_SOCKBUF_MAX),
	NUMBER(client_rcvbuf, SETUP_SOCKBUF_MAX),
	NUMBER(server_sndbuf, SETUP_SOCKBUF_MAX),
	NUMBER(server_rcvbuf, SETUP_SOCKBUF_MAX),
	NUMBER(client_port, UINT16_MAX),
	NUMBER(server_port, UINT16_MAX),
	NUMBER(nodelay, 1),
	NUMBER(verify, 1),
	NUMBER(random_fill, 1),
};

static const struct field offer_fields[] = {
	FIELD_NUMBER(struct setup_offer, port, UINT16_MAX),
	FIELD_NUMBER(struct setup_offer, token, UINT64_MAX),
};

void setup_fit_interval(struct setup *s, unsigned samples_max)
{
	uint64_t n = s->interval_ns ? (s->window_ns + s->interval_ns / 2) / s->interval_ns : 1;

	n = MAX_OF(MIN_OF(n, (uint64_t)samples_max), 1ull);
	s->interval_ns = s->window_ns / n;
	s->window_ns = s->interval_ns * n;
}

static int check_datagrams(const struct setup *s, struct err *e)
{
	uint64_t least, most;

	if (kind_traits((enum kind)s->kind)->transactions) {
		least = MIN_OF(s->request_size, s->response_size);
		most = MAX_OF(s->request_size, s->response_size);
	} else {
		least = most = s->send_size;
	}
	if (most > SETUP_DATAGRAM_MAX)
		return err_set(e, EINVAL, "a datagram holds at most %u bytes: choose a smaller %s",
			       SETUP_DATAGRAM_MAX, least == most ? "-m" : "-r");
	if (s->verify && !kind_traits((enum kind)s->kind)->transactions &&
	    s->recv_size < s->send_size)
		return err_set(e, EINVAL, "--verify needs whole datagrams: raise -M to %llu",
			       (unsigned long long)s->send_size);
	if (s->verify && least < SETUP_TAGGED_MIN)
		return err_set(
			e, EINVAL,
			"--verify needs datagrams of at least %u bytes: add -m %u or -r %u,%u",
			SETUP_TAGGED_MIN, SETUP_TAGGED_MIN, SETUP_TAGGED_MIN, SETUP_TAGGED_MIN);
	return 0;
}

int setup_check(const struct setup *s, struct err *e)
{
	if (s->kind >= KIND_N)
		return err_set(e, EINVAL, "unknown test: upgrade the older end");
	if (!s->send_size || !s->recv_size || !s->request_size || !s->response_size)
		return err_set(e, EINVAL, "a message size of 0 moves nothing: give at least 1");
	if (MAX_OF(s->send_size, s->recv_size) > SETUP_MESSAGE_MAX ||
	    MAX_OF(s->request_size, s->response_size) > SETUP_MESSAGE_MAX)
		return err_set(e, EINVAL, "a message holds at most %u bytes: choose a smaller one",
			       SETUP_MESSAGE_MAX);
	if (s->interval_ns < SETUP_INTERVAL_MIN_NS || s->window_ns < s->interval_ns)
		return err_set(e, EINVAL, "the interval must be 10ms or more, and within the test");
	if (s->window_ns > SETUP_DURATION_MAX_NS || s->warmup_ns > SETUP_WARMUP_MAX_NS)
		return err_set(e, EINVAL, "a test lasts up to 24h after a warm-up of up to 1h");
	if (s->window_ns / s->interval_ns > OUTCOME_SAMPLES_MAX)
		return err_set(e, EINVAL, "more than %u intervals: choose a longer one",
			       OUTCOME_SAMPLES_MAX);
	if (kind_traits((enum kind)s->kind)->connects && s->client_port)
		return err_set(
			e, EINVAL,
			"TCP_CRR takes a new client port for each connection: give -P 0,PORT");
	return kind_traits((enum kind)s->kind)->udp ? check_datagrams(s, e) : 0;
}

int setup_format(const struct setup *s, char *body, size_t size, size_t *len)
{
	return field_format(setup_fields, ARRAY_SIZE(setup_fields), s, body, size, len);
}

int setup_parse(struct setup *s, const char *body, size_t len, struct err *e)
{
	int ret;

	memset(s, 0, sizeof(*s));
	ret = field_parse(setup_fields, ARRAY_SIZE(setup_fields), body, len, s, e);
	return ret < 0 ? ret : setup_check(s, e);
}

int setup_offer_format(const struct setup_offer *o, char *body, size_t size, size_t *len)
{
	return field_format(offer_fields, ARRAY_SIZE(offer_fields), o, body, size, len);
}

int setup_offer_parse(struct setup_offer *o, const char *body, size_t len, struct err *e)
{
	memset(o, 0, sizeof(*o));
	return field_parse(offer_fields, ARRAY_SIZE(offer_fields), body, len, o, e);
}
