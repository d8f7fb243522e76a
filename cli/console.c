/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "common/clock.h"

#define ESCAPE 0x1d /* Ctrl-] */

struct console {
	int fd, signal_fd;
	bool raw;   /* the terminal's settings are in `saved` */
	bool input; /* standard input is still open */
	struct termios saved;
	sigset_t saved_mask;
};

/* Signals that end the process arrive as a readable descriptor, after which settings go back. */
static int hold_signals(struct console *c)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &c->saved_mask);
	c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	return c->signal_fd < 0 ? -errno : 0;
}

static void make_raw(struct console *c, const char *guest)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &c->saved) < 0)
		return;
	fprintf(stderr, "console of %s, Ctrl-] leaves\r\n", guest);
	raw = c->saved;
	cfmakeraw(&raw);
	c->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static void restore(struct console *c)
{
	if (c->raw) {
		tcsetattr(STDIN_FILENO, TCSADRAIN, &c->saved);
		fputc('\n', stderr);
	}
	if (c->signal_fd >= 0)
		close(c->signal_fd);
	sigprocmask(SIG_SETMASK, &c->saved_mask, NULL);
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EAGAIN)
			poll(&p, 1, -1);
		else if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* Keys to the guest. Returns false when the user leaves or the console is gone. */
static bool pass_input(struct console *c)
{
	char data[4096];
	ssize_t n = read(STDIN_FILENO, data, sizeof(data));
	char *escape;

	if (n <= 0) {
		c->input = n < 0 && errno == EINTR;
		return !c->raw || c->input;
	}
	escape = c->raw ? memchr(data, ESCAPE, (size_t)n) : NULL;
	return write_all(c->fd, data, escape ? (size_t)(escape - data) : (size_t)n) && !escape;
}

/* Returns false when the console is closed. */
static bool pass_output(struct console *c)
{
	char data[4096];
	ssize_t n = read(c->fd, data, sizeof(data));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	return n > 0 && write_all(STDOUT_FILENO, data, (size_t)n);
}

/* Until the console or the user ends it. Returns 0 or -errno. */
static int pump(struct console *c, uint64_t due_ms)
{
	for (;;) {
		struct pollfd p[] = {{.fd = c->fd, .events = POLLIN},
				     {.fd = c->input ? STDIN_FILENO : -1, .events = POLLIN},
				     {.fd = c->signal_fd, .events = POLLIN}};
		uint64_t now_ms = clock_now_ms();
		int wait_ms = due_ms == UINT64_MAX
				      ? -1
				      : (int)MIN_OF(due_ms - MIN_OF(now_ms, due_ms), 60000u);
		int n = poll(p, 3, wait_ms);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (now_ms >= due_ms || p[2].revents)
			return 0;
		if (p[0].revents && !pass_output(c))
			return 0;
		if (p[1].revents && !pass_input(c))
			return 0;
	}
}

int console_run(const char *guest, int fd, int timeout_ms, struct err *e)
{
	uint64_t due_ms = timeout_ms < 0 ? UINT64_MAX : clock_now_ms() + (uint64_t)timeout_ms;
	struct console c = {.fd = fd, .input = true};
	int ret = hold_signals(&c);

	if (ret == 0) {
		make_raw(&c, guest);
		ret = pump(&c, due_ms);
	}
	restore(&c);
	close(fd);
	return ret < 0 ? err_set(e, -ret, "console of %s: %s", guest, strerror(-ret)) : 0;
}
