/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_COPY_H
#define DATAPLANE_COPY_H

/* The one copy: from where a frame lies into the buffers of its receiver. */

#include <sys/uio.h>

#include "dataplane/frame.h"

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
