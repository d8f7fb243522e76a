/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/machine.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/acpi.h"
#include "vmm/layout.h"

static const char *const kind_names[] = {
	[DEVICE_NIC] = "nic", [DEVICE_DISK] = "disk", [DEVICE_PORT] = "port",
	[DEVICE_RNG] = "rng", [DEVICE_TAP] = "tap",   [DEVICE_BALLOON] = "balloon",
};
static_assert(ARRAY_SIZE(kind_names) == DEVICE_KIND_N, "a name for each kind");

const char *device_kind_name(enum device_kind kind)
{
	return NAME_OF(kind_names, kind);
}

/* --- notes that CPU threads leave
 * ----------------------------------------------------------------- */

static void note(struct machine *m, enum machine_end wanted)
{
	const uint64_t one = 1;

	if (m->wanted == MACHINE_RUNS)
		m->wanted = wanted;
	(void)!write(m->notes_fd, &one, sizeof(one));
}

static void on_triple_fault(void *arg)
{
	struct machine *m = arg;

	note(m, MACHINE_CRASHED);
	m->cpus.wish = VCPUS_PAUSE;
}

static void on_failure(void *arg, const char *why)
{
	struct machine *m = arg;

	snprintf(m->failure, sizeof(m->failure), "%s", why);
	note(m, MACHINE_FAILED);
	m->cpus.wish = VCPUS_PAUSE;
}

static const struct vcpus_ops vcpus_ops = {.triple_fault = on_triple_fault, .failed = on_failure};

/* The CPU that asked waits, so that it does not run on into what was not expected to be reached. */
static void on_reset(void *arg)
{
	struct machine *m = arg;

	note(m, MACHINE_RESET);
	m->cpus.wish = VCPUS_PAUSE;
}

static void on_off(void *arg)
{
	struct machine *m = arg;

	note(m, MACHINE_OFF);
	m->cpus.wish = VCPUS_PAUSE;
}

static void let_go(struct machine *m, struct machine_device *x)
{
	virtio_power_on(x->d);
	pci_unplug(&m->pci, x->slot);
	x->gone = true;
}

static void on_ejected(void *arg, uint32_t slots)
{
	struct machine *m = arg;

	for (unsigned i = 0; i < m->n_devices; i++) {
		struct machine_device *x = &m->devices[i];

		if (x->leaving && !x->gone && slots >> x->slot & 1)
			let_go(m, x);
	}
	note(m, MACHINE_RUNS);
}

static const struct power_ops power_ops = {.reset = on_reset, .off = on_off, .ejected = on_ejected};

/* --- devices
 * --------------------------------------------------------------------------------------- */

struct device_env machine_env(struct machine *m)
{
	return (struct device_env){.hv = &m->vm.hv, .mem = &m->mem, .loop = m->loop};
}

struct machine_device *machine_find(struct machine *m, const char *id)
{
	for (unsigned i = 0; i < m->n_devices; i++)
		if (strcmp(m->devices[i].id, id) == 0)
			return &m->devices[i];
	return NULL;
}

static int refuse(struct virtio *d, int ret)
{
	d->ops->destroy(d);
	return ret;
}

/* machine_add has made sure that there is a slot for each device. */
static void plug(struct machine *m, struct machine_device *x)
{
	x->slot = pci_free_slot(&m->pci);
	pci_plug(&m->pci, x->slot, &x->d->pci);
	if (m->started)
		power_slot_up(&m->power, x->slot);
}

void machine_ready(struct virtio *d, void *arg)
{
	struct machine *m = arg;

	for (unsigned i = 0; i < m->n_devices; i++)
		if (m->devices[i].d == d && !m->devices[i].slot && !m->devices[i].gone)
			plug(m, &m->devices[i]);
}

int machine_add(struct machine *m, enum device_kind kind, const char *id, struct virtio *d,
		struct err *e)
{
	struct machine_device *x;

	if (machine_find(m, id))
		return refuse(d, err_set(e, EEXIST,
					 "a device %s is there already; choose another id", id));
	if (strlen(id) >= MACHINE_ID_MAX)
		return refuse(d, err_set(e, EINVAL, "%s: an id has at most %d letters", id,
					 MACHINE_ID_MAX - 1));
	if (m->n_devices == MACHINE_DEVICES_MAX)
		return refuse(d, err_set(e, ENOSPC, "all %d slots are in use; remove a device",
					 MACHINE_DEVICES_MAX));
	x = &m->devices[m->n_devices++];
	*x = (struct machine_device){.kind = kind, .d = d};
	strcpy(x->id, id);
	if (!m->started || kind != DEVICE_NIC)
		plug(m, x);
	return 0;
}

int machine_remove(struct machine *m, const char *id, struct err *e)
{
	struct machine_device *x = machine_find(m, id);

	if (!x)
		return err_set(e, ENOENT, "there is no device %s", id);
	x->leaving = true;
	if (x->slot) {
		power_slot_down(&m->power, x->slot);
		return 0;
	}
	x->gone = true;
	note(m, MACHINE_RUNS);
	return 0;
}

static void destroy_gone(struct machine *m)
{
	for (unsigned i = 0; i < m->n_devices; i++) {
		struct virtio *d = m->devices[i].d;

		if (!m->devices[i].gone)
			continue;
		m->devices[i--] = m->devices[--m->n_devices];
		d->ops->destroy(d);
	}
}

/* --- reset and the end
 * ----------------------------------------------------------------------------- */

static void forget(struct machine *m)
{
	for (unsigned i = 0; i < m->n_devices; i++) {
		struct machine_device *x = &m->devices[i];

		virtio_power_on(x->d);
		pci_device_reset(&x->d->pci);
		if (x->leaving && !x->gone)
			let_go(m, x);
		else if (!x->gone && x->slot)
			pci_plug(&m->pci, x->slot, &x->d->pci);
	}
	destroy_gone(m);
	serial_reset(&m->serial);
	power_reset(&m->power);
	m->pci.address = 0;
}

static void fail(struct machine *m, const struct err *e)
{
	snprintf(m->failure, sizeof(m->failure), "%.*s", (int)sizeof(m->failure) - 1, e->text);
	machine_stop(m, MACHINE_FAILED);
}

void machine_reset(struct machine *m)
{
	struct err e;

	vcpus_pause(&m->cpus);
	forget(m);
	memory_clear(&m->mem);
	if (vcpus_reset(&m->cpus, &e) < 0 || machine_boot(m, &e) < 0) {
		fail(m, &e);
		return;
	}
	if (!m->paused)
		vcpus_resume(&m->cpus);
}

void machine_stop(struct machine *m, enum machine_end end)
{
	m->end = end;
	loop_stop(m->loop);
}

static void on_note(struct loop_watch *w, uint32_t events)
{
	struct machine *m = container_of(w, struct machine, notes);
	enum machine_end wanted = m->wanted;
	uint64_t count;

	(void)!read(w->fd, &count, sizeof(count));
	m->wanted = MACHINE_RUNS;
	destroy_gone(m);
	if (wanted == MACHINE_RUNS)
		return;
	if ((wanted == MACHINE_RESET || wanted == MACHINE_CRASHED) && !m->params->no_reboot &&
	    m->params->kernel)
		machine_reset(m);
	else
		machine_stop(m, wanted);
}

void machine_pause(struct machine *m)
{
	m->paused = true;
	vcpus_pause(&m->cpus);
}

void machine_resume(struct machine *m)
{
	m->paused = false;
	if (m->started)
		vcpus_resume(&m->cpus);
}

/* --- making one
 * ------------------------------------------------------------------------------------ */

static int init_irq(struct machine *m, unsigned gsi, int *fd, struct err *e)
{
	int ret;

	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*fd < 0)
		return err_set(e, errno, "no descriptors are left; raise ulimit -n");
	ret = m->vm.hv.ops->irqfd(&m->vm.hv, gsi, *fd, true);
	return ret ? err_set(e, -ret, "KVM refuses an interrupt: %s", strerror(-ret)) : 0;
}

static int init_board(struct machine *m, struct err *e)
{
	int ret = init_irq(m, GSI_COM1, &m->serial_irq_fd, e);

	ret = ret ?: init_irq(m, GSI_EVENTS, &m->event_irq_fd, e);
	if (ret)
		return ret;
	pci_init(&m->pci, &m->ports, &m->memory_bus);
	power_init(&m->power, &m->ports, &power_ops, m, m->event_irq_fd);
	serial_init(&m->serial, &m->console, m->serial_irq_fd);
	bus_add(&m->ports, PORT_COM1, 8, &serial_ops, &m->serial);
	return stream_attach(&m->console, m->loop, &serial_stream_ops, &m->serial, e);
}

static int init_cpus(struct machine *m, struct err *e)
{
	m->cpus.ports = &m->ports;
	m->cpus.memory = &m->memory_bus;
	m->cpus.lock = &m->lock;
	m->cpus.ops = &vcpus_ops;
	m->cpus.arg = m;
	return vcpus_init(&m->cpus, &m->vm, m->params->cpus, m->params->model, e);
}

static int init_loop(struct machine *m, struct err *e)
{
	m->loop = loop_create();
	m->notes_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!m->loop || m->notes_fd < 0)
		return err_set(e, errno, "cannot wait for events: %s", strerror(errno));
	loop_set_lock(m->loop, &m->lock);
	m->notes.ready = on_note;
	return loop_watch_add(m->loop, &m->notes, m->notes_fd, EPOLLIN);
}

static int open_files(struct machine *m, struct err *e)
{
	if (!m->params->kernel)
		return 0;
	m->kernel_fd = boot_open(m->params->kernel, e);
	if (m->kernel_fd < 0)
		return m->kernel_fd;
	if (!m->params->initrd)
		return 0;
	m->initrd_fd = boot_open(m->params->initrd, e);
	return MIN_OF(m->initrd_fd, 0);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

struct machine *machine_create(const struct machine_params *p, int kvm, struct err *e)
{
	struct machine *m = calloc(1, sizeof(*m));
	int ret;

	if (!m) {
		err_set(e, ENOMEM, "out of memory");
		close(kvm);
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	m->params = p;
	m->serial_irq_fd = m->event_irq_fd = m->notes_fd = m->kernel_fd = m->initrd_fd = -1;
	m->mem.fd = m->mem.log_fd = m->vm.fd = -1;
	m->vm.kvm = kvm;
	ret = stream_open(&m->console, p->console, e) < 0 ? -EIO : 0;
	ret = ret ?: open_files(m, e) ?: init_loop(m, e);
	ret = ret ?: memory_init(&m->mem, &p->memory, e) ?: vm_init(&m->vm, kvm, &m->mem, e);
	ret = ret ?: init_board(m, e) ?: init_cpus(m, e);
	if (!ret)
		return m;
	machine_destroy(m);
	errno = -ret;
	return NULL;
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	vcpus_stop(&m->cpus);
	pthread_mutex_unlock(&m->lock);
	for (unsigned i = 0; i < m->n_devices; i++)
		m->devices[i].d->ops->destroy(m->devices[i].d);
	vcpus_fini(&m->cpus);
	stream_close(&m->console);
	loop_watch_del(&m->notes);
	vm_fini(&m->vm);
	memory_fini(&m->mem);
	loop_destroy(m->loop);
	close_fd(m->serial_irq_fd);
	close_fd(m->event_irq_fd);
	close_fd(m->notes_fd);
	close_fd(m->kernel_fd);
	close_fd(m->initrd_fd);
	free(m);
}

int machine_boot(struct machine *m, struct err *e)
{
	struct boot_params_source s = {
		.kernel_name = m->params->kernel,
		.initrd_name = m->params->initrd,
		.kernel = m->kernel_fd,
		.initrd = m->initrd_fd,
		.cmdline = m->params->cmdline,
		.acpi_rsdp = acpi_write(&m->mem, m->params->cpus),
	};
	struct kernel k;
	int ret = boot_load(&k, &m->mem, &s, e);

	return ret ?: vcpus_boot(&m->cpus, &k, e);
}

int machine_start(struct machine *m, void (*prepare_cpu)(void), struct err *e)
{
	int ret = vcpus_start(&m->cpus, m->params->pins, prepare_cpu, e);

	if (ret)
		return ret;
	m->started = true;
	if (!m->paused)
		machine_resume(m);
	return 0;
}

enum machine_end machine_run(struct machine *m)
{
	int ret = loop_run(m->loop);

	if (ret)
		return MACHINE_FAILED;
	return m->end;
}
