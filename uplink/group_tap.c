/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/group_tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"

#define BLOCK_BYTES   65536u
#define SLOT_OVERHEAD 128u /* of a slot: the kernel's header and alignment */

/* Accepts what the kernel calls broadcast or multicast, whole; nothing else, least of all its own.
 */
static struct sock_filter group_filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_BROADCAST, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_MULTICAST, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 0x40000),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static int set(int fd, int level, int option, const void *value, socklen_t size)
{
	return setsockopt(fd, level, option, value, size) < 0 ? -errno : 0;
}

static int set_up_socket(int fd, uint32_t slot_bytes)
{
	struct sock_fprog filter = {ARRAY_SIZE(group_filter), group_filter};
	struct tpacket_req ring = {
		.tp_block_size = BLOCK_BYTES,
		.tp_block_nr = GROUP_TAP_SLOTS * slot_bytes / BLOCK_BYTES,
		.tp_frame_size = slot_bytes,
		.tp_frame_nr = GROUP_TAP_SLOTS,
	};
	int ret = set(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));

	if (ret == 0)
		ret = set(fd, SOL_PACKET, PACKET_VERSION, &(int){TPACKET_V2}, sizeof(int));
	if (ret == 0)
		ret = set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &(int){1}, sizeof(int));
	return ret == 0 ? set(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)) : ret;
}

/* Receiving begins here, with everything else in place. */
static int listen_on(int fd, unsigned ifindex)
{
	struct packet_mreq all = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_ALLMULTI};
	struct sockaddr_ll where = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)ifindex,
	};
	int ret = set(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all));

	if (ret == 0 && bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0)
		ret = -errno;
	return ret;
}

static int open_ring(struct group_tap *t, unsigned ifindex)
{
	size_t bytes = (size_t)GROUP_TAP_SLOTS * t->slot_bytes;
	int ret;

	t->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return -errno;
	ret = set_up_socket(t->fd, t->slot_bytes);
	if (ret < 0)
		goto err_close;
	t->ring = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, 0);
	if (t->ring == MAP_FAILED) {
		ret = -errno;
		goto err_close;
	}
	ret = listen_on(t->fd, ifindex);
	if (ret < 0)
		goto err_unmap;
	return 0;

err_unmap:
	munmap(t->ring, bytes);
err_close:
	close(t->fd);
	return ret;
}

struct group_tap *group_tap_create(unsigned ifindex, unsigned mtu, struct err *e)
{
	struct group_tap *t = calloc(1, sizeof(*t));
	int ret;

	if (!t) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	t->slot_bytes = mtu + SLOT_OVERHEAD <= 2048 ? 2048 : 4096;
	while (t->slot_bytes < mtu + SLOT_OVERHEAD)
		t->slot_bytes *= 2;
	ret = open_ring(t, ifindex);
	if (ret < 0) {
		err_set(e, -ret, "cannot get copies of broadcasts: %s", strerror(-ret));
		free(t);
		errno = -ret;
		return NULL;
	}
	return t;
}

void group_tap_destroy(struct group_tap *t)
{
	if (!t)
		return;
	munmap(t->ring, (size_t)GROUP_TAP_SLOTS * t->slot_bytes);
	close(t->fd);
	free(t);
}

static struct tpacket2_hdr *slot(const struct group_tap *t, uint32_t i)
{
	return (struct tpacket2_hdr *)(t->ring + (size_t)(i % GROUP_TAP_SLOTS) * t->slot_bytes);
}

static uint32_t status(const struct tpacket2_hdr *h)
{
	return __atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE);
}

bool group_tap_has_frames(const struct group_tap *t)
{
	return status(slot(t, t->first)) & TP_STATUS_USER;
}

/* Copies the first bytes, with the tag that the kernel took off where it was. Returns how many of
 * the frame's own bytes are in the head. */
static uint32_t fill_head(struct frame *f, const uint8_t *p, const struct tpacket2_hdr *h)
{
	const uint32_t addresses = 2 * sizeof(struct mac);
	bool tagged =
		h->tp_status & TP_STATUS_VLAN_VALID && h->tp_snaplen >= sizeof(struct eth_hdr);
	uint32_t room = FRAME_HEAD_MAX - (tagged ? VLAN_TAG_LEN : 0);
	uint32_t own = MIN_OF(h->tp_snaplen, room);
	uint16_t type =
		h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->tp_vlan_tpid : WIRE_ETHERTYPE_8021Q;
	__be16 tag[2] = {htons(type), htons(h->tp_vlan_tci)};

	if (!tagged) {
		memcpy(f->head, p, own);
	} else {
		memcpy(f->head, p, addresses);
		memcpy(f->head + addresses, tag, sizeof(tag));
		memcpy(f->head + addresses + sizeof(tag), p + addresses, own - addresses);
	}
	f->head_len = (uint16_t)(own + FRAME_HEAD_MAX - room);
	f->len = h->tp_snaplen + FRAME_HEAD_MAX - room;
	return own;
}

static void read_frame(const struct tpacket2_hdr *h, struct burst *b, struct frame *f)
{
	const uint8_t *p = (const uint8_t *)h + h->tp_mac;
	uint32_t own = fill_head(f, p, h);

	f->vnet = (struct vnet){0};
	f->bad = f->len < sizeof(struct eth_hdr) ? DROP_RUNT : DROP_NONE;
	if (h->tp_snaplen < h->tp_len)
		f->bad = DROP_OVERSIZE;
	f->segs = &b->segs[b->n_segs];
	f->n_segs = h->tp_snaplen > own;
	if (f->n_segs)
		b->segs[b->n_segs++] = (struct seg){p + own, h->tp_snaplen - own};
}

unsigned group_tap_peek(const struct group_tap *t, struct burst *b)
{
	while (b->n < BURST_MAX && status(slot(t, t->first + b->n)) & TP_STATUS_USER) {
		read_frame(slot(t, t->first + b->n), b, &b->frames[b->n]);
		b->n++;
	}
	return b->n;
}

void group_tap_release(struct group_tap *t, unsigned n)
{
	for (; n > 0; n--, t->first++)
		__atomic_store_n(&slot(t, t->first)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}
