/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "vmm/machine_state.h"
#include "vmm/pages.h"
#include "vmm/virtio_state.h"

struct migrate {
	struct machine *machine;
	struct loop_watch watch;
	int fd;
	bool logs; /* rounds have begun */
	unsigned downtime_ms, rounds;
	unsigned n_devices; /* that were described to the target */
	uint64_t begun_ms, round_begun_ms, round_begun_bytes;
	uint64_t round_pages, round_sent;
	unsigned blackout_ms;
	struct pages pages;
	struct state_writer to;
	struct state_reader from;
	migrate_done *done;
	void *arg;
};

/* --- the log of pages ----------------------------------------------------------------------------
 */

static void each_device(struct machine *m, void (*f)(struct virtio *d))
{
	for (unsigned i = 0; i < m->n_devices; i++)
		f(m->devices[i].d);
}

/*
 * Devices are suspended for the moment, so that no thread of theirs is in the middle of a write
 * that the log would miss, and backends learn of the log when they get their rings again. The guest
 * runs.
 */
static int start_log(struct migrate *g, struct err *e)
{
	struct machine *m = g->machine;
	int ret;

	each_device(m, virtio_suspend);
	ret = memory_log_start(&m->mem, e);
	if (!ret) {
		ret = vm_log(&m->vm, true);
		if (ret)
			err_set(e, -ret, "KVM keeps no log of written pages: %s", strerror(-ret));
	}
	if (ret)
		memory_log_stop(&m->mem);
	each_device(m, virtio_resume);
	g->logs = !ret;
	return ret;
}

static int collect(struct migrate *g, struct err *e)
{
	struct machine *m = g->machine;
	int ret = 0;

	for (unsigned i = 0; i < m->mem.n_regions && ret == 0; i++) {
		uint64_t *bits = g->pages.todo + m->mem.regions[i].offset / MEMORY_PAGE / 64;

		ret = vm_log_take(&m->vm, i, bits);
		memory_log_take(&m->mem, i, bits);
	}
	pages_again(&g->pages);
	return ret ? err_set(e, -ret, "KVM does not tell which pages were written: %s",
			     strerror(-ret))
		   : 0;
}

/* --- the end -------------------------------------------------------------------------------------
 */

static void destroy(struct migrate *g)
{
	g->machine->migrating = false;
	loop_watch_del(&g->watch);
	close(g->fd);
	pages_fini(&g->pages);
	state_writer_fini(&g->to);
	state_reader_fini(&g->from);
	free(g);
}

void migrate_get_report(const struct migrate *g, struct migrate_report *report)
{
	*report = (struct migrate_report){
		.rounds = g->rounds,
		.bytes = g->to.bytes,
		.left = g->round_pages - MIN_OF(g->round_sent, g->round_pages),
		.total_ms = (unsigned)(clock_now_ms() - g->begun_ms),
		.blackout_ms = g->blackout_ms,
	};
}

static void end(struct migrate *g, const char *why)
{
	struct migrate_report report;
	migrate_done *done = g->done;
	void *arg = g->arg;

	migrate_get_report(g, &report);
	destroy(g);
	done(&report, why, arg);
}

/* Devices are suspended, for a disk's thread may use the log. */
static void stop_log(struct migrate *g)
{
	if (!g->logs)
		return;
	g->logs = false;
	vm_log(&g->machine->vm, false);
	memory_log_stop(&g->machine->mem);
}

static void stop_rounds(struct migrate *g)
{
	if (!g->logs)
		return;
	each_device(g->machine, virtio_suspend);
	stop_log(g);
	each_device(g->machine, virtio_resume);
}

void migrate_cancel(struct migrate *g)
{
	if (!g)
		return;
	stop_rounds(g);
	destroy(g);
}

/* The guest runs: it stays. */
static void fail(struct migrate *g, const struct err *e)
{
	stop_rounds(g);
	end(g, e->text);
}

/* --- the target's word ---------------------------------------------------------------------------
 */

/* What came instead of the record that is waited for. */
static int not_expected(struct migrate *g, struct err *e)
{
	char why[STATE_TEXT_MAX + 1];

	if (!state_is(&g->from, "refused"))
		return err_set(e, EPROTO, "the target says what makes no sense");
	state_get_text(&g->from, why, sizeof(why));
	return err_set(e, EREMOTEIO, "the target refuses: %s", why);
}

static int expect(struct migrate *g, const char *name, struct err *e)
{
	int ret = state_wait(&g->from, STATE_WAIT_MS, e);

	if (ret < 0)
		return err_set(e, -ret, "the target is gone, or does not answer; see what it says");
	return state_is(&g->from, name) ? 0 : not_expected(g, e);
}

/* --- the hand-over -------------------------------------------------------------------------------
 */

static void unlock_disks(struct machine *m)
{
	for (unsigned i = 0; i < m->n_devices; i++)
		if (m->devices[i].kind == DEVICE_DISK)
			virtio_blk_unlock(m->devices[i].d);
}

/* Nobody who follows the rules has taken one meanwhile but the target, which is gone. */
static void lock_disks(struct machine *m)
{
	for (unsigned i = 0; i < m->n_devices; i++)
		if (m->devices[i].kind == DEVICE_DISK)
			virtio_blk_lock(m->devices[i].d, NULL);
}

static int check_devices(const struct migrate *g, struct err *e)
{
	if (g->machine->n_devices == g->n_devices)
		return machine_check_settled(g->machine, e);
	return err_set(e, EBUSY, "a device went away meanwhile; try again");
}

static int send_rest(struct migrate *g, struct err *e)
{
	int ret = check_devices(g, e) ?: collect(g, e);

	if (ret)
		return ret;
	while (pages_send(&g->pages, &g->to, g->pages.n))
		;
	ret = machine_save(g->machine, &g->to, e);
	if (ret)
		return ret;
	state_finish(&g->to);
	ret = state_flush(&g->to, STATE_WAIT_MS);
	return ret ? err_set(e, -ret, "the target takes no more: %s", strerror(-ret)) : 0;
}

/* A Unix socket takes four bytes as a whole or not at all, so that it is known whether it was said.
 */
static int say_go(struct migrate *g, struct err *e)
{
	if (write(g->fd, MIGRATE_GO, MIGRATE_GO_BYTES) == MIGRATE_GO_BYTES)
		return 0;
	return err_set(e, EPIPE, "the target went away before it was told to go on");
}

static int hand_over(struct migrate *g, struct err *e)
{
	int ret;

	unlock_disks(g->machine);
	ret = send_rest(g, e) ?: expect(g, "loaded", e) ?: say_go(g, e);
	if (ret)
		lock_disks(g->machine);
	return ret;
}

static void finish(struct migrate *g)
{
	struct machine *m = g->machine;
	uint64_t stopped_ms = clock_now_ms();
	struct err e;
	int ret;

	machine_suspend(m);
	ret = hand_over(g, &e);
	stop_log(g);
	if (ret) {
		machine_continue(m);
		end(g, e.text);
		return;
	}
	if (expect(g, "running", &e) < 0) {
		snprintf(m->failure, sizeof(m->failure),
			 "the guest was given up, but the target does not say that it runs there");
		machine_stop(m, MACHINE_FAILED);
		end(g, m->failure);
		return;
	}
	g->blackout_ms = (unsigned)(clock_now_ms() - stopped_ms);
	machine_stop(m, MACHINE_MIGRATED);
	end(g, NULL);
}

/* --- rounds --------------------------------------------------------------------------------------
 */

static void begin_round(struct migrate *g)
{
	g->rounds++;
	g->round_begun_ms = clock_now_ms();
	g->round_begun_bytes = g->to.bytes;
	g->round_pages = pages_left(&g->pages);
	g->round_sent = 0;
}

/* Whether what is to be sent next takes no longer than the guest may be stopped. */
static bool is_little(const struct migrate *g)
{
	uint64_t ms = MAX_OF(clock_now_ms() - g->round_begun_ms, 1ull);
	uint64_t bytes = g->to.bytes - g->round_begun_bytes;
	uint64_t next = pages_left(&g->pages) * MEMORY_PAGE;

	return next * ms <= MAX_OF(bytes, (uint64_t)MEMORY_PAGE) * g->downtime_ms;
}

static void end_round(struct migrate *g)
{
	struct err e;

	if (collect(g, &e) < 0)
		fail(g, &e);
	else if (is_little(g) || g->rounds == MIGRATE_ROUNDS_MAX)
		finish(g);
	else
		begin_round(g);
}

static void send_piece(struct migrate *g)
{
	int ret = state_flush(&g->to, 0);
	bool more;
	struct err e;

	if (ret < 0) {
		err_set(&e, -ret, "the target takes no more: %s", strerror(-ret));
		fail(g, &e);
		return;
	}
	if (ret)
		return;
	more = pages_send(&g->pages, &g->to, MIGRATE_PIECE);
	g->round_sent += MIGRATE_PIECE;
	if (!more)
		end_round(g);
}

static int begin_rounds(struct migrate *g, struct err *e)
{
	int ret = state_is(&g->from, "ready") ? 0 : not_expected(g, e);

	ret = ret ?: start_log(g, e);
	if (ret)
		return ret;
	begin_round(g);
	return loop_watch_modify(&g->watch, EPOLLIN | EPOLLOUT);
}

/* The target speaks when it is ready, and when it gives up. */
static int hear(struct migrate *g, struct err *e)
{
	int ret = state_fill(&g->from);

	if (ret == -EAGAIN)
		return 0;
	if (ret <= 0)
		return err_set(e, ECONNRESET, "the target went away; see what it says");
	ret = state_next(&g->from, e);
	if (ret <= 0)
		return ret;
	return g->logs ? not_expected(g, e) : begin_rounds(g, e);
}

static void on_target(struct loop_watch *w, uint32_t events)
{
	struct migrate *g = container_of(w, struct migrate, watch);
	struct err e;

	if (events & ~(uint32_t)EPOLLOUT && hear(g, &e) < 0)
		fail(g, &e);
	else if (events & EPOLLOUT)
		send_piece(g);
}

/* --- the beginning -------------------------------------------------------------------------------
 */

static int check_nics(const struct machine *m, struct err *e)
{
	int ret = 0;

	for (unsigned i = 0; i < m->n_devices && ret == 0; i++)
		if (m->devices[i].kind == DEVICE_NIC)
			ret = virtio_net_can_log(m->devices[i].d, e);
	return ret;
}

static int begin(struct migrate *g, struct err *e)
{
	struct machine *m = g->machine;
	int flags = fcntl(g->fd, F_GETFL);

	if (state_writer_init(&g->to, g->fd) < 0 || state_reader_init(&g->from, g->fd) < 0 ||
	    pages_init(&g->pages, &m->mem) < 0)
		return err_set(e, ENOMEM, "out of memory");
	g->n_devices = m->n_devices;
	machine_describe(m, &g->to);
	g->watch.ready = on_target;
	if (flags < 0 || fcntl(g->fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    state_flush(&g->to, 0) != 0 || loop_watch_add(m->loop, &g->watch, g->fd, EPOLLIN) < 0)
		return err_set(e, EPIPE, "the target takes nothing; is it a weft-vmm --incoming?");
	m->migrating = true;
	return 0;
}

struct migrate *migrate_start(struct machine *m, int fd, unsigned downtime_ms, migrate_done *done,
			      void *arg, struct err *e)
{
	struct migrate *g = calloc(1, sizeof(*g));
	int ret = machine_check_settled(m, e) ?: check_nics(m, e);

	if (!g || ret) {
		if (!ret)
			err_set(e, ENOMEM, "out of memory");
		free(g);
		close(fd);
		return NULL;
	}
	*g = (struct migrate){.machine = m,
			      .fd = fd,
			      .downtime_ms = downtime_ms,
			      .begun_ms = clock_now_ms(),
			      .done = done,
			      .arg = arg};
	if (begin(g, e) == 0)
		return g;
	destroy(g);
	return NULL;
}
