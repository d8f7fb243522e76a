/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_GUEST_PRIVATE_H
#define DAEMON_GUEST_PRIVATE_H

/*
 * What the files of the guest object share: guest.c (the set and its API), guest_run.c (the life of
 * one process), guest_start.c (what a start needs), guest_show.c (what people see).
 *
 * A guest is freed only by the set's sweep timer, never inside a callback, so that every function
 * may go on using a guest after it has told somebody about it.
 */

#include <sys/queue.h>

#include "common/kvm_probe.h"
#include "daemon/guest.h"
#include "daemon/guest_policy.h"
#include "daemon/guest_record.h"
#include "daemon/process.h"
#include "daemon/qmp.h"

#define GUEST_REASON_MAX ERR_TEXT_MAX

struct arena;

/* Who waits for a guest's end. */
struct guest_waiter {
	STAILQ_ENTRY(guest_waiter) link;
	void (*done)(struct guest *g, void *arg);
	void *arg;
};

enum guest_stop_step { STOP_NONE, STOP_ASKED, STOP_QUIT, STOP_KILLED };

struct guest {
	TAILQ_ENTRY(guest) link; /* in the set's guests, or leaving */
	struct guests *set;
	struct arena *arena;
	struct config_guest *config; /* of a leftover process: only its name */
	enum guest_state state;
	struct process process; /* pid 0: none */
	struct loop_watch watch;
	struct loop_timer timer; /* the next step of a stop, or the end of a backoff */
	struct qmp *qmp;
	struct agent_client *agent;
	bool kvm, hugepages, weft; /* weft: weft-vmm runs it, not QEMU */
	char engine_reason[GUEST_REASON_MAX];
	enum guest_shutdown shutdown;
	enum guest_stop_step step;
	/* what the guest was asked to go on with, and does, in bytes; 0: not known */
	uint64_t balloon_target, balloon_actual;
	bool start_again; /* when the process in hand has ended */
	unsigned nics;	  /* bridge sockets of the process in hand */
	unsigned restarts, row;
	char exit_reason[GUEST_REASON_MAX];
	STAILQ_HEAD(, guest_waiter) waiters;
	void (*deleted)(void *arg); /* of guest_del */
	void *deleted_arg;
};

struct guests {
	struct loop *loop;
	char *run_dir, *image_dir, *qemu;
	enum config_auto hugepages;
	enum guest_engine engine;
	struct kvm_probe kvm; /* by guests_kvm; no reason yet: nobody has asked */
	void (*changed)(struct guest *g, void *arg);
	void *arg;
	TAILQ_HEAD(guest_list, guest) guests, leaving;
	struct loop_timer sweep;
	void (*all_stopped)(void *arg);
	void *all_stopped_arg;
};

/* Whether guests can have KVM. Blocks for the probe, once. */
const struct kvm_probe *guests_kvm(struct guests *gs);

/* Starts the process; on failure the guest is FAILED. From any state without a process. */
int guest_run_start(struct guest *g, struct err *e);
/* Takes over a process that runs; `p` is the guest's from now on. */
int guest_run_adopt(struct guest *g, const struct process *p, const struct guest_record *r);
/* Begins to stop the process; nothing to do when it is being stopped already. */
void guest_run_stop(struct guest *g);
/* Lets go of the process without stopping it. */
void guest_run_release(struct guest *g);
void guest_set_state(struct guest *g, enum guest_state state);

/* Called by guest_run.c when a guest has come to rest: no process, nothing pending. */
void guests_rested(struct guest *g);

/* Checks that all a start needs is there, and builds the arguments. 0, or -errno with `e`. */
struct qemu_args;
int guest_start_prepare(struct guest *g, struct qemu_args *args, struct err *e);
/* The hash of the arguments that this guest has with these decisions; 0 when it can have none. */
uint64_t guest_start_hash(const struct guest *g, bool kvm, bool hugepages);

#endif
