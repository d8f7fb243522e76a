/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/guest_policy.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/util.h"

static const char *const shutdown_reasons[] = {
	[GUEST_SHUTDOWN_NONE] = "",
	[GUEST_SHUTDOWN_GUEST] = "guest-shutdown",
	[GUEST_SHUTDOWN_RESET] = "guest-reset",
	[GUEST_SHUTDOWN_PANIC] = "guest-panic",
	[GUEST_SHUTDOWN_HOST] = "host-qmp-quit",
};
static_assert(ARRAY_SIZE(shutdown_reasons) == GUEST_SHUTDOWN_N, "a name for each reason");

enum guest_shutdown guest_shutdown_parse(const char *reason)
{
	for (int i = GUEST_SHUTDOWN_GUEST; i < GUEST_SHUTDOWN_N; i++)
		if (strcmp(reason, shutdown_reasons[i]) == 0)
			return i;
	return GUEST_SHUTDOWN_HOST;
}

static enum guest_outcome describe_exit(const struct guest_end *end, char *text, size_t size)
{
	if (!end->status_known) {
		snprintf(text, size,
			 "QEMU ended; how is not known, an earlier weftd had started it");
		return GUEST_OUTCOME_FAILED;
	}
	if (WIFSIGNALED(end->status)) {
		const char *name = sigabbrev_np(WTERMSIG(end->status));

		snprintf(text, size, "QEMU was killed by SIG%s", name ?: "?");
		return GUEST_OUTCOME_FAILED;
	}
	if (WEXITSTATUS(end->status) == 0) {
		snprintf(text, size, "QEMU exited");
		return GUEST_OUTCOME_OFF;
	}
	snprintf(text, size, "QEMU exited with status %d: %s", WEXITSTATUS(end->status),
		 end->last_log[0] ? end->last_log : "it said nothing");
	return GUEST_OUTCOME_FAILED;
}

static enum guest_outcome describe(const struct guest_end *end, char *text, size_t size)
{
	bool bad_status = end->status_known && end->status != 0;

	if (end->requested) {
		snprintf(text, size,
			 end->killed ? "stopped by force, it did not answer" : "stopped");
		return GUEST_OUTCOME_STOPPED;
	}
	if (end->shutdown == GUEST_SHUTDOWN_PANIC ||
	    (end->shutdown == GUEST_SHUTDOWN_RESET && end->panic[0])) {
		snprintf(text, size, "guest panicked: %s",
			 end->panic[0] ? end->panic : "see its console");
		return GUEST_OUTCOME_FAILED;
	}
	if (bad_status || end->shutdown == GUEST_SHUTDOWN_NONE)
		return describe_exit(end, text, size);
	if (end->shutdown == GUEST_SHUTDOWN_RESET) {
		snprintf(text, size, "guest rebooted");
		return GUEST_OUTCOME_REBOOT;
	}
	if (end->shutdown == GUEST_SHUTDOWN_GUEST) {
		snprintf(text, size, "guest switched itself off");
		return GUEST_OUTCOME_OFF;
	}
	snprintf(text, size, "somebody else told QEMU to quit");
	return GUEST_OUTCOME_OFF;
}

enum guest_outcome guest_end_describe(const struct guest_end *end, char *text, size_t size)
{
	enum guest_outcome outcome = describe(end, text, size);

	for (char *p = text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return outcome;
}

static bool wants_restart(enum guest_restart policy, enum guest_outcome outcome)
{
	if (policy == RESTART_NO || outcome == GUEST_OUTCOME_STOPPED)
		return false;
	return policy == RESTART_ALWAYS || outcome != GUEST_OUTCOME_OFF;
}

bool guest_restarts(enum guest_restart policy, enum guest_outcome outcome, uint64_t ran_ms,
		    unsigned *row, uint64_t *delay_ms)
{
	if (ran_ms >= GUEST_HEALTHY_MS)
		*row = 0;
	if (!wants_restart(policy, outcome))
		return false;
	*delay_ms = (uint64_t)GUEST_BACKOFF_FIRST_MS << MIN_OF(*row, 8u);
	*delay_ms = MIN_OF(*delay_ms, (uint64_t)GUEST_BACKOFF_MAX_MS);
	++*row;
	return true;
}
