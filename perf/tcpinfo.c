/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/tcpinfo.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

void tcpinfo_read(int fd, struct tcpinfo *info)
{
	struct tcp_info ti = {0};
	socklen_t len = sizeof(ti);

	memset(info, 0, sizeof(*info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len) < 0)
		return;
	info->valid = 1;
	info->retransmits = ti.tcpi_total_retrans;
	info->rtt_us = ti.tcpi_rtt;
	info->rttvar_us = ti.tcpi_rttvar;
	info->cwnd = ti.tcpi_snd_cwnd;
	info->mss = ti.tcpi_snd_mss;
	len = sizeof(info->congestion) - 1;
	if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, info->congestion, &len) < 0)
		info->congestion[0] = '\0';
}

int tcpinfo_set_nodelay(int fd)
{
	int on = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ? -errno : 0;
}
