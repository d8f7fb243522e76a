/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/statefile.h"

#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/test.h"

void statefile_begin(struct statefile *f)
{
	f->fd = memfd_create("state", MFD_CLOEXEC);
	assert_int_equal(state_writer_init(&f->w, f->fd), 0);
	assert_int_equal(state_reader_init(&f->r, f->fd), 0);
}

void statefile_turn(struct statefile *f)
{
	assert_int_equal(state_flush(&f->w, 0), 0);
	lseek(f->fd, 0, SEEK_SET);
}

void statefile_finish(struct statefile *f)
{
	state_finish(&f->w);
	statefile_turn(f);
}

void statefile_end(struct statefile *f)
{
	state_writer_fini(&f->w);
	state_reader_fini(&f->r);
	close(f->fd);
}

void statefile_again(struct statefile *f)
{
	state_reader_fini(&f->r);
	state_reader_init(&f->r, f->fd);
	lseek(f->fd, 0, SEEK_SET);
}
