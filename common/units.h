/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_UNITS_H
#define COMMON_UNITS_H

/* Numbers with units, as people write them in config files and on command lines. */

#include <stddef.h>
#include <stdint.h>

/* "512M", "2GiB", "4096": bytes, in powers of 1024. Returns 0, -EINVAL or -ERANGE. */
int units_parse_size(const char *text, uint64_t *bytes);

/* "50us", "200ms", "5s", "2m", "1h": nanoseconds; a bare number is refused. Returns as above. */
int units_parse_duration(const char *text, uint64_t *ns);

/* "100Mbps", "1Gbps", "64Kbps", "9600bps": bits a second, in powers of 1000. Returns as above. */
int units_parse_rate(const char *text, uint64_t *bits_ps);
/* The shortest exact form that units_parse_rate reads back. */
char *units_format_rate(uint64_t bits_ps, char *text, size_t size);

/* "512 MiB", "1.5 GiB" */
char *units_format_size(uint64_t bytes, char *text, size_t size);
/* The shortest exact form that units_parse_duration reads back: "300s" is "5m". */
char *units_format_duration(uint64_t ns, char *text, size_t size);

#endif
