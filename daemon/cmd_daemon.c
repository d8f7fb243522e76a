/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cmd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_version.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/version.h"

void cmd_log_list(struct call *call, void *ctx)
{
	json_t *list = json_array();

	for (int m = 0; m < LOG_MODULE_N; m++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s}", "module",
						log_module_name((enum log_module)m), "level",
						log_level_name(log_level_get((enum log_module)m))));
	call_reply(call, list);
}

void cmd_log_set(struct call *call, void *ctx)
{
	const char *module, *level;
	struct err e = {0};

	if (call_param_string(call, "module", CALL_REQUIRED, &module) < 0 ||
	    call_param_string(call, "level", CALL_REQUIRED, &level) < 0)
		return;
	if (log_level_set(module, level, &e) < 0)
		call_fail(call, RPC_INVALID_PARAMS, "%s", e.text);
	else
		call_reply(call, json_object());
}

void cmd_log_tail(struct call *call, void *ctx)
{
	char *text = malloc(LOG_TAIL_BYTES + 1);
	size_t len = text ? log_tail(text, LOG_TAIL_BYTES + 1) : 0;

	/* A line may quote bytes that are no UTF-8, or end within a letter. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] >= 0x80)
			text[i] = '?';
	call_reply(call, json_pack("{s:s}", "text", text ? text : ""));
	free(text);
}

void cmd_version(struct call *call, void *ctx)
{
	struct weftd *d = ctx;

	/* "DPDK 22.11.1" */
	call_reply(call, json_pack("{s:s, s:s, s:i, s:I}", "version", version_text, "dpdk",
				   rte_version() + strcspn(rte_version(), "0123456789"), "pid",
				   (int)getpid(), "uptime_s",
				   (json_int_t)((clock_now_ms() - d->started_ms) / 1000)));
}

static void forget_exit_call(struct call *call, void *arg)
{
	struct weftd *d = arg;

	d->exit_call = NULL;
	call_reply(call, NULL);
}

void cmd_exit(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	bool keep_guests = false;

	if (call_param_bool(call, "keep_guests", CALL_OPTIONAL, &keep_guests) < 0)
		return;
	if (d->exit_call) {
		call_fail(call, RPC_FAILED, "weftd is already on its way out");
		return;
	}
	d->exit_call = call;
	call_on_gone(call, forget_exit_call, d);
	weftd_exit(d, keep_guests);
}
