/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

extern char **environ;

/* Field 22; the name before it may hold anything, so counting begins behind its last parenthesis.
 */
static int read_start_ticks(pid_t pid, uint64_t *ticks)
{
	char path[64], text[1024];
	const char *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p && sscanf(p, "%" SCNu64, ticks) == 1 ? 0 : -ESRCH;
}

/* Where the process writes to: a file by its name, or where that is NULL a descriptor. */
struct output {
	const char *path;
	int fd;
};

static int add_output(posix_spawn_file_actions_t *actions, const struct output *out)
{
	if (!out->path)
		return posix_spawn_file_actions_adddup2(actions, out->fd, 1);
	return posix_spawn_file_actions_addopen(actions, 1, out->path, O_WRONLY | O_CREAT | O_TRUNC,
						0600);
}

static int fill_actions(posix_spawn_file_actions_t *actions, const struct output *out)
{
	int ret = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	ret = ret ?: add_output(actions, out);
	ret = ret ?: posix_spawn_file_actions_adddup2(actions, 1, 2);
	return ret ?: posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

static int fill_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int ret;

	sigemptyset(&none);
	sigfillset(&all);
	ret = posix_spawnattr_setsigmask(attributes, &none);
	ret = ret ?: posix_spawnattr_setsigdefault(attributes, &all);
	return ret
		       ?: posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID |
								       POSIX_SPAWN_SETSIGMASK |
								       POSIX_SPAWN_SETSIGDEF);
}

static int start(struct process *p, char *const *argv, const struct output *out, struct err *e)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int ret;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	ret = fill_actions(&actions, out);
	ret = ret ?: fill_attributes(&attributes);
	ret = ret ?: posix_spawnp(&p->pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (ret)
		return err_set(e, ret, "cannot start %s: %s", argv[0], strerror(ret));

	p->pidfd = pidfd_open(p->pid, 0);
	if (p->pidfd < 0) {
		ret = errno;
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
		return err_set(e, ret, "cannot watch %s: %s; raise LimitNOFILE", argv[0],
			       strerror(ret));
	}
	if (read_start_ticks(p->pid, &p->start_ticks) < 0)
		p->start_ticks = 0;
	return 0;
}

int process_start(struct process *p, char *const *argv, const char *log_path, struct err *e)
{
	return start(p, argv, &(struct output){.path = log_path}, e);
}

int process_start_into(struct process *p, char *const *argv, int out_fd, struct err *e)
{
	return start(p, argv, &(struct output){.fd = out_fd}, e);
}

/* The pidfd first: when the time fits after that, the descriptor is that of the right process. */
int process_open(struct process *p, pid_t pid, uint64_t start_ticks)
{
	if (pid <= 1 || start_ticks == 0)
		return -ESRCH;
	p->pid = pid;
	p->pidfd = pidfd_open(pid, 0);
	if (p->pidfd < 0)
		return -ESRCH;
	if (read_start_ticks(pid, &p->start_ticks) == 0 && p->start_ticks == start_ticks)
		return 0;
	process_close(p);
	return -ESRCH;
}

void process_signal(const struct process *p, int signal)
{
	if (p->pidfd >= 0)
		pidfd_send_signal(p->pidfd, signal, NULL, 0);
}

bool process_collect(struct process *p, int *status)
{
	siginfo_t info = {0};
	bool known = waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED | WNOHANG) == 0 && info.si_pid;

	if (known)
		*status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
	process_close(p);
	return known;
}

void process_close(struct process *p)
{
	if (p->pidfd >= 0)
		close(p->pidfd);
	p->pidfd = -1;
	p->pid = 0;
}

uint64_t process_age_ms(const struct process *p)
{
	uint64_t started_ms = p->start_ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec ts;
	uint64_t now_ms;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	now_ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / NS_PER_MS;
	return now_ms > started_ms ? now_ms - started_ms : 0;
}

uint64_t process_resident(const struct process *p)
{
	unsigned long long pages = 0;
	char path[40];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)p->pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
