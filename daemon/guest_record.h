/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_GUEST_RECORD_H
#define DAEMON_GUEST_RECORD_H

/*
 * run-dir/guests/NAME/state.json: what the next weftd has to know about a process that this one
 * started. Written whole or not at all; read as something that may be damaged.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct guest_record {
	pid_t pid;
	uint64_t start_ticks; /* tells the process from a later one with its pid */
	uint64_t hash;	      /* of the arguments without the neighbours' names */
	/* What was decided when it started. */
	bool kvm, hugepages, weft;
	unsigned restarts;
	unsigned nics; /* bridge sockets to clean up: NAME.0.sock ... */
};

/* 0 or -errno. */
int guest_record_write(const struct guest_record *r, const char *run_dir, const char *name);
/* 0, -ENOENT, or -EINVAL when it is damaged. */
int guest_record_read(struct guest_record *r, const char *run_dir, const char *name);

/*
 * Removes a guest's sockets and its state; with `logs` also its logs and its folder. Whatever is
 * missing already is no error.
 */
void guest_files_remove(const char *run_dir, const char *name, unsigned nics, bool logs);

/* The last line of QEMU's log that is not empty, or "". */
char *guest_log_last(const char *run_dir, const char *name, char *text, size_t size);
/* The kernel's message of its panic from the end of the console's log, or "". */
char *guest_log_panic(const char *run_dir, const char *name, char *text, size_t size);

#endif
