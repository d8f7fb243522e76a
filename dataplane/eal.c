/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/eal.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "common/log.h"

#define MEMORY_MB "64"
/* Without huge pages memory is ordinary: what NIC ports do not use of it is never touched. */
#define MEMORY_MB_NO_HUGE "256"
/* A device that no machine has: none is probed at the start, those of NIC ports are later. */
#define NO_DEVICE "ffff:ff:1f.7"

static unsigned long free_hugepages(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	unsigned long n = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%lu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

/*
 * "--lcores=0@(0,1,...)": DPDK's one logical core floats over every CPU we are allowed to use.
 * Anything else would pin the control thread, and every thread it starts, to one CPU.
 */
static void format_lcores(char *text, size_t size)
{
	size_t n = (size_t)snprintf(text, size, "--lcores=0@(");
	cpu_set_t cpus;
	bool any = false;

	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (unsigned i = 0; i < CPU_SETSIZE && n + 8 < size; i++) {
		if (!CPU_ISSET(i, &cpus))
			continue;
		n += (size_t)snprintf(text + n, size - n, "%s%u", any ? "," : "", i);
		any = true;
	}
	snprintf(text + n, size - n, ")");
}

/* DPDK's own messages, a line at a time, become lines of our log. */
static ssize_t log_line(void *cookie, const char *text, size_t len)
{
	size_t n = len;

	while (n > 0 && text[n - 1] == '\n')
		n--;
	if (n > 0)
		log_warn(LOG_EAL, "%.*s", (int)n, text);
	return (ssize_t)len;
}

static void log_redirect(void)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_line});

	if (!f)
		return;
	setvbuf(f, NULL, _IOLBF, 0);
	rte_openlog_stream(f);
}

int eal_init(enum config_auto hugepages, struct err *e)
{
	char lcores[4096];
	bool huge = hugepages == CONFIG_ON;
	char *argv[] = {"weftd",
			"--allow",
			NO_DEVICE,
			"--no-telemetry",
			"--no-shconf",
			"--log-level=4",
			lcores,
			"-m",
			huge ? MEMORY_MB : MEMORY_MB_NO_HUGE,
			huge ? "--in-memory" : "--no-huge",
			NULL};
	int argc = ARRAY_SIZE(argv) - 1;

	format_lcores(lcores, sizeof(lcores));
	if (huge && free_hugepages() < 32)
		return err_set(
			e, ENOMEM,
			"no DPDK memory: switch.hugepages is on, but only %lu of 32 free 2 MiB "
			"pages are there; reserve them with `sysctl vm.nr_hugepages=64` or set "
			"switch.hugepages: auto",
			free_hugepages());
	log_redirect();
	if (rte_eal_init(argc, argv) < 0)
		return err_set(e, rte_errno ? rte_errno : EIO,
			       "no DPDK memory: the environment did not start: %s; %s",
			       rte_strerror(rte_errno),
			       huge ? "check /dev/hugepages and the memory cgroup"
				    : "at least " MEMORY_MB_NO_HUGE
				      " MiB of address space must be free");
	return 0;
}

void eal_fini(void)
{
	rte_eal_cleanup();
}
