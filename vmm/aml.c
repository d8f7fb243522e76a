/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/aml.h"

#include <string.h>

enum {
	OP_ZERO = 0x00,
	OP_ONE = 0x01,
	OP_NAME = 0x08,
	OP_BYTE = 0x0a,
	OP_WORD = 0x0b,
	OP_DWORD = 0x0c,
	OP_STRING = 0x0d,
	OP_QWORD = 0x0e,
	OP_SCOPE = 0x10,
	OP_BUFFER = 0x11,
	OP_PACKAGE = 0x12,
	OP_METHOD = 0x14,
	OP_DUAL_NAME = 0x2e,
	OP_MULTI_NAME = 0x2f,
	OP_EXT = 0x5b,
	OP_STORE = 0x70,
	OP_AND = 0x7b,
	OP_NOTIFY = 0x86,
	OP_IF = 0xa0,
	OP_RETURN = 0xa4,
	EXT_REGION = 0x80,
	EXT_FIELD = 0x81,
	EXT_DEVICE = 0x82,
	REGION_PORTS = 1,
	METHOD_SERIALIZED = 8,
};

#define SEGMENT	      4
#define LENGTH_BYTES  3 /* of a PkgLength, always */
#define CRS_END	      0x79
#define CRS_SIZE_WORD 3 /* the word operand of a buffer's size */

void aml_raw(struct aml *a, const void *bytes, size_t len)
{
	if (len > a->size - a->len) {
		a->overflow = true;
		return;
	}
	memcpy(a->bytes + a->len, bytes, len);
	a->len += len;
}

void aml_byte(struct aml *a, uint8_t byte)
{
	aml_raw(a, &byte, 1);
}

static void number(struct aml *a, uint8_t op, const void *value, size_t len)
{
	aml_byte(a, op);
	aml_raw(a, value, len);
}

void aml_int(struct aml *a, uint64_t value)
{
	if (value <= 1)
		aml_byte(a, value ? OP_ONE : OP_ZERO);
	else if (value <= UINT8_MAX)
		number(a, OP_BYTE, &value, 1);
	else if (value <= UINT16_MAX)
		number(a, OP_WORD, &value, 2);
	else if (value <= UINT32_MAX)
		number(a, OP_DWORD, &value, 4);
	else
		number(a, OP_QWORD, &value, 8);
}

void aml_path(struct aml *a, const char *path)
{
	size_t segments;

	if (*path == '\\')
		aml_byte(a, (uint8_t)*path++);
	segments = (strlen(path) + 1) / (SEGMENT + 1);
	if (segments == 2)
		aml_byte(a, OP_DUAL_NAME);
	if (segments > 2) {
		aml_byte(a, OP_MULTI_NAME);
		aml_byte(a, (uint8_t)segments);
	}
	for (size_t i = 0; i < segments; i++)
		aml_raw(a, path + i * (SEGMENT + 1), SEGMENT);
}

static unsigned hex(char c)
{
	return c <= '9' ? (unsigned)c - '0' : (unsigned)c - 'A' + 10;
}

/* Three letters of five bits, four digits of four, the highest first. */
void aml_eisaid(struct aml *a, const char *id)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 3; i++)
		v = v << 5 | (uint32_t)(id[i] - '@');
	for (unsigned i = 3; i < 7; i++)
		v = v << 4 | hex(id[i]);
	v = __builtin_bswap32(v);
	number(a, OP_DWORD, &v, sizeof(v));
}

void aml_string(struct aml *a, const char *text)
{
	number(a, OP_STRING, text, strlen(text) + 1);
}

void aml_name(struct aml *a, const char *name)
{
	aml_byte(a, OP_NAME);
	aml_path(a, name);
}

static size_t open_length(struct aml *a)
{
	static const uint8_t unknown[LENGTH_BYTES];
	size_t mark = a->len;

	aml_raw(a, unknown, sizeof(unknown));
	return mark;
}

void aml_close(struct aml *a, size_t mark)
{
	size_t len = a->len - mark;

	if (a->overflow)
		return;
	a->bytes[mark] = (uint8_t)(2 << 6 | (len & 0xf));
	a->bytes[mark + 1] = (uint8_t)(len >> 4);
	a->bytes[mark + 2] = (uint8_t)(len >> 12);
}

size_t aml_scope(struct aml *a, const char *path)
{
	size_t mark;

	aml_byte(a, OP_SCOPE);
	mark = open_length(a);
	aml_path(a, path);
	return mark;
}

size_t aml_device(struct aml *a, const char *name)
{
	size_t mark;

	aml_byte(a, OP_EXT);
	aml_byte(a, EXT_DEVICE);
	mark = open_length(a);
	aml_path(a, name);
	return mark;
}

size_t aml_method(struct aml *a, const char *name, unsigned args, bool serialized)
{
	size_t mark;

	aml_byte(a, OP_METHOD);
	mark = open_length(a);
	aml_path(a, name);
	aml_byte(a, (uint8_t)(args | (serialized ? METHOD_SERIALIZED : 0)));
	return mark;
}

size_t aml_package(struct aml *a, unsigned elements)
{
	size_t mark;

	aml_byte(a, OP_PACKAGE);
	mark = open_length(a);
	aml_byte(a, (uint8_t)elements);
	return mark;
}

size_t aml_if_bit(struct aml *a, uint8_t operand, uint64_t mask)
{
	size_t mark;

	aml_byte(a, OP_IF);
	mark = open_length(a);
	aml_byte(a, OP_AND);
	aml_byte(a, operand);
	aml_int(a, mask);
	aml_byte(a, OP_ZERO);
	return mark;
}

void aml_port_region(struct aml *a, const char *name, uint16_t port, uint8_t bytes)
{
	aml_byte(a, OP_EXT);
	aml_byte(a, EXT_REGION);
	aml_path(a, name);
	aml_byte(a, REGION_PORTS);
	aml_int(a, port);
	aml_int(a, bytes);
}

/* Access of that width, not locked, other bits written as zeroes. */
size_t aml_field(struct aml *a, const char *region, uint8_t access_bytes)
{
	size_t mark;

	aml_byte(a, OP_EXT);
	aml_byte(a, EXT_FIELD);
	mark = open_length(a);
	aml_path(a, region);
	aml_byte(a, (uint8_t)((access_bytes == 1 ? 1 : 3) | 2 << 5));
	return mark;
}

void aml_field_unit(struct aml *a, const char *name, unsigned bits)
{
	aml_path(a, name);
	aml_byte(a, (uint8_t)bits);
}

void aml_load(struct aml *a, uint8_t local, const char *name)
{
	aml_byte(a, OP_STORE);
	aml_path(a, name);
	aml_byte(a, local);
}

void aml_store_int(struct aml *a, uint64_t value, const char *name)
{
	aml_byte(a, OP_STORE);
	aml_int(a, value);
	aml_path(a, name);
}

void aml_notify(struct aml *a, const char *path, uint8_t value)
{
	aml_byte(a, OP_NOTIFY);
	aml_path(a, path);
	aml_int(a, value);
}

void aml_call(struct aml *a, const char *path)
{
	aml_path(a, path);
}

void aml_return_int(struct aml *a, uint64_t value)
{
	aml_byte(a, OP_RETURN);
	aml_int(a, value);
}

size_t aml_crs(struct aml *a)
{
	static const uint8_t size[] = {OP_WORD, 0, 0};
	size_t mark;

	aml_name(a, "_CRS");
	aml_byte(a, OP_BUFFER);
	mark = open_length(a);
	aml_raw(a, size, sizeof(size));
	return mark;
}

void aml_crs_bus(struct aml *a, uint16_t first, uint16_t last)
{
	const uint16_t words[] = {0, first, last, 0, (uint16_t)(last - first + 1)};
	const uint8_t head[] = {0x88, 13, 0, 2, 0x0c, 0};

	aml_raw(a, head, sizeof(head));
	aml_raw(a, words, sizeof(words));
}

void aml_crs_memory_window(struct aml *a, uint32_t first, uint32_t last)
{
	const uint32_t words[] = {0, first, last, 0, last - first + 1};
	const uint8_t head[] = {0x87, 23, 0, 0, 0x0c, 1};

	aml_raw(a, head, sizeof(head));
	aml_raw(a, words, sizeof(words));
}

void aml_crs_memory(struct aml *a, uint32_t at, uint32_t bytes)
{
	const uint8_t head[] = {0x86, 9, 0, 1};

	aml_raw(a, head, sizeof(head));
	aml_raw(a, &at, sizeof(at));
	aml_raw(a, &bytes, sizeof(bytes));
}

void aml_crs_ports(struct aml *a, uint16_t at, uint8_t n)
{
	const uint8_t head[] = {0x47, 1};
	const uint8_t tail[] = {1, n};

	aml_raw(a, head, sizeof(head));
	aml_raw(a, &at, sizeof(at));
	aml_raw(a, &at, sizeof(at));
	aml_raw(a, tail, sizeof(tail));
}

void aml_crs_interrupt(struct aml *a, uint32_t gsi)
{
	const uint8_t head[] = {0x89, 6, 0, 0x03, 1};

	aml_raw(a, head, sizeof(head));
	aml_raw(a, &gsi, sizeof(gsi));
}

void aml_crs_close(struct aml *a, size_t mark)
{
	const uint8_t end[] = {CRS_END, 0};
	size_t data = mark + LENGTH_BYTES + CRS_SIZE_WORD;
	uint16_t len;

	aml_raw(a, end, sizeof(end));
	aml_close(a, mark);
	if (a->overflow)
		return;
	len = (uint16_t)(a->len - data);
	memcpy(a->bytes + data - sizeof(len), &len, sizeof(len));
}
