/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_BUS_H
#define VMM_BUS_H

/*
 * Who answers at an address: a short list of ranges, for ports and for memory one each. Accesses
 * are 1, 2, 4 or 8 bytes. Where nobody answers, reads give all ones and writes are lost, as on a
 * real bus.
 */

#include <stdbool.h>
#include <stdint.h>

#define BUS_RANGES_MAX 16

struct bus_ops {
	/* `offset` is inside the range; `data` has `len` bytes, for reads filled with ones. */
	void (*read)(void *device, uint64_t offset, void *data, unsigned len);
	void (*write)(void *device, uint64_t offset, const void *data, unsigned len);
};

struct bus_range {
	uint64_t start, bytes;
	const struct bus_ops *ops;
	void *device;
};

struct bus {
	unsigned n;
	struct bus_range ranges[BUS_RANGES_MAX];
};

/* Ranges do not overlap; there are at most BUS_RANGES_MAX. */
void bus_add(struct bus *b, uint64_t start, uint64_t bytes, const struct bus_ops *ops,
	     void *device);
void bus_read(const struct bus *b, uint64_t address, void *data, unsigned len);
void bus_write(const struct bus *b, uint64_t address, const void *data, unsigned len);

#endif
