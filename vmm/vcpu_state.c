/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/vcpu_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/vcpu_regs.h"

enum {
	MSR_TSC = 0x10,
	MSR_WALL_CLOCK = 0x11,
	MSR_TSC_DEADLINE = 0x6e0,
	MSR_WALL_CLOCK_NEW = 0x4b564d00,
	NESTED_BYTES = 16384, /* more than KVM has to tell */
};

/* One block of memory; what the pointers point to lies behind the struct. */
struct vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debug;
	uint32_t tsc_khz, n_msrs;
	struct kvm_msr_entry *msrs; /* VCPU_MSRS_MAX */
	uint8_t *xsave;
};

static int call(struct vcpu *c, unsigned long request, void *arg)
{
	return ioctl(c->fd, request, arg) < 0 ? -errno : 0;
}

static struct vcpu_state *new_state(const struct vcpu *c)
{
	size_t msrs = VCPU_MSRS_MAX * sizeof(struct kvm_msr_entry);
	struct vcpu_state *s = calloc(1, sizeof(*s) + msrs + c->all->xsave_bytes);

	if (!s)
		return NULL;
	s->msrs = (struct kvm_msr_entry *)(s + 1);
	s->xsave = (uint8_t *)s->msrs + msrs;
	return s;
}

/* --- registers that are numbered ---------------------------------------------------------------
 */

/* Those have no state: the guest writes them to have something written to its memory. */
static bool is_state(uint32_t msr)
{
	return msr != MSR_WALL_CLOCK && msr != MSR_WALL_CLOCK_NEW;
}

/* Of those in the table, what can be read; KVM stops at one that cannot. */
static unsigned read_msrs(struct vcpu *c, struct kvm_msr_entry *entries, unsigned n)
{
	struct kvm_msrs *batch = malloc(sizeof(*batch) + VCPU_MSRS_MAX * sizeof(*entries));
	unsigned at = 0, kept = 0;

	while (batch && at < n) {
		int got;

		batch->nmsrs = n - at;
		memcpy(batch->entries, entries + at, (n - at) * sizeof(*entries));
		got = MAX_OF(ioctl(c->fd, KVM_GET_MSRS, batch), 0);
		memmove(entries + kept, batch->entries, (unsigned)got * sizeof(*entries));
		kept += (unsigned)got;
		at += (unsigned)got + 1;
	}
	free(batch);
	return kept;
}

static void save_msrs(struct vcpu *c, struct vcpu_state *s)
{
	const struct vcpus *v = c->all;
	unsigned n = 0;

	for (unsigned i = 0; i < v->n_msrs; i++)
		if (is_state(v->msrs[i]))
			s->msrs[n++].index = v->msrs[i];
	s->n_msrs = read_msrs(c, s->msrs, n);
}

static const struct kvm_msr_entry *find_msr(const struct kvm_msr_entry *entries, unsigned n,
					    uint32_t index)
{
	for (unsigned i = 0; i < n; i++)
		if (entries[i].index == index)
			return &entries[i];
	return NULL;
}

static bool is_time(uint32_t msr)
{
	return msr == MSR_TSC || msr == MSR_TSC_DEADLINE;
}

/* Only what differs is written: some can be read and have one value only. */
static int restore_msrs(struct vcpu *c, const struct vcpu_state *s, bool strict, struct err *e)
{
	struct kvm_msr_entry *now = calloc(VCPU_MSRS_MAX, sizeof(*now));
	unsigned n;
	int ret = now ? 0 : -ENOMEM;

	for (unsigned i = 0; now && i < s->n_msrs; i++)
		now[i].index = s->msrs[i].index;
	n = now ? read_msrs(c, now, s->n_msrs) : 0;
	for (unsigned i = 0; i < s->n_msrs && !ret; i++) {
		const struct kvm_msr_entry *m = &s->msrs[i], *is = find_msr(now, n, m->index);

		if (is_time(m->index) || (is && is->data == m->data))
			continue;
		if (vcpu_set_msr(c, m->index, m->data) < 0 && strict)
			ret = err_set(
				e, ENOTSUP,
				"CPU %u: this host's KVM does not take MSR 0x%x as 0x%llx; use "
				"one like the host where the state was made",
				c->index, m->index, (unsigned long long)m->data);
	}
	free(now);
	return ret;
}

int vcpu_restore_time(struct vcpu *c, const struct vcpu_state *s, uint64_t later_ns)
{
	const struct kvm_msr_entry *tsc = find_msr(s->msrs, s->n_msrs, MSR_TSC);
	const struct kvm_msr_entry *timer = find_msr(s->msrs, s->n_msrs, MSR_TSC_DEADLINE);
	uint64_t ticks = (uint64_t)((unsigned __int128)later_ns * s->tsc_khz / 1000000);
	int ret = tsc ? vcpu_set_msr(c, MSR_TSC, tsc->data + ticks) : 0;

	return ret ?: timer ? vcpu_set_msr(c, MSR_TSC_DEADLINE, timer->data) : 0;
}

/* --- all of it ---------------------------------------------------------------------------------
 */

static int get_xsave(struct vcpu *c, struct vcpu_state *s)
{
	return call(c, c->all->has_xsave2 ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, s->xsave);
}

/* The state of guests of the guest is not taken. */
static int refuse_nested(struct vcpu *c)
{
	struct kvm_nested_state *n = calloc(1, NESTED_BYTES);
	int ret = 0;

	if (!n)
		return -ENOMEM;
	n->size = NESTED_BYTES;
	if (ioctl(c->fd, KVM_GET_NESTED_STATE, n) == 0 &&
	    n->flags & (KVM_STATE_NESTED_GUEST_MODE | KVM_STATE_NESTED_RUN_PENDING))
		ret = -EBUSY;
	free(n);
	return ret;
}

struct vcpu_state *vcpu_save(struct vcpu *c)
{
	struct vcpu_state *s = new_state(c);
	int ret;

	if (!s) {
		errno = ENOMEM;
		return NULL;
	}
	/* It may move on: a CPU that waits to be started takes what was sent to it. */
	ret = call(c, KVM_GET_MP_STATE, &s->mp) ?: call(c, KVM_GET_REGS, &s->regs);
	ret = ret ?: call(c, KVM_GET_SREGS, &s->sregs) ?: get_xsave(c, s);
	ret = ret ?: call(c, KVM_GET_LAPIC, &s->lapic) ?: call(c, KVM_GET_VCPU_EVENTS, &s->events);
	ret = ret ?: call(c, KVM_GET_DEBUGREGS, &s->debug) ?: refuse_nested(c);
	if (call(c, KVM_GET_XCRS, &s->xcrs) < 0)
		s->xcrs.nr_xcrs = 0; /* a host without XSAVE */
	s->tsc_khz = (uint32_t)MAX_OF(ioctl(c->fd, KVM_GET_TSC_KHZ, 0), 0);
	save_msrs(c, s);
	if (!ret)
		return s;
	free(s);
	errno = -ret;
	return NULL;
}

/* A timer needs its counter, its mode in the APIC, and what CPUID says of both. */
int vcpu_restore(struct vcpu *c, const struct vcpu_state *from, bool strict, struct err *e)
{
	struct vcpu_state s = *from;
	int ret = call(c, KVM_SET_SREGS, &s.sregs);

	if (s.xcrs.nr_xcrs)
		ret = ret ?: call(c, KVM_SET_XCRS, &s.xcrs);
	ret = ret ?: call(c, KVM_SET_XSAVE, s.xsave) ?: call(c, KVM_SET_REGS, &s.regs);
	if (ret)
		return err_set(e, -ret, "CPU %u: KVM refuses its registers: %s", c->index,
			       strerror(-ret));
	ret = restore_msrs(c, &s, strict, e);
	if (ret)
		return ret;
	ret = call(c, KVM_SET_LAPIC, &s.lapic) ?: vcpu_restore_time(c, &s, 0);
	ret = ret ?: call(c, KVM_SET_VCPU_EVENTS, &s.events) ?: call(c, KVM_SET_MP_STATE, &s.mp);
	ret = ret ?: call(c, KVM_SET_DEBUGREGS, &s.debug);
	return ret ? err_set(e, -ret, "CPU %u: KVM refuses its interrupts or timers: %s", c->index,
			     strerror(-ret))
		   : 0;
}

/* --- in a stream ---------------------------------------------------------------------------------
 */

void vcpu_state_put(const struct vcpu *c, const struct vcpu_state *s, struct state_writer *w)
{
	const struct kvm_cpuid2 *id = c->cpuid;

	state_put_u32(w, c->index);
	state_put_u32(w, id->nent);
	state_put_bytes(w, id->entries, id->nent * sizeof(id->entries[0]));
	state_put_u32(w, s->tsc_khz);
	state_put_bytes(w, &s->regs, sizeof(s->regs));
	state_put_bytes(w, &s->sregs, sizeof(s->sregs));
	state_put_bytes(w, &s->xcrs, sizeof(s->xcrs));
	state_put_bytes(w, &s->lapic, sizeof(s->lapic));
	state_put_bytes(w, &s->mp, sizeof(s->mp));
	state_put_bytes(w, &s->events, sizeof(s->events));
	state_put_bytes(w, &s->debug, sizeof(s->debug));
	state_put_u32(w, s->n_msrs);
	for (unsigned i = 0; i < s->n_msrs; i++) {
		state_put_u32(w, s->msrs[i].index);
		state_put_u64(w, s->msrs[i].data);
	}
	state_put_u32(w, (uint32_t)c->all->xsave_bytes);
	state_put_bytes(w, s->xsave, c->all->xsave_bytes);
}

static int get_cpuid(struct vcpu *c, struct state_reader *r, struct err *e)
{
	struct kvm_cpuid2 *own = c->cpuid, *id;
	uint32_t n = state_get_u32(r);
	size_t bytes = n * sizeof(own->entries[0]);
	int ret;

	if (n > CPUID_ENTRIES_MAX || bytes > r->left)
		return state_refuse(r, e, "more CPUID leaves than there can be");
	id = calloc(1, sizeof(*id) + CPUID_ENTRIES_MAX * sizeof(id->entries[0]));
	if (!id)
		return err_set(e, ENOMEM, "out of memory");
	id->nent = n;
	state_get_bytes(r, id->entries, bytes);
	ret = cpuid_check(id, own, e);
	if (ret || (n == own->nent && memcmp(id->entries, own->entries, bytes) == 0)) {
		free(id);
		return ret;
	}
	ret = call(c, KVM_SET_CPUID2, id);
	if (ret) {
		free(id);
		return err_set(e, -ret, "CPU %u: KVM refuses what CPUID shall say: %s", c->index,
			       strerror(-ret));
	}
	c->cpuid = id;
	free(own);
	return 0;
}

static int get_registers(struct vcpu *c, struct vcpu_state *s, struct state_reader *r,
			 struct err *e)
{
	s->tsc_khz = state_get_u32(r);
	state_get_bytes(r, &s->regs, sizeof(s->regs));
	state_get_bytes(r, &s->sregs, sizeof(s->sregs));
	state_get_bytes(r, &s->xcrs, sizeof(s->xcrs));
	state_get_bytes(r, &s->lapic, sizeof(s->lapic));
	state_get_bytes(r, &s->mp, sizeof(s->mp));
	state_get_bytes(r, &s->events, sizeof(s->events));
	state_get_bytes(r, &s->debug, sizeof(s->debug));
	s->n_msrs = state_get_u32(r);
	if (s->n_msrs > VCPU_MSRS_MAX || s->xcrs.nr_xcrs > KVM_MAX_XCRS)
		return state_refuse(r, e, "more registers than there can be");
	for (unsigned i = 0; i < s->n_msrs; i++) {
		s->msrs[i].index = state_get_u32(r);
		s->msrs[i].data = state_get_u64(r);
	}
	if (state_get_u32(r) != c->all->xsave_bytes)
		return err_set(e, ENOTSUP,
			       "CPU %u: the vector registers are not those of this host; use one "
			       "like the host where the state was made",
			       c->index);
	state_get_bytes(r, s->xsave, c->all->xsave_bytes);
	return state_done(r, e);
}

/* Another frequency needs a processor that scales. */
static int check_tsc(struct vcpu *c, uint32_t khz, struct err *e)
{
	int own = ioctl(c->fd, KVM_GET_TSC_KHZ, 0);

	if (own <= 0 || (uint32_t)own == khz || ioctl(c->fd, KVM_SET_TSC_KHZ, khz) == 0)
		return 0;
	return err_set(
		e, ENOTSUP,
		"CPU %u: its time stamp counter runs at %u kHz, this host's at %d, and cannot "
		"be scaled; use a host of that frequency",
		c->index, khz, own);
}

struct vcpu_state *vcpu_state_get(struct vcpu *c, struct state_reader *r, struct err *e)
{
	struct vcpu_state *s;

	if (get_cpuid(c, r, e) < 0)
		return NULL;
	s = new_state(c);
	if (!s) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	if (get_registers(c, s, r, e) == 0 && check_tsc(c, s->tsc_khz, e) == 0)
		return s;
	free(s);
	return NULL;
}
