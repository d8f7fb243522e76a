/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

#define BATCH 32

struct loop {
	int epoll_fd;
	volatile bool stopping;
	pthread_mutex_t *lock;		 /* held while handlers run; NULL: none */
	TAILQ_HEAD(, loop_timer) timers; /* sorted by due_ms */
	struct epoll_event batch[BATCH]; /* entries of deleted watches are nulled here */
	int batch_len;
};

struct loop *loop_create(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		free(l);
		return NULL;
	}
	TAILQ_INIT(&l->timers);
	return l;
}

void loop_set_lock(struct loop *l, pthread_mutex_t *lock)
{
	l->lock = lock;
}

void loop_destroy(struct loop *l)
{
	if (!l)
		return;
	close(l->epoll_fd);
	free(l);
}

int loop_watch_add(struct loop *l, struct loop_watch *w, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	w->fd = fd;
	w->loop = l;
	return 0;
}

int loop_watch_modify(struct loop_watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	return epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev) < 0 ? -errno : 0;
}

void loop_watch_del(struct loop_watch *w)
{
	struct loop *l = w->loop;

	if (!l)
		return;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	for (int i = 0; i < l->batch_len; i++)
		if (l->batch[i].data.ptr == w)
			l->batch[i].data.ptr = NULL;
	w->loop = NULL;
	w->fd = -1;
}

static void timer_insert(struct loop *l, struct loop_timer *t)
{
	struct loop_timer *it;

	t->armed = true;
	TAILQ_FOREACH (it, &l->timers, link) {
		if (it->due_ms > t->due_ms) {
			TAILQ_INSERT_BEFORE(it, t, link);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&l->timers, t, link);
}

void loop_timer_start(struct loop *l, struct loop_timer *t, uint64_t in_ms, uint64_t every_ms)
{
	loop_timer_stop(l, t);
	t->due_ms = clock_now_ms() + in_ms;
	t->every_ms = every_ms;
	timer_insert(l, t);
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	if (!t->armed)
		return;
	TAILQ_REMOVE(&l->timers, t, link);
	t->armed = false;
}

static void run_timers(struct loop *l)
{
	uint64_t now_ms = clock_now_ms();
	struct loop_timer *t;

	while ((t = TAILQ_FIRST(&l->timers)) && t->due_ms <= now_ms) {
		loop_timer_stop(l, t);
		if (t->every_ms) {
			t->due_ms = now_ms + t->every_ms;
			timer_insert(l, t);
		}
		t->expired(t, now_ms);
	}
}

/* How long epoll may wait: until the next timer, at most `timeout_ms` (-1: no limit). */
static int wait_ms(struct loop *l, int timeout_ms)
{
	struct loop_timer *t = TAILQ_FIRST(&l->timers);
	uint64_t now_ms = clock_now_ms();
	int until;

	if (!t)
		return timeout_ms;
	until = t->due_ms <= now_ms ? 0 : (int)MIN_OF(t->due_ms - now_ms, 3600000u);
	return timeout_ms < 0 ? until : MIN_OF(until, timeout_ms);
}

int loop_run_once(struct loop *l, int timeout_ms)
{
	int n = epoll_wait(l->epoll_fd, l->batch, BATCH, wait_ms(l, timeout_ms));

	if (n < 0 && errno != EINTR)
		return -errno;

	if (l->lock)
		pthread_mutex_lock(l->lock);
	l->batch_len = MAX_OF(n, 0);
	for (int i = 0; i < l->batch_len; i++) {
		struct loop_watch *w = l->batch[i].data.ptr;

		if (w)
			w->ready(w, l->batch[i].events);
	}
	l->batch_len = 0;
	run_timers(l);
	if (l->lock)
		pthread_mutex_unlock(l->lock);
	return 0;
}

int loop_run(struct loop *l)
{
	int ret = 0;

	l->stopping = false;
	while (!l->stopping && ret == 0)
		ret = loop_run_once(l, -1);
	return ret;
}

void loop_stop(struct loop *l)
{
	l->stopping = true;
}
