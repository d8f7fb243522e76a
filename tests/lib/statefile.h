/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_STATEFILE_H
#define TESTS_LIB_STATEFILE_H

#include "vmm/state.h"

/* A file with a stream in it. */
struct statefile {
	int fd;
	struct state_writer w;
	struct state_reader r;
};

void statefile_begin(struct statefile *f);
/* What was written is to be read from now on. */
void statefile_turn(struct statefile *f);
/* The same, behind the end of the stream. */
void statefile_finish(struct statefile *f);
/* It is to be read from its beginning. */
void statefile_again(struct statefile *f);
void statefile_end(struct statefile *f);

#endif
