/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

/*
 * A single-threaded event loop on epoll: file descriptors and one-shot or periodic timers.
 *
 * Watches and timers are embedded in the caller's structs. A handler may delete any watch or
 * timer, its own included, and free the struct around it: deleted entries of the batch in hand
 * are skipped. All calls belong to the loop's thread, loop_stop excepted (async-signal-safe).
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "common/err.h"

struct loop;

struct loop_watch {
	/* Called with the epoll events that are ready on `fd`. */
	void (*ready)(struct loop_watch *w, uint32_t events);
	int fd; /* -1: not in the loop */
	struct loop *loop;
};

struct loop_timer {
	void (*expired)(struct loop_timer *t, uint64_t now_ms);
	uint64_t due_ms;
	uint64_t every_ms; /* 0: one shot */
	bool armed;
	TAILQ_ENTRY(loop_timer) link;
};

/* Returns NULL and errno on failure. loop_destroy accepts NULL; watches must be deleted before. */
struct loop *loop_create(void);
/*
 * From now on handlers run with `lock` held. Other threads that hold it may call
 * loop_watch_modify; everything else stays the loop's thread's.
 */
void loop_set_lock(struct loop *l, pthread_mutex_t *lock);
void loop_destroy(struct loop *l);

/* Adds `w` (its `ready` set by the caller) for `events`. The fd stays the caller's to close. */
int loop_watch_add(struct loop *l, struct loop_watch *w, int fd, uint32_t events);
int loop_watch_modify(struct loop_watch *w, uint32_t events);
/* Deletes `w` if it is in a loop; call it before the fd is closed. */
void loop_watch_del(struct loop_watch *w);

/* Arms `t` (its `expired` set by the caller) in `in_ms`, then each `every_ms` unless 0. Re-arms. */
void loop_timer_start(struct loop *l, struct loop_timer *t, uint64_t in_ms, uint64_t every_ms);
void loop_timer_stop(struct loop *l, struct loop_timer *t);

/* Runs until loop_stop. Returns 0 or -errno when waiting itself fails. */
int loop_run(struct loop *l);
/* Handles what is ready within `timeout_ms` (-1: wait for something), then returns. */
int loop_run_once(struct loop *l, int timeout_ms);
void loop_stop(struct loop *l);

#endif
