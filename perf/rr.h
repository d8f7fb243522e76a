/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_RR_H
#define PERF_RR_H

/*
 * Request and response, one at a time: TCP_RR on one connection, UDP_RR with datagrams. A closed
 * loop: the next request waits for the last response, so a stall delays the requests that would
 * have seen it, and the percentiles are those of a patient client. The end of one transaction is
 * the beginning of the next, which makes it one clock reading each.
 *
 * A UDP request carries as much of its number as fits both messages, and the server copies that
 * into the response, so that an answer to a request given up is not taken for the current one.
 * The loops of perf/run.h: 0 or -errno with the message in r->err.
 */

struct run;

int rr_tcp_client(struct run *r);
int rr_tcp_server(struct run *r);
int rr_udp_client(struct run *r);
int rr_udp_server(struct run *r);

#endif
