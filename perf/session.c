/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/clock.h"
#include "perf/control.h"
#include "perf/data.h"
#include "perf/run.h"

#define START_TIMEOUT_MS  30000
#define FINISH_TIMEOUT_MS 10000
#define CLOSE_TIMEOUT_MS  2000

struct session {
	struct control *control;
	struct setup setup;
	int listen_fd, data_fd; /* may be the same */
	struct run run;
	struct outcome outcome;
};

static int make_offer(struct session *s, struct setup_offer *offer, struct err *e)
{
	struct control *c = s->control;
	uint16_t port;

	s->listen_fd = data_listen(&s->setup, c, &port, e);
	if (s->listen_fd < 0)
		return s->listen_fd;
	offer->port = port;
	if (getrandom(&offer->token, sizeof(offer->token), 0) < 0)
		return err_set(e, errno, "no random numbers: %s", strerror(errno));
	c->len = 0;
	setup_offer_format(offer, c->body, sizeof(c->body), &c->len);
	return control_send(c, MESSAGE_READY, e);
}

static int join(struct session *s, struct err *e)
{
	struct setup_offer offer;
	int ret = control_expect(s->control, MESSAGE_SETUP, CONTROL_TIMEOUT_MS, e);

	if (ret == 0)
		ret = setup_parse(&s->setup, s->control->body, s->control->len, e);
	if (ret == 0)
		ret = make_offer(s, &offer, e);
	if (ret < 0)
		return ret;
	s->data_fd = data_join(&s->setup, s->control, s->listen_fd, offer.token, e);
	return s->data_fd < 0 ? s->data_fd : control_say(s->control, MESSAGE_JOINED, e);
}

static int run(struct session *s, struct err *e)
{
	struct control *c = s->control;
	struct run *r = &s->run;
	int ret = run_init(r, &s->setup, true, c, s->data_fd, &s->outcome);

	if (ret < 0)
		return err_set(e, -ret, "the server is out of memory: choose smaller messages");
	address_peer(&r->peer, c->fd);
	ret = control_expect(c, MESSAGE_START, START_TIMEOUT_MS, e);
	if (ret < 0)
		return ret;
	if (r->traits->udp)
		data_flush(s->data_fd);
	ret = control_say(c, MESSAGE_STARTED, e);
	if (ret < 0)
		return ret;
	ret = run_execute(r);
	if (ret < 0)
		*e = r->err;
	return ret;
}

static void close_listener(struct session *s)
{
	if (s->listen_fd < 0)
		return;
	if (s->data_fd == s->listen_fd)
		s->data_fd = -1;
	close(s->listen_fd);
	s->listen_fd = -1;
}

/*
 * The data port is free again before the client hears the result, since its next test may want
 * the same. The data connection is the client's to close: then no end keeps it in TIME_WAIT.
 */
static int report(struct session *s, struct err *e)
{
	struct control *c = s->control;
	int ret = control_expect(c, MESSAGE_FINISH, FINISH_TIMEOUT_MS, e);

	close_listener(s);
	if (ret < 0)
		return ret;
	c->len = 0;
	ret = outcome_format(&s->outcome, c->body, MESSAGE_BODY_MAX, &c->len);
	if (ret < 0)
		return err_set(e, -ret, "the result is too long for a message");
	ret = control_send(c, MESSAGE_RESULT, e);
	if (ret == 0)
		control_wait(c->fd, POLLIN, clock_now_ms() + CLOSE_TIMEOUT_MS);
	return ret;
}

static void session_close(struct session *s)
{
	run_fini(&s->run);
	close_listener(s);
	if (s->data_fd >= 0)
		close(s->data_fd);
	control_destroy(s->control);
	free(s);
}

int session_serve(int fd)
{
	struct session *s = calloc(1, sizeof(*s));
	struct err e = {""};
	int ret;

	if (s)
		s->control = control_create(fd);
	if (!s || !s->control) {
		free(s);
		close(fd);
		return -ENOMEM;
	}
	s->listen_fd = s->data_fd = -1;
	ret = join(s, &e);
	if (ret == 0)
		ret = run(s, &e);
	if (ret == 0)
		ret = report(s, &e);
	if (ret < 0)
		control_abort(s->control, e.text);
	session_close(s);
	return ret;
}
