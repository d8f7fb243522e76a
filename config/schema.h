/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

/*
 * What may stand in a config file, as one table: name, type, default, range and a line of help for
 * each key, and where its value lies in the structs of config/config.h. Reading, printing, the
 * diff, `set` and `get`, the man page, the JSON Schema and completion all walk this table; a key
 * is added here and in its struct, and nowhere else.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* idle_ns for the word "auto"; idle_auto is set beside it. */
#define SCHEMA_IDLE_AUTO (UINT64_MAX - 1)

enum schema_type {
	SCHEMA_UINT,	   /* unsigned */
	SCHEMA_SIZE,	   /* uint64_t, bytes */
	SCHEMA_DURATION,   /* uint64_t, nanoseconds */
	SCHEMA_BOOL,	   /* bool */
	SCHEMA_CHOICE,	   /* enum: the value of one of `words` */
	SCHEMA_WORD,	   /* const char *: one of `words` */
	SCHEMA_NAME,	   /* const char * */
	SCHEMA_STRING,	   /* const char * */
	SCHEMA_PATH,	   /* const char *, absolute, or one of `words` */
	SCHEMA_MODE,	   /* unsigned, octal permissions */
	SCHEMA_MAC,	   /* struct mac */
	SCHEMA_IP4_PREFIX, /* struct ip4_prefix */
	SCHEMA_IP4,	   /* uint32_t in host byte order, 0: none */
	SCHEMA_IP4_RANGE,  /* struct ip4_range, zeroes: none */
	SCHEMA_RATE,	   /* uint64_t, bits a second */
	SCHEMA_ADDRESSES,  /* const char *: a list for ipaddr_list_parse */
	SCHEMA_IP, /* const char *: an address; `min` 4, 6: of that family; `max`: with prefix */
	SCHEMA_RANGES,	   /* const char *: a list of IPv4 addresses and ranges of them */
	SCHEMA_VLANS,	   /* struct vlan_set: a list of VLANs and ranges */
	SCHEMA_NAMES,	   /* const char *: a list of ports, "[a, b]" */
	SCHEMA_STORM_RATE, /* struct config_storm_rate */
	SCHEMA_MAP,	   /* keys of `map`, in a struct at `offset` */
	SCHEMA_NAMED,	   /* objects by name: an array of `map` */
	SCHEMA_LIST,	   /* objects in order: an array of `map` */
	SCHEMA_STATICS,	   /* MAC: PORT, an array of struct config_static */
	SCHEMA_TYPE_N
};

enum {
	SCHEMA_REQUIRED = 1 << 0,
	SCHEMA_ALWAYS = 1 << 1,	    /* printed also when it is the default */
	SCHEMA_DISRUPTIVE = 1 << 2, /* a change makes its port or guest anew */
	SCHEMA_STARTUP = 1 << 3,    /* a change waits until weftd starts again */
	SCHEMA_LIVE = 1 << 4,	    /* a change disrupts nothing, whatever the keys above it say */
	SCHEMA_IF_USED = 1 << 5,    /* a map: its defaults are printed only beside what was given */
};

/* A word that stands for a value; a list of them ends with a NULL name. */
struct schema_word {
	const char *name;
	uint64_t value;
};

struct schema_map;

struct schema_key {
	const char *name;
	enum schema_type type;
	unsigned flags;
	/* Places in the object; all but `offset` are 0 when the key has none. */
	size_t offset;	/* the value; for objects in an array the pointer to it */
	size_t count;	/* unsigned: entries of the array */
	size_t has;	/* bool: there is a value */
	size_t derived; /* bool: the value was not written */
	size_t pos;	/* struct config_pos of the value */
	/* Numbers: the range. Texts: max bytes. Prefixes: lengths. Arrays: max entries. */
	uint64_t min, max;
	const struct schema_word *words;
	const char *fallback; /* the default, as it would be written; NULL: none */
	const char *example;  /* needed where there is no fallback */
	const char *help;
	const struct schema_map *map;
};

/* The keys of one kind of object. Objects in arrays begin with their struct config_pos. */
struct schema_map {
	const char *noun;
	const struct schema_key *keys;
	unsigned n_keys;
	const char *const *later; /* keys of later versions, ends with NULL; may be NULL */
	const char *shorthand;	  /* the key that a single value in its place means; or NULL */
	const char *const *kinds; /* exactly one of these keys is there, ends with NULL; or NULL */
	bool kind_optional;	  /* none of them stands for the first */
	size_t kind;		  /* enum: which one, by its number in `kinds` */
	size_t size;		  /* of the struct */
	size_t name;		  /* const char *, for SCHEMA_NAMED */
	size_t builtin;		  /* bool: nobody wrote the object; 0: all are written */
	const char *help;
};

/* What a port may do: objects of struct config_spoof and struct config_rate. */
extern const struct schema_map schema_spoof, schema_rate;

/* The DHCP and DNS server of a bridge: an object of struct config_dhcp. */
extern const struct schema_map schema_dhcp;

/* What makes a port's kind: objects of struct config_vhost, config_tap and config_host_nic. */
extern const struct schema_map schema_vhost, schema_tap, schema_nic;

/* Translation for a bridge, an object of struct config_nat; a way out, of struct config_uplink. */
extern const struct schema_map schema_nat, schema_uplink;

/* The whole file: an object of struct config. */
extern const struct schema_map schema_root;

/* NULL when `map` has no such key. */
const struct schema_key *schema_lookup(const struct schema_map *map, const char *name);

/* Whether `name` is a key that a later version will have. */
bool schema_is_later(const struct schema_map *map, const char *name);

/* Entry `i` of the array that `key` describes in `object`, and the number of entries. */
unsigned schema_count(const struct schema_key *key, const void *object);
void *schema_entry(const struct schema_key *key, const void *object, unsigned i);

/* The name of an object in a SCHEMA_NAMED array. */
const char *schema_name(const struct schema_map *map, const void *object);

/* Whether `key` holds keys or entries of its own. */
bool schema_is_container(const struct schema_key *key);

/* The value of `key` in `object`. */
static inline void *schema_field(const struct schema_key *key, const void *object)
{
	return (char *)object + key->offset;
}

/* The bool at `offset` of `object`; `otherwise` when the key has no such place. */
static inline bool schema_flag(const void *object, size_t offset, bool otherwise)
{
	return offset ? *(const bool *)((const char *)object + offset) : otherwise;
}

#endif
