/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_SIGBUS_H
#define VHOST_SIGBUS_H

/*
 * A frontend shares a file with us as the guest's memory, and may cut it short at any time: who
 * then touches what is gone gets SIGBUS. weftd maps nobody else's files, so such a page is replaced
 * by an empty one of our own, and the thread goes on; the guest has lost its memory, others
 * nothing. The page goes with the mapping when the session ends.
 */

#include <stdbool.h>

#include "vhost/guest_memory.h"

/* Installs the handler for the process. Threads that touch guest memory must not block SIGBUS. */
void sigbus_init(void);

/* Was one of the latest lost pages in `mem`? Any thread. */
bool sigbus_hit(const struct guest_memory *mem);

#endif
