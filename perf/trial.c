/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/trial.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "perf/control.h"
#include "perf/data.h"

#define RESULT_TIMEOUT_MS 10000

static int connect_control(const struct address *server, struct control **c, struct err *e)
{
	int fd = socket(server->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;
	char text[ADDRESS_TEXT_MAX];

	if (fd < 0)
		return err_set(e, errno, "cannot open a socket: %s", strerror(errno));
	ret = address_connect(server, fd, CONTROL_TIMEOUT_MS);
	if (ret < 0) {
		err_set(e, -ret, "cannot connect to %s port %u: %s; is 'weft-perf server' running?",
			address_format(server, text), address_port(server), strerror(-ret));
		goto err_fd;
	}
	*c = control_create(fd);
	if (*c)
		return 0;
	ret = err_set(e, ENOMEM, "out of memory");

err_fd:
	close(fd);
	return ret;
}

static int agree(const struct setup *s, struct control *c, struct setup_offer *offer, struct err *e)
{
	int ret;

	c->len = 0;
	ret = setup_format(s, c->body, sizeof(c->body), &c->len);
	if (ret < 0)
		return err_set(e, -ret, "the setup is too long for a message");
	/* A busy server says so and closes without reading: its word counts, not the failed send.
	 */
	control_send(c, MESSAGE_SETUP, NULL);
	ret = control_expect(c, MESSAGE_READY, CONTROL_TIMEOUT_MS, e);
	if (ret == 0)
		ret = setup_offer_parse(offer, c->body, c->len, e);
	return ret;
}

static int start_together(struct control *c, struct trial *t, struct err *e)
{
	uint64_t asked_ns = clock_now_ns();
	int ret = control_say(c, MESSAGE_START, e);

	if (ret == 0)
		ret = control_expect(c, MESSAGE_STARTED, CONTROL_TIMEOUT_MS, e);
	t->start_rtt_ns = clock_now_ns() - asked_ns;
	return ret;
}

static int finish(struct control *c, struct trial *t, struct err *e)
{
	int ret = control_say(c, MESSAGE_FINISH, e);

	if (ret == 0)
		ret = control_expect(c, MESSAGE_RESULT, RESULT_TIMEOUT_MS, e);
	if (ret == 0)
		ret = outcome_parse(&t->remote, c->body, c->len, e);
	if (ret == 0 && !(t->remote.complete && t->remote.window_ns))
		ret = err_set(e, EPROTO, "the server did not measure its window: run it again");
	return ret;
}

static int measure(struct run *r, struct trial *t, struct err *e)
{
	int ret = start_together(r->control, t, e);

	if (ret < 0)
		return ret;
	ret = run_execute(r);
	if (ret == 0)
		return finish(r->control, t, e);
	*e = r->err;
	if (control_peek(r->control) == CONTROL_NEWS)
		ret = control_expect(r->control, MESSAGE_RESULT, CONTROL_TIMEOUT_MS, e);
	return ret < 0 ? ret : -EPROTO;
}

int trial_run(const struct setup *s, const struct address *server, trial_progress *progress,
	      struct trial *t, struct hist *latency, struct err *e)
{
	struct setup_offer offer;
	struct address data;
	struct control *c;
	struct run r;
	int fd, ret;

	ret = connect_control(server, &c, e);
	if (ret < 0)
		return ret;
	ret = agree(s, c, &offer, e);
	if (ret < 0)
		goto err_agree;
	data = *server;
	address_set_port(&data, (uint16_t)offer.port);
	fd = data_connect(s, c, &data, offer.token, &ret, e);
	if (ret < 0)
		goto err_agree;
	ret = run_init(&r, s, false, c, fd, &t->local);
	if (ret < 0) {
		err_set(e, -ret, "out of memory: choose smaller messages");
		goto err_run;
	}
	r.peer = data;
	r.latency = latency;
	r.progress = progress;
	ret = measure(&r, t, e);

err_run:
	run_fini(&r);
	if (fd >= 0)
		close(fd);
err_agree:
	control_destroy(c);
	return ret;
}
