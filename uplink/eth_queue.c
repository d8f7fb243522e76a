/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/eth_queue.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "common/util.h"
#include "dataplane/copy.h"

#define IOV_MAX_SEGS 64 /* of a slice: 64 KiB in mbufs of 2 KiB, and some */

/* --- receiving -------------------------------------------------------------------------------- */

/* Copies the first `room` bytes of a chain to `to` and borrows the rest. Returns what it copied. */
static uint32_t split(const struct rte_mbuf *m, uint8_t *to, uint32_t room, struct burst *b,
		      struct frame *f)
{
	uint32_t copied = 0;

	for (; m; m = m->next) {
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
		uint32_t n = MIN_OF((uint32_t)m->data_len, room - copied);

		memcpy(to + copied, p, n);
		copied += n;
		if (n == m->data_len)
			continue;
		if (b->n_segs == BURST_SEGS_MAX) {
			f->bad = DROP_TOO_MANY_SEGMENTS;
			break;
		}
		b->segs[b->n_segs++] = (struct seg){p + n, m->data_len - n};
		f->n_segs++;
	}
	return copied;
}

/* The driver took a tag off: it goes back to where it was, behind the addresses. */
static void put_tag_back(struct frame *f, uint32_t own, uint16_t tci)
{
	const uint32_t addresses = 2 * sizeof(struct mac);
	__be16 tag[2] = {htons(WIRE_ETHERTYPE_8021Q), htons(tci)};

	memmove(f->head + addresses + sizeof(tag), f->head + addresses, own - addresses);
	memcpy(f->head + addresses, tag, sizeof(tag));
	f->head_len = (uint16_t)(own + sizeof(tag));
	f->len += sizeof(tag);
}

static void read_frame(const struct rte_mbuf *m, struct burst *b, struct frame *f)
{
	bool stripped =
		m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED && m->pkt_len >= sizeof(struct eth_hdr);
	uint32_t own;

	f->len = m->pkt_len;
	f->vnet = (struct vnet){0};
	f->n_segs = 0;
	f->segs = &b->segs[b->n_segs];
	f->bad = f->len < sizeof(struct eth_hdr) ? DROP_RUNT
		 : f->len > FRAME_LEN_MAX	 ? DROP_OVERSIZE
						 : DROP_NONE;
	own = split(m, f->head, FRAME_HEAD_MAX - (stripped ? VLAN_TAG_LEN : 0), b, f);
	f->head_len = (uint16_t)own;
	if (stripped)
		put_tag_back(f, own, m->vlan_tci);
}

unsigned eth_queue_peek(struct eth_queue *q, struct burst *b)
{
	if (q->n_window < BURST_MAX)
		q->n_window += rte_eth_rx_burst(q->device, q->index, q->window + q->n_window,
						(uint16_t)(BURST_MAX - q->n_window));
	for (unsigned i = 0; i < q->n_window; i++)
		rte_prefetch0(rte_pktmbuf_mtod(q->window[i], void *));
	for (unsigned i = 0; i < q->n_window; i++)
		read_frame(q->window[i], b, &b->frames[i]);
	return b->n = q->n_window;
}

void eth_queue_release(struct eth_queue *q, unsigned n)
{
	rte_pktmbuf_free_bulk(q->window, n);
	q->n_window = (uint16_t)(q->n_window - n);
	memmove(q->window, q->window + n, q->n_window * sizeof(q->window[0]));
}

/* --- sending ---------------------------------------------------------------------------------- */

bool eth_queue_room(struct eth_queue *q, unsigned n, uint32_t bytes)
{
	unsigned mbufs = n + (n == 1 ? bytes / q->room_bytes : 0);

	return q->n_pending + n <= ETH_QUEUE_PENDING &&
	       rte_mempool_avail_count(q->tx_pool) >= mbufs;
}

/* Mbufs for `len` bytes, as one chain and as what slice_copy writes to. */
static struct rte_mbuf *alloc_chain(struct eth_queue *q, uint32_t len, struct iovec *iov,
				    unsigned *n)
{
	struct rte_mbuf *first = NULL, **next = &first, *m;

	for (*n = 0; len > 0; len -= iov[(*n)++].iov_len) {
		m = *n < IOV_MAX_SEGS ? rte_pktmbuf_alloc(q->tx_pool) : NULL;
		if (!m) {
			rte_pktmbuf_free(first);
			return NULL;
		}
		iov[*n] = (struct iovec){rte_pktmbuf_mtod(m, void *), MIN_OF(len, q->room_bytes)};
		m->data_len = (uint16_t)iov[*n].iov_len;
		*next = m;
		next = &m->next;
		first->pkt_len += m->data_len;
		first->nb_segs = (uint16_t)(*n + 1);
	}
	return first;
}

static uint64_t ip_flags(struct rte_mbuf *m, const struct frame_layout *l, bool segment)
{
	struct ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct ipv4_hdr *, l->l3);

	if (l->ipv6)
		return RTE_MBUF_F_TX_IPV6;
	if (!segment)
		return RTE_MBUF_F_TX_IPV4;
	ip->csum = 0; /* each segment's is computed */
	return RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
}

/* A NIC that segments wants the pseudo-header's sum without a length in it. */
static void prepare_segmentation(struct rte_mbuf *m, const struct frame_layout *l, uint16_t size)
{
	void *ip = rte_pktmbuf_mtod_offset(m, void *, l->l3);
	struct tcp_hdr *tcp = rte_pktmbuf_mtod_offset(m, struct tcp_hdr *, l->l4);

	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	m->tso_segsz = size;
	m->l4_len = (tcp->data_off >> 4) * 4u;
	tcp->csum = l->ipv6 ? rte_ipv6_phdr_cksum(ip, m->ol_flags)
			    : rte_ipv4_phdr_cksum(ip, m->ol_flags);
}

/* Turns what virtio-net calls NEEDS_CSUM and gso_type into DPDK's flags. */
static void leave_to_nic(struct rte_mbuf *m, const struct slice *s, const struct frame_layout *l)
{
	bool segment = s->vnet.gso_type != VNET_GSO_NONE;

	m->l2_len = l->l3;
	m->l3_len = (uint64_t)(l->l4 - l->l3);
	m->ol_flags |= ip_flags(m, l, segment);
	m->ol_flags |=
		l->proto == WIRE_PROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	if (segment)
		prepare_segmentation(m, l, s->vnet.gso_size);
}

/* NICs know the checksums of TCP and UDP alone, where they are looked for. */
static bool is_for_nic(const struct slice *s, struct frame_layout *l)
{
	struct frame f = {.len = slice_len(s),
			  .head_len = (uint16_t)MIN_OF(s->hdr_len, (uint32_t)FRAME_HEAD_MAX)};

	memcpy(f.head, s->hdr, f.head_len);
	return frame_parse_l4(&f, l) == DROP_NONE && !l->routed && s->vnet.csum_start == l->l4;
}

void eth_queue_put(struct eth_queue *q, const struct slice *s)
{
	struct iovec iov[IOV_MAX_SEGS];
	struct slice as = *s;
	struct frame_layout l;
	struct rte_mbuf *m;
	unsigned n;
	bool leave = !s->plain && !s->complete_csum && (s->vnet.flags & VNET_NEEDS_CSUM);

	if (leave && !is_for_nic(s, &l)) {
		as.complete_csum = true;
		leave = false;
	}
	m = alloc_chain(q, slice_len(s), iov, &n);
	if (!m)
		return;
	slice_copy(&as, iov, n, 0);
	if (leave)
		leave_to_nic(m, s, &l);
	q->pending[q->n_pending++] = m;
}

void eth_queue_flush(struct eth_queue *q)
{
	uint32_t n = q->n_pending, sent = 0;

	while (sent < n) {
		uint16_t took = rte_eth_tx_burst(q->device, q->index, q->pending + sent,
						 (uint16_t)(n - sent));

		if (took == 0)
			break;
		sent += took;
	}
	memmove(q->pending, q->pending + sent, (n - sent) * sizeof(q->pending[0]));
	atomic_store_explicit(&q->n_pending, n - sent, memory_order_relaxed);
}

void eth_queue_fini(struct eth_queue *q)
{
	rte_pktmbuf_free_bulk(q->window, q->n_window);
	rte_pktmbuf_free_bulk(q->pending, q->n_pending);
	rte_mempool_free(q->rx_pool);
	rte_mempool_free(q->tx_pool);
	memset(q, 0, sizeof(*q));
}
