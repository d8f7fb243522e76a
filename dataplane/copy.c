/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/copy.h"

#include <cpuid.h>

#include <rte_memcpy.h>

#include "common/cksum.h"

/*
 * Three ways to copy, by length. A guest's large frame and the buffers it goes to are all aligned
 * to pages, so source and destination have the same place in theirs. libc's memcpy then goes
 * backwards in each page (it takes them for overlapping), which is a third slower: the hardware's
 * prefetch runs ahead only. The processor's own string instruction goes forwards and is as fast as
 * memory.
 *
 * Payload is written before the headers when a checksum has to be completed: its sum then goes
 * into a private copy of the headers, and the receiver's memory is never read back.
 */

#define INLINE_COPY_MAX	 256 /* above it, libc's memcpy picks the widest vectors of the machine */

#define STRING_COPY_MIN	 2048	   /* below it, the string instruction takes long to start */
#define CPUID_7_EBX_ERMS (1u << 9) /* enhanced rep movsb: fast at any alignment */

#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
#define copy_large memcpy /* which the sanitizers see; clang is for them and for warnings */
#else
static void *copy_by_string(void *dst, const void *src, size_t len)
{
	void *to = dst;

	asm volatile("rep movsb" : "+D"(to), "+S"(src), "+c"(len) : : "memory");
	return dst;
}

/* Runs once, when the program is loaded. */
static void *(*resolve_copy_large(void))(void *, const void *, size_t)
{
	unsigned a, b = 0, c, d;

	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & CPUID_7_EBX_ERMS))
		return copy_by_string;
	return memcpy;
}

static void *copy_large(void *dst, const void *src, size_t len)
	__attribute__((ifunc("resolve_copy_large")));
#endif

struct sink {
	const struct iovec *iov;
	size_t off; /* in iov[0] */
};

static inline void copy_bytes(void *dst, const void *src, size_t len)
{
	if (len <= INLINE_COPY_MAX)
		rte_memcpy(dst, src, len);
	else if (len < STRING_COPY_MIN)
		memcpy(dst, src, len);
	else
		copy_large(dst, src, len);
}

static void sink_skip(struct sink *k, size_t len)
{
	while (len > 0 && len >= k->iov->iov_len - k->off) {
		len -= k->iov->iov_len - k->off;
		k->iov++;
		k->off = 0;
	}
	k->off += len;
}

/* Where a piece starts at an odd offset of the summed range, its sum counts byte-swapped. */
struct summer {
	uint32_t sum;
	bool odd;
};

static void sum_piece(struct summer *m, uint32_t piece, size_t len)
{
	m->sum = cksum_add32(m->sum, m->odd ? cksum_swap(piece) : piece);
	m->odd ^= len & 1;
}

/* Writes `len` bytes; adds them to `m` unless it is NULL. */
static void sink_write(struct sink *k, const uint8_t *src, size_t len, struct summer *m)
{
	while (len > 0) {
		size_t room = k->iov->iov_len - k->off;
		size_t n = len < room ? len : room;
		uint8_t *dst = (uint8_t *)k->iov->iov_base + k->off;

		if (m)
			sum_piece(m, cksum_copy(0, dst, src, n), n);
		else
			copy_bytes(dst, src, n);
		src += n;
		len -= n;
		k->off += n;
		if (n == room) {
			k->iov++;
			k->off = 0;
		}
	}
}

/* Writes bytes off..off+len of the frame, the head's share first. */
static void sink_write_frame(struct sink *k, const struct frame *f, uint32_t off, uint32_t len,
			     struct summer *m)
{
	const struct seg *seg = f->segs;

	if (len && off < f->head_len) {
		uint32_t n = f->head_len - off < len ? f->head_len - off : len;

		sink_write(k, f->head + off, n, m);
		off += n;
		len -= n;
	}
	off -= f->head_len < off ? f->head_len : off;
	for (; len > 0; seg++) {
		uint32_t n;

		if (off >= seg->len) {
			off -= seg->len;
			continue;
		}
		n = seg->len - off < len ? seg->len - off : len;
		sink_write(k, seg->p + off, n, m);
		len -= n;
		off = 0;
	}
}

static void copy_completing(const struct slice *s, struct sink header_at)
{
	uint32_t start = s->vnet.csum_start, field = start + s->vnet.csum_offset;
	uint8_t hdr[SLICE_HDR_MAX];
	struct sink payload_at = header_at;
	struct summer m = {.sum = cksum_add(0, s->hdr + start, s->hdr_len - start),
			   .odd = (s->hdr_len - start) & 1};
	uint16_t sum;

	sink_skip(&payload_at, s->hdr_len);
	sink_write_frame(&payload_at, s->frame, s->off, s->len, &m);
	sum = cksum_finish(m.sum);
	if (sum == 0 && s->vnet.csum_offset == offsetof(struct udp_hdr, csum))
		sum = 0xffff;
	memcpy(hdr, s->hdr, s->hdr_len);
	memcpy(hdr + field, &sum, sizeof(sum));
	sink_write(&header_at, hdr, s->hdr_len, NULL);
}

void frame_copy(const struct frame *f, uint8_t *dst)
{
	copy_head(dst, f->head, f->head_len);
	dst += f->head_len;
	for (unsigned i = 0; i < f->n_segs; i++) {
		copy_bytes(dst, f->segs[i].p, f->segs[i].len);
		dst += f->segs[i].len;
	}
}

void slice_copy(const struct slice *s, const struct iovec *iov, unsigned n, uint32_t skip)
{
	struct sink k = {.iov = iov, .off = skip};

	if (!s->plain && s->complete_csum) {
		copy_completing(s, k);
		return;
	}
	if (n == 1 && s->len == 0) {
		copy_bytes((uint8_t *)iov->iov_base + skip, s->hdr, s->hdr_len);
		return;
	}
	sink_write(&k, s->hdr, s->hdr_len, NULL);
	sink_write_frame(&k, s->frame, s->off, s->len, NULL);
}

unsigned slice_iov(const struct slice *s, struct iovec *iov, unsigned max)
{
	const struct frame *f = s->frame;
	const struct seg *seg = f->segs, *end = seg + f->n_segs;
	uint32_t off = s->off, len = s->len;
	unsigned n = 0;

	iov[n++] = (struct iovec){(void *)s->hdr, s->hdr_len};
	if (len && off < f->head_len) {
		uint32_t share = f->head_len - off < len ? f->head_len - off : len;

		iov[n++] = (struct iovec){(void *)(f->head + off), share};
		off += share;
		len -= share;
	}
	off -= f->head_len < off ? f->head_len : off;
	for (; len > 0 && seg < end; seg++) {
		uint32_t share;

		if (off >= seg->len) {
			off -= seg->len;
			continue;
		}
		if (n == max)
			return 0;
		share = seg->len - off < len ? seg->len - off : len;
		iov[n++] = (struct iovec){(void *)(seg->p + off), share};
		len -= share;
		off = 0;
	}
	return n;
}
