/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "daemon/cmd.h"
#include "daemon/dhcp.h"

/* Answers with what `list` makes of the bridge that the call names, or of all. */
static void answer(struct call *call, struct weftd *d,
		   json_t *(*list)(struct weftd *d, const char *bridge))
{
	const char *bridge = NULL;

	if (call_param_string(call, "bridge", CALL_OPTIONAL, &bridge) < 0)
		return;
	if (bridge && !vswitch_bridge_lookup(d->vswitch, bridge))
		call_fail(call, RPC_FAILED, "there is no bridge '%s'; `weft list-br` names them",
			  bridge);
	else if (bridge && !dhcp_lookup(d, bridge))
		call_fail(call, RPC_FAILED,
			  "bridge %s has no dhcp; `weft set bridge %s dhcp.range=FIRST-LAST` gives "
			  "it one",
			  bridge, bridge);
	else
		call_reply(call, list(d, bridge));
}

void cmd_dhcp_show(struct call *call, void *ctx)
{
	answer(call, ctx, dhcp_show_json);
}

void cmd_dhcp_leases(struct call *call, void *ctx)
{
	answer(call, ctx, dhcp_leases_json);
}

void cmd_dhcp_release(struct call *call, void *ctx)
{
	const char *client;
	int n;

	if (call_param_string(call, "client", CALL_REQUIRED, &client) < 0)
		return;
	n = dhcp_release(ctx, client);
	if (n < 0)
		call_fail(call, RPC_INVALID_PARAMS, "'%s' is neither an address nor a MAC address",
			  client);
	else if (n == 0)
		call_fail(call, RPC_FAILED, "%s has no lease; `weft dhcp/leases` lists them",
			  client);
	else
		call_reply(call, json_pack("{s:i}", "released", n));
}
