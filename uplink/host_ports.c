/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/host_ports.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCP_LISTENS 0x0a /* in /proc/net/tcp */

struct held {
	bool udp;
	uint16_t port;
	int fd;
};

struct host_ports {
	unsigned n;
	struct held list[HOST_PORTS_HELD_MAX];
};

struct host_ports *host_ports_create(void)
{
	return calloc(1, sizeof(struct host_ports));
}

void host_ports_destroy(struct host_ports *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < h->n; i++)
		close(h->list[i].fd);
	free(h);
}

/* --- who uses a port -------------------------------------------------------------------------- */

/* The inode of the socket that listens on the port by one of the files of /proc/net; 0: none. */
static unsigned long listener_in(const char *file, bool udp, uint16_t port)
{
	char line[512], remote[64];
	unsigned long inode, found = 0;
	unsigned local_port, state;
	FILE *f = fopen(file, "re");

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, " %*d: %*[0-9A-F]:%x %63s %x %*s %*s %*s %*d %*d %lu", &local_port,
			   remote, &state, &inode) == 4 &&
		    local_port == port && (udp || state == TCP_LISTENS))
			found = inode;
	if (f)
		fclose(f);
	return found;
}

static unsigned long listener(bool udp, uint16_t port)
{
	unsigned long inode = listener_in(udp ? "/proc/net/udp" : "/proc/net/tcp", udp, port);

	return inode ? inode : listener_in(udp ? "/proc/net/udp6" : "/proc/net/tcp6", udp, port);
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char path[PATH_MAX], link[64], wanted[64];
	struct dirent *entry;
	bool found = false;
	ssize_t n;
	DIR *dir;

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, entry->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		if (n > 0) {
			link[n] = '\0';
			found = strcmp(link, wanted) == 0;
		}
	}
	if (dir)
		closedir(dir);
	return found;
}

/* " by sshd (pid 12)", or "" when nobody is seen to have the socket. */
static void describe_owner(unsigned long inode, char *text, size_t size)
{
	DIR *proc = opendir("/proc");
	char path[PATH_MAX], name[64] = "?";
	struct dirent *entry;
	FILE *f;

	text[0] = '\0';
	while (proc && !text[0] && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]) || !has_socket(entry->d_name, inode))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		f = fopen(path, "re");
		if (f && fgets(name, sizeof(name), f))
			name[strcspn(name, "\n")] = '\0';
		if (f)
			fclose(f);
		snprintf(text, size, " by %s (pid %.12s)", name, entry->d_name);
	}
	if (proc)
		closedir(proc);
}

/* --- holding ---------------------------------------------------------------------------------- */

/*
 * Instead of a socket: the port is free but cannot be held. An outgoing connection has it, which
 * rules for new ones do not disturb.
 */
#define NOT_HELD INT_MIN

/* Returns a bound socket, NOT_HELD, or -errno. */

static int bind_port(bool udp, uint16_t port, struct err *e)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0), code;
	unsigned long inode;
	char owner[128];

	if (fd < 0)
		return err_set(e, errno, "cannot make a socket for port %u: %s", port,
			       strerror(errno));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	code = errno;
	close(fd);
	if (code != EADDRINUSE)
		return err_set(e, code, "cannot use %s port %u of the host: %s",
			       udp ? "UDP" : "TCP", port, strerror(code));
	inode = listener(udp, port);
	if (!inode && !udp)
		return NOT_HELD;
	describe_owner(inode, owner, sizeof(owner));
	return err_set(e, EADDRINUSE,
		       "%s port %u of the host is in use%s; stop that, or forward another port",
		       udp ? "UDP" : "TCP", port, owner);
}

static int held_fd(const struct host_ports *h, bool udp, uint16_t port)
{
	for (unsigned i = 0; i < h->n; i++)
		if (h->list[i].udp == udp && h->list[i].port == port)
			return h->list[i].fd;
	return NOT_HELD;
}

int host_ports_try(const struct host_ports *h, const struct host_forward *f, struct err *e)
{
	int ret = 0;

	for (unsigned port = f->first; port <= f->last && ret == 0; port++) {
		int fd = held_fd(h, f->udp, (uint16_t)port) >= 0
				 ? NOT_HELD
				 : bind_port(f->udp, (uint16_t)port, e);

		if (fd >= 0)
			close(fd);
		else if (fd != NOT_HELD)
			ret = fd;
	}
	return ret;
}

static int hold_port(const struct host_ports *h, struct host_ports *next, bool udp, uint16_t port,
		     struct err *e)
{
	int fd = held_fd(h, udp, port);

	if (held_fd(next, udp, port) >= 0)
		return 0;
	if (fd < 0)
		fd = bind_port(udp, port, e);
	if (fd < 0 && fd != NOT_HELD)
		return fd;
	if (fd >= 0 && next->n < HOST_PORTS_HELD_MAX)
		next->list[next->n++] = (struct held){udp, port, fd};
	else if (fd >= 0 && held_fd(h, udp, port) != fd)
		close(fd);
	return 0;
}

/* Closes what `h` holds and `other` does not. */
static void release_all_but(struct host_ports *h, const struct host_ports *other)
{
	for (unsigned i = 0; i < h->n; i++)
		if (held_fd(other, h->list[i].udp, h->list[i].port) != h->list[i].fd)
			close(h->list[i].fd);
}

int host_ports_hold(struct host_ports *h, const struct host_forward *forwards, unsigned n,
		    struct err *e)
{
	struct host_ports *next = host_ports_create();
	int ret = next ? 0 : err_set(e, ENOMEM, "out of memory");

	for (unsigned i = 0; i < n && ret == 0; i++)
		for (unsigned port = forwards[i].first; port <= forwards[i].last && ret == 0;
		     port++)
			ret = hold_port(h, next, forwards[i].udp, (uint16_t)port, e);
	if (ret == 0) {
		release_all_but(h, next);
		*h = *next;
	} else if (next) {
		release_all_but(next, h);
	}
	free(next);
	return ret;
}
