// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * For tc's hooks of a device, where the kernel has no VLAN interfaces: what goes out gets the tag
 * of VLAN 10, beside the frame as a VLAN interface leaves it to hardware; what comes in loses it.
 */

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

SEC("out")
int put_tag(struct __sk_buff *skb)
{
	bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 10);
	return 0;
}

SEC("in")
int take_tag(struct __sk_buff *skb)
{
	bpf_skb_vlan_pop(skb);
	return 0;
}

char tag_license[] SEC("license") = "GPL";
