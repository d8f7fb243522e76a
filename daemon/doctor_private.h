/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_DOCTOR_PRIVATE_H
#define DAEMON_DOCTOR_PRIVATE_H

/* What the doctor's files share: a check looks at something and writes what it found. */

#include "common/util.h"

enum result { PASS, WARN, FAIL, RESULT_N };

struct finding {
	enum result result;
	char text[256];
	char fix[256]; /* "" with PASS */
};

void doctor_say(struct finding *f, enum result result, const char *fix, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* doctor_host.c: what the uplink `host` needs of the host */
void doctor_look_nftables(struct finding *f);
void doctor_look_forwarding(struct finding *f);
void doctor_look_leftovers(struct finding *f);

#endif
