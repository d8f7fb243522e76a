/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/agent_client.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "common/agent_proto.h"
#include "common/log.h"
#include "daemon/channel.h"

/*
 * A command stays in the list until the agent says EXITED, even when its owner has dropped it: only
 * then its id may be used again, and until then its output is thrown away but granted, so that the
 * agent can get rid of it.
 *
 * Callbacks may start, drop and kill commands, but a client is destroyed only outside of them; the
 * sessions of a client end by resetting the channel, and that is put off to the end of a callback
 * by returning an error from the frame handler.
 */

#define QUEUE_MAX   (AGENT_COMMANDS_MAX * AGENT_WINDOW_BYTES + 8 * AGENT_FRAME_MAX)
#define GRANT_BYTES (AGENT_WINDOW_BYTES / 4)
#define PING_MS	    10000
#define SILENT_MAX  3 /* pings without an answer before the session is given up */

struct agent_exec {
	LIST_ENTRY(agent_exec) link;
	struct agent_client *client;
	uint32_t id;
	bool dropped, paused, eof, starved;
	uint32_t input_window;	/* bytes the agent still takes */
	uint32_t output_window; /* bytes the agent may still send */
	uint32_t consumed;	/* bytes not yet granted again */
	const struct agent_exec_ops *ops;
	void *arg;
};

struct agent_client {
	struct channel channel;
	struct agent_parser parser;
	struct loop_timer ping;
	unsigned silent;
	uint32_t session; /* id of the HELLO that the agent is to answer */
	uint32_t last_id;
	bool ready;
	unsigned n_execs;
	LIST_HEAD(, agent_exec) execs;
	void (*changed)(struct agent_client *c, bool ready, void *arg);
	void *arg;
};

static int send_frame(struct agent_client *c, enum agent_type type, uint32_t id,
		      const void *payload, uint32_t len)
{
	uint8_t frame[AGENT_FRAME_MAX];

	agent_header_format(frame, type, id, len);
	if (len)
		memcpy(frame + AGENT_HEADER_BYTES, payload, len);
	return channel_write(&c->channel, frame, AGENT_HEADER_BYTES + len);
}

static void send_u32(struct agent_client *c, enum agent_type type, uint32_t id, uint32_t value)
{
	uint8_t payload[4];

	agent_put32(payload, value);
	send_frame(c, type, id, payload, sizeof(payload));
}

static void set_ready(struct agent_client *c, bool ready)
{
	if (c->ready == ready)
		return;
	c->ready = ready;
	if (c->changed)
		c->changed(c, ready, c->arg);
}

static void exec_end(struct agent_exec *x, enum agent_end end, int value)
{
	LIST_REMOVE(x, link);
	x->client->n_execs--;
	if (!x->dropped)
		x->ops->ended(x, end, value, x->arg);
	free(x);
}

static void end_session(struct agent_client *c)
{
	set_ready(c, false);
	while (!LIST_EMPTY(&c->execs))
		exec_end(LIST_FIRST(&c->execs), AGENT_END_LOST, 0);
}

static void send_hello(struct agent_client *c)
{
	uint8_t hello[AGENT_HELLO_BYTES];

	agent_hello_format(hello);
	send_frame(c, AGENT_HELLO, c->session, hello, sizeof(hello));
}

static void begin_session(struct agent_client *c)
{
	static const uint8_t padding[AGENT_FRAME_MAX];

	do
		(void)!getrandom(&c->session, sizeof(c->session), GRND_NONBLOCK);
	while (c->session == 0);
	c->silent = 0;
	agent_parser_init(&c->parser, true);
	channel_write(&c->channel, padding, sizeof(padding));
	send_hello(c);
}

static struct agent_exec *exec_lookup(struct agent_client *c, uint32_t id)
{
	struct agent_exec *x;

	LIST_FOREACH (x, &c->execs, link)
		if (x->id == id)
			return x;
	return NULL;
}

static void grant_output(struct agent_exec *x)
{
	if (x->paused && !x->dropped)
		return;
	if (x->consumed < GRANT_BYTES)
		return;
	x->output_window += x->consumed;
	send_u32(x->client, AGENT_WINDOW, x->id, x->consumed);
	x->consumed = 0;
}

static int input_output(struct agent_exec *x, int fd, const struct agent_frame *f)
{
	struct agent_client *c = x->client;
	uint32_t id = x->id;

	if (f->len > x->output_window)
		return -EPROTO;
	x->output_window -= f->len;
	x->consumed += f->len;
	if (!x->dropped)
		x->ops->output(x, fd, f->payload, f->len, x->arg);
	x = exec_lookup(c, id);
	if (x)
		grant_output(x);
	return 0;
}

static int input_exited(struct agent_exec *x, const struct agent_frame *f)
{
	static const enum agent_end ends[AGENT_EXIT_N] = {
		[AGENT_EXIT_STATUS] = AGENT_END_EXITED,
		[AGENT_EXIT_SIGNAL] = AGENT_END_SIGNALED,
		[AGENT_EXIT_ERROR] = AGENT_END_FAILED,
	};
	uint32_t value = agent_get32(f->payload + 1);

	if (f->payload[0] >= AGENT_EXIT_N || value > 0xffff)
		return -EPROTO;
	exec_end(x, ends[f->payload[0]], (int)value);
	return 0;
}

static int input_command(struct agent_client *c, const struct agent_frame *f)
{
	struct agent_exec *x = exec_lookup(c, f->id);

	if (!x)
		return -EPROTO;
	switch (f->type) {
	case AGENT_STDOUT:
		return input_output(x, 1, f);
	case AGENT_STDERR:
		return input_output(x, 2, f);
	case AGENT_EXITED:
		return input_exited(x, f);
	case AGENT_WINDOW:
		if (agent_window_grant(&x->input_window, agent_get32(f->payload)) < 0)
			return -EPROTO;
		if (x->starved && !x->dropped && x->ops->writable) {
			x->starved = false;
			x->ops->writable(x, x->arg);
		}
		return 0;
	default:
		return -EPROTO;
	}
}

/* The agent answers, or has started (id 0); an answer to an older HELLO means nothing. */
static int input_hello(struct agent_client *c, const struct agent_frame *f)
{
	if (f->id == c->session && c->ready)
		return 0;
	if (f->id == c->session && agent_hello_version(f) == AGENT_VERSION) {
		set_ready(c, true);
		return 0;
	}
	if (f->id == c->session)
		log_warn(LOG_GUEST,
			 "agent speaks version %u, not %u; build the guest image anew with "
			 "make guest-image path=%s",
			 agent_hello_version(f), AGENT_VERSION, c->channel.path);
	if (f->id == 0) {
		end_session(c);
		send_hello(c);
	}
	agent_parser_init(&c->parser, true);
	return 0;
}

static int input_frame(const struct agent_frame *f, void *arg)
{
	struct agent_client *c = arg;

	c->silent = 0;
	if (f->type == AGENT_HELLO)
		return input_hello(c, f);
	if (!c->ready)
		return -EPROTO;
	return f->type == AGENT_PONG ? 0 : input_command(c, f);
}

static void channel_input(struct channel *ch, const void *data, size_t len)
{
	struct agent_client *c = container_of(ch, struct agent_client, channel);

	if (agent_parser_input(&c->parser, data, len, input_frame, c) < 0) {
		log_warn(LOG_GUEST, "agent sent what its protocol forbids, starting over path=%s",
			 ch->path);
		channel_reset(ch);
	}
}

static void channel_up(struct channel *ch)
{
	begin_session(container_of(ch, struct agent_client, channel));
}

static void channel_down(struct channel *ch)
{
	end_session(container_of(ch, struct agent_client, channel));
}

/* A guest that hangs, or an agent that died inside a frame, shows only by its silence. */
static void ping(struct loop_timer *t, uint64_t now_ms)
{
	struct agent_client *c = container_of(t, struct agent_client, ping);

	if (!c->ready)
		return;
	if (c->silent++ >= SILENT_MAX)
		channel_reset(&c->channel);
	else
		send_frame(c, AGENT_PING, 0, NULL, 0);
}

struct agent_client *agent_client_create(struct loop *loop, const char *path,
					 void (*ready)(struct agent_client *c, bool ready,
						       void *arg),
					 void *arg)
{
	struct agent_client *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return NULL;
	LIST_INIT(&c->execs);
	c->changed = ready;
	c->arg = arg;
	c->channel.up = channel_up;
	c->channel.down = channel_down;
	c->channel.input = channel_input;
	c->channel.queue_max = QUEUE_MAX;
	ret = channel_init(&c->channel, loop, path);
	if (ret < 0) {
		free(c);
		errno = -ret;
		return NULL;
	}
	c->ping.expired = ping;
	loop_timer_start(loop, &c->ping, PING_MS, PING_MS);
	return c;
}

void agent_client_destroy(struct agent_client *c)
{
	if (!c)
		return;
	c->changed = NULL;
	loop_timer_stop(c->channel.loop, &c->ping);
	channel_fini(&c->channel);
	end_session(c);
	free(c);
}

bool agent_client_ready(const struct agent_client *c)
{
	return c->ready;
}

void agent_client_lost(struct agent_client *c)
{
	if (c->ready)
		channel_reset(&c->channel);
}

int agent_client_poweroff(struct agent_client *c)
{
	return c->ready ? send_frame(c, AGENT_POWEROFF, 0, NULL, 0) : -ENOTCONN;
}

static int exec_format(uint8_t payload[AGENT_PAYLOAD_MAX], const char *const *argv, unsigned n,
		       unsigned flags, struct err *e)
{
	size_t len = 1;

	if (n == 0 || argv[0][0] == '\0')
		return err_set(e, EINVAL, "no command given; name one after --");
	if (n > AGENT_EXEC_WORDS_MAX)
		return err_set(e, E2BIG,
			       "%u words are too many; at most %u, or put them in a script", n,
			       AGENT_EXEC_WORDS_MAX);
	payload[0] = flags & AGENT_EXEC_DETACHED ? AGENT_FLAG_DETACHED : 0;
	for (unsigned i = 0; i < n; i++) {
		size_t size = strlen(argv[i]) + 1;

		if (len + size > AGENT_PAYLOAD_MAX)
			return err_set(e, E2BIG,
				       "command is longer than %u bytes; pass data on "
				       "its stdin",
				       AGENT_PAYLOAD_MAX);
		memcpy(payload + len, argv[i], size);
		len += size;
	}
	return (int)len;
}

static uint32_t free_id(struct agent_client *c)
{
	do
		c->last_id++;
	while (c->last_id == 0 || exec_lookup(c, c->last_id));
	return c->last_id;
}

struct agent_exec *agent_exec(struct agent_client *c, const char *const *argv, unsigned n,
			      unsigned flags, const struct agent_exec_ops *ops, void *arg,
			      struct err *e)
{
	uint8_t payload[AGENT_PAYLOAD_MAX];
	struct agent_exec *x = NULL;
	int len;

	if (!c->ready) {
		len = err_set(e, ENOTCONN,
			      "guest's agent does not answer yet; wait for agent "
			      "\"ready\" in guest/list");
		goto err;
	}
	if (c->n_execs == AGENT_COMMANDS_MAX) {
		len = err_set(e, EAGAIN, "%u commands run in the guest already; wait for one",
			      c->n_execs);
		goto err;
	}
	len = exec_format(payload, argv, n, flags, e);
	if (len < 0)
		goto err;
	x = calloc(1, sizeof(*x));
	if (!x) {
		len = err_set(e, ENOMEM, "out of memory");
		goto err;
	}
	*x = (struct agent_exec){.client = c,
				 .id = free_id(c),
				 .eof = flags & AGENT_EXEC_DETACHED,
				 .input_window = AGENT_WINDOW_BYTES,
				 .output_window = AGENT_WINDOW_BYTES,
				 .ops = ops,
				 .arg = arg};
	len = send_frame(c, AGENT_EXEC, x->id, payload, (uint32_t)len);
	if (len < 0) {
		err_set(e, -len, "cannot send to the guest's agent: %s", strerror(-len));
		goto err;
	}
	LIST_INSERT_HEAD(&c->execs, x, link);
	c->n_execs++;
	return x;
err:
	free(x);
	errno = -len;
	return NULL;
}

ssize_t agent_exec_write(struct agent_exec *x, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t taken = 0;

	if (x->eof)
		return -EPIPE;
	while (taken < len && x->input_window) {
		uint32_t part = (uint32_t)MIN_OF(len - taken, AGENT_PAYLOAD_MAX);

		part = MIN_OF(part, x->input_window);
		if (send_frame(x->client, AGENT_STDIN, x->id, p + taken, part) < 0)
			break;
		x->input_window -= part;
		taken += part;
	}
	x->starved = taken < len;
	return (ssize_t)taken;
}

void agent_exec_eof(struct agent_exec *x)
{
	if (!x->eof)
		send_frame(x->client, AGENT_STDIN_EOF, x->id, NULL, 0);
	x->eof = true;
}

void agent_exec_kill(struct agent_exec *x, int signal)
{
	send_u32(x->client, AGENT_KILL, x->id, (uint32_t)signal);
}

void agent_exec_pause(struct agent_exec *x, bool paused)
{
	x->paused = paused;
	grant_output(x);
}

void agent_exec_drop(struct agent_exec *x)
{
	x->dropped = true;
	agent_exec_kill(x, SIGKILL);
	grant_output(x);
}
