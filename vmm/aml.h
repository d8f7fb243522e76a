/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_AML_H
#define VMM_AML_H

/*
 * Writes ACPI Machine Language (ACPI 6.4, chapter 20) as its source reads: what is opened is
 * closed, lengths are filled in on closing, always in three bytes. What does not fit makes
 * `overflow` true and is not written.
 *
 *   size_t device = aml_device(a, "COM1");
 *   aml_name(a, "_HID");
 *   aml_eisaid(a, "PNP0501");
 *   aml_close(a, device);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *bytes;
	size_t size, len;
	bool overflow;
};

void aml_raw(struct aml *a, const void *bytes, size_t len);
void aml_byte(struct aml *a, uint8_t byte);

/* Data. Integers take the shortest form. Names are a path of four-letter segments: "\\_SB_.PCI0" */
void aml_int(struct aml *a, uint64_t value);
void aml_path(struct aml *a, const char *path);
void aml_eisaid(struct aml *a, const char *id);
void aml_string(struct aml *a, const char *text);
/* Name (NAME, ...): what follows is the value. */
void aml_name(struct aml *a, const char *name);

/* What has a length; returns what aml_close wants. */
size_t aml_scope(struct aml *a, const char *path);
size_t aml_device(struct aml *a, const char *name);
size_t aml_method(struct aml *a, const char *name, unsigned args, bool serialized);
size_t aml_package(struct aml *a, unsigned elements);
size_t aml_if_bit(struct aml *a, uint8_t operand, uint64_t mask); /* If (operand & mask) */
void aml_close(struct aml *a, size_t mark);

/* Registers in ports, as fields of a region. */
void aml_port_region(struct aml *a, const char *name, uint16_t port, uint8_t bytes);
size_t aml_field(struct aml *a, const char *region, uint8_t access_bytes);
void aml_field_unit(struct aml *a, const char *name, unsigned bits);

/* Statements. Operands are AML_LOCAL(n), AML_ARG(n). */
#define AML_LOCAL(n) ((uint8_t)(0x60 + (n)))
#define AML_ARG(n)   ((uint8_t)(0x68 + (n)))
void aml_load(struct aml *a, uint8_t local, const char *name);	     /* local = name */
void aml_store_int(struct aml *a, uint64_t value, const char *name); /* name = value */
void aml_notify(struct aml *a, const char *path, uint8_t value);
void aml_call(struct aml *a, const char *path);
void aml_return_int(struct aml *a, uint64_t value);

/* Name (_CRS, ResourceTemplate { ... }) */
size_t aml_crs(struct aml *a);
void aml_crs_bus(struct aml *a, uint16_t first, uint16_t last);
void aml_crs_memory_window(struct aml *a, uint32_t first, uint32_t last);
void aml_crs_memory(struct aml *a, uint32_t at, uint32_t bytes);
void aml_crs_ports(struct aml *a, uint16_t at, uint8_t n);
void aml_crs_interrupt(struct aml *a, uint32_t gsi); /* edge, active high */
void aml_crs_close(struct aml *a, size_t mark);

#endif
