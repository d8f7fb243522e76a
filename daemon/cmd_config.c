/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/edit.h"
#include "daemon/apply.h"
#include "daemon/cmd.h"
#include "daemon/running.h"

/*
 * Every mutation is an edited copy of the running configuration that takes the road of `apply`;
 * with dry_run it stops at the plan.
 */

static json_t *changes_json(const struct config_diff *diff)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < diff->n; i++) {
		const struct change *c = &diff->changes[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:b}", "op",
						      change_op_name(c->op), "object",
						      change_object_name(c->object), "name",
						      c->name, "detail", c->detail, "disruptive",
						      c->disruptive, "disrupts", c->disrupts,
						      "needs_restart", c->needs_restart));
	}
	return list;
}

static json_t *failures_json(const struct apply_result *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < MIN_OF(r->n_failed, (unsigned)APPLY_FAILURES_MAX); i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", r->failed[i].name,
						      "error", r->failed[i].err.text));
	return list;
}

static void reply_plan(struct call *call, struct weftd *d, struct config *wanted)
{
	struct config_diff diff;

	if (config_diff(d->config, wanted, &diff) < 0) {
		call_fail(call, RPC_INTERNAL_ERROR, "out of memory");
	} else {
		call_reply(call, json_pack("{s:o, s:b, s:[]}", "changes", changes_json(&diff),
					   "applied", 0, "failed"));
		config_diff_fini(&diff);
	}
	config_free(wanted);
}

static void reply_apply(struct call *call, struct weftd *d, struct config *wanted)
{
	struct apply_result r;
	int ret = apply_config(d, wanted, &r);

	if (ret == -ENOMEM)
		call_fail(call, RPC_INTERNAL_ERROR, "out of memory; nothing was changed");
	else if (ret < 0)
		call_fail_data(call, RPC_PARTLY_APPLIED,
			       json_pack("{s:o, s:b, s:o}", "changes", changes_json(&r.diff),
					 "applied", 1, "failed", failures_json(&r)),
			       "saved, but not everything took effect: %s", r.failed[0].err.text);
	else
		call_reply(call, json_pack("{s:o, s:b, s:[]}", "changes", changes_json(&r.diff),
					   "applied", 1, "failed"));
	apply_result_fini(&r);
}

void cmd_change_to(struct call *call, struct weftd *d, struct config *wanted, const struct err *e)
{
	bool dry_run = false;

	if (!wanted) {
		call_fail(call, RPC_FAILED, "%s", e->text);
		return;
	}
	if (call_param_bool(call, "dry_run", CALL_OPTIONAL, &dry_run) < 0) {
		config_free(wanted);
		return;
	}
	if (dry_run)
		reply_plan(call, d, wanted);
	else
		reply_apply(call, d, wanted);
}

static void reply_nothing(struct call *call)
{
	call_reply(call, json_pack("{s:[], s:b, s:[]}", "changes", "applied", 1, "failed"));
}

/* The flag says that an object that is already as wanted is no error. */
static bool flag(struct call *call, const char *key)
{
	bool v = false;

	return call_param_bool(call, key, CALL_OPTIONAL, &v) == 0 && v;
}

void cmd_add_br(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	const char *name, *const *fields = NULL;
	unsigned n = 0;
	struct err e = {0};

	if (call_param_string(call, "bridge", CALL_REQUIRED, &name) < 0 ||
	    call_param_strings(call, "fields", CALL_OPTIONAL, &fields, &n) < 0)
		return;
	if (config_bridge_lookup(d->config, name) && flag(call, "may_exist"))
		reply_nothing(call);
	else
		cmd_change_to(call, d, config_with_bridge(d->config, name, fields, n, &e), &e);
}

void cmd_del_br(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	struct err e = {0};
	const char *name;

	if (call_param_string(call, "bridge", CALL_REQUIRED, &name) < 0)
		return;
	if (!config_bridge_lookup(d->config, name) && flag(call, "if_exists"))
		reply_nothing(call);
	else
		cmd_change_to(call, d, config_without_bridge(d->config, name, &e), &e);
}

void cmd_add_port(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	const char *bridge, *name, *const *fields = NULL;
	const struct config_port *there;
	unsigned n = 0;
	struct err e = {0};

	if (call_param_string(call, "bridge", CALL_REQUIRED, &bridge) < 0 ||
	    call_param_string(call, "port", CALL_REQUIRED, &name) < 0 ||
	    call_param_strings(call, "fields", CALL_OPTIONAL, &fields, &n) < 0)
		return;
	there = config_port_lookup(d->config, name);
	if (there && strcmp(there->bridge, bridge) == 0 && flag(call, "may_exist"))
		reply_nothing(call);
	else
		cmd_change_to(call, d, config_with_port(d->config, bridge, name, fields, n, &e),
			      &e);
}

void cmd_del_port(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	struct err e = {0};
	const char *name;

	if (call_param_string(call, "port", CALL_REQUIRED, &name) < 0)
		return;
	if (!config_port_lookup(d->config, name) && vswitch_port_lookup(d->vswitch, name))
		call_fail(call, RPC_FAILED,
			  "port %s is a NIC of a guest; take it out of the guest's nics with "
			  "`weft apply`",
			  name);
	else if (!config_port_lookup(d->config, name) && flag(call, "if_exists"))
		reply_nothing(call);
	else
		cmd_change_to(call, d, config_without_port(d->config, name, &e), &e);
}

/* "bridge NAME", "port NAME", "guest NAME", or "switch" without a name. */
static int object_params(struct call *call, const char **kind, const char **name)
{
	*name = "";
	if (call_param_string(call, "kind", CALL_REQUIRED, kind) < 0)
		return -EINVAL;
	return call_param_string(call, "name", CALL_OPTIONAL, name);
}

void cmd_set(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	const char *kind, *name, *const *fields;
	unsigned n;
	struct err e = {0};

	if (object_params(call, &kind, &name) < 0 ||
	    call_param_strings(call, "fields", CALL_REQUIRED, &fields, &n) < 0)
		return;
	cmd_change_to(call, d, config_set(d->config, kind, name, fields, n, &e), &e);
}

void cmd_get(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	const char *kind, *name, *key;
	char value[512];
	struct err e = {0};

	if (object_params(call, &kind, &name) < 0 ||
	    call_param_string(call, "key", CALL_REQUIRED, &key) < 0)
		return;
	if (config_get(d->config, kind, name, key, value, sizeof(value), &e) < 0)
		call_fail(call, RPC_FAILED, "%s", e.text);
	else
		call_reply(call, json_string(value));
}

/* Fails the call with all errors of the text, printed as `check` prints them. */
static void fail_with_errors(struct call *call, const struct config_errors *errs, const char *file,
			     const char *text)
{
	char *printed = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&printed, &size);

	if (f) {
		config_errors_print(errs, file, text, strlen(text), f);
		fclose(f);
	}
	call_fail(call, RPC_FAILED, "the configuration is not valid; nothing was changed\n%s",
		  printed ? printed : "");
	free(printed);
}

static struct config *config_param(struct call *call)
{
	const char *file = "standard input", *text;
	struct config_errors errs;
	struct config *c;

	if (call_param_string(call, "file", CALL_OPTIONAL, &file) < 0 ||
	    call_param_string(call, "text", CALL_REQUIRED, &text) < 0)
		return NULL;
	c = config_parse_checked(text, strlen(text), file, true, &errs);
	if (!c)
		fail_with_errors(call, &errs, file, text);
	return c;
}

void cmd_plan(struct call *call, void *ctx)
{
	struct config *wanted = config_param(call);

	if (wanted)
		reply_plan(call, ctx, wanted);
}

void cmd_apply(struct call *call, void *ctx)
{
	struct config *wanted = config_param(call);
	const char *text;

	if (!wanted)
		return;
	if (!flag(call, "dry_run") && call_param_string(call, "text", CALL_REQUIRED, &text) == 0)
		running_mark(ctx, text);
	cmd_change_to(call, ctx, wanted, NULL);
}
