/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/features.h"

#include <linux/vhost_types.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "common/util.h"
#include "common/virtio_net.h"

#define BIT(n)		     (1ull << (n))
#define VHOST_USER_PROTOCOL_ 30

static const char *const names[64] = {
	[VIRTIO_NET_F_CSUM] = "csum",
	[VIRTIO_NET_F_GUEST_CSUM] = "guest_csum",
	[VIRTIO_NET_F_MTU] = "mtu",
	[VIRTIO_NET_F_MAC] = "mac",
	[VIRTIO_NET_F_GUEST_TSO4] = "guest_tso4",
	[VIRTIO_NET_F_GUEST_TSO6] = "guest_tso6",
	[VIRTIO_NET_F_GUEST_ECN] = "guest_ecn",
	[VIRTIO_NET_F_GUEST_UFO] = "guest_ufo",
	[VIRTIO_NET_F_HOST_TSO4] = "host_tso4",
	[VIRTIO_NET_F_HOST_TSO6] = "host_tso6",
	[VIRTIO_NET_F_HOST_ECN] = "host_ecn",
	[VIRTIO_NET_F_HOST_UFO] = "host_ufo",
	[VIRTIO_NET_F_MRG_RXBUF] = "mrg_rxbuf",
	[VIRTIO_NET_F_STATUS] = "status",
	[VIRTIO_NET_F_CTRL_VQ] = "ctrl_vq",
	[VIRTIO_NET_F_GUEST_ANNOUNCE] = "guest_announce",
	[VIRTIO_NET_F_MQ] = "mq",
	[VHOST_F_LOG_ALL] = "log_all",
	[VIRTIO_F_ANY_LAYOUT] = "any_layout",
	[VIRTIO_RING_F_INDIRECT_DESC] = "indirect_desc",
	[VIRTIO_RING_F_EVENT_IDX] = "event_idx",
	[VHOST_USER_PROTOCOL_] = "protocol_features",
	[VIRTIO_F_VERSION_1] = "version_1",
	[VIRTIO_F_ACCESS_PLATFORM] = "access_platform",
	[VIRTIO_F_RING_PACKED] = "ring_packed",
	[VIRTIO_F_IN_ORDER] = "in_order",
	[VIRTIO_NET_F_GUEST_USO4] = "guest_uso4",
	[VIRTIO_NET_F_GUEST_USO6] = "guest_uso6",
	[VIRTIO_NET_F_HOST_USO] = "host_uso",
};

const char *vhost_feature_name(unsigned bit)
{
	return bit < ARRAY_SIZE(names) ? names[bit] : NULL;
}

uint64_t vhost_features_offered(bool tso, bool uso, bool csum)
{
	uint64_t f = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ANY_LAYOUT) |
		     BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_RING_F_INDIRECT_DESC) |
		     BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(VHOST_USER_PROTOCOL_);

	f |= BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_F_IN_ORDER);

	if (csum)
		f |= BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM);
	if (csum && tso)
		f |= BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) |
		     BIT(VIRTIO_NET_F_HOST_ECN) | BIT(VIRTIO_NET_F_GUEST_TSO4) |
		     BIT(VIRTIO_NET_F_GUEST_TSO6) | BIT(VIRTIO_NET_F_GUEST_ECN);
	if (csum && uso)
		f |= BIT(VIRTIO_NET_F_HOST_USO) | BIT(VIRTIO_NET_F_GUEST_USO4) |
		     BIT(VIRTIO_NET_F_GUEST_USO6);
	return f;
}

/* LOG_ALL is between the VMM and us. VIRTIO 1.2, 5.1.3.1: announcement and multiqueue need the
 * control queue. */
uint64_t vhost_features_control(bool multiqueue)
{
	uint64_t f = BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_STATUS) | BIT(VIRTIO_NET_F_CTRL_VQ) |
		     BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | BIT(VHOST_F_LOG_ALL);

	return multiqueue ? f | BIT(VIRTIO_NET_F_MQ) : f;
}

/* Segmentation needs the checksum bit (VIRTIO 1.2, 5.1.3.1); a guest without it gets none of them.
 */
struct offloads vhost_features_takes(uint64_t f)
{
	bool csum = vhost_has(f, VIRTIO_NET_F_GUEST_CSUM);

	return (struct offloads){
		.csum = csum,
		.tso4 = csum && vhost_has(f, VIRTIO_NET_F_GUEST_TSO4),
		.tso6 = csum && vhost_has(f, VIRTIO_NET_F_GUEST_TSO6),
		.ecn = csum && vhost_has(f, VIRTIO_NET_F_GUEST_ECN),
		.uso4 = csum && vhost_has(f, VIRTIO_NET_F_GUEST_USO4),
		.uso6 = csum && vhost_has(f, VIRTIO_NET_F_GUEST_USO6),
	};
}

enum drop_reason vhost_features_check(uint64_t f, const struct vnet *vnet)
{
	uint8_t type = vnet->gso_type & (uint8_t)~VNET_GSO_ECN;
	bool ok = true;

	if (vnet->flags & VNET_NEEDS_CSUM)
		ok &= vhost_has(f, VIRTIO_NET_F_CSUM);
	if (type == VNET_GSO_TCPV4)
		ok &= vhost_has(f, VIRTIO_NET_F_HOST_TSO4);
	if (type == VNET_GSO_TCPV6)
		ok &= vhost_has(f, VIRTIO_NET_F_HOST_TSO6);
	if (type == VIRTIO_NET_HDR_GSO_UDP)
		ok &= vhost_has(f, VIRTIO_NET_F_HOST_UFO);
	if (type == VNET_GSO_UDP_L4)
		ok &= vhost_has(f, VIRTIO_NET_F_HOST_USO);
	if (vnet->gso_type & VNET_GSO_ECN)
		ok &= vhost_has(f, VIRTIO_NET_F_HOST_ECN);
	return ok ? DROP_NONE : DROP_NOT_NEGOTIATED;
}
