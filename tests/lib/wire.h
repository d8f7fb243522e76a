/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_WIRE_H
#define TESTS_LIB_WIRE_H

/*
 * A network device for a port to be on, and the other end of its wire in the test's hands: a veth
 * pair, `nic0` and `wire0`, in a network namespace of the calling thread's own. The kernel is kept
 * from sending anything of its own on it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/mac.h"

#define WIRE_DEV "nic0"

/* Moves the thread into a new namespace. False without the right to. */
bool wire_namespace(void);

/* Makes the pair, up, with more arguments for `ip link add`; takes it away. */
void wire_create(const char *arguments);
void wire_destroy(void);

/* Runs `ip` with arguments and expects it to work. */
void wire_ip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A packet socket on device `dev`; close it with close. */
int wire_open(const char *dev);
void wire_send(int fd, const void *frame, uint32_t len);
/* The next frame that came in within `wait_ms`; its length, or 0. */
uint32_t wire_receive(int fd, void *frame, uint32_t size, unsigned wait_ms);

/* Gives a device of the pair `n` queues each way. */
void wire_set_queues(const char *dev, unsigned n);

struct mac wire_mac(const char *dev);

/* The number of the XDP program on device `dev`; 0: none. */
uint32_t wire_xdp_program(const char *dev);
/* A program and its maps, and how many of them still exist. */
struct wire_bpf {
	uint32_t program, maps[16], n_maps;
};
struct wire_bpf wire_bpf_of(uint32_t program);
unsigned wire_bpf_count(const struct wire_bpf *b);

#endif
