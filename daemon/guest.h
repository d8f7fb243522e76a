/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_GUEST_H
#define DAEMON_GUEST_H

/*
 * Guests: the QEMU processes that weftd supervises, one object a guest.
 *
 * A guest's process belongs to nobody's session and outlives weftd: a weftd that dies leaves its
 * guests running, and the next one takes them over (guests_adopt). All calls and all callbacks
 * belong to the loop's thread; nothing here blocks, stopping included.
 *
 * Files of a guest, all below run-dir/guests/NAME, removed when it has stopped:
 * qmp.sock, console.sock, agent.sock (QEMU listens), console.log, qemu.log, state.json.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/loop.h"
#include "config/config.h"
#include "daemon/agent_client.h"

struct guests;
struct guest;

enum guest_state {
	GUEST_STOPPED,
	GUEST_STARTING, /* the process runs, QEMU waits for its ports' switch or sets up */
	GUEST_RUNNING,
	GUEST_STOPPING,
	GUEST_FAILED,  /* ended badly and stays so; exit_reason says why */
	GUEST_BACKOFF, /* ended, starts again by itself */
	GUEST_STATE_N
};

struct guests_env {
	struct loop *loop;
	const char *run_dir;   /* absolute, exists */
	const char *image_dir; /* holds what `make guest-image` built, for kernel/initrd "auto" */
	const char *qemu;      /* NULL or "": qemu-system-x86_64 from PATH */
	enum config_auto hugepages;
	enum guest_engine engine; /* runs all guests; ENGINE_AUTO: each has its own */
	/* Called after each change of a guest's state or of its agent's; may be NULL. */
	void (*changed)(struct guest *g, void *arg);
	void *arg;
};

/*
 * Creates the set and run-dir/guests. Copies what it needs of `env`. Probes KVM (under 300 ms).
 * Returns NULL with errno and `e` set on failure.
 */
struct guests *guests_create(const struct guests_env *env, struct err *e);

/*
 * Frees the set and every guest in it. Guests whose process still runs keep running, with their
 * files, for the next weftd to adopt: call guests_stop_all first to stop them. Pending callbacks
 * are dropped. Accepts NULL.
 */
void guests_destroy(struct guests *gs);

/*
 * Takes over what an earlier weftd left running. Call it once, after the guests of the first
 * configuration were added and before any is started: a guest whose command line would be the same
 * goes on as it is (guest_start then does nothing); one that changed is stopped and starts anew
 * with guest_start; one that is no longer configured is stopped. Never fails: what cannot be
 * read is logged and cleaned away. Returns the number of guests adopted.
 */
unsigned guests_adopt(struct guests *gs);

/*
 * Stops every guest at once; `done` (may be NULL) is called when the last process has ended, before
 * returning if none runs. A guest that starts meanwhile is waited for too.
 */
void guests_stop_all(struct guests *gs, void (*done)(void *arg), void *arg);

/* Adds a stopped guest; deep-copies `c`. NULL with errno and `e`: EEXIST, ENAMETOOLONG, ENOMEM. */
struct guest *guest_add(struct guests *gs, const struct config_guest *c, struct err *e);

/*
 * Removes the guest from the set (look-ups miss it at once), stops and frees it; then calls `done`
 * (may be NULL) from the loop. A guest of the same name may be added at once; its guest_start waits
 * for the end of this one.
 */
void guest_del(struct guest *g, void (*done)(void *arg), void *arg);

/*
 * Starts the guest. 0: it starts, or runs already, or starts when the stop in hand is over.
 * -errno with `e` (missing QEMU, kernel, image, disk: with the remedy): the guest is then FAILED
 * and the same text is its exit_reason.
 */
int guest_start(struct guest *g, struct err *e);

/*
 * Stops the guest: asks its agent to power off or presses its power button, then quits QEMU, then
 * kills it; under 6 s altogether, under 3 s when nothing in the guest answers, but a guest with a
 * writable disk and no agent has 20 s to answer its power button. `done` (may be NULL) is called
 * when the process has ended, before returning if it was stopped already.
 * A guest in BACKOFF or FAILED becomes STOPPED.
 */
void guest_stop(struct guest *g, void (*done)(struct guest *g, void *arg), void *arg);

/* NULL when there is none of that name. */
struct guest *guest_lookup(struct guests *gs, const char *name);

/* Iteration in the order of guest_add: guest_next(gs, NULL) is the first; NULL after the last. */
struct guest *guest_next(struct guests *gs, struct guest *g);

const char *guest_name(const struct guest *g);
const char *guest_state_name(enum guest_state s);
enum guest_state guest_state(const struct guest *g);
/* True when its agent answers: guest_exec works. */
bool guest_agent_ready(const struct guest *g);
/* The configuration it was added with; valid as long as the guest. */
const struct config_guest *guest_config(const struct guest *g);

/*
 * A new object for `guest/list`: name, state, engine, engine_reason, accel, accel_reason (empty: it
 * was found running, and nobody has asked KVM since), pid (0: none), uptime_s, restarts,
 * exit_reason, vcpus, memory (bytes), resident (bytes of the process, 0: none), balloon (null, or
 * {target, actual}, bytes, null: not known), nics [{port, mac, address, kind}], agent ("ready",
 * "waiting", or "none": no process). NULL when memory is short.
 */
json_t *guest_json(const struct guest *g);

/*
 * Asks the guest to go on with `bytes` of its memory and to give the rest back to the host, which
 * it does as far and as fast as it can. Returns 0 when it was asked, or -errno with `e`.
 */
int guest_balloon(struct guest *g, uint64_t bytes, struct err *e);

/*
 * Runs a command in the guest: see agent_exec in agent_client.h, whose handle it returns. NULL with
 * errno and `e` when the agent is not ready.
 */
struct agent_exec *guest_exec(struct guest *g, const char *const *argv, unsigned n, unsigned flags,
			      const struct agent_exec_ops *ops, void *arg, struct err *e);

/*
 * A new connection to the guest's serial console, the caller's to close; reads and writes are the
 * console's bytes. One at a time: QEMU lets a second one wait until the first closes.
 * Returns the descriptor (CLOEXEC, non-blocking), or -errno with `e`.
 */
int guest_console_open(struct guest *g, struct err *e);

/*
 * The socket on which QEMU serves NIC `n` of guest `name` to the switch (NIC_BRIDGE):
 * run_dir/NAME.N.sock. Writes up to `size` bytes into `path` and returns it, or NULL when it does
 * not fit (or is too long for a socket address).
 */
char *guest_nic_socket(const char *run_dir, const char *name, unsigned n, char *path, size_t size);

#endif
