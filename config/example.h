/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_EXAMPLE_H
#define CONFIG_EXAMPLE_H

#include <stddef.h>

/* The configuration that `make demo` runs: config/example.yaml, `*len` bytes, ended by a NUL. */
const char *config_example(size_t *len);

#endif
