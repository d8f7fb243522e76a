/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/version.h"

const char version_text[] = WEFT_VERSION;
