/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "perf/lab/interrupt.h"

#define DESCENDANTS_MAX 1024

struct process {
	pid_t pid, parent;
	uint64_t ticks;
	char name[32];
	bool ours, zombie;
};

int child_adopt_orphans(struct err *e)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_set(e, errno, "cannot become the reaper of orphans: %s",
			       strerror(errno));
	return 0;
}

static void become(const char *const *argv, int out_fd, int error_fd)
{
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_DFL);
	dup2(null_fd, STDIN_FILENO);
	dup2(out_fd, STDOUT_FILENO);
	dup2(error_fd, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int child_start(struct child *c, const char *const *argv, const char *log_path, struct err *e)
{
	int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_set(e, errno, "cannot write %s: %s", log_path, strerror(errno));
	c->pid = fork();
	if (c->pid == 0)
		become(argv, fd, fd);
	close(fd);
	if (c->pid < 0) {
		c->pid = 0;
		return err_set(e, errno, "cannot start %s: %s", argv[0], strerror(errno));
	}
	return 0;
}

static void describe(int status, char *how, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(how, size, "was ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(how, size, "exited with status %d", WEXITSTATUS(status));
}

bool child_running(struct child *c, char *how, size_t size)
{
	int status;

	if (!c->pid)
		return false;
	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return true;
	describe(status, how, size);
	c->pid = 0;
	return false;
}

/* Waits for the end of `pid` without reaping it. Returns 0, -ETIMEDOUT or -EINTR. */
static int wait_end(pid_t pid, unsigned timeout_ms, bool interruptible)
{
	uint64_t deadline = clock_now_ms() + timeout_ms, now;
	struct pollfd p = {.events = POLLIN};
	int ret = -ETIMEDOUT;

	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd < 0)
		return -errno;
	while ((now = clock_now_ms()) < deadline) {
		if (poll(&p, 1, (int)(deadline - now)) > 0) {
			ret = 0;
			break;
		}
		if (interruptible && interrupt_pending()) {
			ret = -EINTR;
			break;
		}
	}
	close(p.fd);
	return ret;
}

bool child_wait(struct child *c, unsigned timeout_ms)
{
	if (!c->pid)
		return true;
	if (wait_end(c->pid, timeout_ms, false))
		return false;
	waitpid(c->pid, NULL, 0);
	c->pid = 0;
	return true;
}

void child_stop(struct child *c, unsigned patience_ms)
{
	if (!c->pid)
		return;
	kill(c->pid, SIGTERM);
	if (child_wait(c, patience_ms))
		return;
	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	c->pid = 0;
}

/* The last line that is not empty of what was written to `fd`. */
static void read_last_line(int fd, char *line, size_t size)
{
	char buf[2048];
	off_t end = lseek(fd, 0, SEEK_END);
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, MAX_OF(end - (off_t)sizeof(buf) + 1, 0));
	char *start;

	line[0] = '\0';
	if (n <= 0)
		return;
	while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == ' '))
		n--;
	buf[n] = '\0';
	start = strrchr(buf, '\n');
	snprintf(line, size, "%s", start ? start + 1 : buf);
}

int child_shell(const char *command, const char *folder, const char *run_dir, unsigned timeout_ms,
		bool interruptible, char *last_line, size_t size)
{
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};
	int fd = memfd_create("output", MFD_CLOEXEC), status, ret;
	pid_t pid;

	if (fd < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		setenv("RUN_DIR", run_dir, 1);
		if (chdir(folder) < 0)
			_exit(127);
		become(argv, fd, fd);
	}
	if (pid < 0) {
		close(fd);
		return -EAGAIN;
	}

	ret = wait_end(pid, timeout_ms, interruptible);
	if (ret)
		kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	read_last_line(fd, last_line, size);
	close(fd);
	if (ret)
		return ret;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void read_output(int fd, struct output *out, bool error)
{
	char buf[65536];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		if (error)
			output_append_error(out, buf, (size_t)n);
		else
			output_append(out, buf, (size_t)n);
		at += n;
	}
}

int child_run(const char *const *argv, unsigned timeout_ms, struct output *out, struct err *e)
{
	int fds[2] = {memfd_create("stdout", MFD_CLOEXEC), memfd_create("stderr", MFD_CLOEXEC)};
	int status = 0, ret;
	pid_t pid = -1;

	*out = (struct output){.text = calloc(1, 1)};
	if (out->text && fds[0] >= 0 && fds[1] >= 0)
		pid = fork();
	if (pid == 0)
		become(argv, fds[0], fds[1]);
	if (pid < 0) {
		ret = err_set(e, EAGAIN, "cannot start %s: %s", argv[0], strerror(errno));
		goto out;
	}
	ret = wait_end(pid, timeout_ms, true);
	if (ret)
		kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	read_output(fds[0], out, false);
	read_output(fds[1], out, true);
	out->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (ret)
		err_set(e, -ret, "%s: %s", argv[0], strerror(-ret));
out:
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (ret)
		output_fini(out);
	return ret;
}

static bool read_process(const char *pid, struct process *p)
{
	char path[64], buf[512], state;
	unsigned long user, sys, reaped_user, reaped_sys;
	char *name, *rest;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	name = strchr(buf, '(');
	rest = strrchr(buf, ')');
	if (!name || !rest)
		return false;
	*rest = '\0';
	*p = (struct process){.pid = atoi(buf)};
	snprintf(p->name, sizeof(p->name), "%s", name + 1);
	if (sscanf(rest + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", &state,
		   &p->parent, &user, &sys, &reaped_user, &reaped_sys) != 6)
		return false;
	p->zombie = state == 'Z';
	p->ticks = user + sys + reaped_user + reaped_sys;
	return true;
}

/* Marks whose parent is ours until nothing changes: /proc is not in the order of descent. */
static void mark_descendants(struct process *list, unsigned n)
{
	pid_t self = getpid();
	bool changed = true;

	while (changed) {
		changed = false;
		for (unsigned i = 0; i < n; i++) {
			if (list[i].ours)
				continue;
			list[i].ours = list[i].parent == self;
			for (unsigned j = 0; !list[i].ours && j < n; j++)
				list[i].ours = list[j].ours && list[j].pid == list[i].parent;
			changed |= list[i].ours;
		}
	}
}

/* Fills `list` with the descendants of this process. Returns their number. */
static unsigned find_descendants(struct process *list, unsigned max)
{
	unsigned n = 0, kept = 0;
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	if (!dir)
		return 0;
	while (n < max && (entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    read_process(entry->d_name, &list[n]))
			n++;
	closedir(dir);
	mark_descendants(list, n);
	for (unsigned i = 0; i < n; i++)
		if (list[i].ours)
			list[kept++] = list[i];
	return kept;
}

unsigned child_kill_descendants(char *name, size_t size)
{
	struct process *list = calloc(DESCENDANTS_MAX, sizeof(*list));
	unsigned n, living, killed = 0;

	if (!list)
		return 0;
	do {
		living = 0;
		n = find_descendants(list, DESCENDANTS_MAX);
		for (unsigned i = 0; i < n; i++) {
			if (list[i].zombie)
				continue;
			living++;
			snprintf(name, size, "%s", list[i].name);
			kill(list[i].pid, SIGKILL);
			wait_end(list[i].pid, 2000, false);
		}
		killed += living;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	} while (living && killed < DESCENDANTS_MAX);
	free(list);
	return killed;
}

uint64_t child_cpu_ticks(void)
{
	struct process *list = calloc(DESCENDANTS_MAX, sizeof(*list));
	uint64_t us, ticks = 0;
	struct rusage reaped;
	unsigned n;

	if (!list)
		return 0;
	n = find_descendants(list, DESCENDANTS_MAX);
	for (unsigned i = 0; i < n; i++)
		ticks += list[i].ticks;
	free(list);
	getrusage(RUSAGE_CHILDREN, &reaped);
	us = (uint64_t)(reaped.ru_utime.tv_sec + reaped.ru_stime.tv_sec) * 1000000 +
	     (uint64_t)(reaped.ru_utime.tv_usec + reaped.ru_stime.tv_usec);
	return ticks + us * (uint64_t)sysconf(_SC_CLK_TCK) / 1000000;
}
