/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_COPY_H
#define DATAPLANE_COPY_H

/* The one copy: from where a frame lies into the buffers of its receiver. */

#include <string.h>
#include <sys/uio.h>

#include "dataplane/frame.h"

/*
 * The first bytes of a frame, at most FRAME_HEAD_MAX, to or from `head`. Blocks of 16, of which the
 * last overlaps the one before: no byte beyond `len` is touched. Inline, for each frame is copied
 * so twice.
 */
static inline __attribute__((always_inline)) void copy_head(uint8_t *dst, const uint8_t *src,
							    uint32_t len)
{
	if (len < 16) {
		for (uint32_t i = 0; i < len; i++)
			dst[i] = src[i];
		return;
	}
	for (uint32_t i = 0; i < len - 16; i += 16)
		memcpy(dst + i, src + i, 16);
	memcpy(dst + len - 16, src + len - 16, 16);
}

/* The whole frame as it is, to `f->len` bytes at `dst`. */
void frame_copy(const struct frame *f, uint8_t *dst);

/*
 * Writes the slice's headers and payload into `iov` (`n` buffers, whose room from byte `skip` on
 * is at least slice_len; `skip` lies inside the first buffer). Completes the checksum on the way
 * when the slice asks for it (RFC 1071; a UDP sum of zero becomes 0xffff, RFC 768).
 */
void slice_copy(const struct slice *s, const struct iovec *iov, unsigned n, uint32_t skip);

/*
 * Lists where the slice's bytes lie, without copying them, for a receiver that gathers them itself.
 * Returns the number of entries; 0 when they are more than `max`. A checksum that is to be
 * completed is not.
 */
unsigned slice_iov(const struct slice *s, struct iovec *iov, unsigned max);

#endif
