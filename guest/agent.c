/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * weft-agent: runs in a guest and lets the host run commands there, over a virtio-serial port or a
 * serial line, so that nothing of it touches the network under test. The frames and the flow
 * control are common/agent_proto.h; a command is guest/command.h.
 *
 * One thread, one poll loop, fixed memory. Output goes through one buffer. A pipe is read only when
 * the command has a window and the buffer has room beside the reserve; the port is read only when
 * the reserve is free, which holds the answers to one read. So a host that does not read stops the
 * agent, and costs no memory.
 *
 * A session begins with the host's HELLO and ends with the next one, with a hang-up, or with a
 * breach of the protocol; its commands are killed then, detached ones excepted.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"
#include "guest/command.h"

#define DEFAULT_PORT  "/dev/virtio-ports/" AGENT_PORT_NAME
#define IMAGE_MARK    "/etc/weft-image" /* only where this file is may a host switch us off */
#define OUT_BYTES     (128 * 1024)
#define OUT_RESERVE   (16 * 1024)
#define READ_BYTES    4096
#define HUNG_UP_MS    100
#define EXIT_SWEEP_MS 50
#define TERM_GRACE_US 200000
#define GRANT_BYTES   (AGENT_WINDOW_BYTES / 4)
#define POLL_PORT     0
#define POLL_SIGNAL   1
#define POLL_COMMANDS 2
#define POLL_N	      (POLL_COMMANDS + AGENT_COMMANDS_MAX * COMMAND_FDS)

struct agent {
	int port, signals;
	bool once;    /* the port cannot come back: a hang-up is the end */
	bool hung_up; /* the host's end is closed; the port is looked at now and then only */
	bool ended;
	struct agent_parser in;
	size_t out_head, out_len;
	uint8_t out[OUT_BYTES];
	struct command commands[AGENT_COMMANDS_MAX];
	struct pollfd fds[POLL_N];
};

static size_t out_room(const struct agent *a)
{
	return sizeof(a->out) - a->out_len;
}

static void out_bytes(struct agent *a, const void *data, size_t len)
{
	if (a->out_head + a->out_len + len > sizeof(a->out)) {
		memmove(a->out, a->out + a->out_head, a->out_len);
		a->out_head = 0;
	}
	if (len)
		memcpy(a->out + a->out_head + a->out_len, data, len);
	a->out_len += len;
}

/* The callers see to it that there is room. */
static void send_frame(struct agent *a, enum agent_type type, uint32_t id, const void *payload,
		       uint32_t len)
{
	uint8_t header[AGENT_HEADER_BYTES];

	agent_header_format(header, type, id, len);
	out_bytes(a, header, sizeof(header));
	out_bytes(a, payload, len);
}

static void send_exited(struct agent *a, uint32_t id, enum agent_exit how, int value)
{
	uint8_t payload[5] = {(uint8_t)how};

	agent_put32(payload + 1, (uint32_t)value);
	send_frame(a, AGENT_EXITED, id, payload, sizeof(payload));
}

static void send_hello(struct agent *a, uint32_t id)
{
	uint8_t payload[AGENT_HELLO_BYTES];

	agent_hello_format(payload);
	send_frame(a, AGENT_HELLO, id, payload, sizeof(payload));
}

static void end_session(struct agent *a)
{
	for (int i = 0; i < AGENT_COMMANDS_MAX; i++)
		command_release(&a->commands[i]);
	a->out_head = a->out_len = 0;
}

static struct command *command_of(struct agent *a, uint32_t id)
{
	for (int i = 0; i < AGENT_COMMANDS_MAX; i++)
		if (a->commands[i].id == id)
			return &a->commands[i];
	return NULL;
}

static int input_exec(struct agent *a, const struct agent_frame *f)
{
	const char *argv[AGENT_EXEC_WORDS_MAX + 1];
	struct command *c = command_of(a, 0);
	unsigned flags;
	int ret = agent_exec_parse(f, argv, &flags);

	if (ret < 0 || f->id == 0 || command_of(a, f->id))
		return -EPROTO;
	if (flags & AGENT_FLAG_DETACHED)
		ret = command_start_detached(argv);
	else
		ret = c ? command_start(c, f->id, argv) : -EAGAIN;
	if (ret < 0)
		send_exited(a, f->id, AGENT_EXIT_ERROR, -ret);
	else if (flags & AGENT_FLAG_DETACHED)
		send_exited(a, f->id, AGENT_EXIT_STATUS, 0);
	return 0;
}

/* Everybody may write down what they hold; then the machine goes. Does not return in an image. */
static void power_off(struct agent *a)
{
	end_session(a);
	if (access(IMAGE_MARK, F_OK) < 0) {
		a->ended = true;
		return;
	}
	kill(-1, SIGTERM);
	usleep(TERM_GRACE_US);
	sync();
	reboot(RB_POWER_OFF);
}

/* A frame for a command that is gone is no breach: it crossed EXITED on the way. */
static int input_command(struct command *c, const struct agent_frame *f)
{
	switch (f->type) {
	case AGENT_STDIN:
		return command_input(c, f->payload, f->len);
	case AGENT_STDIN_EOF:
		c->input_eof = true;
		return 0;
	case AGENT_WINDOW:
		return agent_window_grant(&c->output_window, agent_get32(f->payload));
	case AGENT_KILL:
		command_kill(c, (int)(agent_get32(f->payload) & 0x7f));
		return 0;
	default:
		return -EPROTO;
	}
}

static int input_frame(const struct agent_frame *f, void *arg)
{
	struct agent *a = arg;
	struct command *c;

	switch (f->type) {
	case AGENT_HELLO:
		end_session(a);
		send_hello(a, f->id);
		return 0;
	case AGENT_EXEC:
		return input_exec(a, f);
	case AGENT_PING:
		send_frame(a, AGENT_PONG, f->id, NULL, 0);
		return 0;
	case AGENT_POWEROFF:
		power_off(a);
		return 0;
	default:
		c = f->id ? command_of(a, f->id) : NULL;
		return c ? input_command(c, f) : 0;
	}
}

static void hang_up(struct agent *a)
{
	end_session(a);
	agent_parser_init(&a->in, true);
	a->hung_up = true;
	a->ended = a->once;
}

static void port_input(struct agent *a)
{
	uint8_t data[READ_BYTES];
	ssize_t n = read(a->port, data, sizeof(data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(a);
		return;
	}
	if (agent_parser_input(&a->in, data, (size_t)n, input_frame, a) < 0) {
		end_session(a);
		agent_parser_init(&a->in, true);
		send_hello(a, 0);
	}
}

static void port_output(struct agent *a)
{
	while (a->out_len) {
		ssize_t n = write(a->port, a->out + a->out_head, a->out_len);

		if (n <= 0)
			return;
		a->out_head += (size_t)n;
		a->out_len -= (size_t)n;
	}
	a->out_head = 0;
}

static void reap(struct agent *a, uint64_t now_ms)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(a->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < AGENT_COMMANDS_MAX; i++)
			if (a->commands[i].id && a->commands[i].pid == pid)
				command_reaped(&a->commands[i], status, now_ms);
}

static void pump_output(struct agent *a, struct command *c, int which, uint64_t now_ms)
{
	uint8_t data[AGENT_PAYLOAD_MAX];
	size_t n;

	if (out_room(a) < OUT_RESERVE + AGENT_FRAME_MAX)
		return;
	n = command_output(c, which, data, sizeof(data), now_ms);
	if (n)
		send_frame(a, which == COMMAND_STDOUT ? AGENT_STDOUT : AGENT_STDERR, c->id, data,
			   (uint32_t)n);
}

static void grant_input(struct agent *a, struct command *c)
{
	uint8_t payload[4];

	if (c->input_done < GRANT_BYTES || out_room(a) < OUT_RESERVE)
		return;
	agent_put32(payload, c->input_done);
	c->input_window += c->input_done;
	c->input_done = 0;
	send_frame(a, AGENT_WINDOW, c->id, payload, sizeof(payload));
}

static void finish(struct agent *a, struct command *c, uint64_t now_ms)
{
	if (!command_done(c, now_ms) || out_room(a) < OUT_RESERVE)
		return;
	if (WIFSIGNALED(c->status))
		send_exited(a, c->id, AGENT_EXIT_SIGNAL, WTERMSIG(c->status));
	else
		send_exited(a, c->id, AGENT_EXIT_STATUS, WEXITSTATUS(c->status));
	command_release(c);
}

static void serve_commands(struct agent *a, uint64_t now_ms)
{
	for (int i = 0; i < AGENT_COMMANDS_MAX; i++) {
		struct command *c = &a->commands[i];
		const struct pollfd *fds = &a->fds[POLL_COMMANDS + i * COMMAND_FDS];

		if (!c->id)
			continue;
		command_input_flush(c);
		grant_input(a, c);
		for (int which = COMMAND_STDOUT; which <= COMMAND_STDERR; which++)
			if (c->fd[which] >= 0 && fds[which].fd == c->fd[which] &&
			    fds[which].revents)
				pump_output(a, c, which, now_ms);
		finish(a, c, now_ms);
	}
}

static void watch_command(struct agent *a, int i)
{
	struct command *c = &a->commands[i];
	struct pollfd *fds = &a->fds[POLL_COMMANDS + i * COMMAND_FDS];
	bool room = c->output_window && out_room(a) >= OUT_RESERVE + AGENT_FRAME_MAX;

	for (int which = 0; which < COMMAND_FDS; which++) {
		bool wanted = which == COMMAND_STDIN ? c->input_len > 0 : room;

		fds[which].fd = c->id && wanted ? c->fd[which] : -1;
		fds[which].events = which == COMMAND_STDIN ? POLLOUT : POLLIN;
		fds[which].revents = 0;
	}
}

/* How long to wait: a hung-up port and pipes held by strangers tell nothing by themselves. */
static int watch(struct agent *a)
{
	bool readable = out_room(a) >= OUT_RESERVE;
	int timeout_ms = a->hung_up ? HUNG_UP_MS : -1;

	a->fds[POLL_PORT].fd = a->hung_up ? -1 : a->port;
	a->fds[POLL_PORT].events = (short)((readable ? POLLIN : 0) | (a->out_len ? POLLOUT : 0));
	a->fds[POLL_PORT].revents = 0;
	a->fds[POLL_SIGNAL] = (struct pollfd){.fd = a->signals, .events = POLLIN};
	for (int i = 0; i < AGENT_COMMANDS_MAX; i++) {
		watch_command(a, i);
		if (a->commands[i].id && a->commands[i].reaped)
			timeout_ms = EXIT_SWEEP_MS;
	}
	return timeout_ms;
}

static void look_for_host(struct agent *a)
{
	struct pollfd fd = {.fd = a->port, .events = POLLIN};

	poll(&fd, 1, 0);
	if (fd.revents & (POLLERR | POLLNVAL))
		a->ended = true;
	if (fd.revents & POLLHUP && !(fd.revents & POLLIN))
		return;
	a->hung_up = false;
}

static void serve_port(struct agent *a)
{
	short revents = a->fds[POLL_PORT].revents;

	if (a->hung_up)
		look_for_host(a);
	else if (revents & POLLIN)
		port_input(a);
	else if (revents & (POLLHUP | POLLERR))
		hang_up(a);
}

static int serve(struct agent *a)
{
	send_hello(a, 0);
	while (!a->ended) {
		uint64_t now_ms;

		if (poll(a->fds, POLL_N, watch(a)) < 0 && errno != EINTR)
			return 1;
		now_ms = clock_now_ms();
		if (a->fds[POLL_SIGNAL].revents)
			reap(a, now_ms);
		serve_commands(a, now_ms);
		serve_port(a);
		port_output(a);
	}
	end_session(a);
	return 0;
}

static int open_port(const char *path)
{
	struct termios raw;
	int fd;

	if (strcmp(path, "-") == 0) {
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		if (fd >= 0)
			fcntl(fd, F_SETFL, O_NONBLOCK);
	} else {
		fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	if (fd >= 0 && tcgetattr(fd, &raw) == 0) {
		cfmakeraw(&raw);
		cfsetspeed(&raw, B115200);
		tcsetattr(fd, TCSANOW, &raw);
	}
	return fd;
}

static int open_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
	static struct agent agent;
	const char *path = argc > 1 ? argv[1] : DEFAULT_PORT;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--help") == 0)) {
		fprintf(stderr, "usage: weft-agent [PORT|-]   (PORT: " DEFAULT_PORT ")\n");
		return 1;
	}
	for (int i = 0; i < AGENT_COMMANDS_MAX; i++)
		memset(agent.commands[i].fd, -1, sizeof(agent.commands[i].fd));
	agent_parser_init(&agent.in, true);
	agent.once = strcmp(path, "-") == 0;
	agent.port = open_port(path);
	agent.signals = open_signals();
	if (agent.port < 0 || agent.signals < 0) {
		fprintf(stderr, "weft-agent: %s: %s; does the guest have the port?\n", path,
			strerror(errno));
		return 1;
	}
	return serve(&agent);
}
