/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/xsk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dataplane/copy.h"

#define KICK_BATCH 32u /* frames that the kernel copies in one call, in copy mode */

static int bind_error(int code, const struct netdev *d, unsigned queue, struct err *e)
{
	switch (code) {
	case EBUSY:
		return err_set(e, EBUSY,
			       "another program has an AF_XDP socket on queue %u of %s; stop it",
			       queue, d->name);
	case ENETDOWN:
		return err_set(e, ENETDOWN, "%s is down; `ip link set %s up`", d->name, d->name);
	case EPERM:
		return err_set(e, EPERM,
			       "no permission for AF_XDP sockets; run weftd as root, or "
			       "with CAP_NET_RAW and CAP_NET_ADMIN");
	default:
		return err_set(e, code, "cannot bind an AF_XDP socket to queue %u of %s: %s", queue,
			       d->name, strerror(code));
	}
}

static bool is_zero_copy(int fd)
{
	struct xdp_options options = {0};
	socklen_t size = sizeof(options);

	return getsockopt(fd, SOL_XDP, XDP_OPTIONS, &options, &size) == 0 &&
	       (options.flags & XDP_OPTIONS_ZEROCOPY);
}

struct xsk *xsk_create(const struct netdev *d, unsigned queue, bool generic, struct err *e)
{
	struct xsk_socket_config config = {
		.rx_size = XSK_RING,
		.tx_size = XSK_RING,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = (__u16)(XDP_USE_NEED_WAKEUP | (generic ? XDP_COPY : 0)),
	};
	struct xsk *x = calloc(1, sizeof(*x));
	int ret = -ENOMEM;

	if (!x) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	x->umem = umem_create(umem_chunk_bytes(d->mtu), e);
	if (!x->umem)
		goto err_free;
	ret = xsk_socket__create(&x->socket, d->name, queue, x->umem->xsk, &x->rx, &x->tx, &config);
	if (ret < 0) {
		bind_error(-ret, d, queue, e);
		goto err_umem;
	}
	x->fd = xsk_socket__fd(x->socket);
	x->zero_copy = is_zero_copy(x->fd);
	return x;

err_umem:
	umem_destroy(x->umem);
err_free:
	free(x);
	errno = -ret;
	return NULL;
}

void xsk_destroy(struct xsk *x)
{
	if (!x)
		return;
	xsk_socket__delete(x->socket);
	umem_destroy(x->umem);
	free(x);
}

/* --- receiving -------------------------------------------------------------------------------- */

static inline void read_frame(const struct umem *u, const struct xdp_desc *d, struct burst *b,
			      struct frame *f)
{
	const uint8_t *p = umem_at(u, d->addr);

	f->len = d->len;
	f->head_len = (uint16_t)MIN_OF(d->len, (uint32_t)FRAME_HEAD_MAX);
	memcpy(f->head, p, f->head_len);
	f->vnet = (struct vnet){0};
	f->bad = d->len < sizeof(struct eth_hdr) ? DROP_RUNT : DROP_NONE;
	f->segs = &b->segs[b->n_segs];
	f->n_segs = d->len > f->head_len;
	if (f->n_segs)
		b->segs[b->n_segs++] = (struct seg){p + f->head_len, d->len - f->head_len};
}

/* The driver stopped for want of memory, which it has been given since. */
static void wake_driver(struct xsk *x)
{
	if (xsk_ring_prod__needs_wakeup(&x->umem->fill))
		recvfrom(x->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

/*
 * How many of a burst are there, those that an earlier look left included. libxdp's own look does
 * not ask the kernel for more while there is one frame, which may be one that has to wait.
 */
static inline uint32_t count_waiting(struct xsk_ring_cons *rx)
{
	uint32_t n = rx->cached_prod - rx->cached_cons;

	if (n < BURST_MAX) {
		rx->cached_prod = __atomic_load_n(rx->producer, __ATOMIC_ACQUIRE);
		n = rx->cached_prod - rx->cached_cons;
	}
	return MIN_OF(n, (uint32_t)BURST_MAX);
}

unsigned xsk_peek(struct xsk *x, struct burst *b)
{
	uint32_t n = count_waiting(&x->rx), at = x->rx.cached_cons;

	if (n == 0) {
		wake_driver(x);
		return 0;
	}
	for (uint32_t i = 0; i < n; i++)
		__builtin_prefetch(umem_at(x->umem, xsk_ring_cons__rx_desc(&x->rx, at + i)->addr));
	for (uint32_t i = 0; i < n; i++)
		read_frame(x->umem, xsk_ring_cons__rx_desc(&x->rx, at + i), b, &b->frames[i]);
	return b->n = n;
}

void xsk_release(struct xsk *x, unsigned n)
{
	uint64_t addrs[BURST_MAX];
	uint32_t at = 0;

	n = xsk_ring_cons__peek(&x->rx, n, &at);
	for (uint32_t i = 0; i < n; i++)
		addrs[i] = xsk_ring_cons__rx_desc(&x->rx, at + i)->addr;
	xsk_ring_cons__release(&x->rx, n);
	umem_refill(x->umem, addrs, n);
}

bool xsk_has_frames(struct xsk *x)
{
	if (xsk_cons_nb_avail(&x->rx, 1))
		return true;
	wake_driver(x);
	return xsk_cons_nb_avail(&x->rx, 1);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* Every chunk for sending has its place in the transmit ring. */
static_assert(UMEM_TX_CHUNKS <= XSK_RING, "room for a chunk is room in the ring");

bool xsk_room(struct xsk *x, unsigned n)
{
	if (x->umem->n_spare < n)
		umem_reap(x->umem);
	return x->umem->n_spare >= n;
}

void xsk_put(struct xsk *x, const struct slice *s)
{
	uint64_t addr = x->umem->spare[--x->umem->n_spare];
	struct iovec iov = {umem_at(x->umem, addr), x->umem->chunk_bytes};
	uint32_t at = 0;

	slice_copy(s, &iov, 1, 0);
	xsk_ring_prod__reserve(&x->tx, 1, &at);
	*xsk_ring_prod__tx_desc(&x->tx, at) = (struct xdp_desc){.addr = addr, .len = slice_len(s)};
	x->n_put++;
}

/*
 * The kernel says EAGAIN when its batch is full, and when the device has no room; EBUSY when it
 * lost a frame because there is no link.
 */
void xsk_kick(struct xsk *x)
{
	int ret = 0;

	for (unsigned i = 0; i <= XSK_RING / KICK_BATCH; i++) {
		uint32_t left = xsk_prod_nb_free(&x->tx, XSK_RING);

		x->kicks++;
		ret = (int)sendto(x->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
		if (ret >= 0 || (errno != EAGAIN && errno != EBUSY) ||
		    xsk_prod_nb_free(&x->tx, XSK_RING) == left)
			break;
	}
	atomic_store_explicit(&x->unkicked, ret < 0 && errno != ENETDOWN && errno != ENXIO,
			      memory_order_relaxed);
}

void xsk_flush(struct xsk *x)
{
	if (x->n_put == 0)
		return;
	xsk_ring_prod__submit(&x->tx, x->n_put);
	x->n_put = 0;
	if (xsk_ring_prod__needs_wakeup(&x->tx))
		xsk_kick(x);
}

void xsk_counts(const struct xsk *x, struct xsk_counts *counts)
{
	struct xdp_statistics s = {0};
	socklen_t size = sizeof(s);

	getsockopt(x->fd, SOL_XDP, XDP_STATISTICS, &s, &size);
	*counts = (struct xsk_counts){.rx_dropped = s.rx_dropped,
				      .rx_ring_full = s.rx_ring_full,
				      .rx_no_chunk = s.rx_fill_ring_empty_descs,
				      .tx_invalid = s.tx_invalid_descs};
}
