/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_ADDRESS_H
#define PERF_ADDRESS_H

/*
 * Where the other end is. Numeric IPv4 and IPv6 (with %interface for link-local ones) and the
 * names in /etc/hosts, read here: a static program in a guest of busybox has no resolver.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/err.h"

#define ADDRESS_TEXT_MAX 80

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* Returns 0, or -EINVAL when `host` is neither an address nor a name in the file `hosts`. */
int address_resolve(struct address *a, const char *host, uint16_t port, const char *hosts,
		    struct err *e);

uint16_t address_port(const struct address *a);
void address_set_port(struct address *a, uint16_t port);
bool address_same_host(const struct address *a, const struct address *b);
/* "10.0.0.1" or "fe80::1", an IPv4 address in IPv6 clothes as IPv4. Returns `text`. */
char *address_format(const struct address *a, char text[ADDRESS_TEXT_MAX]);

/* This end's and the other end's address of a connected socket. 0 or -errno. */
int address_local(struct address *a, int fd);
int address_peer(struct address *a, int fd);

/*
 * Connects `fd`, which is blocking before and after. Interruptions by signals are waited through.
 * Returns 0, -ETIMEDOUT after `timeout_ms`, or another -errno.
 */
int address_connect(const struct address *a, int fd, unsigned timeout_ms);

#endif
