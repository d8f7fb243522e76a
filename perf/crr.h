/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_CRR_H
#define PERF_CRR_H

/*
 * TCP_CRR: connect, request, response, close, as one transaction, which ends when the client has
 * seen the server's end of stream. As in netperf the server closes first, so TIME_WAIT gathers at
 * the server, on its one data port, where a SYN with a newer timestamp or sequence number takes a
 * waiting tuple over; the client's ports are free again at once, and no number of transactions
 * runs out of them. Should a connection fail all the same it is counted, and the client goes on.
 *
 * The loops of perf/run.h: 0 or -errno with the message in r->err.
 */

struct run;

int crr_client(struct run *r);
int crr_server(struct run *r);

#endif
