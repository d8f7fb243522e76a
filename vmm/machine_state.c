/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/machine_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "vmm/pages.h"
#include "vmm/vcpu_state.h"
#include "vmm/virtio_state.h"

/* Longer than that no migration stops a guest: the clocks of the two hosts differ. */
#define LATER_MAX_NS (60 * NS_PER_S)

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void machine_suspend(struct machine *m)
{
	vcpus_pause(&m->cpus);
	for (unsigned i = 0; i < m->n_devices; i++)
		virtio_suspend(m->devices[i].d);
}

void machine_continue(struct machine *m)
{
	for (unsigned i = 0; i < m->n_devices; i++)
		virtio_resume(m->devices[i].d);
	if (m->paused)
		return;
	vcpus_excuse(&m->cpus);
	vcpus_resume(&m->cpus);
}

int machine_check_settled(const struct machine *m, struct err *e)
{
	if (!m->started || m->arriving)
		return err_set(e, EBUSY, "the guest has not started yet; wait for it");
	if (m->wanted != MACHINE_RUNS || m->end != MACHINE_RUNS)
		return err_set(e, EBUSY, "the guest resets itself or ends; wait for that");
	for (unsigned i = 0; i < m->n_devices; i++)
		if (!m->devices[i].slot || m->devices[i].gone)
			return err_set(e, EBUSY,
				       "%s comes or goes; wait until its backend is there, or the "
				       "guest has let go of it",
				       m->devices[i].id);
	return 0;
}

/* --- writing -------------------------------------------------------------------------------------
 */

void machine_describe(const struct machine *m, struct state_writer *w)
{
	state_begin(w, "machine", 1);
	state_put_u32(w, m->params->cpus);
	state_put_text(w, cpu_model_name(m->params->model));
	state_put_u64(w, m->mem.bytes);
	state_put_u8(w, (uint8_t)m->n_devices);
	for (unsigned i = 0; i < m->n_devices; i++) {
		state_put_text(w, device_kind_name(m->devices[i].kind));
		state_put_text(w, m->devices[i].id);
		state_put_u8(w, (uint8_t)m->devices[i].slot);
		state_put_u8(w, m->devices[i].leaving);
	}
	state_end(w);
}

static int save_cpus(struct machine *m, struct state_writer *w, struct err *e)
{
	for (unsigned i = 0; i < m->cpus.n; i++) {
		struct vcpu_state *s = vcpu_save(&m->cpus.cpus[i]);

		if (!s)
			return err_set(e, errno,
				       errno == EBUSY
					       ? "CPU %u runs a guest of the guest's; stop that"
					       : "CPU %u: KVM does not show its state",
				       i);
		state_begin(w, "cpu", 1);
		vcpu_state_put(&m->cpus.cpus[i], s, w);
		state_end(w);
		free(s);
	}
	return 0;
}

int machine_save(struct machine *m, struct state_writer *w, struct err *e)
{
	int ret = save_cpus(m, w, e);

	if (ret)
		return ret;
	state_begin(w, "board", 1);
	state_put_u8(w, m->paused);
	state_put_u64(w, now_ns());
	ret = vm_save(&m->vm, w);
	if (ret)
		return err_set(e, -ret, "KVM does not show the I/O APIC or the clock: %s",
			       strerror(-ret));
	state_put_u32(w, m->pci.address);
	pci_device_save(&m->pci.bridge, w);
	serial_save(&m->serial, w);
	power_save(&m->power, w);
	state_end(w);
	for (unsigned i = 0; i < m->n_devices; i++) {
		state_begin(w, "device", 1);
		state_put_text(w, m->devices[i].id);
		virtio_save(m->devices[i].d, w);
		state_end(w);
	}
	return w->error ? err_set(e, -w->error, "the state cannot be written: %s",
				  strerror(-w->error))
			: 0;
}

/* --- reading -------------------------------------------------------------------------------------
 */

void machine_arrival_init(struct machine_arrival *a, struct machine *m)
{
	*a = (struct machine_arrival){.machine = m};
}

void machine_arrival_fini(struct machine_arrival *a)
{
	for (unsigned i = 0; i < VCPUS_MAX; i++)
		free(a->cpus[i]);
	*a = (struct machine_arrival){0};
}

static int place_device(struct machine *m, struct state_reader *r, struct err *e)
{
	char kind[16], id[MACHINE_ID_MAX];
	struct machine_device *x;
	unsigned slot;
	bool leaving;

	state_get_text(r, kind, sizeof(kind));
	state_get_text(r, id, sizeof(id));
	slot = state_get_u8(r);
	leaving = state_get_u8(r) == 1;
	if (r->bad)
		return state_done(r, e);
	x = machine_find(m, id);
	if (!x)
		return err_set(e, ENOTSUP, "the guest has a %s %s, which is missing here; add it",
			       kind, id);
	if (strcmp(kind, device_kind_name(x->kind)) != 0)
		return err_set(e, ENOTSUP, "the guest's %s is a %s, this one a %s; exchange it", id,
			       kind, device_kind_name(x->kind));
	if (!slot || slot >= PCI_SLOTS || m->pci.slots[slot] || x->slot)
		return state_refuse(r, e, "a slot that a device cannot have");
	x->slot = slot;
	x->leaving = leaving;
	pci_plug(&m->pci, slot, &x->d->pci);
	return 0;
}

/* Slots are those that the guest knows, whatever the order here. */
static int place_devices(struct machine *m, struct state_reader *r, struct err *e)
{
	unsigned n = state_get_u8(r);
	int ret = 0;

	for (unsigned i = 0; i < m->n_devices; i++) {
		if (m->devices[i].slot)
			pci_unplug(&m->pci, m->devices[i].slot);
		m->devices[i].slot = 0;
	}
	for (unsigned i = 0; i < n && ret == 0; i++)
		ret = place_device(m, r, e);
	for (unsigned i = 0; i < m->n_devices && ret == 0; i++)
		if (!m->devices[i].slot)
			ret = err_set(e, ENOTSUP, "the guest has no %s %s; leave it out",
				      device_kind_name(m->devices[i].kind), m->devices[i].id);
	return ret;
}

static int take_machine(struct machine_arrival *a, struct state_reader *r, struct err *e)
{
	struct machine *m = a->machine;
	const char *own = cpu_model_name(m->params->model);
	uint32_t cpus = state_get_u32(r);
	char model[16];
	uint64_t bytes;
	int ret;

	state_get_text(r, model, sizeof(model));
	bytes = state_get_u64(r);
	if (r->bad || a->described)
		return state_refuse(r, e, "it makes no sense");
	if (cpus != m->params->cpus)
		return err_set(e, ENOTSUP, "the guest has %u CPUs, this weft-vmm %u; set --cpus %u",
			       cpus, m->params->cpus, cpus);
	if (strcmp(model, own) != 0)
		return err_set(e, ENOTSUP,
			       "the guest has CPU model %s, this weft-vmm %s; set --cpu-model %s",
			       model, own, model);
	if (bytes != m->mem.bytes)
		return err_set(
			e, ENOTSUP,
			"the guest has %llu MiB of memory, this weft-vmm %llu; set --memory %lluM",
			(unsigned long long)bytes >> 20, (unsigned long long)m->mem.bytes >> 20,
			(unsigned long long)bytes >> 20);
	ret = place_devices(m, r, e) ?: state_done(r, e);
	a->described = !ret;
	return ret;
}

static int take_cpu(struct machine_arrival *a, struct state_reader *r, struct err *e)
{
	struct vcpus *v = &a->machine->cpus;
	unsigned i = state_get_u32(r);

	if (i != a->n_cpus || i >= v->n || a->has_board)
		return state_refuse(r, e, "it is not in its place");
	a->cpus[i] = vcpu_state_get(&v->cpus[i], r, e);
	if (!a->cpus[i])
		return -EPROTO;
	a->n_cpus++;
	return vcpu_restore(&v->cpus[i], a->cpus[i], true, e);
}

/* Behind all CPUs: interrupts that are under way go into their local APICs. */
static int take_board(struct machine_arrival *a, struct state_reader *r, struct err *e)
{
	struct machine *m = a->machine;
	int ret;

	if (a->n_cpus != m->cpus.n || a->has_board)
		return state_refuse(r, e, "it is not in its place");
	a->has_board = true;
	a->was_paused = state_get_u8(r) == 1;
	a->stopped_at_ns = state_get_u64(r);
	ret = vm_load(&m->vm, r, e);
	m->pci.address = state_get_u32(r);
	ret = ret ?: pci_device_load(&m->pci.bridge, r, "PCI host bridge", e);
	ret = ret ?: serial_load(&m->serial, r, e);
	if (!ret)
		power_load(&m->power, r);
	return ret ?: state_done(r, e);
}

static int take_device(struct machine_arrival *a, struct state_reader *r, struct err *e)
{
	struct machine *m = a->machine;
	struct machine_device *x;
	char id[MACHINE_ID_MAX];
	uint32_t bit;

	state_get_text(r, id, sizeof(id));
	x = a->has_board && !r->bad ? machine_find(m, id) : NULL;
	bit = x ? 1u << (x - m->devices) : 0;
	if (!x || a->devices & bit)
		return state_refuse(r, e, "it is not in its place");
	a->devices |= bit;
	return virtio_load(x->d, r, x->id, e);
}

int machine_arrival_take(struct machine_arrival *a, struct state_reader *r, struct err *e)
{
	if (r->version != 1)
		return err_set(
			e, ENOTSUP,
			"record %s has version %u, this weft-vmm knows 1; use the one that wrote "
			"the state",
			r->name, r->version);
	if (state_is(r, "machine"))
		return take_machine(a, r, e);
	if (!a->described)
		return state_refuse(r, e, "it comes before the machine");
	if (state_is(r, "memory") || state_is(r, "zeroes"))
		return a->n_cpus ? state_refuse(r, e, "it comes too late")
				 : pages_load(&a->machine->mem, r, e);
	if (state_is(r, "cpu"))
		return take_cpu(a, r, e);
	if (state_is(r, "board"))
		return take_board(a, r, e);
	if (state_is(r, "device"))
		return take_device(a, r, e);
	return state_refuse(r, e, "there is no such record");
}

int machine_arrival_check(const struct machine_arrival *a, struct err *e)
{
	const struct machine *m = a->machine;

	if (a->has_board && a->devices == (1u << m->n_devices) - 1)
		return 0;
	return err_set(e, EPROTO, "the state is corrupt: parts of it are missing");
}

/* How long the guest has been away, by the clocks of the two hosts. */
static uint64_t away_ns(const struct machine_arrival *a)
{
	uint64_t now = now_ns();

	return now > a->stopped_at_ns ? MIN_OF(now - a->stopped_at_ns, LATER_MAX_NS) : 0;
}

int machine_arrival_go(struct machine_arrival *a, bool live, bool pause, struct err *e)
{
	struct machine *m = a->machine;
	uint64_t later_ns = live ? away_ns(a) : 0;
	int ret = vm_restore_clock(&m->vm, later_ns);

	for (unsigned i = 0; i < m->cpus.n && ret == 0; i++)
		ret = vcpu_restore_time(&m->cpus.cpus[i], a->cpus[i], later_ns);
	if (ret)
		return err_set(e, -ret, "KVM does not set the guest's clock: %s", strerror(-ret));
	m->arriving = false;
	m->paused = a->was_paused || pause;
	machine_continue(m);
	return 0;
}
