/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/kvm_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"

#define LIMIT_MS      1000 /* of the child's CPU time */
#define LIMIT_WALL_MS 3000
#define LOOK_MS	      20
/* Hardware does thousands of millions a second, QEMU's nested SVM hundreds, an emulator about one.
 */
#define USABLE_PER_S 20000000ull
#define ITERATIONS   500000u
#define INSTRUCTIONS (2ull * ITERATIONS)
/* A host that is busy can be slow once, without emulating anything: the best of some runs counts.
 */
#define RUNS_MAX 4
#define RUNS_MS	 500

/* Guest-physical layout; virtual is the same, by one large page. */
#define PML4_AT	    0x1000
#define PDPT_AT	    0x2000
#define PD_AT	    0x3000
#define CODE_AT	    0x4000
#define DATA_AT	    0x5000
#define MEMORY_SIZE 0x8000
#define TSS_AT	    0xfffbd000ull

enum {
	PTE_PRESENT = 1,
	PTE_WRITE = 2,
	PTE_LARGE = 0x80,
	CR0_PE = 1,
	CR0_NE = 0x20,
	CR0_PG = 1u << 31,
	CR4_PAE = 0x20,
	CR4_OSFXSR = 0x200,
	EFER_LME = 0x100,
	EFER_LMA = 0x400,
};

/* The last two are what kernels use and what emulators of kernel code have been seen to lack. */
static const uint8_t code[] = {
	0xb9,
	ITERATIONS & 0xff,
	ITERATIONS >> 8 & 0xff,
	ITERATIONS >> 16,
	0, /* mov ecx, n */
	0xff,
	0xc9, /* dec ecx */
	0x75,
	0xfc, /* jnz -4 */
	0xf0,
	0x48,
	0x0f,
	0xc7,
	0x0f, /* lock cmpxchg16b [rdi] */
	0x0f,
	0xae,
	0x07, /* fxsave [rdi] */
	0xf4, /* hlt */
};

static void say_rate(uint64_t per_s, char *text, size_t size)
{
	if (per_s >= 10000000)
		snprintf(text, size, "%llu million", (unsigned long long)per_s / 1000000);
	else
		snprintf(text, size, "%.1f million", (double)per_s / 1e6);
}

static void decide_rate(const struct kvm_sample *s, struct kvm_probe *p)
{
	uint64_t per_s = s->instructions * NS_PER_S / MAX_OF(s->cpu_ns, 1u);
	char rate[32];

	say_rate(per_s, rate, sizeof(rate));
	p->usable = !s->timed_out && per_s >= USABLE_PER_S;
	if (p->usable)
		snprintf(p->reason, sizeof(p->reason),
			 "kernel code runs at hardware speed (%s instructions/s)", rate);
	else
		snprintf(p->reason, sizeof(p->reason),
			 "kernel code is emulated at %s%s instructions/s; use a host with VT-x or "
			 "AMD-V",
			 s->timed_out ? "less than " : "", rate);
}

static void decide_open(const struct kvm_sample *s, struct kvm_probe *p)
{
	const char *what = strerror(s->error);

	if (s->error == ENOENT)
		what = "does not exist; load kvm_intel or kvm_amd, or enable virtualization in "
		       "the firmware";
	else if (s->error == EACCES || s->error == EPERM)
		what = "permission denied; run as root or join the group kvm";
	snprintf(p->reason, sizeof(p->reason), "/dev/kvm: %s", what);
}

void kvm_probe_decide(const struct kvm_sample *s, struct kvm_probe *p)
{
	p->usable = false;
	switch (s->step) {
	case KVM_STEP_OPEN:
		decide_open(s, p);
		break;
	case KVM_STEP_SETUP:
		snprintf(p->reason, sizeof(p->reason),
			 "KVM refuses a 64-bit guest: %s; update the host's kernel",
			 strerror(s->error));
		break;
	case KVM_STEP_RUN:
		if (s->timed_out) {
			decide_rate(s, p);
			break;
		}
		snprintf(p->reason, sizeof(p->reason),
			 "KVM cannot run a loop of kernel code (exit reason %d); update the host's "
			 "kernel",
			 s->error);
		break;
	default:
		decide_rate(s, p);
	}
}

static void fill_memory(uint8_t *memory)
{
	*(uint64_t *)(memory + PML4_AT) = PDPT_AT | PTE_PRESENT | PTE_WRITE;
	*(uint64_t *)(memory + PDPT_AT) = PD_AT | PTE_PRESENT | PTE_WRITE;
	*(uint64_t *)(memory + PD_AT) = PTE_PRESENT | PTE_WRITE | PTE_LARGE;
	memcpy(memory + CODE_AT, code, sizeof(code));
}

static int set_registers(int vcpu)
{
	struct kvm_regs regs = {.rip = CODE_AT, .rflags = 2, .rsp = MEMORY_SIZE, .rdi = DATA_AT};
	struct kvm_segment data = {.limit = 0xffffffff,
				   .selector = 16,
				   .type = 3,
				   .present = 1,
				   .db = 1,
				   .s = 1,
				   .g = 1};
	struct kvm_sregs s;

	if (ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
		return -errno;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.cs = data;
	s.cs.selector = 8;
	s.cs.type = 11;
	s.cs.db = 0;
	s.cs.l = 1;
	s.cr0 = CR0_PE | CR0_NE | CR0_PG;
	s.cr3 = PML4_AT;
	s.cr4 = CR4_PAE | CR4_OSFXSR;
	s.efer = EFER_LME | EFER_LMA;
	if (ioctl(vcpu, KVM_SET_SREGS, &s) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
		return -errno;
	return 0;
}

/* Returns the vCPU with `run` mapped, or -errno. Descriptors and mappings end with the child. */
static int make_machine(int kvm, struct kvm_run **run)
{
	struct kvm_userspace_memory_region region = {.memory_size = MEMORY_SIZE};
	uint8_t *memory =
		mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	int vcpu;

	if (memory == MAP_FAILED || vm < 0 || size < 0)
		return -errno;
	ioctl(vm, KVM_SET_TSS_ADDR, TSS_AT);
	fill_memory(memory);
	region.userspace_addr = (uintptr_t)memory;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return -errno;
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		return -errno;
	*run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	return *run == MAP_FAILED ? -errno : vcpu;
}

/* The CPU's time, not the wall's: a busy host must not make its KVM look slow. */
static uint64_t cpu_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* The shortest time that the loop took. Returns 0 or the exit reason that was not expected. */
static int run_best(int vcpu, struct kvm_run *run, uint64_t *best_ns)
{
	uint64_t first_ns = cpu_now_ns(), start_ns;

	*best_ns = UINT64_MAX;
	for (unsigned i = 0; i < RUNS_MAX; i++) {
		start_ns = cpu_now_ns();
		if (set_registers(vcpu) < 0 || ioctl(vcpu, KVM_RUN, 0) < 0 ||
		    run->exit_reason != KVM_EXIT_HLT)
			return (int)run->exit_reason ?: -1;
		*best_ns = MIN_OF(*best_ns, cpu_now_ns() - start_ns);
		if (INSTRUCTIONS * NS_PER_S / MAX_OF(*best_ns, 1u) >= USABLE_PER_S ||
		    cpu_now_ns() - first_ns > RUNS_MS * NS_PER_MS)
			break;
	}
	return 0;
}

static void sample(const char *path, struct kvm_sample *s)
{
	int kvm = open(path, O_RDWR | O_CLOEXEC);
	struct kvm_run *run;
	int vcpu;

	*s = (struct kvm_sample){.step = KVM_STEP_OPEN, .error = errno};
	if (kvm < 0)
		return;
	s->step = KVM_STEP_SETUP;
	vcpu = make_machine(kvm, &run);
	s->error = vcpu < 0 ? -vcpu : 0;
	if (s->error)
		return;
	s->step = KVM_STEP_RUN;
	s->error = run_best(vcpu, run, &s->cpu_ns);
	if (s->error)
		return;
	s->step = KVM_STEP_DONE;
	s->instructions = INSTRUCTIONS;
}

static _Noreturn void child(const char *path, int out)
{
	struct kvm_sample s;

	sample(path, &s);
	_exit(write(out, &s, sizeof(s)) == sizeof(s) ? 0 : 1);
}

/* What the child has used of a CPU, which on a busy host is less than the time that went by. */
static uint64_t used_ms(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / NS_PER_MS;
}

/* Waits for the child's answer; without one in time, the answer is that it was too slow. */
static void wait_for(pid_t pid, int in, struct kvm_sample *s)
{
	struct pollfd fd = {.fd = in, .events = POLLIN};
	uint64_t end_ms = clock_now_ms() + LIMIT_WALL_MS;

	while (clock_now_ms() < end_ms && used_ms(pid) < LIMIT_MS) {
		if (poll(&fd, 1, LOOK_MS) > 0)
			break;
	}
	if (fd.revents) {
		if (read(in, s, sizeof(*s)) != sizeof(*s))
			*s = (struct kvm_sample){.step = KVM_STEP_SETUP, .error = EIO};
		return;
	}
	*s = (struct kvm_sample){.step = KVM_STEP_RUN,
				 .instructions = INSTRUCTIONS,
				 .cpu_ns = LIMIT_MS * NS_PER_MS,
				 .timed_out = true};
}

void kvm_probe_run(const char *path, struct kvm_probe *p)
{
	struct kvm_sample s = {.step = KVM_STEP_SETUP};
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		s.error = errno;
		kvm_probe_decide(&s, p);
		return;
	}
	pid = fork();
	if (pid == 0)
		child(path ?: "/dev/kvm", fds[1]);
	s.error = errno;
	close(fds[1]);
	if (pid > 0) {
		wait_for(pid, fds[0], &s);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	close(fds[0]);
	kvm_probe_decide(&s, p);
}
