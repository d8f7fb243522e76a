/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_HOSTTAP_H
#define TESTS_LIB_HOSTTAP_H

/*
 * The host's side of a tap, for tests: a network namespace without anything else in it, and a
 * packet socket on the interface that sends and receives frames with their offload fields, as a
 * stack would, without a stack that adds frames of its own.
 */

#include "dataplane/frame.h"

struct hosttap {
	int fd;
};

struct hostframe {
	struct vnet vnet;
	uint32_t len;
	uint8_t bytes[FRAME_LEN_MAX];
};

/*
 * Moves the process to a namespace of its own, in which interfaces have no IPv6 and so no frames of
 * their own. Ends it with status 77 where the machine has no /dev/net/tun.
 */
void hosttap_namespace(void);

/* Opens and closes the socket on an interface of the namespace. */
void hosttap_open(struct hosttap *h, const char *interface);
void hosttap_close(struct hosttap *h);

/* What the host sends to weft. */
void hosttap_send(struct hosttap *h, const struct vnet *vnet, const void *bytes, uint32_t len);
/* What weft sent to the host: false when nothing came within `wait_ms`. */
bool hosttap_recv(struct hosttap *h, struct hostframe *f, int wait_ms);

#endif
