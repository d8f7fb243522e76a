/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/umem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/wire.h"

#define CHUNK_MIN   2048u
#define CHUNKS	    (UMEM_RX_CHUNKS + UMEM_TX_CHUNKS)
#define HEADERS_MAX (sizeof(struct eth_hdr) + 2 * sizeof(struct vlan_tag))
#define HEADROOM    256u /* that the kernel keeps in front of a received frame */

static uint32_t chunk_max(void)
{
	return (uint32_t)sysconf(_SC_PAGESIZE);
}

unsigned umem_mtu_max(void)
{
	return chunk_max() - HEADROOM - HEADERS_MAX;
}

uint32_t umem_chunk_bytes(unsigned mtu)
{
	if (mtu + HEADERS_MAX + HEADROOM <= CHUNK_MIN)
		return CHUNK_MIN;
	return mtu <= umem_mtu_max() ? chunk_max() : 0;
}

static void hand_out(struct umem *u)
{
	uint32_t at = 0;

	xsk_ring_prod__reserve(&u->fill, UMEM_RX_CHUNKS, &at);
	for (uint32_t i = 0; i < UMEM_RX_CHUNKS; i++)
		*xsk_ring_prod__fill_addr(&u->fill, at + i) = (uint64_t)i * u->chunk_bytes;
	xsk_ring_prod__submit(&u->fill, UMEM_RX_CHUNKS);
	for (uint32_t i = 0; i < UMEM_TX_CHUNKS; i++)
		u->spare[u->n_spare++] = (uint64_t)(UMEM_RX_CHUNKS + i) * u->chunk_bytes;
}

struct umem *umem_create(uint32_t chunk_bytes, struct err *e)
{
	struct xsk_umem_config config = {
		.fill_size = UMEM_RX_CHUNKS,
		.comp_size = UMEM_TX_CHUNKS,
		.frame_size = chunk_bytes,
	};
	size_t bytes = (size_t)CHUNKS * chunk_bytes;
	struct umem *u = calloc(1, sizeof(*u));
	int ret;

	if (!u) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	u->chunk_bytes = chunk_bytes;
	u->area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (u->area == MAP_FAILED) {
		err_set(e, ENOMEM, "no memory for %zu MiB of frames", bytes >> 20);
		goto err_free;
	}
	ret = xsk_umem__create(&u->xsk, u->area, bytes, &u->fill, &u->completion, &config);
	if (ret < 0) {
		err_set(e, -ret, "cannot set up memory for an AF_XDP socket: %s%s", strerror(-ret),
			ret == -EPERM	       ? "; run weftd as root, or with CAP_NET_RAW"
			: ret == -ENOBUFS      ? "; raise the limit of locked memory, ulimit -l"
			: ret == -EAFNOSUPPORT ? "; the kernel lacks CONFIG_XDP_SOCKETS"
					       : "");
		goto err_unmap;
	}
	hand_out(u);
	return u;

err_unmap:
	munmap(u->area, bytes);
err_free:
	free(u);
	return NULL;
}

void umem_destroy(struct umem *u)
{
	if (!u)
		return;
	xsk_umem__delete(u->xsk);
	munmap(u->area, (size_t)CHUNKS * u->chunk_bytes);
	free(u);
}

void umem_refill(struct umem *u, const uint64_t *addrs, unsigned n)
{
	uint32_t at = 0;

	if (xsk_ring_prod__reserve(&u->fill, n, &at) != n)
		return;
	for (unsigned i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&u->fill, at + i) =
			addrs[i] & ~(uint64_t)(u->chunk_bytes - 1);
	xsk_ring_prod__submit(&u->fill, n);
}

void umem_reap(struct umem *u)
{
	uint32_t at = 0, n = xsk_ring_cons__peek(&u->completion, UMEM_TX_CHUNKS, &at);

	for (uint32_t i = 0; i < n; i++)
		u->spare[u->n_spare++] = *xsk_ring_cons__comp_addr(&u->completion, at + i);
	if (n)
		xsk_ring_cons__release(&u->completion, n);
}
