/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/steer_model.h"

#include <string.h>

/* Reads by offsets of the whole frame: 0 beyond its end, with `ok` cleared. */
static unsigned be16(const uint8_t *p, uint32_t len, uint32_t at, bool *ok)
{
	if (at + 2 > len) {
		*ok = false;
		return 0;
	}
	return (unsigned)(p[at] << 8 | p[at + 1]);
}

static bool known(const uint8_t *frame, uint32_t len, uint32_t at, const void *set, unsigned n,
		  size_t size)
{
	for (unsigned i = 0; i < n && at + size <= len; i++)
		if (memcmp(frame + at, (const uint8_t *)set + i * size, size) == 0)
			return true;
	return false;
}

static bool known4(const struct steer_model *m, const uint8_t *p, uint32_t len, uint32_t at)
{
	return known(p, len, at, m->ours.ipv4, m->ours.n_ipv4, 4);
}

static bool known6(const struct steer_model *m, const uint8_t *p, uint32_t len, uint32_t at)
{
	return known(p, len, at, m->ours.ipv6, m->ours.n_ipv6, 16);
}

static bool about_us(const struct steer_model *m, const uint8_t *p, uint32_t len)
{
	bool ok = true;
	uint32_t l3 = 14;
	unsigned type = be16(p, len, 12, &ok);

	if (type == 0x8100) {
		if (be16(p, len, 14, &ok) & 0x0fff)
			return false;
		type = be16(p, len, 16, &ok);
		l3 = 18;
	}
	if (!ok)
		return false;
	if (type == 0x0800)
		return len >= l3 + 20 && known4(m, p, len, l3 + 16);
	if (type == 0x0806)
		return len >= l3 + 28 && be16(p, len, l3 + 2, &ok) == 0x0800 && p[l3 + 4] == 6 &&
		       p[l3 + 5] == 4 && known4(m, p, len, l3 + 24);
	if (type != 0x86dd || len < l3 + 40)
		return false;
	if (known6(m, p, len, l3 + 24))
		return true;
	return p[l3 + 6] == 58 && len >= l3 + 64 && (p[l3 + 40] == 135 || p[l3 + 40] == 136) &&
	       known6(m, p, len, l3 + 48);
}

bool steer_model_takes(const struct steer_model *m, const uint8_t *frame, uint32_t len)
{
	bool group = frame[0] & 1, host = memcmp(frame, &m->host, 6) == 0;

	if (len < 14)
		return false;
	if (m->take == STEER_ALL || known(frame, len, 0, m->ours.macs, m->ours.n_macs, 6))
		return true;
	if (m->take == STEER_FOREIGN && !group && !host)
		return true;
	return (group || host) && about_us(m, frame, len);
}
