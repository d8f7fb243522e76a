/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/schema.h"

#include <string.h>

#include "common/clock.h"
#include "common/util.h"

#define MINUTE_NS   (60 * NS_PER_S)
#define HOUR_NS	    (60 * MINUTE_NS)
#define PATH_BYTES  1023

#define KEYS(table) .keys = (table), .n_keys = ARRAY_SIZE(table)

static const struct schema_word auto_number[] = {{"auto", 0}, {NULL, 0}};
static const struct schema_word auto_value[] = {{"auto", 0}, {NULL, 0}};
static const struct schema_word never_zero[] = {{"never", 0}, {NULL, 0}};
static const struct schema_word auto_none[] = {{"auto", 0}, {"none", 0}, {NULL, 0}};

static const struct schema_word auto_on_off[] = {
	{"auto", CONFIG_AUTO}, {"on", CONFIG_ON}, {"off", CONFIG_OFF}, {NULL, 0}};
static const struct schema_word idle_words[] = {
	{"auto", SCHEMA_IDLE_AUTO}, {"never", UINT64_MAX}, {NULL, 0}};
static const struct schema_word off_zero[] = {{"off", 0}, {NULL, 0}};
static const struct schema_word forward_words[] = {
	{"auto", FORWARD_AUTO},
	{"none", FORWARD_NONE},
	{"route", FORWARD_ROUTE},
	{"nat", FORWARD_NAT},
	{NULL, 0},
};
static const struct schema_word vhost_modes[] = {
	{"server", VHOST_MODE_SERVER}, {"client", VHOST_MODE_CLIENT}, {NULL, 0}};
static const struct schema_word nic_models[] = {{"virtio", NIC_MODEL_VIRTIO},
						{"e1000", NIC_MODEL_E1000},
						{"rtl8139", NIC_MODEL_RTL8139},
						{NULL, 0}};
static const struct schema_word disk_formats[] = {{"raw", 0}, {"qcow2", 0}, {NULL, 0}};
static const struct schema_word engines[] = {
	{"auto", ENGINE_AUTO}, {"qemu", ENGINE_QEMU}, {"weft", ENGINE_WEFT}, {NULL, 0}};
static const struct schema_word restarts[] = {{"no", RESTART_NO},
					      {"on-failure", RESTART_ON_FAILURE},
					      {"always", RESTART_ALWAYS},
					      {NULL, 0}};

static const struct schema_word none_zero[] = {{"none", 0}, {NULL, 0}};
static const struct schema_word mirror_directions[] = {
	{"both", MIRROR_BOTH}, {"in", MIRROR_IN}, {"out", MIRROR_OUT}, {NULL, 0}};

#define MEMBER_SUB(field) (offsetof(struct config_member, field))

static const struct schema_key flood_keys[] = {
	{
		.name = "unknown-unicast",
		.type = SCHEMA_BOOL,
		.flags = SCHEMA_LIVE,
		.offset = MEMBER_SUB(flood.unknown_unicast),
		.fallback = "on",
		.help = "frames to stations that the bridge does not know",
	},
	{
		.name = "multicast",
		.type = SCHEMA_BOOL,
		.flags = SCHEMA_LIVE,
		.offset = MEMBER_SUB(flood.multicast),
		.fallback = "on",
		.help = "frames to groups",
	},
	{
		.name = "broadcast",
		.type = SCHEMA_BOOL,
		.flags = SCHEMA_LIVE,
		.offset = MEMBER_SUB(flood.broadcast),
		.fallback = "on",
		.help = "frames to everybody",
	},
};
static const struct schema_map flood_map = {
	.noun = "flood",
	KEYS(flood_keys),
	.size = sizeof(struct config_member),
	.help = "which frames are flooded to the port",
};

static const struct schema_key storm_keys[] = {
	{
		.name = "unknown-unicast",
		.type = SCHEMA_STORM_RATE,
		.flags = SCHEMA_LIVE,
		.offset = MEMBER_SUB(storm.unknown_unicast),
		.words = off_zero,
		.fallback = "off",
		.help = "limit for frames to stations that the bridge does not know",
	},
	{
		.name = "multicast",
		.type = SCHEMA_STORM_RATE,
		.flags = SCHEMA_LIVE,
		.offset = MEMBER_SUB(storm.multicast),
		.words = off_zero,
		.fallback = "off",
		.help = "limit for frames to groups",
	},
	{
		.name = "broadcast",
		.type = SCHEMA_STORM_RATE,
		.flags = SCHEMA_LIVE,
		.offset = MEMBER_SUB(storm.broadcast),
		.words = off_zero,
		.fallback = "off",
		.help = "limit for frames to everybody",
	},
};
static const struct schema_map storm_map = {
	.noun = "storm",
	KEYS(storm_keys),
	.size = sizeof(struct config_member),
	.help = "storm control: what the port may flood",
};

/* What a port does on its bridge, and what it may: the same keys for ports and NICs. */
/* clang-format off */
#define MEMBER(object, field) offsetof(struct object, member.field)
#define MEMBER_KEYS(object) \
	{ \
		.name = "vlan", \
		.type = SCHEMA_UINT, \
		.flags = SCHEMA_LIVE, \
		.offset = MEMBER(object, vlan), \
		.has = MEMBER(object, has_vlan), \
		.pos = MEMBER(object, vlan_pos), \
		.min = 1, \
		.max = VLAN_ID_MAX, \
		.example = "10", \
		.help = "access port of that VLAN; neither vlan nor trunk given: of VLAN 1", \
	}, \
	{ \
		.name = "trunk", \
		.type = SCHEMA_VLANS, \
		.flags = SCHEMA_LIVE, \
		.offset = MEMBER(object, trunk), \
		.pos = MEMBER(object, trunk_pos), \
		.example = "[10, 20-30]", \
		.help = "trunk: frames of these VLANs come and go tagged", \
	}, \
	{ \
		.name = "native-vlan", \
		.type = SCHEMA_UINT, \
		.flags = SCHEMA_LIVE, \
		.offset = MEMBER(object, native_vlan), \
		.has = MEMBER(object, has_native_vlan), \
		.pos = MEMBER(object, native_pos), \
		.min = 1, \
		.max = VLAN_ID_MAX, \
		.example = "1", \
		.help = "VLAN of a trunk's untagged frames; not given: they are dropped", \
	}, \
	{ \
		.name = "native-tagged", \
		.type = SCHEMA_BOOL, \
		.flags = SCHEMA_LIVE, \
		.offset = MEMBER(object, native_tagged), \
		.fallback = "off", \
		.help = "frames of the native VLAN leave the trunk tagged, too", \
	}, \
	{ \
		.name = "learning", \
		.type = SCHEMA_BOOL, \
		.flags = SCHEMA_LIVE, \
		.offset = MEMBER(object, learning), \
		.fallback = "on", \
		.help = "learn the stations behind the port", \
	}, \
	{ \
		.name = "sticky", \
		.type = SCHEMA_BOOL, \
		.flags = SCHEMA_LIVE, \
		.offset = MEMBER(object, sticky), \
		.fallback = "off", \
		.help = "learned stations neither age nor move; frames from them on other ports " \
			"are dropped", \
	}, \
	{ \
		.name = "mac-limit", \
		.type = SCHEMA_UINT, \
		.flags = SCHEMA_LIVE, \
		.offset = MEMBER(object, mac_limit), \
		.min = 1, \
		.max = 1 << 20, \
		.words = none_zero, \
		.fallback = "none", \
		.example = "4", \
		.help = "how many stations the port may have; frames from others are dropped", \
	}, \
	{ \
		.name = "isolated", \
		.type = SCHEMA_BOOL, \
		.flags = SCHEMA_LIVE, \
		.offset = MEMBER(object, isolated), \
		.fallback = "off", \
		.help = "reach only ports that are not isolated", \
	}, \
	{ \
		.name = "bpdu-guard", \
		.type = SCHEMA_BOOL, \
		.flags = SCHEMA_LIVE, \
		.offset = MEMBER(object, bpdu_guard), \
		.fallback = "off", \
		.help = "shut the port for a minute when a spanning tree BPDU comes from it", \
	}, \
	{ \
		.name = "flood", \
		.type = SCHEMA_MAP, \
		.flags = SCHEMA_LIVE, \
		.offset = offsetof(struct object, member), \
		.map = &flood_map, \
		.example = "{unknown-unicast: off}", \
		.help = "which frames are flooded to the port", \
	}, \
	{ \
		.name = "storm", \
		.type = SCHEMA_MAP, \
		.flags = SCHEMA_LIVE, \
		.offset = offsetof(struct object, member), \
		.map = &storm_map, \
		.example = "{broadcast: 1000pps, multicast: 10Mbps}", \
		.help = "storm control: what the port may flood", \
	}, \
	{ \
		.name = "anti-spoof", \
		.type = SCHEMA_MAP, \
		.flags = SCHEMA_LIVE, \
		.offset = offsetof(struct object, policy.spoof), \
		.pos = offsetof(struct object, policy.spoof.pos), \
		.map = &schema_spoof, \
		.example = "on", \
		.help = "drop frames whose sender is not the guest", \
	}, \
	{ \
		.name = "rate", \
		.type = SCHEMA_MAP, \
		.flags = SCHEMA_LIVE, \
		.offset = offsetof(struct object, policy.rate), \
		.map = &schema_rate, \
		.example = "{in: 100Mbps, out: 1Gbps}", \
		.help = "limits in both directions", \
	}, \
	{ \
		.name = "trusted", \
		.type = SCHEMA_BOOL, \
		.flags = SCHEMA_LIVE, \
		.offset = offsetof(struct object, policy.trusted), \
		.fallback = "off", \
		.help = "may be a DHCP server and a router on a bridge with dhcp-guard and " \
			"ra-guard", \
	}
/* clang-format on */

static const struct schema_key socket_keys[] = {
	{
		.name = "owner",
		.type = SCHEMA_STRING,
		.offset = offsetof(struct config_switch, socket_owner),
		.max = 64,
		.example = "root",
		.help = "user that owns the control socket",
	},
	{
		.name = "group",
		.type = SCHEMA_STRING,
		.offset = offsetof(struct config_switch, socket_group),
		.max = 64,
		.example = "kvm",
		.help = "group of the control socket",
	},
	{
		.name = "mode",
		.type = SCHEMA_MODE,
		.offset = offsetof(struct config_switch, socket_mode),
		.fallback = "0600",
		.help = "permissions of the control socket",
	},
};
static const struct schema_map socket_map = {
	.noun = "socket",
	KEYS(socket_keys),
	.size = sizeof(struct config_switch),
	.help = "who may talk to weftd",
};

static const struct schema_key metrics_keys[] = {
	{
		.name = "listen",
		.type = SCHEMA_STRING,
		.offset = offsetof(struct config_switch, metrics_listen),
		.max = 107,
		.example = "127.0.0.1:9464",
		.help = "address and port, or the absolute path of a socket, at which /metrics is "
			"served; not given: nowhere. Whoever can connect can read it",
	},
};
static const struct schema_map metrics_map = {
	.noun = "metrics",
	KEYS(metrics_keys),
	.size = sizeof(struct config_switch),
	.help = "counters for Prometheus",
};

static const struct schema_key switch_keys[] = {
	{
		.name = "workers",
		.type = SCHEMA_UINT,
		.flags = SCHEMA_STARTUP,
		.offset = offsetof(struct config_switch, workers),
		.min = 1,
		.max = 16,
		.words = auto_number,
		.fallback = "auto",
		.example = "2",
		.help = "threads that move packets",
	},
	{
		.name = "hugepages",
		.type = SCHEMA_CHOICE,
		.flags = SCHEMA_STARTUP,
		.offset = offsetof(struct config_switch, hugepages),
		.words = auto_on_off,
		.fallback = "auto",
		.help = "memory of DPDK and of our guests from hugepages; auto: where some are "
			"free",
	},
	{
		.name = "run-dir",
		.type = SCHEMA_PATH,
		.flags = SCHEMA_STARTUP,
		.offset = offsetof(struct config_switch, run_dir),
		.max = 80,
		.fallback = "/run/weft",
		.help = "directory of the control socket, the ports' sockets and the guests' files",
	},
	{
		.name = "idle",
		.type = SCHEMA_DURATION,
		.offset = offsetof(struct config_switch, idle_ns),
		.min = 0,
		.max = HOUR_NS,
		.words = idle_words,
		.fallback = "auto",
		.example = "50us",
		.help = "how long a worker without packets polls before it sleeps; auto: longer "
			"while a processor is idle; never: it does not sleep",
	},
	{
		.name = "rebalance",
		.type = SCHEMA_DURATION,
		.offset = offsetof(struct config_switch, rebalance_ns),
		.min = NS_PER_S,
		.max = HOUR_NS,
		.words = off_zero,
		.fallback = "off",
		.example = "10s",
		.help = "how often the ports' queues are spread over the workers anew, by what "
			"each did meanwhile; for two workers or more",
	},
	{
		.name = "nat-sessions",
		.type = SCHEMA_UINT,
		.flags = SCHEMA_STARTUP,
		.offset = offsetof(struct config_switch, nat_sessions),
		.min = 1024,
		.max = 1 << 26,
		.fallback = "262144",
		.help = "sessions that NAT and the filter may have, of all bridges together",
	},
	{
		.name = "socket",
		.type = SCHEMA_MAP,
		.map = &socket_map,
		.example = "{group: kvm, mode: 0660}",
		.help = "owner and permissions of the control socket",
	},
	{
		.name = "metrics",
		.type = SCHEMA_MAP,
		.map = &metrics_map,
		.example = "{listen: 127.0.0.1:9464}",
		.help = "counters for Prometheus, in its text format over HTTP",
	},
};
static const struct schema_map switch_map = {
	.noun = "switch",
	KEYS(switch_keys),
	.size = sizeof(struct config_switch),
	.help = "the daemon itself",
};

static const struct schema_key mirror_keys[] = {
	{
		.name = "from",
		.type = SCHEMA_NAMES,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_mirror, from),
		.pos = offsetof(struct config_mirror, from_pos),
		.max = 1024,
		.example = "[vm7, alpha.0]",
		.help = "the ports whose frames are copied",
	},
	{
		.name = "to",
		.type = SCHEMA_NAME,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_mirror, to),
		.pos = offsetof(struct config_mirror, to_pos),
		.max = CONFIG_NAME_MAX + 3,
		.example = "probe",
		.help = "the port that gets the copies, and nothing else",
	},
	{
		.name = "direction",
		.type = SCHEMA_CHOICE,
		.offset = offsetof(struct config_mirror, direction),
		.words = mirror_directions,
		.fallback = "both",
		.help = "in: what the ports send; out: what is sent to them",
	},
};
static const struct schema_map mirror_map = {
	.noun = "mirror",
	KEYS(mirror_keys),
	.size = sizeof(struct config_mirror),
	.name = offsetof(struct config_mirror, name),
	.help = "copies of ports' frames, by name",
};

static const struct schema_key bridge_keys[] = {
	{
		.name = "address",
		.type = SCHEMA_IP4_PREFIX,
		.offset = offsetof(struct config_bridge, address),
		.has = offsetof(struct config_bridge, has_address),
		.pos = offsetof(struct config_bridge, address_pos),
		.min = 8,
		.max = 30,
		.example = "10.10.0.1/24",
		.help = "the bridge's address and subnet; guests on it get addresses from there",
	},
	{
		.name = "ageing",
		.type = SCHEMA_DURATION,
		.offset = offsetof(struct config_bridge, ageing_ns),
		.min = NS_PER_S,
		.max = 1000 * HOUR_NS,
		.words = never_zero,
		.fallback = "5m",
		.help = "how long a learned station is remembered without hearing from it",
	},
	{
		.name = "fdb-entries",
		.type = SCHEMA_UINT,
		.offset = offsetof(struct config_bridge, fdb_entries),
		.min = 64,
		.max = 1 << 20,
		.fallback = "65536",
		.help = "how many stations are learned at most",
	},
	{
		.name = "static",
		.type = SCHEMA_STATICS,
		.offset = offsetof(struct config_bridge, statics),
		.count = offsetof(struct config_bridge, n_statics),
		.max = 65536,
		.example = "{52:54:00:12:34:56: vm7}",
		.help = "stations that stay on their port; a guest's NIC is the port GUEST.N",
	},
	{
		.name = "dhcp-guard",
		.type = SCHEMA_CHOICE,
		.offset = offsetof(struct config_bridge, dhcp_guard),
		.words = auto_on_off,
		.fallback = "auto",
		.help = "drop what DHCP servers say, DHCPv6 too, unless their port is trusted; "
			"auto: on a bridge with dhcp",
	},
	{
		.name = "ra-guard",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_bridge, ra_guard),
		.fallback = "off",
		.help = "drop IPv6 router advertisements and redirects unless their port is "
			"trusted",
	},
	{
		.name = "multicast-snooping",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_bridge, snooping),
		.fallback = "off",
		.help = "send multicast only to ports whose hosts asked for it by IGMP or MLD; "
			"needs a querier on the bridge, without one all is flooded",
	},
	{
		.name = "multicast-fast-leave",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_bridge, fast_leave),
		.fallback = "off",
		.help = "end a membership with the first leave message: for ports with one host "
			"each",
	},
	{
		.name = "vlan-filtering",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_bridge, vlan_filtering),
		.fallback = "off",
		.help = "keep VLANs apart; off: tags are payload like any other",
	},
	{
		.name = "forward-bpdu",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_bridge, forward_bpdu),
		.fallback = "off",
		.help = "forward frames to 01:80:c2:00:00:00 to 0f, such as those of a spanning "
			"tree",
	},
	{
		.name = "loop-guard",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_bridge, loop_guard),
		.fallback = "off",
		.help = "shut the younger of two ports for a minute when stations go to and fro "
			"between them",
	},
	{
		.name = "mirrors",
		.type = SCHEMA_NAMED,
		.offset = offsetof(struct config_bridge, mirrors),
		.count = offsetof(struct config_bridge, n_mirrors),
		.max = 8,
		.map = &mirror_map,
		.example = "{watch: {from: [vm7], to: probe}}",
		.help = "copies of ports' frames, by name",
	},
	{
		.name = "dhcp",
		.type = SCHEMA_MAP,
		.offset = offsetof(struct config_bridge, dhcp),
		.pos = offsetof(struct config_bridge, dhcp.pos),
		.map = &schema_dhcp,
		.example = "{range: 10.10.0.100-10.10.0.199}",
		.help = "a DHCP and DNS server (dnsmasq) on the bridge; its port is BRIDGE.dhcp",
	},
	{
		.name = "address6",
		.type = SCHEMA_IP,
		.offset = offsetof(struct config_bridge, address6),
		.pos = offsetof(struct config_bridge, address6_pos),
		.min = 6,
		.max = 126,
		.example = "fd00:10::1/64",
		.help = "the IPv6 prefix of the bridge, and its gateway's address in it",
	},
	{
		.name = "forward",
		.type = SCHEMA_CHOICE,
		.offset = offsetof(struct config_bridge, forward),
		.pos = offsetof(struct config_bridge, forward_pos),
		.words = forward_words,
		.fallback = "auto",
		.help = "what the bridge's gateway does with packets for others: none: nothing; "
			"route: pass them on; nat: translate them; auto: nat where nat is given, "
			"else none",
	},
	{
		.name = "uplink",
		.type = SCHEMA_NAME,
		.offset = offsetof(struct config_bridge, uplink),
		.pos = offsetof(struct config_bridge, bridge_uplink_pos),
		.max = CONFIG_NAME_MAX,
		.example = "wan",
		.help = "with forward: route, the uplink for packets to no bridge; not given: none",
	},
	{
		.name = "ra",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_bridge, ra),
		.fallback = "on",
		.help = "the gateway advertises itself as the router for IPv6 where it is one: on "
			"a "
			"routed bridge with address6, and with nat.prefix6; not with dhcp.ra: off",
	},
	{
		.name = "mtu",
		.type = SCHEMA_UINT,
		.offset = offsetof(struct config_bridge, mtu),
		.min = 1280,
		.max = 65535,
		.fallback = "1500",
		.help = "longest packet that the gateway sends to the bridge, bytes; what guests "
			"send each other is not asked for it",
	},
	{
		.name = "gateway-vlan",
		.type = SCHEMA_UINT,
		.offset = offsetof(struct config_bridge, gateway_vlan),
		.min = 1,
		.max = VLAN_ID_MAX,
		.fallback = "1",
		.help = "on a bridge with vlan-filtering, the VLAN that the gateway is in",
	},
	{
		.name = "nat",
		.type = SCHEMA_MAP,
		.flags = SCHEMA_IF_USED,
		.offset = offsetof(struct config_bridge, nat),
		.pos = offsetof(struct config_bridge, nat.pos),
		.map = &schema_nat,
		.example = "{uplink: host}",
		.help = "translation for the bridge's guests, and how they are reached from "
			"outside",
	},
};
static const struct schema_map bridge_map = {
	.noun = "bridge",
	KEYS(bridge_keys),
	.size = sizeof(struct config_bridge),
	.name = offsetof(struct config_bridge, name),
	.help = "learning bridges, by name",
};

static const struct schema_key offload_keys[] = {
	{
		.name = "tso",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_offloads, tso),
		.fallback = "on",
		.help = "TCP segmentation offload",
	},
	{
		.name = "uso",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_offloads, uso),
		.fallback = "on",
		.help = "UDP segmentation offload",
	},
	{
		.name = "csum",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_offloads, csum),
		.fallback = "on",
		.help = "checksum offload; tso and uso need it",
	},
};
static const struct schema_map offload_map = {
	.noun = "offload",
	KEYS(offload_keys),
	.size = sizeof(struct config_offloads),
	.help = "what the port offers to its guest",
};

static const struct schema_key vhost_keys[] = {
	{
		.name = "path",
		.type = SCHEMA_PATH,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_vhost, path),
		.derived = offsetof(struct config_vhost, path_derived),
		.pos = offsetof(struct config_vhost, path_pos),
		.max = PATH_BYTES,
		.example = "/run/weft/vm7.sock",
		.help = "the vhost-user socket; not given: NAME.sock in the run-dir",
	},
	{
		.name = "mode",
		.type = SCHEMA_CHOICE,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_vhost, mode),
		.words = vhost_modes,
		.fallback = "server",
		.help = "server: weftd listens on the socket; client: weftd connects to it",
	},
	{
		.name = "owner",
		.type = SCHEMA_STRING,
		.offset = offsetof(struct config_vhost, owner),
		.max = 64,
		.example = "libvirt-qemu",
		.help = "user that owns the socket (server mode)",
	},
	{
		.name = "group",
		.type = SCHEMA_STRING,
		.offset = offsetof(struct config_vhost, group),
		.max = 64,
		.example = "kvm",
		.help = "group of the socket (server mode)",
	},
	{
		.name = "socket-mode",
		.type = SCHEMA_MODE,
		.offset = offsetof(struct config_vhost, socket_mode),
		.example = "0660",
		.help = "permissions of the socket (server mode)",
	},
	{
		.name = "queues",
		.type = SCHEMA_UINT,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_vhost, queues),
		.min = 1,
		.max = 16,
		.fallback = "1",
		.help = "queue pairs that the guest may use, spread over the workers",
	},
};
const struct schema_map schema_vhost = {
	.noun = "vhost-user port",
	KEYS(vhost_keys),
	.size = sizeof(struct config_vhost),
	.help = "the socket that the guest's VMM uses",
};

static const struct schema_key port_keys[] = {
	{
		.name = "bridge",
		.type = SCHEMA_NAME,
		.flags = SCHEMA_REQUIRED | SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_port, bridge),
		.pos = offsetof(struct config_port, bridge_pos),
		.max = CONFIG_NAME_MAX,
		.example = "lan",
		.help = "the bridge that the port is on",
	},
	{
		.name = "vhost-user",
		.type = SCHEMA_MAP,
		.offset = offsetof(struct config_port, vhost),
		.map = &schema_vhost,
		.example = "{path: /run/weft/vm7.sock, mode: client}",
		.help = "the port's vhost-user socket",
	},
	{
		.name = "tap",
		.type = SCHEMA_MAP,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_port, tap),
		.map = &schema_tap,
		.example = "{name: weft0}",
		.help = "instead of a socket: an interface of the host, which weftd makes",
	},
	{
		.name = "nic",
		.type = SCHEMA_MAP,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_port, nic),
		.pos = offsetof(struct config_port, nic.pos),
		.map = &schema_nic,
		.example = "{dev: eth1}",
		.help = "instead of a socket: a network device of the host, towards the network",
	},
	{
		.name = "offloads",
		.type = SCHEMA_MAP,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_port, offloads),
		.map = &offload_map,
		.example = "{tso: off}",
		.help = "what the port offers to its guest",
	},
	{
		.name = "mtu",
		.type = SCHEMA_UINT,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_port, mtu),
		.min = 68,
		.max = 65535,
		.fallback = "65535",
		.help = "largest MTU, bytes, that the guest's VMM may give to the guest (host_mtu)",
	},
	MEMBER_KEYS(config_port),
};
static const char *const port_kinds[PORT_KIND_N + 1] = {
	[PORT_VHOST_USER] = "vhost-user",
	[PORT_TAP] = "tap",
	[PORT_NIC] = "nic",
};
static const struct schema_map port_map = {
	.noun = "port",
	KEYS(port_keys),
	.kinds = port_kinds,
	.kind_optional = true,
	.kind = offsetof(struct config_port, kind),
	.size = sizeof(struct config_port),
	.name = offsetof(struct config_port, name),
	.help = "ports of guests that something else runs (QEMU, libvirt) and of the host, by name",
};

static const struct schema_key image_keys[] = {
	{
		.name = "kernel",
		.type = SCHEMA_PATH,
		.offset = offsetof(struct config_guest, kernel),
		.pos = offsetof(struct config_guest, kernel_pos),
		.max = PATH_BYTES,
		.words = auto_none,
		.fallback = "auto",
		.example = "/boot/vmlinuz",
		.help = "the kernel; auto: weft's own guest image; none: boot from the first disk",
	},
	{
		.name = "initrd",
		.type = SCHEMA_PATH,
		.offset = offsetof(struct config_guest, initrd),
		.pos = offsetof(struct config_guest, initrd_pos),
		.max = PATH_BYTES,
		.words = auto_none,
		.fallback = "auto",
		.example = "/boot/initrd.img",
		.help = "the initrd; auto: weft's own guest image; none: no initrd",
	},
	{
		.name = "append",
		.type = SCHEMA_STRING,
		.offset = offsetof(struct config_guest, append),
		.max = 1024,
		.example = "\"loglevel=7 mitigations=off\"",
		.help = "more kernel arguments",
	},
};
static const struct schema_map image_map = {
	.noun = "image",
	KEYS(image_keys),
	.size = sizeof(struct config_guest),
	.help = "what the guest boots",
};

static const struct schema_key disk_keys[] = {
	{
		.name = "path",
		.type = SCHEMA_PATH,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_disk, path),
		.max = PATH_BYTES,
		.example = "/var/lib/weft/root.img",
		.help = "the image file or block device",
	},
	{
		.name = "format",
		.type = SCHEMA_WORD,
		.offset = offsetof(struct config_disk, format),
		.words = disk_formats,
		.fallback = "raw",
		.help = "what the file holds",
	},
	{
		.name = "readonly",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_disk, readonly),
		.fallback = "off",
		.help = "the guest may not write to it",
	},
};
static const struct schema_map disk_map = {
	.noun = "disk",
	KEYS(disk_keys),
	.size = sizeof(struct config_disk),
	.help = "virtio disks, the first one is vda",
};

static const struct schema_key tap_keys[] = {
	{
		.name = "name",
		.type = SCHEMA_NAME,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_nic, tap),
		.pos = offsetof(struct config_nic, tap_pos),
		.max = 15,
		.example = "tap0",
		.help = "an existing tap device of the host",
	},
};
static const struct schema_map tap_map = {
	.noun = "tap",
	KEYS(tap_keys),
	.size = sizeof(struct config_nic),
	.help = "a tap device that something else switches",
};

static const struct schema_key nic_vhost_keys[] = {
	{
		.name = "path",
		.type = SCHEMA_PATH,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_nic, path),
		.pos = offsetof(struct config_nic, path_pos),
		.max = PATH_BYTES,
		.example = "/run/openvswitch/vhost1",
		.help = "the vhost-user socket of another switch",
	},
	{
		.name = "mode",
		.type = SCHEMA_CHOICE,
		.offset = offsetof(struct config_nic, mode),
		.words = vhost_modes,
		.fallback = "server",
		.help = "server: that switch listens; client: it connects to the guest's socket",
	},
};
static const struct schema_map nic_vhost_map = {
	.noun = "vhost-user NIC",
	KEYS(nic_vhost_keys),
	.size = sizeof(struct config_nic),
	.help = "a vhost-user socket on which something else switches",
};

static const struct schema_key nic_keys[] = {
	{
		.name = "bridge",
		.type = SCHEMA_NAME,
		.offset = offsetof(struct config_nic, bridge),
		.pos = offsetof(struct config_nic, bridge_pos),
		.max = CONFIG_NAME_MAX,
		.example = "lan",
		.help = "one of our bridges; the port on it is named GUEST.N",
	},
	{
		.name = "tap",
		.type = SCHEMA_MAP,
		.map = &tap_map,
		.example = "{name: tap0}",
		.help = "instead of a bridge: a tap device that something else switches",
	},
	{
		.name = "vhost-user",
		.type = SCHEMA_MAP,
		.map = &nic_vhost_map,
		.example = "{path: /run/openvswitch/vhost1}",
		.help = "instead of a bridge: the vhost-user socket of another switch",
	},
	{
		.name = "model",
		.type = SCHEMA_CHOICE,
		.offset = offsetof(struct config_nic, model),
		.pos = offsetof(struct config_nic, model_pos),
		.words = nic_models,
		.fallback = "virtio",
		.help = "the device that the guest sees; e1000 and rtl8139 need a tap",
	},
	{
		.name = "mac",
		.type = SCHEMA_MAC,
		.offset = offsetof(struct config_nic, mac),
		.derived = offsetof(struct config_nic, mac_derived),
		.pos = offsetof(struct config_nic, mac_pos),
		.words = auto_value,
		.fallback = "auto",
		.example = "52:54:00:12:34:56",
		.help = "the guest's MAC address; auto: made from the guest's name and the NIC's "
			"number",
	},
	{
		.name = "address",
		.type = SCHEMA_IP4_PREFIX,
		.offset = offsetof(struct config_nic, address),
		.has = offsetof(struct config_nic, has_address),
		.derived = offsetof(struct config_nic, address_derived),
		.pos = offsetof(struct config_nic, address_pos),
		.min = 8,
		.max = 30,
		.words = auto_value,
		.fallback = "auto",
		.example = "10.10.0.7/24",
		.help = "the guest's IPv4 address; auto: a stable one from the bridge's subnet",
	},
	{
		.name = "mtu",
		.type = SCHEMA_UINT,
		.offset = offsetof(struct config_nic, mtu),
		.min = 1280,
		.max = 9000,
		.fallback = "1500",
		.help = "MTU of the guest's interface, bytes",
	},
	{
		.name = "queues",
		.type = SCHEMA_UINT,
		.offset = offsetof(struct config_nic, queues),
		.pos = offsetof(struct config_nic, queues_pos),
		.min = 1,
		.max = 16,
		.fallback = "1",
		.help = "queue pairs of the NIC; Linux uses as many as the guest has vcpus",
	},
	{
		.name = "offloads",
		.type = SCHEMA_MAP,
		.offset = offsetof(struct config_nic, offloads),
		.map = &offload_map,
		.example = "{tso: off}",
		.help = "what the NIC offers to its guest",
	},
	MEMBER_KEYS(config_nic),
};
static const char *const nic_later[] = {"user", "vf", NULL};
static const char *const nic_kinds[NIC_KIND_N + 1] = {
	[NIC_BRIDGE] = "bridge",
	[NIC_TAP] = "tap",
	[NIC_VHOST_USER] = "vhost-user",
};
static const struct schema_map nic_map = {
	.noun = "NIC",
	KEYS(nic_keys),
	.later = nic_later,
	.kinds = nic_kinds,
	.kind = offsetof(struct config_nic, kind),
	.size = sizeof(struct config_nic),
	.help = "network interfaces, the first one is number 0",
};

static const struct schema_key guest_keys[] = {
	{
		.name = "image",
		.type = SCHEMA_MAP,
		.flags = SCHEMA_DISRUPTIVE,
		.map = &image_map,
		.example = "{kernel: /boot/vmlinuz, initrd: /boot/initrd.img}",
		.help = "what the guest boots; not given: weft's own guest image",
	},
	{
		.name = "disks",
		.type = SCHEMA_LIST,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_guest, disks),
		.count = offsetof(struct config_guest, n_disks),
		.max = 16,
		.map = &disk_map,
		.example = "[{path: /var/lib/weft/root.img}]",
		.help = "virtio disks",
	},
	{
		.name = "vcpus",
		.type = SCHEMA_UINT,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_guest, vcpus),
		.min = 1,
		.max = 64,
		.fallback = "1",
		.help = "virtual processors",
	},
	{
		.name = "memory",
		.type = SCHEMA_SIZE,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_guest, memory_bytes),
		.min = 32ull << 20,
		.max = 1ull << 40,
		.fallback = "512M",
		.help = "the guest's memory",
	},
	{
		.name = "balloon",
		.type = SCHEMA_BOOL,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_guest, balloon),
		.fallback = "off",
		.help = "memory that the guest does not use, or is asked for, goes back to the "
			"host; takes no hugepages",
	},
	{
		.name = "ksm",
		.type = SCHEMA_BOOL,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_guest, ksm),
		.pos = offsetof(struct config_guest, ksm_pos),
		.fallback = "off",
		.help = "private memory, whose equal pages the host's KSM may merge; for guests "
			"whose NICs are on taps; takes no hugepages",
	},
	{
		.name = "numa",
		.type = SCHEMA_UINT,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_guest, numa),
		.has = offsetof(struct config_guest, has_numa),
		.max = 1022,
		.example = "0",
		.help = "NUMA node of the host from which memory is taken while it has some",
	},
	{
		.name = "engine",
		.type = SCHEMA_CHOICE,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_guest, engine),
		.words = engines,
		.fallback = "auto",
		.help = "qemu, or weft: weft-vmm, needs KVM; auto: weft if it has all asked for",
	},
	{
		.name = "restart",
		.type = SCHEMA_CHOICE,
		.offset = offsetof(struct config_guest, restart),
		.words = restarts,
		.fallback = "on-failure",
		.help = "whether a guest that ended is started again",
	},
	{
		.name = "autostart",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_guest, autostart),
		.fallback = "on",
		.help = "start the guest with weftd",
	},
	{
		.name = "nics",
		.type = SCHEMA_LIST,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_guest, nics),
		.count = offsetof(struct config_guest, n_nics),
		.max = 32,
		.map = &nic_map,
		.example = "[{bridge: lan}]",
		.help = "network interfaces",
	},
};
static const struct schema_map guest_map = {
	.noun = "guest",
	KEYS(guest_keys),
	.size = sizeof(struct config_guest),
	.name = offsetof(struct config_guest, name),
	.help = "guests that weftd runs, by name",
};

static const struct schema_key root_keys[] = {
	{
		.name = "version",
		.type = SCHEMA_UINT,
		.flags = SCHEMA_REQUIRED | SCHEMA_ALWAYS,
		.offset = offsetof(struct config, version),
		.min = 1,
		.max = 1,
		.fallback = "1",
		.help = "version of the file's format",
	},
	{
		.name = "switch",
		.type = SCHEMA_MAP,
		.offset = offsetof(struct config, sw),
		.pos = offsetof(struct config, sw.pos),
		.map = &switch_map,
		.example = "{workers: auto, run-dir: /run/weft}",
		.help = "the daemon itself",
	},
	{
		.name = "bridges",
		.type = SCHEMA_NAMED,
		.offset = offsetof(struct config, bridges),
		.count = offsetof(struct config, n_bridges),
		.max = 1024,
		.map = &bridge_map,
		.example = "{lan: {address: 10.10.0.1/24}}",
		.help = "learning bridges, by name",
	},
	{
		.name = "uplinks",
		.type = SCHEMA_NAMED,
		.offset = offsetof(struct config, uplinks),
		.count = offsetof(struct config, n_uplinks),
		.max = 64,
		.map = &schema_uplink,
		.example = "{lab: {address: 198.18.0.2/24, vhost-user: {path: /run/lab.sock}}}",
		.help = "ways out of the bridges, by name; `host` is there without an entry",
	},
	{
		.name = "ports",
		.type = SCHEMA_NAMED,
		.offset = offsetof(struct config, ports),
		.count = offsetof(struct config, n_ports),
		.max = 4096,
		.map = &port_map,
		.example = "{vm7: {bridge: lan}}",
		.help = "ports of guests that something else runs, and of the host, by name",
	},
	{
		.name = "guests",
		.type = SCHEMA_NAMED,
		.offset = offsetof(struct config, guests),
		.count = offsetof(struct config, n_guests),
		.max = 1024,
		.map = &guest_map,
		.example = "{alpha: {nics: [{bridge: lan}]}}",
		.help = "guests that weftd runs, by name",
	},
};
static const char *const root_later[] = {"sriov", NULL};
const struct schema_map schema_root = {
	.noun = "file",
	KEYS(root_keys),
	.later = root_later,
	.size = sizeof(struct config),
	.help = "the whole file",
};

const struct schema_key *schema_lookup(const struct schema_map *map, const char *name)
{
	for (unsigned i = 0; i < map->n_keys; i++)
		if (strcmp(map->keys[i].name, name) == 0)
			return &map->keys[i];
	return NULL;
}

bool schema_is_later(const struct schema_map *map, const char *name)
{
	for (const char *const *later = map->later; later && *later; later++)
		if (strcmp(*later, name) == 0)
			return true;
	return false;
}

unsigned schema_count(const struct schema_key *key, const void *object)
{
	return *(const unsigned *)((const char *)object + key->count);
}

void *schema_entry(const struct schema_key *key, const void *object, unsigned i)
{
	return *(char *const *)schema_field(key, object) + i * key->map->size;
}

const char *schema_name(const struct schema_map *map, const void *object)
{
	return *(const char *const *)((const char *)object + map->name);
}

bool schema_is_container(const struct schema_key *key)
{
	return key->type >= SCHEMA_MAP;
}
