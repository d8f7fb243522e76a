/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/tcp_state.h"

#include <assert.h>

#include "common/util.h"

static const struct {
	const char *name;
	enum tcp_patience patience;
} states[] = {
	[TCP_STATE_NONE] = {"open", TCP_PATIENCE_ESTABLISHED},
	[TCP_STATE_OPENING_OUT] = {"opening", TCP_PATIENCE_OPENING},
	[TCP_STATE_OPENING_IN] = {"opening-in", TCP_PATIENCE_OPENING},
	[TCP_STATE_PICKED_UP] = {"picked-up", TCP_PATIENCE_OPENING},
	[TCP_STATE_ESTABLISHED] = {"established", TCP_PATIENCE_ESTABLISHED},
	[TCP_STATE_FIN_OUT] = {"fin-out", TCP_PATIENCE_ESTABLISHED},
	[TCP_STATE_FIN_IN] = {"fin-in", TCP_PATIENCE_ESTABLISHED},
	[TCP_STATE_CLOSING] = {"closing", TCP_PATIENCE_CLOSING},
	[TCP_STATE_TRANSITORY] = {"reset", TCP_PATIENCE_CLOSING},
};
static_assert(ARRAY_SIZE(states) == TCP_STATE_N, "a name for each state");

const char *tcp_state_name(enum tcp_state s)
{
	return (unsigned)s < TCP_STATE_N ? states[s].name : "?";
}

enum tcp_patience tcp_state_patience(enum tcp_state s)
{
	return states[s].patience;
}

/* A SYN begins a connection where the last one with the same tuple is over. */
static enum tcp_state reopened(enum nat_direction dir)
{
	return dir == NAT_OUTBOUND ? TCP_STATE_OPENING_OUT : TCP_STATE_OPENING_IN;
}

/* Before both ends have said SYN. Simultaneous open is the same as any other. */
static enum tcp_state next_opening(enum tcp_state s, enum nat_direction opener,
				   enum nat_direction dir, uint8_t flags)
{
	if (flags & TCP_RST)
		return TCP_STATE_TRANSITORY;
	return dir != opener && (flags & TCP_SYN) ? TCP_STATE_ESTABLISHED : s;
}

static enum tcp_state next_fin(enum tcp_state s, enum nat_direction dir, uint8_t flags)
{
	enum nat_direction first = s == TCP_STATE_FIN_OUT ? NAT_OUTBOUND : NAT_INBOUND;

	if (flags & TCP_RST)
		return TCP_STATE_TRANSITORY;
	return (flags & TCP_FIN) && dir != first ? TCP_STATE_CLOSING : s;
}

enum tcp_state tcp_state_next(enum tcp_state s, enum nat_direction dir, uint8_t flags)
{
	switch (s) {
	case TCP_STATE_OPENING_OUT:
		return next_opening(s, NAT_OUTBOUND, dir, flags);
	case TCP_STATE_OPENING_IN:
		return next_opening(s, NAT_INBOUND, dir, flags);
	case TCP_STATE_PICKED_UP:
		if (flags & TCP_RST)
			return TCP_STATE_TRANSITORY;
		return dir == NAT_INBOUND ? TCP_STATE_ESTABLISHED : s;
	case TCP_STATE_ESTABLISHED:
		if (flags & TCP_RST)
			return TCP_STATE_TRANSITORY;
		if (flags & TCP_FIN)
			return dir == NAT_OUTBOUND ? TCP_STATE_FIN_OUT : TCP_STATE_FIN_IN;
		return s;
	case TCP_STATE_FIN_OUT:
	case TCP_STATE_FIN_IN:
		return next_fin(s, dir, flags);
	case TCP_STATE_CLOSING:
		return (flags & (TCP_SYN | TCP_RST)) == TCP_SYN ? reopened(dir) : s;
	case TCP_STATE_TRANSITORY:
		if (flags & TCP_RST)
			return s;
		return (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN ? reopened(dir)
								: TCP_STATE_ESTABLISHED;
	default:
		return s;
	}
}

bool tcp_state_refreshes(enum tcp_state s, enum nat_direction dir, uint8_t flags)
{
	switch (s) {
	case TCP_STATE_OPENING_OUT:
	case TCP_STATE_PICKED_UP:
		return dir == NAT_OUTBOUND;
	case TCP_STATE_OPENING_IN:
		return dir == NAT_INBOUND && (flags & TCP_SYN);
	case TCP_STATE_CLOSING:
	case TCP_STATE_TRANSITORY:
		return false;
	default:
		return true;
	}
}
