/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_VALUE_ADDRESS_H
#define CONFIG_VALUE_ADDRESS_H

/*
 * The types of values that are addresses, for the table of config/value.c: a parser stores what
 * `text` says in the field and returns 0, or -EINVAL with the field as it was; `check` only looks,
 * where the field is the text itself.
 */

#include <stddef.h>

#include "config/schema.h"

int value_parse_mac(const struct schema_key *key, const char *text, void *field);
int value_parse_ip4_prefix(const struct schema_key *key, const char *text, void *field);
int value_parse_ip4(const struct schema_key *key, const char *text, void *field);
int value_parse_ip4_range(const struct schema_key *key, const char *text, void *field);
int value_check_address_list(const struct schema_key *key, const char *text, void *field);
int value_check_ip(const struct schema_key *key, const char *text, void *field);
int value_check_ranges(const struct schema_key *key, const char *text, void *field);
void value_format_mac(const void *field, char *text, size_t size);
void value_format_ip4_prefix(const void *field, char *text, size_t size);
void value_format_ip4(const void *field, char *text, size_t size);
void value_format_ip4_range(const void *field, char *text, size_t size);

#endif
