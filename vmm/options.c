/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/hash.h"
#include "vmm/passed.h"

#define CMDLINE_DEFAULT "console=ttyS0 panic=-1"
#define FIRST_ROW	256 /* values of getopt_long that are no letters */
#define MEMORY_DEFAULT	(512ull << 20)
#define MEMORY_MAX	(1ull << 40)
#define MEMORY_STEP	(2ull << 20)

static int bad(struct err *e, const char *option, const char *value, const char *wanted)
{
	return err_set(e, EINVAL, "%s %s: %s is wanted", option, value, wanted);
}

static int parse_number(const char *text, unsigned min, unsigned max, unsigned *value)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || v < min || v > max)
		return -EINVAL;
	*value = (unsigned)v;
	return 0;
}

int options_parse_size(const char *text, uint64_t *bytes)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);
	unsigned shift = 20;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	if (strcasecmp(end, "g") == 0 || strcasecmp(end, "gib") == 0)
		shift = 30;
	else if (strcasecmp(end, "k") == 0 || strcasecmp(end, "kib") == 0)
		shift = 10;
	else if (*end && strcasecmp(end, "m") != 0 && strcasecmp(end, "mib") != 0)
		return -EINVAL;
	if (v > UINT64_MAX >> (shift + 1))
		return -EINVAL;
	*bytes = v << shift;
	return 0;
}

static int parse_memory(struct options *o, const char *text, struct err *e)
{
	struct memory_params *p = &o->machine.memory;

	if (options_parse_size(text, &p->bytes) < 0 || p->bytes < OPTIONS_MEMORY_MIN ||
	    p->bytes > MEMORY_MAX || p->bytes % MEMORY_STEP)
		return bad(e, "--memory", text, "a size such as 512M or 2G, 16M or more, even");
	return 0;
}

static int parse_hugepages(struct options *o, const char *text, struct err *e)
{
	uint64_t *bytes = &o->machine.memory.huge_bytes;

	if (options_parse_size(text, bytes) < 0 || (*bytes != 2ull << 20 && *bytes != 1ull << 30))
		return bad(e, "--hugepages", text, "2M or 1G");
	return 0;
}

static int parse_model(struct options *o, const char *text, struct err *e)
{
	for (enum cpu_model m = 0; m < CPU_MODEL_N; m++) {
		if (strcmp(text, cpu_model_name(m)) != 0)
			continue;
		o->machine.model = m;
		return 0;
	}
	return bad(e, "--cpu-model", text, "host or baseline");
}

/* 2,3,6-7: the guest's first CPU on 2, and so on. */
static int parse_pins(struct options *o, const char *text, struct err *e)
{
	unsigned n = 0, first, last;
	int len;

	for (const char *p = text; *p; p += *p == ',') {
		if (sscanf(p, "%u%n-%u%n", &first, &len, &last, &len) < 1)
			return bad(e, "--pin", text, "a list of CPUs such as 2,3,6-7");
		if (!memchr(p, '-', (size_t)len))
			last = first;
		for (unsigned cpu = first; cpu <= last && n < VCPUS_MAX; cpu++)
			o->pins[n++] = (int)cpu;
		p += len;
		if (*p && *p != ',')
			return bad(e, "--pin", text, "a list of CPUs such as 2,3,6-7");
	}
	o->machine.pins = o->pins;
	return 0;
}

/* Copies up to the next comma and returns what follows it, NULL at the end; -1: too long. */
static const char *next_part(const char *text, char *part, size_t size)
{
	size_t len = strcspn(text, ",");

	snprintf(part, size, "%.*s", (int)MIN_OF(len, size - 1), text);
	return text[len] ? text + len + 1 : NULL;
}

static int parse_disk(struct options *o, const char *text, struct err *e)
{
	struct options_disk *d = &o->disks[o->n_disks];
	char word[16];
	const char *rest;

	if (o->n_disks == OPTIONS_DISKS_MAX)
		return err_set(e, EINVAL, "--disk: at most %d are possible", OPTIONS_DISKS_MAX);
	if (strcspn(text, ",") >= sizeof(d->path) || *text == ',' || !*text)
		return bad(e, "--disk", text, "a file's path");
	rest = next_part(text, d->path, sizeof(d->path));
	d->params.path = d->path;
	while (rest) {
		rest = next_part(rest, word, sizeof(word));
		if (strcmp(word, "ro") == 0)
			d->params.readonly = true;
		else if (strcmp(word, "direct") == 0)
			d->params.direct = true;
		else
			return bad(e, "--disk", text, "FILE, then ro or direct");
	}
	o->n_disks++;
	return 0;
}

static int parse_port(struct options *o, const char *text, struct err *e)
{
	size_t len = strcspn(text, ",");

	if (!text[len] || len == 0 || len >= sizeof(o->port_name) ||
	    strlen(text + len + 1) >= sizeof(o->port_where))
		return bad(e, "--port", text, "NAME,unix:PATH");
	memcpy(o->port_name, text, len);
	o->port_name[len] = '\0';
	strcpy(o->port_where, text + len + 1);
	return 0;
}

/* What follows KEY= in the word, or NULL. */
static const char *value_of(const char *word, const char *key)
{
	size_t len = strlen(key);

	return strncmp(word, key, len) == 0 ? word + len : NULL;
}

static int parse_nic_word(struct options_nic *n, const char *word, struct err *e)
{
	struct nic_params *p = &n->params;
	const char *value;

	if (strcmp(word, "server") == 0)
		p->listens = true;
	else if (strcmp(word, "packed") == 0)
		p->packed = true;
	else if (strcmp(word, "notso") == 0)
		p->tso = false;
	else if (strcmp(word, "nocsum") == 0)
		p->csum = false;
	else if ((value = value_of(word, "mac=")))
		return mac_parse(value, &p->mac) ? bad(e, "--net", word, "mac=02:00:00:00:00:01")
						 : 0;
	else if ((value = value_of(word, "mtu=")))
		return parse_number(value, 68, 65535, &p->mtu)
			       ? bad(e, "--net", word, "mtu=68..65535")
			       : 0;
	else if ((value = value_of(word, "queues=")))
		return parse_number(value, 1, 16, &p->pairs) ? bad(e, "--net", word, "queues=1..16")
							     : 0;
	else if ((value = value_of(word, "id=")) && *value && strlen(value) < sizeof(n->id))
		strcpy(n->id, value);
	else
		return bad(e, "--net", word,
			   "server, packed, notso, nocsum, mac=, mtu=, queues= or id=");
	return 0;
}

/* A locally administered address that is the same for the same socket or interface. */
static void derive_mac(struct nic_params *p, const char *path)
{
	uint64_t h = hash_text(path);

	p->mac = (struct mac){{0x02, 0x77, (uint8_t)(h >> 24), (uint8_t)(h >> 16),
			       (uint8_t)(h >> 8), (uint8_t)h}};
}

int options_parse_nic(struct options_nic *n, const char *text, unsigned number, struct err *e)
{
	struct nic_params *p = &n->params;
	char word[64];
	const char *rest = strchr(text, ':');
	bool tap = strncmp(text, "tap:", 4) == 0;

	if ((!tap && strncmp(text, "vhost-user:", 11) != 0) || strcspn(rest + 1, ",") == 0 ||
	    strcspn(rest + 1, ",") >= sizeof(n->path))
		return bad(e, "--net", text, "vhost-user:PATH or tap:NAME");
	*n = (struct options_nic){.params = {.pairs = 1, .tso = true, .csum = true}};
	snprintf(n->id, sizeof(n->id), "nic%u", number);
	rest = next_part(rest + 1, n->path, sizeof(n->path));
	derive_mac(p, n->path);
	while (rest) {
		int ret;

		rest = next_part(rest, word, sizeof(word));
		ret = parse_nic_word(n, word, e);
		if (ret)
			return ret;
	}
	/* Descriptors have the same numbers in each weft-vmm that a program starts. */
	if (passed_is(n->path) && !strstr(text, ",mac="))
		return err_set(e, EINVAL, "--net %s: mac= is missing, which fd=N cannot tell",
			       text);
	if (tap && (p->listens || p->packed || p->pairs > 1))
		return bad(e, "--net", text, "a tap with one pair of split rings");
	p->path = n->path;
	p->tap = tap ? n->path : NULL;
	p->id = n->id;
	return 0;
}

static int parse_net(struct options *o, const char *text, struct err *e)
{
	int ret;

	if (o->n_nics == OPTIONS_NICS_MAX)
		return err_set(e, EINVAL, "--net: at most %d are possible", OPTIONS_NICS_MAX);
	ret = options_parse_nic(&o->nics[o->n_nics], text, o->n_nics, e);
	o->n_nics += ret == 0;
	/* Copies would point into the original. */
	return ret;
}

static int parse_cpus(struct options *o, const char *text, struct err *e)
{
	return parse_number(text, 1, VCPUS_MAX, &o->machine.cpus)
		       ? bad(e, "--cpus", text, "a number from 1 to 64")
		       : 0;
}

static int parse_numa(struct options *o, const char *text, struct err *e)
{
	o->machine.memory.on_node = true;
	return parse_number(text, 0, 1022, &o->machine.memory.node)
		       ? bad(e, "--numa", text, "the number of a node")
		       : 0;
}

/* --- the table -----------------------------------------------------------------------------------
 */

#define NOTHING ((size_t)-1)

/* An option sets a text or a flag, or is parsed, or is a task of its own. */
struct row {
	const char *name, *value; /* what --help calls its value, "": it takes none */
	size_t text, flag;	  /* offsets into struct options, or NOTHING */
	bool to;		  /* what becomes of the flag */
	int (*parse)(struct options *o, const char *text, struct err *e);
	enum options_result task;
	const char *help; /* may have lines; NULL: another word for the one before it */
};

#define TEXT(field) .text = offsetof(struct options, field), .flag = NOTHING
#define FLAG(field, on)                                                                            \
	.value = "", .text = NOTHING, .flag = offsetof(struct options, field), .to = on
#define PARSED(f)   .text = NOTHING, .flag = NOTHING, .parse = f
#define TASK(which) .value = "", .text = NOTHING, .flag = NOTHING, .task = which

static const struct row rows[] = {
	{"kernel", "FILE", TEXT(machine.kernel), .help = "a Linux bzImage or an ELF vmlinux"},
	{"initrd", "FILE", TEXT(machine.initrd), .help = ""},
	{"append", "TEXT", TEXT(machine.cmdline),
	 .help = "the kernel's command line (" CMDLINE_DEFAULT ")"},
	{"params", "TEXT", TEXT(machine.cmdline)}, /* kvmtool's word */
	{"cpus", "N", PARSED(parse_cpus), .help = "1 to 64 (1)"},
	{"cpu-model", "MODEL", PARSED(parse_model),
	 .help = "host, or baseline: what every x86-64-v2 has (host)"},
	{"pin", "LIST", PARSED(parse_pins), .help = "host CPUs for the guest's, such as 2,3,6-7"},
	{"memory", "SIZE", PARSED(parse_memory), .help = "such as 512M or 2G (512M)"},
	{"mem", "SIZE", PARSED(parse_memory)},
	{"hugepages", "SIZE", PARSED(parse_hugepages), .help = "2M or 1G"},
	{"prefault", FLAG(machine.memory.prefault, true),
	 .help = "take all memory before the guest starts"},
	{"ksm", FLAG(machine.memory.ksm, true),
	 .help = "private memory that the host may merge; no vhost-user NIC"},
	{"numa", "NODE", PARSED(parse_numa),
	 .help = "take memory of that node of the host while it has some"},
	{"net", "KIND:WHERE[,OPTION]...", PARSED(parse_net),
	 .help = "\na NIC: vhost-user:PATH or tap:NAME; server: the backend connects to\n"
		 "PATH; mac=, mtu=, queues=, packed, notso, nocsum, id="},
	{"disk", "FILE[,ro][,direct]", PARSED(parse_disk), .help = ""},
	{"console", "WHERE", TEXT(machine.console),
	 .help = "stdio, none, unix:PATH[,log=FILE] (stdio)"},
	{"port", "NAME,WHERE", PARSED(parse_port),
	 .help = "a virtio-serial port of that name\n"
		 "FILE, NAME or PATH may be fd=N: an open descriptor"},
	{"no-rng", FLAG(rng, false), .help = ""},
	{"balloon", FLAG(balloon, true),
	 .help = "the guest gives memory back: what it does not use, and what\n"
		 "it is asked for by the API; not with --hugepages"},
	{"restore", "FILE", TEXT(restore),
	 .help = "go on from a snapshot, with the options of the guest; no kernel"},
	{"incoming", "SOCKET", TEXT(incoming), .help = "wait there for a guest that migrates"},
	{"api", "PATH", TEXT(api), .help = "socket for commands: weft-vmm(1)"},
	{"paused", FLAG(paused, true), .help = "wait for resume"},
	{"no-wait", FLAG(wait, false),
	 .help = "do not wait for vhost-user backends before the guest starts"},
	{"no-reboot", FLAG(machine.no_reboot, true), .help = "end when the guest resets itself"},
	{"user", "NAME", TEXT(user), .help = "become that user once everything is open"},
	{"no-sandbox", FLAG(sandbox, false), .help = "keep all system calls and capabilities"},
	{"help", TASK(OPTIONS_HELP), .help = ""},
	{"version", TASK(OPTIONS_VERSION), .help = ""},
};

static void print_row(const struct row *r)
{
	int len = printf("  --%s%s%s", r->name, r->value[0] ? " " : "", r->value);

	for (const char *line = r->help; *line; len = 0) {
		int n = (int)strcspn(line, "\n");

		if (n)
			printf("%*s %.*s", MAX_OF(22 - len, 0), "", n, line);
		line += n + (line[n] == '\n');
		if (*line)
			putchar('\n');
	}
	putchar('\n');
}

void options_help(void)
{
	puts("usage: weft-vmm --kernel FILE [OPTION]...\n"
	     "       weft-vmm --restore FILE | --incoming SOCKET [OPTION]...\n"
	     "       weft-vmm call SOCKET METHOD [KEY=VALUE]...\n"
	     "Runs one virtual machine under KVM, in the foreground.\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].help)
			print_row(&rows[i]);
	puts("\nExit status: 0 switched off, or reset with --no-reboot, 1 failed, 2 bad command\n"
	     "line, 3 no usable KVM, 4 no such kernel or initrd, or it cannot be started, 5 too\n"
	     "little memory, 6 disk in use or unusable, 7 the guest crashed, 8 it migrated, 9 its\n"
	     "state is corrupt, or does not fit.");
}

static int take(struct options *o, const struct row *r, const char *value, struct err *e)
{
	if (r->text != NOTHING)
		*(const char **)((char *)o + r->text) = value;
	if (r->flag != NOTHING)
		*(bool *)((char *)o + r->flag) = r->to;
	return r->parse ? r->parse(o, value, e) : 0;
}

/* What single options cannot know. */
static int check(const struct options *o, struct err *e)
{
	const struct memory_params *m = &o->machine.memory;
	bool arrives = o->restore || o->incoming;

	if (o->restore && o->incoming)
		return err_set(e, EINVAL, "--restore, --incoming: leave out one of them");
	if (arrives && !o->wait)
		return err_set(e, EINVAL,
			       "--no-wait: a guest that goes on needs its backends; leave it out");
	if (!o->machine.kernel && !arrives)
		return err_set(e, EINVAL, "--kernel FILE is missing; see weft-vmm --help");
	/* A huge page that was given back may be taken when the guest wants it again: SIGBUS. */
	if (o->balloon && m->huge_bytes)
		return err_set(e, EINVAL,
			       "--balloon: huge pages cannot be given back safely; "
			       "leave out --balloon or --hugepages");
	if (m->ksm && m->huge_bytes)
		return err_set(e, EINVAL,
			       "--ksm: huge pages are not merged; leave out one of --ksm "
			       "and --hugepages");
	return OPTIONS_RUN;
}

int options_parse(struct options *o, int argc, char **argv, struct err *e)
{
	struct option longs[ARRAY_SIZE(rows) + 1] = {0};
	int option, ret;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		longs[i] = (struct option){rows[i].name, rows[i].value[0] != '\0', NULL,
					   FIRST_ROW + (int)i};
	*o = (struct options){.machine = {.cmdline = CMDLINE_DEFAULT,
					  .cpus = 1,
					  .console = "stdio",
					  .memory.bytes = MEMORY_DEFAULT},
			      .rng = true,
			      .sandbox = true,
			      .wait = true};
	for (unsigned i = 0; i < VCPUS_MAX; i++)
		o->pins[i] = -1;
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		if (option == '?' || option == ':')
			return err_set(e, EINVAL, "%s: %s; see weft-vmm --help", argv[optind - 1],
				       option == ':' ? "needs a value" : "is no option");
		if (rows[option - FIRST_ROW].task != OPTIONS_RUN)
			return rows[option - FIRST_ROW].task;
		ret = take(o, &rows[option - FIRST_ROW], optarg, e);
		if (ret)
			return ret;
	}
	if (optind < argc)
		return err_set(e, EINVAL, "%s: is no option; see weft-vmm --help", argv[optind]);
	return check(o, e);
}
