/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

/*
 * From YAML text to a tree of nodes, by libyaml's events. The text may be hostile: its size and
 * depth are bounded, and what could expand (aliases, merge keys) or surprise (tags, further
 * documents) is refused with a message.
 */

#include "config/node.h"

#define READER_TEXT_MAX (1u << 20) /* bytes of a text */

/*
 * Parses `len` bytes at `text` into `*root`, in `a`; an empty text gives NULL. Returns 0 or, when
 * no useful tree came out, -errno; `errs` may have errors in either case.
 */
int reader_read(const char *text, size_t len, struct arena *a, struct config_errors *errs,
		struct node **root);

#endif
