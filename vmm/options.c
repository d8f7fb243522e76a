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
#define MEMORY_DEFAULT	(512ull << 20)
#define MEMORY_MAX	(1ull << 40)
#define MEMORY_STEP	(2ull << 20)

enum {
	OPT_KERNEL = 256,
	OPT_INITRD,
	OPT_APPEND,
	OPT_CPUS,
	OPT_CPU_MODEL,
	OPT_PIN,
	OPT_MEMORY,
	OPT_HUGEPAGES,
	OPT_PREFAULT,
	OPT_KSM,
	OPT_NUMA,
	OPT_NET,
	OPT_DISK,
	OPT_CONSOLE,
	OPT_PORT,
	OPT_NO_RNG,
	OPT_BALLOON,
	OPT_API,
	OPT_USER,
	OPT_NO_SANDBOX,
	OPT_NO_REBOOT,
	OPT_PAUSED,
	OPT_NO_WAIT,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{"kernel", required_argument, NULL, OPT_KERNEL},
	{"initrd", required_argument, NULL, OPT_INITRD},
	{"append", required_argument, NULL, OPT_APPEND},
	{"params", required_argument, NULL, OPT_APPEND}, /* kvmtool's word */
	{"cpus", required_argument, NULL, OPT_CPUS},
	{"cpu-model", required_argument, NULL, OPT_CPU_MODEL},
	{"pin", required_argument, NULL, OPT_PIN},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"mem", required_argument, NULL, OPT_MEMORY},
	{"hugepages", required_argument, NULL, OPT_HUGEPAGES},
	{"prefault", no_argument, NULL, OPT_PREFAULT},
	{"ksm", no_argument, NULL, OPT_KSM},
	{"numa", required_argument, NULL, OPT_NUMA},
	{"net", required_argument, NULL, OPT_NET},
	{"disk", required_argument, NULL, OPT_DISK},
	{"console", required_argument, NULL, OPT_CONSOLE},
	{"port", required_argument, NULL, OPT_PORT},
	{"no-rng", no_argument, NULL, OPT_NO_RNG},
	{"balloon", no_argument, NULL, OPT_BALLOON},
	{"api", required_argument, NULL, OPT_API},
	{"user", required_argument, NULL, OPT_USER},
	{"no-sandbox", no_argument, NULL, OPT_NO_SANDBOX},
	{"no-reboot", no_argument, NULL, OPT_NO_REBOOT},
	{"paused", no_argument, NULL, OPT_PAUSED},
	{"no-wait", no_argument, NULL, OPT_NO_WAIT},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{0},
};

void options_help(void)
{
	puts("usage: weft-vmm --kernel FILE [OPTION]...\n"
	     "       weft-vmm call SOCKET METHOD [KEY=VALUE]...\n"
	     "Runs one virtual machine under KVM, in the foreground.\n"
	     "\n"
	     "  --kernel FILE        a Linux bzImage or an ELF vmlinux\n"
	     "  --initrd FILE\n"
	     "  --append TEXT        the kernel's command line (" CMDLINE_DEFAULT ")\n"
	     "  --cpus N             1 to 64 (1)\n"
	     "  --cpu-model MODEL    host, or baseline: what every x86-64-v2 has (host)\n"
	     "  --pin LIST           host CPUs for the guest's, such as 2,3,6-7\n"
	     "  --memory SIZE        such as 512M or 2G (512M)\n"
	     "  --hugepages SIZE     2M or 1G\n"
	     "  --prefault           take all memory before the guest starts\n"
	     "  --ksm                private memory that the host may merge; no vhost-user NIC\n"
	     "  --numa NODE          take memory of that node of the host while it has some\n"
	     "  --net vhost-user:PATH[,OPTION]...  a NIC; or tap:NAME\n"
	     "                       server: the backend connects to PATH; mac=, mtu=, queues=,\n"
	     "                       packed, notso, nocsum, id=\n"
	     "  --disk FILE[,ro][,direct]\n"
	     "  --console WHERE      stdio, none, unix:PATH[,log=FILE] (stdio)\n"
	     "  --port NAME,WHERE    a virtio-serial port of that name\n"
	     "                       FILE, NAME or PATH may be fd=N: an open descriptor\n"
	     "  --no-rng\n"
	     "  --balloon            the guest gives memory back: what it does not use, and what\n"
	     "                       it is asked for by the API; not with --hugepages\n"
	     "  --api PATH           socket for commands: weft-vmm(1)\n"
	     "  --paused             wait for resume\n"
	     "  --no-wait            do not wait for vhost-user backends before the guest starts\n"
	     "  --no-reboot          end when the guest resets itself\n"
	     "  --user NAME          become that user once everything is open\n"
	     "  --no-sandbox         keep all system calls and capabilities\n"
	     "  --help, --version\n"
	     "\n"
	     "Exit status: 0 switched off, or reset with --no-reboot, 1 failed, 2 bad command\n"
	     "line, 3 no usable KVM, 4 no such kernel or initrd, or it cannot be started, 5 too\n"
	     "little memory, 6 disk in use or unusable, 7 the guest crashed.");
}

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

static int parse_nic_word(struct options_nic *n, const char *word, struct err *e)
{
	struct nic_params *p = &n->params;
	const char *value = strchr(word, '=');
	size_t len = value ? (size_t)(value++ - word) : strlen(word);

	if (strcmp(word, "server") == 0)
		p->listens = true;
	else if (strcmp(word, "packed") == 0)
		p->packed = true;
	else if (strcmp(word, "notso") == 0)
		p->tso = false;
	else if (strcmp(word, "nocsum") == 0)
		p->csum = false;
	else if (value && strncmp(word, "mac", len) == 0 && len == 3)
		return mac_parse(value, &p->mac) ? bad(e, "--net", word, "mac=02:00:00:00:00:01")
						 : 0;
	else if (value && strncmp(word, "mtu", len) == 0 && len == 3)
		return parse_number(value, 68, 65535, &p->mtu)
			       ? bad(e, "--net", word, "mtu=68..65535")
			       : 0;
	else if (value && strncmp(word, "queues", len) == 0 && len == 6)
		return parse_number(value, 1, 16, &p->pairs) ? bad(e, "--net", word, "queues=1..16")
							     : 0;
	else if (value && strncmp(word, "id", len) == 0 && len == 2 && *value &&
		 strlen(value) < sizeof(n->id))
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
	if (p->packed && p->pairs > 1)
		return err_set(e, EINVAL, "--net %s: packed rings are for queues=1; leave one out",
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

static int take(struct options *o, int option, const char *value, struct err *e)
{
	switch (option) {
	case OPT_KERNEL:
		o->machine.kernel = value;
		return 0;
	case OPT_INITRD:
		o->machine.initrd = value;
		return 0;
	case OPT_APPEND:
		o->machine.cmdline = value;
		return 0;
	case OPT_CPUS:
		return parse_number(value, 1, VCPUS_MAX, &o->machine.cpus)
			       ? bad(e, "--cpus", value, "a number from 1 to 64")
			       : 0;
	case OPT_CPU_MODEL:
		return parse_model(o, value, e);
	case OPT_PIN:
		return parse_pins(o, value, e);
	case OPT_MEMORY:
		return parse_memory(o, value, e);
	case OPT_HUGEPAGES:
		return parse_hugepages(o, value, e);
	case OPT_NUMA:
		o->machine.memory.on_node = true;
		return parse_number(value, 0, 1022, &o->machine.memory.node)
			       ? bad(e, "--numa", value, "the number of a node")
			       : 0;
	case OPT_NET:
		return parse_net(o, value, e);
	case OPT_DISK:
		return parse_disk(o, value, e);
	case OPT_PORT:
		return parse_port(o, value, e);
	case OPT_CONSOLE:
		o->machine.console = value;
		return 0;
	case OPT_API:
		o->api = value;
		return 0;
	case OPT_USER:
		o->user = value;
		return 0;
	default:
		return -ENOENT;
	}
}

static bool take_flag(struct options *o, int option)
{
	switch (option) {
	case OPT_PREFAULT:
		o->machine.memory.prefault = true;
		return true;
	case OPT_KSM:
		o->machine.memory.ksm = true;
		return true;
	case OPT_NO_RNG:
		o->rng = false;
		return true;
	case OPT_BALLOON:
		o->balloon = true;
		return true;
	case OPT_NO_SANDBOX:
		o->sandbox = false;
		return true;
	case OPT_NO_REBOOT:
		o->machine.no_reboot = true;
		return true;
	case OPT_PAUSED:
		o->paused = true;
		return true;
	case OPT_NO_WAIT:
		o->wait = false;
		return true;
	default:
		return false;
	}
}

int options_parse(struct options *o, int argc, char **argv, struct err *e)
{
	int option, ret;

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
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (option == OPT_HELP || option == OPT_VERSION)
			return option == OPT_HELP ? OPTIONS_HELP : OPTIONS_VERSION;
		if (option == '?' || option == ':')
			return err_set(e, EINVAL, "%s: %s; see weft-vmm --help", argv[optind - 1],
				       option == ':' ? "needs a value" : "is no option");
		if (take_flag(o, option))
			continue;
		ret = take(o, option, optarg, e);
		if (ret)
			return ret;
	}
	if (optind < argc)
		return err_set(e, EINVAL, "%s: is no option; see weft-vmm --help", argv[optind]);
	if (!o->machine.kernel)
		return err_set(e, EINVAL, "--kernel FILE is missing; see weft-vmm --help");
	/* A huge page that was given back may be taken when the guest wants it again: SIGBUS. */
	if (o->balloon && o->machine.memory.huge_bytes)
		return err_set(e, EINVAL,
			       "--balloon: huge pages cannot be given back safely; "
			       "leave out --balloon or --hugepages");
	if (o->machine.memory.ksm && o->machine.memory.huge_bytes)
		return err_set(e, EINVAL,
			       "--ksm: huge pages are not merged; leave out one of --ksm "
			       "and --hugepages");
	return OPTIONS_RUN;
}
