/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/sigbus.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#include "common/util.h"

#define LATEST 16

static _Atomic uintptr_t latest[LATEST]; /* w: the handler; r: any */
static atomic_uint n_lost;

/* A huge page can only be replaced as a whole. */
static bool replace(uintptr_t at)
{
	static const size_t sizes[] = {4096, 2 << 20, 1 << 30};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		if (mmap((void *)(at & ~(sizes[i] - 1)), sizes[i], PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			 0) != MAP_FAILED)
			return true;
	return false;
}

/* BUS_ADRERR: beyond the end of a mapped file, or a huge page that cannot be had. */
static void handle(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	if (info->si_code == BUS_ADRERR && replace(at))
		atomic_store(&latest[atomic_fetch_add(&n_lost, 1) % LATEST], at);
	else
		signal(SIGBUS, SIG_DFL); /* and the same access again, which ends the process */
}

void sigbus_init(void)
{
	struct sigaction act = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};

	sigaction(SIGBUS, &act, NULL);
}

bool sigbus_hit(const struct guest_memory *mem)
{
	for (unsigned k = 0; k < LATEST; k++) {
		uintptr_t at = atomic_load(&latest[k]);

		for (unsigned i = 0; at && i < mem->n; i++)
			if (at - (uintptr_t)mem->regions[i].hva < mem->regions[i].size)
				return true;
	}
	return false;
}
