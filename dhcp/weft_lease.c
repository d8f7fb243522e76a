/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * weft-lease: dnsmasq's script. Runs in dnsmasq's jail, as its user.
 *
 *   weft-lease init                       writes the lease database to standard output
 *   weft-lease add|old|del MAC IP [NAME]  tells weftd
 *
 * Other verbs, and new ones, mean nothing. When weftd is not there, dnsmasq is about to end too: it
 * is weftd's child and dies with it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dhcp/jail.h"
#include "dhcp/lease_event.h"

static int print_leases(void)
{
	FILE *f = fopen(DHCP_JAIL_FILES "/" DHCP_LEASES, "re");
	char text[4096];
	size_t n;

	if (!f) {
		perror(DHCP_JAIL_FILES "/" DHCP_LEASES);
		return 1;
	}
	while ((n = fread(text, 1, sizeof(text), f)) > 0)
		fwrite(text, 1, n, stdout);
	return ferror(f) || fflush(stdout) ? 1 : 0;
}

static int tell(const char *text, size_t len)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX,
				 .sun_path = DHCP_JAIL_FILES "/" DHCP_EVENTS};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || sendto(fd, text, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror(to.sun_path);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	char text[LEASE_EVENT_MAX];
	size_t len;

	if (argc > 1 && strcmp(argv[1], "init") == 0)
		return print_leases();
	len = argc > 1 ? lease_event_format(argv + 1, text) : 0;
	return len ? tell(text, len) : 0;
}
