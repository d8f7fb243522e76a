/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_TCP_STATE_H
#define NAT_TCP_STATE_H

/*
 * What a translator knows of a TCP connection: the state machine of RFC 6146, 3.5.2.2, which RFC
 * 7857, 2 asks for. Sequence numbers are not looked at: a guest that forges segments of its own
 * connection ends its own session early, and an RST from outside only shortens its time until the
 * next segment (RFC 7857, 2.3).
 */

#include <stdbool.h>
#include <stdint.h>

#include "nat/nat.h"

enum tcp_state {
	TCP_STATE_NONE, /* not TCP */
	TCP_STATE_OPENING_OUT,
	TCP_STATE_OPENING_IN,
	TCP_STATE_PICKED_UP, /* outbound from the middle: its begin was not seen */
	TCP_STATE_ESTABLISHED,
	TCP_STATE_FIN_OUT,
	TCP_STATE_FIN_IN,
	TCP_STATE_CLOSING,    /* a FIN each way */
	TCP_STATE_TRANSITORY, /* an RST, and nothing since */
	TCP_STATE_N,
};

const char *tcp_state_name(enum tcp_state s);

/* How long a session in the state may be silent. */
enum tcp_patience { TCP_PATIENCE_OPENING, TCP_PATIENCE_ESTABLISHED, TCP_PATIENCE_CLOSING };
enum tcp_patience tcp_state_patience(enum tcp_state s);

/* The state after a segment with these flags (of the TCP header). */
enum tcp_state tcp_state_next(enum tcp_state s, enum nat_direction dir, uint8_t flags);

/* Whether a segment that did not change the state keeps the session from ageing. */
bool tcp_state_refreshes(enum tcp_state s, enum nat_direction dir, uint8_t flags);

#endif
