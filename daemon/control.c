/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/command.h"
#include "common/jsonx.h"
#include "common/log.h"
#include "common/suggest.h"
#include "daemon/client.h"
#include "daemon/listener.h"

#define ACCEPT_RETRY_MS	  200
#define METHOD_QUOTED_MAX 64

struct control {
	struct loop *loop;
	struct listener listener;
	struct loop_watch watch; /* of the listener */
	struct loop_timer retry; /* runs while there are no descriptors for newcomers */
	const struct control_verb *verbs;
	size_t n_verbs;
	void *ctx;
	TAILQ_HEAD(, client) clients;
	unsigned n_clients;
};

static const struct control_verb *verb_lookup(const struct control_verb *verbs, size_t n,
					      const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(verbs[i].name, name) == 0 && verbs[i].run)
			return &verbs[i];
	return NULL;
}

const char *control_unserved(const struct control_verb *verbs, size_t n)
{
	const struct command_spec *specs;
	size_t n_specs;

	specs = command_specs(&n_specs);
	for (size_t i = 0; i < n_specs; i++)
		if (!(specs[i].flags & COMMAND_LOCAL) && !verb_lookup(verbs, n, specs[i].name))
			return specs[i].name;
	return NULL;
}

static void refuse_method(const struct control *c, struct client *client, json_t *id,
			  const char *method)
{
	struct suggest s;

	suggest_init(&s, method);
	for (size_t i = 0; i < c->n_verbs; i++)
		suggest_offer(&s, c->verbs[i].name);
	if (s.best)
		call_refuse(client, id, RPC_UNKNOWN_METHOD,
			    "unknown method '%.*s': did you mean '%s'?", METHOD_QUOTED_MAX, method,
			    s.best);
	else
		call_refuse(client, id, RPC_UNKNOWN_METHOD,
			    "unknown method '%.*s': `weft list-commands` names them",
			    METHOD_QUOTED_MAX, method);
}

/* What keeps `request` from being a request, NULL when it is one. */
static const char *shape_error(const json_t *request)
{
	const json_t *id = json_object_get(request, "id");

	if (json_is_array(request))
		return "batches are not served: send one request a line";
	if (!json_is_object(request))
		return "a request is an object with jsonrpc, id, method and params";
	if (strcmp(jsonx_string(request, "jsonrpc", ""), "2.0") != 0)
		return "the member \"jsonrpc\" must be \"2.0\"";
	if (!json_is_string(json_object_get(request, "method")))
		return "the member \"method\" must be a string: the name of a verb";
	if (id && !json_is_integer(id) && !json_is_string(id))
		return "the member \"id\" must be a whole number or a string";
	return NULL;
}

/* A verb that acts has no plan to show: what it would do is what it was asked to. */
static json_t *dry_run_result(struct call *call)
{
	json_t *params = json_deep_copy(call_params(call)), *change, *result;
	char *detail;

	json_object_del(params, "dry_run");
	detail = json_dumps(params, JSON_COMPACT);
	change = json_pack("{s:s, s:s, s:s, s:s, s:b}", "op", "run", "object", "verb", "name",
			   call_method(call), "detail", detail ? detail : "", "disruptive", false);
	result = json_pack("{s:[o], s:b, s:[]}", "changes", change, "applied", false, "failed");
	json_decref(params);
	free(detail);
	return result;
}

static void run_verb(struct control *c, const struct control_verb *verb, struct call *call)
{
	const struct command_spec *spec = command_lookup(verb->name);
	bool dry_run = false;

	if (call_param_bool(call, "dry_run", CALL_OPTIONAL, &dry_run) < 0)
		return;
	if (dry_run && spec && spec->flags & COMMAND_ACTS)
		call_reply(call, dry_run_result(call));
	else
		verb->run(call, c->ctx);
}

static void dispatch(struct control *c, struct client *client, json_t *request /*stolen*/)
{
	const char *method = json_string_value(json_object_get(request, "method"));
	const struct control_verb *verb = verb_lookup(c->verbs, c->n_verbs, method);
	json_t *id = json_object_get(request, "id");
	struct call *call;

	if (!json_object_get(request, "params"))
		json_object_set_new(request, "params", json_object());

	if (!verb) {
		refuse_method(c, client, id, method);
	} else if (!json_is_object(json_object_get(request, "params"))) {
		call_refuse(client, id, RPC_INVALID_PARAMS,
			    "parameters are named: \"params\" of '%s' must be an object", method);
	} else if (client->n_calls >= CONTROL_CALLS_MAX) {
		call_refuse(client, id, RPC_BUSY,
			    "%u calls are under way on this connection: wait for one to end",
			    client->n_calls);
	} else {
		call = call_create(client, json_incref(request));
		if (call)
			run_verb(c, verb, call);
		else
			call_refuse(client, id, RPC_INTERNAL_ERROR, "out of memory");
	}
	json_decref(request);
}

static void input(struct client *client, json_t *notification)
{
	const char *method = json_string_value(json_object_get(notification, "method"));
	json_t *params = json_object_get(notification, "params");

	if (!json_is_object(params) || !call_client_input(client, method, params))
		log_debug(LOG_CONTROL, "notification '%.*s' is for no call under way: ignored",
			  METHOD_QUOTED_MAX, method);
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

static void client_line(struct client *client, char *line, size_t len)
{
	struct control *c = client->ctx;
	const char *wrong;
	json_error_t error;
	json_t *request;

	client->active_ms = clock_now_ms();
	if (is_blank(line, len))
		return;
	request = json_loadb(line, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
	if (!request) {
		call_refuse(client, NULL, RPC_PARSE_ERROR,
			    "not JSON: %s (byte %d): send one object a line", error.text,
			    error.position);
		return;
	}
	wrong = shape_error(request);
	if (wrong)
		call_refuse(client, json_object_get(request, "id"), RPC_INVALID_REQUEST, "%s",
			    wrong);
	else if (!json_object_get(request, "id"))
		input(client, request);
	else {
		dispatch(c, client, request);
		return;
	}
	json_decref(request);
}

static void client_too_long(struct client *client)
{
	call_refuse(client, NULL, RPC_INVALID_REQUEST,
		    "a request is longer than %u KiB: the connection is closed",
		    CLIENT_LINE_MAX >> 10);
}

static void client_gone(struct client *client)
{
	struct control *c = client->ctx;

	TAILQ_REMOVE(&c->clients, client, link);
	c->n_clients--;
	call_client_gone(client);
	client_destroy(client);
}

static const struct client_ops client_ops = {
	.line = client_line,
	.too_long = client_too_long,
	.drained = call_client_drained,
	.gone = client_gone,
};

/* Who has to go when the house is full; NULL: everybody has a good reason to be here. */
static struct client *idlest(struct control *c, uint64_t now_ms)
{
	struct client *client, *idle = NULL;

	TAILQ_FOREACH (client, &c->clients, link) {
		if (client->n_calls ||
		    (client->served && now_ms - client->active_ms < CONTROL_IDLE_MS))
			continue;
		if (!idle || client->served < idle->served ||
		    (client->served == idle->served && client->active_ms < idle->active_ms))
			idle = client;
	}
	return idle;
}

static bool make_room(struct control *c)
{
	struct client *idle;

	if (c->n_clients < CONTROL_CLIENTS_MAX)
		return true;
	idle = idlest(c, clock_now_ms());
	if (!idle)
		return false;
	call_refuse(idle, NULL, RPC_BUSY, "dropped: too many connections, and this one was idle");
	client_gone(idle);
	return true;
}

int control_adopt(struct control *c, int fd)
{
	static const char busy[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,"
				   "\"message\":\"too many connections: try again later\"}}\n";
	struct client *client;
	int ret = -EBUSY;

	if (!make_room(c)) {
		send(fd, busy, sizeof(busy) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		goto err_close;
	}
	ret = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	if (ret < 0)
		goto err_close;
	client = client_create(c->loop, fd, &client_ops, c);
	if (!client) {
		ret = -errno;
		goto err_close;
	}
	client->active_ms = clock_now_ms();
	TAILQ_INSERT_TAIL(&c->clients, client, link);
	c->n_clients++;
	return 0;

err_close:
	close(fd);
	return ret;
}

unsigned control_n_clients(const struct control *c)
{
	return c->n_clients;
}

static void listener_ready(struct loop_watch *w, uint32_t events)
{
	struct control *c = container_of(w, struct control, watch);
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		control_adopt(c, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		log_warn(LOG_CONTROL, "cannot accept a control client: %s", strerror(errno));
		loop_watch_modify(w, 0);
		loop_timer_start(c->loop, &c->retry, ACCEPT_RETRY_MS, 0);
	}
}

static void retry_expired(struct loop_timer *t, uint64_t now_ms)
{
	struct control *c = container_of(t, struct control, retry);

	loop_watch_modify(&c->watch, EPOLLIN);
}

struct control *control_create(struct loop *loop, const char *path, const char *owner,
			       const char *group, mode_t mode, const struct control_verb *verbs,
			       size_t n, void *ctx, struct err *e)
{
	struct control *c = calloc(1, sizeof(*c));
	int ret;

	if (!c) {
		errno = -err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	*c = (struct control){.loop = loop, .verbs = verbs, .n_verbs = n, .ctx = ctx};
	c->watch.ready = listener_ready;
	c->retry.expired = retry_expired;
	TAILQ_INIT(&c->clients);

	ret = listener_open(&c->listener, path, owner, group, mode, e);
	if (ret < 0)
		goto err_free;
	ret = loop_watch_add(loop, &c->watch, c->listener.fd, EPOLLIN);
	if (ret < 0) {
		err_set(e, -ret, "cannot watch %s: %s", path, strerror(-ret));
		goto err_close;
	}
	return c;

err_close:
	listener_close(&c->listener);
err_free:
	free(c);
	errno = -ret;
	return NULL;
}

int control_give(struct control *c, const char *owner, const char *group, mode_t mode,
		 struct err *e)
{
	return listener_give(&c->listener, owner, group, mode, e);
}

void control_destroy(struct control *c)
{
	struct client *client;

	if (!c)
		return;
	loop_timer_stop(c->loop, &c->retry);
	loop_watch_del(&c->watch);
	listener_close(&c->listener);
	while ((client = TAILQ_FIRST(&c->clients)))
		client_gone(client);
	free(c);
}
