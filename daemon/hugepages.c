/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/hugepages.h"

#include <inttypes.h>
#include <stdio.h>

#define FOLDER "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static uint64_t read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	uint64_t n = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%" SCNu64, &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

void hugepages_read(struct hugepages *h)
{
	uint64_t reserved = read_number(FOLDER "resv_hugepages");

	h->total = read_number(FOLDER "nr_hugepages");
	h->free = read_number(FOLDER "free_hugepages");
	h->free -= reserved < h->free ? reserved : h->free;
}
