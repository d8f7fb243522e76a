/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_CONTROLWORLD_H
#define TESTS_LIB_CONTROLWORLD_H

/*
 * A control socket with verbs for tests, and its clients, all in one thread: a client that waits
 * turns the server's loop meanwhile.
 *
 *   echo        answers with its parameters; fdb/flush is another name of it
 *   typed       takes bridge, may_exist, vlan and fields, and answers with what it read
 *   keep        keeps the call for the test to end, and with "pause" takes no more input;
 *               guest/exec is another name of it
 *   big         answers with WORLD_BIG_LEN bytes
 *   fd          answers with the reading end of a pipe that holds "hello"
 *   stream      sends three notifications "stream/output" and answers with "end"
 *   fail        fails with RPC_PARTLY_APPLIED and data
 *   show        has no handler
 */

#include <sys/types.h>

#include "daemon/control.h"
#include "tests/lib/rawclient.h"
#include "tests/lib/test.h"

#define WORLD_BIG_LEN 100000

struct world {
	struct loop *loop;
	struct control *control;
	char dir[64], path[96];
	struct call *kept[CONTROL_CLIENTS_MAX * 2]; /* by the verb "keep" */
	unsigned n_kept, n_run, n_gone, n_room;
	char input[64];
	pid_t server; /* 0: the world is served in this thread */
};

int world_setup(void **state);
int world_teardown(void **state);
#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

/* Turns the loop until `*n` is at least `wanted`, or fails the test. */
void world_turn_until(struct world *w, const unsigned *n, unsigned wanted);
void world_turn_until_clients(struct world *w, unsigned wanted);
/* Turns the loop until it has nothing to do. */
void world_turn_until_idle(struct world *w);

/*
 * Serves in a process of its own, for clients that block. It ends with world_stop, which teardown
 * calls, or with the test.
 */
void world_serve(struct world *w);
void world_stop(struct world *w);

struct raw world_enter(struct world *w);
/* Calls `echo` and hears its answer: the server lives and serves this client. */
void world_assert_served(struct raw *r);
json_t *world_big_string(void);

#endif
