/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What keeps packets of `uplink: host` from passing through the host. Every forward chain of every
 * table has to let them pass, weft's own is only one of them.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "daemon/doctor_private.h"
#include "uplink/host_rules.h"
#include "uplink/nftables.h"
#include "uplink/sysctls.h"

void doctor_look_nftables(struct finding *f)
{
	struct err e = {0};
	char *text = nftables_list("list tables inet", &e);

	doctor_say(
		f, text ? PASS : WARN,
		text ? ""
		     : "run as root, and use a kernel with CONFIG_NF_TABLES_INET; needed only for "
		       "uplink: host",
		"%s", text ? "nftables answers" : e.text);
	free(text);
}

/* The remedy for who wrote the chain, as far as that can be told by its names. */
static void remedy(const char *chain, char *fix, size_t size)
{
	static const char *const docker =
		"iptables -I DOCKER-USER -i weft-+ -j ACCEPT; iptables -I "
		"DOCKER-USER -o weft-+ -j ACCEPT";
	char *text = nftables_list("list chain ip filter DOCKER-USER", NULL);

	if (strcmp(chain, "ip filter FORWARD") == 0 && text)
		snprintf(fix, size, "%s", docker);
	else if (strncmp(chain, "ip filter FORWARD", 17) == 0)
		snprintf(fix, size,
			 "ufw route allow in on WEFT-TAP, or: iptables -I FORWARD -i weft-+ -j "
			 "ACCEPT; iptables -I FORWARD -o weft-+ -j ACCEPT");
	else
		snprintf(fix, size,
			 "nft insert rule %.64s iifname \"weft-*\" accept; nft insert rule %.64s "
			 "oifname "
			 "\"weft-*\" accept",
			 chain, chain);
	free(text);
}

/* Whether the table of the chain knows of weft's interfaces: somebody has seen to it. */
static bool knows_weft(const char *chain)
{
	char command[160], *text;
	bool knows;

	snprintf(command, sizeof(command), "list table %.*s", (int)(strrchr(chain, ' ') - chain),
		 chain);
	text = nftables_list(command, NULL);
	knows = text && strstr(text, "\"weft-");
	free(text);
	return knows;
}

static bool runs_firewalld(void)
{
	char *text = nftables_list("list table inet firewalld", NULL);
	bool runs = text && !strstr(text, "\"weft-");

	free(text);
	return runs;
}

void doctor_look_forwarding(struct finding *f)
{
	char chain[128], fix[256], value[8];
	struct err e = {0};

	if (host_rules_blocker(chain, sizeof(chain), &e) < 0) {
		doctor_say(f, WARN, "run as root", "cannot look for a firewall: %s", e.text);
		return;
	}
	if (chain[0] && !knows_weft(chain)) {
		remedy(chain, fix, sizeof(fix));
		doctor_say(f, WARN, fix,
			   "chain %s drops what the host forwards, so also what uplink: host "
			   "forwards; an accept in weft's own table does not override it",
			   chain);
	} else if (runs_firewalld()) {
		doctor_say(
			f, WARN,
			"firewall-cmd --permanent --zone=trusted --add-interface=TAP, with the "
			"tap's name from `weft port/show`, then firewall-cmd --reload",
			"firewalld rejects what is forwarded between zones, so also what uplink: "
			"host forwards");
	} else {
		sysctls_get("net/ipv4/ip_forward", value, sizeof(value));
		doctor_say(f, PASS, "", "no firewall drops what is forwarded; ip_forward is %s%s",
			   value, strcmp(value, "0") == 0 ? ", weftd turns it on when needed" : "");
	}
}

struct leftovers {
	unsigned n;
	char run_dir[256]; /* of the last */
};

/* A weftd that runs has its run-dir locked. */
static bool runs_in(const char *run_dir)
{
	char path[300];
	bool runs;
	int fd;

	snprintf(path, sizeof(path), "%s/weftd.pid", run_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	runs = flock(fd, LOCK_SH | LOCK_NB) < 0;
	close(fd);
	return runs;
}

static void count_leftover(const char *table, const char *run_dir, void *arg)
{
	struct leftovers *l = arg;

	if (runs_in(run_dir))
		return;
	l->n++;
	snprintf(l->run_dir, sizeof(l->run_dir), "%s", run_dir);
}

void doctor_look_leftovers(struct finding *f)
{
	struct leftovers l = {0};
	char fix[300];

	host_rules_visit(count_leftover, &l, NULL);
	snprintf(fix, sizeof(fix), "weftd --cleanup --run-dir %.180s, or start weftd there again",
		 l.run_dir);
	doctor_say(f, l.n ? WARN : PASS, l.n ? fix : "",
		   l.n ? "%u nftables tables of weftds that were killed"
		       : "no nftables tables of dead weftds",
		   l.n);
}
