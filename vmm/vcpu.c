/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/vcpu.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/vcpu_regs.h"
#include "vmm/vcpu_state.h"

#define KICK_SIGNAL SIGUSR1

struct start_arg {
	struct vcpu *cpu;
	void (*prepare)(void);
};

static int refused(struct err *e, const char *what, int code)
{
	return err_set(e, code, "KVM refuses %s: %s; see the host's kernel log", what,
		       strerror(code));
}

static int init_one(struct vcpus *v, unsigned i, enum cpu_model model, unsigned n, struct err *e)
{
	struct vcpu *c = &v->cpus[i];
	int ret;

	*c = (struct vcpu){.index = i, .all = v, .run = MAP_FAILED};
	c->fd = ioctl(v->vm->fd, KVM_CREATE_VCPU, i);
	if (c->fd < 0)
		return refused(e, "another CPU", errno);
	v->n++;
	c->run = mmap(NULL, v->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	if (c->run == MAP_FAILED)
		return refused(e, "another CPU's memory", errno);
	ret = vcpu_set_cpuid(c, model, n);
	if (ret)
		return refused(e, "the CPU model", -ret);
	ret = vcpu_init_lapic(c);
	if (ret)
		return refused(e, "the local APIC's state", -ret);
	c->pristine = vcpu_save(c);
	return c->pristine ? 0 : refused(e, "to show a CPU's state", errno);
}

static int list_msrs(struct vcpus *v)
{
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + sizeof(v->msrs));
	int ret;

	if (!list)
		return -ENOMEM;
	list->nmsrs = VCPU_MSRS_MAX;
	ret = ioctl(v->vm->kvm, KVM_GET_MSR_INDEX_LIST, list) < 0 ? -errno : 0;
	if (!ret) {
		v->n_msrs = list->nmsrs;
		memcpy(v->msrs, list->indices, v->n_msrs * sizeof(v->msrs[0]));
	}
	free(list);
	return ret;
}

int vcpus_init(struct vcpus *v, struct vm *vm, unsigned n, enum cpu_model model, struct err *e)
{
	int bytes = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	int xsave2 = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	int ret;

	v->vm = vm;
	v->n = 0;
	v->has_xsave2 = xsave2 > 0;
	v->xsave_bytes = (size_t)MAX_OF(xsave2, (int)sizeof(struct kvm_xsave));
	v->wish = VCPUS_PAUSE;
	pthread_cond_init(&v->changed, NULL);
	if (bytes < (int)sizeof(struct kvm_run))
		return refused(e, "the size of a CPU's memory", EINVAL);
	v->run_bytes = (size_t)bytes;
	ret = list_msrs(v);
	if (ret)
		return refused(e, "the list of its MSRs", -ret);
	for (unsigned i = 0; i < n && ret == 0; i++)
		ret = init_one(v, i, model, n, e);
	return ret;
}

void vcpus_fini(struct vcpus *v)
{
	for (unsigned i = 0; i < v->n; i++) {
		struct vcpu *c = &v->cpus[i];

		free(c->pristine);
		free(c->cpuid);
		if (c->run != MAP_FAILED)
			munmap(c->run, v->run_bytes);
		close(c->fd);
	}
	v->n = 0;
}

int vcpus_boot(struct vcpus *v, const struct kernel *k, struct err *e)
{
	int ret = vcpu_set_entry(&v->cpus[0], k);

	return ret ? refused(e, "the registers of the kernel's entry", -ret) : 0;
}

int vcpus_reset(struct vcpus *v, struct err *e)
{
	int ret = 0;

	for (unsigned i = 0; i < v->n && ret == 0; i++)
		ret = vcpu_restore(&v->cpus[i], v->cpus[i].pristine, false, e);
	return ret;
}

static void handle_ports(struct vcpu *c)
{
	struct kvm_run *r = c->run;
	uint8_t *data = (uint8_t *)r + r->io.data_offset;

	for (uint32_t i = 0; i < r->io.count; i++, data += r->io.size) {
		if (r->io.direction == KVM_EXIT_IO_OUT)
			bus_write(c->all->ports, r->io.port, data, r->io.size);
		else
			bus_read(c->all->ports, r->io.port, data, r->io.size);
	}
}

static void handle_memory(struct vcpu *c)
{
	struct kvm_run *r = c->run;

	if (r->mmio.is_write)
		bus_write(c->all->memory, r->mmio.phys_addr, r->mmio.data, r->mmio.len);
	else
		bus_read(c->all->memory, r->mmio.phys_addr, r->mmio.data, r->mmio.len);
}

static void fail(struct vcpu *c, const char *what, unsigned long long detail)
{
	struct kvm_regs regs = {0};
	char why[160];

	ioctl(c->fd, KVM_GET_REGS, &regs);
	snprintf(why, sizeof(why), "CPU %u cannot go on: %s (0x%llx) at rip 0x%llx", c->index, what,
		 detail, (unsigned long long)regs.rip);
	c->all->ops->failed(c->all->arg, why);
}

/* What made the guest's code stop. With the lock. */
static void handle_exit(struct vcpu *c)
{
	struct kvm_run *r = c->run;

	c->unfinished = r->exit_reason == KVM_EXIT_IO || r->exit_reason == KVM_EXIT_MMIO;
	switch (r->exit_reason) {
	case KVM_EXIT_IO:
		handle_ports(c);
		break;
	case KVM_EXIT_MMIO:
		handle_memory(c);
		break;
	case KVM_EXIT_SHUTDOWN:
		c->all->ops->triple_fault(c->all->arg);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_HLT:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	case KVM_EXIT_FAIL_ENTRY:
		fail(c, "the processor refuses its state",
		     r->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		fail(c, "KVM cannot emulate it", r->internal.suberror);
		break;
	default:
		fail(c, "unexpected exit", r->exit_reason);
	}
}

/* What was read goes into the guest's registers when KVM runs next, which it does not do then. */
static void finish_access(struct vcpu *c)
{
	while (c->unfinished) {
		c->unfinished = false;
		c->run->immediate_exit = 1;
		if (ioctl(c->fd, KVM_RUN, 0) == 0)
			handle_exit(c); /* an access in several parts */
	}
}

/* With the lock: waits while paused; false when the thread shall end. */
static bool may_run(struct vcpu *c)
{
	struct vcpus *v = c->all;

	while (v->wish == VCPUS_PAUSE) {
		finish_access(c);
		v->n_paused++;
		pthread_cond_broadcast(&v->changed);
		pthread_cond_wait(&v->changed, v->lock);
		v->n_paused--;
	}
	c->run->immediate_exit = v->wish != VCPUS_RUN;
	return v->wish == VCPUS_RUN;
}

static void run(struct vcpu *c)
{
	struct vcpus *v = c->all;
	int ret;

	pthread_mutex_lock(v->lock);
	while (may_run(c)) {
		pthread_mutex_unlock(v->lock);
		ret = ioctl(c->fd, KVM_RUN, 0);
		if (ret < 0 && errno != EINTR && errno != EAGAIN)
			ret = -errno;
		else if (ret < 0)
			ret = 1; /* only kicked */
		pthread_mutex_lock(v->lock);
		c->unfinished = false;
		if (ret == 0)
			handle_exit(c);
		else if (ret < 0)
			fail(c, strerror(-ret), (unsigned)-ret);
	}
	v->n_threads--;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(v->lock);
}

static void *thread_main(void *arg)
{
	struct start_arg *s = arg;
	struct vcpu *c = s->cpu;
	void (*prepare)(void) = s->prepare;
	char name[16];

	free(s);
	snprintf(name, sizeof(name), "cpu%u", c->index);
	pthread_setname_np(pthread_self(), name);
	if (prepare)
		prepare();
	run(c);
	return NULL;
}

static void ignore(int signal)
{
}

static int pin(struct vcpu *c, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	return pthread_setaffinity_np(c->thread, sizeof(set), &set);
}

static int start_one(struct vcpu *c, int cpu, void (*prepare)(void), struct err *e)
{
	struct start_arg *s = malloc(sizeof(*s));
	int code = ENOMEM;

	if (s) {
		*s = (struct start_arg){c, prepare};
		code = pthread_create(&c->thread, NULL, thread_main, s);
	}
	if (code) {
		free(s);
		return err_set(e, code, "cannot start the thread of CPU %u: %s", c->index,
			       strerror(code));
	}
	c->all->n_threads++;
	code = cpu >= 0 ? pin(c, cpu) : 0;
	return code ? err_set(e, code, "cannot pin CPU %u to the host's CPU %d: %s", c->index, cpu,
			      strerror(code))
		    : 0;
}

int vcpus_start(struct vcpus *v, const int *pins, void (*prepare)(void), struct err *e)
{
	struct sigaction kick = {.sa_handler = ignore};
	int ret = 0;

	sigaction(KICK_SIGNAL, &kick, NULL);
	pthread_mutex_lock(v->lock);
	for (unsigned i = 0; i < v->n && ret == 0; i++)
		ret = start_one(&v->cpus[i], pins ? pins[i] : -1, prepare, e);
	pthread_mutex_unlock(v->lock);
	return ret;
}

static void kick_all(struct vcpus *v)
{
	for (unsigned i = 0; i < v->n_threads; i++) {
		v->cpus[i].run->immediate_exit = 1;
		pthread_kill(v->cpus[i].thread, KICK_SIGNAL);
	}
}

void vcpus_pause(struct vcpus *v)
{
	if (v->wish == VCPUS_STOP)
		return;
	v->wish = VCPUS_PAUSE;
	kick_all(v);
	while (v->n_paused < v->n_threads)
		pthread_cond_wait(&v->changed, v->lock);
}

void vcpus_resume(struct vcpus *v)
{
	v->wish = VCPUS_RUN;
	pthread_cond_broadcast(&v->changed);
}

void vcpus_excuse(struct vcpus *v)
{
	/* Refused where the guest does not use KVM's clock, which has nothing to overlook then. */
	for (unsigned i = 0; i < v->n; i++)
		(void)!ioctl(v->cpus[i].fd, KVM_KVMCLOCK_CTRL, 0);
}

void vcpus_stop(struct vcpus *v)
{
	unsigned n = v->n_threads;

	v->wish = VCPUS_STOP;
	kick_all(v);
	pthread_cond_broadcast(&v->changed);
	while (v->n_threads)
		pthread_cond_wait(&v->changed, v->lock);
	for (unsigned i = 0; i < n; i++)
		pthread_join(v->cpus[i].thread, NULL);
}
