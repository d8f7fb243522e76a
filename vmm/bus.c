/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/bus.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

void bus_add(struct bus *b, uint64_t start, uint64_t bytes, const struct bus_ops *ops, void *device)
{
	assert(b->n < BUS_RANGES_MAX);
	b->ranges[b->n++] = (struct bus_range){start, bytes, ops, device};
}

static const struct bus_range *find(const struct bus *b, uint64_t address, unsigned len)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct bus_range *r = &b->ranges[i];

		if (address >= r->start && address - r->start < r->bytes)
			return len <= r->bytes - (address - r->start) ? r : NULL;
	}
	return NULL;
}

void bus_read(const struct bus *b, uint64_t address, void *data, unsigned len)
{
	const struct bus_range *r = find(b, address, len);

	memset(data, 0xff, len);
	if (r && r->ops->read)
		r->ops->read(r->device, address - r->start, data, len);
}

void bus_write(const struct bus *b, uint64_t address, const void *data, unsigned len)
{
	const struct bus_range *r = find(b, address, len);

	if (r && r->ops->write)
		r->ops->write(r->device, address - r->start, data, len);
}
