/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_STEER_H
#define UPLINK_STEER_H

/*
 * The XDP program of one device, as the process sees it: loaded, attached, fed with addresses.
 *
 * It is attached by a BPF link that only this process holds. Program, maps and link have no name in
 * any file system, so the kernel takes them down with the process, however that ends; a dispatcher
 * as libxdp's, which is pinned, would stay. The price is that a device has one XDP program at a
 * time, ours or somebody else's. Control thread.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mac.h"
#include "uplink/xdp_steer.h"

struct steer;

/*
 * Loads the program with its maps empty: it takes nothing. With `ifindex` in the form that knows
 * VLAN tags which that device keeps beside its frames, and can be attached to it alone and
 * natively, where kernel and driver tell of such tags; 0: in the other. NULL and errno with the
 * reason in `e`.
 */
struct steer *steer_create(unsigned ifindex, struct err *e);
/* Detaches the program and forgets it. Accepts NULL. */
void steer_destroy(struct steer *s);

/*
 * Attaches the program to a device, natively in its driver or generically in the kernel's stack.
 * -EOPNOTSUPP: the driver has no XDP, or not with the device as it is set up; -EBUSY: the device
 * has a program already.
 */
int steer_attach(struct steer *s, unsigned ifindex, bool native, struct err *e);
void steer_detach(struct steer *s);

/* Whether it is the form that knows VLAN tags beside frames. */
bool steer_knows_tags(const struct steer *s);

/* What is taken from the kernel; `host_mac` is the address that the host keeps. In force at once.
 */
int steer_set_take(struct steer *s, enum steer_take take, const struct mac *host_mac,
		   struct err *e);

/* Frames of receive queue `queue` that are ours go to the AF_XDP socket `fd`. */
int steer_set_socket(struct steer *s, unsigned queue, int fd, struct err *e);

/*
 * What is ours from now on, in place of what was: the kernel's frames and ours that stay ours are
 * not disturbed. `ipv4` is in the order of the wire.
 */
struct steer_addresses {
	const struct mac *macs;
	unsigned n_macs;
	const uint32_t *ipv4;
	unsigned n_ipv4;
	const struct in6_addr *ipv6;
	unsigned n_ipv6;
};
int steer_set_addresses(struct steer *s, const struct steer_addresses *a, struct err *e);

/* The loaded program, for tests. */
int steer_program_fd(const struct steer *s);

#endif
