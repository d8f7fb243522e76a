/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/util.h"
#include "config/schema.h"

#define KEYS(table) .keys = (table), .n_keys = ARRAY_SIZE(table)

static const struct schema_word drivers[] = {
	{"af_xdp", NIC_DRIVER_AF_XDP},
	{"af_packet", NIC_DRIVER_AF_PACKET},
	{"dpdk", NIC_DRIVER_DPDK},
	{NULL, 0},
};
static const struct schema_word modes[] = {
	{"auto", NIC_XDP_AUTO},
	{"native", NIC_XDP_NATIVE},
	{"generic", NIC_XDP_GENERIC},
	{NULL, 0},
};
static const struct schema_word auto_zero[] = {{"auto", 0}, {NULL, 0}};

static const struct schema_key nic_keys[] = {
	{
		.name = "dev",
		.type = SCHEMA_STRING,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_host_nic, dev),
		.pos = offsetof(struct config_host_nic, dev_pos),
		.max = 15,
		.example = "eth1",
		.help = "the network device, by its name; with driver: dpdk its PCI address is "
			"given instead",
	},
	{
		.name = "driver",
		.type = SCHEMA_CHOICE,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_host_nic, driver),
		.words = drivers,
		.fallback = "af_xdp",
		.help = "af_xdp: by an XDP program, the device stays the kernel's; dpdk: a device "
			"that is bound to vfio-pci; af_packet: copies of what the kernel sees, for "
			"devices on which nothing else works",
	},
	{
		.name = "pci",
		.type = SCHEMA_STRING,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_host_nic, pci),
		.pos = offsetof(struct config_host_nic, pci_pos),
		.max = 16,
		.example = "0000:01:00.0",
		.help = "the device of driver: dpdk",
	},
	{
		.name = "queues",
		.type = SCHEMA_UINT,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_host_nic, queues),
		.min = 1,
		.max = 16,
		.words = auto_zero,
		.fallback = "auto",
		.example = "4",
		.help = "queue pairs, spread over the workers; auto: as many as the device has "
			"receive queues with af_xdp, else one",
	},
	{
		.name = "mode",
		.type = SCHEMA_CHOICE,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_host_nic, mode),
		.pos = offsetof(struct config_host_nic, mode_pos),
		.words = modes,
		.fallback = "auto",
		.help = "where the XDP program of af_xdp runs: native: in the device's driver; "
			"generic: in the kernel's stack, slower, on any device; auto: native where "
			"the driver can",
	},
	{
		.name = "share",
		.type = SCHEMA_BOOL,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_host_nic, share),
		.pos = offsetof(struct config_host_nic, share_pos),
		.fallback = "off",
		.help = "with af_xdp: the host goes on to use the device with its MAC address, and "
			"broadcasts are for both; off: all frames are weft's",
	},
};
const struct schema_map schema_nic = {
	.noun = "NIC",
	KEYS(nic_keys),
	.size = sizeof(struct config_host_nic),
	.help = "a network device of the host",
};
