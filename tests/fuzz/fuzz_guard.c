/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Frames of a hostile guest at the parsers of the guard and of snooping. The first byte says where
 * the frame's private head ends and its segments begin, so that both are crossed.
 *
 * What the guard lets through must be in the guest's name, by a second reading that knows plain
 * frames only; and no message makes the multicast table exceed a port's bound.
 */

#include <stdlib.h>
#include <string.h>

#include "bridge/guard.h"
#include "bridge/snoop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t own4[] = {10, 0, 0, 1};

static struct guard make_guard(void)
{
	struct guard g = {
		.policy = {.mac = {{2, 0, 0, 0, 0, 1}}, true, true, true, true, true, true, true}};
	struct ipaddr_prefix ip = {ipaddr_from_ip4(own4), 128};

	guard_add(&g, &ip, &g.policy.mac, GUARD_FOREVER);
	return g;
}

static void expect_own(const struct guard *g, const struct frame *f)
{
	const uint8_t *p = f->head;

	if (memcmp(p + 6, &g->policy.mac, 6) != 0)
		abort();
	if (p[12] == 8 && p[13] == 0 && memcmp(p + 26, own4, 4) != 0 &&
	    memcmp(p + 26, "\0\0\0\0", 4) != 0)
		abort();
	if (p[12] == 8 && p[13] == 6 && memcmp(p + 28, own4, 4) != 0 &&
	    memcmp(p + 28, "\0\0\0\0", 4) != 0)
		abort();
	if (p[12] == 0x86 && p[13] == 0xdd && p[20] == 58 && p[54] == 134)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct snoop *snoop;
	struct guard g = make_guard();
	struct frame f = {.len = (uint32_t)size};
	struct snoop_group group;
	struct seg segs[2];
	size_t rest;

	if (size < sizeof(struct eth_hdr) || size > 4000)
		return 0;
	if (!snoop)
		snoop = snoop_create(false, 7);
	f.head_len = (uint16_t)(size < FRAME_HEAD_MAX ? size : FRAME_HEAD_MAX);
	memcpy(f.head, data, f.head_len);
	rest = size - f.head_len;
	segs[0] = (struct seg){data + f.head_len, (uint32_t)(rest * data[0] / 255)};
	segs[1] = (struct seg){data + f.head_len + segs[0].len, (uint32_t)rest - segs[0].len};
	f.segs = segs;
	f.n_segs = rest ? 2 : 0;

	if (guard_check(&g, &f, 1000) == DROP_NONE)
		expect_own(&g, &f);
	if (snoop_input(snoop, &f, 0, 1 + data[5] % 7, 1000, data[6] & 1, &group))
		snoop_wants(&group, 3);
	if (snoop->memberships[1] > SNOOP_PORT_MAX)
		abort();
	return 0;
}
