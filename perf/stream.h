/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_STREAM_H
#define PERF_STREAM_H

/*
 * TCP in one direction, as fast as it goes: TCP_STREAM (the client sends) and TCP_MAERTS (the
 * server sends). The loops of perf/run.h: 0 or -errno with the message in r->err.
 */

struct run;

/* Sends until the tail is over, then ends the stream in order. */
int stream_send(struct run *r);
/* Receives to the end of the stream. */
int stream_receive(struct run *r);

#endif
