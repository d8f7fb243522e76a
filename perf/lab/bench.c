/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/jsonx.h"
#include "common/kvm_probe.h"
#include "perf/lab/endpoint.h"
#include "perf/lab/guest.h"
#include "perf/lab/interrupt.h"
#include "perf/lab/traffic.h"

#define SHELL_TIMEOUT_MS   60000
#define CONNECT_TIMEOUT_MS 20000
#define PREPARE_TIMEOUT_MS 30000
#define STOP_TIMEOUT_MS	   15000
#define POLL_MS		   100
#define EXIT_LACKING	   77
#define RESTARTS_MAX	   3
#define CONSOLE_LINES	   12

static int check_engine(const struct lab_setup *setup, struct err *e)
{
	struct kvm_probe probe;

	if (strcmp(setup->engine, "weft") != 0)
		return 0;
	kvm_probe_run(NULL, &probe);
	return probe.usable ? 0 : err_set(e, ENOENT, "engine weft needs KVM: %s", probe.reason);
}

int bench_check(const struct lab *lab, const struct lab_setup *setup, struct err *e)
{
	char why[256] = "";
	int ret = check_engine(setup, e);

	if (ret)
		return ret;
	if (!setup->check[0])
		return 0;
	ret = child_shell(setup->check, lab->folder, "/", SHELL_TIMEOUT_MS, true, why, sizeof(why));
	if (ret == -EINTR)
		return err_set(e, EINTR, "interrupted");
	if (ret == EXIT_LACKING)
		return err_set(e, ENOENT, "%s", why);
	if (ret)
		return err_set(e, ENOENT, "its check `%s` failed: %s", setup->check, why);
	return 0;
}

static int make_run_dir(struct bench *b, struct err *e)
{
	strcpy(b->run_dir, "/tmp/weft-lab.XXXXXX");
	if (!mkdtemp(b->run_dir)) {
		b->run_dir[0] = '\0';
		return err_set(e, errno, "cannot make a directory in /tmp: %s", strerror(errno));
	}
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_run_dir(struct bench *b)
{
	if (b->run_dir[0])
		nftw(b->run_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	b->run_dir[0] = '\0';
}

static int run_up(struct bench *b, struct err *e)
{
	char why[256] = "";
	int ret;

	if (!b->setup->up[0])
		return 0;
	progress_show(b->options->progress, "%s: %s", b->setup->name, b->setup->up);
	ret = child_shell(b->setup->up, b->lab->folder, b->run_dir, SHELL_TIMEOUT_MS, true, why,
			  sizeof(why));
	if (ret == 0)
		return 0;
	if (ret < 0)
		return err_set(e, -ret, "`%s`: %s", b->setup->up, strerror(-ret));
	return err_set(e, EIO, "`%s` exited with status %d: %s", b->setup->up, ret, why);
}

/* The last lines of a file, indented, behind the message in `e`. */
static void append_tail(struct err *e, const char *path, const char *what)
{
	size_t used = strlen(e->text), room = sizeof(e->text) - used;
	char buf[400], *start;
	int fd = open(path, O_RDONLY | O_CLOEXEC), lines = 0;
	off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	ssize_t n;

	if (fd < 0 || end <= 0)
		goto out;
	n = pread(fd, buf, sizeof(buf) - 1, MAX_OF(end - (off_t)sizeof(buf) + 1, 0));
	if (n <= 0)
		goto out;
	while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == '\r'))
		n--;
	buf[n] = '\0';
	for (start = buf + n - 1; start > buf && lines < CONSOLE_LINES; start--)
		lines += *start == '\n';
	snprintf(e->text + used, room, "; the end of its %s:\n%s", what, start);
out:
	if (fd >= 0)
		close(fd);
}

static char *log_path(const struct bench *b, char *path, size_t size)
{
	snprintf(path, size, "%s/%s.log", b->options->log_dir, b->setup->name);
	return path;
}

static int weftd_died(struct bench *b, const char *how, struct err *e)
{
	char path[512];
	int ret = err_set(e, ECHILD, "weftd %s", how);

	append_tail(e, log_path(b, path, sizeof(path)), "log");
	return ret;
}

static int start_weftd(struct bench *b, struct err *e)
{
	bool builtin = strcmp(b->setup->config, LAB_CONFIG_BUILTIN) == 0;
	char config[512], log[512];
	const char *argv[] = {
		b->options->weftd, "--run-dir", b->run_dir, "-c", config, NULL, NULL, NULL};
	const char *words[ARRAY_SIZE(argv) + ENDPOINT_SHELL_WORDS];
	char line[512];

	if (builtin) {
		argv[3] = "--example";
		argv[4] = NULL;
	}
	if (b->setup->engine[0]) {
		argv[builtin ? 4 : 5] = "--engine";
		argv[builtin ? 5 : 6] = b->setup->engine;
	}
	lab_path(b->lab, b->setup->config, config, sizeof(config));
	if (!builtin && access(config, R_OK) < 0)
		return err_set(e, errno, "cannot read its config %s: %s", config, strerror(errno));
	progress_show(b->options->progress, "%s: starting weftd", b->setup->name);
	return child_start(&b->weftd,
			   endpoint_under(b->setup->host, argv, line, sizeof(line), words),
			   log_path(b, log, sizeof(log)), e);
}

int bench_pause(struct bench *b, struct err *e)
{
	char how[96];

	poll(NULL, 0, POLL_MS);
	if (interrupt_pending())
		return err_set(e, EINTR, "interrupted");
	if (!child_running(&b->weftd, how, sizeof(how)))
		return weftd_died(b, how, e);
	return 0;
}

static int connect_weftd(struct bench *b, struct err *e)
{
	uint64_t deadline = clock_now_ms() + CONNECT_TIMEOUT_MS;
	char path[96];
	struct err last;
	int ret;

	snprintf(path, sizeof(path), "%s/weftd.sock", b->run_dir);
	while (!(b->rpc = rpc_connect(path, &last))) {
		ret = bench_pause(b, e);
		if (ret)
			return ret;
		if (clock_now_ms() > deadline)
			return err_set(e, ETIMEDOUT, "weftd does not listen after %d s: %.300s",
				       CONNECT_TIMEOUT_MS / 1000, last.text);
	}
	return 0;
}

/* True when the guest's agent answers; -errno when it never will. */
static int guest_ready(const struct bench *b, const char *name, struct err *e)
{
	const json_t *g = guest_entry(b->guests, name);
	const char *state = jsonx_string(g, "state", "");

	if (!g)
		return err_set(e, ENOENT, "its config has no guest \"%s\"", name);
	if (strcmp(state, "failed") == 0)
		return err_set(e, ECHILD, "guest %s failed: %s", name,
			       jsonx_string(g, "exit_reason", "no reason known"));
	if (jsonx_int(g, "restarts", 0) >= RESTARTS_MAX)
		return err_set(e, ECHILD, "guest %s does not stay up: %s", name,
			       jsonx_string(g, "exit_reason", "no reason known"));
	return strcmp(jsonx_string(g, "agent", ""), "ready") == 0;
}

static int guest_late(struct bench *b, const char *name, struct err *e)
{
	const json_t *g = guest_entry(b->guests, name);
	char path[256];
	int ret = err_set(e, ETIMEDOUT, "guest %s (%s, %s) is not ready after %g s", name,
			  jsonx_string(g, "state", "?"), jsonx_string(g, "accel", "?"),
			  b->lab->boot_s);

	snprintf(path, sizeof(path), "%s/guests/%s/console.log", b->run_dir, name);
	append_tail(e, path, "console");
	return ret;
}

/* Whether both ends can run commands; -errno when one never will. `late` names one that cannot. */
static int ends_ready(const struct bench *b, const char **late, struct err *e)
{
	const char *const names[] = {b->setup->client, b->setup->server};

	*late = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int ready = endpoint_is_outside(names[i]) ? 1 : guest_ready(b, names[i], e);

		if (ready < 0)
			return ready;
		if (!ready && !*late)
			*late = names[i];
	}
	return !*late;
}

static int await_guests(struct bench *b, struct err *e)
{
	uint64_t deadline = clock_now_ms() + (uint64_t)(b->lab->boot_s * 1000);
	const char *late;
	int ret;

	progress_show(b->options->progress, "%s: waiting for %s and %s", b->setup->name,
		      b->setup->client, b->setup->server);
	for (;;) {
		json_decref(b->guests);
		b->guests = NULL;
		ret = rpc_call(b->rpc, "guest/list", NULL, 10000, NULL, NULL, &b->guests, e);
		if (ret)
			return ret < 0 ? ret : -EIO;
		ret = ends_ready(b, &late, e);
		if (ret)
			return ret < 0 ? ret : 0;
		if (clock_now_ms() > deadline)
			return guest_late(b, late, e);
		ret = bench_pause(b, e);
		if (ret)
			return ret;
	}
}

static int prepare_guest(struct bench *b, const char *name, struct err *e)
{
	const char *const argv[] = {"sh", "-c", b->setup->prepare, NULL};
	struct output out;
	int ret = guest_run(b->rpc, name, argv, PREPARE_TIMEOUT_MS, &out, e);

	if (ret)
		return ret;
	if (out.status)
		ret = err_set(e, EIO, "`%s` in guest %s exited with status %d: %.300s",
			      b->setup->prepare, name, out.status, out.error);
	output_fini(&out);
	return ret;
}

static int prepare_guests(struct bench *b, struct err *e)
{
	const char *const names[] = {b->setup->client, b->setup->server};
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && ret == 0; i++)
		if (b->setup->prepare[0] && !endpoint_is_outside(names[i]))
			ret = prepare_guest(b, names[i], e);
	return ret;
}

int bench_up(struct bench *b, const struct lab_setup *setup, struct err *e)
{
	int (*const steps[])(struct bench *, struct err *) = {
		make_run_dir, run_up,	      start_weftd,	    connect_weftd,
		await_guests, prepare_guests, traffic_start_server, traffic_reach_server,
	};
	int ret = 0;

	b->setup = setup;
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(steps); i++)
		ret = interrupt_pending() ? -EINTR : steps[i](b, e);
	if (ret)
		bench_down(b, NULL);
	return ret;
}

static void stop_weftd(struct bench *b)
{
	if (b->rpc && b->weftd.pid &&
	    rpc_call(b->rpc, "exit", NULL, STOP_TIMEOUT_MS, NULL, NULL, NULL, NULL) == 0)
		child_wait(&b->weftd, STOP_TIMEOUT_MS);
	rpc_close(b->rpc);
	b->rpc = NULL;
	child_stop(&b->weftd, STOP_TIMEOUT_MS);
}

int bench_down(struct bench *b, struct err *e)
{
	char why[256] = "", name[64] = "";
	unsigned killed;
	int ret = 0;

	if (!b->setup)
		return 0;
	progress_show(b->options->progress, "%s: stopping", b->setup->name);
	child_stop(&b->server, STOP_TIMEOUT_MS);
	stop_weftd(b);
	if (b->setup->down[0] && b->run_dir[0]) {
		ret = child_shell(b->setup->down, b->lab->folder, b->run_dir, SHELL_TIMEOUT_MS,
				  false, why, sizeof(why));
		if (ret)
			ret = err_set(e, ECHILD, "`%s` failed: %s", b->setup->down, why);
	}
	killed = child_kill_descendants(name, sizeof(name));
	if (killed)
		ret = err_set(e, ECHILD, "%u left-over processes had to be killed, %s among them",
			      killed, name);
	remove_run_dir(b);
	json_decref(b->guests);
	b->guests = NULL;
	b->setup = NULL;
	return ret;
}

/* The words of a process's command line, or NULL. */
static json_t *command_line(pid_t pid)
{
	char path[64], buf[16384];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return NULL;
	for (ssize_t i = 0; i + 1 < n; i++)
		if (buf[i] == '\0')
			buf[i] = ' ';
	buf[n] = '\0';
	return json_string(buf);
}

static json_t *read_text(const char *path)
{
	char buf[65536];
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(buf, 1, sizeof(buf), f) : 0;

	if (f)
		fclose(f);
	return json_stringn(buf, n);
}

void bench_describe(const struct bench *b, json_t *entry)
{
	const struct lab_setup *setup = b->setup;
	const char *name = endpoint_is_outside(setup->server) ? setup->client : setup->server;
	const json_t *guest_end = guest_entry(b->guests, name);
	json_t *commands = json_array(), *guest;
	char path[512];
	size_t i;

	json_array_append_new(commands, command_line(b->weftd.pid));
	json_array_foreach (b->guests, i, guest)
		if (jsonx_int(guest, "pid", 0))
			json_array_append_new(commands,
					      command_line((pid_t)jsonx_int(guest, "pid", 0)));
	json_object_set_new(entry, "commands", commands);
	json_object_set(entry, "guests", b->guests);
	json_object_set_new(entry, "engine",
			    json_string(jsonx_string(guest_end, "accel", "unknown")));
	if (jsonx_string(guest_end, "engine", "")[0])
		json_object_set(entry, "vmm", json_object_get(guest_end, "engine"));
	json_object_set_new(entry, "engine_reason",
			    json_string(jsonx_string(guest_end, "accel_reason", "")));
	lab_path(b->lab, b->setup->config, path, sizeof(path));
	if (strcmp(b->setup->config, LAB_CONFIG_BUILTIN) != 0)
		json_object_set_new(entry, "config_text", read_text(path));
}
