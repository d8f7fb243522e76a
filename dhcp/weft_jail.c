/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * weft-jail: between weftd and dnsmasq. weftd alone calls it, with all of
 *
 *   --parent PID --netns FILE --dir DIR --lease FILE --user UID --group GID --program FILE
 *
 * and where they apply --tftp DIR and --ip6.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dhcp/jail.h"

enum flag { PARENT = 1, NETNS, FOLDER, LEASE, TFTP, USER, GROUP, PROGRAM, IP6 };

static const struct option options[] = {
	{"parent", required_argument, NULL, PARENT},
	{"netns", required_argument, NULL, NETNS},
	{"dir", required_argument, NULL, FOLDER},
	{"lease", required_argument, NULL, LEASE},
	{"tftp", required_argument, NULL, TFTP},
	{"user", required_argument, NULL, USER},
	{"group", required_argument, NULL, GROUP},
	{"program", required_argument, NULL, PROGRAM},
	{"ip6", no_argument, NULL, IP6},
	{0},
};

static void take(struct jail *j, int option)
{
	switch (option) {
	case PARENT:
		j->parent = (pid_t)atoi(optarg);
		break;
	case NETNS:
		j->netns = optarg;
		break;
	case FOLDER:
		j->dir = optarg;
		break;
	case LEASE:
		j->lease = optarg;
		break;
	case TFTP:
		j->tftp = optarg;
		break;
	case USER:
		j->uid = (uid_t)strtoul(optarg, NULL, 10);
		break;
	case GROUP:
		j->gid = (gid_t)strtoul(optarg, NULL, 10);
		break;
	case PROGRAM:
		j->program = optarg;
		break;
	case IP6:
		j->ip6 = true;
		break;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct jail j = {0};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) > 0)
		take(&j, option);
	if (!j.netns || !j.dir || !j.lease || !j.program || j.uid == 0 || j.gid == 0) {
		fputs("weft-jail: is started by weftd, see weftd(8)\n", stderr);
		return 2;
	}
	jail_enter(&j);
	execl(j.program, j.program, "--conf-file=" DHCP_JAIL_FILES "/" DHCP_CONF, (char *)NULL);
	fprintf(stderr, "weft-jail: cannot run %s in the jail: ", j.program);
	perror(NULL);
	return 127;
}
