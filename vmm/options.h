/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

/* The command line, whose words are those that users of kvmtool and Firecracker would try. */

#include "vmm/machine.h"

#define OPTIONS_NICS_MAX   16
#define OPTIONS_DISKS_MAX  8
#define OPTIONS_TEXT_MAX   512
#define OPTIONS_MEMORY_MIN (16ull << 20)

struct options_nic {
	struct nic_params params;
	char id[MACHINE_ID_MAX], path[OPTIONS_TEXT_MAX];
};

struct options_disk {
	struct disk_params params;
	char path[OPTIONS_TEXT_MAX];
};

struct options {
	struct machine_params machine;
	int pins[VCPUS_MAX];
	unsigned n_nics, n_disks;
	struct options_nic nics[OPTIONS_NICS_MAX];
	struct options_disk disks[OPTIONS_DISKS_MAX];
	char port_name[64], port_where[OPTIONS_TEXT_MAX]; /* "": no port */
	const char *api, *user;
	const char *restore, *incoming; /* where a state is, or comes; NULL: the guest boots */
	bool rng, balloon, sandbox, paused, wait;
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION };

/* Returns one of the above, or -EINVAL with the reason. The strings of `argv` are kept. */
int options_parse(struct options *o, int argc, char **argv, struct err *e);
/* One NIC: vhost-user:PATH or tap:NAME and what follows with commas, "" for `mac`: derived. */
int options_parse_nic(struct options_nic *n, const char *text, unsigned number, struct err *e);
/* "512M", "2G", "512" (MiB): bytes. Returns 0 or -EINVAL. */
int options_parse_size(const char *text, uint64_t *bytes);
void options_help(void);

#endif
