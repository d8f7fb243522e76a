/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_AF_XDP_H
#define UPLINK_AF_XDP_H

/*
 * A port on a network device through AF_XDP sockets, one for each receive queue of the device.
 *
 * The program in uplink/xdp_steer.bpf.c decides which frames come here; the device stays the
 * kernel's, with its driver and its name, and what is not taken goes on as before.
 *
 *                 driver                                        worker
 *   wire ---> rx queue k ---> xdp_steer --ours---> socket k ---> queue k of the port ---> bridge
 *                                 |                 UMEM             ^
 *                                 +--the host's--> kernel --group----+   (share: on; queue 0)
 *
 * Modes, the best that the driver has: natively without a copy, natively with one, and generically,
 * where the kernel has made a packet of its own of the frame before it is steered.
 *
 * Limits. A frame lies in one chunk, so the MTU is bound by a page (umem_mtu_max). AF_XDP has no
 * offloads: what a guest leaves to the NIC is done here on the way, checksums by the copy, cutting
 * by gso_plan; received frames are never larger than the MTU. A device that has taken a
 * VLAN tag off is told to leave tags in (ethtool's rxvlan; undone at the end), and where tags lie
 * beside frames all the same, the program asks for them.
 */

#include "uplink/nic.h"

extern const struct nic_driver af_xdp_driver;

#endif
