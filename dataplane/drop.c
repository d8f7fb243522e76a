/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/drop.h"

#include <assert.h>

#include "common/util.h"

static const struct {
	const char *name, *text;
} reasons[] = {
	[DROP_NONE] = {"none", "not dropped"},
	[DROP_RUNT] = {"runt", "shorter than an Ethernet header"},
	[DROP_OVERSIZE] = {"oversize", "longer than 64 KiB"},
	[DROP_TOO_MANY_SEGMENTS] = {"too_many_segments", "more descriptors than a burst can hold"},
	[DROP_BAD_CSUM_RANGE] = {"bad_csum_range", "checksum offload points outside the frame"},
	[DROP_BAD_GSO] = {"bad_gso", "GSO fields do not fit the headers"},
	[DROP_GSO_HEADERS] = {"gso_headers", "a GSO frame with headers that weft does not follow"},
	[DROP_GSO_LENGTH] = {"gso_length", "IP or UDP length of a GSO frame contradicts its size"},
	[DROP_GSO_SEGMENTS] = {"gso_segments",
			       "a GSO frame of more segments than one frame may become"},
	[DROP_NOT_NEGOTIATED] = {"not_negotiated",
				 "uses an offload that the guest did not negotiate"},
	[DROP_SRC_MULTICAST] = {"src_multicast", "source address is a group address or zero"},
	[DROP_RESERVED_DST] = {"reserved_dst", "reserved for the link (01:80:c2:00:00:0x)"},
	[DROP_HAIRPIN] = {"hairpin", "the station is behind the port the frame came from"},
	[DROP_NO_BRIDGE] = {"no_bridge", "the port belongs to no bridge"},
	[DROP_NO_TARGET] = {"no_target", "no other port of the bridge is up"},
	[DROP_SPOOFED_MAC] = {"spoofed_mac", "source address is not the guest's"},
	[DROP_SPOOFED_IPV4] = {"spoofed_ipv4", "IPv4 source is none of the guest's addresses"},
	[DROP_SPOOFED_IPV6] = {"spoofed_ipv6", "IPv6 source is none of the guest's addresses"},
	[DROP_SPOOFED_DHCP] = {"spoofed_dhcp", "a DHCP client's message in another's name"},
	[DROP_SPOOFED_ARP] = {"spoofed_arp", "ARP sender is not the guest"},
	[DROP_SPOOFED_ND] = {"spoofed_nd",
			     "neighbour discovery for an address or MAC that is not the guest's"},
	[DROP_HIDDEN_HEADERS] = {"hidden_headers",
				 "headers that a guard cannot follow to their end"},
	[DROP_DHCP_GUARD] = {"dhcp_guard",
			     "a DHCP server's message from a port that is not trusted"},
	[DROP_RA_GUARD] = {"ra_guard", "a router's message from a port that is not trusted"},
	[DROP_NO_LISTENER] = {"no_listener", "no port asked for the multicast group"},
	[DROP_VLAN] = {"vlan", "the port or the receiver's port is not a member of the VLAN"},
	[DROP_ISOLATED] = {"isolated", "between two isolated ports"},
	[DROP_PORT_BLOCKED] = {"port_blocked",
			       "a port that a guard shut, or that only takes a mirror's copies"},
	[DROP_MAC_LIMIT] = {"mac_limit", "a new station on a port that has reached its mac-limit"},
	[DROP_STICKY] = {"sticky", "the sender is a sticky station of another port"},
	[DROP_STORM] = {"storm", "beyond the storm limit of the port"},
	[DROP_NOT_IP] = {"not_ip", "for the gateway, and neither IP nor ARP"},
	[DROP_NOT_ROUTED] = {"not_routed", "group and broadcast addresses are not routed"},
	[DROP_OTHER_STATION] = {"other_station", "to another station on the uplink"},
	[DROP_MARTIAN] = {"martian", "its source cannot be behind the interface it came from"},
	[DROP_TTL] = {"ttl", "its time to live is over"},
	[DROP_NO_ROUTE] = {"no_route", "no interface leads there"},
	[DROP_PROHIBITED] = {"prohibited", "the two networks are kept apart"},
	[DROP_TOO_BIG] = {"too_big", "longer than the MTU of the way out"},
	[DROP_NO_NEIGHBOUR] = {"no_neighbour", "its next hop is not known, and too many wait"},
	[DROP_ROUTER_LOCAL] = {"router_local", "for the router, which has no such service"},
	[DROP_NAT_SESSIONS] = {"nat_sessions", "the session table is full"},
	[DROP_NAT_BRIDGE_SESSIONS] = {"nat_bridge_sessions",
				      "the bridge has its number of sessions"},
	[DROP_NAT_GUEST_SESSIONS] = {"nat_guest_sessions", "the guest has its number of sessions"},
	[DROP_NAT_GUEST_PORTS] = {"nat_guest_ports", "the guest has its number of external ports"},
	[DROP_NAT_PORTS] = {"nat_ports", "no port of the external address is free"},
	[DROP_NAT_NO_MAPPING] = {"nat_no_mapping",
				 "from outside to a port that is neither forwarded nor in use"},
	[DROP_NAT_FILTERED] = {"nat_filtered",
			       "from outside by somebody whom the guest has not sent to"},
	[DROP_NAT_DENIED] = {"nat_denied", "denied by a rule of the bridge's filter"},
	[DROP_NAT_TCP_STATE] = {"nat_tcp_state",
				"TCP that neither begins a connection nor belongs to one"},
	[DROP_NAT_SOURCE] = {"nat_source", "source address is not of the bridge's subnet"},
	[DROP_NAT_PROTO] = {"nat_proto", "a protocol that is not translated"},
	[DROP_NAT_ICMP_BAD] = {"nat_icmp_bad",
			       "an ICMP error whose checksum or contents are wrong"},
	[DROP_NAT_ICMP_STRAY] = {"nat_icmp_stray", "an ICMP error about no known session"},
	[DROP_NAT_FRAGMENTS] = {"nat_fragments",
				"no room to hold a fragment until its first one comes"},
	[DROP_NAT_FRAGMENT_BAD] = {"nat_fragment_bad", "a fragment that overwrites headers"},
	[DROP_IP_HEADER] = {"ip_header",
			    "an IP header that contradicts itself or the frame's length"},
	[DROP_IP_CSUM] = {"ip_csum", "the checksum of the IPv4 header is wrong"},
	[DROP_RATE_LIMIT] = {"rate_limit", "more than the receiver's configured rate"},
	[DROP_PORT_DOWN] = {"port_down", "the receiver is gone or not ready"},
	[DROP_RING_FULL] = {"ring_full", "the receiver posts no buffers"},
	[DROP_NO_FIT] = {"no_fit", "the receiver's buffers are too small"},
	[DROP_MTU] = {"mtu", "a packet longer than the receiver's MTU"},
	[DROP_CSUM_SCTP] = {"csum_sctp",
			    "an SCTP checksum that the receiver does not complete itself"},
	[DROP_HOST] = {"host", "the kernel of the host refused the frame"},
	[DROP_CSUM_DEPTH] = {"csum_depth", "headers too deep to complete the checksum"},
};
static_assert(ARRAY_SIZE(reasons) == DROP_N, "a name for each reason");

const char *drop_reason_name(enum drop_reason reason)
{
	return (unsigned)reason < DROP_N ? reasons[reason].name : "?";
}

const char *drop_reason_text(enum drop_reason reason)
{
	return (unsigned)reason < DROP_N ? reasons[reason].text : "?";
}
