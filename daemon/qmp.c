/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/qmp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "daemon/channel.h"

/*
 * QMP (QEMU's docs/interop/qmp-spec): one JSON object a line; a greeting, then qmp_capabilities,
 * then events and answers in any order. QEMU is trusted little more than its guest: a line has a
 * limit, and anything unexpected ends the connection.
 */

#define LINE_MAX_BYTES 65536
#define QUEUE_MAX      65536

struct qmp {
	struct channel channel;
	enum qmp_dialect dialect;
	bool negotiating, ready;
	size_t len;
	char line[LINE_MAX_BYTES];
	const struct qmp_ops *ops;
	void *arg;
};

/* QEMU's words are ours; weft-vmm has its own for some of them. */
static const char *weft_word(const char *command)
{
	if (strcmp(command, "query-balloon") == 0)
		return "status";
	return strcmp(command, "system_powerdown") == 0 ? "power-button" : command;
}

/* `arguments` is a JSON object as text. */
static int send_command(struct qmp *q, const char *command, const char *arguments)
{
	char text[192];
	int n;

	if (q->dialect == QMP_WEFT)
		n = snprintf(text, sizeof(text),
			     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}\n",
			     weft_word(command), arguments);
	else
		n = snprintf(text, sizeof(text), "{\"execute\":\"%s\",\"arguments\":%s}\n", command,
			     arguments);
	return channel_write(&q->channel, text, (size_t)n);
}

/* What query-balloon answers, or weft-vmm's status beside other things. */
static void input_balloon(struct qmp *q, const json_t *message)
{
	const json_t *balloon = json_object_get(message, "return");

	if (q->dialect == QMP_WEFT)
		balloon = json_object_get(json_object_get(message, "result"), "balloon");
	if (json_object_get(balloon, "actual"))
		q->ops->event(q, "BALLOON_CHANGE", balloon, q->arg);
}

static void input_answer(struct qmp *q, const json_t *message)
{
	const json_t *error = json_object_get(message, "error");

	if (error)
		log_warn(LOG_GUEST, "a monitor command was refused: %s path=%s",
			 json_string_value(json_object_get(error, q->dialect == QMP_WEFT ? "message"
											 : "desc"))
				 ?: "no reason given",
			 q->channel.path);
	if (q->negotiating && !error) {
		q->negotiating = false;
		q->ready = true;
		q->ops->ready(q, q->arg);
	}
	input_balloon(q, message);
}

/* weft-vmm tells of its end, with QEMU's reasons. */
static void input_weft(struct qmp *q, const json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));

	if (method && strcmp(method, "ended") == 0)
		q->ops->event(q, "SHUTDOWN", json_object_get(message, "params"), q->arg);
	else if (method && strcmp(method, "balloon") == 0)
		q->ops->event(q, "BALLOON_CHANGE", json_object_get(message, "params"), q->arg);
	else if (!method)
		input_answer(q, message);
}

static void input_message(struct qmp *q, const json_t *message)
{
	const char *event = json_string_value(json_object_get(message, "event"));

	if (q->dialect == QMP_WEFT) {
		input_weft(q, message);
		return;
	}
	if (event)
		q->ops->event(q, event, json_object_get(message, "data"), q->arg);
	else if (json_object_get(message, "QMP"))
		q->negotiating = send_command(q, "qmp_capabilities", "{}") == 0;
	else
		input_answer(q, message);
}

/* Returns false when the line was no JSON object. */
static bool input_line(struct qmp *q)
{
	json_t *message = json_loadb(q->line, q->len, 0, NULL);
	bool ok = json_is_object(message);

	q->len = 0;
	if (ok)
		input_message(q, message);
	json_decref(message);
	return ok;
}

static void channel_input(struct channel *c, const void *data, size_t len)
{
	struct qmp *q = container_of(c, struct qmp, channel);
	const char *p = data;

	for (; len; p++, len--) {
		bool ok = true;

		if (*p == '\n')
			ok = input_line(q);
		else if (q->len < sizeof(q->line))
			q->line[q->len++] = *p;
		else
			ok = false;
		if (!ok) {
			log_warn(LOG_GUEST, "QEMU's monitor sent garbage, starting over path=%s",
				 c->path);
			channel_reset(c);
			return;
		}
	}
}

static void channel_up(struct channel *c)
{
	struct qmp *q = container_of(c, struct qmp, channel);

	q->negotiating = q->ready = false;
	q->len = 0;
	if (q->dialect == QMP_WEFT)
		q->negotiating = send_command(q, "status", "{}") == 0;
}

static void channel_down(struct channel *c)
{
	struct qmp *q = container_of(c, struct qmp, channel);

	q->negotiating = q->ready = false;
	q->len = 0;
}

struct qmp *qmp_create(struct loop *loop, const char *path, enum qmp_dialect dialect,
		       const struct qmp_ops *ops, void *arg)
{
	struct qmp *q = calloc(1, sizeof(*q));
	int ret;

	if (!q)
		return NULL;
	q->dialect = dialect;
	q->ops = ops;
	q->arg = arg;
	q->channel.up = channel_up;
	q->channel.down = channel_down;
	q->channel.input = channel_input;
	q->channel.queue_max = QUEUE_MAX;
	ret = channel_init(&q->channel, loop, path);
	if (ret < 0) {
		free(q);
		errno = -ret;
		return NULL;
	}
	return q;
}

void qmp_destroy(struct qmp *q)
{
	if (!q)
		return;
	channel_fini(&q->channel);
	free(q);
}

bool qmp_is_ready(const struct qmp *q)
{
	return q->ready;
}

int qmp_execute(struct qmp *q, const char *command)
{
	return q->ready ? send_command(q, command, "{}") : -ENOTCONN;
}

int qmp_balloon(struct qmp *q, uint64_t bytes)
{
	char arguments[64];

	snprintf(arguments, sizeof(arguments), "{\"%s\":%" PRIu64 "}",
		 q->dialect == QMP_WEFT ? "size" : "value", bytes);
	return q->ready ? send_command(q, "balloon", arguments) : -ENOTCONN;
}

void qmp_drain(struct qmp *q)
{
	channel_drain(&q->channel);
}
