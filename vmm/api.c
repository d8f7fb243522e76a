/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/api.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/jsonx.h"
#include "common/version.h"
#include "vmm/migrate.h"
#include "vmm/passed.h"
#include "vmm/snapshot.h"
#include "vmm/unix_socket.h"

enum {
	CODE_PARSE = -32700,
	CODE_INVALID = -32600,
	CODE_UNKNOWN = -32601,
	CODE_PARAMS = -32602,
	CODE_FAILED = 1,
};

struct client {
	LIST_ENTRY(client) link;
	struct api *api;
	struct loop_watch watch;
	int fd;
	int passed_fd; /* came with the request in hand, or -1 */
	size_t len;
	char line[API_LINE_MAX];
};

#define LATER 1 /* a method's: the answer comes later */

struct api {
	struct machine *machine;
	struct loop_watch listener;
	int fd;
	const char *path;
	unsigned n_clients, nics_added;
	LIST_HEAD(, client) clients;
	struct client *current; /* whose request is in hand */

	struct migrate *migrate;
	struct client *migrate_client; /* waits for its end; NULL: nobody */
	json_t *migrate_id;	       /* of that request */
};

int api_add_nic(struct machine *m, const struct options_nic *n, struct err *e)
{
	struct device_env env = machine_env(m);
	struct nic_params p = n->params;
	struct virtio *d;

	p.ready = machine_ready;
	p.arg = m;
	d = p.tap ? virtio_tap_create(&env, &p, e) : virtio_net_create(&env, &p, e);
	if (!d)
		return -EIO;
	return machine_add(m, p.tap ? DEVICE_TAP : DEVICE_NIC, n->id, d, e);
}

/* --- methods
 * --------------------------------------------------------------------------------------- */

static json_t *describe_device(const struct machine_device *x)
{
	json_t *o = json_pack("{ss, ss, si, sb}", "id", x->id, "kind", device_kind_name(x->kind),
			      "slot", (int)x->slot, "leaving", x->leaving);
	struct nic_info info;

	if (!o || x->kind != DEVICE_NIC)
		return o;
	virtio_net_info(x->d, &info);
	json_object_set_new(o, "connected", json_boolean(info.connected));
	json_object_set_new(o, "sessions", json_integer(info.sessions));
	json_object_set_new(o, "error", json_string(info.error));
	return o;
}

static json_t *describe_devices(const struct machine *m)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < m->n_devices; i++)
		json_array_append_new(list, describe_device(&m->devices[i]));
	return list;
}

static struct virtio *find_balloon(const struct machine *m)
{
	for (unsigned i = 0; i < m->n_devices; i++)
		if (m->devices[i].kind == DEVICE_BALLOON)
			return m->devices[i].d;
	return NULL;
}

/* NULL when there is none. */
static json_t *describe_balloon(const struct virtio *d)
{
	struct balloon_info info;

	if (!d)
		return NULL;
	virtio_balloon_info(d, &info);
	return json_pack("{sI, sI}", "target", (json_int_t)info.target, "actual",
			 (json_int_t)info.actual);
}

static json_t *pack_report(const struct migrate_report *r)
{
	return json_pack("{si, sI, sI, si, si}", "rounds", (int)r->rounds, "bytes",
			 (json_int_t)r->bytes, "left", (json_int_t)r->left, "total-ms",
			 (int)r->total_ms, "blackout-ms", (int)r->blackout_ms);
}

/* NULL when there is none. */
static json_t *describe_migration(const struct api *a)
{
	struct migrate_report report;

	if (!a->migrate)
		return NULL;
	migrate_get_report(a->migrate, &report);
	return pack_report(&report);
}

static int do_status(struct api *a, json_t *params, json_t **result, struct err *e)
{
	const struct machine *m = a->machine;
	const char *state = !m->started	  ? "starting"
			    : m->arriving ? "arriving"
			    : m->paused	  ? "paused"
					  : "running";

	*result = json_pack("{ss, ss, si, si, sI, sI, so, so*, so*}", "state", state, "version",
			    version_text, "pid", (int)getpid(), "cpus", (int)m->params->cpus,
			    "memory", (json_int_t)m->mem.bytes, "resident",
			    (json_int_t)memory_resident(&m->mem), "devices", describe_devices(m),
			    "balloon", describe_balloon(find_balloon(m)), "migration",
			    describe_migration(a));
	return 0;
}

static int do_pause(struct api *a, json_t *params, json_t **result, struct err *e)
{
	machine_pause(a->machine);
	return 0;
}

static int do_resume(struct api *a, json_t *params, json_t **result, struct err *e)
{
	machine_resume(a->machine);
	return 0;
}

static int do_reset(struct api *a, json_t *params, json_t **result, struct err *e)
{
	if (!a->machine->started)
		return err_set(e, EBUSY, "the machine has not started yet; wait for its backends");
	if (!a->machine->params->kernel)
		return err_set(e, EINVAL, "there is no kernel to start again; give it as --kernel");
	machine_reset(a->machine);
	return 0;
}

static int do_power_button(struct api *a, json_t *params, json_t **result, struct err *e)
{
	power_button(&a->machine->power);
	return 0;
}

static int do_quit(struct api *a, json_t *params, json_t **result, struct err *e)
{
	machine_stop(a->machine, MACHINE_OFF);
	return 0;
}

static int do_nic_add(struct api *a, json_t *params, json_t **result, struct err *e)
{
	const char *net = jsonx_string(params, "net", NULL);
	struct options_nic nic;
	int ret;

	if (!net)
		return err_set(e, EINVAL, "net is missing: a NIC as --net has it");
	ret = options_parse_nic(&nic, net, OPTIONS_NICS_MAX + a->nics_added, e);
	/* Opening one takes rights that were given up; descriptors come by execve only. */
	if (!ret && (nic.params.tap || passed_is(nic.path)))
		ret = err_set(e, EINVAL, "a tap or fd=N can be given on the command line only");
	ret = ret ?: api_add_nic(a->machine, &nic, e);
	if (ret)
		return ret;
	a->nics_added++;
	*result = json_pack("{ss}", "id", nic.id);
	return 0;
}

static int do_nic_del(struct api *a, json_t *params, json_t **result, struct err *e)
{
	const char *id = jsonx_string(params, "id", NULL);

	if (!id)
		return err_set(e, EINVAL, "id is missing: see status");
	return machine_remove(a->machine, id, e);
}

/* A number of bytes, or a text as --memory has it. */
static uint64_t size_param(json_t *params, const char *key)
{
	const char *text = jsonx_string(params, key, NULL);
	uint64_t bytes = 0;

	if (!text)
		return (uint64_t)jsonx_int(params, key, 0);
	return options_parse_size(text, &bytes) < 0 ? 0 : bytes;
}

static int do_balloon(struct api *a, json_t *params, json_t **result, struct err *e)
{
	const struct machine *m = a->machine;
	struct virtio *d = find_balloon(m);
	uint64_t bytes = size_param(params, "size");

	if (!d)
		return err_set(e, ENODEV, "the guest has no balloon; start it with --balloon");
	if (bytes < OPTIONS_MEMORY_MIN || bytes > m->mem.bytes)
		return err_set(e, EINVAL,
			       "size: what the guest shall go on with is wanted, 16M to %lluM",
			       (unsigned long long)m->mem.bytes >> 20);
	virtio_balloon_set(d, bytes);
	*result = describe_balloon(d);
	return 0;
}

/* --- the state of the machine
 * -------------------------------------------------------------------------------------------- */

static json_t *refusal(json_t *id, int code, const char *text);
static json_t *result_of(json_t *id, json_t *result);
static bool send_answer(struct client *c, json_t *a);
static void drop(struct client *c);

/* The descriptor that came with the request, whose owner the caller is now. */
static int take_passed(struct api *a, const char *what, struct err *e)
{
	int fd = a->current->passed_fd;

	a->current->passed_fd = -1;
	return fd >= 0 ? fd
		       : err_set(e, EINVAL, "no descriptor came with it: %s is to be passed", what);
}

static int do_snapshot(struct api *a, json_t *params, json_t **result, struct err *e)
{
	struct snapshot_report report;
	int fd = take_passed(a, "a file that is open for writing", e), ret;

	if (fd < 0)
		return fd;
	ret = snapshot_write(a->machine, fd, &report, e);
	close(fd);
	if (!ret)
		*result = json_pack("{sI, si}", "bytes", (json_int_t)report.bytes, "stopped-ms",
				    (int)report.stopped_ms);
	return ret;
}

static void on_migrated(const struct migrate_report *report, const char *why, void *arg)
{
	struct api *a = arg;
	struct client *c = a->migrate_client;
	json_t *id = a->migrate_id, *answer;

	a->migrate = NULL;
	a->migrate_client = NULL;
	a->migrate_id = NULL;
	if (c) {
		answer = why ? refusal(id, CODE_FAILED, why) : result_of(id, pack_report(report));
		if (!send_answer(c, answer))
			drop(c);
	}
	json_decref(id);
}

/* Milliseconds, as a number or a text. */
static unsigned downtime_param(json_t *params)
{
	const char *text = jsonx_string(params, "downtime", NULL);
	long long ms = text ? atoll(text) : jsonx_int(params, "downtime", MIGRATE_DOWNTIME_MS);

	return ms > 0 && ms <= 60000 ? (unsigned)ms : 0;
}

static int do_migrate(struct api *a, json_t *params, json_t **result, struct err *e)
{
	unsigned downtime_ms = downtime_param(params);
	int fd;

	if (!downtime_ms)
		return err_set(e, EINVAL, "downtime: 1 to 60000 ms are possible");
	fd = take_passed(a, "a connection to a weft-vmm --incoming", e);
	if (fd < 0)
		return fd;
	a->migrate = migrate_start(a->machine, fd, downtime_ms, on_migrated, a, e);
	if (!a->migrate)
		return -EIO;
	a->migrate_client = a->current;
	return LATER;
}

static const struct method {
	const char *name;
	int (*call)(struct api *a, json_t *params, json_t **result, struct err *e);
	bool any_time; /* also while the machine's state arrives */
	bool may_move; /* also while it leaves */
} methods[] = {
	{"status", do_status, true, true},
	{"pause", do_pause, false, true},
	{"resume", do_resume, false, true},
	{"reset", do_reset, false, true},
	{"power-button", do_power_button, false, true},
	{"quit", do_quit, true, true},
	{"nic-add", do_nic_add, false, false},
	{"nic-del", do_nic_del, false, false},
	{"balloon", do_balloon, false, true},
	{"snapshot", do_snapshot, false, false},
	{"migrate", do_migrate, false, false},
};

static int check_time(const struct api *a, const struct method *m, struct err *e)
{
	if (a->machine->arriving && !m->any_time)
		return err_set(e, EBUSY, "the guest has not arrived yet; wait for it");
	if (a->machine->migrating && !m->may_move)
		return err_set(e, EBUSY, "the guest migrates; wait for the end of that");
	return 0;
}

/* --- JSON-RPC
 * -------------------------------------------------------------------------------------- */

static json_t *refusal(json_t *id, int code, const char *text)
{
	return json_pack("{ss, sO, s{si, ss}}", "jsonrpc", "2.0", "id", id ? id : json_null(),
			 "error", "code", code, "message", text);
}

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

static json_t *result_of(json_t *id, json_t *result)
{
	return json_pack("{ss, sO, so}", "jsonrpc", "2.0", "id", id ? id : json_null(), "result",
			 result ? result : json_object());
}

/* NULL: it comes later. */
static json_t *answer(struct api *a, const json_t *request)
{
	json_t *id = json_object_get(request, "id"), *result = NULL;
	const char *name = jsonx_string(request, "method", NULL);
	const struct method *m = name ? find_method(name) : NULL;
	struct err e = {""};
	int ret;

	if (!name)
		return refusal(id, CODE_INVALID, "no method");
	if (!m)
		return refusal(id, CODE_UNKNOWN,
			       "no such method; there are status, pause, resume, reset, "
			       "power-button, quit, nic-add, nic-del, balloon, snapshot, "
			       "migrate");
	ret = check_time(a, m, &e) ?: m->call(a, json_object_get(request, "params"), &result, &e);
	if (ret == LATER) {
		a->migrate_id = json_incref(id);
		return NULL;
	}
	if (ret)
		return refusal(id, ret == -EINVAL ? CODE_PARAMS : CODE_FAILED, e.text);
	return result_of(id, result);
}

static void drop(struct client *c)
{
	loop_watch_del(&c->watch);
	close(c->fd);
	if (c->passed_fd >= 0)
		close(c->passed_fd);
	if (c->api->migrate_client == c)
		c->api->migrate_client = NULL;
	LIST_REMOVE(c, link);
	c->api->n_clients--;
	free(c);
}

/* A client that does not read its answers is dropped. */
static bool send_answer(struct client *c, json_t *a)
{
	char *text = a ? json_dumps(a, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	bool ok;

	json_decref(a);
	if (!text)
		return false;
	text[len++] = '\n'; /* where the NUL was */
	ok = send(c->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
	free(text);
	return ok;
}

static bool obey(struct client *c, const char *line, size_t len)
{
	json_t *request = json_loadb(line, len, 0, NULL), *a;
	bool ok;

	c->api->current = c;
	a = request ? answer(c->api, request)
		    : refusal(NULL, CODE_PARSE, "not a JSON object in one line");
	ok = a ? send_answer(c, a) : c->api->migrate_client == c;
	json_decref(request);
	return ok;
}

static bool obey_lines(struct client *c)
{
	char *end, *start = c->line;
	bool ok = true;

	while (ok && (end = memchr(start, '\n', c->len))) {
		size_t used = (size_t)(end - start) + 1;

		ok = obey(c, start, used - 1);
		start += used;
		c->len -= used;
	}
	memmove(c->line, start, c->len);
	return ok;
}

/* Reads, and keeps a descriptor that comes along; it has room for one, and others are closed. */
static ssize_t receive(struct client *c)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = {c->line + c->len, sizeof(c->line) - c->len};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(c->fd, &h, MSG_CMSG_CLOEXEC);
	struct cmsghdr *m = n > 0 ? CMSG_FIRSTHDR(&h) : NULL;

	if (!m || m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
		return n;
	if (c->passed_fd >= 0)
		close(c->passed_fd);
	memcpy(&c->passed_fd, CMSG_DATA(m), sizeof(c->passed_fd));
	return n;
}

static void on_request(struct loop_watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, watch);
	ssize_t n = receive(c);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	c->len += n > 0 ? (size_t)n : 0;
	if (n <= 0 || !obey_lines(c) || c->len == sizeof(c->line))
		drop(c);
}

static void on_client(struct loop_watch *w, uint32_t events)
{
	struct api *a = container_of(w, struct api, listener);
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c;

	if (fd < 0)
		return;
	c = a->n_clients < API_CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	c->api = a;
	c->fd = fd;
	c->passed_fd = -1;
	c->watch.ready = on_request;
	a->n_clients++;
	LIST_INSERT_HEAD(&a->clients, c, link);
	if (loop_watch_add(a->machine->loop, &c->watch, fd, EPOLLIN) < 0)
		drop(c);
}

struct api *api_create(struct machine *m, const char *path, struct err *e)
{
	struct api *a = calloc(1, sizeof(*a));
	mode_t before = umask(0177);

	/* Else the first object reads /dev/urandom, which the sandbox does not allow any more. */
	json_object_seed(0);
	if (a)
		a->fd = unix_listen(path, e);
	umask(before);
	if (!a || a->fd < 0) {
		free(a);
		return NULL;
	}
	a->machine = m;
	a->path = path;
	a->listener.ready = on_client;
	LIST_INIT(&a->clients);
	if (loop_watch_add(m->loop, &a->listener, a->fd, EPOLLIN) == 0)
		return a;
	err_set(e, errno, "cannot wait for clients at %s: %s", path, strerror(errno));
	api_destroy(a);
	return NULL;
}

/* Takes over `params`. */
static void tell_all(struct api *a, const char *method, json_t *params)
{
	struct client *c = a ? LIST_FIRST(&a->clients) : NULL, *next;

	for (; c; c = next) {
		next = LIST_NEXT(c, link);
		if (!send_answer(c, json_pack("{ss, ss, sO}", "jsonrpc", "2.0", "method", method,
					      "params", params)))
			drop(c);
	}
	json_decref(params);
}

void api_tell_end(struct api *a, const char *reason)
{
	tell_all(a, "ended", json_pack("{ss}", "reason", reason));
}

void api_tell_balloon(struct api *a, const struct virtio *d)
{
	tell_all(a, "balloon", describe_balloon(d));
}

void api_destroy(struct api *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->machine->lock);
	migrate_cancel(a->migrate);
	pthread_mutex_unlock(&a->machine->lock);
	json_decref(a->migrate_id);
	while (!LIST_EMPTY(&a->clients))
		drop(LIST_FIRST(&a->clients));
	loop_watch_del(&a->listener);
	unix_unlisten(a->fd, a->path);
	free(a);
}
