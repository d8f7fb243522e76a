/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_FEATURES_H
#define VHOST_FEATURES_H

/* Virtio feature bits: what weft offers, what was negotiated, and what it means for a frame. */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/frame.h"
#include "dataplane/gso.h"

/*
 * The feature bits that a port with these offloads offers. Segmentation needs checksums. UFO is
 * not among them, nor CTRL_GUEST_OFFLOADS: see docs/offloads.md.
 */
uint64_t vhost_features_offered(bool tso, bool uso, bool csum);

/*
 * The feature bits that are about the device and not about frames: MTU, link status, announcement
 * after a migration and the log of dirty pages during it, a control queue (which the frontend
 * serves itself), several queue pairs.
 */
uint64_t vhost_features_control(bool multiqueue);

/* What the guest takes from us, by the negotiated bits; its MTU and ring are left at 0. */
struct offloads vhost_features_takes(uint64_t features);

/* What the guest may send us: DROP_NONE or DROP_NOT_NEGOTIATED for the offload fields of a frame.
 */
enum drop_reason vhost_features_check(uint64_t features, const struct vnet *vnet);

/* The name of bit `bit` as the specification spells it, in lower case; NULL when it has none. */
const char *vhost_feature_name(unsigned bit);

static inline bool vhost_has(uint64_t features, unsigned bit)
{
	return features >> bit & 1;
}

#endif
