/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/guest_private.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/jsonx.h"
#include "common/log.h"
#include "daemon/qemu.h"

/*
 * The life of one process: started, watched by its pidfd, asked, told and forced to stop, described
 * when it has ended, started again. A process adopted from an earlier weftd goes the same way; only
 * its exit status stays unknown.
 *
 * Stopping goes in steps, each with a time: ask (agent or power button), quit (QEMU), kill. The
 * power button is all that a guest with a disk and without our agent may have, so it gets longer.
 */

#define ASK_AGENT_MS  4000
#define ASK_BUTTON_MS 1500
#define ASK_DISK_MS   20000
#define QUIT_MS	      700

static void process_ready(struct loop_watch *w, uint32_t events);

void guest_set_state(struct guest *g, enum guest_state state)
{
	if (g->state == state)
		return;
	g->state = state;
	log_debug(LOG_GUEST, "state guest=%s state=%s", g->config->name, guest_state_name(state));
	if (g->set->changed)
		g->set->changed(g, g->set->arg);
}

static void qmp_ready(struct qmp *q, void *arg)
{
	struct guest *g = arg;

	if (g->state == GUEST_STARTING)
		guest_set_state(g, GUEST_RUNNING);
	if (g->config->balloon)
		qmp_execute(q, "query-balloon");
}

/* QEMU tells when the guest opens or closes a port; the socket of the port does not. */
static void agent_port_changed(struct guest *g, const json_t *data)
{
	const char *id = json_string_value(json_object_get(data, "id"));

	if (g->agent && id && strcmp(id, QEMU_AGENT_PORT) == 0 &&
	    json_is_false(json_object_get(data, "open")))
		agent_client_lost(g->agent);
}

static void qmp_event(struct qmp *q, const char *name, const json_t *data, void *arg)
{
	struct guest *g = arg;
	const char *reason = json_string_value(json_object_get(data, "reason"));

	if (strcmp(name, "SHUTDOWN") == 0 && reason)
		g->shutdown = guest_shutdown_parse(reason);
	else if (strcmp(name, "GUEST_PANICKED") == 0)
		g->shutdown = GUEST_SHUTDOWN_PANIC;
	else if (strcmp(name, "VSERPORT_CHANGE") == 0)
		agent_port_changed(g, data);
	else if (strcmp(name, "BALLOON_CHANGE") == 0) {
		g->balloon_actual = (uint64_t)jsonx_int(data, "actual", 0);
		g->balloon_target = (uint64_t)jsonx_int(data, "target", (int64_t)g->balloon_target);
	}
}

static const struct qmp_ops qmp_ops = {.ready = qmp_ready, .event = qmp_event};

static void agent_changed(struct agent_client *c, bool ready, void *arg)
{
	struct guest *g = arg;

	log_info(LOG_GUEST, "agent guest=%s ready=%s", g->config->name, ready ? "yes" : "no");
	if (g->set->changed)
		g->set->changed(g, g->set->arg);
}

static void close_channels(struct guest *g)
{
	struct agent_client *agent = g->agent;

	g->agent = NULL;
	agent_client_destroy(agent);
	qmp_destroy(g->qmp);
	g->qmp = NULL;
}

static int open_channels(struct guest *g)
{
	enum qmp_dialect dialect = g->weft ? QMP_WEFT : QMP_QEMU;
	char path[PATH_MAX];

	if (qemu_file(g->set->run_dir, g->config->name, "qmp.sock", path, sizeof(path)))
		g->qmp = qmp_create(g->set->loop, path, dialect, &qmp_ops, g);
	if (qemu_file(g->set->run_dir, g->config->name, "agent.sock", path, sizeof(path)))
		g->agent = agent_client_create(g->set->loop, path, agent_changed, g);
	if (g->qmp && g->agent)
		return 0;
	close_channels(g);
	return -ENOMEM;
}

static int watch_process(struct guest *g)
{
	int ret = open_channels(g);

	if (ret < 0)
		return ret;
	g->shutdown = GUEST_SHUTDOWN_NONE;
	g->step = STOP_NONE;
	g->balloon_target = g->balloon_actual = 0;
	g->watch.ready = process_ready;
	ret = loop_watch_add(g->set->loop, &g->watch, g->process.pidfd, EPOLLIN);
	if (ret < 0)
		close_channels(g);
	return ret;
}

static int make_folder(const struct guest *g, char log[PATH_MAX], struct err *e)
{
	char path[PATH_MAX];

	if (!qemu_dir(g->set->run_dir, g->config->name, path, sizeof(path)) ||
	    !qemu_file(g->set->run_dir, g->config->name, "qemu.log", log, PATH_MAX))
		return err_set(e, ENAMETOOLONG, "run-dir %s is too long; choose a shorter one",
			       g->set->run_dir);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "cannot create %s: %s", path, strerror(errno));
	return 0;
}

static unsigned bridge_nics(const struct config_guest *c)
{
	unsigned n = c->n_nics;

	while (n && c->nics[n - 1].kind != NIC_BRIDGE)
		n--;
	return n;
}

static void write_record(const struct guest *g)
{
	struct guest_record r = {
		.pid = g->process.pid,
		.start_ticks = g->process.start_ticks,
		.hash = guest_start_hash(g, g->kvm, g->hugepages),
		.kvm = g->kvm,
		.hugepages = g->hugepages,
		.weft = g->weft,
		.restarts = g->restarts,
		.nics = g->nics,
	};
	int ret = guest_record_write(&r, g->set->run_dir, g->config->name);

	if (ret < 0)
		log_warn(LOG_GUEST,
			 "cannot record the guest, a restarted weftd will not know it; make room "
			 "in %s guest=%s error=\"%s\"",
			 g->set->run_dir, g->config->name, strerror(-ret));
}

static int start_process(struct guest *g, struct err *e)
{
	struct qemu_args args;
	char log[PATH_MAX];
	int ret = guest_start_prepare(g, &args, e);

	if (ret < 0)
		return ret;
	ret = make_folder(g, log, e);
	if (ret < 0)
		goto out;
	g->nics = bridge_nics(g->config);
	guest_files_remove(g->set->run_dir, g->config->name, g->nics, false);
	ret = process_start(&g->process, args.v, log, e);
	if (ret < 0)
		goto out;
	write_record(g);
	ret = watch_process(g);
	if (ret < 0) {
		err_set(e, -ret, "guest %s: cannot watch it: %s", g->config->name, strerror(-ret));
		process_signal(&g->process, SIGKILL);
		process_close(&g->process);
	}
out:
	qemu_args_fini(&args);
	return ret;
}

int guest_run_start(struct guest *g, struct err *e)
{
	struct err own;
	int ret;

	loop_timer_stop(g->set->loop, &g->timer);
	g->start_again = false;
	ret = start_process(g, &own);
	if (ret < 0) {
		snprintf(g->exit_reason, sizeof(g->exit_reason), "%s", own.text);
		log_error(LOG_GUEST, "%s", own.text);
		err_set(e, -ret, "%s", own.text);
		guest_files_remove(g->set->run_dir, g->config->name, g->nics, true);
		guest_set_state(g, GUEST_FAILED);
		return ret;
	}
	log_info(LOG_GUEST, "started guest=%s pid=%d engine=%s reason=\"%s\" accel=%s hugepages=%s",
		 g->config->name, (int)g->process.pid, g->weft ? "weft" : "qemu", g->engine_reason,
		 g->kvm ? "kvm" : "tcg", g->hugepages ? "yes" : "no");
	guest_set_state(g, GUEST_STARTING);
	return 0;
}

int guest_run_adopt(struct guest *g, const struct process *p, const struct guest_record *r)
{
	int ret;

	g->process = *p;
	g->kvm = r->kvm;
	g->hugepages = r->hugepages;
	g->weft = r->weft;
	snprintf(g->engine_reason, sizeof(g->engine_reason), "decided by an earlier weftd");
	g->restarts = r->restarts;
	g->nics = r->nics;
	ret = watch_process(g);
	if (ret == 0)
		g->state = GUEST_STARTING;
	return ret;
}

static void next_step(struct loop_timer *t, uint64_t now_ms)
{
	struct guest *g = container_of(t, struct guest, timer);

	if (g->step == STOP_ASKED && qmp_execute(g->qmp, "quit") == 0) {
		g->step = STOP_QUIT;
		loop_timer_start(g->set->loop, &g->timer, QUIT_MS, 0);
		return;
	}
	g->step = STOP_KILLED;
	process_signal(&g->process, SIGKILL);
}

static bool has_writable_disk(const struct config_guest *c)
{
	for (unsigned i = 0; i < c->n_disks; i++)
		if (!c->disks[i].readonly)
			return true;
	return false;
}

/* Asks the guest, and returns how long it may take for its answer. 0: nobody is there to ask. */
static uint64_t ask_guest(struct guest *g)
{
	if (agent_client_poweroff(g->agent) == 0)
		return ASK_AGENT_MS;
	if (qmp_execute(g->qmp, "system_powerdown") == 0)
		return has_writable_disk(g->config) ? ASK_DISK_MS : ASK_BUTTON_MS;
	return 0;
}

void guest_run_stop(struct guest *g)
{
	uint64_t wait_ms;

	if (g->step != STOP_NONE)
		return;
	g->step = STOP_ASKED;
	wait_ms = ask_guest(g);
	g->timer.expired = next_step;
	loop_timer_start(g->set->loop, &g->timer, wait_ms, 0);
	guest_set_state(g, GUEST_STOPPING);
}

void guest_run_release(struct guest *g)
{
	loop_timer_stop(g->set->loop, &g->timer);
	loop_watch_del(&g->watch);
	close_channels(g);
	process_close(&g->process);
}

static void backoff_over(struct loop_timer *t, uint64_t now_ms)
{
	struct guest *g = container_of(t, struct guest, timer);

	g->restarts++;
	guest_run_start(g, NULL);
}

static enum guest_outcome describe_end(struct guest *g, bool status_known, int status)
{
	char panic[200], last_log[200];
	struct guest_end end = {
		.requested = g->step != STOP_NONE,
		.killed = g->step == STOP_KILLED,
		.status_known = status_known,
		.status = status,
		.shutdown = g->shutdown,
		.panic = guest_log_panic(g->set->run_dir, g->config->name, panic, sizeof(panic)),
		.last_log = guest_log_last(g->set->run_dir, g->config->name, last_log,
					   sizeof(last_log)),
	};

	return guest_end_describe(&end, g->exit_reason, sizeof(g->exit_reason));
}

/* What becomes of a guest that has ended without being told to. */
static void after_end(struct guest *g, enum guest_outcome outcome, uint64_t ran_ms)
{
	uint64_t delay_ms;

	if (guest_restarts(g->config->restart, outcome, ran_ms, &g->row, &delay_ms)) {
		g->timer.expired = backoff_over;
		loop_timer_start(g->set->loop, &g->timer, delay_ms, 0);
		guest_set_state(g, GUEST_BACKOFF);
		return;
	}
	guest_set_state(g, outcome == GUEST_OUTCOME_FAILED ? GUEST_FAILED : GUEST_STOPPED);
	guests_rested(g);
}

static void process_ready(struct loop_watch *w, uint32_t events)
{
	struct guest *g = container_of(w, struct guest, watch);
	uint64_t ran_ms = process_age_ms(&g->process);
	enum guest_outcome outcome;
	bool status_known, keep_logs;
	int status = 0;

	qmp_drain(g->qmp);
	loop_timer_stop(g->set->loop, &g->timer);
	loop_watch_del(&g->watch);
	close_channels(g);
	status_known = process_collect(&g->process, &status);
	outcome = describe_end(g, status_known, status);
	keep_logs = outcome == GUEST_OUTCOME_FAILED;
	guest_files_remove(g->set->run_dir, g->config->name, g->nics, !keep_logs);
	log_write(LOG_GUEST, keep_logs ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
		  "ended guest=%s reason=\"%s\"", g->config->name, g->exit_reason);
	after_end(g, outcome, ran_ms);
}
