/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a dnsmasq that a guest has taken over may tell weftd, and what may stand in a lease file or
 * a resolv.conf. A lease that is taken must be one that is written as a line and read back as the
 * same lease, or the next dnsmasq would begin with something else.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp/lease_event.h"
#include "dhcp/resolv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *line_of(const struct lease *l)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	lease_print(l, f);
	fclose(f);
	if (size < 2 || strchr(text, '\n') != text + size - 1)
		abort();
	text[size - 1] = '\0';
	return text;
}

static void reads_back(const struct lease *l)
{
	char *line = line_of(l), *again;
	struct lease copy;

	if (lease_parse(&copy, line) < 0)
		abort();
	again = line_of(&copy);
	if (strcmp(line, again) != 0)
		abort();
	lease_fini(&copy);
	free(again);
	free(line);
}

static void tell(const uint8_t *data, size_t size)
{
	char text[LEASE_EVENT_MAX + 1];
	struct lease_store store;
	struct lease_event ev;

	size = size > LEASE_EVENT_MAX ? LEASE_EVENT_MAX : size;
	memcpy(text, data, size);
	text[size] = '\0';
	lease_store_init(&store);
	if (lease_event_parse(&ev, text, 1000) == 0)
		lease_event_apply(&ev, &store);
	for (unsigned i = 0; i < store.n; i++)
		reads_back(&store.leases[i]);
	lease_event_fini(&ev);
	lease_store_fini(&store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), list[RESOLV_LIST_MAX];
	struct lease l;

	memcpy(text, data, size);
	text[size] = '\0';
	if (lease_parse(&l, text) == 0)
		reads_back(&l);
	lease_fini(&l);
	resolv_parse(text, list);
	free(text);
	tell(data, size);
	return 0;
}
