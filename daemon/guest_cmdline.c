/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/guest_cmdline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/ip.h"
#include "common/mac.h"

/*
 * Kernel arguments for any guest: panic=-1 with -no-reboot turns a panic into the end of QEMU.
 * tsc=reliable for the guest image: an emulated TSC is one host clock, true on every vCPU, but the
 * kernel's watchdog compares it with the HPET, and on a busy host the delays between the two reads
 * can make it change over to the HPET, each read of which costs microseconds.
 */
#define APPEND_ANY   "console=ttyS0 panic=-1 oops=panic"
#define APPEND_IMAGE "quiet loglevel=4 tsc=reliable"

/* Appends to the kernel's arguments what fits into them. */
static int append(char *line, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int append(char *line, const char *fmt, ...)
{
	size_t used = strlen(line);
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line + used, GUEST_CMDLINE_MAX + 1 - used, fmt, ap);
	va_end(ap);
	if (n >= 0 && used + (size_t)n <= GUEST_CMDLINE_MAX)
		return 0;
	line[used] = '\0';
	return -E2BIG;
}

static int append_nics(char *line, const struct config_guest *g)
{
	int ret = 0;

	for (unsigned n = 0; n < g->n_nics && ret == 0; n++) {
		const struct config_nic *nic = &g->nics[n];
		char mac[MAC_TEXT_MAX], address[IP4_PREFIX_TEXT] = "";

		if (nic->by_dhcp)
			snprintf(address, sizeof(address), "dhcp");
		else if (nic->has_address)
			ip4_prefix_format(&nic->address, address);
		ret = append(line, " weft.nic=%s,%s,%u", mac_format(&nic->mac, mac), address,
			     nic->mtu);
	}
	return ret;
}

/* Names of neighbours are a comfort: as many as fit, each whole. */
static void append_hosts(char *line, const char *hosts)
{
	const char *prefix = " weft.hosts=";

	while (*hosts) {
		int len = (int)strcspn(hosts, ",");

		if (append(line, "%s%.*s", prefix, len, hosts) < 0)
			return;
		prefix = ",";
		hosts += len + (hosts[len] == ',');
	}
}

int guest_cmdline(const struct config_guest *g, const char *hosts, char line[GUEST_CMDLINE_MAX + 1],
		  struct err *e)
{
	bool image = strcmp(g->initrd, "auto") == 0;
	int ret = 0;

	strcpy(line, APPEND_ANY);
	if (image) {
		ret = append(line, " " APPEND_IMAGE " weft.name=%s", g->name);
		ret = ret ?: append_nics(line, g);
	}
	if (g->append[0])
		ret = ret ?: append(line, " %s", g->append);
	if (ret < 0)
		return err_set(
			e, E2BIG,
			"guest %s: kernel arguments are longer than %d bytes; shorten append "
			"or use fewer nics",
			g->name, GUEST_CMDLINE_MAX);
	if (image)
		append_hosts(line, hosts);
	return 0;
}
