/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/guest.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "config/arena.h"
#include "daemon/guest_private.h"
#include "daemon/qemu.h"

static void sweep(struct loop_timer *t, uint64_t now_ms);

static bool at_rest(const struct guest *g)
{
	return g->process.pid == 0 && g->state != GUEST_BACKOFF;
}

static char *root_path(const char *run_dir, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/guests", run_dir);
	return path;
}

static int make_root(const char *run_dir, struct err *e)
{
	char path[PATH_MAX];

	root_path(run_dir, path);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "cannot create %s: %s; does run-dir exist?", path,
			       strerror(errno));
	return 0;
}

struct guests *guests_create(const struct guests_env *env, struct err *e)
{
	const char *qemu = env->qemu && env->qemu[0] ? env->qemu : QEMU_DEFAULT;
	struct guests *gs;
	int ret = make_root(env->run_dir, e);

	if (ret < 0) {
		errno = -ret;
		return NULL;
	}
	gs = calloc(1, sizeof(*gs));
	if (!gs)
		goto err_memory;
	gs->loop = env->loop;
	gs->hugepages = env->hugepages;
	gs->engine = env->engine;
	gs->changed = env->changed;
	gs->arg = env->arg;
	gs->sweep.expired = sweep;
	TAILQ_INIT(&gs->guests);
	TAILQ_INIT(&gs->leaving);
	gs->run_dir = strdup(env->run_dir);
	gs->image_dir = strdup(env->image_dir);
	gs->qemu = strdup(qemu);
	if (!gs->run_dir || !gs->image_dir || !gs->qemu)
		goto err_memory;
	return gs;
err_memory:
	guests_destroy(gs);
	err_set(e, ENOMEM, "out of memory");
	errno = ENOMEM;
	return NULL;
}

/* Not at start: a weftd that finds its guests running goes on at once. */
const struct kvm_probe *guests_kvm(struct guests *gs)
{
	if (!gs->kvm.reason[0]) {
		kvm_probe_run(NULL, &gs->kvm);
		log_info(LOG_GUEST, "engine accel=%s reason=\"%s\"", gs->kvm.usable ? "kvm" : "tcg",
			 gs->kvm.reason);
	}
	return &gs->kvm;
}

static void guest_free(struct guest *g)
{
	struct guest_waiter *w;

	while ((w = STAILQ_FIRST(&g->waiters))) {
		STAILQ_REMOVE_HEAD(&g->waiters, link);
		free(w);
	}
	arena_destroy(g->arena);
	free(g);
}

static void free_list(struct guest_list *list)
{
	struct guest *g;

	while ((g = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, g, link);
		guest_run_release(g);
		guest_free(g);
	}
}

void guests_destroy(struct guests *gs)
{
	char path[PATH_MAX];

	if (!gs)
		return;
	gs->changed = NULL;
	loop_timer_stop(gs->loop, &gs->sweep);
	free_list(&gs->guests);
	free_list(&gs->leaving);
	if (gs->run_dir)
		rmdir(root_path(gs->run_dir, path)); /* stays while guests or their logs do */
	free(gs->run_dir);
	free(gs->image_dir);
	free(gs->qemu);
	free(gs);
}

static struct guest *guest_new(struct guests *gs)
{
	struct guest *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->arena = arena_create();
	if (!g->arena) {
		free(g);
		return NULL;
	}
	g->set = gs;
	g->process.pidfd = -1;
	g->watch.fd = -1;
	STAILQ_INIT(&g->waiters);
	return g;
}

/* Copies a string of the configuration; `ok` remembers whether one could not be. */
static const char *copy_text(struct arena *a, const char *text, bool *ok)
{
	char *copy = arena_strdup(a, text ? text : "");

	*ok = *ok && copy;
	return copy;
}

static void *copy_array(struct arena *a, const void *from, unsigned n, size_t size, bool *ok)
{
	void *copy = arena_array(a, n, size);

	*ok = *ok && copy;
	if (copy && n)
		memcpy(copy, from, n * size);
	return copy;
}

static struct config_guest *copy_config(struct arena *a, const struct config_guest *from)
{
	bool ok = true;
	struct config_guest *c = copy_array(a, from, 1, sizeof(*c), &ok);

	if (!c)
		return NULL;
	c->name = copy_text(a, from->name, &ok);
	c->kernel = copy_text(a, from->kernel, &ok);
	c->initrd = copy_text(a, from->initrd, &ok);
	c->append = copy_text(a, from->append, &ok);
	c->disks = copy_array(a, from->disks, from->n_disks, sizeof(*c->disks), &ok);
	c->nics = copy_array(a, from->nics, from->n_nics, sizeof(*c->nics), &ok);
	for (unsigned i = 0; ok && i < c->n_disks; i++) {
		c->disks[i].path = copy_text(a, from->disks[i].path, &ok);
		c->disks[i].format = copy_text(a, from->disks[i].format, &ok);
	}
	for (unsigned i = 0; ok && i < c->n_nics; i++) {
		c->nics[i].bridge = copy_text(a, from->nics[i].bridge, &ok);
		c->nics[i].tap = copy_text(a, from->nics[i].tap, &ok);
		c->nics[i].path = copy_text(a, from->nics[i].path, &ok);
		c->nics[i].policy.spoof.addresses =
			copy_text(a, from->nics[i].policy.spoof.addresses, &ok);
	}
	return ok ? c : NULL;
}

struct guest *guest_add(struct guests *gs, const struct config_guest *c, struct err *e)
{
	struct guest *g;
	int ret;

	if (guest_lookup(gs, c->name)) {
		ret = err_set(e, EEXIST, "there is a guest %s already; choose another name",
			      c->name);
		goto err;
	}
	g = guest_new(gs);
	if (!g || !(g->config = copy_config(g->arena, c))) {
		if (g)
			guest_free(g);
		ret = err_set(e, ENOMEM, "out of memory");
		goto err;
	}
	if (gs->engine != ENGINE_AUTO)
		g->config->engine = gs->engine;
	TAILQ_INSERT_TAIL(&gs->guests, g, link);
	return g;
err:
	errno = -ret;
	return NULL;
}

static struct guest *leaving_lookup(struct guests *gs, const char *name)
{
	struct guest *g;

	TAILQ_FOREACH (g, &gs->leaving, link)
		if (strcmp(g->config->name, name) == 0)
			return g;
	return NULL;
}

int guest_start(struct guest *g, struct err *e)
{
	if (g->state == GUEST_STOPPING || leaving_lookup(g->set, g->config->name)) {
		g->start_again = true;
		return 0;
	}
	if (g->process.pid)
		return 0;
	g->row = 0;
	return guest_run_start(g, e);
}

static void check_all_stopped(struct guests *gs)
{
	void (*done)(void *arg) = gs->all_stopped;
	struct guest *g;

	TAILQ_FOREACH (g, &gs->guests, link)
		if (!at_rest(g))
			return;
	if (!TAILQ_EMPTY(&gs->leaving))
		return;
	gs->all_stopped = NULL;
	if (done)
		done(gs->all_stopped_arg);
}

static bool is_leaving(const struct guest *g)
{
	const struct guest *it;

	TAILQ_FOREACH (it, &g->set->leaving, link)
		if (it == g)
			return true;
	return false;
}

void guests_rested(struct guest *g)
{
	struct guest_waiter *w;

	while ((w = STAILQ_FIRST(&g->waiters))) {
		STAILQ_REMOVE_HEAD(&g->waiters, link);
		if (w->done)
			w->done(g, w->arg);
		free(w);
	}
	if (is_leaving(g))
		loop_timer_start(g->set->loop, &g->set->sweep, 0, 0);
	else if (g->start_again && at_rest(g))
		guest_run_start(g, NULL);
	check_all_stopped(g->set);
}

/* Frees the guests that have left, and starts those that waited for their place. */
static void sweep(struct loop_timer *t, uint64_t now_ms)
{
	struct guests *gs = container_of(t, struct guests, sweep);
	struct guest *g, *next;

	for (g = TAILQ_FIRST(&gs->leaving); g; g = next) {
		void (*deleted)(void *arg) = g->deleted;
		void *arg = g->deleted_arg;
		struct guest *heir;

		next = TAILQ_NEXT(g, link);
		if (!at_rest(g))
			continue;
		TAILQ_REMOVE(&gs->leaving, g, link);
		heir = guest_lookup(gs, g->config->name);
		guest_free(g);
		if (heir && heir->start_again && at_rest(heir))
			guest_run_start(heir, NULL);
		if (deleted)
			deleted(arg);
	}
	check_all_stopped(gs);
}

/* Stops what runs or is about to. Returns true when nothing had to be waited for. */
static bool stop_now(struct guest *g)
{
	g->start_again = false;
	if (g->process.pid) {
		guest_run_stop(g);
		return false;
	}
	loop_timer_stop(g->set->loop, &g->timer);
	if (g->state != GUEST_STOPPED)
		guest_files_remove(g->set->run_dir, g->config->name, g->nics, true);
	guest_set_state(g, GUEST_STOPPED);
	return true;
}

void guest_stop(struct guest *g, void (*done)(struct guest *g, void *arg), void *arg)
{
	struct guest_waiter *w;

	if (stop_now(g)) {
		if (done)
			done(g, arg);
		return;
	}
	w = calloc(1, sizeof(*w));
	if (!w) {
		log_error(LOG_GUEST, "out of memory, nobody will be told of the stop guest=%s",
			  g->config->name);
		return;
	}
	w->done = done;
	w->arg = arg;
	STAILQ_INSERT_TAIL(&g->waiters, w, link);
}

void guest_del(struct guest *g, void (*done)(void *arg), void *arg)
{
	TAILQ_REMOVE(&g->set->guests, g, link);
	TAILQ_INSERT_TAIL(&g->set->leaving, g, link);
	g->deleted = done;
	g->deleted_arg = arg;
	if (stop_now(g))
		loop_timer_start(g->set->loop, &g->set->sweep, 0, 0);
}

void guests_stop_all(struct guests *gs, void (*done)(void *arg), void *arg)
{
	struct guest *g;

	gs->all_stopped = NULL;
	TAILQ_FOREACH (g, &gs->guests, link)
		stop_now(g);
	gs->all_stopped = done;
	gs->all_stopped_arg = arg;
	check_all_stopped(gs);
}

/* A process of a guest that is not configured: an object of its own sees to its end. */
static void stop_leftover(struct guests *gs, const char *name, const struct process *p,
			  const struct guest_record *r)
{
	struct config_guest c = {.name = name};
	struct guest *g = guest_new(gs);

	if (!g || !(g->config = copy_config(g->arena, &c)) || guest_run_adopt(g, p, r) < 0) {
		log_error(LOG_GUEST, "cannot watch it, kill it by hand guest=%s pid=%d", name,
			  (int)p->pid);
		return;
	}
	TAILQ_INSERT_TAIL(&gs->leaving, g, link);
	log_info(LOG_GUEST, "stopping, it is not configured any more guest=%s pid=%d", name,
		 (int)p->pid);
	guest_run_stop(g);
}

/* Returns whether a configured guest goes on with the process. */
static bool adopt(struct guests *gs, const char *name)
{
	struct guest *g = guest_lookup(gs, name);
	struct guest_record r = {0};
	struct process p;
	int ret = guest_record_read(&r, gs->run_dir, name);

	if (ret == -EINVAL)
		log_warn(LOG_GUEST, "state.json is damaged, look for a QEMU left behind guest=%s",
			 name);
	if (ret < 0 || process_open(&p, r.pid, r.start_ticks) < 0) {
		guest_files_remove(gs->run_dir, name, ret < 0 ? 0 : r.nics, true);
		return false;
	}
	if (!g) {
		stop_leftover(gs, name, &p, &r);
		return false;
	}
	if (guest_run_adopt(g, &p, &r) < 0) {
		log_error(LOG_GUEST, "cannot watch it, kill it by hand guest=%s pid=%d", name,
			  (int)p.pid);
		return false;
	}
	if (guest_start_hash(g, r.kvm, r.hugepages) == r.hash) {
		log_info(LOG_GUEST, "adopted guest=%s pid=%d", name, (int)p.pid);
		return true;
	}
	log_info(LOG_GUEST, "stopping, its configuration has changed guest=%s pid=%d", name,
		 (int)p.pid);
	guest_run_stop(g);
	return false;
}

unsigned guests_adopt(struct guests *gs)
{
	char path[PATH_MAX];
	unsigned adopted = 0;
	struct dirent *d;
	DIR *dir;

	dir = opendir(root_path(gs->run_dir, path));
	if (!dir)
		return 0;
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.')
			adopted += adopt(gs, d->d_name);
	closedir(dir);
	return adopted;
}

struct guest *guest_lookup(struct guests *gs, const char *name)
{
	struct guest *g;

	TAILQ_FOREACH (g, &gs->guests, link)
		if (strcmp(g->config->name, name) == 0)
			return g;
	return NULL;
}

struct guest *guest_next(struct guests *gs, struct guest *g)
{
	return g ? TAILQ_NEXT(g, link) : TAILQ_FIRST(&gs->guests);
}
