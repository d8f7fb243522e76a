/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/governor.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"

#define SPAN_GROWTH 4
#define SPAN_MAX    32

static void begin_probe(struct governor *g)
{
	g->spin = false;
}

static void begin_spin(struct governor *g)
{
	g->spin = true;
	g->left = g->span ? g->span : 1;
	g->span = MIN_OF(g->left * SPAN_GROWTH, SPAN_MAX);
}

bool governor_tick(struct governor *g, const struct governor_sample *s)
{
	if (!s->worked) {
		*g = (struct governor){0};
		return false;
	}
	if (g->spin) {
		if (--g->left == 0)
			begin_probe(g);
	} else if (s->idle_ns >= s->wall_ns / 2) {
		begin_spin(g);
	} else {
		g->span = 0;
	}
	return g->spin;
}

int governor_read_idle(int fd, uint64_t *idle_ns)
{
	unsigned long long idle, iowait;
	char line[256];
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);

	if (n < 0)
		return -errno;
	line[n] = '\0';
	if (sscanf(line, "cpu %*u %*u %*u %llu %llu", &idle, &iowait) != 2)
		return -EPROTO;
	*idle_ns = (idle + iowait) * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
	return 0;
}
