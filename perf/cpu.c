/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/cpu.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"

enum column { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, COLUMNS };

/* /proc/stat of a large machine is mostly one long interrupt line, which comes after the cores. */
#define TEXT_MAX (32 * 1024)

static const char *parse_columns(const char *at, uint64_t v[COLUMNS])
{
	for (int i = 0; i < COLUMNS; i++) {
		char *end;

		v[i] = strtoull(at, &end, 10);
		at = end;
	}
	return at;
}

static void parse_core(struct cpu_sample *s, const uint64_t v[COLUMNS])
{
	uint64_t busy = v[USER] + v[NICE] + v[SYSTEM] + v[IRQ] + v[SOFTIRQ];

	if (s->cores == CPU_CORES_MAX)
		return;
	s->core_busy[s->cores] = busy;
	s->core_all[s->cores] = busy + v[IDLE] + v[IOWAIT] + v[STEAL];
	s->cores++;
	s->user += v[USER] + v[NICE];
	s->system += v[SYSTEM];
	s->irq += v[IRQ];
	s->softirq += v[SOFTIRQ];
	s->steal += v[STEAL];
	s->idle += v[IDLE] + v[IOWAIT];
}

void cpu_sample_parse(struct cpu_sample *s, const char *text)
{
	uint64_t v[COLUMNS];
	const char *line;

	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "cpu", 3) != 0)
			break;
		if (line[3] < '0' || line[3] > '9')
			continue;
		parse_columns(line + 3 + strcspn(line + 3, " \n"), v);
		parse_core(s, v);
	}
}

static uint64_t timeval_ns(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * NS_PER_S + (uint64_t)tv.tv_usec * 1000;
}

void cpu_sample_take(struct cpu_sample *s)
{
	static char text[TEXT_MAX];
	struct rusage self;
	ssize_t len = 0;
	int fd;

	memset(s, 0, sizeof(*s));
	fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[len > 0 ? len : 0] = '\0';
	cpu_sample_parse(s, text);
	if (getrusage(RUSAGE_SELF, &self) < 0)
		return;
	s->process_user_ns = timeval_ns(self.ru_utime);
	s->process_system_ns = timeval_ns(self.ru_stime);
	s->voluntary_switches = (uint64_t)self.ru_nvcsw;
	s->involuntary_switches = (uint64_t)self.ru_nivcsw;
}

static uint64_t ticks_ns(uint64_t from, uint64_t to)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	return to > from ? (to - from) * (NS_PER_S / hz) : 0;
}

static void find_peak(const struct cpu_sample *from, const struct cpu_sample *to,
		      struct cpu_use *use)
{
	for (unsigned i = 0; i < to->cores; i++) {
		uint64_t all = to->core_all[i] - from->core_all[i];
		uint64_t busy = to->core_busy[i] - from->core_busy[i];

		if (all == 0 || busy > all || busy * 1000 / all < use->peak_permille)
			continue;
		use->peak_permille = busy * 1000 / all;
		use->peak_core = i;
	}
}

void cpu_use_between(const struct cpu_sample *from, const struct cpu_sample *to,
		     struct cpu_use *use)
{
	memset(use, 0, sizeof(*use));
	use->process_user_ns = to->process_user_ns - from->process_user_ns;
	use->process_system_ns = to->process_system_ns - from->process_system_ns;
	use->voluntary_switches = to->voluntary_switches - from->voluntary_switches;
	use->involuntary_switches = to->involuntary_switches - from->involuntary_switches;
	if (from->cores != to->cores)
		return;
	use->user_ns = ticks_ns(from->user, to->user);
	use->system_ns = ticks_ns(from->system, to->system);
	use->irq_ns = ticks_ns(from->irq, to->irq);
	use->softirq_ns = ticks_ns(from->softirq, to->softirq);
	use->steal_ns = ticks_ns(from->steal, to->steal);
	use->idle_ns = ticks_ns(from->idle, to->idle);
	if (cpu_use_busy_ns(use) + use->idle_ns + use->steal_ns == 0)
		return;
	use->cores = to->cores;
	find_peak(from, to, use);
}

uint64_t cpu_use_busy_ns(const struct cpu_use *use)
{
	return use->user_ns + use->system_ns + use->irq_ns + use->softirq_ns;
}

double cpu_use_percent(const struct cpu_use *use)
{
	uint64_t busy = cpu_use_busy_ns(use), all = busy + use->idle_ns + use->steal_ns;

	return use->cores && all ? 100.0 * (double)busy / (double)all : -1;
}
