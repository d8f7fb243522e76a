/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_MSIX_H
#define VMM_MSIX_H

/*
 * MSI-X: each vector is an eventfd. Whoever has an interrupt to raise writes to it, a thread of
 * ours or a vhost-user backend, and never asks whether it is masked: while it is, the eventfd is
 * not connected to KVM and collects; connecting it delivers what it collected. KVM's routes change
 * only when a vector is unmasked with another message than before, because changing them is slow.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "vmm/hv.h"
#include "vmm/state.h"

#define MSIX_VECTORS_MAX 40
#define MSIX_NONE	 0xffff
#define MSIX_ENTRY	 16 /* bytes of the table, a vector */

struct msix_vector {
	uint32_t entry[4]; /* as the guest sees it: address low, high, data, control */
	int fd;
	unsigned gsi;
	bool connected;
};

struct msix {
	struct hv *hv;
	unsigned n;
	bool enabled, masked;
	struct msix_vector vectors[MSIX_VECTORS_MAX];
};

int msix_init(struct msix *m, struct hv *hv, unsigned n, struct err *e);
void msix_fini(struct msix *m);
/* All masked, as after power-on. */
void msix_reset(struct msix *m);
/* What the capability's control register says. */
void msix_control(struct msix *m, bool enabled, bool masked);
/* Accesses to the table and to the pending bits, of 4 or 8 bytes; others do nothing. */
void msix_table_read(struct msix *m, uint64_t offset, void *data, unsigned len);
void msix_table_write(struct msix *m, uint64_t offset, const void *data, unsigned len);
void msix_pending_read(struct msix *m, uint64_t offset, void *data, unsigned len);
/* The eventfd of a vector, or -1 for one that does not exist. Stays the same while `m` lives. */
int msix_fd(const struct msix *m, uint16_t vector);

/* The table and what is pending, in a machine's state. Loaded vectors are not connected yet. */
void msix_save(const struct msix *m, struct state_writer *w);
int msix_load(struct msix *m, struct state_reader *r, struct err *e);

#endif
