/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

/*
 * The configuration as data: one immutable tree, everything in it allocated from one arena.
 *
 * YAML text -> config_parse (schema table, defaults, derived values) -> config_check (what spans
 * objects) -> config_diff against the running tree -> daemon/apply. A CLI mutation makes an edited
 * copy (config/edit.h) that takes the same road. Nothing here touches the machine, except that
 * config_check looks whether named files exist when it is asked to.
 *
 * Every object keeps the position of its name in the text for messages. Strings are never NULL
 * unless their comment says so.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/ip.h"
#include "common/mac.h"
#include "common/vlan_set.h"

#define CONFIG_ADDRESSES_MAX 16	 /* of one port */
#define CONFIG_EXTERNAL_MAX  256 /* addresses of one uplink */

#define CONFIG_NAME_MAX	     32 /* bytes of a name without its NUL; [A-Za-z0-9][A-Za-z0-9_.-]* */

struct arena;

struct config_pos {
	int line, col; /* from 1; 0: not from a file */
};

enum config_auto { CONFIG_OFF, CONFIG_ON, CONFIG_AUTO, CONFIG_AUTO_N };

struct config_switch {
	struct config_pos pos;
	unsigned workers;	    /* 0: auto */
	enum config_auto hugepages; /* memory of our guests and of DPDK */
	const char *run_dir;	    /* "/run/weft" */
	bool idle_auto;		    /* let weftd choose how long a worker polls before it sleeps */
	uint64_t idle_ns;	    /* UINT64_MAX: "never" (busy polling); valid unless idle_auto */
	uint64_t rebalance_ns;	  /* how often queues are spread over the workers anew; 0: never */
	const char *socket_owner; /* user name or "" */
	const char *socket_group; /* group name or "" */
	unsigned socket_mode;	  /* 0600 */
	unsigned nat_sessions;	  /* room of the table, for all bridges */
	const char *metrics_listen; /* ADDRESS:PORT or a socket's path; "": not served */
};

struct config_static {
	struct config_pos pos;
	struct mac mac;
	const char *port; /* a port's name, or GUEST.N for NIC N of a guest */
};

/* Frames or bits a second. */
struct config_storm_rate {
	uint64_t per_s; /* 0: off */
	bool packets;	/* else bits */
};

/* How a port or a NIC takes part in its bridge. */
struct config_member {
	bool has_vlan, has_native_vlan;
	unsigned vlan;	       /* access port of it */
	struct vlan_set trunk; /* empty: no trunk */
	unsigned native_vlan;  /* of a trunk's untagged frames */
	bool native_tagged;    /* they leave tagged all the same */
	bool learning, sticky, isolated, bpdu_guard;
	unsigned mac_limit; /* 0: none */
	struct {
		bool unknown_unicast, multicast, broadcast;
	} flood;
	struct {
		struct config_storm_rate unknown_unicast, multicast, broadcast;
	} storm;
	struct config_pos vlan_pos, trunk_pos, native_pos;
};

enum mirror_direction { MIRROR_BOTH, MIRROR_IN, MIRROR_OUT, MIRROR_DIRECTION_N };

struct config_mirror {
	struct config_pos pos;
	const char *name;
	const char *from; /* "[vm1, alpha.0]" */
	const char *to;
	enum mirror_direction direction;
	struct config_pos from_pos, to_pos;
};

/* Copies the next name of `*list` ("[a, b]") to `name` and moves on; false at its end. */
bool config_names_next(const char **list, char name[CONFIG_NAME_MAX + 4]);

/* An address kept for a client of a bridge's DHCP server. */
struct config_reservation {
	struct config_pos pos;
	const char *name;
	struct mac mac;
	uint32_t address;
	struct config_pos mac_pos, address_pos;
};

/* An option that only its number names. */
struct config_dhcp_option {
	struct config_pos pos;
	unsigned code;
	const char *value; /* as dnsmasq reads it */
	struct config_pos code_pos, value_pos;
};

/* The DHCP and DNS server of a bridge. Lists of addresses are for ipaddr_list_parse. */
struct config_dhcp {
	struct config_pos pos;
	struct ip4_range range; /* zeroes: the bridge has no server */
	uint64_t lease_ns;	/* UINT64_MAX: for ever */
	const char *domain;	/* "": the bridge's name */
	uint32_t address;	/* its own; as written, or derived */
	bool address_derived;
	struct config_reservation *reservations;
	unsigned n_reservations;
	bool dns;
	const char *upstream;			      /* a list, "auto" or "none" */
	unsigned mtu;				      /* 0: clients are not told one */
	const char *router, *dns_server, *ntp_server; /* lists, "auto" or "none" */
	const char *search;			      /* "[lan, example.org]" or "" */
	struct config_dhcp_option *raw;
	unsigned n_raw;
	const char *boot_file; /* "": none */
	uint32_t boot_server;  /* 0: this one */
	const char *tftp_root; /* "": no TFTP */
	const char *lease_file;
	const char *range6; /* "fd00:10::100-fd00:10::1ff", "": no addresses by DHCPv6 */
	bool ra;	    /* router advertisements, where the bridge has address6 */
	struct config_pos range6_pos;
	struct config_pos range_pos, address_pos, boot_pos, tftp_pos, lease_file_pos;
};

/* What the gateway of a bridge does with packets that are not for it, by libvirt's names. */
enum config_forward {
	FORWARD_AUTO, /* nat where `nat` is given, else none */
	FORWARD_NONE,
	FORWARD_ROUTE,
	FORWARD_NAT,
	FORWARD_N
};

enum forward_proto { FORWARD_TCP, FORWARD_UDP, FORWARD_PROTO_N };

/* Ports of the uplink's addresses that lead to a guest. */
struct config_nat_forward {
	struct config_pos pos;
	enum forward_proto proto;
	const char *tcp, *udp; /* "2222" or "5000-5010"; one of them is "" */
	const char *to;	       /* "alpha:22" or "10.10.0.7:6000" */
	const char *address;   /* external one; "": each of the uplink's */
};

enum filter_verdict { FILTER_ALLOW, FILTER_DENY, FILTER_VERDICT_N };

/* A rule of the stateful filter; the first that fits decides. */
struct config_nat_rule {
	struct config_pos pos;
	enum filter_verdict verdict;
	const char *allow, *deny; /* "out" or "in"; one of them is "" */
	const char *proto;	  /* "any", "tcp", "udp", "icmp" */
	const char *to, *from;	  /* prefixes or a guest's name; "": any */
	const char *port;	  /* of the destination: "25", "1-1023"; "": any */
};

enum config_filtering {
	FILTERING_ENDPOINT_INDEPENDENT,
	FILTERING_ADDRESS_DEPENDENT,
	FILTERING_ADDRESS_AND_PORT_DEPENDENT,
	FILTERING_N
};

/* Translation for a bridge; `uplink` is "" when there is none. */
struct config_nat {
	struct config_pos pos, uplink_pos;
	const char *uplink;
	const char *prefix6; /* what the uplink knows address6's prefix as; "": IPv6 stays inside */
	struct config_pos prefix6_pos;
	struct config_nat_forward *forwards;
	unsigned n_forwards;
	struct config_nat_rule *rules;
	unsigned n_rules;
	enum config_filtering filtering;
	unsigned sessions, sessions_per_guest, ports_per_guest; /* 0: no bound */
	bool tcp_strict;
	uint64_t udp_ns, tcp_ns, tcp_opening_ns, tcp_closing_ns, icmp_ns;
	const char *alg; /* "[ftp, tftp]" or "" */
	struct config_pos alg_pos;
};

struct config_bridge {
	struct config_pos pos;
	const char *name;
	bool has_address;
	struct ip4_prefix address; /* the subnet of the bridge, and its gateway address */
	struct config_pos address_pos;
	const char *address6; /* "fd00:10::1/64" or "" */
	struct config_pos address6_pos;
	enum config_forward forward; /* as written: config_bridge_forward resolves it */
	struct config_pos forward_pos;
	bool ra; /* the gateway advertises itself where it routes IPv6 */
	unsigned mtu, gateway_vlan;
	const char *uplink; /* of the default route while `forward` is route, "": none */
	struct config_pos bridge_uplink_pos;
	struct config_nat nat;
	uint64_t ageing_ns;	     /* 300 s; 0: entries never age */
	uint32_t fdb_entries;	     /* limit, 65536 */
	enum config_auto dhcp_guard; /* only trusted ports are DHCP servers; auto: where dhcp is */
	bool ra_guard;		     /* only trusted ports are routers */
	bool snooping, fast_leave;   /* IGMP and MLD */
	struct config_static *statics;
	unsigned n_statics;
	bool vlan_filtering, forward_bpdu, loop_guard;
	struct config_mirror *mirrors;
	unsigned n_mirrors;
	struct config_dhcp dhcp;
};

struct ipaddr_prefix;

/* Both ends of a range of IPv6 addresses. Returns 0 or -EINVAL. */
int config_range6(const char *text, struct ipaddr_prefix *first, struct ipaddr_prefix *last);

/* Whether the bridge has a DHCP server of its own. */
static inline bool config_has_dhcp(const struct config_bridge *b)
{
	return b->dhcp.range.first != 0;
}

/* What `dhcp-guard` means on this bridge. */
static inline bool config_guards_dhcp(const struct config_bridge *b)
{
	return b->dhcp_guard == CONFIG_AUTO ? config_has_dhcp(b) : b->dhcp_guard == CONFIG_ON;
}

enum vhost_mode { VHOST_MODE_SERVER, VHOST_MODE_CLIENT, VHOST_MODE_N };

struct config_vhost {
	const char *path;     /* absolute; default run-dir/NAME.sock */
	enum vhost_mode mode; /* server: weftd listens; client: weftd connects */
	const char *owner;    /* "" : left as created */
	const char *group;
	unsigned socket_mode; /* 0: left as created */
	unsigned queues;      /* pairs, 1 */
	bool path_derived;
	struct config_pos path_pos;
};

/* A network device of the host as a port. */
enum nic_driver_kind { NIC_DRIVER_AF_XDP, NIC_DRIVER_AF_PACKET, NIC_DRIVER_DPDK, NIC_DRIVER_N };
enum nic_xdp_mode { NIC_XDP_AUTO, NIC_XDP_NATIVE, NIC_XDP_GENERIC, NIC_XDP_N };
struct config_host_nic {
	struct config_pos pos;
	const char *dev, *pci; /* one of them; the other is "" */
	enum nic_driver_kind driver;
	unsigned queues; /* 0: auto */
	enum nic_xdp_mode mode;
	bool share; /* the host goes on to use it */
	struct config_pos dev_pos, pci_pos, mode_pos, share_pos;
};

/* Offloads that a port offers to its guest; all on by default. */
struct config_offloads {
	bool tso, uso, csum;
};

/* What the guest behind a port may claim to be. */
struct config_spoof {
	bool enable;
	struct mac mac;	       /* all zero: that of the NIC */
	const char *addresses; /* beside the NIC's own; for ipaddr_list_parse, "" */
	bool leases;	       /* also what it leased; of a NIC: instead of its address */
	bool ipv4, ipv6, arp, nd;
	struct config_pos pos;
};

/* Frames are counted without preamble and FCS; 0: no limit. */
struct config_rate {
	uint64_t in_bps, out_bps; /* bits a second from the guest, and to it */
	unsigned in_pps, out_pps;
	uint64_t burst_bytes; /* 0: auto */
};

/* What a port may do; changes disturb nothing. */
struct config_policy {
	struct config_spoof spoof;
	struct config_rate rate;
	bool trusted; /* may be a DHCP server and a router */
};

/* An interface of the host that weftd makes. */
struct config_tap {
	const char *name;
	bool has_address;
	struct ip4_prefix address; /* of the host there */
	const char *address6;	   /* with its prefix length; "" */
	struct mac mac;		   /* written or derived */
	unsigned mtu;		   /* 1500 */
	unsigned queues;	   /* 1 */
	bool mac_derived;
	struct config_pos name_pos, address_pos, address6_pos, mac_pos;
};

enum config_port_kind { PORT_VHOST_USER, PORT_TAP, PORT_NIC, PORT_KIND_N };

/* A port that belongs to no guest of ours: somebody else's QEMU or libvirt guest, or the host. */
struct config_port {
	struct config_pos pos;
	const char *name;
	enum config_port_kind kind;
	const char *bridge;
	struct config_pos bridge_pos;
	struct config_vhost vhost;  /* PORT_VHOST_USER */
	struct config_tap tap;	    /* PORT_TAP */
	struct config_host_nic nic; /* PORT_NIC */
	struct config_offloads offloads;
	unsigned mtu; /* PORT_VHOST_USER: largest that its frontend may give its guest, 65535 */
	struct config_member member;
	struct config_policy policy;
};

/* Who is behind an uplink, without asking. */
struct config_neighbour {
	struct config_pos pos;
	const char *address;
	struct mac mac;
};

enum uplink_kind { UPLINK_HOST, UPLINK_NIC, UPLINK_VHOST_USER, UPLINK_KIND_N };

/* A way out of the bridges: a port on no bridge. The name "host" exists without an entry. */
struct config_uplink {
	struct config_pos pos;
	const char *name;
	bool builtin; /* "host", which nobody wrote */
	enum uplink_kind kind;
	bool has_address;
	struct ip4_prefix address; /* weft's own on the link; the first external one */
	struct config_pos address_pos;
	const char *gateway;   /* next hop of the default route, "": none */
	const char *addresses; /* more external ones: "192.0.2.3-192.0.2.9 192.0.2.20"; "" */
	const char *address6, *gateway6;
	struct config_pos gateway_pos, addresses_pos, address6_pos, gateway6_pos;
	unsigned mtu; /* 1500 */
	struct config_neighbour *neighbours;
	unsigned n_neighbours;
	struct config_vhost vhost;  /* UPLINK_VHOST_USER */
	struct config_host_nic nic; /* UPLINK_NIC */
	struct {
		struct ip4_prefix range; /* a /30 of it is the link to the host */
		struct config_pos range_pos;
	} host; /* UPLINK_HOST */
};

enum nic_kind { NIC_BRIDGE, NIC_TAP, NIC_VHOST_USER, NIC_KIND_N };
enum nic_model { NIC_MODEL_VIRTIO, NIC_MODEL_E1000, NIC_MODEL_RTL8139, NIC_MODEL_N };

struct config_nic {
	struct config_pos pos;
	enum nic_kind kind;
	const char *bridge;   /* NIC_BRIDGE: our own bridge; the port is named GUEST.N */
	const char *tap;      /* NIC_TAP: an existing tap device that something else switches */
	const char *path;     /* NIC_VHOST_USER: a socket on which something else switches */
	enum vhost_mode mode; /* NIC_VHOST_USER: client: that switch connects to QEMU's socket */
	enum nic_model model;
	struct mac mac; /* as written, or derived from guest and NIC number */
	bool mac_derived;
	bool has_address;
	struct ip4_prefix address; /* for guests that take it from us; written or derived */
	bool address_derived;
	bool by_dhcp;	 /* weft's own image asks the bridge's server for it */
	unsigned mtu;	 /* 1500 */
	unsigned queues; /* pairs, 1 */
	struct config_offloads offloads;
	struct config_member member; /* NIC_BRIDGE */
	struct config_policy policy; /* NIC_BRIDGE */
	struct config_pos bridge_pos, tap_pos, path_pos, model_pos, mac_pos, address_pos;
	struct config_pos queues_pos;
};

enum guest_engine { ENGINE_AUTO, ENGINE_QEMU, ENGINE_WEFT, ENGINE_N };
enum guest_restart { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_N };

struct config_disk {
	struct config_pos pos;
	const char *path;
	const char *format; /* "raw" or "qcow2" */
	bool readonly;
};

struct config_guest {
	struct config_pos pos;
	const char *name;
	const char *kernel; /* path, or "auto": weft's own guest image; "none": boot from disk */
	struct config_pos kernel_pos;
	const char *initrd; /* path, "auto", or "none" */
	struct config_pos initrd_pos;
	const char *append; /* more kernel arguments, "" */
	struct config_disk *disks;
	unsigned n_disks;
	unsigned vcpus;	       /* 1 */
	uint64_t memory_bytes; /* 512 MiB */
	enum guest_engine engine;
	enum guest_restart restart; /* on-failure */
	bool autostart;		    /* on */
	bool balloon;		    /* off */
	bool ksm;		    /* off */
	struct config_pos ksm_pos;
	bool has_numa;
	unsigned numa; /* NUMA node of the host */
	struct config_nic *nics;
	unsigned n_nics;
};

struct config {
	unsigned version; /* of the file's format: 1 */
	struct arena *arena;
	const char *file; /* name for messages, "" when not from a file */
	struct config_switch sw;
	struct config_bridge *bridges;
	unsigned n_bridges;
	struct config_uplink *uplinks; /* a built-in one, when a bridge uses it, at the end */
	unsigned n_uplinks;
	struct config_port *ports;
	unsigned n_ports;
	struct config_guest *guests;
	unsigned n_guests;
};

/* The errors of one text, in the order of their positions; more than the limit are counted only. */
#define CONFIG_ERRORS_MAX 64
struct config_error {
	struct config_pos pos;
	char text[256]; /* "path.to.key: what is wrong" */
	char help[160]; /* "" or the remedy */
	bool warning;
};
struct config_errors {
	struct config_error list[CONFIG_ERRORS_MAX];
	unsigned n;	   /* entries in list, warnings included */
	unsigned n_errors; /* all errors seen, also those beyond the list; warnings not */
};

/*
 * Parses `len` bytes of YAML. `file` names it in messages. All errors of the text are collected,
 * nothing is printed; `errs` is emptied first. Returns a tree, or NULL when there was an error
 * (`errs->n_errors` > 0). Free with config_free, which accepts NULL. Any thread; no global state.
 */
struct config *config_parse(const char *text, size_t len, const char *file,
			    struct config_errors *errs);
void config_free(struct config *c);

/*
 * Checks what spans objects: names taken twice, bridges that do not exist, duplicate MACs and
 * sockets, overlapping subnets, addresses outside their bridge's subnet; with `look_at_files` also
 * that kernels, initrds and disks are readable. Appends to `errs`. Returns 0 or -EINVAL.
 */
int config_check(const struct config *c, bool look_at_files, struct config_errors *errs);

/*
 * Parses and checks in one run, so that what config_check finds is told beside what config_parse
 * finds. Otherwise as config_parse.
 */
struct config *config_parse_checked(const char *text, size_t len, const char *file,
				    bool look_at_files, struct config_errors *errs);

/* Reads a file whole, parses and checks it. An unreadable file is one error in `errs`. */
struct config *config_load(const char *path, bool look_at_files, struct config_errors *errs);

/*
 * Prints the errors as compilers do: `file:line:col: error: text`, the line of `text` with a caret
 * below, and a `help:` line. `text` may be NULL: positions only.
 */
void config_errors_print(const struct config_errors *errs, const char *file, const char *text,
			 size_t len, FILE *out);

/* The same with the text read from `path` again, for the errors of config_load. */
void config_errors_print_file(const struct config_errors *errs, const char *path, FILE *out);

/* Writes the tree as YAML that parses to an equal tree; `effective` adds derived values and
 * defaults with a comment that says so. */
void config_print(const struct config *c, bool effective, FILE *out);

/* Look-ups by name; NULL when there is none. */
const struct config_bridge *config_bridge_lookup(const struct config *c, const char *name);
const struct config_port *config_port_lookup(const struct config *c, const char *name);
const struct config_guest *config_guest_lookup(const struct config *c, const char *name);
const struct config_uplink *config_uplink_lookup(const struct config *c, const char *name);

/* NONE, ROUTE or NAT; the uplink that goes with it ("": none); whether the bridge has a gateway. */
enum config_forward config_bridge_forward(const struct config_bridge *b);
const char *config_bridge_uplink(const struct config_bridge *b);
bool config_bridge_has_gateway(const struct config_bridge *b);

#endif
