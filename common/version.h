/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

/* The version that all programs were built from: a tag or a commit, "unknown" outside of git. */
extern const char version_text[];

#endif
