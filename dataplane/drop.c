/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/drop.h"

#include <assert.h>

#include "common/util.h"

static const struct {
	const char *name, *text;
} reasons[] = {
	{"none", "not dropped"},
	{"runt", "shorter than an Ethernet header"},
	{"oversize", "longer than 64 KiB"},
	{"too_many_segments", "more descriptors than a burst can hold"},
	{"bad_csum_range", "checksum offload points outside the frame"},
	{"bad_gso", "GSO fields do not fit the headers"},
	{"gso_headers", "a GSO frame with headers that weft does not follow"},
	{"gso_length", "IP or UDP length of a GSO frame contradicts its size"},
	{"gso_segments", "a GSO frame of more segments than one frame may become"},
	{"not_negotiated", "uses an offload that the guest did not negotiate"},
	{"src_multicast", "source address is a group address or zero"},
	{"reserved_dst", "reserved for the link (01:80:c2:00:00:0x)"},
	{"hairpin", "the station is behind the port the frame came from"},
	{"no_bridge", "the port belongs to no bridge"},
	{"no_target", "no other port of the bridge is up"},
	{"spoofed_mac", "source address is not the guest's"},
	{"spoofed_ipv4", "IPv4 source is none of the guest's addresses"},
	{"spoofed_ipv6", "IPv6 source is none of the guest's addresses"},
	{"spoofed_arp", "ARP sender is not the guest"},
	{"spoofed_nd", "neighbour discovery for an address or MAC that is not the guest's"},
	{"hidden_headers", "headers that a guard cannot follow to their end"},
	{"dhcp_guard", "a DHCP server's message from a port that is not trusted"},
	{"ra_guard", "a router's message from a port that is not trusted"},
	{"no_listener", "no port asked for the multicast group"},
	{"rate_limit", "more than the receiver's configured rate"},
	{"vlan", "the port or the receiver's port is not a member of the VLAN"},
	{"isolated", "between two isolated ports"},
	{"port_blocked", "a port that a guard shut, or that only takes a mirror's copies"},
	{"mac_limit", "a new station on a port that has reached its mac-limit"},
	{"sticky", "the sender is a sticky station of another port"},
	{"storm", "beyond the storm limit of the port"},
	{"port_down", "the receiver is gone or not ready"},
	{"ring_full", "the receiver posts no buffers"},
	{"no_fit", "the receiver's buffers are too small"},
	{"mtu", "a packet longer than the receiver's MTU"},
	{"csum_sctp", "an SCTP checksum that the receiver does not complete itself"},
	{"csum_depth", "headers too deep to complete the checksum"},
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
