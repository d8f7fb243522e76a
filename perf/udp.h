/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_UDP_H
#define PERF_UDP_H

/*
 * UDP_STREAM: datagrams from the client as fast as the socket takes them, without regard for what
 * arrives. Both ends count; what lies between the counts was lost. The loops of perf/run.h.
 */

struct run;

int udp_send(struct run *r);
/* Receives until the client says FINISH, then what the socket still holds. */
int udp_receive(struct run *r);

#endif
