/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_MSS_H
#define NAT_MSS_H

#include "nat/packet.h"

/*
 * Lowers the MSS option (RFC 9293, 3.7.1) of a TCP segment to what fits `mtu`, where it is higher
 * and lies in the frame's head; adjusts a whole checksum.
 */
void mss_clamp(struct packet *p, uint16_t mtu);

#endif
