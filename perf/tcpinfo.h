/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_TCPINFO_H
#define PERF_TCPINFO_H

/* What the kernel knows of a TCP connection. Its header clashes with libc's: it stays in here. */

#include <stdint.h>

struct tcpinfo {
	uint64_t valid; /* 0: not a TCP socket, or the kernel would not say */
	uint64_t retransmits;
	uint64_t rtt_us, rttvar_us;
	uint64_t cwnd; /* segments */
	uint64_t mss;  /* bytes, as negotiated for sending */
	char congestion[16];
};

void tcpinfo_read(int fd, struct tcpinfo *info);

/* Switches Nagle's algorithm off. Returns 0 or -errno. */
int tcpinfo_set_nodelay(int fd);

#endif
