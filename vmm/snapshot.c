/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/snapshot.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "vmm/machine_state.h"
#include "vmm/pages.h"

static int write_all(struct machine *m, struct state_writer *w, struct pages *p, struct err *e)
{
	int ret;

	machine_describe(m, w);
	while (pages_send(p, w, p->n))
		;
	ret = machine_save(m, w, e);
	if (ret)
		return ret;
	state_finish(w);
	ret = state_flush(w, STATE_WAIT_MS);
	if (!ret && fdatasync(w->fd) < 0)
		ret = -errno;
	return ret ? err_set(e, -ret, "the state cannot be written: %s", strerror(-ret)) : 0;
}

static int write_suspended(struct machine *m, int fd, struct snapshot_report *report, struct err *e)
{
	struct state_writer w;
	struct pages p;
	int ret;

	if (pages_init(&p, &m->mem) < 0)
		return err_set(e, ENOMEM, "out of memory");
	ret = state_writer_init(&w, fd);
	ret = ret ? err_set(e, -ret, "out of memory") : write_all(m, &w, &p, e);
	report->bytes = w.bytes;
	state_writer_fini(&w);
	pages_fini(&p);
	return ret;
}

int snapshot_write(struct machine *m, int fd, struct snapshot_report *report, struct err *e)
{
	uint64_t from_ms = clock_now_ms();
	struct stat st;
	int ret = machine_check_settled(m, e);

	if (ret)
		return ret;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "a snapshot goes to a regular file");
	machine_suspend(m);
	/* A CPU may have done its last step only now. */
	ret = machine_check_settled(m, e) ?: write_suspended(m, fd, report, e);
	machine_continue(m);
	report->stopped_ms = (unsigned)(clock_now_ms() - from_ms);
	return ret;
}

static int read_all(struct machine_arrival *a, struct state_reader *r, struct err *e)
{
	int ret;

	while ((ret = state_wait(r, -1, e)) > 0) {
		ret = machine_arrival_take(a, r, e);
		if (ret)
			return ret;
	}
	return ret ?: machine_arrival_check(a, e);
}

int snapshot_read(struct machine *m, int fd, bool pause, struct err *e)
{
	struct machine_arrival a;
	struct state_reader r;
	int ret;

	if (state_reader_init(&r, fd) < 0)
		return err_set(e, ENOMEM, "out of memory");
	machine_arrival_init(&a, m);
	ret = read_all(&a, &r, e) ?: machine_arrival_go(&a, false, pause, e);
	machine_arrival_fini(&a);
	state_reader_fini(&r);
	return ret;
}
