/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_VLAN_SET_H
#define COMMON_VLAN_SET_H

/* A set of VLANs 1 to 4094, and its text: "[10, 20-30]". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VLAN_ID_MAX	  4094
#define VLAN_SET_TEXT_MAX 1024

struct vlan_set {
	uint64_t bits[64];
};

static inline bool vlan_set_has(const struct vlan_set *s, uint16_t vid)
{
	return s->bits[vid >> 6] >> (vid & 63) & 1;
}

static inline void vlan_set_add(struct vlan_set *s, uint16_t vid)
{
	s->bits[vid >> 6] |= 1ull << (vid & 63);
}

bool vlan_set_is_empty(const struct vlan_set *s);

/*
 * Reads VLANs and ranges of them, separated by commas, in brackets or not. Returns 0, or -EINVAL
 * when that is not what `text` is; `s` stays as it was then.
 */
int vlan_set_parse(const char *text, struct vlan_set *s);

/*
 * Writes the set as vlan_set_parse reads it, "" for an empty one. A set with more ranges than
 * `size` holds is written as far as whole ranges fit. Returns `text`.
 */
char *vlan_set_format(const struct vlan_set *s, char *text, size_t size);

#endif
