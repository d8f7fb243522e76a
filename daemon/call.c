/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/call.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "daemon/client.h"

/* An array given out by call_param_strings. */
struct strings {
	struct strings *next;
	const char *list[];
};

struct call {
	TAILQ_ENTRY(call) link;
	struct client *client; /* NULL: it left */
	json_t *request;       /* owns method and params */
	json_t *id;
	const char *method;
	json_t *params;
	struct strings *strings;
	int fd; /* goes with the reply, -1: none */
	bool paused_input;
	bool room_due;
	void (*room)(struct call *c, void *arg);
	void *room_arg;
	void (*gone)(struct call *c, void *arg);
	void *gone_arg;
	void (*input)(struct call *c, const char *method, json_t *params, void *arg);
	void *input_arg;
};

struct call *call_create(struct client *client, json_t *request)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c) {
		json_decref(request);
		return NULL;
	}
	c->client = client;
	c->request = request;
	c->id = json_object_get(request, "id");
	c->method = json_string_value(json_object_get(request, "method"));
	c->params = json_object_get(request, "params");
	c->fd = -1;
	TAILQ_INSERT_TAIL(&client->calls, c, link);
	client->n_calls++;
	return c;
}

/* Takes the call from its client before the last of it is sent, so that the client may be over. */
static struct client *part(struct call *c)
{
	struct client *client = c->client;

	if (!client)
		return NULL;
	TAILQ_REMOVE(&client->calls, c, link);
	client->n_calls--;
	client->served = true;
	client->active_ms = clock_now_ms();
	c->client = NULL;
	if (c->paused_input)
		client_pause(client, false);
	return client;
}

static void call_free(struct call *c)
{
	struct strings *strings;

	if (c->fd >= 0)
		close(c->fd);
	while ((strings = c->strings)) {
		c->strings = strings->next;
		free(strings);
	}
	json_decref(c->request);
	free(c);
}

void call_client_gone(struct client *client)
{
	struct call *c;

	while ((c = TAILQ_FIRST(&client->calls))) {
		c->paused_input = false;
		part(c);
		if (c->gone)
			c->gone(c, c->gone_arg);
	}
}

static struct call *room_due(struct client *client)
{
	struct call *c;

	TAILQ_FOREACH (c, &client->calls, link)
		if (c->room_due)
			return c;
	return NULL;
}

/* A call that is told may end itself or another, or ask to be told again. */
void call_client_drained(struct client *client)
{
	struct call *c;

	TAILQ_FOREACH (c, &client->calls, link)
		c->room_due = c->room;
	while ((c = room_due(client))) {
		void (*room)(struct call * call, void *arg) = c->room;

		c->room = NULL;
		c->room_due = false;
		room(c, c->room_arg);
	}
}

static bool is_below(const char *method, const char *verb)
{
	size_t len = strlen(verb);

	return strncmp(method, verb, len) == 0 && method[len] == '/';
}

bool call_client_input(struct client *client, const char *method, json_t *params)
{
	struct call *c;

	TAILQ_FOREACH (c, &client->calls, link) {
		if (!c->input || !is_below(method, c->method))
			continue;
		c->input(c, method, params, c->input_arg);
		return true;
	}
	return false;
}

/* Sends `message` and `fd`, both taken over. Returns false when it cannot be written as JSON. */
static bool send_line(struct client *client, json_t *message, int fd)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	size_t len;

	json_decref(message);
	if (!text) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	len = strlen(text);
	text[len] = '\n';
	client_send(client, text, len + 1, fd);
	free(text);
	return true;
}

/* A string of any bytes: a message may quote a path that is not UTF-8, or be cut within a letter.
 */
static json_t *message_string(const char *text)
{
	json_t *string = json_string(text);
	char *ascii;

	if (string)
		return string;
	ascii = strdup(text);
	for (char *p = ascii; p && *p; p++)
		if (*p & 0x80)
			*p = '?';
	string = ascii ? json_string(ascii) : NULL;
	free(ascii);
	return string;
}

static void send_error(struct client *client, json_t *id, enum rpc_code code, json_t *data,
		       const char *text)
{
	json_t *error = json_pack("{s:i, s:o}", "code", code, "message", message_string(text));

	if (error && data)
		json_object_set(error, "data", data);
	send_line(client, json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "error", error),
		  -1);
}

void call_refuse(struct client *client, json_t *id, enum rpc_code code, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	send_error(client, id ? id : json_null(), code, NULL, text);
}

static void send_result(struct client *client, struct call *c, json_t *result)
{
	json_t *message = json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", c->id, "result",
				    result ? result : json_null());
	int fd = c->fd;

	c->fd = -1;
	if (!send_line(client, message, fd))
		send_error(client, c->id, RPC_INTERNAL_ERROR, NULL, "out of memory");
}

void call_reply(struct call *c, json_t *result)
{
	struct client *client = part(c);

	if (client)
		send_result(client, c, result);
	else
		json_decref(result);
	call_free(c);
}

static void fail(struct call *c, enum rpc_code code, json_t *data, const char *fmt, va_list ap)
{
	struct client *client = part(c);
	char text[ERR_TEXT_MAX];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (client)
		send_error(client, c->id, code, data, text);
	json_decref(data);
	call_free(c);
}

void call_fail(struct call *c, enum rpc_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(c, code, NULL, fmt, ap);
	va_end(ap);
}

void call_fail_data(struct call *c, enum rpc_code code, json_t *data, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(c, code, data, fmt, ap);
	va_end(ap);
}

void call_notify(struct call *c, const char *method, json_t *params)
{
	if (c->client)
		send_line(c->client,
			  json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params",
				    params),
			  -1);
	else
		json_decref(params);
}

void call_send_fd(struct call *c, int fd)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = fd;
}

size_t call_backlog(const struct call *c)
{
	return c->client ? c->client->backlog_bytes : 0;
}

void call_on_room(struct call *c, void (*room)(struct call *c, void *arg), void *arg)
{
	c->room = room;
	c->room_arg = arg;
}

void call_on_gone(struct call *c, void (*gone)(struct call *c, void *arg), void *arg)
{
	c->gone = gone;
	c->gone_arg = arg;
}

void call_on_input(struct call *c,
		   void (*input)(struct call *c, const char *method, json_t *params, void *arg),
		   void *arg)
{
	c->input = input;
	c->input_arg = arg;
}

void call_pause_input(struct call *c, bool paused)
{
	c->paused_input = paused;
	if (c->client)
		client_pause(c->client, paused);
}

const char *call_method(const struct call *c)
{
	return c->method;
}

json_t *call_params(const struct call *c)
{
	return c->params;
}

/*
 * The member `key`, NULL when it is absent and may be. -EINVAL: the call has been ended because it
 * is required or `ok` says that it is no `type`.
 */
static int param(struct call *c, const char *key, enum call_need need,
		 bool (*ok)(const json_t *value), const char *type, json_t **value)
{
	*value = json_object_get(c->params, key);
	if (json_is_null(*value))
		*value = NULL;
	if (!*value && need == CALL_OPTIONAL)
		return 0;
	if (*value && ok(*value))
		return 0;
	call_fail(c, RPC_INVALID_PARAMS, "parameter \"%s\" %s: %s expects it to be %s", key,
		  *value ? "has the wrong type" : "is missing", c->method, type);
	return -EINVAL;
}

static bool is_string(const json_t *value)
{
	return json_is_string(value);
}

static bool is_boolean(const json_t *value)
{
	return json_is_boolean(value);
}

static bool is_integer(const json_t *value)
{
	return json_is_integer(value);
}

static bool is_strings(const json_t *value)
{
	for (size_t i = 0; i < json_array_size(value); i++)
		if (!json_is_string(json_array_get(value, i)))
			return false;
	return json_is_array(value);
}

int call_param_string(struct call *c, const char *key, enum call_need need, const char **value)
{
	json_t *json;

	if (param(c, key, need, is_string, "a string", &json) < 0)
		return -EINVAL;
	if (json)
		*value = json_string_value(json);
	return 0;
}

int call_param_bool(struct call *c, const char *key, enum call_need need, bool *value)
{
	json_t *json;

	if (param(c, key, need, is_boolean, "true or false", &json) < 0)
		return -EINVAL;
	if (json)
		*value = json_is_true(json);
	return 0;
}

int call_param_int(struct call *c, const char *key, enum call_need need, int64_t min, int64_t max,
		   int64_t *value)
{
	json_t *json;
	int64_t given;

	if (param(c, key, need, is_integer, "a whole number", &json) < 0)
		return -EINVAL;
	if (!json)
		return 0;
	given = json_integer_value(json);
	if (given < min || given > max) {
		call_fail(c, RPC_INVALID_PARAMS,
			  "parameter \"%s\" is %" PRId64 ": %s takes %" PRId64 " to %" PRId64, key,
			  given, c->method, min, max);
		return -EINVAL;
	}
	*value = given;
	return 0;
}

int call_param_strings(struct call *c, const char *key, enum call_need need,
		       const char *const **value, unsigned *n)
{
	struct strings *strings;
	json_t *json;
	size_t len;

	if (param(c, key, need, is_strings, "an array of strings", &json) < 0)
		return -EINVAL;
	if (!json)
		return 0;
	len = json_array_size(json);
	strings = malloc(sizeof(*strings) + len * sizeof(strings->list[0]));
	if (!strings) {
		call_fail(c, RPC_INTERNAL_ERROR, "out of memory");
		return -EINVAL;
	}
	for (size_t i = 0; i < len; i++)
		strings->list[i] = json_string_value(json_array_get(json, i));
	strings->next = c->strings;
	c->strings = strings;
	*value = strings->list;
	*n = (unsigned)len;
	return 0;
}
