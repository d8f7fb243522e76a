// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Decides about each frame that a shared NIC receives: ours, then it goes to the AF_XDP socket of
 * its receive queue, or the kernel's, then it goes on as if this program were not there.
 *
 * Ours is what is sent to a MAC address of ours. Where weft has the same MAC address as the host,
 * ours is what is sent to an IP address of ours, and ARP and neighbour discovery about one. The
 * addresses are of the untagged network: of tagged frames only the MAC address is looked at, except
 * that a tag which only carries a priority (VID 0, IEEE 802.1Q 6.9) makes no other network.
 * What is too short to tell is the kernel's, and so is all of a queue that has no socket.
 *
 * A device may keep the tag of a frame beside it, as veth does when the sender left it to hardware.
 * The program that is compiled with STEER_TAGS, for devices that tell (Linux 6.8), counts with
 * such a tag, and puts it back into frames that are ours.
 *
 * Group frames cannot be cloned here. Those that concern an address of ours alone are taken; weft
 * gets copies of the others from a packet socket.
 */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "uplink/xdp_steer.h"

#define VID_MASK     0x0fff
#define ND_SOLICIT   135
#define ND_ADVERTISE 136

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STEER_QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_MACS_MAX);
	__type(key, struct steer_mac);
	__type(value, __u8);
} macs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_ADDRESSES_MAX);
	__type(key, __be32);
	__type(value, __u8);
} ipv4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_ADDRESSES_MAX);
	__type(key, struct in6_addr);
	__type(value, __u8);
} ipv6 SEC(".maps");

struct tag {
	__be16 tci;
	__be16 type;
};

/* RFC 826 with Ethernet and IPv4. */
struct arp_packet {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_len;
	__u8 protocol_len;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__be32 sender;
	__u8 target_mac[ETH_ALEN];
	__be32 target;
} __attribute__((packed));

/* RFC 4861, 4.3 and 4.4: solicitations and advertisements begin alike. */
struct nd_packet {
	struct ipv6hdr ip;
	struct icmp6hdr icmp;
	struct in6_addr target;
};

static __always_inline int is_ours_arp(const void *p, const void *end)
{
	const struct arp_packet *arp = p;
	__be32 target;

	if ((const void *)(arp + 1) > end || arp->protocol != bpf_htons(ETH_P_IP) ||
	    arp->protocol_len != sizeof(arp->target) || arp->hardware_len != ETH_ALEN)
		return 0;
	target = arp->target;
	return bpf_map_lookup_elem(&ipv4, &target) != NULL;
}

static __always_inline int is_ours_ipv4(const void *p, const void *end)
{
	const struct iphdr *ip = p;
	__be32 dst;

	if ((const void *)(ip + 1) > end)
		return 0;
	dst = ip->daddr;
	return bpf_map_lookup_elem(&ipv4, &dst) != NULL;
}

static __always_inline int is_ours_ipv6(const void *p, const void *end)
{
	const struct ipv6hdr *ip = p;
	const struct nd_packet *nd = p;
	struct in6_addr address;

	if ((const void *)(ip + 1) > end)
		return 0;
	address = ip->daddr;
	if (bpf_map_lookup_elem(&ipv6, &address))
		return 1;
	if (ip->nexthdr != IPPROTO_ICMPV6 || (const void *)(nd + 1) > end ||
	    (nd->icmp.icmp6_type != ND_SOLICIT && nd->icmp.icmp6_type != ND_ADVERTISE))
		return 0;
	address = nd->target;
	return bpf_map_lookup_elem(&ipv6, &address) != NULL;
}

/* About an IP address of ours. */
static __always_inline int is_ours_by_address(const struct ethhdr *eth, const void *end)
{
	const void *p = eth + 1;
	__be16 type = eth->h_proto;

	if (type == bpf_htons(ETH_P_8021Q)) {
		const struct tag *tag = p;

		if ((const void *)(tag + 1) > end || tag->tci & bpf_htons(VID_MASK))
			return 0;
		type = tag->type;
		p = tag + 1;
	}
	if (type == bpf_htons(ETH_P_IP))
		return is_ours_ipv4(p, end);
	if (type == bpf_htons(ETH_P_ARP))
		return is_ours_arp(p, end);
	return type == bpf_htons(ETH_P_IPV6) && is_ours_ipv6(p, end);
}

static __always_inline int is_host(const struct ethhdr *eth, const struct steer_config *c)
{
	int differ = 0;

	for (int i = 0; i < ETH_ALEN; i++)
		differ |= eth->h_dest[i] ^ c->host_mac[i];
	return !differ;
}

static __always_inline int is_ours(const struct ethhdr *eth, const void *end,
				   const struct steer_config *c, struct tag beside)
{
	struct steer_mac dst;

	__builtin_memcpy(&dst, eth->h_dest, ETH_ALEN);
	if (bpf_map_lookup_elem(&macs, &dst))
		return 1;
	if (c->take == STEER_FOREIGN && !(dst.b[0] & 1) && !is_host(eth, c))
		return 1;
	if (!c->has_addresses || beside.tci & bpf_htons(VID_MASK) ||
	    (!(dst.b[0] & 1) && !is_host(eth, c)))
		return 0;
	return is_ours_by_address(eth, end);
}

/* Behind the addresses, where it was. */
static __always_inline int put_tag_back(struct xdp_md *ctx, struct tag beside)
{
	const struct ethhdr *old = (const void *)(long)ctx->data;
	const void *end = (const void *)(long)ctx->data_end;
	__u8 addresses[2 * ETH_ALEN];
	struct {
		__u8 addresses[2 * ETH_ALEN];
		__be16 type, tci;
	} * front;

	if ((const void *)(old + 1) > end)
		return -1;
	__builtin_memcpy(addresses, old, sizeof(addresses));
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct tag)))
		return -1;
	front = (void *)(long)ctx->data;
	if ((void *)(front + 1) > (void *)(long)ctx->data_end)
		return -1;
	__builtin_memcpy(front->addresses, addresses, sizeof(addresses));
	front->type = beside.type;
	front->tci = beside.tci;
	return 0;
}

/* `beside.type` is 0 when there is no tag beside the frame. */
static __always_inline int steer(struct xdp_md *ctx, struct tag beside)
{
	const void *end = (const void *)(long)ctx->data_end;
	const struct ethhdr *eth = (const void *)(long)ctx->data;
	const struct steer_config *c;
	__u32 first = 0;

	c = bpf_map_lookup_elem(&config, &first);
	if (!c || (const void *)(eth + 1) > end)
		return XDP_PASS;
	if (c->take != STEER_ALL && !is_ours(eth, end, c, beside))
		return XDP_PASS;
	if (beside.type && put_tag_back(ctx, beside) < 0)
		return XDP_DROP;
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}

#ifdef STEER_TAGS
/* The kernel's; `tci` is in the order of the host. */
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *type, __u16 *tci) __ksym;

static __always_inline struct tag tag_beside(struct xdp_md *ctx)
{
	__be16 type = 0;
	__u16 tci = 0;

	if (bpf_xdp_metadata_rx_vlan_tag(ctx, &type, &tci) != 0)
		type = 0;
	return (struct tag){.tci = bpf_htons(tci), .type = type};
}
#else
static __always_inline struct tag tag_beside(struct xdp_md *ctx)
{
	return (struct tag){0};
}
#endif

SEC("xdp")
int xdp_steer(struct xdp_md *ctx)
{
	return steer(ctx, tag_beside(ctx));
}

char xdp_steer_license[] SEC("license") = "GPL";
