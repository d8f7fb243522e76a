/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "common/clock.h"
#include "dataplane/dataplane.h"
#include "dataplane/fair.h"
#include "dataplane/pipeline.h"
#include "dataplane/shaper.h"

#define PAUSES_MIN	8	/* after the first empty round */
#define PAUSES_MAX	64	/* well under a microsecond */
#define BLOCKED_WAIT_NS 1000000 /* frames wait for room: look again even if nobody tells us */
#define SLEEP_MAX_NS	999999999
/* What an empty round takes beyond this was spent off the CPU, which is no time without work. */
#define ROUND_MAX_NS UINT64_C(10000)

struct worker *worker_create(struct dataplane *dp, unsigned id)
{
	struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) & ~(size_t)63);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};

	if (!w)
		return NULL;
	*w = (struct worker){.dp = dp, .id = id, .epoll_fd = -1, .wake_fd = -1};
	w->polls = calloc(1, sizeof(struct poll_list));
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!w->polls || w->epoll_fd < 0 || w->wake_fd < 0 ||
	    epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->wake_fd, &ev) < 0) {
		worker_destroy(w);
		return NULL;
	}
	return w;
}

void worker_destroy(struct worker *w)
{
	if (!w)
		return;
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	free(w->polls);
	free(w);
}

void worker_wake(struct worker *w)
{
	eventfd_write(w->wake_fd, 1);
}

int worker_watch(struct worker *w, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.fd = fd};

	return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

void worker_unwatch(struct worker *w, int fd)
{
	epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void worker_perf_get(const struct worker *w, struct worker_perf *perf)
{
	const uint64_t *now = (const uint64_t *)&w->perf, *base = (const uint64_t *)&w->perf_base;
	uint64_t *out = (uint64_t *)perf;

	for (unsigned i = 0; i < sizeof(*perf) / sizeof(uint64_t); i++)
		out[i] = now[i] - base[i];
}

void worker_perf_clear(struct worker *w)
{
	w->perf_base = w->perf;
}

static inline const struct poll_list *polls_of(struct worker *w)
{
	return atomic_load_explicit(&w->polls, memory_order_acquire);
}

/* Nobody has work that a flood could delay. */
static void forgive_floods(const struct poll_list *polls)
{
	for (unsigned i = 0; i < polls->n; i++)
		polls->queues[i]->flood_debt = 0;
}

static inline unsigned poll_place(struct worker *w, const struct poll_list *polls, unsigned i,
				  uint64_t now_ns)
{
	struct port_queue *q = polls->queues[i];
	unsigned n = 0;

	if (!atomic_load_explicit(&q->up, memory_order_acquire))
		return 0;
	if (unlikely(fair_sits_out(q))) {
		w->sat_out = true;
		active_saw(&w->active, i);
	} else {
		n = pipeline_run(w, q, now_ns);
		if (w->burst.n)
			active_saw(&w->active, i);
	}
	if (unlikely(q->notify_due_ns && now_ns >= q->notify_due_ns))
		q->port->ops->notify(q);
	return n;
}

static inline void round_begin(struct worker *w, uint64_t now_ns)
{
	w->now_ns = now_ns;
	w->blocked = false;
	w->sat_out = false;
	w->wake_ns = UINT64_MAX;
	pipeline_round(w, now_ns);
}

static inline unsigned round_end(struct worker *w, const struct poll_list *polls, unsigned n)
{
	if (unlikely(w->sat_out && n == 0))
		forgive_floods(polls);
	return n;
}

unsigned worker_poll(struct worker *w, uint64_t now_ns)
{
	const struct poll_list *polls = polls_of(w);
	unsigned n = 0;

	round_begin(w, now_ns);
	for (unsigned i = 0; i < polls->n; i++)
		n += poll_place(w, polls, i, now_ns);
	active_renew(&w->active, polls->n, now_ns);
	return round_end(w, polls, n);
}

unsigned worker_poll_busy(struct worker *w, uint64_t now_ns)
{
	const struct poll_list *polls = polls_of(w);
	const struct active *a = &w->active;
	unsigned n = 0;

	if (now_ns >= a->all_due_ns)
		return worker_poll(w, now_ns);
	round_begin(w, now_ns);
	for (unsigned k = 0; k < a->n_words; k++)
		for (uint64_t m = a->places[k]; m; m &= m - 1) {
			unsigned i = k * 64 + (unsigned)__builtin_ctzll(m);

			if (i < polls->n)
				n += poll_place(w, polls, i, now_ns);
		}
	return round_end(w, polls, n);
}

/*
 * Asks every queue for a wake-up, and lowers `*until_ns` to the next notification that is due.
 * Returns false when a queue already has something to do.
 */
static bool arm_all(struct worker *w, uint64_t *until_ns)
{
	const struct poll_list *polls = polls_of(w);
	bool quiet = true;

	for (unsigned i = 0; i < polls->n; i++) {
		struct port_queue *q = polls->queues[i];
		uint64_t wake_ns;

		if (!atomic_load_explicit(&q->up, memory_order_acquire))
			continue;
		wake_ns = shaper_in_wake_ns(q->port, w->now_ns);
		if (unlikely(wake_ns))
			*until_ns = RTE_MIN(*until_ns, wake_ns);
		else
			quiet &= !q->port->ops->arm(q, w->blocked);
		if (q->notify_due_ns && q->notify_due_ns < *until_ns)
			*until_ns = q->notify_due_ns;
	}
	return quiet;
}

static void disarm_all(struct worker *w)
{
	const struct poll_list *polls = polls_of(w);

	for (unsigned i = 0; i < polls->n; i++) {
		struct port_queue *q = polls->queues[i];

		if (atomic_load_explicit(&q->up, memory_order_acquire))
			q->port->ops->disarm(q);
	}
}

/*
 * Offline for RCU while asleep: the poll list may be replaced and queues may go meanwhile, so
 * nothing read before the sleep is used after it. Returns true when somebody woke the worker up:
 * more may follow then, so that polling for a while is worth it.
 */
static bool sleep_until_work(struct worker *w, uint64_t now_ns)
{
	uint64_t until_ns = now_ns + (w->blocked ? BLOCKED_WAIT_NS : SLEEP_MAX_NS), start_ns;
	struct epoll_event ev[16];
	struct timespec wait;
	int n = 1;

	until_ns = RTE_MIN(until_ns, w->wake_ns);
	if (arm_all(w, &until_ns)) {
		start_ns = clock_now_ns();
		wait.tv_sec = 0;
		wait.tv_nsec = until_ns > now_ns ? (long)(until_ns - now_ns) : 0;
		rte_rcu_qsbr_thread_offline(w->dp->rcu, w->id);
		n = epoll_pwait2(w->epoll_fd, ev, 16, &wait, NULL);
		rte_rcu_qsbr_thread_online(w->dp->rcu, w->id);
		w->perf.sleeps++;
		w->perf.sleep_ns += clock_now_ns() - start_ns;
	}
	disarm_all(w);
	w->perf.wakeups++;
	return n != 0;
}

/* Monotonic time from the cycle counter: a multiplication instead of a call. */
struct tsc_clock {
	uint64_t tsc0, ns0, hz;
};

static inline uint64_t tsc_clock_span_ns(const struct tsc_clock *c, uint64_t cycles)
{
	return (uint64_t)((unsigned __int128)cycles * NS_PER_S / c->hz);
}

static inline uint64_t tsc_clock_ns(const struct tsc_clock *c, uint64_t tsc)
{
	return c->ns0 + tsc_clock_span_ns(c, tsc - c->tsc0);
}

static void wait_for_release(struct worker *w)
{
	struct epoll_event ev;

	while (atomic_load_explicit(&w->dp->held, memory_order_acquire) &&
	       !atomic_load_explicit(&w->stopping, memory_order_relaxed))
		epoll_wait(w->epoll_fd, &ev, 1, -1);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct tsc_clock clock;
	uint64_t tsc, idle_ns = 0; /* spent polling since there was work */
	unsigned pauses = PAUSES_MIN, n = 0;

	wait_for_release(w);
	clock = (struct tsc_clock){rte_rdtsc(), clock_now_ns(), rte_get_tsc_hz()};
	tsc = clock.tsc0;
	rte_rcu_qsbr_thread_online(w->dp->rcu, w->id);
	while (!atomic_load_explicit(&w->stopping, memory_order_relaxed)) {
		uint64_t now_ns = tsc_clock_ns(&clock, tsc), after;

		n = n ? worker_poll_busy(w, now_ns) : worker_poll(w, now_ns);
		rte_rcu_qsbr_quiescent(w->dp->rcu, w->id);
		w->perf.iterations++;
		if (n) {
			after = rte_rdtsc();
			w->perf.busy_iterations++;
			w->perf.busy_cycles += after - tsc;
			tsc = after;
			idle_ns = 0;
			pauses = PAUSES_MIN;
			continue;
		}

		for (unsigned i = 0; i < pauses; i++)
			rte_pause();
		pauses = pauses * 2 < PAUSES_MAX ? pauses * 2 : PAUSES_MAX;
		after = rte_rdtsc();
		w->perf.idle_cycles += after - tsc;
		idle_ns += RTE_MIN(tsc_clock_span_ns(&clock, after - tsc), ROUND_MAX_NS);
		tsc = after;
		if (idle_ns >= w->dp->idle_ns) {
			if (sleep_until_work(w, now_ns))
				idle_ns = 0;
			tsc = rte_rdtsc();
		}
	}
	rte_rcu_qsbr_thread_offline(w->dp->rcu, w->id);
	return NULL;
}

int worker_start(struct worker *w)
{
	sigset_t all, old;
	char name[16];
	int ret;

	sigfillset(&all);
	sigdelset(&all, SIGBUS); /* a guest's memory may be taken away while it is read */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret)
		return -ret;
	w->has_thread = true;
	snprintf(name, sizeof(name), "weft-worker%u", w->id);
	pthread_setname_np(w->thread, name);
	return 0;
}

void worker_stop(struct worker *w)
{
	if (!w->has_thread)
		return;
	w->stopping = true;
	worker_wake(w);
	pthread_join(w->thread, NULL);
	w->has_thread = false;
}
