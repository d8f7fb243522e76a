/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_CPU_H
#define PERF_CPU_H

/*
 * Processor time over a window: of the whole machine from /proc/stat, in the kernel's ticks of
 * mostly 10 ms, and of this process from getrusage. Busy is user, system, irq and softirq time:
 * waiting for I/O is idle, and stolen time was somebody else's. Without a readable /proc/stat (a
 * guest that did not mount /proc) `cores` is 0 and the machine's part is unknown.
 */

#include <stdint.h>

#define CPU_CORES_MAX 256

/* Totals since boot or since the process began. */
struct cpu_sample {
	unsigned cores;
	uint64_t user, system, irq, softirq, steal, idle; /* ticks of all cores */
	uint64_t core_busy[CPU_CORES_MAX], core_all[CPU_CORES_MAX];
	uint64_t process_user_ns, process_system_ns;
	uint64_t voluntary_switches, involuntary_switches;
};

/* The difference of two samples. */
struct cpu_use {
	uint64_t cores;
	uint64_t user_ns, system_ns, irq_ns, softirq_ns, steal_ns, idle_ns;
	uint64_t peak_permille, peak_core; /* the busiest core */
	uint64_t process_user_ns, process_system_ns;
	uint64_t voluntary_switches, involuntary_switches;
};

void cpu_sample_take(struct cpu_sample *s);

/* Reads the text of /proc/stat; `s->cores` stays 0 when it holds no cpu line. */
void cpu_sample_parse(struct cpu_sample *s, const char *text);

void cpu_use_between(const struct cpu_sample *from, const struct cpu_sample *to,
		     struct cpu_use *use);

/* Busy nanoseconds of all cores, and as a share of all cores' time (0 to 100); -1 if unknown. */
uint64_t cpu_use_busy_ns(const struct cpu_use *use);
double cpu_use_percent(const struct cpu_use *use);

#endif
