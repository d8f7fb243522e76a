/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_UTIL_H
#define COMMON_UTIL_H

#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define MIN_OF(a, b)  ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)  ((a) > (b) ? (a) : (b))

#ifndef container_of /* DPDK has one of the same meaning */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#endif

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Puts the name of value `v` of an enum beside a table of names: NULL-safe, "?" when out of range.
 */
#define NAME_OF(table, v) ((size_t)(v) < ARRAY_SIZE(table) ? (table)[v] : "?")

#endif
