/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/incoming.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/machine_state.h"
#include "vmm/migrate.h"
#include "vmm/unix_socket.h"

struct incoming {
	struct machine *machine;
	const char *path;
	bool pause;
	struct loop_watch listener, source;
	int listen_fd, fd;
	bool is_loaded;
	struct machine_arrival arrival;
	struct state_reader from;
	struct state_writer to;
};

/* At most a few of those are ever said, which a socket takes at once. */
static void say(struct incoming *in, const char *word, const char *text)
{
	state_begin(&in->to, word, 1);
	if (text)
		state_put_text(&in->to, text);
	state_end(&in->to);
	state_flush(&in->to, 0);
}

static void refuse(struct incoming *in, const struct err *e)
{
	struct machine *m = in->machine;

	say(in, "refused", e->text);
	snprintf(m->failure, sizeof(m->failure), "%.*s", (int)sizeof(m->failure) - 1, e->text);
	machine_stop(m, MACHINE_REFUSED);
}

/* The source has let go of them. */
static int lock_disks(struct machine *m, struct err *e)
{
	int ret = 0;

	for (unsigned i = 0; i < m->n_devices && ret == 0; i++)
		if (m->devices[i].kind == DEVICE_DISK)
			ret = virtio_blk_lock(m->devices[i].d, e);
	return ret;
}

static int take_records(struct incoming *in, struct err *e)
{
	int ret;

	while ((ret = state_next(&in->from, e)) > 0) {
		ret = machine_arrival_take(&in->arrival, &in->from, e);
		if (ret)
			return ret;
		if (state_is(&in->from, "machine"))
			say(in, "ready", NULL);
	}
	if (ret || !in->from.ended)
		return ret;
	ret = machine_arrival_check(&in->arrival, e) ?: lock_disks(in->machine, e);
	if (ret)
		return ret;
	in->is_loaded = true;
	say(in, "loaded", NULL);
	return 0;
}

static void let_go(struct incoming *in)
{
	machine_arrival_fini(&in->arrival);
	state_reader_fini(&in->from);
	state_writer_fini(&in->to);
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
}

/* The stream has ended; what follows is the source's last word. */
static int take_go(struct incoming *in, struct err *e)
{
	const struct state_reader *r = &in->from;
	int ret;

	if (r->len - r->head < MIGRATE_GO_BYTES)
		return 0;
	if (r->len - r->head > MIGRATE_GO_BYTES ||
	    memcmp(r->buffer + r->head, MIGRATE_GO, MIGRATE_GO_BYTES) != 0)
		return err_set(e, EPROTO, "the source says what makes no sense");
	ret = machine_arrival_go(&in->arrival, true, in->pause, e);
	if (ret)
		return ret;
	say(in, "running", NULL);
	loop_watch_del(&in->source);
	let_go(in);
	return 0;
}

static int hear(struct incoming *in, struct err *e)
{
	int ret = state_fill(&in->from);

	if (ret == -EAGAIN)
		return 0;
	if (ret <= 0)
		return err_set(e, ECONNRESET, "the source went away, or gave up; it has the guest");
	if (!in->is_loaded) {
		ret = take_records(in, e);
		if (ret)
			return ret;
	}
	return in->is_loaded ? take_go(in, e) : 0;
}

static void on_source(struct loop_watch *w, uint32_t events)
{
	struct incoming *in = container_of(w, struct incoming, source);
	struct err e;

	if (hear(in, &e) < 0)
		refuse(in, &e);
}

/* One is enough: another one finds nobody. */
static void on_listener(struct loop_watch *w, uint32_t events)
{
	struct incoming *in = container_of(w, struct incoming, listener);
	struct err e = {"out of memory"};

	in->fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (in->fd < 0)
		return;
	loop_watch_del(w);
	in->source.ready = on_source;
	if (state_reader_init(&in->from, in->fd) < 0 || state_writer_init(&in->to, in->fd) < 0 ||
	    loop_watch_add(in->machine->loop, &in->source, in->fd, EPOLLIN) < 0)
		refuse(in, &e);
}

struct incoming *incoming_create(struct machine *m, const char *path, bool pause, struct err *e)
{
	struct incoming *in = calloc(1, sizeof(*in));
	mode_t before;

	if (!in) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	*in = (struct incoming){.machine = m, .path = path, .pause = pause, .fd = -1};
	in->listener.ready = on_listener;
	machine_arrival_init(&in->arrival, m);
	before = umask(0177);
	in->listen_fd = unix_listen(path, e);
	umask(before);
	if (in->listen_fd >= 0)
		return in;
	free(in);
	return NULL;
}

int incoming_begin(struct incoming *in, struct err *e)
{
	int ret = loop_watch_add(in->machine->loop, &in->listener, in->listen_fd, EPOLLIN);

	return ret ? err_set(e, -ret, "cannot wait for a source at %s: %s", in->path,
			     strerror(-ret))
		   : 0;
}

void incoming_destroy(struct incoming *in)
{
	if (!in)
		return;
	loop_watch_del(&in->listener);
	loop_watch_del(&in->source);
	unix_unlisten(in->listen_fd, in->path);
	let_go(in);
	free(in);
}
