/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_STEER_MODEL_H
#define TESTS_LIB_STEER_MODEL_H

/* What the XDP program is to decide, written down a second time and in another way. */

#include <stdbool.h>
#include <stdint.h>

#include "uplink/steer.h"

struct steer_model {
	enum steer_take take;
	struct mac host;
	struct steer_addresses ours;
};

/* Whether a frame of `len` bytes is ours. */
bool steer_model_takes(const struct steer_model *m, const uint8_t *frame, uint32_t len);

#endif
