/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each type has a parser and a formatter in one table. A formatter's text parses back to the same
 * value, which is what makes printed configurations, `get` and the diff agree with the parser.
 *
 * Words such as `auto` come first: for numbers they stand for a value that the range does not
 * hold, for texts they are the value, for addresses they mean "not given".
 */
#include "config/value.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/units.h"
#include "config/utf8.h"
#include "config/value_address.h"

static bool in_range(const struct schema_key *key, uint64_t v)
{
	return v >= key->min && v <= key->max;
}

static const struct schema_word *word_lookup(const struct schema_key *key, const char *name)
{
	for (const struct schema_word *w = key->words; w && w->name; w++)
		if (strcasecmp(w->name, name) == 0)
			return w;
	return NULL;
}

static const char *word_name(const struct schema_key *key, uint64_t value)
{
	for (const struct schema_word *w = key->words; w && w->name; w++)
		if (w->value == value)
			return w->name;
	return NULL;
}

/* All spellings of YAML 1.1 for people who are used to one of them. Returns 0 or -EINVAL. */
static int bool_parse(const char *text, bool *on)
{
	static const char *const words[] = {"off", "on", "false", "true", "no", "yes"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(text, words[i]) != 0)
			continue;
		*on = i & 1;
		return 0;
	}
	return -EINVAL;
}

static int parse_uint(const struct schema_key *key, const char *text, void *field)
{
	unsigned long long v;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || *end || !in_range(key, v))
		return -EINVAL;
	*(unsigned *)field = (unsigned)v;
	return 0;
}

static int parse_size(const struct schema_key *key, const char *text, void *field)
{
	uint64_t v;

	if (units_parse_size(text, &v) || !in_range(key, v))
		return -EINVAL;
	*(uint64_t *)field = v;
	return 0;
}

static int parse_duration(const struct schema_key *key, const char *text, void *field)
{
	uint64_t v;

	if (units_parse_duration(text, &v) || !in_range(key, v))
		return -EINVAL;
	*(uint64_t *)field = v;
	return 0;
}

static int parse_rate(const struct schema_key *key, const char *text, void *field)
{
	uint64_t v;

	if (units_parse_rate(text, &v) || !in_range(key, v))
		return -EINVAL;
	*(uint64_t *)field = v;
	return 0;
}

static int parse_bool(const struct schema_key *key, const char *text, void *field)
{
	return bool_parse(text, field);
}

/* The words themselves are looked up before; what is left are other spellings of on and off. */
static int parse_choice(const struct schema_key *key, const char *text, void *field)
{
	const struct schema_word *w;
	bool on;

	if (bool_parse(text, &on))
		return -EINVAL;
	w = word_lookup(key, on ? "on" : "off");
	if (!w)
		return -EINVAL;
	*(unsigned *)field = (unsigned)w->value;
	return 0;
}

static int parse_word(const struct schema_key *key, const char *text, void *field)
{
	return -EINVAL;
}

static int parse_mode(const struct schema_key *key, const char *text, void *field)
{
	unsigned long v;
	char *end;

	if (strncmp(text, "0o", 2) == 0)
		text += 2;
	if (strlen(text) < 3 || !isdigit((unsigned char)text[0]))
		return -EINVAL;
	v = strtoul(text, &end, 8);
	if (*end || v == 0 || v > 0777)
		return -EINVAL;
	*(unsigned *)field = (unsigned)v;
	return 0;
}

static int check_name(const struct schema_key *key, const char *text, void *field)
{
	return value_is_name(text, key->max) ? 0 : -EINVAL;
}

static int check_string(const struct schema_key *key, const char *text, void *field)
{
	return text[0] && strlen(text) <= key->max && utf8_is_clean(text) ? 0 : -EINVAL;
}

static int check_path(const struct schema_key *key, const char *text, void *field)
{
	return text[0] == '/' ? check_string(key, text, field) : -EINVAL;
}

static int parse_vlans(const struct schema_key *key, const char *text, void *field)
{
	char back[VALUE_TEXT_MAX];
	struct vlan_set set, again;

	/* What is printed must be read back, so a set must fit into a printed value. */
	if (vlan_set_parse(text, &set) ||
	    vlan_set_parse(vlan_set_format(&set, back, sizeof(back)), &again) ||
	    memcmp(&set, &again, sizeof(set)) != 0)
		return -EINVAL;
	*(struct vlan_set *)field = set;
	return 0;
}

static int check_names(const struct schema_key *key, const char *text, void *field)
{
	char name[CONFIG_NAME_MAX + 4];
	unsigned n = 0;

	if (strlen(text) > key->max)
		return -EINVAL;
	while (config_names_next(&text, name)) {
		if (!value_is_name(name, CONFIG_NAME_MAX + 3))
			return -EINVAL;
		n++;
	}
	return n && strcmp(text, "]") == 0 ? 0 : -EINVAL;
}

static const struct {
	const char *name;
	uint64_t factor;
} rate_units[] = {{"G", 1000000000}, {"M", 1000000}, {"k", 1000}, {"", 1}};

/* "1000pps", "10kpps", "10Mbps": packets or bits a second. */
static int parse_storm_rate(const struct schema_key *key, const char *text, void *field)
{
	static const uint64_t most = 1000000000000;
	struct config_storm_rate rate = {0};
	size_t unit = 0;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	rate.per_s = strtoull(text, &end, 10);
	while (strncmp(end, rate_units[unit].name, strlen(rate_units[unit].name)) != 0)
		unit++;
	end += strlen(rate_units[unit].name);
	rate.packets = strcmp(end, "pps") == 0;
	if (errno || !rate.per_s || rate.per_s > most / rate_units[unit].factor ||
	    (!rate.packets && strcmp(end, "bps") != 0))
		return -EINVAL;
	rate.per_s *= rate_units[unit].factor;
	*(struct config_storm_rate *)field = rate;
	return 0;
}

static void format_uint(const void *field, char *text, size_t size)
{
	snprintf(text, size, "%u", *(const unsigned *)field);
}

static void format_size(const void *field, char *text, size_t size)
{
	static const char *const units[] = {"", "K", "M", "G", "T"};
	uint64_t v = *(const uint64_t *)field;
	unsigned i = 0;

	while (v && v % 1024 == 0 && i + 1 < ARRAY_SIZE(units)) {
		v /= 1024;
		i++;
	}
	snprintf(text, size, "%" PRIu64 "%s", v, units[i]);
}

static void format_duration(const void *field, char *text, size_t size)
{
	uint64_t v = *(const uint64_t *)field;

	if (v)
		units_format_duration(v, text, size);
	else
		snprintf(text, size, "0s");
}

static void format_rate(const void *field, char *text, size_t size)
{
	units_format_rate(*(const uint64_t *)field, text, size);
}

static void format_bool(const void *field, char *text, size_t size)
{
	snprintf(text, size, "%s", *(const bool *)field ? "on" : "off");
}

static void format_mode(const void *field, char *text, size_t size)
{
	snprintf(text, size, "0%03o", *(const unsigned *)field);
}

static void format_string(const void *field, char *text, size_t size)
{
	snprintf(text, size, "%s", *(const char *const *)field);
}

static void format_vlans(const void *field, char *text, size_t size)
{
	vlan_set_format(field, text, size);
}

static void format_storm_rate(const void *field, char *text, size_t size)
{
	const struct config_storm_rate *rate = field;
	size_t unit = 0;

	while (rate->per_s % rate_units[unit].factor)
		unit++;
	if (rate->per_s)
		snprintf(text, size, "%" PRIu64 "%s%s", rate->per_s / rate_units[unit].factor,
			 rate_units[unit].name, rate->packets ? "pps" : "bps");
	else
		snprintf(text, size, "off");
}

static const struct value_type {
	/* Stores the value, or with `is_text` only checks it. Returns 0 or -EINVAL. */
	int (*parse)(const struct schema_key *key, const char *text, void *field);
	void (*format)(const void *field, char *text, size_t size);
	size_t size;
	bool is_text;
} types[] = {
	[SCHEMA_UINT] = {parse_uint, format_uint, sizeof(unsigned), false},
	[SCHEMA_SIZE] = {parse_size, format_size, sizeof(uint64_t), false},
	[SCHEMA_DURATION] = {parse_duration, format_duration, sizeof(uint64_t), false},
	[SCHEMA_BOOL] = {parse_bool, format_bool, sizeof(bool), false},
	[SCHEMA_CHOICE] = {parse_choice, format_uint, sizeof(unsigned), false},
	[SCHEMA_WORD] = {parse_word, format_string, 0, true},
	[SCHEMA_NAME] = {check_name, format_string, 0, true},
	[SCHEMA_STRING] = {check_string, format_string, 0, true},
	[SCHEMA_PATH] = {check_path, format_string, 0, true},
	[SCHEMA_MODE] = {parse_mode, format_mode, sizeof(unsigned), false},
	[SCHEMA_MAC] = {value_parse_mac, value_format_mac, sizeof(struct mac), false},
	[SCHEMA_IP4_PREFIX] = {value_parse_ip4_prefix, value_format_ip4_prefix,
			       sizeof(struct ip4_prefix), false},
	[SCHEMA_IP4] = {value_parse_ip4, value_format_ip4, sizeof(uint32_t), false},
	[SCHEMA_IP4_RANGE] = {value_parse_ip4_range, value_format_ip4_range,
			      sizeof(struct ip4_range), false},
	[SCHEMA_RATE] = {parse_rate, format_rate, sizeof(uint64_t), false},
	[SCHEMA_ADDRESSES] = {value_check_address_list, format_string, 0, true},
	[SCHEMA_IP] = {value_check_ip, format_string, 0, true},
	[SCHEMA_RANGES] = {value_check_ranges, format_string, 0, true},
	[SCHEMA_VLANS] = {parse_vlans, format_vlans, sizeof(struct vlan_set), false},
	[SCHEMA_NAMES] = {check_names, format_string, 0, true},
	[SCHEMA_STORM_RATE] = {parse_storm_rate, format_storm_rate,
			       sizeof(struct config_storm_rate), false},
};
static_assert(ARRAY_SIZE(types) == SCHEMA_MAP, "all types that are no containers");

static void has_set(const struct schema_key *key, void *object, bool has)
{
	if (key->has)
		*(bool *)((char *)object + key->has) = has;
}

/* The value of a number of whichever width; the types that have words for values. */
static uint64_t number_of(const struct schema_key *key, const void *field)
{
	if (types[key->type].size == sizeof(uint64_t))
		return *(const uint64_t *)field;
	return *(const unsigned *)field;
}

static bool is_numeric(const struct schema_key *key)
{
	return key->type == SCHEMA_UINT || key->type == SCHEMA_SIZE ||
	       key->type == SCHEMA_DURATION || key->type == SCHEMA_CHOICE ||
	       key->type == SCHEMA_RATE;
}

static void word_store(const struct schema_key *key, const struct schema_word *word, void *object)
{
	void *field = schema_field(key, object);

	if (types[key->type].is_text) {
		*(const char **)field = word->name;
	} else if (is_numeric(key)) {
		if (types[key->type].size == sizeof(uint64_t))
			*(uint64_t *)field = word->value;
		else
			*(unsigned *)field = (unsigned)word->value;
	} else {
		memset(field, 0, types[key->type].size);
		has_set(key, object, false);
	}
}

int value_parse(const struct schema_key *key, const char *text, void *object, struct arena *a)
{
	const struct schema_word *word = word_lookup(key, text);
	void *field = schema_field(key, object);
	char *copy;
	int ret;

	if (word) {
		word_store(key, word, object);
		return 0;
	}
	ret = types[key->type].parse(key, text, field);
	if (ret)
		return ret;
	if (types[key->type].is_text) {
		copy = arena_strdup(a, text);
		if (!copy)
			return -ENOMEM;
		*(const char **)field = copy;
	}
	has_set(key, object, true);
	return 0;
}

char *value_format(const struct schema_key *key, const void *object, char text[VALUE_TEXT_MAX])
{
	const void *field = schema_field(key, object);
	const char *word = is_numeric(key) ? word_name(key, number_of(key, field)) : NULL;

	text[0] = '\0';
	if (word)
		snprintf(text, VALUE_TEXT_MAX, "%s", word);
	else if (value_is_set(key, object))
		types[key->type].format(field, text, VALUE_TEXT_MAX);
	return text;
}

static bool is_zero(const void *field, size_t size)
{
	const char *p = field;

	while (size > 0 && !p[size - 1])
		size--;
	return size == 0;
}

bool value_is_set(const struct schema_key *key, const void *object)
{
	const void *field = schema_field(key, object);

	if (key->has)
		return schema_flag(object, key->has, true);
	if (types[key->type].is_text)
		return (*(const char *const *)field)[0] != '\0';
	if (key->type == SCHEMA_MAC || key->type == SCHEMA_MODE || key->type == SCHEMA_VLANS ||
	    key->type == SCHEMA_IP4 || key->type == SCHEMA_IP4_RANGE)
		return !is_zero(field, types[key->type].size);
	return true;
}

bool value_is_default(const struct schema_key *key, const void *object)
{
	char text[VALUE_TEXT_MAX];

	if (!value_is_set(key, object))
		return true;
	return key->fallback && strcmp(value_format(key, object, text), key->fallback) == 0;
}

bool value_equal(const struct schema_key *key, const void *a, const void *b)
{
	char ta[VALUE_TEXT_MAX], tb[VALUE_TEXT_MAX];

	return strcmp(value_format(key, a, ta), value_format(key, b, tb)) == 0;
}

bool value_is_name(const char *text, size_t max)
{
	static const char extra[] = "_.-";
	size_t len = strlen(text);

	if (len > max || !isalnum((unsigned char)text[0]))
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(extra, *text))
			return false;
	return true;
}

static void range_text(const struct schema_key *key, char *text, size_t size)
{
	char least[32], most[32];

	types[key->type].format(&key->min, least, sizeof(least));
	types[key->type].format(&key->max, most, sizeof(most));
	snprintf(text, size, "from %s to %s", least, most);
}

static void kind_text(const struct schema_key *key, char *text, size_t size)
{
	char range[72];

	switch (key->type) {
	case SCHEMA_UINT:
		if (key->min == key->max)
			snprintf(text, size, "the number %" PRIu64, key->min);
		else
			snprintf(text, size, "a number from %" PRIu64 " to %" PRIu64, key->min,
				 key->max);
		break;
	case SCHEMA_SIZE:
		range_text(key, range, sizeof(range));
		snprintf(text, size, "a size %s", range);
		break;
	case SCHEMA_DURATION:
		range_text(key, range, sizeof(range));
		snprintf(text, size, "a duration %s", range);
		break;
	case SCHEMA_BOOL:
		snprintf(text, size, "on or off");
		break;
	case SCHEMA_NAME:
		snprintf(text, size,
			 "a name of up to %" PRIu64 " letters, digits, '_', '.' and '-'", key->max);
		break;
	case SCHEMA_STRING:
		snprintf(text, size, "a text of up to %" PRIu64 " bytes on one line", key->max);
		break;
	case SCHEMA_PATH:
		snprintf(text, size, "an absolute path of up to %" PRIu64 " bytes", key->max);
		break;
	case SCHEMA_MODE:
		snprintf(text, size, "octal permissions such as 0660");
		break;
	case SCHEMA_MAC:
		snprintf(text, size, "a unicast MAC address such as 52:54:00:12:34:56");
		break;
	case SCHEMA_IP4_PREFIX:
		snprintf(text, size,
			 "an IPv4 address with a prefix length from %" PRIu64 " to %" PRIu64,
			 key->min, key->max);
		break;
	case SCHEMA_IP4:
		snprintf(text, size, "an IPv4 address");
		break;
	case SCHEMA_IP4_RANGE:
		snprintf(text, size, "two IPv4 addresses with a dash between them");
		break;
	case SCHEMA_RATE:
		range_text(key, range, sizeof(range));
		snprintf(text, size, "a rate %s", range);
		break;
	case SCHEMA_ADDRESSES:
		snprintf(text, size, "up to %d IPv4 or IPv6 addresses, or prefixes of them",
			 CONFIG_ADDRESSES_MAX);
		break;
	case SCHEMA_IP:
		snprintf(text, size, "an %s address%s",
			 key->min == 4	 ? "IPv4"
			 : key->min == 6 ? "IPv6"
					 : "IPv4 or IPv6",
			 key->max ? " with a prefix length" : "");
		break;
	case SCHEMA_RANGES:
		snprintf(text, size,
			 "up to %d IPv4 addresses, or ranges such as 192.0.2.3-192.0.2.9",
			 CONFIG_EXTERNAL_MAX);
		break;
	case SCHEMA_VLANS:
		snprintf(text, size, "a list of VLANs and ranges from 1 to %d", VLAN_ID_MAX);
		break;
	case SCHEMA_NAMES:
		snprintf(text, size, "a list of ports");
		break;
	case SCHEMA_STORM_RATE:
		snprintf(text, size, "a rate such as 1000pps or 10Mbps");
		break;
	case SCHEMA_MAP:
		snprintf(text, size, "a mapping of keys");
		break;
	case SCHEMA_NAMED:
		snprintf(text, size, "a mapping of names");
		break;
	case SCHEMA_LIST:
		snprintf(text, size, "a list");
		break;
	case SCHEMA_STATICS:
		snprintf(text, size, "a mapping of MAC addresses to ports");
		break;
	default:
		text[0] = '\0';
	}
}

char *value_expected(const struct schema_key *key, char *text, size_t size)
{
	size_t used;

	kind_text(key, text, size);
	used = strlen(text);
	for (const struct schema_word *w = key->words; w && w->name && used < size; w++) {
		const char *joint = !used ? "" : w[1].name ? ", " : " or ";

		used += (size_t)snprintf(text + used, size - used, "%s%s", joint, w->name);
	}
	return text;
}
