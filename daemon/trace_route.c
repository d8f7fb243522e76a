/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/trace_route.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const errors[] = {
	[ICMP_TTL] = "time exceeded",
	[ICMP_TOO_BIG] = "fragmentation needed, with the MTU of the way out",
	[ICMP_NO_ROUTE] = "network unreachable",
	[ICMP_NO_HOST] = "host unreachable",
	[ICMP_NO_PROTOCOL] = "protocol unreachable",
	[ICMP_NO_PORT] = "port unreachable",
	[ICMP_PROHIBITED] = "communication prohibited",
};
static_assert(ARRAY_SIZE(errors) == ICMP_WHY_N, "a text for each error");

struct telling {
	void (*line)(void *arg, const char *text);
	void *arg;
};

static void tell(const struct telling *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void tell(const struct telling *t, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->line(t->arg, text);
}

static const char *kind_of(const struct router_iface *i)
{
	return i->port_id ? "uplink" : "bridge";
}

static void tell_route(const struct telling *t, const struct router_story *s)
{
	struct ipaddr_prefix next = {s->next, 128};
	char text[IPADDR_TEXT_MAX];

	switch (s->route) {
	case ROUTE_LOCAL:
		tell(t, "is for the router itself");
		break;
	case ROUTE_EXTERNAL:
		tell(t, "to an address that uplink %s translates to", s->out->name);
		break;
	case ROUTE_OUT:
		tell(t, "goes by %s %s to %s", kind_of(s->out), s->out->name,
		     ipaddr_prefix_format(&next, text));
		break;
	case ROUTE_PROHIBITED:
		if (s->out)
			tell(t, "%s %s may not reach %s %s: both would have to forward by route",
			     kind_of(s->from), s->from->name, kind_of(s->out), s->out->name);
		else
			tell(t, "%s %s forwards nothing of its kind", kind_of(s->from),
			     s->from->name);
		break;
	default:
		tell(t, "no interface leads there");
		break;
	}
}

void trace_route_tell(const struct router_story *s, void (*line)(void *arg, const char *text),
		      void *arg)
{
	struct telling t = {line, arg};

	if (!s->asked)
		return;
	tell_route(&t, s);
	if (s->session)
		tell(&t, "belongs to a session that is there");
	else if (s->opens)
		tell(&t, "would begin a session, if NAT and the filter let it");
	if (s->replied)
		tell(&t, "is answered by the router");
	if (s->error)
		tell(&t, "its sender is told by ICMP: %s", errors[s->why]);
	if (s->waits)
		tell(&t, "the next hop's MAC address is not known: it would be asked for, and the "
			 "packet would wait");
}
