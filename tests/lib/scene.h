/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_SCENE_H
#define TESTS_LIB_SCENE_H

/*
 * The scene of an attack on port a, and what is checked after it: guests on ports b and c go on,
 * nothing leaks, a well-behaved guest can use port a again, and port a says what was wrong.
 */

#include "tests/lib/test.h"
#include "tests/lib/attacknet.h"

#define SCENE_WAIT_MS  3000
#define SCENE_OFFLOADS (DRIVER_FEATURES_BASIC | DRIVER_FEATURES_TSO)

struct scene {
	struct attacknet *net;
	unsigned fds; /* open before the attack */
	long rss_kb;
};

/* One switch for all tests of a program: a test finds it as the attacks before it left it. */
int scene_setup_group(void **state);
int scene_teardown_group(void **state);
int scene_setup(void **state);

/* Takes what is open and used now as what may be open and used after the attack. */
void scene_remember(struct scene *s);
void scene_assert_unharmed(struct scene *s);

/* A frontend of port a that has said nothing yet. */
void scene_connect(struct scene *s, struct frontend *f);
bool scene_is_closed(const struct frontend *f, int timeout_ms);

/* Sends one message in a session of its own; the connection is closed and port/show says `why`. */
void scene_assert_refused(struct scene *s, const struct frontend_msg *m, const int *fds,
			  unsigned n_fds, const char *why);

struct frontend_msg scene_message(uint32_t request, uint32_t size);
struct frontend_msg scene_ring_message(uint32_t request, uint32_t index, uint32_t num);
int scene_memfd(size_t bytes);

#endif
