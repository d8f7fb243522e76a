/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_XDP_STEER_H
#define UPLINK_XDP_STEER_H

/* What the XDP program and the process that loads it share: the contents of the maps. */

#include <linux/types.h>

#define STEER_QUEUES_MAX    64	 /* receive queues of a device that can have a socket */
#define STEER_MACS_MAX	    64	 /* addresses of ours, of each kind */
#define STEER_ADDRESSES_MAX 4096 /* IPv4 and IPv6, each */

/* What is taken from the kernel. */
enum steer_take {
	STEER_ALL,     /* everything: the device is ours */
	STEER_FOREIGN, /* unicast but for the host's MAC address, and what is for an address of ours
			*/
	STEER_OWN,     /* what is for a MAC address or an IP address of ours */
};

/* The only value of the map `config`. */
struct steer_config {
	__u32 take; /* enum steer_take */
	__u8 host_mac[6];
	__u16 has_addresses; /* 0: nobody has to look into packets */
};

/* Keys of the map `macs`; its values, like those of `ipv4` and `ipv6`, say nothing. */
struct steer_mac {
	__u8 b[6];
};

#endif
