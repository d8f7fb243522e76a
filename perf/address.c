/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "perf/control.h"

static bool parse_ip6(struct sockaddr_in6 *sin6, const char *text)
{
	const char *percent = strchr(text, '%');
	char host[INET6_ADDRSTRLEN];

	if (percent) {
		sin6->sin6_scope_id = if_nametoindex(percent + 1);
		if (!sin6->sin6_scope_id)
			return false;
	}
	snprintf(host, sizeof(host), "%.*s", percent ? (int)(percent - text) : INET6_ADDRSTRLEN,
		 text);
	sin6->sin6_family = AF_INET6;
	return inet_pton(AF_INET6, host, &sin6->sin6_addr) == 1;
}

static bool parse_numeric(struct address *a, const char *text)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&a->sa;

	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		a->len = sizeof(*sin);
		return true;
	}
	a->len = sizeof(struct sockaddr_in6);
	return parse_ip6((struct sockaddr_in6 *)&a->sa, text);
}

static bool line_names(char *line, const char *name, struct address *a)
{
	char *save, *word;

	line[strcspn(line, "#\n")] = '\0';
	word = strtok_r(line, " \t", &save);
	if (!word || !parse_numeric(a, word))
		return false;
	while ((word = strtok_r(NULL, " \t", &save)))
		if (strcasecmp(word, name) == 0)
			return true;
	return false;
}

static bool lookup_name(struct address *a, const char *name, const char *hosts)
{
	FILE *f = fopen(hosts, "re");
	bool found = false;
	char line[1024];

	while (f && !found && fgets(line, sizeof(line), f))
		found = line_names(line, name, a);
	if (f)
		fclose(f);
	return found;
}

int address_resolve(struct address *a, const char *host, uint16_t port, const char *hosts,
		    struct err *e)
{
	if (!parse_numeric(a, host) && !lookup_name(a, host, hosts))
		return err_set(e, EINVAL,
			       "cannot resolve '%.100s': give a numeric address or a name in %s",
			       host, hosts);
	address_set_port(a, port);
	return 0;
}

uint16_t address_port(const struct address *a)
{
	if (a->sa.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&a->sa)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)&a->sa)->sin6_port);
}

void address_set_port(struct address *a, uint16_t port)
{
	if (a->sa.ss_family == AF_INET)
		((struct sockaddr_in *)&a->sa)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)&a->sa)->sin6_port = htons(port);
}

bool address_same_host(const struct address *a, const struct address *b)
{
	const struct sockaddr_in *a4 = (const void *)&a->sa, *b4 = (const void *)&b->sa;
	const struct sockaddr_in6 *a6 = (const void *)&a->sa, *b6 = (const void *)&b->sa;

	if (a->sa.ss_family != b->sa.ss_family)
		return false;
	if (a->sa.ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

char *address_format(const struct address *a, char text[ADDRESS_TEXT_MAX])
{
	const struct sockaddr_in *a4 = (const void *)&a->sa;
	const struct sockaddr_in6 *a6 = (const void *)&a->sa;
	const uint8_t *v6 = a6->sin6_addr.s6_addr;

	if (a->sa.ss_family == AF_INET)
		inet_ntop(AF_INET, &a4->sin_addr, text, ADDRESS_TEXT_MAX);
	else if (IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr))
		snprintf(text, ADDRESS_TEXT_MAX, "%u.%u.%u.%u", v6[12], v6[13], v6[14], v6[15]);
	else
		inet_ntop(AF_INET6, &a6->sin6_addr, text, ADDRESS_TEXT_MAX);
	return text;
}

int address_local(struct address *a, int fd)
{
	memset(a, 0, sizeof(*a));
	a->len = sizeof(a->sa);
	return getsockname(fd, (struct sockaddr *)&a->sa, &a->len) < 0 ? -errno : 0;
}

int address_peer(struct address *a, int fd)
{
	memset(a, 0, sizeof(*a));
	a->len = sizeof(a->sa);
	return getpeername(fd, (struct sockaddr *)&a->sa, &a->len) < 0 ? -errno : 0;
}

int address_connect(const struct address *a, int fd, unsigned timeout_ms)
{
	uint64_t deadline = clock_now_ms() + timeout_ms;
	int flags = fcntl(fd, F_GETFL), error, ret;
	socklen_t len = sizeof(error);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&a->sa, a->len) < 0) {
		if (errno != EINPROGRESS && errno != EINTR)
			return -errno;
		ret = control_wait(fd, POLLOUT, deadline);
		if (ret < 0)
			return ret;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			return -errno;
		if (error)
			return -error;
	}
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}
