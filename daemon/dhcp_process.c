/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/dhcp_process.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "dhcp/jail.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS	 30000
#define HEALTHY_MS	 10000 /* who ran so long starts from the first pause again */

const struct dhcp_user *dhcp_user(void)
{
	static struct dhcp_user user;
	static const char *const names[] = {"dnsmasq", "nobody"};

	for (size_t i = 0; i < ARRAY_SIZE(names) && !user.uid; i++) {
		const struct passwd *pw = getpwnam(names[i]);

		if (pw && pw->pw_uid)
			user = (struct dhcp_user){pw->pw_uid, pw->pw_gid};
	}
	return &user;
}

/* --- its log ---------------------------------------------------------------------------------- */

/* "dnsmasq-dhcp[123]: text" without what comes before the text; what clients wrote made harmless.
 */
static char *clean_line(char *line)
{
	char *text = strstr(line, "]: ");

	for (char *p = line; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	return strncmp(line, "dnsmasq", 7) == 0 && text ? text + 3 : line;
}

static bool is_refusal(const char *text)
{
	return strncmp(text, "DHCP", 4) == 0 &&
	       (strstr(text, " no address available") || strstr(text, " no leases left") ||
		strstr(text, " no addresses available"));
}

static void take_line(struct dhcp_server *s, char *line)
{
	static struct log_ratelimit limit;
	const char *text = clean_line(line);

	snprintf(s->last_log, sizeof(s->last_log), "%.*s", DHCP_ERROR_MAX - 1, text);
	s->ready |= strncmp(text, "DHCP, sockets bound", 19) == 0;
	if (!is_refusal(text)) {
		log_debug(LOG_DHCP, "%s bridge=%s", text, s->name);
		return;
	}
	s->refused++;
	if (log_ratelimit_ok(&limit, 5))
		log_warn(LOG_DHCP, "%s; enlarge dhcp.range or shorten dhcp.lease bridge=%s", text,
			 s->name);
}

static void close_log(struct dhcp_server *s)
{
	int fd = s->log_watch.fd;

	loop_watch_del(&s->log_watch);
	if (fd >= 0)
		close(fd);
	s->log_len = 0;
}

/* One read a turn of the loop: who makes dnsmasq write much waits for weftd, not weftd for it. */
static void on_log(struct loop_watch *w, uint32_t events)
{
	struct dhcp_server *s = container_of(w, struct dhcp_server, log_watch);
	size_t room = sizeof(s->log) - 1 - s->log_len;
	ssize_t n = read(w->fd, s->log + s->log_len, room);
	char *line = s->log, *end;

	if (n <= 0 && (n == 0 || errno != EAGAIN)) {
		close_log(s);
		return;
	}
	s->log_len += n > 0 ? (unsigned)n : 0;
	s->log[s->log_len] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		take_line(s, line);
		line = end + 1;
	}
	s->log_len -= (unsigned)(line - s->log);
	memmove(s->log, line, s->log_len + 1);
	if (s->log_len == sizeof(s->log) - 1)
		s->log_len = 0; /* no line is that long */
}

/* Returns the end for the process to write to, or -errno. */
static int open_log(struct dhcp_server *s)
{
	int fds[2], ret;

	close_log(s);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	ret = loop_watch_add(s->loop, &s->log_watch, fds[0], EPOLLIN);
	if (ret == 0)
		return fds[1];
	close(fds[0]);
	close(fds[1]);
	return ret;
}

/* --- its start -------------------------------------------------------------------------------- */

/* A program beside weftd. */
static void beside(const char *name, char path[PATH_MAX])
{
	char exe[PATH_MAX] = "";

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0 && strrchr(exe, '/'))
		*strrchr(exe, '/') = '\0';
	if ((size_t)snprintf(path, PATH_MAX, "%s/%s", exe, name) >= PATH_MAX)
		path[0] = '\0';
}

static int find_dnsmasq(char path[PATH_MAX], struct err *e)
{
	static const char *const places[] = {"/usr/sbin", "/usr/bin", "/usr/local/sbin",
					     "/usr/local/bin"};
	const char *given = getenv("WEFT_DNSMASQ");

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, PATH_MAX, "%s/dnsmasq", places[i]);
		if (given)
			snprintf(path, PATH_MAX, "%s", given);
		if (access(path, X_OK) == 0)
			return 0;
	}
	return err_set(e, ENOENT, "%s; apt-get install dnsmasq-base",
		       given ? "there is no program $WEFT_DNSMASQ" : "dnsmasq is not installed");
}

static int spawn(struct dhcp_server *s, int log_fd, struct err *e)
{
	char jail[PATH_MAX], lease[PATH_MAX], dnsmasq[PATH_MAX];
	char parent[16], netns[64], user[16], group[16];
	char *argv[24] = {jail,	   "--parent", parent,	  "--netns",   netns,
			  "--dir", s->dir,     "--lease", lease,       "--user",
			  user,	   "--group",  group,	  "--program", dnsmasq};
	unsigned n = 15;
	int ret = find_dnsmasq(dnsmasq, e);

	if (ret < 0)
		return ret;
	beside("weft-jail", jail);
	beside("weft-lease", lease);
	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	snprintf(netns, sizeof(netns), "/proc/%d/fd/%d", (int)getpid(), s->netns.fd);
	snprintf(user, sizeof(user), "%u", dhcp_user()->uid);
	snprintf(group, sizeof(group), "%u", dhcp_user()->gid);
	if (s->tftp_root[0]) {
		argv[n++] = "--tftp";
		argv[n++] = s->tftp_root;
	}
	if (s->ip6)
		argv[n++] = "--ip6";
	return process_start_into(&s->process, argv, log_fd, e);
}

static uint64_t backoff_ms(unsigned row)
{
	return row < 9 ? MIN_OF((uint64_t)BACKOFF_FIRST_MS << row, (uint64_t)BACKOFF_MAX_MS)
		       : BACKOFF_MAX_MS;
}

static void start_later(struct dhcp_server *s)
{
	loop_timer_start(s->loop, &s->timer, backoff_ms(s->row++), 0);
}

int dhcp_process_start(struct dhcp_server *s, struct err *e)
{
	int log_fd = open_log(s), ret;

	loop_timer_stop(s->loop, &s->timer);
	if (log_fd < 0)
		ret = err_set(e, -log_fd, "cannot open a pipe: %s", strerror(-log_fd));
	else
		ret = spawn(s, log_fd, e);
	if (log_fd >= 0)
		close(log_fd);
	if (ret == 0)
		ret = loop_watch_add(s->loop, &s->process_watch, s->process.pidfd, EPOLLIN);
	if (ret < 0) {
		err_prefix(e, ret, "bridge %s: dhcp", s->name);
		snprintf(s->error, sizeof(s->error), "%.*s", DHCP_ERROR_MAX - 1, e->text);
		start_later(s);
		return ret;
	}
	s->started_ms = clock_now_ms();
	s->error[0] = '\0';
	s->ready = false;
	log_info(LOG_DHCP, "dnsmasq started bridge=%s pid=%d leases=%u", s->name,
		 (int)s->process.pid, s->store.n);
	return 0;
}

static void on_timer(struct loop_timer *t, uint64_t now_ms)
{
	struct dhcp_server *s = container_of(t, struct dhcp_server, timer);
	struct err e = {0};

	if (dhcp_process_start(s, &e) < 0)
		log_debug(LOG_DHCP, "%s", e.text);
}

/* --- its end ---------------------------------------------------------------------------------- */

static void describe_end(struct dhcp_server *s, bool known, int status)
{
	char how[64] = "ended";

	if (known && WIFSIGNALED(status))
		snprintf(how, sizeof(how), "was killed by signal %d", WTERMSIG(status));
	else if (known)
		snprintf(how, sizeof(how), "ended with status %d", WEXITSTATUS(status));
	snprintf(s->error, sizeof(s->error), "dnsmasq %s%s%.180s", how, s->last_log[0] ? ": " : "",
		 s->last_log);
}

static void on_end(struct loop_watch *w, uint32_t events)
{
	struct dhcp_server *s = container_of(w, struct dhcp_server, process_watch);
	int status = 0;
	bool known;

	loop_watch_del(w);
	if (s->log_watch.fd >= 0)
		on_log(&s->log_watch, 0);
	known = process_collect(&s->process, &status);
	if (clock_now_ms() - s->started_ms > HEALTHY_MS)
		s->row = 0;
	if (s->start_again) {
		struct err e = {0};

		s->start_again = false;
		if (dhcp_process_start(s, &e) < 0)
			log_error(LOG_DHCP, "%s", e.text);
		return;
	}
	describe_end(s, known, status);
	s->restarts++;
	log_warn(LOG_DHCP, "%s; it is started again bridge=%s", s->error, s->name);
	start_later(s);
}

void dhcp_server_restart(struct dhcp_server *s)
{
	if (!s->process.pid)
		return;
	/* dnsmasq tells of all changes before it obeys. */
	s->start_again = true;
	process_signal(&s->process, SIGTERM);
}

const char *dhcp_server_state(const struct dhcp_server *s)
{
	if (s->process.pid)
		return s->ready ? "running" : "starting";
	return s->row > 3 ? "failed" : "starts again";
}

void dhcp_process_init(struct dhcp_server *s)
{
	s->process_watch.ready = on_end;
	s->log_watch.ready = on_log;
	s->timer.expired = on_timer;
}

void dhcp_process_fini(struct dhcp_server *s)
{
	struct pollfd end = {.fd = s->process.pidfd, .events = POLLIN};
	int status;

	loop_timer_stop(s->loop, &s->timer);
	loop_watch_del(&s->process_watch);
	if (s->process.pid) {
		process_signal(&s->process, SIGKILL);
		poll(&end, 1, 2000);
		process_collect(&s->process, &status);
	}
	close_log(s);
}
