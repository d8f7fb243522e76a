/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * weftd: the boot sequence, and its undoing in reverse.
 *
 * Threads: this one (configuration, control socket, guests, timers), librte_vhost's event thread
 * (frontends' messages), and the workers (frames). Only this one changes the configuration.
 */

#include "daemon/weftd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/version.h"
#include "config/example.h"
#include "config/schema_doc.h"
#include "daemon/apply.h"
#include "daemon/cmd.h"
#include "daemon/dhcp.h"
#include "daemon/doctor.h"
#include "daemon/gateways.h"
#include "daemon/image.h"
#include "daemon/metrics.h"
#include "daemon/options.h"
#include "daemon/running.h"
#include "dataplane/eal.h"
#include "uplink/host_uplink.h"

#define RUN_DIR_DEFAULT "/run/weft"

/* --- things that run instead of the daemon ---------------------------------------------------- */

static int check_file(const char *file, bool json)
{
	struct config_errors errs;
	struct config *c = config_load(file, true, &errs);

	if (json) {
		json_t *list = json_array();

		for (unsigned i = 0; i < errs.n; i++)
			json_array_append_new(
				list,
				json_pack("{s:s, s:i, s:i, s:s, s:s, s:s}", "file", file, "line",
					  errs.list[i].pos.line, "column", errs.list[i].pos.col,
					  "severity", errs.list[i].warning ? "warning" : "error",
					  "message", errs.list[i].text, "help", errs.list[i].help));
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(list);
	} else {
		config_errors_print_file(&errs, file, stderr);
		if (c)
			printf("%s: ok: %u bridges, %u ports, %u guests\n", file, c->n_bridges,
			       c->n_ports, c->n_guests);
	}
	config_free(c);
	return c ? 0 : 1;
}

/* --- boot ------------------------------------------------------------------------------------- */

static int make_run_dir(struct weftd *d, struct err *e)
{
	const char *dir = d->run_dir;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", dir);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	d->made_run_dir = mkdir(path, 0755) == 0;
	if (!d->made_run_dir && errno != EEXIST)
		return err_set(e, errno,
			       "cannot create run-dir %s: %s; choose another with "
			       "--run-dir or switch.run-dir",
			       dir, strerror(errno));
	if (access(dir, W_OK | X_OK) < 0)
		return err_set(e, errno,
			       "cannot write to run-dir %s: %s; run weftd as root or choose "
			       "another with --run-dir",
			       dir, strerror(errno));
	return 0;
}

/* One weftd a run-dir. The lock dies with the process, however it ends. */
static int lock_run_dir(struct weftd *d, struct err *e)
{
	char path[PATH_MAX], pid[32] = "?";
	ssize_t n;

	snprintf(path, sizeof(path), "%s/weftd.pid", d->run_dir);
	d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (d->lock_fd < 0)
		return err_set(e, errno, "cannot create %s: %s", path, strerror(errno));
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		n = read(d->lock_fd, pid, sizeof(pid) - 1);
		pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
		return err_set(e, EBUSY,
			       "another weftd (pid %s) runs on %s; stop it with `weft -s "
			       "%s/weftd.sock exit` or choose another --run-dir",
			       pid, d->run_dir, d->run_dir);
	}
	if (ftruncate(d->lock_fd, 0) < 0 || dprintf(d->lock_fd, "%d\n", getpid()) < 0)
		return err_set(e, errno, "cannot write %s: %s", path, strerror(errno));
	return 0;
}

static void unlock_run_dir(struct weftd *d)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/weftd.pid", d->run_dir);
	unlink(path);
	if (d->made_run_dir)
		rmdir(d->run_dir);
	close(d->lock_fd);
}

/* Without the permission to look, there is nothing that this weftd could have left. */
static void sweep_host(const char *run_dir)
{
	struct err e;
	int found = host_uplink_sweep(run_dir, &e);

	if (found > 0)
		log_info(LOG_MAIN, "an earlier weftd died; removed its rules and settings n=%d",
			 found);
}

static unsigned worker_count(const struct config *c)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (c->sw.workers)
		return MIN_OF(c->sw.workers, (unsigned)WORKERS_MAX);
	return cpus <= 4 ? 1 : MIN_OF((unsigned)cpus / 4, 4u);
}

static struct config *load(const struct options *opt, struct config_errors *errs)
{
	size_t len;
	const char *text;

	if (!opt->example)
		return running_load(opt->config_file, opt->run_dir, errs);
	text = config_example(&len);
	return config_parse_checked(text, len, "example", true, errs);
}

static int start_switch(struct weftd *d, const struct config *c, struct err *e)
{
	struct dataplane_params params = {
		.n_workers = worker_count(c), .start_threads = true, .held = true};

	params.idle_ns = vswitch_idle_ns(c, params.n_workers);
	d->vswitch = vswitch_create(d->loop, &params, e);
	return d->vswitch ? 0 : -EIO;
}

static int start_guests(struct weftd *d, const struct config *c, struct err *e)
{
	char image_dir[PATH_MAX];
	struct guests_env env = {.loop = d->loop,
				 .run_dir = d->run_dir,
				 .image_dir = image_dir,
				 .hugepages = c->sw.hugepages,
				 .engine = d->engine};

	image_find_dir(image_dir, sizeof(image_dir));
	d->guests = guests_create(&env, e);
	return d->guests ? 0 : -errno;
}

static int start_control(struct weftd *d, const struct config *c, struct err *e)
{
	const struct control_verb *verbs;
	char path[PATH_MAX];
	size_t n;

	verbs = command_table(&n);
	snprintf(path, sizeof(path), "%s/weftd.sock", d->run_dir);
	d->control = control_create(d->loop, path, c->sw.socket_owner, c->sw.socket_group,
				    c->sw.socket_mode, verbs, n, d, e);
	return d->control ? 0 : -errno;
}

/* --- signals and the end ---------------------------------------------------------------------- */

static void on_guests_stopped(void *arg)
{
	struct weftd *d = arg;

	if (d->exit_call)
		call_reply(d->exit_call, json_object());
	d->exit_call = NULL;
	loop_stop(d->loop);
}

void weftd_exit(struct weftd *d, bool leave_guests)
{
	if (d->exiting) {
		loop_stop(d->loop); /* asked twice: do not wait for anybody */
		return;
	}
	d->exiting = true;
	d->leave_guests = leave_guests;
	sd_notify(0, "STOPPING=1");
	if (leave_guests)
		on_guests_stopped(d);
	else
		guests_stop_all(d->guests, on_guests_stopped, d);
}

static void reload(struct weftd *d)
{
	struct config_errors errs;
	struct apply_result r;
	struct config *c;

	if (!*d->config_file)
		return;
	sd_notify(0, "RELOADING=1");
	c = config_load(d->config_file, true, &errs);
	if (!c) {
		config_errors_print_file(&errs, d->config_file, stderr);
		log_error(LOG_CONFIG, "the file is not valid; what runs stays file=%s",
			  d->config_file);
	} else {
		running_mark(d, NULL);
		apply_config(d, c, &r);
		apply_result_fini(&r);
	}
	sd_notify(0, "READY=1");
}

struct signal_watch {
	struct loop_watch watch;
	struct weftd *d;
};

static void on_signal(struct loop_watch *w, uint32_t events)
{
	struct signal_watch *s = container_of(w, struct signal_watch, watch);
	struct signalfd_siginfo info;

	if (read(w->fd, &info, sizeof(info)) != sizeof(info))
		return;
	log_info(LOG_MAIN, "signal %s", strsignal((int)info.ssi_signo));
	if (info.ssi_signo == SIGHUP)
		reload(s->d);
	else
		weftd_exit(s->d, false);
}

/* Before any thread is made: each inherits the mask, so that only the signalfd sees them. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigprocmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int watch_signals(struct weftd *d, struct signal_watch *s, const sigset_t *set)
{
	int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	s->watch.ready = on_signal;
	s->d = d;
	return loop_watch_add(d->loop, &s->watch, fd, EPOLLIN);
}

/* Each guest takes some descriptors; the usual soft limit of 1024 would be few. */
static void raise_limits(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static int apply_first(struct weftd *d, struct config *c)
{
	struct apply_result r;
	int ret = apply_config(d, c, &r);

	apply_result_fini(&r);
	if (ret == -EREMOTEIO)
		log_warn(LOG_APPLY, "%u changes failed; the rest runs", r.n_failed);
	return ret == -EREMOTEIO ? 0 : ret;
}

/* ENGINE_AUTO for what names none. */
static enum guest_engine engine_parse(const char *text)
{
	if (strcmp(text, "weft") == 0)
		return ENGINE_WEFT;
	return strcmp(text, "qemu") == 0 ? ENGINE_QEMU : ENGINE_AUTO;
}

static int run(const struct options *opt)
{
	struct weftd d = {.config_file = opt->config_file ? opt->config_file : "",
			  .lock_fd = -1,
			  .engine = opt->engine ? engine_parse(opt->engine) : ENGINE_AUTO};
	struct signal_watch signals = {0};
	struct config_errors errs;
	struct err e = {0};
	struct config *c = load(opt, &errs);
	sigset_t set;
	int ret = -EINVAL;

	config_errors_print_file(&errs, d.config_file, stderr);
	if (!c)
		return 1;
	d.run_dir = strdup(opt->run_dir ? opt->run_dir : c->sw.run_dir);
	running_mark(&d, NULL);
	d.started_ms = clock_now_ms();
	raise_limits();
	block_signals(&set);

	if ((ret = make_run_dir(&d, &e)) < 0 || (ret = lock_run_dir(&d, &e)) < 0)
		goto err_run_dir;
	running_sweep(&d);
	sweep_host(d.run_dir);
	if ((ret = eal_init(c->sw.hugepages, &e)) < 0)
		goto err_eal;
	d.loop = loop_create();
	if (!d.loop || (ret = watch_signals(&d, &signals, &set)) < 0) {
		err_set(&e, errno, "cannot start the event loop: %s", strerror(errno));
		goto err_loop;
	}
	if ((ret = start_switch(&d, c, &e)) < 0)
		goto err_loop;
	if ((ret = start_guests(&d, c, &e)) < 0)
		goto err_switch;
	if ((ret = start_control(&d, c, &e)) < 0)
		goto err_guests;
	ret = apply_first(&d, c);
	c = NULL;
	if (ret < 0)
		goto err_control;
	vswitch_start(d.vswitch);

	log_info(LOG_MAIN, "ready version=%s run_dir=%s workers=%u", version_text, d.run_dir,
		 d.vswitch->dp->n_workers);
	sd_notify(0, "READY=1");
	ret = loop_run(d.loop);
	running_remove(&d);

err_control:
	cmd_capture_end_all(&d);
	metrics_listen(&d, "", NULL);
	dhcp_end_all(&d, d.leave_guests);
	control_destroy(d.control);
err_guests:
	guests_destroy(d.guests);
err_switch:
	gateways_destroy(d.gateways);
	vswitch_destroy(d.vswitch);
err_loop:
	if (signals.watch.loop) {
		int fd = signals.watch.fd;

		loop_watch_del(&signals.watch);
		close(fd);
	}
	loop_destroy(d.loop);
	eal_fini();
err_eal:
	unlock_run_dir(&d);
err_run_dir:
	if (e.text[0])
		fprintf(stderr, "weftd: error: %s\n", e.text);
	config_free(c);
	config_free(d.config);
	free((char *)d.run_dir);
	return ret < 0 ? 1 : 0;
}

/* What is left on the host by a weftd that was killed, when no other follows it. */
static int cleanup(const char *run_dir)
{
	struct weftd d = {.run_dir = run_dir, .lock_fd = -1};
	struct err e = {0};
	int found = -EBUSY;

	if (access(run_dir, F_OK) < 0 || lock_run_dir(&d, &e) == 0)
		found = host_uplink_sweep(run_dir, &e);
	if (d.lock_fd >= 0)
		unlock_run_dir(&d);
	if (found < 0)
		fprintf(stderr, "weftd: error: %s\n", e.text);
	else
		printf("%d tables and files of settings removed\n", found);
	return found < 0 ? 1 : 0;
}

static bool is_engine(const char *engine)
{
	if (!engine || engine_parse(engine) != ENGINE_AUTO)
		return true;
	fprintf(stderr, "weftd: --engine %s: weft or qemu is wanted\n", engine);
	return false;
}

static int set_log_level(const char *level)
{
	struct err e;

	if (!level || log_level_set("any", level, &e) == 0)
		return 0;
	fprintf(stderr, "weftd: %s\n", e.text);
	return -EINVAL;
}

int main(int argc, char **argv)
{
	struct options opt;
	size_t len;

	if (options_parse(&opt, argc, argv) < 0) {
		options_usage(stderr);
		return 1;
	}
	if (set_log_level(opt.log_level) < 0 || !is_engine(opt.engine))
		return 1;
	switch (opt.task) {
	case TASK_RUN:
		return run(&opt);
	case TASK_CHECK:
		return check_file(opt.check_file, opt.json);
	case TASK_DOCTOR:
		return doctor_run(stdout, opt.json);
	case TASK_CLEANUP:
		return cleanup(opt.run_dir ? opt.run_dir : RUN_DIR_DEFAULT);
	case TASK_PRINT_EXAMPLE:
		fputs(config_example(&len), stdout);
		break;
	case TASK_PRINT_SCHEMA:
		schema_doc_json(stdout);
		break;
	case TASK_PRINT_MAN:
		schema_doc_man(stdout);
		break;
	case TASK_VERSION:
		printf("weftd %s\n", version_text);
		break;
	case TASK_HELP:
		options_usage(stdout);
		break;
	}
	return 0;
}
