/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util.h"

#define QUIET_MS                                                                                   \
	300 /* pipes that something else holds are given up after so long without output           \
	     */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_pairs(int pairs[COMMAND_FDS][2])
{
	for (int i = 0; i < COMMAND_FDS; i++) {
		close_fd(&pairs[i][0]);
		close_fd(&pairs[i][1]);
	}
}

static int open_pairs(int pairs[COMMAND_FDS][2])
{
	memset(pairs, -1, sizeof(int[COMMAND_FDS][2]));
	for (int i = 0; i < COMMAND_FDS; i++) {
		if (pipe2(pairs[i], O_CLOEXEC) < 0) {
			int ret = -errno;

			close_pairs(pairs);
			return ret;
		}
	}
	return 0;
}

static int open_nulls(int stdio[COMMAND_FDS])
{
	for (int i = 0; i < COMMAND_FDS; i++) {
		stdio[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (stdio[i] < 0) {
			int ret = -errno;

			while (i--)
				close(stdio[i]);
			return ret;
		}
	}
	return 0;
}

/* In the child. Says on `report` why it could not become `argv`. */
static _Noreturn void become(const char *const *argv, const int stdio[COMMAND_FDS], int report)
{
	sigset_t none;
	int error;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	for (int i = 0; i < COMMAND_FDS; i++)
		dup2(stdio[i], i);
	execvp(argv[0], (char *const *)argv);
	error = errno;
	while (write(report, &error, sizeof(error)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/*
 * Returns the pid once exec has succeeded, or -errno. The report pipe closes on exec, so waiting
 * for it takes no longer than exec does. `stdio` are above 2, because the agent keeps 0-2 open.
 */
static pid_t spawn(const char *const *argv, const int stdio[COMMAND_FDS])
{
	int report[2], error = 0;
	pid_t pid;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become(argv, stdio, report[1]);
	if (pid < 0)
		error = errno;
	close(report[1]);
	if (pid > 0) {
		do
			n = read(report[0], &error, sizeof(error));
		while (n < 0 && errno == EINTR);
		if (n == (ssize_t)sizeof(error))
			waitpid(pid, NULL, 0);
	}
	close(report[0]);
	return error ? -error : pid;
}

int command_start(struct command *c, uint32_t id, const char *const *argv)
{
	int pairs[COMMAND_FDS][2];
	int stdio[COMMAND_FDS];
	int ret = open_pairs(pairs);

	if (ret < 0)
		return ret;
	for (int i = 0; i < COMMAND_FDS; i++) {
		bool reads = i == COMMAND_STDIN;

		stdio[i] = pairs[i][reads ? 0 : 1];
		c->fd[i] = pairs[i][reads ? 1 : 0];
		fcntl(c->fd[i], F_SETFL, O_NONBLOCK);
	}
	ret = spawn(argv, stdio);
	if (ret < 0) {
		close_pairs(pairs);
		memset(c->fd, -1, sizeof(c->fd));
		return ret;
	}
	for (int i = 0; i < COMMAND_FDS; i++)
		close(stdio[i]);

	c->id = id;
	c->pid = ret;
	c->reaped = false;
	c->output_window = c->input_window = AGENT_WINDOW_BYTES;
	c->input_done = 0;
	c->input_eof = false;
	c->input_head = c->input_len = 0;
	return 0;
}

int command_start_detached(const char *const *argv)
{
	int stdio[COMMAND_FDS];
	int ret = open_nulls(stdio);

	if (ret < 0)
		return ret;
	ret = spawn(argv, stdio);
	for (int i = 0; i < COMMAND_FDS; i++)
		close(stdio[i]);
	return MIN_OF(ret, 0);
}

int command_input(struct command *c, const void *data, size_t len)
{
	if (len > c->input_window || c->input_eof)
		return -EPROTO;
	c->input_window -= (uint32_t)len;
	if (c->fd[COMMAND_STDIN] < 0) {
		c->input_done += (uint32_t)len;
		return 0;
	}
	if (c->input_head + c->input_len + len > sizeof(c->input)) {
		memmove(c->input, c->input + c->input_head, c->input_len);
		c->input_head = 0;
	}
	memcpy(c->input + c->input_head + c->input_len, data, len);
	c->input_len += len;
	return 0;
}

void command_input_flush(struct command *c)
{
	while (c->input_len && c->fd[COMMAND_STDIN] >= 0) {
		ssize_t n = write(c->fd[COMMAND_STDIN], c->input + c->input_head, c->input_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			n = (ssize_t)c->input_len;
			close_fd(&c->fd[COMMAND_STDIN]);
		}
		c->input_head += (size_t)n;
		c->input_len -= (size_t)n;
		c->input_done += (uint32_t)n;
	}
	if (c->input_len == 0)
		c->input_head = 0;
	if (c->input_eof && c->input_len == 0)
		close_fd(&c->fd[COMMAND_STDIN]);
}

size_t command_output(struct command *c, int which, void *data, size_t size, uint64_t now_ms)
{
	ssize_t n = read(c->fd[which], data, MIN_OF(size, c->output_window));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		close_fd(&c->fd[which]);
		return 0;
	}
	c->output_window -= (uint32_t)n;
	c->quiet_ms = now_ms;
	return (size_t)n;
}

void command_kill(struct command *c, int signal)
{
	if (!c->reaped)
		kill(-c->pid, signal);
}

void command_reaped(struct command *c, int status, uint64_t now_ms)
{
	c->reaped = true;
	c->status = status;
	c->quiet_ms = now_ms;
}

bool command_done(const struct command *c, uint64_t now_ms)
{
	if (!c->reaped)
		return false;
	if (c->fd[COMMAND_STDOUT] < 0 && c->fd[COMMAND_STDERR] < 0)
		return true;
	return c->output_window && now_ms - c->quiet_ms >= QUIET_MS;
}

void command_release(struct command *c)
{
	if (c->id && !c->reaped)
		kill(-c->pid, SIGKILL);
	for (int i = 0; i < COMMAND_FDS; i++)
		close_fd(&c->fd[i]);
	c->id = 0;
}
