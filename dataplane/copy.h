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

#endif
