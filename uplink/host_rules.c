/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/host_rules.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/jsonx.h"
#include "uplink/nftables.h"

#define TABLE_PREFIX	 "weft_"
#define COMMENT_BEFORE	 "comment \"weftd, run-dir "
#define COMMENT_PATH_MAX 90 /* a comment has 128 bytes */
#define RUN_DIR_MAX	 256

/* "weft_1a2b3c4d_": all tables of a run-dir begin so. */
static void run_dir_prefix(const char *run_dir, char name[HOST_RULES_NAME_MAX])
{
	snprintf(name, HOST_RULES_NAME_MAX, TABLE_PREFIX "%08" PRIx32 "_",
		 (uint32_t)hash_text(run_dir));
}

void host_rules_name(const char *run_dir, const char *uplink, char name[HOST_RULES_NAME_MAX])
{
	char prefix[HOST_RULES_NAME_MAX];

	run_dir_prefix(run_dir, prefix);
	snprintf(name, HOST_RULES_NAME_MAX, "%.20s%08" PRIx32, prefix, (uint32_t)hash_text(uplink));
}

/* --- the text --------------------------------------------------------------------------------- */

static bool is_ip4(const struct host_prefix *p)
{
	return ipaddr_is_ip4(&p->prefix.addr);
}

/* A set of ports; empty ones are left out together with their rules. */
static bool has_forwards(const struct host_rules *r, bool udp)
{
	for (unsigned i = 0; i < r->n_forwards; i++)
		if (r->forwards[i].udp == udp)
			return true;
	return false;
}

static void put_ports(FILE *f, const struct host_rules *r, bool udp)
{
	const char *comma = "";

	if (!has_forwards(r, udp))
		return;
	fprintf(f, "set %s_ports { type inet_service; flags interval; auto-merge; elements = {",
		udp ? "udp" : "tcp");
	for (unsigned i = 0; i < r->n_forwards; i++) {
		const struct host_forward *fw = &r->forwards[i];

		if (fw->udp != udp)
			continue;
		fprintf(f, fw->first == fw->last ? "%s %u" : "%s %u-%u", comma, fw->first,
			fw->last);
		comma = ",";
	}
	fputs(" }; }\n", f);
}

static void put_dnat(FILE *f, const struct host_rules *r, const char *weft)
{
	for (int udp = 0; udp < 2; udp++)
		if (has_forwards(r, udp))
			fprintf(f,
				"meta nfproto ipv4 fib daddr type local %s dport @%s_ports dnat "
				"ip to %s\n",
				udp ? "udp" : "tcp", udp ? "udp" : "tcp", weft);
}

/* "ip saddr" or "ip6 saddr", and what may be there. */
static void put_sources(FILE *f, const struct host_rules *r, const char *weft, bool ip4)
{
	char text[IPADDR_TEXT_MAX];

	fprintf(f, "iifname \"%s\" meta nfproto %s %s saddr != { %s", r->interface,
		ip4 ? "ipv4" : "ipv6", ip4 ? "ip" : "ip6", ip4 ? weft : "::, fe80::/10");
	if (!ip4 && r->has_weft6)
		fprintf(f, ", %s",
			ipaddr_prefix_format(&(struct ipaddr_prefix){r->weft6, 128}, text));
	for (unsigned i = 0; i < r->n_prefixes; i++)
		if (is_ip4(&r->prefixes[i]) == ip4)
			fprintf(f, ", %s", ipaddr_prefix_format(&r->prefixes[i].prefix, text));
	fputs(" } drop\n", f);
}

static void put_guard(FILE *f, const struct host_rules *r, const char *weft)
{
	fputs("chain guard { type filter hook prerouting priority raw; policy accept;\n", f);
	fprintf(f, "iifname \"%s\" ip daddr 127.0.0.0/8 drop\n", r->interface);
	put_sources(f, r, weft, true);
	put_sources(f, r, weft, false);
	fputs("}\n", f);
}

static void put_masquerade(FILE *f, const struct host_rules *r, const char *source)
{
	fprintf(f, "oifname != \"%s\" %s meta l4proto { tcp, udp } masquerade to :1024-65535\n",
		r->interface, source);
	fprintf(f, "oifname != \"%s\" %s masquerade\n", r->interface, source);
}

static void put_postrouting(FILE *f, const struct host_rules *r, const char *weft)
{
	char source[IPADDR_TEXT_MAX + 16], text[IPADDR_TEXT_MAX];

	fputs("chain postrouting { type nat hook postrouting priority srcnat; policy accept;\n", f);
	fprintf(f, "oifname \"%s\" ip saddr 127.0.0.0/8 masquerade\n", r->interface);
	fprintf(f, "iifname \"%s\" oifname \"%s\" masquerade\n", r->interface, r->interface);
	fputs("ip daddr { 224.0.0.0/4, 255.255.255.255 } return\n", f);
	snprintf(source, sizeof(source), "ip saddr %s", weft);
	put_masquerade(f, r, source);
	for (unsigned i = 0; i < r->n_prefixes; i++) {
		if (!r->prefixes[i].masquerade)
			continue;
		snprintf(source, sizeof(source), "%s saddr %s",
			 is_ip4(&r->prefixes[i]) ? "ip" : "ip6",
			 ipaddr_prefix_format(&r->prefixes[i].prefix, text));
		put_masquerade(f, r, source);
	}
	fputs("}\n", f);
}

/* Routed prefixes are there to be reached; what the host translates, and weft itself, are not. */
static void put_forward(FILE *f, const struct host_rules *r)
{
	char text[IPADDR_TEXT_MAX];

	fputs("chain forward { type filter hook forward priority filter; policy accept;\n", f);
	fprintf(f, "iifname \"%s\" accept\n", r->interface);
	fprintf(f, "oifname \"%s\" ct state established,related accept\n", r->interface);
	fprintf(f, "oifname \"%s\" ct status dnat accept\n", r->interface);
	for (unsigned i = 0; i < r->n_prefixes; i++)
		if (!r->prefixes[i].masquerade)
			fprintf(f, "oifname \"%s\" %s daddr %s accept\n", r->interface,
				is_ip4(&r->prefixes[i]) ? "ip" : "ip6",
				ipaddr_prefix_format(&r->prefixes[i].prefix, text));
	fprintf(f, "oifname \"%s\" drop\n", r->interface);
	fputs("}\n", f);
}

/* Nothing that nft would take for the end of the comment. */
static void put_comment(FILE *f, const char *run_dir)
{
	fputs(COMMENT_BEFORE, f);
	for (int i = 0; run_dir[i] && i < COMMENT_PATH_MAX; i++)
		fputc(isalnum((unsigned char)run_dir[i]) || strchr("/._-+@ ", run_dir[i])
			      ? run_dir[i]
			      : '?',
		      f);
	fputs("\"\n", f);
}

char *host_rules_text(const struct host_rules *r)
{
	char weft[IP4_TEXT_MAX], *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	ip4_format(r->weft, weft);
	/* To delete what may not be there, it is made first. */
	fprintf(f, "table inet %s\ndelete table inet %s\n", r->table, r->table);
	fprintf(f, "table inet %s {\n", r->table);
	put_comment(f, r->run_dir);
	put_ports(f, r, false);
	put_ports(f, r, true);
	put_guard(f, r, weft);
	fputs("chain prerouting { type nat hook prerouting priority dstnat; policy accept;\n", f);
	put_dnat(f, r, weft);
	fputs("}\nchain output { type nat hook output priority -100; policy accept;\n", f);
	put_dnat(f, r, weft);
	fputs("}\n", f);
	put_postrouting(f, r, weft);
	put_forward(f, r);
	fputs("}\n", f);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

/* --- the kernel ------------------------------------------------------------------------------- */

int host_rules_install(const struct host_rules *r, struct err *e)
{
	char *text = host_rules_text(r);
	int ret = text ? nftables_run(text, e) : err_set(e, ENOMEM, "out of memory");

	free(text);
	return ret;
}

int host_rules_remove(const char *table, struct err *e)
{
	char text[2 * HOST_RULES_NAME_MAX + 48];

	snprintf(text, sizeof(text), "table inet %s\ndelete table inet %s\n", table, table);
	return nftables_run(text, e);
}

/* The tables of the inet family whose name begins with `prefix`. */
static json_t *tables(const char *prefix, struct err *e)
{
	json_t *all = nftables_list_json("list tables inet", e), *names = all ? json_array() : NULL;
	json_t *entry;
	size_t i;

	json_array_foreach (all, i, entry) {
		const json_t *table = json_object_get(entry, "table");
		const char *name = jsonx_string(table, "name", "");

		if (strncmp(name, prefix, strlen(prefix)) == 0)
			json_array_append_new(names, json_string(name));
	}
	json_decref(all);
	return names;
}

bool host_rules_installed(const char *table)
{
	json_t *names = tables(table, NULL);
	bool installed = json_array_size(names) > 0;

	json_decref(names);
	return installed;
}

int host_rules_sweep(const char *run_dir, struct err *e)
{
	char prefix[HOST_RULES_NAME_MAX];
	json_t *names, *name;
	int ret = 0, n;
	size_t i;

	run_dir_prefix(run_dir, prefix);
	names = tables(prefix, e);
	if (!names)
		return -EIO;
	n = (int)json_array_size(names);
	json_array_foreach (names, i, name)
		if (ret == 0)
			ret = host_rules_remove(json_string_value(name), e);
	json_decref(names);
	return ret < 0 ? ret : n;
}

/* The run-dir that a table's comment names; false when it has none of ours. */
static bool run_dir_of(const char *table, char run_dir[RUN_DIR_MAX])
{
	char command[HOST_RULES_NAME_MAX + 32], *text;
	const char *at;

	snprintf(command, sizeof(command), "list table inet %s", table);
	text = nftables_list(command, NULL);
	at = text ? strstr(text, COMMENT_BEFORE) : NULL;
	if (at) {
		at += strlen(COMMENT_BEFORE);
		snprintf(run_dir, RUN_DIR_MAX, "%.*s", (int)strcspn(at, "\""), at);
	}
	free(text);
	return at != NULL;
}

int host_rules_visit(void (*visit)(const char *table, const char *run_dir, void *arg), void *arg,
		     struct err *e)
{
	json_t *names = tables(TABLE_PREFIX, e), *name;
	char run_dir[RUN_DIR_MAX];
	size_t i;

	if (!names)
		return -EIO;
	json_array_foreach (names, i, name)
		if (run_dir_of(json_string_value(name), run_dir))
			visit(json_string_value(name), run_dir, arg);
	json_decref(names);
	return 0;
}

int host_rules_blocker(char *chain, size_t size, struct err *e)
{
	json_t *all = nftables_list_json("list chains", e), *entry;
	size_t i;

	chain[0] = '\0';
	if (!all)
		return -EIO;
	json_array_foreach (all, i, entry) {
		const json_t *c = json_object_get(entry, "chain");

		if (strcmp(jsonx_string(c, "hook", ""), "forward") == 0 &&
		    strcmp(jsonx_string(c, "policy", ""), "drop") == 0)
			snprintf(chain, size, "%s %s %s", jsonx_string(c, "family", "?"),
				 jsonx_string(c, "table", "?"), jsonx_string(c, "name", "?"));
	}
	json_decref(all);
	return 0;
}

/* Tables of the older iptables are not nftables'. */
static bool has_legacy_tables(void)
{
	char text[16];
	FILE *f = fopen("/proc/net/ip_tables_names", "re");
	bool any = f && fgets(text, sizeof(text), f);

	if (f)
		fclose(f);
	return any;
}

bool host_rules_others(void)
{
	json_t *all = nftables_list_json("list chains", NULL), *entry;
	bool any = has_legacy_tables();
	size_t i;

	json_array_foreach (all, i, entry) {
		const char *hook = jsonx_string(json_object_get(entry, "chain"), "hook", "");

		any |= strcmp(hook, "forward") == 0 || strcmp(hook, "postrouting") == 0;
	}
	json_decref(all);
	return any;
}
