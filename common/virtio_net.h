/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_VIRTIO_NET_H
#define COMMON_VIRTIO_NET_H

/* linux/virtio_net.h, and what of VIRTIO 1.3, 5.1 the headers of Linux 6.1 lack. */

#include <linux/virtio_net.h>

#ifndef VIRTIO_NET_F_GUEST_USO4
#define VIRTIO_NET_F_GUEST_USO4 54
#endif
#ifndef VIRTIO_NET_F_GUEST_USO6
#define VIRTIO_NET_F_GUEST_USO6 55
#endif
#ifndef VIRTIO_NET_F_HOST_USO
#define VIRTIO_NET_F_HOST_USO 56
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#endif
