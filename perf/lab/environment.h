/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_ENVIRONMENT_H
#define PERF_LAB_ENVIRONMENT_H

/* What a number depends on besides what was measured: machine, kernel, versions, mitigations. */

#include <jansson.h>

/* A new object of texts in the order they are shown in; what cannot be found out is "unknown". */
json_t *environment_read(void);

#endif
