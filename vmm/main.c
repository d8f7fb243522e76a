/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * weft-vmm: one virtual machine under KVM, from its command line to its end. The order: open all
 * that needs rights, put the machine together, wait for backends of its NICs, load the kernel, give
 * up rights, run. The state of a guest that goes on here, from a snapshot or from another weft-vmm,
 * is read after rights were given up.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/kvm_probe.h"
#include "common/version.h"
#include "vmm/api.h"
#include "vmm/call.h"
#include "vmm/incoming.h"
#include "vmm/options.h"
#include "vmm/passed.h"
#include "vmm/sandbox.h"
#include "vmm/snapshot.h"

enum exit_code {
	EXIT_OFF = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_KVM = 3,
	EXIT_KERNEL = 4,
	EXIT_MEMORY = 5,
	EXIT_DISK = 6,
	EXIT_CRASHED = 7,
	EXIT_MIGRATED = 8,
	EXIT_STATE = 9,
};

#define WAIT_SAY_MS 1000 /* after which somebody may want to know what is waited for */

struct process {
	struct options options;
	struct machine *machine;
	struct api *api;
	struct incoming *incoming;
	struct loop_watch signals;
	int signal_fd, state_fd;
	bool pressed; /* the power button, by a signal */
};

static int complain(const struct err *e, int code)
{
	fprintf(stderr, "weft-vmm: %s\n", e->text);
	return code;
}

static int open_kvm(struct err *e)
{
	struct kvm_probe probe;
	int fd;

	kvm_probe_run(NULL, &probe);
	if (!probe.usable)
		return err_set(e, ENODEV, "no usable KVM: %s; or use engine: qemu", probe.reason);
	fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "/dev/kvm: %s", strerror(errno)) : fd;
}

/* The first TERM or INT is the power button, the second one the plug. */
static void on_signal(struct loop_watch *w, uint32_t events)
{
	struct process *p = container_of(w, struct process, signals);
	struct signalfd_siginfo info;

	if (read(w->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (p->pressed || !p->machine->started || p->machine->paused)
		machine_stop(p->machine, MACHINE_OFF);
	else
		power_button(&p->machine->power);
	p->pressed = true;
}

static int watch_signals(struct process *p, struct err *e)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	p->signals.ready = on_signal;
	if (p->signal_fd < 0 ||
	    loop_watch_add(p->machine->loop, &p->signals, p->signal_fd, EPOLLIN) < 0)
		return err_set(e, errno, "cannot wait for signals: %s", strerror(errno));
	return 0;
}

static int add_disks(struct process *p, struct err *e)
{
	struct device_env env = machine_env(p->machine);
	int ret = 0;

	for (unsigned i = 0; i < p->options.n_disks && ret == 0; i++) {
		struct disk_params params = p->options.disks[i].params;
		struct virtio *d;
		char id[MACHINE_ID_MAX];

		params.locked_later = p->options.incoming != NULL;
		d = virtio_blk_create(&env, &params, e);
		snprintf(id, sizeof(id), "disk%u", i);
		ret = d ? machine_add(p->machine, DEVICE_DISK, id, d, e) : -EBUSY;
	}
	return ret;
}

static int add_nics(struct process *p, struct err *e)
{
	int ret = 0;

	for (unsigned i = 0; i < p->options.n_nics && ret == 0; i++)
		ret = api_add_nic(p->machine, &p->options.nics[i], e);
	return ret;
}

static void on_balloon(struct virtio *d, void *arg)
{
	struct process *p = arg;

	api_tell_balloon(p->api, d);
}

static int add_others(struct process *p, struct err *e)
{
	struct device_env env = machine_env(p->machine);
	struct virtio *d;
	int ret = 0;

	if (p->options.port_name[0]) {
		d = virtio_console_create(&env, p->options.port_name, p->options.port_where, e);
		ret = d ? machine_add(p->machine, DEVICE_PORT, p->options.port_name, d, e) : -EIO;
	}
	if (p->options.balloon && ret == 0) {
		const struct balloon_params params = {
			.reporting = !p->options.machine.memory.prefault,
			.changed = on_balloon,
			.arg = p,
		};

		d = virtio_balloon_create(&env, &params, e);
		ret = d ? machine_add(p->machine, DEVICE_BALLOON, "balloon", d, e) : -EIO;
	}
	if (p->options.rng && ret == 0) {
		d = virtio_rng_create(&env, e);
		ret = d ? machine_add(p->machine, DEVICE_RNG, "rng", d, e) : -EIO;
	}
	return ret;
}

/* The NIC that has not seen a backend yet, or NULL. */
static const struct machine_device *waits_for(const struct machine *m)
{
	struct nic_info info;

	for (unsigned i = 0; i < m->n_devices; i++) {
		if (m->devices[i].kind != DEVICE_NIC)
			continue;
		virtio_net_info(m->devices[i].d, &info);
		if (!info.sessions)
			return &m->devices[i];
	}
	return NULL;
}

static void say_waiting(const struct machine_device *x)
{
	struct nic_info info;

	virtio_net_info(x->d, &info);
	fprintf(stderr, "weft-vmm: %s waits for its backend%s%s\n", x->id,
		info.error[0] ? ": " : "", info.error);
}

/* What a backend offers decides what the guest will see, so it has to come first. */
static int wait_for_backends(struct process *p)
{
	uint64_t say_at_ms = clock_now_ms() + WAIT_SAY_MS;
	const struct machine_device *x;

	while (p->options.wait && (x = waits_for(p->machine)) && !p->machine->end) {
		if (say_at_ms && clock_now_ms() >= say_at_ms) {
			say_waiting(x);
			say_at_ms = 0;
		}
		if (loop_run_once(p->machine->loop, WAIT_SAY_MS) < 0)
			return -EIO;
	}
	return 0;
}

static void enter_cpu_sandbox(void)
{
	sandbox_enter(SANDBOX_CPU);
}

/* Opens where the guest's state is, or comes; nothing of it is read yet. */
static int open_state(struct process *p, struct err *e)
{
	const struct options *o = &p->options;

	if (o->incoming) {
		p->incoming = incoming_create(p->machine, o->incoming, o->paused, e);
		return p->incoming ? 0 : -EIO;
	}
	if (passed_is(o->restore))
		p->state_fd = passed_take(o->restore, O_RDONLY, e);
	else
		p->state_fd = open(o->restore, O_RDONLY | O_CLOEXEC);
	if (p->state_fd < 0 && !passed_is(o->restore))
		err_set(e, errno, "%s: cannot be opened: %s", o->restore, strerror(errno));
	return MIN_OF(p->state_fd, 0);
}

static int restore(struct process *p, struct err *e)
{
	int ret = snapshot_read(p->machine, p->state_fd, p->options.paused, e);

	close(p->state_fd);
	return ret ? err_prefix(e, ret, "%s", p->options.restore) : 0;
}

/* How the machine's end is told. */
static int tell_end(struct process *p, enum machine_end end, struct err *e)
{
	switch (end) {
	case MACHINE_OFF:
		api_tell_end(p->api, "guest-shutdown");
		return EXIT_OFF;
	case MACHINE_RESET:
		api_tell_end(p->api, "guest-reset");
		fprintf(stderr, "weft-vmm: the guest reset itself\n");
		return EXIT_OFF;
	case MACHINE_CRASHED:
		fprintf(stderr, "weft-vmm: the guest crashed (triple fault)\n");
		return EXIT_CRASHED;
	case MACHINE_MIGRATED:
		api_tell_end(p->api, "migrated");
		fprintf(stderr, "weft-vmm: the guest migrated and runs elsewhere now\n");
		return EXIT_MIGRATED;
	case MACHINE_REFUSED:
		err_set(e, EPROTO, "%s", p->machine->failure);
		return complain(e, EXIT_STATE);
	default:
		err_set(e, EIO, "%s", p->machine->failure);
		return complain(e, EXIT_FAILED);
	}
}

/* Gives up rights, then runs. */
static int run(struct process *p, struct err *e)
{
	struct machine *m = p->machine;
	int ret = p->options.sandbox ? sandbox_init(p->options.user, e) : 0;

	m->arriving = p->options.restore || p->options.incoming;
	m->paused = p->options.paused || m->arriving;
	ret = ret ?: machine_start(m, enter_cpu_sandbox, e);
	if (ret)
		return complain(e, EXIT_FAILED);
	sandbox_enter(SANDBOX_MAIN);
	if (p->options.restore && restore(p, e) < 0)
		return complain(e, EXIT_STATE);
	if (p->incoming && incoming_begin(p->incoming, e) < 0)
		return complain(e, EXIT_FAILED);
	return tell_end(p, machine_run(m), e);
}

static int boot_and_run(struct process *p, struct err *e)
{
	int ret = watch_signals(p, e) ?: add_nics(p, e) ?: add_others(p, e);

	if (ret)
		return complain(e, EXIT_FAILED);
	if (add_disks(p, e) < 0)
		return complain(e, EXIT_DISK);
	if (p->options.api) {
		p->api = api_create(p->machine, p->options.api, e);
		if (!p->api)
			return complain(e, EXIT_FAILED);
	}
	if ((p->options.restore || p->options.incoming) && open_state(p, e) < 0)
		return complain(e, p->options.restore ? EXIT_STATE : EXIT_FAILED);
	if (wait_for_backends(p) < 0)
		return EXIT_FAILED;
	if (p->machine->end)
		return EXIT_OFF;
	if (p->options.restore || p->options.incoming)
		return run(p, e);
	ret = machine_boot(p->machine, e);
	if (ret)
		return complain(e, ret == -ENOMEM ? EXIT_MEMORY : EXIT_KERNEL);
	return run(p, e);
}

static int create_failed(const struct err *e, int code)
{
	switch (code) {
	case ENOENT:
	case EACCES:
	case EISDIR:
	case EBADF:
		return complain(e, EXIT_KERNEL);
	case ENOMEM:
		return complain(e, EXIT_MEMORY);
	case ENODEV:
		return complain(e, EXIT_NO_KVM);
	default:
		return complain(e, EXIT_FAILED);
	}
}

static int start(struct process *p, struct err *e)
{
	int kvm = open_kvm(e), code;

	if (kvm < 0)
		return complain(e, EXIT_NO_KVM);
	p->signal_fd = -1;
	p->machine = machine_create(&p->options.machine, kvm, e);
	if (!p->machine)
		return create_failed(e, errno);
	code = boot_and_run(p, e);
	api_destroy(p->api);
	incoming_destroy(p->incoming);
	loop_watch_del(&p->signals);
	machine_destroy(p->machine);
	if (p->signal_fd >= 0)
		close(p->signal_fd);
	return code;
}

int main(int argc, char **argv)
{
	static struct process p;
	struct err e;

	if (argc > 1 && strcmp(argv[1], "call") == 0) {
		int ret = call_main(argc - 2, argv + 2, &e);

		if (ret)
			return complain(&e, ret == -EINVAL ? EXIT_USAGE : EXIT_FAILED);
		return 0;
	}
	switch (options_parse(&p.options, argc, argv, &e)) {
	case OPTIONS_RUN:
		return start(&p, &e);
	case OPTIONS_HELP:
		options_help();
		return 0;
	case OPTIONS_VERSION:
		printf("weft-vmm %s\n", version_text);
		return 0;
	default:
		return complain(&e, EXIT_USAGE);
	}
}
