/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_DROP_H
#define DATAPLANE_DROP_H

/* Why a frame ended here. Every dropped frame is counted under exactly one of these. */
enum drop_reason {
	DROP_NONE,
	/* decided at the port it came from */
	DROP_RUNT,		/* shorter than an Ethernet header */
	DROP_OVERSIZE,		/* longer than FRAME_LEN_MAX */
	DROP_TOO_MANY_SEGMENTS, /* more descriptors than a burst can hold */
	DROP_BAD_CSUM_RANGE,	/* checksum offload points outside the frame */
	DROP_BAD_GSO,		/* the GSO fields do not fit the frame's headers */
	DROP_GSO_HEADERS,	/* a GSO frame with headers that are not followed */
	DROP_GSO_LENGTH,	/* IP or UDP length of a GSO frame contradicts its size */
	DROP_GSO_SEGMENTS,	/* a GSO frame of more segments than are made or taken at once */
	DROP_NOT_NEGOTIATED,	/* an offload that the guest did not negotiate */
	DROP_SRC_MULTICAST,	/* source address is a group or zero */
	DROP_RESERVED_DST,	/* IEEE 802.1D reserved group 01:80:c2:00:00:0x */
	DROP_HAIRPIN,		/* the station is behind the port the frame came from */
	DROP_NO_BRIDGE,		/* the port belongs to no bridge */
	DROP_NO_TARGET,		/* nobody else on the bridge is up */
	/* decided by the policy of the port it came from */
	DROP_SPOOFED_MAC,  /* source MAC address is not the guest's */
	DROP_SPOOFED_IPV4, /* source address is none of the guest's */
	DROP_SPOOFED_IPV6,
	DROP_SPOOFED_DHCP,   /* a DHCP client's message in another's name */
	DROP_SPOOFED_ARP,    /* ARP sender is not the guest */
	DROP_SPOOFED_ND,     /* neighbour discovery for an address that is not the guest's */
	DROP_HIDDEN_HEADERS, /* headers that a guard cannot follow */
	DROP_DHCP_GUARD,     /* a DHCP server's message */
	DROP_RA_GUARD,	     /* a router's advertisement or redirect */
	DROP_NO_LISTENER,    /* multicast that no port asked for */
	/* decided by a bridge that filters */
	DROP_VLAN,	   /* a VLAN that its port or its receiver's is not a member of */
	DROP_ISOLATED,	   /* from one isolated port to another */
	DROP_PORT_BLOCKED, /* one of its ports is shut by a guard, or a mirror's output */
	DROP_MAC_LIMIT,	   /* a new station on a port that has its number of them */
	DROP_STICKY,	   /* the sender is a sticky station of another port */
	DROP_STORM,	   /* beyond the port's storm limit */
	/* decided by the router */
	DROP_NOT_IP,	    /* for the gateway, and neither IP nor ARP */
	DROP_NOT_ROUTED,    /* to a group or broadcast address */
	DROP_OTHER_STATION, /* on an uplink, to somebody else's MAC address */
	DROP_MARTIAN,	    /* a source that cannot be behind the interface it came from */
	DROP_TTL,	    /* it has been under way for too long */
	DROP_NO_ROUTE,	    /* no interface leads there */
	DROP_PROHIBITED,    /* the networks are kept apart */
	DROP_TOO_BIG,	    /* longer than the MTU of the way out */
	DROP_NO_NEIGHBOUR,  /* the next hop is not known yet, and too many wait for it */
	DROP_ROUTER_LOCAL,  /* for the router itself, which has no such service */
	/* decided by NAT */
	DROP_NAT_SESSIONS,	  /* the session table is full */
	DROP_NAT_BRIDGE_SESSIONS, /* the bridge has its number of sessions */
	DROP_NAT_GUEST_SESSIONS,  /* the guest has its number of sessions */
	DROP_NAT_GUEST_PORTS,	  /* the guest has its number of external ports */
	DROP_NAT_PORTS,		  /* no external port is free */
	DROP_NAT_NO_MAPPING,	  /* from outside, for nobody */
	DROP_NAT_FILTERED,	  /* from outside, by somebody the guest has not sent to */
	DROP_NAT_DENIED,	  /* by a rule of the bridge's filter */
	DROP_NAT_TCP_STATE,	  /* TCP that neither begins a connection nor belongs to one */
	DROP_NAT_SOURCE,	  /* from a bridge, with an address that is not of its subnet */
	DROP_NAT_PROTO,		  /* a protocol that is not translated */
	DROP_NAT_ICMP_BAD,	  /* an ICMP error whose checksum or contents are wrong */
	DROP_NAT_ICMP_STRAY,	  /* an ICMP error about no session */
	DROP_NAT_FRAGMENTS,	  /* no room to hold a fragment until its first one comes */
	DROP_NAT_FRAGMENT_BAD,	  /* a fragment that overwrites headers */
	DROP_IP_HEADER,		  /* an IP header that contradicts itself or its frame */
	DROP_IP_CSUM,		  /* the checksum of an IPv4 header is wrong */
	/* decided at the port it was going to */
	DROP_RATE_LIMIT, /* more than the receiver's rate, and no room to wait */
	DROP_PORT_DOWN,	 /* the receiver is gone or not ready */
	DROP_RING_FULL,	 /* the receiver posts no buffers */
	DROP_NO_FIT,	 /* the receiver's buffers are too small for the frame */
	DROP_MTU,	 /* a packet longer than the receiver's MTU */
	DROP_CSUM_SCTP,	 /* SCTP without its checksum for a receiver that wants it */
	DROP_HOST,	 /* the host's kernel refused it */
	DROP_CSUM_DEPTH, /* headers too deep to complete the checksum for this receiver */
	DROP_N
};

/* "runt", "ring_full", ...: stable names for counters. */
const char *drop_reason_name(enum drop_reason reason);
/* One sentence for people. */
const char *drop_reason_text(enum drop_reason reason);

#endif
