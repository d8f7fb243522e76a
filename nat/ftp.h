/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_FTP_H
#define NAT_FTP_H

/*
 * The control connection of FTP (RFC 959, RFC 2428), on which a guest says by address and port
 * where it expects a data connection: a client by PORT and EPRT, a server by the replies 227 and
 * 229. The address and port are replaced by external ones, which then expect the other end.
 *
 * Bounded: only a line that is a segment of its own, in a frame that is all in frame.head, is read;
 * it must name the guest's own address and a port from 1024 on. What is anything else passes as it
 * is. A line that changes its length shifts the sequence numbers from there on; the last place and
 * the sum of all are kept in one word of the session. SACK is not negotiated on such connections.
 */

#include "nat/session.h"

/* After the addresses and ports of a packet of such a session have been translated. */
void ftp_translate(struct nat *n, unsigned worker, struct nat_session *s, enum nat_direction dir,
		   struct packet *p, uint32_t now_s);

#endif
