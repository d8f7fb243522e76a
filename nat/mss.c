/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/mss.h"

#include <stddef.h>

#include "nat/rewrite.h"

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_MSS = 2, OPTION_MSS_LEN = 4 };

/* Offset of the value of the MSS option in the frame, or 0. */
static unsigned find_mss(const struct packet *p)
{
	const struct tcp_hdr *tcp = (const void *)(p->frame->head + p->l4);
	unsigned at = p->l4 + (unsigned)sizeof(*tcp);
	unsigned end = p->l4 + (tcp->data_off >> 4) * 4u;
	const uint8_t *head = p->frame->head;

	if (end > p->frame->head_len)
		end = p->frame->head_len;
	while (at + 1 < end && head[at] != OPTION_END) {
		if (head[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (head[at] == OPTION_MSS && head[at + 1] == OPTION_MSS_LEN &&
		    at + OPTION_MSS_LEN <= end)
			return at + 2;
		if (head[at + 1] < 2)
			return 0;
		at += head[at + 1];
	}
	return 0;
}

void mss_clamp(struct packet *p, uint16_t mtu)
{
	struct tcp_hdr *tcp = (void *)(p->frame->head + p->l4);
	unsigned headers = (p->ipv6 ? sizeof(struct ipv6_hdr) : sizeof(struct ipv4_hdr)) +
			   sizeof(struct tcp_hdr);
	unsigned at = find_mss(p), most = mtu - headers;
	uint8_t *head = p->frame->head;
	uint32_t delta;
	uint16_t mss;

	if (!at || mtu <= headers)
		return;
	mss = (uint16_t)(head[at] << 8 | head[at + 1]);
	if (mss <= most)
		return;
	delta = cksum_fold((uint32_t)(uint16_t)~mss + most);
	head[at] = (uint8_t)(most >> 8);
	head[at + 1] = (uint8_t)most;
	if (rewrite_is_partial(p->frame, p->l4 + offsetof(struct tcp_hdr, csum)))
		return;
	/* Sums are of words in memory order; at an odd place the value's bytes are in two of them.
	 */
	if (!((at - p->l4) & 1))
		delta = (delta & 0xff) << 8 | delta >> 8;
	tcp->csum = rewrite_whole(tcp->csum, delta);
}
